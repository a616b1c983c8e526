//! Computes gradients and weights in a training loop of your own, with one call for every strategy.
//!
//! ```
//! use burn::module::Module;
//! use burn::nn::{Linear, LinearConfig};
//! use burn::optim::AdamWConfig;
//! use burn::tensor::{Device, Tensor};
//! use equipoise::loss::{Reduction, TaskLosses, huber};
//! use equipoise::step;
//! use equipoise::weighting::{Strategy, StrategyConfig};
//! use equipoise::{Task, TaskSet};
//!
//! #[derive(Module, Debug)]
//! struct Training {
//!     trunk: Linear,
//!     heads: [Linear; 2],
//!     weighting: Strategy,
//! }
//!
//! let device = Device::flex().autodiff();
//! let tasks = TaskSet::new([Task::regression("near", 1), Task::regression("far", 1)])?;
//! let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
//! let mut training = Training {
//!     trunk: linear(8, 16),
//!     heads: [linear(16, 1), linear(16, 1)],
//!     weighting: StrategyConfig::from_json(r#"{"strategy": "uncertainty"}"#)?.init(&tasks, &device)?,
//! };
//! let mut optimizer = AdamWConfig::new().init();
//! let (inputs, targets) = (Tensor::<2>::ones([4, 8], &device), Tensor::<2>::ones([4, 1], &device));
//! for _ in 0..3 {
//!     let shared = training.trunk.forward(inputs.clone()).tanh();
//!     let found = step::backward(&training.weighting, shared, |branches| {
//!         let [near, far] = branches.each();
//!         let loss = |head: &Linear, shared| {
//!             huber(head.forward(shared), targets.clone(), 1.0, None, Reduction::Mean)
//!         };
//!         TaskLosses::new(vec![loss(&training.heads[0], near), loss(&training.heads[1], far)])
//!     });
//!     let gradients = found.gradients(&training);
//!     training = optimizer.step(1e-2, training, gradients);
//! }
//! # Ok::<(), equipoise::Error>(())
//! ```
//!
//! A strategy that needs only losses takes one backward pass of the objective, like a handwritten step. Under a
//! strategy that needs the Gram matrix, every task reads its own leaf, the heads run once forward and once backward
//! (once backward for each task with [`Heads::Weighted`]), K x K numbers are read, and the weighted sum of the task
//! gradients goes backward through the trunk.

#[cfg(feature = "train")]
mod several;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Gradients, Tensor};

use crate::gradient::{BranchMeasurement, PendingAudit, branch_gradients, measure};
use crate::loss::{Gram, TaskLosses};
use crate::model::{Branches, Shared};
use crate::weighting::{Heads, Needs, Step, Strategy, Weighed, check_count};
#[cfg(feature = "train")]
pub(crate) use several::Portion;

/// Weighs the tasks of a training step and computes the gradients of all trained parameters.
///
/// `heads` computes the raw losses from the branches of the representation. It runs once, and once more under a
/// strategy that needs the gradients in audited steps ([`Needs::GramWhenAudited`]): this function then audits every
/// step, and [`Pass::audited`] lets the caller choose.
///
/// Strategies that compare epochs need [`Pass::at`]. A strategy that [needs the losses after the
/// step](Needs::LossesAfterStep) gets these losses from [`Passed::after_step`].
///
/// # Panics
///
/// If the number of losses differs from the number of tasks of the strategy, or the strategy needs the Gram matrix with
/// [`Heads::Weighted`] and the losses were not passed one by one ([`TaskLosses::new`]).
pub fn backward<S: Shared>(
    strategy: &Strategy,
    representation: S,
    heads: impl Fn(Branches<S>) -> TaskLosses,
) -> Passed {
    let looks = strategy.needs() == Needs::GramWhenAudited;
    let pass = Pass::new(strategy).audited(looks);
    pass.backward(representation, heads)
}

/// A training step with its options.
#[derive(Clone, Debug)]
pub struct Pass<'a> {
    strategy: &'a Strategy,
    epoch: usize,
    step: usize,
    audited: bool,
    shares: Option<Tensor<1>>,
}

impl<'a> Pass<'a> {
    /// Creates a step under a strategy, in epoch 1 and step 0, without an audit.
    pub fn new(strategy: &'a Strategy) -> Self {
        Self {
            strategy,
            epoch: 1,
            step: 0,
            audited: false,
            shares: None,
        }
    }

    /// Sets the position in the training: the epoch, counted from 1, and the number of steps before this step.
    /// Strategies that compare epochs need the position.
    pub fn at(mut self, epoch: usize, step: usize) -> Self {
        self.epoch = epoch;
        self.step = step;
        self
    }

