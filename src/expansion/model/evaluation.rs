//! Scores the outputs of a validation batch against its labels, for the metrics.

use std::sync::{Arc, OnceLock};

use burn::tensor::TensorReadError;

use super::decode::{Prediction, Span, WindowOutput, decode};
use super::output::ExpansionOutput;
use crate::expansion::label::{WindowLabel, countdown};

/// The largest distance, in bars, at which a start or an end counts as found.
pub const HIT_BARS: usize = 3;

/// The outputs and labels of a validation batch, from which the metrics are computed.
#[derive(Clone, Debug)]
pub struct ExpansionEvaluation {
    output: ExpansionOutput,
    labels: Arc<[WindowLabel]>,
    window: usize,
    scores: Arc<OnceLock<Scores>>,
}

impl ExpansionEvaluation {
    /// Creates the evaluation of a batch of windows of `window` bars.
    pub fn new(output: ExpansionOutput, labels: Arc<[WindowLabel]>, window: usize) -> Self {
        Self {
            output,
            labels,
            window,
            scores: Arc::default(),
        }
    }

    /// Returns the scores. The first call reads and decodes the outputs.
    pub(crate) fn scored(&self) -> Result<Scores, TensorReadError> {
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
    /// The backend's error if the outputs cannot be read.
    pub fn score(&self) -> Result<Scores, TensorReadError> {
        let mut scores = Scores::default();
        self.each(|output, label| scores.add(output, decode(output), label, self.window))?;
        Ok(scores)
    }

    /// Reads the outputs from the device and decodes every window.
    ///
    /// # Errors
    ///
    /// The backend's error if the outputs cannot be read.
    pub fn predictions(&self) -> Result<Vec<Prediction>, TensorReadError> {
        let mut predictions = Vec::with_capacity(self.labels.len());
        self.each(|output, _| predictions.push(decode(output)))?;
        Ok(predictions)
    }

    /// Calls `visit` with the outputs and the label of every window.
    fn each(
        &self,
        mut visit: impl FnMut(WindowOutput<'_>, WindowLabel),
    ) -> Result<(), TensorReadError> {
        let output = self.output.read()?;
        for (output, label) in output.windows().zip(self.labels.iter()) {
            visit(output, *label);
        }
        Ok(())
    }
}

/// Sums over windows, from which every metric is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Scores {
    /// The number of windows.
    pub windows: usize,
    /// The number of bars inside both the true and the predicted expansions.
    pub shared_bars: usize,
    /// The number of bars inside the true plus the number inside the predicted expansions.
    pub total_bars: usize,
    /// The sum over windows of intersection over union.
    pub iou: f64,
    /// The number of windows with start and end at most 3 bars off.
    pub hits: usize,
    /// The number of windows with the right type.
    pub right_kinds: usize,
    /// The sum over windows of the mean distance of start and end of the pointers from the true ones, in bars.
    pub pointer_error: f64,
    /// The sum over windows of the mean distance of the countdown from its target, in bars.
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
        let pointers = prediction.pointers;
        let off = truth.start.abs_diff(pointers.start) + truth.end.abs_diff(pointers.end);
        self.pointer_error += off as f64 / 2.0;
        self.countdown_error += countdown_error(output.countdown, label.start, window);
    }

    /// Adds the windows of another part.
    pub fn merge(&mut self, other: &Self) {
        self.windows += other.windows;
        self.shared_bars += other.shared_bars;
        self.total_bars += other.total_bars;
        self.iou += other.iou;
        self.hits += other.hits;
        self.right_kinds += other.right_kinds;
        self.pointer_error += other.pointer_error;
        self.countdown_error += other.countdown_error;
    }
}

/// Returns the mean distance over the bars. A scalar countdown is one number, in window lengths.
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
