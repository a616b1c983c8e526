//! Measures the gradients of all tasks at the representation.
//!
//! Needs: heads that run from branches of the representation, and the effective weights of the step. Remembers:
//! nothing.
//!
//! The heads run once, forward and backward: every task reads its own leaf, so one backward pass of the summed losses
//! separates the gradients of the tasks. The trunk does not run.

use burn::tensor::{Bool, DType, Gradients, Tensor};

use crate::loss::{Gram, TaskLosses};
use crate::model::{Branches, MultiTaskModel, Shared};

/// The least divisor, so that a division by a norm of zero gives zero.
const TINY: f64 = 1e-30;

/// The measurements of an audit, still on the device.
///
/// The measurements of several steps can be added ([`plus`](Self::plus)); [`read`](Self::read) returns their means.
/// Reading waits for the device, adding does not.
#[derive(Clone, Debug)]
pub struct PendingAudit {
    /// Norms, weighted norms, shares and counts of measurements, `[K]` each, then all cosines and their counts of
    /// measurements, `[K * K]` each, then the reach, `[1]`.
    packed: Tensor<1>,
    tasks: usize,
    samples: usize,
}

/// The mean numbers of one or more audits. A task counts in the audits in which it had labels.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Audit {
    /// Norm of each task's raw loss gradient at the representation; 0 for a task that was never measured.
    pub norms: Vec<f64>,
    /// Norm of each task's part of the objective's gradient: the raw norm times the absolute effective weight.
    pub weighted_norms: Vec<f64>,
    /// Each weighted norm divided by the sum of all, in [0, 1]. The shares sum to 1 if every task had labels in every
    /// audit; all are 0 if no task has a gradient.
    pub shares: Vec<f64>,
    /// Cosines between the tasks' gradients at the representation, in [-1, 1]: row and column are tasks. Negative is
    /// conflict; a task without a gradient has 0.
    pub cosines: Vec<Vec<f64>>,
    /// The change of the output of a linear head on the representation if every weight and the bias change by 1: 1
    /// plus the mean over samples and steps of the summed absolute values of the representation's elements. An
    /// optimizer of Adam's kind moves every parameter by about the learning rate in a step, so the learning rate
    /// times the reach is the possible change in a step.
    pub reach: f64,
    /// The number of audits in which each task had labels and a finite loss.
    pub measured: Vec<usize>,
    /// The number of audits in the means.
    pub samples: usize,
}

/// Measures the gradient of every task's loss at a representation.
///
/// `weights` are the effective weights of the step, `[K]`. The heads run once on the given values. The graph behind
/// `representation` is neither used nor changed, so the audit can come before or after the step's own backward pass.
/// The random state of the device advances if the heads draw from it (dropout).
///
/// A task that is absent from the batch has a gradient of zero and does not count as measured. A loss that is not
/// finite may make the gradients of all tasks not finite, as in the step itself.
///
/// # Panics
///
/// If the number of weights differs from the number of the network's tasks.
pub fn audit<M: MultiTaskModel>(
    network: &M,
    representation: M::Shared,
    batch: &M::Batch,
    weights: Tensor<1>,
) -> PendingAudit {
    let tasks = network.tasks().len();
    assert_eq!(weights.dims(), [tasks], "one weight for each task");
    let heads = |branches| network.task_losses(branches, batch);
    let measured = measure(&representation, tasks, &heads);
    measured.weighted(weights).expect("the reach was measured")
}

/// Runs the heads on a leaf for each task and takes the gradient of every task's raw loss.
pub(crate) fn measure<S: Shared>(
    representation: &S,
    tasks: usize,
    heads: &dyn Fn(Branches<S>) -> TaskLosses,
) -> BranchMeasurement {
    let leaves: Vec<S> = (0..tasks).map(|_| representation.leaf()).collect();
    let losses = heads(Branches::separate(leaves.clone()));
    let (gradients, _) = branch_gradients(&leaves, &losses);
    let gram = Gram::new(S::gram(&gradients));
    gradients.into_iter().for_each(S::recycle);
    BranchMeasurement {
        gram,
        active: losses.active(),
        reach: Some(representation.reach()),
    }
}

