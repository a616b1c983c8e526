//! Predicts the windows of a growing series, bar by bar.

use super::found::{WindowPrediction, longest_step};
use super::series::check_stride;
use super::{Predictor, not_finite};
use crate::error::{Error, Result};
use crate::expansion::bars::Bar;

/// A predictor over a growing series, created by [`Predictor::stream`].
///
/// Its predictions, with that of [`finish`](Self::finish), are those of [`Predictor::windows`] for the whole series.
/// Its memory does not grow.
#[derive(Clone, Debug)]
pub struct Stream {
    predictor: Predictor,
    stride: usize,
    /// The number of bars taken.
    taken: usize,
    /// The number of windows left out.
    over_gaps: usize,
    /// The last bars: at least one window once enough bars were taken, at most two.
    bars: Vec<Bar>,
    /// The time stamps of `bars`; empty if the series has none.
    stamps: Vec<i64>,
    /// The further columns of `bars`, bar after bar.
    columns: Vec<f64>,
}

impl Predictor {
    /// Creates a stream that predicts every window whose first bar has an index that is a multiple of `stride`, and at
    /// its [end](Stream::finish) the window that ends with the last bar.
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
            columns: Vec::new(),
        })
    }
}

impl Stream {
    /// Takes the next bar, and predicts if a window ends with it. `time` is in seconds since 1970-01-01 00:00 UTC.
    ///
    /// Returns `None` if no window ends with the bar, or if the window is left out because of a gap.
    ///
    /// # Errors
    ///
    /// [`Error::Prediction`] in two cases:
    ///
    /// * the bar does not pass [`Bar::check`], its time is earlier than the time of the bar before, or only some bars
    ///   have a time: the bar is not taken, and the stream can continue without it;
    /// * the outputs for the window are not finite or cannot be read from the device: the bar was taken.
    pub fn push(&mut self, bar: Bar, time: Option<i64>) -> Result<Option<WindowPrediction>> {
        self.push_row(bar, time, &[])
    }

    /// Takes the next bar with its further columns, and predicts if a window ends with it, as [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push); [`Error::Prediction`] also if `columns` does not hold a finite number for each of
    /// [`Predictor::columns`]: the bar is not taken.
    pub fn push_row(
        &mut self,
        bar: Bar,
        time: Option<i64>,
        columns: &[f64],
    ) -> Result<Option<WindowPrediction>> {
        self.check(&bar, time, columns)
            .map_err(|reason| Error::Prediction {
                reason: format!("bar {}: {reason}", self.taken),
            })?;
        self.keep(bar, time);
        self.columns.extend_from_slice(columns);
        match self.newest() {
            Some(first) if first.is_multiple_of(self.stride) => self.predict(first),
            _ => Ok(None),
        }
    }

    /// Predicts the window that ends with the last bar, for a series that has come to its end.
    ///
    /// Returns `None` if [`push`](Self::push) has predicted this window, if it is left out because of a gap, or if
    /// fewer bars than a window were taken.
    ///
    /// # Errors
    ///
    /// [`Error::Prediction`] if the outputs for the window are not finite or cannot be read from the device.
    pub fn finish(&mut self) -> Result<Option<WindowPrediction>> {
        match self.newest() {
            Some(first) if !first.is_multiple_of(self.stride) => self.predict(first),
            _ => Ok(None),
        }
    }

    /// Returns the first bar of the window that ends with the last bar.
    fn newest(&self) -> Option<usize> {
        self.taken.checked_sub(self.predictor.window())
    }

    /// Predicts the window that ends with the last bar.
    fn predict(&mut self, first: usize) -> Result<Option<WindowPrediction>> {
        let length = self.predictor.window();
        let stamps = last(&self.stamps, length);
        if let (Some(longest), Some(stamps)) = (self.predictor.max_gap(), stamps)
            && longest_step(stamps) > longest
        {
            self.over_gaps += 1;
            return Ok(None);
        }
        let bars = &self.bars[self.bars.len() - length..];
        let further = length * self.predictor.trained.features.further;
        let columns = &self.columns[self.columns.len() - further..];
        let types = &self.predictor.trained.types;
        match self
            .predictor
            .answer(&[(bars, columns)])?
            .into_iter()
            .next()
        {
            Some(Some(found)) => Ok(Some(WindowPrediction::new(
                first, length, found, stamps, types,
            ))),
            _ => Err(not_finite(&format!("the window from bar {first} on"))),
        }
    }

    /// Returns the number of windows left out because they span a gap longer than [`Predictor::max_gap`].
    pub fn over_gaps(&self) -> usize {
        self.over_gaps
    }

    /// Returns the number of bars taken.
    pub fn taken(&self) -> usize {
        self.taken
    }

    fn check(&self, bar: &Bar, time: Option<i64>, columns: &[f64]) -> Result<(), String> {
        bar.check().map_err(|fault| fault.to_string())?;
        let names = self.predictor.columns();
        let wanted = self.predictor.trained.features.further;
        if columns.len() != wanted {
            return Err(format!(
                "it has {} further columns, but the network reads {wanted} ({})",
                columns.len(),
                names.join(", ")
            ));
        }
        if let Some(place) = columns.iter().position(|value| !value.is_finite()) {
            let name = names.get(place).map_or("", String::as_str);
            return Err(format!(
                "its column `{name}` is {}, which is not finite",
                columns[place]
            ));
        }
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
        // Drained once per window instead of with every bar.
        let length = self.predictor.window();
        if self.bars.len() == 2 * length {
            self.bars.drain(..=length);
            self.stamps.drain(..(length + 1).min(self.stamps.len()));
            let further = self.predictor.trained.features.further;
            self.columns.drain(..(length + 1) * further);
        }
        self.bars.push(bar);
        self.stamps.extend(time);
        self.taken += 1;
    }
}

/// Returns the last `count` stamps, or `None` if there are fewer.
fn last(stamps: &[i64], count: usize) -> Option<&[i64]> {
    stamps.get(stamps.len().checked_sub(count)?..)
}
