//! Computes the losses of the best constant and of the best function of the position.

use super::batch::Targets;
use super::config::ExpansionModelConfig;
use super::task_names;
use crate::expansion::label::{CountdownForm, WindowLabel, countdown};
use crate::expansion::window::Windows;
use crate::history::Split;
use crate::train::Baseline;

/// Returns the losses of two predictors that see no price, the best constant and the best function of the position, in
/// closed form, for both splits. The position predictor exists for the binary mask and for a countdown per bar.
///
/// A loss alone has no meaning. On windows of this kind the countdown loss of "always 0" is near 15.9, so a plateau
/// there means that nothing was learned, and a fall to the loss of the position predictor needs no understanding of
/// price. Both predictors are fitted on the training labels; their losses are computed on either split with the
/// formulas of the raw losses. For the type, the constant is the training class frequencies or equal probabilities,
/// whichever has the smaller loss on the split: validation windows may have other types than training windows.
///
/// The losses that the trainer measures ([`TrainConfig::baseline`](crate::train::TrainConfig::baseline)) come within 2
/// % of the closed forms, which take no training.
pub fn baselines(train: &Windows, valid: &Windows, config: &ExpansionModelConfig) -> Vec<Baseline> {
    let fitted = Fitted::new(train, config);
    [(Split::Train, train), (Split::Valid, valid)]
        .into_iter()
        .flat_map(|(split, windows)| fitted.losses(split, windows, config))
        .collect()
}

/// Returns the validation accuracy of always predicting the most frequent of `types` types of the training windows.
pub fn most_frequent(train: &Windows, valid: &Windows, types: usize) -> f64 {
    let (trained, asked) = (train.type_counts(types), valid.type_counts(types));
    let most = (0..types).max_by_key(|kind| trained[*kind]);
    let right = most.map_or(0, |kind| asked[kind]);
    right as f64 / asked.iter().sum::<usize>() as f64
}

/// The fitted predictors.
struct Fitted {
    classes: Vec<f64>,
    pointers: [f64; 2],
    binary: f64,
    binary_at: Vec<f64>,
    countdown: f64,
    /// The root mean square of the countdown, in the units of its head.
    countdown_size: f64,
    countdown_at: Option<Vec<f64>>,
}

impl Fitted {
    fn new(train: &Windows, config: &ExpansionModelConfig) -> Self {
        let labels: Vec<WindowLabel> = train.labels().collect();
        let bars = config.window;
        let targets = Targets::new(&labels, bars, config.countdown);
        let pointer = |which: usize| {
            let values = targets.pointers.iter().skip(which).step_by(2);
            huber_constant(values.map(|v| f64::from(*v)), config.pointer_delta)
        };
        let delta = config.countdown_delta;
        let at = |values: &[f32], t: usize| -> Vec<f64> {
            values
                .iter()
                .skip(t)
                .step_by(bars)
                .map(|v| f64::from(*v))
                .collect()
        };
        let countdown = || targets.countdown.iter().map(|v| f64::from(*v));
        let binary = |first: usize, step: usize| {
            let values = targets.binary.iter().skip(first).step_by(step);
            values.map(|v| f64::from(*v))
        };
        Self {
            classes: class_rates(&targets.kinds, config),
            pointers: [pointer(0), pointer(1)],
            binary: weighted_rate(binary(0, 1), config.positive_weight),
            binary_at: (0..bars)
                .map(|t| weighted_rate(binary(t, bars), config.positive_weight))
                .collect(),
            countdown: huber_constant(countdown(), delta),
            countdown_size: mean(countdown().map(|v| v * v)).sqrt() / config.countdown_scale,
            countdown_at: (config.countdown == CountdownForm::PerBar).then(|| {
                (0..bars)
                    .map(|t| huber_constant(at(&targets.countdown, t).into_iter(), delta))
                    .collect()
            }),
        }
    }

    fn losses(
        &self,
        split: Split,
        windows: &Windows,
        config: &ExpansionModelConfig,
    ) -> Vec<Baseline> {
        let labels: Vec<WindowLabel> = windows.labels().collect();
        let baseline = |task: &str, constant: f64, position: Option<f64>| Baseline {
            split,
            task: task.into(),
            constant: Some(constant),
            position,
            // The other heads end in a function that keeps their outputs near 1.
            size: (task == task_names::COUNTDOWN).then_some(self.countdown_size),
        };
        // Equal probabilities may be better than the training frequencies.
        let uniform = (config.types.len() as f64).ln();
        let type_loss = self.type_loss(&labels, config).min(uniform);
        vec![
            baseline(task_names::TYPE, type_loss, None),
            baseline(
                task_names::POINTERS,
                self.pointer_loss(&labels, config),
                None,
            ),
            baseline(
                task_names::BINARY,
                self.binary_loss(&labels, config, |_| self.binary),
                Some(self.binary_loss(&labels, config, |t| self.binary_at[t])),
            ),
            baseline(
                task_names::COUNTDOWN,
                self.countdown_loss(&labels, config, |_| self.countdown),
                self.countdown_at
                    .as_ref()
                    .map(|at| self.countdown_loss(&labels, config, |t| at[t])),
            ),
        ]
    }

