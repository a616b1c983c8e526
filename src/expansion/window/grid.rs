//! Where the windows of a series begin.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::expansion::bars::{Bars, Gaps};

/// How a series is cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowGrid {
    /// Bars per window, at least 1.
    pub length: usize,
    /// Bars from the first bar of one window to that of the next, at least 1.
    pub stride: usize,
    /// Windows at most, spread evenly over the series, at least 1; all of them if not given.
    pub at_most: Option<usize>,
    /// The longest time between two bars that a window may reach over; what is usual for the series if not given, see
    /// [`Gaps::find`].
    pub max_gap: Option<Duration>,
}

impl WindowGrid {
    /// Creates all windows of `length` bars, one every `stride` bars, over gaps that are usual for the series.
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
                why: format!("one window has {}", self.length),
            });
        }
        Ok(())
    }

    /// Where the windows that reach over no outage begin.
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

    /// Evenly spread over all of them, as many as there may be.
    pub(crate) fn thin<T: Copy>(&self, all: &[T]) -> Vec<T> {
        let kept = self.at_most.unwrap_or(all.len()).min(all.len());
        (0..kept)
            .map(|index| all[index * all.len() / kept])
            .collect()
    }
}

/// Where the windows of a series begin.
pub(crate) struct WindowStarts {
    /// The first bar of each.
    pub(crate) firsts: Vec<usize>,
    /// How many would reach over an outage.
    pub(crate) over_gaps: usize,
    /// The outages.
    pub(crate) gaps: Gaps,
}
