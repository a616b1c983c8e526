//! Computes the effect of a change on a task, and its 95 % interval.

use crate::diagnosis::Effect;
use crate::statistics::{half_width, mean};
use crate::train::fork::ForkLosses;

/// Computes the effect of a change on a task.
///
/// `changed` and `unchanged` are the same forks over the same batches. The unit of the differences is the mean loss
/// without the change, or `size` if a loss is zero or below: the size of such a mean has no meaning.
pub(super) fn effect(
    task: &str,
    changed: &[ForkLosses],
    unchanged: &[ForkLosses],
    size: f64,
) -> Effect {
    let means = |forks: &[ForkLosses]| -> Vec<f64> { forks.iter().map(ForkLosses::mean).collect() };
    let (with, without) = (means(changed), means(unchanged));
    let positive = with.iter().chain(&without).all(|loss| *loss > 0.0);
    let size = if positive { mean(&without) } else { size };
    let size = size.abs().max(f64::MIN_POSITIVE);
    let differences: Vec<f64> = with.iter().zip(&without).map(|(a, b)| a - b).collect();
    let of_forks = half_width(&differences);
    let of_batches = half_width_of_batches(changed, unchanged);
    // One fork or one batch has no interval.
    let margin = if of_forks.is_nan() || of_batches.is_nan() {
        f64::NAN
    } else {
        of_forks.max(of_batches)
    };
    Effect {
        task: task.into(),
        loss: mean(&with),
        unchanged: mean(&without),
        difference: mean(&differences) / size,
        margin: margin / size,
    }
}

/// Returns half of the 95 % interval of the mean difference over the validation batches. All forks use the same
/// batches, so more forks do not reduce it.
fn half_width_of_batches(changed: &[ForkLosses], unchanged: &[ForkLosses]) -> f64 {
    let Some(first) = unchanged.first() else {
        return f64::NAN;
    };
    let total: f64 = first.labels.iter().sum();
    let labelled = (0..first.labels.len()).filter(|batch| first.labels[*batch] > 0.0);
    let batches: Vec<usize> = labelled.collect();
    // The part of each batch in the mean, times the number of batches: the mean of these is the mean over labels.
    let part = |batch: &usize| {
        let pairs = changed.iter().zip(unchanged);
        let differences: Vec<f64> = pairs
            .map(|(a, b)| a.losses[*batch] - b.losses[*batch])
            .collect();
        mean(&differences) * first.labels[*batch] / total * batches.len() as f64
    };
    half_width(&batches.iter().map(part).collect::<Vec<f64>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fork(losses: &[f64]) -> ForkLosses {
        ForkLosses {
            losses: losses.to_vec(),
            labels: vec![10.0; losses.len()],
        }
    }

    #[test]
    fn an_effect_is_as_sure_as_the_worse_of_forks_and_batches() {
        let unchanged = [fork(&[1.0, 1.0, 1.0]), fork(&[1.0, 1.0, 1.0])];
        // Forks agree to the bit, batches do not.
        let changed = [fork(&[0.7, 0.8, 0.9]), fork(&[0.7, 0.8, 0.9])];
        let found = effect("a", &changed, &unchanged, 1.0);
        assert!((found.difference + 0.2).abs() < 1e-12, "{found:?}");
        // -0.3, -0.2, -0.1: deviation 0.1, t(2) = 4.303.
        assert!((found.margin - 4.302653 * 0.1 / 3f64.sqrt()).abs() < 1e-9);
        assert!(!found.helped(0.01));
        // Batches agree, forks do not: 0.1 and 0.3 lower, deviation 0.1414, t(1) = 12.706.
        let changed = [fork(&[0.9, 0.9, 0.9]), fork(&[0.7, 0.7, 0.7])];
        let found = effect("a", &changed, &unchanged, 1.0);
        assert!((found.margin - 12.706205 * 0.1).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn batches_count_by_their_labels() {
        let mut changed = fork(&[0.5, 9.0]);
        changed.labels = vec![30.0, 0.0];
        let mut unchanged = fork(&[1.0, 2.0]);
        unchanged.labels = vec![30.0, 0.0];
        let found = effect("a", &[changed.clone()], &[unchanged], 1.0);
        assert_eq!(changed.mean(), 0.5);
        assert_eq!(found.difference, -0.5);
        assert!(found.margin.is_nan() && !found.helped(0.01) && !found.harmed(0.01));
    }
}
