//! Combines a rule with its memory, as the field of a model or of a training loop.

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

/// A strategy: a rule and its memory.
///
/// Place the strategy beside the network in the module that is trained and recorded. The whole memory is recorded by
/// name, and learned values are trained with the network; give them an optimizer group without weight decay.
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
    /// The errors of [`LossWeighting::memory`].
    pub fn new(rule: impl LossWeighting, tasks: &TaskSet, device: &Device) -> Result<Self> {
        Self::from_shared(Arc::new(rule), tasks, device)
    }

    /// Creates a strategy from a shared rule, as [`new`](Self::new) does.
    ///
    /// # Errors
    ///
    /// The errors of [`LossWeighting::memory`].
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

    /// Sets the gradient that the heads get under a rule that needs the Gram matrix. Default [`Heads::Raw`].
    pub fn with_heads(mut self, heads: Heads) -> Self {
        self.heads = heads;
        self
    }

    /// Sets whether the combined gradient of a rule that needs the Gram matrix is rescaled to the length of the mean
    /// gradient, so that strategies whose gradients differ in length can be compared under plain descent or clipping.
    /// Default `false`.
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

    /// Returns the rule with its settings and the tasks, as recorded.
    pub fn identity(&self) -> &Identity {
        self.identity.own()
    }

    /// Returns the name of the rule's type, for messages.
    pub fn name(&self) -> &str {
        self.identity().rule_name()
    }

    /// Returns the gradient that the heads get under a rule that needs the Gram matrix.
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

    /// Checks before loading that a record belongs to this strategy. `path` is the position of the strategy in the
    /// record: `["weighting"]` in a module with a field of that name.
    ///
    /// # Errors
    ///
    /// [`Error::Tasks`](crate::Error::Tasks) or [`Error::Setting`](crate::Error::Setting) with the difference.
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
    /// If the number of losses differs from the number of tasks, the rule needs a Gram matrix and the step has none,
    /// or the memory was loaded from a record of another strategy ([`check_record`](Self::check_record) detects this
    /// before loading).
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

    /// Updates the memory from the losses of a batch before and after the step, for a rule that needs both.
    pub fn after_step(&self, before: &TaskLosses, after: &TaskLosses) {
        self.rule
            .after(&before.detached(), &after.detached(), &self.memory);
    }

    /// Returns values for the log, still on the device.
    pub fn state(&self) -> Vec<StateValue> {
        self.rule.state(&self.memory)
    }
}