    /// Sets whether the gradients of all tasks are measured. Default `false`.
    ///
    /// Under a strategy that does not need the Gram matrix the measurement costs one more run of the heads. The
    /// training changes only in the random draws of the heads, unless the strategy uses the measurement
    /// ([`Needs::GramWhenAudited`]).
    pub fn audited(mut self, audited: bool) -> Self {
        self.audited = audited;
        self
    }

    /// Declares the batch as a part of a larger batch whose gradients are summed over its parts. `shares` holds, for
    /// each task, the share of the task's labels that lies in this part.
    ///
    /// The gradients of all parts then sum to the gradients of the means over all labels. The sum is exact if the
    /// weights do not depend on the losses. A strategy weighs every part separately and sees the part's own means.
    ///
    /// # Shapes
    ///
    /// - shares: `[K]`, in [0, 1]
    ///
    /// # Example
    ///
    /// ```
    /// use burn::module::Module;
    /// use burn::nn::{Linear, LinearConfig};
    /// use burn::optim::{AdamWConfig, GradientsAccumulator};
    /// use burn::tensor::{Device, Tensor};
    /// use equipoise::loss::{Reduction, TaskLosses, huber};
    /// use equipoise::step::Pass;
    /// use equipoise::weighting::{BuiltIn, Manual};
    /// use equipoise::{Task, TaskSet};
    ///
    /// let device = Device::flex().autodiff();
    /// let tasks = TaskSet::new([Task::regression("sum", 1), Task::regression("mean", 1)])?;
    /// let weighting = Manual::default().init(&tasks, &device)?;
    /// let mut network: Linear = LinearConfig::new(4, 2).init(&device);
    /// let mut optimizer = AdamWConfig::new().init();
    /// let mut sum = GradientsAccumulator::new();
    /// // 32 samples in parts of 24 and 8.
    /// for samples in [24, 8] {
    ///     let inputs = Tensor::<2>::ones([samples, 4], &device);
    ///     let share = samples as f32 / 32.0;
    ///     let shares = Tensor::from_floats([share, share], &device.clone().inner());
    ///     let pass = Pass::new(&weighting).sharing(shares);
    ///     let found = pass.backward(network.forward(inputs), |branches| {
    ///         let loss = |(column, shared): (usize, Tensor<2>)| {
    ///             let (found, wanted) = (shared.narrow(1, column, 1), Tensor::ones([samples, 1], &device));
    ///             huber(found, wanted, 1.0, None, Reduction::Mean)
    ///         };
    ///         TaskLosses::new(branches.all().into_iter().enumerate().map(loss).collect())
    ///     });
    ///     sum.accumulate(&network, found.gradients(&network));
    /// }
    /// network = optimizer.step(1e-2, network, sum.grads());
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn sharing(mut self, shares: Tensor<1>) -> Self {
        self.shares = Some(shares.inner());
        self
    }

    /// Weighs the tasks and takes the gradients, as [`backward`] does.
    ///
    /// # Panics
    ///
    /// As [`backward`].
    pub fn backward<S: Shared>(
        &self,
        representation: S,
        heads: impl Fn(Branches<S>) -> TaskLosses,
    ) -> Passed {
        self.weigh(representation, heads).backward()
    }

    /// Weighs the tasks and defers the rest of the backward pass, so that a caller can inspect the losses first.
    pub(crate) fn weigh<S: Shared>(
        &self,
        representation: S,
        heads: impl Fn(Branches<S>) -> TaskLosses,
    ) -> Pending {
        let forward = self.forward(representation, &heads);
        self.weigh_losses(forward, &heads)
    }

    /// Runs the heads: on one tensor if the objective is differentiated as a whole, on a leaf for each task if the
    /// weights follow from the gradients.
    pub(crate) fn forward<S: Shared>(
        &self,
        representation: S,
        heads: &dyn Fn(Branches<S>) -> TaskLosses,
    ) -> Forward<S> {
        let tasks = self.strategy.tasks().len();
        let leaves: Vec<S> = match self.strategy.needs() {
            Needs::Gram => (0..tasks).map(|_| representation.leaf()).collect(),
            _ => Vec::new(),
        };
        let branches = if leaves.is_empty() {
            Branches::together(representation.clone(), tasks)
        } else {
            Branches::separate(leaves.clone())
        };
        let losses = heads(branches);
        check_count(&losses, self.strategy.tasks());
        Forward {
            representation,
            leaves,
            losses,
        }
    }

    /// Weighs the losses of a forward pass. `heads` runs once more if an audit is wanted and the tasks read one
    /// tensor.
    pub(crate) fn weigh_losses<S: Shared>(
        &self,
        forward: Forward<S>,
        heads: &dyn Fn(Branches<S>) -> TaskLosses,
    ) -> Pending {
        if forward.leaves.is_empty() {
            self.together(forward, heads)
        } else {
            self.separate_passes(forward)
        }
    }

