//! Bars as they come: keeps the last window, and predicts whenever one is complete.

use super::found::{WindowPrediction, longest_step};
use super::series::check_stride;
use super::{Predictor, not_finite};
use crate::error::{Error, Result};
use crate::expansion::bars::Bar;

/// A series that is still growing; made by [`Predictor::stream`].
///
/// Fed bar by bar, it gives what [`Predictor::windows`] gives for the whole series. Its memory does not grow.
#[derive(Clone, Debug)]
pub struct Stream {
    predictor: Predictor,
    stride: usize,
    /// How many bars were taken.
    taken: usize,
    /// Windows left out.
    over_gaps: usize,
    /// The last bars: a window at least, once there are so many, and at most two.
    bars: Vec<Bar>,
    /// Their stamps; none if the series has none.
    stamps: Vec<i64>,
}

impl Predictor {
    /// Returns a stream of bars with a prediction for every window of which the first bar is a multiple of `stride`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `stride` is 0.
    pub fn stream(&self, stride: usize) -> Result<Stream> {
        check_stride(stride)?;
        Ok(Stream {
            predictor: self.clone(),
            stride,
            taken: 0,
            over_gaps: 0,
            bars: Vec::with_capacity(2 * self.window()),
            stamps: Vec::with_capacity(2 * self.window()),
        })
    }
}

impl Stream {
    /// Takes the next bar, and predicts if a window ends with it. `time` is in seconds since 1970-01-01 00:00 UTC.
    ///
    /// # Errors
    ///
    /// [`Error::Prediction`] if the bar does not pass [`Bar::check`], its time is earlier than that of the bar before, or it
    /// has a time and the others have none or the other way round: such a bar is not taken, and the stream can go on without
    /// it. Also if what the network says of the window is not finite, or cannot be read from the device; that bar was taken.
    pub fn push(&mut self, bar: Bar, time: Option<i64>) -> Result<Option<WindowPrediction>> {
        self.check(&bar, time).map_err(|reason| Error::Prediction {
            reason: format!("bar {}: {reason}", self.taken),
        })?;
        self.keep(bar, time);
        let length = self.predictor.window();
        let Some(first) = self.taken.checked_sub(length) else {
            return Ok(None);
        };
        if !first.is_multiple_of(self.stride) {
            return Ok(None);
        }
        let stamps = last(&self.stamps, length);
        if let (Some(longest), Some(stamps)) = (self.predictor.max_gap(), stamps)
            && longest_step(stamps) > longest
        {
            self.over_gaps += 1;
            return Ok(None);
        }
        let window = &self.bars[self.bars.len() - length..];
        match self.predictor.answer(&[window])?.into_iter().next() {
            Some(Some(found)) => Ok(Some(WindowPrediction::new(first, length, found, stamps))),
            _ => Err(not_finite(&format!("the window from bar {first} on"))),
        }
    }

    /// Windows left out because they reach over a gap longer than [`Predictor::max_gap`].
    pub fn over_gaps(&self) -> usize {
        self.over_gaps
    }

    /// How many bars were taken.
    pub fn taken(&self) -> usize {
        self.taken
    }

    fn check(&self, bar: &Bar, time: Option<i64>) -> Result<(), String> {
        bar.check().map_err(|fault| fault.to_string())?;
        match (time, self.stamps.last()) {
            (Some(time), Some(last)) if time < *last => Err(format!(
                "its time, {time}, is earlier than {last} of the bar before"
            )),
            (None, Some(_)) => Err("it has no time, but the bars before have one".into()),
            (Some(_), None) if self.taken > 0 => {
                Err("it has a time, but the bars before have none".into())
            }
            _ => Ok(()),
        }
    }

    fn keep(&mut self, bar: Bar, time: Option<i64>) {
        // Once in a while instead of with every bar.
        let length = self.predictor.window();
        if self.bars.len() == 2 * length {
            self.bars.drain(..=length);
            self.stamps.drain(..(length + 1).min(self.stamps.len()));
        }
        self.bars.push(bar);
        self.stamps.extend(time);
        self.taken += 1;
    }
}

/// Returns the last `count`, if there are so many.
fn last(stamps: &[i64], count: usize) -> Option<&[i64]> {
    stamps.get(stamps.len().checked_sub(count)?..)
}
