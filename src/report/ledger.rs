//! The records of a history, sorted once by split, task and quantity, so that a page of many charts reads them once.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{ALL_TASKS, History, Split, quantity};

/// The values of one quantity, epochs ascending.
pub(super) type Course = Vec<(usize, f64)>;

/// The courses of one quantity of one task.
#[derive(Default)]
struct BySplit {
    train: Course,
    valid: Course,
}

impl BySplit {
    fn of(&mut self, split: Split) -> &mut Course {
        match split {
            Split::Train => &mut self.train,
            Split::Valid => &mut self.valid,
        }
    }
}

/// All series of a history.
pub(super) struct Ledger<'a> {
    tasks: Vec<&'a str>,
    series: BTreeMap<&'a str, BTreeMap<&'a str, BySplit>>,
    /// Quantities in the order they were first recorded.
    quantities: Vec<&'a str>,
}

impl<'a> Ledger<'a> {
    pub fn new(history: &'a History) -> Self {
        let mut ledger = Self {
            tasks: Vec::new(),
            series: BTreeMap::new(),
            quantities: Vec::new(),
        };
        let mut seen = BTreeSet::new();
        for record in history.records() {
            let (task, quantity) = (record.task.as_str(), record.quantity.as_str());
            if task != ALL_TASKS && !ledger.series.contains_key(task) {
                ledger.tasks.push(task);
            }
            let of_task = ledger.series.entry(task).or_default();
            if !of_task.contains_key(quantity) && seen.insert(quantity) {
                ledger.quantities.push(quantity);
            }
            let course = of_task.entry(quantity).or_default().of(record.split);
            course.push((record.epoch, record.value));
        }
        for courses in ledger.series.values_mut().flat_map(BTreeMap::values_mut) {
            courses.train.sort_by_key(|(epoch, _)| *epoch);
            courses.valid.sort_by_key(|(epoch, _)| *epoch);
        }
        ledger
    }

    /// The tasks, in the order they were first recorded.
    pub fn tasks(&self) -> &[&'a str] {
        &self.tasks
    }

    /// The quantities, in the order they were first recorded.
    pub fn quantities(&self) -> &[&'a str] {
        &self.quantities
    }

    /// The values of the epochs from 1 on.
    pub fn course(&self, split: Split, task: &str, quantity: &str) -> &[(usize, f64)] {
        let all = self.all(split, task, quantity);
        let before = all.iter().take_while(|(epoch, _)| *epoch == 0).count();
        &all[before..]
    }

    /// What was known before training.
    pub fn known(&self, split: Split, task: &str, quantity: &str) -> Option<f64> {
        let first = self.all(split, task, quantity).first()?;
        (first.0 == 0).then_some(first.1)
    }

    /// The cosines between two tasks' gradients, whichever of them they were recorded for.
    pub fn cosine(&self, task: &str, other: &str) -> &[(usize, f64)] {
        let of = |a, b| self.course(Split::Train, a, &quantity::cosine_with(b));
        match of(task, other) {
            [] => of(other, task),
            found => found,
        }
    }

    fn all(&self, split: Split, task: &str, quantity: &str) -> &[(usize, f64)] {
        let courses = self
            .series
            .get(task)
            .and_then(|of_task| of_task.get(quantity));
        courses.map_or(&[], |courses| match split {
            Split::Train => &courses.train,
            Split::Valid => &courses.valid,
        })
    }
}
