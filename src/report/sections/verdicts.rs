//! Builds the section of verdicts in words, with all numbers.

use std::collections::HashSet;

use super::super::page::Section;
use super::super::text::escape;
use crate::diagnosis::{TaskDiagnosis, Verdict};

/// Builds the section of all tasks or of the `chosen`, or returns `None` if there are no diagnoses.
pub(in crate::report) fn verdicts(
    diagnoses: &[TaskDiagnosis],
    chosen: Option<&HashSet<String>>,
) -> Option<Section> {
    let shown = |found: &&TaskDiagnosis| chosen.is_none_or(|names| names.contains(&found.task));
    let told: String = diagnoses.iter().filter(shown).map(told).collect();
    (!told.is_empty()).then(|| Section {
        anchor: "words".into(),
        title: "In words".into(),
        body: format!("<div class=\"cards\">\n{told}</div>\n"),
    })
}

fn told(diagnosis: &TaskDiagnosis) -> String {
    let good = diagnosis.verdict == Verdict::Learned;
    let class = if good { "card good" } else { "card" };
    format!(
        "<article class=\"{class}\">\n<h3>{}: <span class=\"verdict\">{}</span></h3>\n<p>{}</p>\n</article>\n",
        escape(&diagnosis.task),
        escape(&diagnosis.label()),
        escape(&diagnosis.sentence),
    )
}
