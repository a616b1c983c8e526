//! One measurement of all tasks' gradients at the representation.
//!
//! Needs: a network whose heads can be run from a representation ([`MultiTaskModel::task_losses`]) and the effective weights
//! of the step. Remembers nothing.
//!
//! Burn's graph is used up by one backward pass, so every task gets a leaf of its own: the representation's values without
//! their past. The heads run once for each task, forward and backward; the trunk does not run at all.

use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::squared_norm;
use crate::model::MultiTaskModel;

/// Keeps divisions by a norm of zero at zero.
const TINY: f64 = 1e-30;

/// What one audit measured, still on the device.
///
/// The measurements of several steps can be added up; [`read`](Self::read) gives their means. Reading waits for the
/// device, adding does not.
#[derive(Clone, Debug)]
pub struct AuditSample {
    /// Norms, weighted norms, shares and head norms, `[K]` each, then all cosines, `[K * K]`, then the reach, `[1]`.
    packed: Tensor<1>,
    tasks: usize,
    samples: usize,
}

/// The numbers of one or more audits, the means over them.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    /// Norm of each task's raw loss gradient at the representation.
    pub norms: Vec<f64>,
    /// The same times the size of the task's effective weight: the norm of its part of the objective's gradient.
    pub weighted_norms: Vec<f64>,
    /// Each weighted norm over the sum of all, in [0, 1]. All zero if no task has a gradient.
    pub shares: Vec<f64>,
    /// Norm of each task's raw loss gradient over the parameters that its loss reaches without the trunk.
    pub head_norms: Vec<f64>,
    /// Cosines between the tasks' gradients at the representation, in [-1, 1]: row and column are tasks. Negative is
    /// conflict; a task without a gradient has 0.
    pub cosines: Vec<Vec<f64>>,
    /// How far a linear head on the representation can move its output when every weight and the bias move by 1: one and
    /// the mean over samples and steps of the sum of sizes of the representation's elements. An optimizer of Adam's kind
    /// moves every parameter by about the learning rate in a step, so the learning rate times this is what a step can do.
    pub reach: f64,
    /// How many measurements these are the means of.
    pub samples: usize,
}

/// Measures the gradient of every task's loss at a representation.
///
/// `weights` are the effective weights of the step, `[K]`. The heads run once for each task on the given values; the
/// graph behind `representation` is neither used nor changed, so this can stand before or after the step's own backward
/// pass. The random state of the device moves on if the heads draw from it (dropout).
///
/// A task that is absent from the batch has a gradient of zero. A loss that is not finite may make the gradients of all
/// tasks so, as it does in the step itself.
///
/// # Shapes
///
/// - representation: `[batch, time, width]`, on an autodiff device
/// - weights: `[K]`
///
/// # Panics
///
/// If the number of weights is not the number of the network's tasks.
pub fn audit<M: MultiTaskModel>(
    network: &M,
    representation: Tensor<3>,
    batch: &M::Batch,
    weights: Tensor<1>,
) -> AuditSample {
    let tasks = network.tasks().len();
    assert_eq!(weights.dims(), [tasks], "one weight for each task");
    measure(network, representation, batch).weighted(weights)
}

/// What of an audit does not depend on the weights; a strategy may want to see it before it gives them.
pub(crate) fn measure<M: MultiTaskModel>(
    network: &M,
    representation: Tensor<3>,
    batch: &M::Batch,
) -> Measured {
    let tasks = network.tasks().len();
    let values = representation.detach();
    let found: Vec<TaskGradient> = (0..tasks)
        .map(|task| TaskGradient::of(network, values.clone(), batch, task))
        .collect();
    let head_norms = Tensor::cat(found.iter().map(|f| f.head_norm.clone()).collect(), 0);
    let (norms, cosines) = angles(&found);
    #[cfg(feature = "cpu-kernels")]
    for task in found {
        crate::host::recycle(task.representation);
    }
    Measured {
        norms,
        head_norms,
        cosines,
        reach: reach(values.inner()),
    }
}

/// Norms `[K]`, head norms `[K]`, cosines `[K * K]`, reach `[1]`.
pub(crate) struct Measured {
    pub(crate) norms: Tensor<1>,
    head_norms: Tensor<1>,
    cosines: Tensor<1>,
    reach: Tensor<1>,
}

