//! Computes the weights of GradNorm from the Gram matrix and the losses.
//!
//! Needs: positive losses and the Gram matrix. Remembers: the weights, and the first loss of each task. Z. Chen,
//! V. Badrinarayanan, C. Lee, A. Rabinovich, *GradNorm*, ICML 2018.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::support::{check, check_positive};
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::from_gram::Problem;
use crate::weighting::solve::Answer;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// GradNorm (Chen et al., 2018): weights that bring all tasks to one training rate, learned from their gradient norms.
///
/// `sum_k w_k g_k` with weights that move after every step:
///
/// ```text
/// n_k = |g_k|,  r_k = (L_k / L_k first) / mean,  target_k = mean(w n) r_k^alpha, a constant
/// w_k -= rate n_k sign(w_k n_k - target_k),  not below 1e-3;  then w *= K / sum w
/// ```
///
/// The weights start at 1 and sum to K. As in the paper, the weights themselves are renormalised and the first loss is
/// the loss of the first step; LibMTL learns logits of a softmax against the mean loss of the first epoch. A loss of
/// zero or below is refused: [`Error::NotPositiveLoss`](crate::Error::NotPositiveLoss) names the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradNorm {
    /// The strength with which a task that lags is pulled forward, at least 0. Default 1.5.
    pub alpha: f64,
    /// The learning rate of the weights, above 0. Default 0.025.
    pub learning_rate: f64,
}

impl Default for GradNorm {
    fn default() -> Self {
        Self {
            alpha: 1.5,
            learning_rate: 0.025,
        }
    }
}

impl BuiltIn for GradNorm {
    const NAME: &'static str = "grad-norm";
}

impl GradNorm {
    /// Returns the weights of this step and updates the memory.
    fn advance(&self, problem: &Problem, memory: &Memory) -> Answer {
        let (mut all, mut first) = (memory.numbers("weights"), memory.numbers("first_loss"));
        let own_first = problem.pick(&first).into_iter().zip(&problem.losses);
        // 0 marks a first loss that is still unknown: losses are positive here.
        let own_first: Vec<f64> = own_first
            .map(|(first, loss)| if first > 0.0 { first } else { *loss })
            .collect();
        let stored = problem.pick(&all);
        let sum: f64 = stored.iter().sum();
        let scale = stored.len() as f64 / sum;
        let used: Vec<f64> = stored.iter().map(|weight| weight * scale).collect();
        let norms: Vec<f64> = (0..used.len()).map(|row| problem.gram.norm(row)).collect();

        let mut moved = used.clone();
        let (alpha, rate) = (self.alpha, self.learning_rate);
        gram::grad_norm::update(&mut moved, &norms, &problem.losses, &own_first, alpha, rate);
        // Absent tasks keep their part of the sum.
        moved.iter_mut().for_each(|weight| *weight /= scale);
        problem.put(&mut all, &moved);
        problem.put(&mut first, &own_first);
        memory.set_numbers("weights", &all);
        memory.set_numbers("first_loss", &first);
        Answer {
            weights: used,
            flag: None,
        }
    }
}

impl LossWeighting for GradNorm {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        let alpha = self.alpha >= 0.0 && self.alpha.is_finite();
        check(
            "alpha",
            self.alpha,
            alpha,
            "a finite number that is not negative",
        )?;
        check_positive("learning_rate", self.learning_rate)?;
        Ok(Memory::new(device)
            .with_numbers("weights", &vec![1.0; tasks.len()])
            .with_numbers("first_loss", &vec![0.0; tasks.len()]))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let mut refused = vec![false; step.losses.len()];
        let mut weighed = from_gram::weigh(step, |problem| {
            let positive = |row: &usize| problem.losses[*row] > 0.0;
            let rows: Vec<usize> = (0..problem.losses.len()).filter(positive).collect();
            let own = Problem {
                gram: problem.gram.rows(&rows),
                losses: rows.iter().map(|row| problem.losses[*row]).collect(),
                tasks: rows.iter().map(|row| problem.tasks[*row]).collect(),
            };
            let mut weights = vec![0.0; problem.losses.len()];
            if !rows.is_empty() {
                let answer = self.advance(&own, memory);
                for (row, weight) in rows.iter().zip(answer.weights) {
                    weights[*row] = weight;
                }
            }
            for (row, task) in problem.tasks.iter().enumerate() {
                refused[*task] = problem.losses[row] <= 0.0;
            }
            Ok(Answer {
                weights,
                flag: None,
            })
        });
        let device = weighed.weights.device();
        weighed.not_positive = Some(Tensor::from_data(refused.as_slice(), &device));
        weighed
    }
}
