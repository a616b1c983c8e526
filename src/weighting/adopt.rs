//! Carries the memory of a strategy over to a run in which tasks were added, renamed or removed.

use burn::module::Module;
use burn::store::ModuleRecord;

use super::at_path::AtPath;
use super::identity::Identity;
use super::memory::OldTasks;
use super::{Memory, Strategy};
use crate::error::{Error, Result};
use crate::task::{Task, TaskSet};

impl Strategy {
    /// Copies the memory of the common tasks from a record of the same rule over other tasks. A new task starts as in
    /// a new run.
    ///
    /// `path` is the position of the strategy in the record; `renamed` holds the old and the new names.
    ///
    /// Returns the names of the tasks whose memory was copied: no names if settings by name prevent the rule from
    /// being created for the old tasks.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the record belongs to another rule or has no identity, or if its memory cannot be
    /// loaded.
    pub(crate) fn adopt(
        &mut self,
        record: &ModuleRecord,
        path: &[&str],
        renamed: &[(String, String)],
    ) -> Result<Vec<String>> {
        let Some(found) = Identity::of_record(record, path) else {
            return self.identity().check(None).map(|()| Vec::new());
        };
        if found.rule_name() != self.identity().rule_name() {
            let own = self.identity().rule();
            let expected = format!("{}, of which the record is", found.rule());
            return Err(Error::setting("weighting", own, expected));
        }
        let old = found.tasks();
        let positions: Vec<Option<usize>> = self
            .tasks()
            .names()
            .map(|new| {
                let pair = renamed.iter().find(|(_, to)| to == new);
                // A new task may have the old name of a renamed task.
                let taken = pair.is_none() && renamed.iter().any(|(from, _)| from == new);
                let before = pair.map_or(new, |(from, _)| from.as_str());
                old.iter().position(|name| !taken && name == before)
            })
            .collect();
        let Ok(memory) = self.memory_of(old, &positions) else {
            return Ok(Vec::new());
        };
        let place = path.iter().chain(&["memory"]);
        let whole = record.clone().allow_unused(true);
        let read = AtPath::new(place, memory).try_load_record(whole);
        let read =
            read.map_err(|error| Error::setting("weighting", error, "whole in the record"))?;
        let tasks = OldTasks {
            positions: &positions,
            count: old.len(),
        };
        self.memory.adopt(&read.module, &tasks);
        let taken = self.tasks().names().zip(&positions);
        let taken = taken.filter(|(_, position)| position.is_some());
        Ok(taken.map(|(name, _)| name.to_string()).collect())
    }

    /// Creates the memory of the rule for the tasks of the record.
    fn memory_of(&self, old: &[String], positions: &[Option<usize>]) -> Result<Memory> {
        let task = |(at, name): (usize, &String)| {
            let now = positions.iter().position(|position| *position == Some(at));
            match now.and_then(|now| self.tasks().iter().nth(now)) {
                Some(task) => Task::new(name.clone(), task.kind(), task.elements()),
                None => Task::regression(name.clone(), 1),
            }
        };
        let tasks = TaskSet::new(old.iter().enumerate().map(task))?;
        self.rule().memory(&tasks, &self.memory.device())
    }
}
