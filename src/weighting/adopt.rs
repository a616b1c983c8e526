//! Taking over what a strategy remembers when a task was added, renamed or dropped.

use burn::module::{Module, ModuleMapper, ModuleVisitor};
use burn::store::{ModuleRecord, RecordError};
use burn::tensor::Device;

use super::identity::Identity;
use super::memory::OldTasks;
use super::{Memory, Strategy};
use crate::error::{Error, Result};
use crate::task::{Task, TaskSet};

impl Strategy {
    /// Takes over what a record of the same rule over other tasks remembers of the tasks that both have; a task that is new
    /// begins as in a new run. `path` leads to the strategy in the record, `renamed` has the old and the new names.
    ///
    /// Returns the names of the tasks that were taken over: none where settings by name keep the rule from being made for the old
    /// tasks.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the record is one of another rule, or of none.
    pub(crate) fn adopt(
        &mut self,
        record: &ModuleRecord,
        path: &[&str],
        renamed: &[(String, String)],
    ) -> Result<Vec<String>> {
        let Some(found) = Identity::of_record(record, path) else {
            return self.identity().check(None).map(|()| Vec::new());
        };
        if name_of(found.rule()) != name_of(self.identity().rule()) {
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
                // A new task may have the name of one that was renamed.
                let taken = pair.is_none() && renamed.iter().any(|(from, _)| from == new);
                let before = pair.map_or(new, |(from, _)| from.as_str());
                old.iter().position(|name| !taken && name == before)
            })
            .collect();
        let Ok(memory) = self.memory_of(old, &positions) else {
            return Ok(Vec::new());
        };
        let path = path.iter().chain(&["memory"]);
        let path = path.map(|part| part.to_string()).collect();
        let read = Recorded { path, memory }.read(record);
        let read =
            read.map_err(|error| Error::setting("weighting", error, "whole in the record"))?;
        let tasks = OldTasks {
            positions: &positions,
            count: old.len(),
        };
        self.memory.adopt(&read, &tasks);
        let taken = self.tasks().names().zip(&positions);
        let taken = taken.filter(|(_, position)| position.is_some());
        Ok(taken.map(|(name, _)| name.to_string()).collect())
    }

    /// The memory of the rule as it was made for the tasks of the record.
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

/// The name of a rule's type, without its settings.
fn name_of(rule: &str) -> &str {
    let end = rule.find(|c: char| !c.is_alphanumeric() && c != '_');
    end.map_or(rule, |end| &rule[..end])
}

/// A memory at its place in a record.
#[derive(Clone, Debug)]
struct Recorded {
    path: Vec<String>,
    memory: Memory,
}

impl Recorded {
    fn read(self, record: &ModuleRecord) -> Result<Memory, RecordError> {
        let record = record.clone().allow_unused(true);
        Ok(self.try_load_record(record)?.memory)
    }
}

impl Module for Recorded {
    fn visit<V: ModuleVisitor>(&self, _visitor: &mut V) {}

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let Self { path, memory } = self;
        path.iter()
            .for_each(|part| mapper.enter_module(part, "Recorded"));
        let memory = memory.map(mapper);
        path.iter()
            .rev()
            .for_each(|part| mapper.exit_module(part, "Recorded"));
        Self { path, memory }
    }

    fn to_device(self, _device: &Device) -> Self {
        self
    }

    fn fork(self, _device: &Device) -> Self {
        self
    }

    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        devices
    }

    fn valid(&self) -> Self {
        self.clone()
    }

    fn train(self) -> Self {
        self
    }

    fn materialize(self) -> Self {
        self
    }
}
