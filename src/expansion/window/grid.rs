//! Computes the first bars of the windows of a series.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::expansion::bars::{Bars, Gaps};

/// The settings for cutting a series into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowGrid {
    /// The number of bars per window, at least 1.
    pub length: usize,
    /// The number of bars from the first bar of one window to the first bar of the next, at least 1.
    pub stride: usize,
    /// The largest number of windows, at least 1; the kept windows are spread evenly over the series. Default `None`:
    /// all.
    pub at_most: Option<usize>,
    /// The longest time between two bars that a window may span. Default `None`: the gaps that are usual for the
    /// series, see [`Gaps`].
    pub max_gap: Option<Duration>,
}

impl WindowGrid {
    /// Creates a grid of all windows of `length` bars, one every `stride` bars, that span only gaps that are usual
    /// for the series.
    pub fn new(length: usize, stride: usize) -> Self {
        Self {
            length,
            stride,
            at_most: None,
            max_gap: None,
        }
    }

    fn check(&self, bars: &Bars) -> Result<()> {
        let counts = [
            ("window", self.length),
            ("stride", self.stride),
            ("max_samples", self.at_most.unwrap_or(1)),
        ];
        for (field, value) in counts {
            if value == 0 {
                return Err(Error::setting(field, value, "at least 1"));
            }
        }
        if bars.len() < self.length {
            return Err(Error::TooFew {
                unit: "bars",
                origin: bars.origin().into(),
                found: bars.len(),
                needed: self.length,
                why: format!(
                    "one window has {}; a smaller `model.window` needs fewer",
                    self.length
                ),
            });
        }
        Ok(())
    }

    /// Returns the starts of the windows that span no outage.
    pub(crate) fn starts(&self, bars: &Bars) -> Result<WindowStarts> {
        self.check(bars)?;
        let gaps = Gaps::find(bars, self.max_gap);
        let count = (bars.len() - self.length) / self.stride + 1;
        let firsts: Vec<usize> = (0..count)
            .map(|index| index * self.stride)
            .filter(|first| !gaps.cut(*first, self.length))
            .collect();
        if firsts.is_empty() {
            let reason = format!(
                "each of the {count} windows of {} bars reaches over one of {} gaps; allow longer ones with \
                 `data.max_gap`",
                self.length,
                gaps.outages().len()
            );
            return Err(Error::file(bars.origin(), reason));
        }
        Ok(WindowStarts {
            over_gaps: count - firsts.len(),
            firsts,
            gaps,
        })
    }

    /// Returns at most [`at_most`](Self::at_most) items, spread evenly over all.
    pub(crate) fn thin<T: Copy>(&self, all: &[T]) -> Vec<T> {
        let kept = self.at_most.unwrap_or(all.len()).min(all.len());
        (0..kept)
            .map(|index| all[index * all.len() / kept])
            .collect()
    }
}

/// The starts of the windows of a series.
pub(crate) struct WindowStarts {
    /// The index of the first bar of each window.
    pub(crate) firsts: Vec<usize>,
    /// The number of windows left out because they span an outage.
    pub(crate) over_gaps: usize,
    /// The outages of the series.
    pub(crate) gaps: Gaps,
}