    /// Returns the mean over the labels, each with the weight of its type.
    fn type_loss(&self, labels: &[WindowLabel], config: &ExpansionModelConfig) -> f64 {
        let loss = |label: &WindowLabel| -self.classes[label.kind.index()].ln();
        let Some(weights) = &config.class_weights else {
            return mean(labels.iter().map(loss));
        };
        let weight = |label: &WindowLabel| weights[label.kind.index()];
        let all: f64 = labels.iter().map(weight).sum();
        // A type of weight 0 has the probability 0 and no part in the loss.
        let counted = labels.iter().filter(|label| weight(label) > 0.0);
        let sum: f64 = counted.map(|label| weight(label) * loss(label)).sum();
        if all > 0.0 { sum / all } else { 0.0 }
    }

    fn pointer_loss(&self, labels: &[WindowLabel], config: &ExpansionModelConfig) -> f64 {
        let targets = Targets::new(labels, config.window, config.countdown);
        mean(targets.pointers.iter().enumerate().map(|(index, target)| {
            huber(
                self.pointers[index % 2] - f64::from(*target),
                config.pointer_delta,
            )
        }))
    }

    fn binary_loss(
        &self,
        labels: &[WindowLabel],
        config: &ExpansionModelConfig,
        rate: impl Fn(usize) -> f64,
    ) -> f64 {
        let cell = |label: &WindowLabel, t: usize| {
            if (label.start..=label.end).contains(&t) {
                -config.positive_weight * rate(t).ln()
            } else {
                -(1.0 - rate(t)).ln()
            }
        };
        mean(
            labels
                .iter()
                .flat_map(|label| (0..config.window).map(move |t| (label, t)))
                .map(|(label, t)| cell(label, t)),
        )
    }

    fn countdown_loss(
        &self,
        labels: &[WindowLabel],
        config: &ExpansionModelConfig,
        predict: impl Fn(usize) -> f64,
    ) -> f64 {
        let delta = config.countdown_delta;
        match config.countdown {
            CountdownForm::Scalar => mean(labels.iter().map(|label| {
                huber(
                    predict(0) - label.start as f64 / config.window as f64,
                    delta,
                )
            })),
            CountdownForm::PerBar => mean(
                labels
                    .iter()
                    .flat_map(|label| (0..config.window).map(move |t| (label, t)))
                    .map(|(label, t)| {
                        huber(predict(t) - f64::from(countdown(label.start, t)), delta)
                    }),
            ),
        }
    }
}

/// Returns the class frequencies, each window counted with the weight of its type. If a class was never seen, half a
/// window is added to every class, so that the loss is finite. Factors of all weights do not matter.
fn class_rates(kinds: &[i64], config: &ExpansionModelConfig) -> Vec<f64> {
    let weights = config.class_weights.as_deref();
    let weight = |kind: usize| weights.map_or(1.0, |weights| weights[kind]);
    let mut counts = vec![0.0; config.types.len()];
    for kind in kinds {
        counts[*kind as usize] += 1.0;
    }
    let extra = if counts.contains(&0.0) { 0.5 } else { 0.0 };
    let weighted: Vec<f64> = (counts.iter().zip(0..))
        .map(|(count, kind)| (count + extra) * weight(kind))
        .collect();
    let total: f64 = weighted.iter().sum();
    weighted.iter().map(|count| count / total).collect()
}

/// Returns the probability that minimises the loss with weighted positives. Half a count keeps it off 0 and 1 if only
/// one of the values was seen.
fn weighted_rate(values: impl Iterator<Item = f64> + Clone, positive_weight: f64) -> f64 {
    let positive: f64 = values.clone().sum();
    let negative = values.count() as f64 - positive;
    let extra = if positive == 0.0 || negative == 0.0 {
        0.5
    } else {
        0.0
    };
    let weighted = (positive + extra) * positive_weight;
    weighted / (weighted + negative + extra)
}

/// Returns the number with the smallest mean Huber distance to `values`, at which the clipped residuals sum to zero.
///
/// The values are read many times rather than collected: the countdowns of long windows would need gigabytes.
fn huber_constant(values: impl Iterator<Item = f64> + Clone, delta: f64) -> f64 {
    let fold = |f: fn(f64, f64) -> f64, start| values.clone().fold(start, f);
    let (mut low, mut high) = (
        fold(f64::min, f64::INFINITY),
        fold(f64::max, f64::NEG_INFINITY),
    );
    // The sum falls monotonically in the constant, so 60 bisections are exact to rounding.
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        let pull: f64 = values
            .clone()
            .map(|v| (v - middle).clamp(-delta, delta))
            .sum();
        if pull > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

fn huber(residual: f64, delta: f64) -> f64 {
    let clipped = residual.clamp(-delta, delta);
    clipped * (residual - clipped / 2.0)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), v| (sum + v, count + 1));
    sum / count.max(1) as f64
}