    fn seen<'b>(&self, losses: &'b TaskLosses, gram: Option<&'b Gram>) -> Step<'b> {
        Step::new(losses)
            .with_gram(gram)
            .at(self.epoch, self.step)
            .rescaled(self.strategy.rescale())
    }

    /// Returns the losses with their gradients multiplied by the shares.
    fn shared(&self, losses: &TaskLosses) -> TaskLosses {
        match &self.shares {
            Some(shares) => losses.with_gradients_times(shares),
            None => losses.clone(),
        }
    }

    /// Returns the Gram matrix of the gradients of the part's own means, for the strategy.
    fn of_own_means(&self, gram: Gram) -> Gram {
        match &self.shares {
            Some(shares) => {
                let none = shares.clone().equal_elem(0.0);
                gram.scaled(&shares.clone().mask_fill(none, 1.0).recip())
            }
            None => gram,
        }
    }

    fn together<S: Shared>(
        &self,
        forward: Forward<S>,
        heads: &dyn Fn(Branches<S>) -> TaskLosses,
    ) -> Pending {
        let tasks = self.strategy.tasks().len();
        let Forward {
            representation,
            losses,
            ..
        } = forward;
        let measured = self.audited.then(|| measure(&representation, tasks, heads));
        let gram = measured.as_ref().map(|measured| &measured.gram);
        let shared = self.shared(&losses);
        let weighed = self.strategy.weigh_step(&self.seen(&shared, gram));
        Pending {
            pulled: None,
            gradients: Vec::new(),
            losses,
            weighed,
            measured,
        }
    }

    /// Runs the backward pass of the heads. Returns the gradient at each leaf, and the gradients of the heads, each
    /// with the task whose weight is still to be applied.
    fn through_heads<S: Shared>(
        &self,
        leaves: &[S],
        losses: &TaskLosses,
    ) -> (Vec<S>, Vec<(Gradients, Option<usize>)>) {
        match self.strategy.heads() {
            Heads::Raw => {
                let (branches, of_heads) = branch_gradients(leaves, losses);
                (branches, of_heads.into_iter().map(|g| (g, None)).collect())
            }
            Heads::Weighted => one_by_one(leaves, losses),
        }
    }

    fn separate_passes<S: Shared>(&self, forward: Forward<S>) -> Pending {
        let Forward {
            representation,
            leaves,
            losses,
        } = forward;
        let shared = self.shared(&losses);
        let (branches, of_heads) = self.through_heads(&leaves, &shared);
        drop(leaves);
        let gram = self.of_own_means(Gram::new(S::gram(&branches)));
        // The backward pass has consumed the graph of the losses; the strategy differentiates only its memory.
        let plain = losses.detached();
        let weighed = self.strategy.weigh_step(&self.seen(&plain, Some(&gram)));
        let weights = weighed.weights.clone();
        let gradients = of_heads
            .into_iter()
            .map(|(gradients, task): (Gradients, Option<usize>)| {
                let factor = task.map(|task| weights.clone().narrow(0, task, 1));
                (gradients, factor)
            })
            .collect();
        let measured = BranchMeasurement {
            gram,
            active: losses.active(),
            // The reach costs one more pass over the representation, and the strategy does not use it.
            reach: self.audited.then(|| representation.reach()),
        };
        Pending {
            pulled: Some(representation.pull(S::combine(branches, weights))),
            gradients,
            losses,
            weighed,
            measured: Some(measured),
        }
    }
}

/// The results of the forward pass, before any weighting.
pub(crate) struct Forward<S> {
    representation: S,
    /// A leaf for each task; empty if all tasks read the representation itself.
    leaves: Vec<S>,
    pub(crate) losses: TaskLosses,
}

/// Runs one backward pass for each task. Returns the gradient at each leaf, and the remaining gradients for the
/// heads, with their tasks.
fn one_by_one<S: Shared>(
    leaves: &[S],
    losses: &TaskLosses,
) -> (Vec<S>, Vec<(Gradients, Option<usize>)>) {
    assert!(
        losses.has_parts(),
        "weighted heads need losses that are given one by one: `TaskLosses::new`, `from_options` or `by_name`"
    );
    let mut of_heads = Vec::new();
    let at = |(task, leaf): (usize, &S)| {
        let loss = losses.part(task).filter(|loss| loss.is_tracked());
        let Some(loss) = loss else {
            return leaf.zero_gradient();
        };
        let active = losses.active().narrow(0, task, 1);
        let loss = loss.clone().mask_fill(active.bool_not(), 0.0);
        let mut gradients = loss.backward();
        let at_leaf = leaf.take_gradient(&mut gradients);
        of_heads.push((gradients, Some(task)));
        at_leaf
    };
    let branches = leaves.iter().enumerate().map(at).collect();
    (branches, of_heads)
}

