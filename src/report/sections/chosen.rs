//! Chooses the tasks of a page where there are too many to draw.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::diagnosis::TaskDiagnosis;
use crate::history::History;

/// The largest number of tasks with charts and sentences.
const DRAWN: usize = 64;
/// The largest number of tasks in the table of answers.
const LISTED: usize = 2000;

/// Returns the history of the tasks that are listed: the first [`LISTED`].
pub(in crate::report) fn listed(history: &History) -> Cow<'_, History> {
    let tasks = history.tasks();
    if tasks.len() <= LISTED {
        return Cow::Borrowed(history);
    }
    let first: HashSet<&str> = tasks.into_iter().take(LISTED).collect();
    Cow::Owned(history.of_tasks(&first))
}

/// Returns the history of the tasks that are drawn, and their names if they are not all: the [`DRAWN`] tasks with the lowest
/// skill, which a reader looks for among many.
pub(in crate::report) fn drawn_tasks<'h>(
    history: &'h History,
    diagnoses: &[TaskDiagnosis],
) -> (Cow<'h, History>, Option<HashSet<String>>) {
    if history.tasks().len() <= DRAWN {
        return (Cow::Borrowed(history), None);
    }
    let skill = |diagnosis: &&TaskDiagnosis| diagnosis.skill.unwrap_or(f64::INFINITY);
    let mut worst: Vec<&TaskDiagnosis> = diagnoses.iter().collect();
    worst.sort_by(|a, b| skill(a).total_cmp(&skill(b)));
    let chosen: HashSet<&str> = worst
        .iter()
        .take(DRAWN)
        .map(|found| found.task.as_str())
        .collect();
    let names = chosen.iter().map(|name| name.to_string()).collect();
    (Cow::Owned(history.of_tasks(&chosen)), Some(names))
}
