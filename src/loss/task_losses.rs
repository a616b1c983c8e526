//! The raw losses of one step, as one tensor, and which tasks had labels.

use burn::tensor::{Bool, Tensor};

/// The raw losses of all tasks for one batch: a `[K]` tensor attached to the graph, and which tasks had labels.
#[derive(Clone, Debug)]
pub struct TaskLosses {
    values: Tensor<1>,
    present: Option<Tensor<1, Bool>>,
    /// Present and finite; found once, because every part of a step asks.
    active: Tensor<1, Bool>,
}

impl TaskLosses {
    /// Losses of all tasks, one `[1]` tensor each, in the order of the [`TaskSet`](crate::TaskSet).
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn new(losses: Vec<Tensor<1>>) -> Self {
        Self::from_values(Tensor::cat(losses, 0))
    }

    /// Losses of all tasks as one tensor.
    ///
    /// # Shapes
    ///
    /// - values: `[K]`
    pub fn from_values(values: Tensor<1>) -> Self {
        Self {
            active: values.clone().inner().is_finite(),
            values,
            present: None,
        }
    }

    /// Says which tasks have labels in this batch; without it, all have.
    ///
    /// An absent task contributes nothing to the objective and no strategy's state moves for it; its value may be
    /// anything, NaN included. What led to that value still gets a gradient of zero times its own derivative, which is NaN
    /// where the derivative is: give the loss function a mask as well if missing labels are marked by NaN.
    ///
    /// # Shapes
    ///
    /// - present: `[K]`
    ///
    /// # Panics
    ///
    /// If `present` has another length than the losses.
    pub fn with_present(mut self, present: Tensor<1, Bool>) -> Self {
        assert_eq!(
            present.dims(),
            self.values.dims(),
            "presence must be given for each task"
        );
        let present = present.inner();
        self.active = self.active.bool_and(present.clone());
        self.present = Some(present);
        self
    }

    /// The number of tasks, K.
    pub fn len(&self) -> usize {
        self.values.dims()[0]
    }

    /// Never true: there is at least one task.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The raw losses as given, attached to the graph, `[K]`.
    pub fn values(&self) -> Tensor<1> {
        self.values.clone()
    }

    /// The tasks that have labels in this batch, `[K]`, if not all have.
    pub fn present(&self) -> Option<Tensor<1, Bool>> {
        self.present.clone()
    }

    /// The tasks that count in this step, `[K]`: present and with a finite loss. Off the graph.
    pub fn active(&self) -> Tensor<1, Bool> {
        self.active.clone()
    }

    /// The losses with every inactive task's value and gradient set to zero, `[K]`, attached to the graph.
    pub fn masked(&self, active: &Tensor<1, Bool>) -> Tensor<1> {
        self.values
            .clone()
            .mask_fill(active.clone().bool_not(), 0.0)
    }
}