/// A weighed step, before the last of its backward passes.
pub(crate) struct Pending {
    /// The product whose backward pass passes the combined gradient to the trunk, `[1]`; `None` in a plain step.
    pulled: Option<Tensor<1>>,
    gradients: Vec<(Gradients, Option<Tensor<1>>)>,
    pub(crate) losses: TaskLosses,
    pub(crate) weighed: Weighed,
    pub(crate) measured: Option<BranchMeasurement>,
}

impl Pending {
    /// Runs the remaining backward passes.
    pub(crate) fn backward(self) -> Passed {
        let mut gradients = self.gradients;
        let mut differentiate = |number: &Tensor<1>| {
            // A step without labels, or with a frozen trunk, has no graph.
            if number.is_tracked() {
                gradients.push((number.backward(), None));
            }
        };
        if let Some(pulled) = &self.pulled {
            differentiate(pulled);
        }
        differentiate(&self.weighed.total);
        Passed {
            gradients,
            losses: self.losses,
            weighed: self.weighed,
            measured: self.measured,
        }
    }
}

/// The result of a step: gradients, losses and weights.
#[non_exhaustive]
pub struct Passed {
    gradients: Vec<(Gradients, Option<Tensor<1>>)>,
    losses: TaskLosses,
    weighed: Weighed,
    measured: Option<BranchMeasurement>,
}

impl Passed {
    /// Returns the gradients of the parameters of `module`, for the optimizer: trunk, heads and strategy.
    ///
    /// A parameter that no gradient reached has no entry, so the optimizer leaves it unchanged.
    pub fn gradients<M: Module>(mut self, module: &M) -> GradientsParams {
        self.take_gradients(module)
    }

    /// Takes the gradients as [`gradients`](Self::gradients) does, and keeps the rest of the step. A second call
    /// returns no gradients.
    pub fn take_gradients<M: Module>(&mut self, module: &M) -> GradientsParams {
        let mut found = std::mem::take(&mut self.gradients).into_iter();
        let Some(first) = found.next() else {
            return GradientsParams::new();
        };
        let first = of_module(first, module);
        if found.len() == 0 {
            return first;
        }
        let mut sum = GradientsAccumulator::new();
        sum.accumulate(module, first);
        found.for_each(|next| sum.accumulate(module, of_module(next, module)));
        sum.grads()
    }

    /// Returns the raw losses.
    pub fn losses(&self) -> &TaskLosses {
        &self.losses
    }

    /// Returns the effective weights, `[K]`, on the device and off the graph.
    pub fn weights(&self) -> Tensor<1> {
        self.weighed.weights.clone()
    }

    /// Returns the result of the strategy: the objective, the weights and the flags.
    pub fn weighed(&self) -> &Weighed {
        &self.weighed
    }

    /// Returns the Gram matrix of the tasks' raw gradients at the representation, if it was measured.
    pub fn gram(&self) -> Option<&Gram> {
        self.measured.as_ref().map(|measured| &measured.gram)
    }

    /// Returns the measurement of the gradients, in a step that was [audited](Pass::audited).
    pub fn audit(&self) -> Option<PendingAudit> {
        let measured = self.measured.clone()?;
        measured.weighted(self.weights())
    }

    /// Passes the losses of the same batch after the update of the parameters to a strategy that
    /// [needs](Needs::LossesAfterStep) them. Other strategies ignore them.
    ///
    /// Take the gradients first, with [`take_gradients`](Self::take_gradients), which keeps the rest of the step.
    pub fn after_step(&self, strategy: &Strategy, losses: &TaskLosses) {
        strategy.after_step(&self.losses, losses);
    }
}

impl std::fmt::Debug for Passed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Passed")
            .field("losses", &self.losses)
            .field("weighed", &self.weighed)
            .finish_non_exhaustive()
    }
}

/// Returns the gradients of a module's parameters, times the factor if there is one.
fn of_module<M: Module>(
    (gradients, factor): (Gradients, Option<Tensor<1>>),
    module: &M,
) -> GradientsParams {
    let mut gradients = GradientsParams::from_grads(gradients, module);
    if let Some(factor) = factor {
        let gradients = &mut gradients;
        module.visit(&mut Scale { gradients, factor });
    }
    gradients
}

/// Multiplies all gradients of a module by one number.
pub(crate) struct Scale<'a> {
    pub(crate) gradients: &'a mut GradientsParams,
    /// The factor, `[1]`.
    pub(crate) factor: Tensor<1>,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let factor = self.factor.clone().cast(gradient.dtype());
            self.gradients
                .register(param.id, gradient * factor.reshape([1; D]));
        }
    }
}