impl Measured {
    /// The whole audit, with the effective weights of the step.
    pub(crate) fn weighted(self, weights: Tensor<1>) -> AuditSample {
        let [tasks] = self.norms.dims();
        let weighted = self.norms.clone() * weights.inner().abs();
        let shares = weighted.clone() / weighted.clone().sum().clamp_min(TINY);
        let parts = vec![
            self.norms,
            weighted,
            shares,
            self.head_norms,
            self.cosines,
            self.reach,
        ];
        AuditSample {
            packed: Tensor::cat(parts, 0),
            tasks,
            samples: 1,
        }
    }
}

/// The gradient of one task's raw loss.
struct TaskGradient {
    /// At the representation, in a row, `[1, elements]`.
    representation: Tensor<2>,
    /// Over the parameters of the heads, `[1]`.
    head_norm: Tensor<1>,
}

impl TaskGradient {
    fn of<M: MultiTaskModel>(
        network: &M,
        values: Tensor<3>,
        batch: &M::Batch,
        task: usize,
    ) -> Self {
        let elements = values.shape().num_elements();
        let leaf = values.require_grad();
        let losses = network.task_losses(leaf.clone(), batch);
        let active = losses.active();
        let loss = losses.masked(&active).narrow(0, task, 1);
        let mut gradients = loss.backward();
        let at_leaf = leaf.grad_remove(&mut gradients);
        let at_leaf = at_leaf.unwrap_or_else(|| leaf.clone().inner().zeros_like());
        let gradients = GradientsParams::from_grads(gradients, network);
        let squares = squared_norm(network, &gradients);
        let head_norm = squares.map(Tensor::sqrt);
        Self {
            head_norm: head_norm.unwrap_or_else(|| Tensor::zeros([1], &at_leaf.device())),
            representation: at_leaf.reshape([1, elements]),
        }
    }
}

/// Norms `[K]` and cosines `[K * K]`. Products of two rows, because a matrix of all gradients would be K times as large as
/// the representation and take longer to make than the rest of the audit.
fn angles(found: &[TaskGradient]) -> (Tensor<1>, Tensor<1>) {
    let tasks = found.len();
    let row = |task: usize| found[task].representation.clone();
    let mut products: Vec<Tensor<1>> = Vec::with_capacity(tasks * tasks);
    for a in 0..tasks {
        for b in 0..tasks {
            products.push(match b < a {
                true => products[b * tasks + a].clone(),
                false => row(a).matmul(row(b).transpose()).reshape([1]),
            });
        }
    }
    let squares = (0..tasks).map(|task| products[task * (tasks + 1)].clone());
    let norms = Tensor::cat(squares.collect(), 0).sqrt();
    let products: Tensor<2> = Tensor::cat(products, 0).reshape([tasks, tasks]);
    let both = norms.clone().reshape([tasks, 1]) * norms.clone().reshape([1, tasks]);
    let cosines = (products / both.clamp_min(TINY)).clamp(-1.0, 1.0);
    (norms, cosines.reshape([tasks * tasks]))
}

fn reach(representation: Tensor<3>) -> Tensor<1> {
    let [batch, time, _] = representation.dims();
    representation.abs().sum() / (batch * time) as f64 + 1.0
}

impl AuditSample {
    /// The mean norm of each task's raw gradient at the representation, `[K]`, on the device.
    pub fn norms(&self) -> Tensor<1> {
        self.packed.clone().narrow(0, 0, self.tasks) / self.samples as f64
    }

    /// Both measurements together, for a mean over more steps.
    ///
    /// # Panics
    ///
    /// If they are of different numbers of tasks.
    pub fn plus(self, other: Self) -> Self {
        assert_eq!(self.tasks, other.tasks, "audits of the same tasks");
        Self {
            packed: self.packed + other.packed,
            tasks: self.tasks,
            samples: self.samples + other.samples,
        }
    }

    /// Reads the means, in one transfer from the device.
    ///
    /// # Errors
    ///
    /// What the device answers if it cannot be read.
    pub fn read(&self) -> Result<Audit, burn::tensor::TensorReadError> {
        let numbers = self.packed.clone().try_into_vec_as::<f32>()?;
        let mean = |sum: &f32| f64::from(*sum) / self.samples as f64;
        let mut numbers = numbers.iter().map(mean);
        let mut next = |count: usize| -> Vec<f64> { numbers.by_ref().take(count).collect() };
        let tasks = self.tasks;
        Ok(Audit {
            norms: next(tasks),
            weighted_norms: next(tasks),
            shares: next(tasks),
            head_norms: next(tasks),
            cosines: (0..tasks).map(|_| next(tasks)).collect(),
            reach: next(1)[0],
            samples: self.samples,
        })
    }
}
