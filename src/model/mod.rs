//! The contract between a network and the generic rooms: a shared representation of any shape, and losses read off it.

mod branches;
mod one_sample;
mod shared;

pub use branches::Branches;
pub use one_sample::OneSample;
pub use shared::Shared;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;

use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// A network with one shared representation and several heads that read it.
///
/// The split in two lets a measurement stand between the trunk and the heads: what each task's gradient is at the
/// representation decides who trains the trunk.
///
/// # Example
///
/// ```
/// use burn::module::Module;
/// use burn::nn::Linear;
/// use burn::tensor::Tensor;
/// use equipoise::TaskSet;
/// use equipoise::loss::{Reduction, TaskLosses, huber};
/// use equipoise::model::{Branches, MultiTaskModel};
///
/// #[derive(Module, Debug)]
/// struct Network {
///     trunk: Linear,
///     height: Linear,
///     weight: Linear,
///     #[module(skip)]
///     tasks: TaskSet,
/// }
///
/// impl MultiTaskModel for Network {
///     type Batch = [Tensor<2>; 3];
///     type Shared = Tensor<2>;
///     type Evaluation = ();
///
///     fn tasks(&self) -> &TaskSet {
///         &self.tasks
///     }
///
///     fn represent(&self, [inputs, ..]: &[Tensor<2>; 3]) -> Tensor<2> {
///         self.trunk.forward(inputs.clone()).tanh()
///     }
///
///     fn task_losses(&self, shared: Branches<Tensor<2>>, [_, height, weight]: &[Tensor<2>; 3]) -> TaskLosses {
///         let [first, second] = shared.each();
///         let loss = |found, target: &Tensor<2>| huber(found, target.clone(), 1.0, None, Reduction::Mean);
///         TaskLosses::new(vec![
///             loss(self.height.forward(first), height),
///             loss(self.weight.forward(second), weight),
///         ])
///     }
///
///     fn samples([inputs, ..]: &[Tensor<2>; 3]) -> usize {
///         inputs.dims()[0]
///     }
/// }
/// ```
pub trait MultiTaskModel: Module + ModuleDisplay + 'static {
    /// A batch: the inputs and the targets of every task.
    type Batch: Send + 'static;
    /// The representation that all heads read: a tensor of any rank, a pair, a vector.
    type Shared: Shared;
    /// The outputs that metrics read on validation data; `()` if the losses are enough.
    type Evaluation: Clone + Send + 'static;

    /// Returns the tasks, in the order of their losses.
    fn tasks(&self) -> &TaskSet;

    /// Returns the shared representation of a batch.
    fn represent(&self, batch: &Self::Batch) -> Self::Shared;

    /// Returns the raw losses, each read off its task's branch of the representation.
    ///
    /// What several tasks compute together behind the representation goes through [`Branches::map`], so that it runs once
    /// in a plain step.
    fn task_losses(&self, shared: Branches<Self::Shared>, batch: &Self::Batch) -> TaskLosses;

    /// Returns what the metrics need of a validation batch; nothing unless a model says otherwise.
    fn evaluate(&self, _shared: Self::Shared, _batch: &Self::Batch) -> Option<Self::Evaluation> {
        None
    }

    /// Returns how many labels each task has in a batch, `[K]` in the order of [`tasks`](Self::tasks), where the batch tells without
    /// running the network: what the losses of [`task_losses`](Self::task_losses) are means over, so the sum of the weights where
    /// labels have weights.
    ///
    /// Worth writing for a network with missing labels whose gradients are added up over several batches: every batch can then be
    /// freed before the next one runs. Without it their losses are kept until all are there. Steps on several devices share the labels out by
    /// it too.
    fn labels(&self, _batch: &Self::Batch) -> Option<Tensor<1>> {
        None
    }

    /// Returns a batch with the same targets whose inputs say nothing: zeros, or the same values for every sample.
    ///
    /// The uninformed predictor of every task, against which skill is measured, reads a representation that is the same for all
    /// samples. That is enough where the heads read the representation alone. Write this where
    /// [`task_losses`](Self::task_losses) reads inputs from the batch as well (a skip connection), which would inform it, and where the first
    /// dimension of the representation is not the samples (the nodes of a graph, say): then it is what
    /// [`represent`](Self::represent) gives for such a batch.
    fn without_inputs(&self, _batch: &Self::Batch) -> Option<Self::Batch> {
        None
    }

    /// Returns the same network with the output of a task's head multiplied by a factor and the head's last layer divided by it: the same
    /// function, which an optimizer of Adam's kind moves that many times as far in a step. `None` unless the network has such a factor.
    ///
    /// An experiment on why a task does not learn uses it; `task` is a position in [`tasks`](Self::tasks), and `factor` is positive.
    fn with_output_scale(&self, _task: usize, _factor: f64) -> Option<Self> {
        None
    }

    /// Returns the number of samples in a batch. A short last batch counts by it and not as a whole one.
    fn samples(batch: &Self::Batch) -> usize;
}
