//! Defines the interface of a trainable network: a shared representation of any shape, and the losses of its heads.

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
/// The split into trunk and heads allows a measurement between both: the gradient of each task at the representation
/// determines which task trains the trunk.
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

    /// Returns the raw losses, each computed from its task's branch of the representation.
    ///
    /// Run a stage that several tasks share behind the representation with [`Branches::map`], so that it runs once in
    /// a plain step.
    fn task_losses(&self, shared: Branches<Self::Shared>, batch: &Self::Batch) -> TaskLosses;

    /// Returns the outputs that metrics read on a validation batch. The default returns `None`.
    fn evaluate(&self, _shared: Self::Shared, _batch: &Self::Batch) -> Option<Self::Evaluation> {
        None
    }

    /// Returns the number of labels of each task in a batch, `[K]` in the order of [`tasks`](Self::tasks), or `None`
    /// if the number is not known without running the network. The losses of [`task_losses`](Self::task_losses) are
    /// means over these labels; where labels have weights, the number is the sum of the weights.
    ///
    /// Implement this method for a network with missing labels whose gradients are summed over several batches: every
    /// batch can then be freed before the next batch runs. Without this method the losses of all batches are kept
    /// until the last batch. Steps on several devices also use these numbers.
    fn labels(&self, _batch: &Self::Batch) -> Option<Tensor<1>> {
        None
    }

    /// Returns a batch with unchanged targets and inputs without information: zeros, or equal values for every
    /// sample.
    ///
    /// The uninformed predictor of every task, against which skill is measured, reads a representation that is equal
    /// for all samples. This suffices if the heads read only the representation. Implement this method if
    /// [`task_losses`](Self::task_losses) also reads inputs from the batch (a skip connection), which would inform
    /// the predictor, or if the first dimension of the representation is not the samples (the nodes of a graph, for
    /// example): the predictor then reads the result of [`represent`](Self::represent) for the returned batch.
    fn without_inputs(&self, _batch: &Self::Batch) -> Option<Self::Batch> {
        None
    }

    /// Returns the network with the output of a task's head multiplied by `factor` and the head's last layer divided
    /// by `factor`, or `None` if the network has no such factor. The default returns `None`.
    ///
    /// The function of the network is unchanged, but an optimizer of Adam's kind moves it `factor` times as far in a
    /// step. `probe` uses the scaled network in an experiment. `task` is a position in [`tasks`](Self::tasks), and
    /// `factor` is positive.
    fn with_output_scale(&self, _task: usize, _factor: f64) -> Option<Self> {
        None
    }

    /// Returns the number of samples in a batch. Means weight a short last batch by this number.
    fn samples(batch: &Self::Batch) -> usize;
}
