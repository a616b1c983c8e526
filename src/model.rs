//! The contract between a network and the generic rooms: a shared representation, and losses read off it.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;

use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// A network with one shared representation and several heads that read it.
///
/// The split in two lets a measurement stand between the trunk and the heads: what each task's gradient is at the
/// representation decides who trains the trunk.
pub trait MultiTaskModel: Module + ModuleDisplay + 'static {
    /// What the model is trained on: inputs and the targets of every task.
    type Batch: Send + 'static;
    /// What is watched beside the losses on validation data; `()` when the losses are all.
    type Evaluation: Clone + Send + 'static;

    /// The tasks, in the order of their losses.
    fn tasks(&self) -> &TaskSet;

    /// The shared representation, `[batch, time, width]`.
    fn represent(&self, batch: &Self::Batch) -> Tensor<3>;

    /// The raw losses, read off the representation, `[batch, time, width]`.
    fn task_losses(&self, representation: Tensor<3>, batch: &Self::Batch) -> TaskLosses;

    /// What the metrics need of a validation batch, read off the representation, `[batch, time, width]`.
    fn evaluate(&self, representation: Tensor<3>, batch: &Self::Batch) -> Self::Evaluation;

    /// The number of samples in a batch. A short last batch counts by it and not as a whole one.
    fn samples(batch: &Self::Batch) -> usize;
}
