//! How well expansions are found, as metrics of `burn::train`.
//!
//! | metric | task | meaning |
//! |---|---|---|
//! | `span_f1` | all | F1 of bars inside the expansion, counted over all windows |
//! | `iou` | all | bars in both over bars in either, the mean over windows |
//! | `hit_at_3` | all | share of windows whose start and end are both at most 3 bars off |
//! | `accuracy` | type | share of windows with the right type |
//! | `error_in_bars` | countdown | mean distance of the countdown from its target, in bars |
//!
//! A batch is read from the device and decoded once, on the thread that collects metrics; the metrics share the result.

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use burn::tensor::TensorReadError;
use burn::train::metric::{
    Adaptor, Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes,
    NumericEntry, SerializedEntry,
};

use super::batch::countdown;
use super::labels::WindowLabel;
use super::model::ExpansionOutput;
use super::model::decode::{Prediction, Span, WindowOutput, decode};
use crate::train::StepOutput;

/// A start or an end this many bars off still counts as found.
pub const HIT_BARS: usize = 3;

/// What the metrics need of a validation batch.
#[derive(Clone, Debug)]
pub struct ExpansionEvaluation {
    output: ExpansionOutput,
    labels: Arc<[WindowLabel]>,
    window: usize,
    scores: Arc<OnceLock<Scores>>,
}

impl Adaptor<Scored> for StepOutput<ExpansionEvaluation> {
    fn adapt(&self) -> Scored {
        let scores = self.evaluation.as_ref().map(ExpansionEvaluation::scored);
        Scored(Cell::new(scores))
    }
}

/// The scores of a batch, if it was evaluated and could be read.
pub struct Scored(Cell<Option<Result<Scores, TensorReadError>>>);

impl ExpansionEvaluation {
    /// Keeps outputs and labels of a batch of windows of `window` bars.
    pub fn new(output: ExpansionOutput, labels: Arc<[WindowLabel]>, window: usize) -> Self {
        Self {
            output,
            labels,
            window,
            scores: Arc::default(),
        }
    }

    /// The scores, read and decoded by the first metric that asks.
    fn scored(&self) -> Result<Scores, TensorReadError> {
        match self.scores.get() {
            Some(scores) => Ok(*scores),
            None => {
                let scores = self.score()?;
                Ok(*self.scores.get_or_init(|| scores))
            }
        }
    }

    /// Reads the outputs from the device and scores every window.
    ///
    /// # Errors
    ///
    /// What the backend says if the outputs cannot be read.
    pub fn score(&self) -> Result<Scores, TensorReadError> {
        let kinds = self.output.kinds.clone().try_into_vec_as::<f32>()?;
        let pointers = self.output.pointers.clone().try_into_vec_as::<f32>()?;
        let binary = self.output.binary.clone().try_into_vec_as::<f32>()?;
        let countdown = self.output.countdown.clone().try_into_vec_as::<f32>()?;
        let windows = self.labels.len().max(1);
        let mut scores = Scores::default();
        for (index, label) in self.labels.iter().enumerate() {
            let row = |values: &'_ Vec<f32>| {
                let width = values.len() / windows;
                index * width..(index + 1) * width
            };
            let output = WindowOutput {
                kinds: &kinds[row(&kinds)],
                pointers: [pointers[2 * index], pointers[2 * index + 1]],
                binary: &binary[row(&binary)],
                countdown: &countdown[row(&countdown)],
            };
            scores.add(output, decode(output), *label, self.window);
        }
        Ok(scores)
    }
}

/// Sums over windows, from which every metric follows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// Windows.
    pub windows: usize,
    /// Bars inside both the true and the predicted expansions.
    pub shared_bars: usize,
    /// Bars inside the true plus bars inside the predicted expansions.
    pub total_bars: usize,
    /// Sum of the windows' intersections over unions.
    pub iou: f64,
    /// Windows with start and end at most [`HIT_BARS`] off.
    pub hits: usize,
    /// Windows with the right type.
    pub right_kinds: usize,
    /// Sum over windows of the mean distance of the countdown from its target, in bars.
    pub countdown_error: f64,
}

impl Scores {
    fn add(
        &mut self,
        output: WindowOutput<'_>,
        prediction: Prediction,
        label: WindowLabel,
        window: usize,
    ) {
        let (truth, found) = (Span::from(label), prediction.span);
        let off = truth
            .start
            .abs_diff(found.start)
            .max(truth.end.abs_diff(found.end));
        self.windows += 1;
        self.shared_bars += truth.overlap(found);
        self.total_bars += truth.len() + found.len();
        self.iou += truth.iou(found);
        self.hits += usize::from(off <= HIT_BARS);
        self.right_kinds += usize::from(prediction.kind == label.kind);
        self.countdown_error += countdown_error(output.countdown, label.start, window);
    }

