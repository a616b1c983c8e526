//! Defines the prediction for one window of a series.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::expansion::label::ExpansionType;
use crate::expansion::model::Prediction;

/// The predicted expansion of one window of a series.
///
/// Serializes as one flat row, for CSV and JSON lines. Bars are counted from 0, the first bar of the series. Times are
/// empty, or null in JSON, if the series has no time stamps.
///
/// | column | meaning |
/// |---|---|
/// | `first`, `last` | the first and the last bar of the window |
/// | `start`, `end` | the first and the last bar of the expansion |
/// | `type` | the name of the most probable type, of [`ExpansionModelConfig::types`](crate::expansion::model::ExpansionModelConfig::types) |
/// | `probability` | the probability of the type, in [0, 1] |
/// | `agreement` | the mean overlap (intersection over union) of the three sources, in [0, 1] |
/// | `confidence` | the expected F1 of the span of the mask, in [0, 1] |
/// | `start_time`, `end_time` | the times of the first and the last bar of the expansion, RFC 3339 in UTC |
/// | `longest_step` | the longest time from one bar of the window to the next, in seconds |
/// | `pointers_start`, `pointers_end` | the span of the pointers |
/// | `binary_start`, `binary_end` | the span of the binary mask |
/// | `countdown_start`, `countdown_end` | the span of the countdown, with the length of the pointers |
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WindowPrediction {
    /// The index of the window's first bar in the series.
    pub first: usize,
    /// The number of bars in the window.
    pub bars: usize,
    /// The prediction, in bars counted from the first bar of the window.
    pub prediction: Prediction,
    /// The times of the expansion; `None` if the series has no time stamps.
    pub times: Option<Times>,
    /// The names of all types.
    types: Arc<[String]>,
}

/// The times of a predicted expansion, in seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The time of the first bar of the expansion.
    pub start: i64,
    /// The time of the last bar of the expansion.
    pub end: i64,
    /// The longest time from one bar of the window to the next.
    pub longest_step: Duration,
}

impl WindowPrediction {
    /// The names of the columns of a row, for the header of a table without rows.
    pub const COLUMNS: [&str; 17] = [
        "first",
        "last",
        "start",
        "end",
        "type",
        "probability",
        "agreement",
        "confidence",
        "start_time",
        "end_time",
        "longest_step",
        "pointers_start",
        "pointers_end",
        "binary_start",
        "binary_end",
        "countdown_start",
        "countdown_end",
    ];

    /// Creates the prediction of a window; `stamps` are the time stamps of its bars.
    pub(super) fn new(
        first: usize,
        bars: usize,
        prediction: Prediction,
        stamps: Option<&[i64]>,
        types: &Arc<[String]>,
    ) -> Self {
        let times = stamps.and_then(|stamps| {
            Some(Times {
                start: *stamps.get(prediction.span.start)?,
                end: *stamps.get(prediction.span.end)?,
                longest_step: longest_step(stamps),
            })
        });
        Self {
            first,
            bars,
            prediction,
            times,
            types: types.clone(),
        }
    }

    /// Returns the index of the window's last bar in the series.
    pub fn last(&self) -> usize {
        self.first + self.bars - 1
    }

    /// Returns the index of the expansion's first bar in the series.
    pub fn start(&self) -> usize {
        self.first + self.prediction.span.start
    }

    /// Returns the index of the expansion's last bar in the series.
    pub fn end(&self) -> usize {
        self.first + self.prediction.span.end
    }

    /// Returns the most probable type.
    pub fn kind(&self) -> ExpansionType {
        self.prediction.kind
    }

    /// Returns the name of the most probable type.
    pub fn kind_name(&self) -> &str {
        // The network has a logit for each name.
        &self.types[self.kind().index()]
    }
}

/// Returns the longest time from one stamp to the next. The stamps are in ascending order.
pub(super) fn longest_step(stamps: &[i64]) -> Duration {
    let steps = stamps.windows(2).map(|pair| pair[1].abs_diff(pair[0]));
    Duration::from_secs(steps.max().unwrap_or(0))
}

/// A row of the table. Its fields are the columns.
#[derive(Serialize)]
struct PredictionRow<'a> {
    first: usize,
    last: usize,
    start: usize,
    end: usize,
    r#type: &'a str,
    probability: f32,
    agreement: f32,
    confidence: f32,
    start_time: Option<String>,
    end_time: Option<String>,
    longest_step: Option<u64>,
    pointers_start: usize,
    pointers_end: usize,
    binary_start: usize,
    binary_end: usize,
    countdown_start: usize,
    countdown_end: usize,
}

impl Serialize for WindowPrediction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let found = &self.prediction;
        let time = |pick: fn(&Times) -> i64| {
            let second = self.times.as_ref().map(pick)?;
            Some(Timestamp::from_second(second).ok()?.to_string())
        };
        let row = PredictionRow {
            first: self.first,
            last: self.last(),
            start: self.start(),
            end: self.end(),
            r#type: self.kind_name(),
            probability: found.probability,
            agreement: found.agreement,
            confidence: found.confidence,
            start_time: time(|times| times.start),
            end_time: time(|times| times.end),
            longest_step: self.times.map(|times| times.longest_step.as_secs()),
            pointers_start: self.first + found.pointers.start,
            pointers_end: self.first + found.pointers.end,
            binary_start: self.first + found.binary.start,
            binary_end: self.first + found.binary.end,
            countdown_start: self.first + found.countdown.start,
            countdown_end: self.first + found.countdown.end,
        };
        row.serialize(serializer)
    }
}
