//! Runs the solver of a rule from the Gram matrix: reads K x K numbers to the host, selects the tasks that count, and
//! writes the weights back.

use burn::tensor::Tensor;

use super::solve::{Answer, Degenerate, GramMatrix};
use super::{Step, Weighed};

/// The input of a solver: the tasks that are present with a finite loss and a finite gradient.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// The inner products of the tasks' raw gradients.
    pub(super) gram: GramMatrix,
    /// The raw losses of the tasks.
    pub(super) losses: Vec<f64>,
    /// The positions of the tasks among all tasks.
    pub(super) tasks: Vec<usize>,
}

impl Problem {
    /// Selects the values of these tasks from the values of all tasks.
    pub(super) fn pick(&self, all: &[f64]) -> Vec<f64> {
        self.tasks.iter().map(|task| all[*task]).collect()
    }

    /// Writes the values of these tasks to their positions among all tasks.
    pub(super) fn put(&self, all: &mut [f64], values: &[f64]) {
        for (task, value) in self.tasks.iter().zip(values) {
            all[*task] = *value;
        }
    }

    fn of(step: &Step<'_>) -> Self {
        let seen = step.numbers();
        let all = GramMatrix::new(seen.losses.len(), seen.gram.clone());
        // The products were summed in single precision, so this precision decides which rows count as zero or
        // dependent.
        let all = all.with_precision(f64::from(f32::EPSILON));
        // A finite gradient is not enough: its squared norm may overflow the precision of the device.
        let counts = |task: &usize| seen.active[*task] && all.norm(*task).is_finite();
        let tasks: Vec<usize> = (0..seen.losses.len()).filter(counts).collect();
        Self {
            gram: all.rows(&tasks),
            losses: tasks.iter().map(|task| seen.losses[*task]).collect(),
            tasks,
        }
    }
}

/// Weighs a step with a solver over the tasks that count. If the solver has no answer, all weights are 0, the trunk
/// does not move, and the flag gives the reason.
pub(super) fn weigh(
    step: &Step<'_>,
    solve: impl FnOnce(&Problem) -> Result<Answer, Degenerate>,
) -> Weighed {
    let problem = Problem::of(step);
    let mut weights = vec![0.0; step.losses.len()];
    let (mut flag, mut unanswered) = (None, false);
    if !problem.tasks.is_empty() {
        match solve(&problem) {
            Ok(answer) if answer.weights.iter().all(|w| (*w as f32).is_finite()) => {
                let found = if step.rescale {
                    rescaled(&problem.gram, answer.weights)
                } else {
                    answer.weights
                };
                problem.put(&mut weights, &found);
                flag = answer.flag;
            }
            // A weight that overflows single precision cannot be used.
            Ok(_) => (flag, unanswered) = (Some(Degenerate::NoSolution), true),
            Err(reason) => (flag, unanswered) = (Some(reason), true),
        }
    }
    let still = |task: &&usize| step.numbers().gram[**task * (step.losses.len() + 1)] == 0.0;
    let without_gradient = problem.tasks.iter().filter(still).copied().collect();
    let weights: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
    let plain = step.losses.values().device().inner();
    let mut weighed = Weighed::linear(step.losses, Tensor::from_data(weights.as_slice(), &plain));
    weighed.flag = flag;
    weighed.unanswered = unanswered;
    weighed.without_gradient = without_gradient;
    weighed
}

/// Returns weights whose combination has the length of the mean gradient; unchanged weights if either length is zero.
fn rescaled(gram: &GramMatrix, weights: Vec<f64>) -> Vec<f64> {
    let tasks = gram.len() as f64;
    let mean = vec![1.0 / tasks; gram.len()];
    let length = |weights: &[f64]| gram.quadratic(weights).max(0.0).sqrt();
    let factor = length(&mean) / length(&weights);
    if factor.is_finite() && factor > 0.0 {
        weights.into_iter().map(|weight| weight * factor).collect()
    } else {
        weights
    }
}
