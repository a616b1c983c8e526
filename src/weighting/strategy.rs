//! A rule with its memory: what a model or a loop of one's own holds, trains and records.

use std::ops::Deref;
use std::sync::Arc;

use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::Device;

use super::identity::{Identity, IdentityEntry};
use super::{Heads, LossWeighting, Memory, Needs, StateValue, Step, Weighed};
use crate::error::Result;
use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// A strategy at work: a rule, and what it remembers.
///
/// Put it beside the network in the module that is trained and recorded; all that it remembers is recorded by name, learned
/// values are trained with the network. Give them an optimizer group without weight decay.
///
/// A clone is independent of its original.
#[derive(Module, Debug)]
pub struct Strategy {
    #[module(skip)]
    rule: Rule,
    pub(super) memory: Memory,
    identity: IdentityEntry,
    #[module(skip)]
    tasks: TaskSet,
    #[module(skip)]
    heads: Heads,
    #[module(skip)]
    rescale: bool,
}

/// A rule behind a pointer.
#[derive(Clone, Debug)]
struct Rule(Arc<dyn LossWeighting>);

impl Deref for Rule {
    type Target = dyn LossWeighting;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Strategy {
    /// Creates a strategy from a rule for `tasks`, with its memory on `device`.
    ///
    /// # Errors
    ///
    /// What [`LossWeighting::memory`] refuses.
    pub fn new(rule: impl LossWeighting, tasks: &TaskSet, device: &Device) -> Result<Self> {
        Self::from_shared(Arc::new(rule), tasks, device)
    }

    /// Creates a strategy as [`new`](Self::new) does, from a shared rule.
    ///
    /// # Errors
    ///
    /// What [`LossWeighting::memory`] refuses.
    pub fn from_shared(
        rule: Arc<dyn LossWeighting>,
        tasks: &TaskSet,
        device: &Device,
    ) -> Result<Self> {
        let memory = rule.memory(tasks, device)?;
        let identity = Identity::new(format!("{rule:?}"), tasks);
        Ok(Self {
            rule: Rule(rule),
            memory,
            identity: IdentityEntry::new(identity, device),
            tasks: tasks.clone(),
            heads: Heads::default(),
            rescale: false,
        })
    }

    /// Sets the gradient that the heads get under a rule from the Gram matrix.
    pub fn with_heads(mut self, heads: Heads) -> Self {
        self.heads = heads;
        self
    }

    /// Sets whether the combined gradient of a rule from the Gram matrix is rescaled to the length of the mean gradient, so
    /// that methods of different length can be compared under plain descent or clipping.
    pub fn with_rescale(mut self, rescale: bool) -> Self {
        self.rescale = rescale;
        self
    }

    /// Returns the rule.
    pub fn rule(&self) -> &dyn LossWeighting {
        &*self.rule
    }

    /// Returns the memory of the rule.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Returns the tasks that are weighed.
    pub fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    /// Returns the rule with its settings and the tasks, as they are recorded.
    pub fn identity(&self) -> &Identity {
        self.identity.own()
    }

    /// Returns the name of the rule's type, for messages.
    pub fn name(&self) -> &str {
        self.identity().rule_name()
    }

    /// Returns the gradient that the heads get under a rule from the Gram matrix.
    pub fn heads(&self) -> Heads {
        self.heads
    }

    /// Returns the input that the rule needs.
    pub fn needs(&self) -> Needs {
        self.rule.needs()
    }

    /// Returns whether the combined gradient is rescaled to the length of the mean gradient.
    pub fn rescale(&self) -> bool {
        self.rescale
    }

    /// Returns the weights that the user gave the tasks, if the rule has weights.
    pub fn intended(&self) -> Option<Vec<f64>> {
        self.rule.intended(&self.tasks)
    }

    /// Checks before loading that a record belongs to this strategy. `path` is the position of the strategy in the record:
    /// `["weighting"]` in a module with a field of that name.
    ///
    /// # Errors
    ///
    /// [`Error::Tasks`](crate::Error::Tasks) or [`Error::Setting`](crate::Error::Setting) that says what differs.
    pub fn check_record(&self, record: &ModuleRecord, path: &[&str]) -> Result<()> {
        let found = Identity::of_record(record, path);
        self.identity.own().check(found.as_ref())
    }

    /// Weighs the losses of a step, for a rule that does not need the Gram matrix.
    ///
    /// # Panics
    ///
    /// As [`weigh_step`](Self::weigh_step).
    pub fn weigh(&self, losses: &TaskLosses) -> Weighed {
        self.weigh_step(&Step::new(losses).rescaled(self.rescale))
    }

    /// Weighs a step and updates the memory.
    ///
    /// # Panics
    ///
    /// If the number of losses differs from the number of tasks, the rule needs a Gram matrix and the step has none, or the memory was loaded
    /// from a record of another strategy ([`check_record`](Self::check_record) says so before).
    pub fn weigh_step(&self, step: &Step<'_>) -> Weighed {
        super::weighed::check_count(step.losses, &self.tasks);
        if let Some(foreign) = self.identity.foreign() {
            let difference = self.identity.own().check(Some(foreign));
            let difference = difference.map_err(|error| error.to_string());
            panic!(
                "the memory was loaded from a record of another strategy: {}",
                difference.err().unwrap_or_default()
            );
        }
        self.rule.weigh(step, &self.memory)
    }

    /// Updates the memory from the losses of the same batch after the step, for a rule that needs them.
    pub fn after_step(&self, before: &TaskLosses, after: &TaskLosses) {
        self.rule
            .after(&before.detached(), &after.detached(), &self.memory);
    }

    /// Returns values worth logging, still on the device.
    pub fn state(&self) -> Vec<StateValue> {
        self.rule.state(&self.memory)
    }
}
