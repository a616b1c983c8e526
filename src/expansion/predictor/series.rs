//! Predicts the windows of a complete series, in batches.

use std::vec::IntoIter;

use super::found::{WindowPrediction, longest_step};
use super::{Predictor, WindowView, not_finite};
use crate::error::{Error, Result};
use crate::expansion::bars::Bars;

/// The number of windows per forward pass, the fastest of 8 to 128 by a few percent (two cores, 2026-11-23).
const AT_ONCE: usize = 16;

/// An iterator over the predictions of the windows of a series, oldest first, created by [`Predictor::windows`].
///
/// Predictions are computed as the iterator advances, so memory grows only by 8 bytes per window.
#[derive(Debug)]
pub struct Predictions {
    predictor: Predictor,
    bars: Bars,
    firsts: IntoIter<usize>,
    ready: IntoIter<Result<WindowPrediction>>,
    over_gaps: usize,
}

impl Predictor {
    /// Predicts the windows of a series that start every `stride` bars, from the first bar on, and the window that ends
    /// with the last bar, so that the newest bars are in a window whatever the stride.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `stride` is 0, [`Error::File`] if the further columns of the bars are not those that the
    /// network reads, [`Error::TooFew`] if the series is shorter than a window. An item is [`Error::Prediction`] if the
    /// outputs for its window are not finite, and the last item if the outputs cannot be read from the device.
    pub fn windows(&self, bars: &Bars, stride: usize) -> Result<Predictions> {
        let length = self.window();
        check_stride(stride)?;
        if bars.column_names() != self.columns() {
            let shown = |names: &[String]| match names {
                [] => "no further columns".to_owned(),
                names => format!("the columns {}", names.join(", ")),
            };
            let reason = format!(
                "has {}, but the network reads {} (`data.features_from` of its config)",
                shown(bars.column_names()),
                shown(self.columns())
            );
            return Err(Error::file(bars.origin(), reason));
        }
        if bars.len() < length {
            return Err(Error::TooFew {
                unit: "bars",
                origin: bars.origin().into(),
                found: bars.len(),
                needed: length,
                why: format!("one window has {length}"),
            });
        }
        let last = bars.len() - length;
        let newest = (!last.is_multiple_of(stride)).then_some(last);
        let all = (0..=last).step_by(stride).chain(newest);
        let count = last / stride + 1 + usize::from(newest.is_some());
        let firsts: Vec<usize> = match (self.max_gap(), bars.timestamps()) {
            (Some(longest), Some(stamps)) => all
                .filter(|first| longest_step(&stamps[*first..first + length]) <= longest)
                .collect(),
            _ => all.collect(),
        };
        Ok(Predictions {
            predictor: self.clone(),
            bars: bars.clone(),
            over_gaps: count - firsts.len(),
            firsts: firsts.into_iter(),
            ready: Vec::new().into_iter(),
        })
    }
}

pub(super) fn check_stride(stride: usize) -> Result<()> {
    match stride {
        0 => Err(Error::setting("stride", 0, "at least 1")),
        _ => Ok(()),
    }
}

impl Predictions {
    /// Returns the number of windows left out because they span a gap longer than [`Predictor::max_gap`].
    pub fn over_gaps(&self) -> usize {
        self.over_gaps
    }

    /// Returns the first bars of the windows that are not predicted yet, oldest first.
    pub fn firsts(&self) -> &[usize] {
        self.firsts.as_slice()
    }

    fn compute(&mut self) -> Result<()> {
        let firsts: Vec<usize> = self.firsts.by_ref().take(AT_ONCE).collect();
        let length = self.predictor.window();
        let windows: Vec<WindowView> = firsts
            .iter()
            .map(|first| {
                let bars = &self.bars.bars()[*first..first + length];
                (bars, self.bars.columns(*first, length))
            })
            .collect();
        let found = self.predictor.answer(&windows)?;
        let types = &self.predictor.trained.types;
        let stamps = |first: usize| Some(&self.bars.timestamps()?[first..first + length]);
        let ready: Vec<Result<WindowPrediction>> = firsts
            .into_iter()
            .zip(found)
            .map(|(first, found)| match found {
                Some(found) => Ok(WindowPrediction::new(
                    first,
                    length,
                    found,
                    stamps(first),
                    types,
                )),
                None => Err(not_finite(&format!("the window from bar {first} on"))),
            })
            .collect();
        self.ready = ready.into_iter();
        Ok(())
    }
}

impl Iterator for Predictions {
    type Item = Result<WindowPrediction>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.as_slice().is_empty()
            && let Err(error) = self.compute()
        {
            self.firsts = Vec::new().into_iter();
            return Some(Err(error));
        }
        self.ready.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.ready.len() + self.firsts.len();
        (usize::from(left > 0), Some(left))
    }
}