/// Runs one backward pass of the summed raw losses. Returns the gradient at each leaf and the gradients of the heads.
pub(crate) fn branch_gradients<S: Shared>(
    leaves: &[S],
    losses: &TaskLosses,
) -> (Vec<S>, Option<Gradients>) {
    let total = losses.masked(&losses.active()).sum();
    let mut gradients = total.is_tracked().then(|| total.backward());
    let at = |leaf: &S| match &mut gradients {
        Some(gradients) => leaf.take_gradient(gradients),
        None => leaf.zero_gradient(),
    };
    let found = leaves.iter().map(at).collect();
    (found, gradients)
}

/// The part of an audit that does not depend on the weights.
#[derive(Clone, Debug)]
pub(crate) struct BranchMeasurement {
    pub(crate) gram: Gram,
    pub(crate) active: Tensor<1, Bool>,
    /// The reach without the bias, `[1]`; only in an audited step.
    pub(crate) reach: Option<Tensor<1>>,
}

impl BranchMeasurement {
    /// Returns the whole audit, with the effective weights of the step, or `None` if the reach was not measured.
    pub(crate) fn weighted(self, weights: Tensor<1>) -> Option<PendingAudit> {
        let reach = self.reach? + 1.0;
        let tasks = self.gram.len();
        let measured = self.active.float().cast(DType::F32);
        // A loss that is not finite has a gradient that is not finite; it does not count, so it must not be added.
        let counted = |values: Tensor<1>, counts: &Tensor<1>| {
            values.mask_fill(counts.clone().equal_elem(0.0), 0.0)
        };
        let norms = counted(self.gram.norms(), &measured);
        let weighted = norms.clone() * weights.inner().cast(DType::F32).abs();
        let shares = weighted.clone() / weighted.clone().sum().clamp_min(TINY);
        let pairs = measured.clone().reshape([tasks, 1]) * measured.clone().reshape([1, tasks]);
        let pairs = pairs.reshape([tasks * tasks]);
        let cosines = counted(self.gram.cosines().reshape([tasks * tasks]), &pairs);
        let parts = vec![norms, weighted, shares, measured, cosines, pairs, reach];
        Some(PendingAudit {
            packed: Tensor::cat(parts, 0),
            tasks,
            samples: 1,
        })
    }
}

impl PendingAudit {
    /// Adds the measurements of another audit, for a mean over both.
    ///
    /// # Panics
    ///
    /// If the numbers of tasks differ.
    pub fn plus(self, other: Self) -> Self {
        assert_eq!(self.tasks, other.tasks, "audits of the same tasks");
        Self {
            packed: self.packed + other.packed,
            tasks: self.tasks,
            samples: self.samples + other.samples,
        }
    }

    /// Returns the mean norm of each task's raw gradient over all audits, `[K]`, on the device.
    pub fn norms(&self) -> Tensor<1> {
        self.packed.clone().narrow(0, 0, self.tasks) / self.samples as f64
    }

    /// Reads the means, in one transfer from the device.
    ///
    /// # Errors
    ///
    /// The error of the device if it cannot be read.
    pub fn read(&self) -> Result<Audit, burn::tensor::TensorReadError> {
        let numbers = self.packed.clone().try_into_vec_as::<f32>()?;
        let mut numbers = numbers.iter().map(|number| f64::from(*number));
        let mut next = |count: usize| -> Vec<f64> { numbers.by_ref().take(count).collect() };
        let tasks = self.tasks;
        let [norms, weighted, shares, measured] = std::array::from_fn(|_| next(tasks));
        let [cosines, pairs] = std::array::from_fn(|_| next(tasks * tasks));
        let reach = next(1)[0] / self.samples as f64;
        let mean = |sums: &[f64], counts: &[f64]| -> Vec<f64> {
            let pairs = sums.iter().zip(counts);
            pairs.map(|(sum, count)| sum / count.max(1.0)).collect()
        };
        let cosines = mean(&cosines, &pairs);
        Ok(Audit {
            norms: mean(&norms, &measured),
            weighted_norms: mean(&weighted, &measured),
            shares: mean(&shares, &measured),
            cosines: cosines.chunks(tasks).map(<[f64]>::to_vec).collect(),
            reach,
            measured: measured
                .iter()
                .map(|count| count.round() as usize)
                .collect(),
            samples: self.samples,
        })
    }
}
