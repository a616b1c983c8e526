//! Makes more training windows from the same bars: two stretches of the series are joined and labelled by the rule.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::series::Series;
use super::windows::{Window, Windows};
use crate::error::{Error, Result};
use crate::expansion::bars::{Bar, Bars, Gaps};
use crate::expansion::label::RuleLabeller;

/// The number of true ranges in an ATR.
const ATR_BARS: usize = 10;
/// The largest ratio of the volatilities of two stretches that are joined.
const LARGEST_FACTOR: f64 = 10.0;
/// The largest deviation of a column relative to its mean that may be a rounding error.
const CONSTANT: f64 = 1e-12;
/// The number of failed draws after which the series is refused.
const PATIENCE: usize = 1000;

/// Settings of [`with_resampled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resample {
    /// The number of new windows per existing window, at most 100. 0 adds no window.
    pub copies: usize,
    /// The number of bars from the first bar of one window of a segment to the first bar of the next, at least 1.
    pub stride: usize,
    /// The seed of all draws.
    pub seed: u64,
}

impl Resample {
    /// The largest number of new windows for each window, beyond which they only fill the memory.
    pub(crate) const MOST_COPIES: usize = 100;
}

/// Returns `windows` and, after them, new windows of joined stretches of their bars, labelled by the rule.
///
/// Overlapping windows of one series show the same bursts of price beside the same rivals, so a network memorises
/// which burst is the expansion. A segment is one window length of bars from one place, followed by one window length
/// from another place. In every window that spans the join, the rule decides between bursts from both places, so its
/// label is as valid as any other label. The second stretch is moved to the last price of the first and scaled by `k`,
///
/// ```text
/// p' = close of the first + k (p - close before the second),   k = ATR at the end of the first / ATR before the second
/// ```
///
/// so that the volatility continues across the join. Without `k` the join would be the strongest move of many windows.
/// Both ATRs are means of ten true ranges. Stretches with `k` outside 1/10 to 10 are not joined. The rule divides price
/// differences by price differences, so inside a stretch `k` changes nothing. Joining blocks of a series is the idea of
/// the block bootstrap (H. R. Künsch, 1989).
///
/// [Further columns](Bars::with_columns) are joined too: those of the second stretch are moved to the mean and the
/// deviation of the first.
///
/// A stretch spans no [gap](Series::gaps) that the windows do not span. Both stretches of a segment are of one series,
/// and a series is drawn as often as its share of the bars. Bars after the last of `windows` are not
/// used, so no bar of a later split enters.
///
/// # Errors
///
/// [`Error::TooFew`] if the windows span less than two window lengths and the bars of an ATR, [`Error::File`] if no two
/// stretches can be joined because the price hardly ever moves, or the rule finds no expansion in windows of this
/// length, [`Error::Setting`] if the stride is 0 or the copies are more than 100.
pub fn with_resampled(
    windows: &Windows,
    joined: &Resample,
    labeller: &RuleLabeller,
) -> Result<Windows> {
    let (copies, stride) = (joined.copies, joined.stride);
    if stride == 0 {
        return Err(Error::setting("stride", 0, "at least 1"));
    }
    if copies > Resample::MOST_COPIES {
        let expected = format!("at most {}", Resample::MOST_COPIES);
        return Err(Error::setting("copies", copies, expected));
    }
    let mut joiner = Joiner::new(windows, joined)?;
    let wanted = windows.len() * copies;
    let all = windows.bars();
    let (mut bars, mut more) = (all.bars().to_vec(), Vec::with_capacity(wanted));
    let mut columns = all.columns(0, all.len()).to_vec();
    let mut in_vain = 0;
    while more.len() < wanted {
        let segment = joiner.segment()?;
        let length = windows.length();
        let (base, before) = (bars.len(), more.len());
        // Every window of the segment except the first spans the join.
        for first in (1..length).step_by(stride) {
            if let Some(label) = labeller.label(&segment.bars[first..first + length]) {
                more.push(Window {
                    first: base + first,
                    label,
                    mirrored: false,
                });
            }
        }
        if more.len() > before {
            bars.extend(segment.bars);
            columns.extend(segment.columns);
            continue;
        }
        in_vain += 1;
        if in_vain == PATIENCE {
            let reason = "the rule finds no expansion in any window of two joined stretches";
            return Err(Error::file(windows.bars().origin(), reason));
        }
    }
    more.truncate(wanted);
    let mut bars = Bars::new(bars, None, all.origin())?;
    if !all.column_names().is_empty() {
        bars = bars.with_columns(all.column_names(), columns)?;
    }
    Ok(windows.extended(bars, more))
}

/// Two joined stretches.
struct Segment {
    bars: Vec<Bar>,
    /// The further columns, bar after bar.
    columns: Vec<f64>,
}

/// A generator of segments, which are pairs of joined stretches of one series.
struct Joiner<'a> {
    parts: Vec<Part<'a>>,
    origin: &'a str,
    random: ChaCha8Rng,
}

/// The bars of one series that stretches are taken from.
struct Part<'a> {
    bars: &'a [Bar],
    /// The further columns, bar after bar.
    columns: &'a [f64],
    /// The index of the first bar in the series.
    first: usize,
    gaps: &'a Gaps,
    length: usize,
}

