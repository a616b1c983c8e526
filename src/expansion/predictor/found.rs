//! What is predicted for one window of a series, and how it is written as a row of a table.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::expansion::label::ExpansionType;
use crate::expansion::model::Prediction;

/// The expansion that is predicted for one window of a series.
///
/// Serialized it is one flat row, for CSV and for JSON lines alike. Bars are counted from 0, from the first of the series;
/// what the series does not have (times, where it has no time stamps) is empty, or null in JSON.
///
/// | column | meaning |
/// |---|---|
/// | `first`, `last` | the first and the last bar of the window |
/// | `start`, `end` | the first and the last bar of the expansion |
/// | `type` | the most probable type: `breakout`, `continuation` or `reversal` |
/// | `probability` | of that type, in [0, 1] |
/// | `agreement` | mean overlap (intersection over union) of what the three sources say, in [0, 1] |
/// | `confidence` | the F1 that the mask expects of its own span, in [0, 1] |
/// | `start_time`, `end_time` | when the first and the last bar of the expansion are, RFC 3339 in UTC |
/// | `longest_step` | the longest time from one bar of the window to the next, in seconds |
/// | `pointers_start`, `pointers_end` | what the pointers alone say |
/// | `binary_start`, `binary_end` | what the binary mask alone says |
/// | `countdown_start`, `countdown_end` | what the countdown alone says, with the length of the pointers |
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct WindowPrediction {
    /// The index of the window's first bar in the series.
    pub first: usize,
    /// Bars in the window.
    pub bars: usize,
    /// What is predicted, in bars counted from the window's first.
    pub prediction: Prediction,
    /// When it is, if the series has time stamps.
    pub times: Option<Times>,
}

/// When the bars of a window are, in seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The expansion's first bar.
    pub start: i64,
    /// The expansion's last bar.
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

    /// `stamps` are those of the window's bars.
    pub(super) fn new(
        first: usize,
        bars: usize,
        prediction: Prediction,
        stamps: Option<&[i64]>,
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
}

/// Returns the longest time from one stamp to the next; none are earlier than the one before.
pub(super) fn longest_step(stamps: &[i64]) -> Duration {
    let steps = stamps.windows(2).map(|pair| pair[1].abs_diff(pair[0]));
    Duration::from_secs(steps.max().unwrap_or(0))
}

/// The columns.
#[derive(Serialize)]
struct PredictionRow {
    first: usize,
    last: usize,
    start: usize,
    end: usize,
    r#type: &'static str,
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
            r#type: self.kind().name(),
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
