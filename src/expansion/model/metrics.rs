//! Implements the metrics of the expansion model for `burn::train`.
//!
//! A batch is read from the device and decoded once, on the thread that collects metrics; the metrics share the result.

use std::cell::Cell;
use std::sync::Arc;

use burn::tensor::TensorReadError;
use burn::train::metric::{
    Adaptor, Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes,
    NumericEntry, SerializedEntry,
};

use super::{ExpansionEvaluation, Scores};
use crate::train::StepOutput;

impl Adaptor<Scored> for StepOutput<ExpansionEvaluation> {
    fn adapt(&self) -> Scored {
        let scores = self.evaluation.as_ref().map(ExpansionEvaluation::scored);
        Scored(Cell::new(scores))
    }
}

/// The scores of a batch; `None` if the batch was not evaluated.
pub struct Scored(Cell<Option<Result<Scores, TensorReadError>>>);

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpansionMetricKind {
    /// The F1 of the bars inside the expansion.
    SpanF1,
    /// The intersection over union of true and predicted span.
    Iou,
    /// The share of windows with start and end at most 3 bars off.
    HitAt3,
    /// The share of windows with the right type.
    TypeAccuracy,
    /// The mean distance of the countdown from its target, in bars.
    CountdownError,
}

impl ExpansionMetricKind {
    /// All metrics, in the order of display.
    pub const ALL: [Self; 5] = [
        Self::SpanF1,
        Self::Iou,
        Self::HitAt3,
        Self::TypeAccuracy,
        Self::CountdownError,
    ];

    /// Returns the name, `task/quantity`, as stored in the history.
    pub fn name(self) -> &'static str {
        match self {
            Self::SpanF1 => "all/span_f1",
            Self::Iou => "all/iou",
            Self::HitAt3 => "all/hit_at_3",
            Self::TypeAccuracy => "type/accuracy",
            Self::CountdownError => "countdown/error_in_bars",
        }
    }

    /// Returns the value for the windows of `scores`; NaN without windows.
    pub fn value(self, scores: &Scores) -> f64 {
        let windows = scores.windows as f64;
        match self {
            Self::SpanF1 => 2.0 * scores.shared_bars as f64 / scores.total_bars as f64,
            Self::Iou => scores.iou / windows,
            Self::HitAt3 => scores.hits as f64 / windows,
            Self::TypeAccuracy => scores.right_kinds as f64 / windows,
            Self::CountdownError => scores.countdown_error / windows,
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
    /// Creates a metric without windows.
    pub fn new(kind: ExpansionMetricKind) -> Self {
        Self {
            kind,
            name: Arc::new(kind.name().into()),
            scores: Scores::default(),
        }
    }

    fn entry(&self) -> SerializedEntry {
        let value = self.kind.value(&self.scores);
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
        Some(NumericEntry::Value(self.kind.value(&self.scores)))
    }

    fn final_value(&self) -> NumericEntry {
        NumericEntry::Final(self.kind.value(&self.scores))
    }
}