impl<'a> Joiner<'a> {
    fn new(windows: &'a Windows, joined: &Resample) -> Result<Self> {
        let parts = windows.series().iter().map(|one| Part::new(windows, one));
        let parts: Vec<Part<'a>> = parts.collect();
        let needed = 2 * windows.length() + ATR_BARS + 1;
        let longest = parts.iter().map(|part| part.bars.len()).max().unwrap_or(0);
        if longest < needed {
            return Err(Error::TooFew {
                unit: "bars",
                origin: windows.bars().origin().into(),
                found: longest,
                needed,
                why: "two stretches to join and the bars before them".into(),
            });
        }
        let mut random = ChaCha8Rng::seed_from_u64(joined.seed);
        // A stream of its own: the order of the samples uses the streams of the epochs.
        random.set_stream(u64::MAX);
        let long = parts.into_iter().filter(|part| part.bars.len() >= needed);
        Ok(Self {
            parts: long.collect(),
            origin: windows.bars().origin(),
            random,
        })
    }

    fn segment(&mut self) -> Result<Segment> {
        for _ in 0..PATIENCE {
            let index = self.draw();
            let part = &self.parts[index];
            let mut start = || {
                let last = part.bars.len() - part.length;
                self.random.random_range(ATR_BARS + 1..=last)
            };
            let (first, second) = (start(), start());
            if let Some(segment) = part.joined(first, second) {
                return Ok(segment);
            }
        }
        let reason = "no two stretches of it can be joined: its price hardly ever moves";
        Err(Error::file(self.origin, reason))
    }

    /// Draws a series, each with the probability of its share of the bars. A single series takes no random number.
    fn draw(&mut self) -> usize {
        if self.parts.len() == 1 {
            return 0;
        }
        let all: usize = self.parts.iter().map(|part| part.bars.len()).sum();
        let mut bar = self.random.random_range(0..all);
        for (index, part) in self.parts.iter().enumerate() {
            match bar.checked_sub(part.bars.len()) {
                Some(after) => bar = after,
                None => return index,
            }
        }
        0
    }
}

impl<'a> Part<'a> {
    /// Creates the part of a series from the first to the last bar of its windows.
    fn new(windows: &'a Windows, series: &'a Series) -> Self {
        let length = windows.length();
        let (first, last) = match windows.windows_of(series) {
            [] => (series.range().start, series.range().start),
            [only] => (only.first, only.first + length),
            [first, .., last] => (first.first, last.first + length),
        };
        Self {
            bars: &windows.bars().bars()[first..last],
            columns: windows.bars().columns(first, last - first),
            first: first - series.range().start,
            gaps: series.gaps(),
            length,
        }
    }

    /// Returns the joined stretches that begin at two bars. Returns `None` if a stretch spans an outage, the
    /// volatilities differ too much, or a price falls to zero.
    fn joined(&self, first: usize, second: usize) -> Option<Segment> {
        let (end, length) = (first + self.length, self.length);
        if [first, second].iter().any(|start| self.over_gap(*start)) {
            return None;
        }
        let factor = self.atr(end) / self.atr(second);
        if !(1.0 / LARGEST_FACTOR..=LARGEST_FACTOR).contains(&factor) {
            return None;
        }
        let (to, from) = (self.bars[end - 1].close, self.bars[second - 1].close);
        let moved = |price: f64| to + factor * (price - from);
        let mut segment = self.bars[first..end].to_vec();
        segment.extend(self.bars[second..second + length].iter().map(|bar| Bar {
            open: moved(bar.open),
            high: moved(bar.high),
            low: moved(bar.low),
            close: moved(bar.close),
        }));
        let valid = segment.iter().all(|bar| bar.check().is_ok());
        valid.then(|| Segment {
            bars: segment,
            columns: self.joined_columns(first, second),
        })
    }

    /// Returns the further columns of two stretches. Those of the second are moved to the mean and the deviation of the
    /// first, so that the join does not show in them.
    fn joined_columns(&self, first: usize, second: usize) -> Vec<f64> {
        let count = self.columns.len() / self.bars.len();
        let of = |start: usize| &self.columns[start * count..(start + self.length) * count];
        let (one, other) = (of(first), of(second));
        let spread = |values: &[f64], column: usize| {
            let values = values.iter().skip(column).step_by(count.max(1));
            let mean = values.clone().sum::<f64>() / self.length as f64;
            let first = values.clone().next().copied().unwrap_or(mean);
            let squares = values.map(|value| (value - mean).powi(2)).sum::<f64>();
            let deviation = (squares / self.length as f64).sqrt();
            // The mean of equal values is off by a rounding error, which is no deviation.
            if deviation <= CONSTANT * mean.abs() {
                (first, 0.0)
            } else {
                (mean, deviation)
            }
        };
        let spreads: Vec<_> = (0..count)
            .map(|column| (spread(one, column), spread(other, column)))
            .collect();
        let moved = other.iter().enumerate().map(|(place, value)| {
            let ((to, wide), (from, before)) = spreads[place % count];
            if before == 0.0 {
                return to;
            }
            let moved = to + wide / before * (value - from);
            if moved.is_finite() { moved } else { to }
        });
        one.iter().copied().chain(moved).collect()
    }

    /// Returns whether a stretch, or the bars before it that enter its ATR, spans an outage.
    fn over_gap(&self, start: usize) -> bool {
        let before = ATR_BARS + 1;
        self.gaps
            .cut(self.first + start - before, self.length + before)
    }

    /// Returns the mean true range of the ten bars before `bar`.
    fn atr(&self, bar: usize) -> f64 {
        let range = |t: usize| {
            let before = self.bars[t - 1].close;
            self.bars[t].high.max(before) - self.bars[t].low.min(before)
        };
        (bar - ATR_BARS..bar).map(range).sum::<f64>() / ATR_BARS as f64
    }
}