    fn merge(&mut self, other: &Self) {
        self.windows += other.windows;
        self.shared_bars += other.shared_bars;
        self.total_bars += other.total_bars;
        self.iou += other.iou;
        self.hits += other.hits;
        self.right_kinds += other.right_kinds;
        self.countdown_error += other.countdown_error;
    }

    /// The value of a metric; NaN before any window.
    pub fn value(&self, metric: ExpansionMetricKind) -> f64 {
        let windows = self.windows as f64;
        match metric {
            ExpansionMetricKind::SpanF1 => 2.0 * self.shared_bars as f64 / self.total_bars as f64,
            ExpansionMetricKind::Iou => self.iou / windows,
            ExpansionMetricKind::HitAt3 => self.hits as f64 / windows,
            ExpansionMetricKind::TypeAccuracy => self.right_kinds as f64 / windows,
            ExpansionMetricKind::CountdownError => self.countdown_error / windows,
        }
    }
}

/// Mean over the bars; a scalar countdown is one number of window lengths.
fn countdown_error(output: &[f32], start: usize, window: usize) -> f64 {
    if output.len() == 1 && window != 1 {
        return f64::from((output[0] * window as f32 - start as f32).abs());
    }
    let sum: f64 = output
        .iter()
        .enumerate()
        .map(|(t, value)| f64::from((value - countdown(start, t)).abs()))
        .sum();
    sum / output.len() as f64
}

/// Which number a metric shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpansionMetricKind {
    /// F1 of the bars inside the expansion.
    SpanF1,
    /// Intersection over union.
    Iou,
    /// Start and end at most 3 bars off.
    HitAt3,
    /// The right type.
    TypeAccuracy,
    /// Mean distance of the countdown, in bars.
    CountdownError,
}

impl ExpansionMetricKind {
    /// All metrics, in the order they are shown.
    pub const ALL: [Self; 5] = [
        Self::SpanF1,
        Self::Iou,
        Self::HitAt3,
        Self::TypeAccuracy,
        Self::CountdownError,
    ];

    /// `task/quantity`, which is how the history files it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SpanF1 => "all/span_f1",
            Self::Iou => "all/iou",
            Self::HitAt3 => "all/hit_at_3",
            Self::TypeAccuracy => "type/accuracy",
            Self::CountdownError => "countdown/error_in_bars",
        }
    }

    fn unit(self) -> Option<String> {
        match self {
            Self::CountdownError => Some("bars".into()),
            _ => None,
        }
    }
}

/// A metric over the windows of an epoch.
#[derive(Clone)]
pub struct ExpansionMetric {
    kind: ExpansionMetricKind,
    name: MetricName,
    scores: Scores,
}

impl ExpansionMetric {
    /// A metric without any window yet.
    pub fn new(kind: ExpansionMetricKind) -> Self {
        Self {
            kind,
            name: Arc::new(kind.name().into()),
            scores: Scores::default(),
        }
    }

    fn entry(&self) -> SerializedEntry {
        let value = self.scores.value(self.kind);
        SerializedEntry::new(format!("{value:.3}"), value.to_string())
    }
}

impl Metric for ExpansionMetric {
    type Input = Scored;

    fn name(&self) -> MetricName {
        self.name.clone()
    }

    fn attributes(&self) -> MetricAttributes {
        NumericAttributes {
            unit: self.kind.unit(),
            higher_is_better: self.kind != ExpansionMetricKind::CountdownError,
        }
        .into()
    }

    fn update(
        &mut self,
        item: &Self::Input,
        _metadata: &MetricMetadata,
    ) -> Result<SerializedEntry, TensorReadError> {
        if let Some(scores) = item.0.take() {
            self.scores.merge(&scores?);
        }
        Ok(self.entry())
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        Ok(self.entry())
    }

    fn clear(&mut self) {
        self.scores = Scores::default();
    }
}

impl Numeric for ExpansionMetric {
    fn value(&self) -> Option<NumericEntry> {
        self.running_value()
    }

    fn running_value(&self) -> Option<NumericEntry> {
        Some(NumericEntry::Value(self.scores.value(self.kind)))
    }

    fn final_value(&self) -> NumericEntry {
        NumericEntry::Final(self.scores.value(self.kind))
    }
}
