//! Sees by the prices alone that the values of a column tell several instruments apart.
//!
//! In one series a row continues the row before it. Where rows of several instruments are mixed, a row continues the
//! last row of its own value instead, and the price leaps from row to row.

use std::collections::HashMap;

use super::Bar;

/// The number of values whose last prices are kept.
const MOST: usize = 20_000;
/// The number of rows whose value was seen before, without which nothing is concluded.
const FEW: usize = 4;
/// The smallest step of the logarithm of the price that may be a leap to another instrument.
const LEAP: f64 = 0.02;

/// The steps of the price within and between the values of a column.
#[derive(Debug, Default)]
pub(crate) struct PriceJumps {
    /// Whether the rows run from the newest to the oldest.
    newest_first: bool,
    value: String,
    bar: Option<Bar>,
    /// The last price of each value.
    last: HashMap<String, f64>,
    /// The rows with another value than the row before that was seen before, and those of them that are much nearer to
    /// the last row of their value than to the row before.
    returns: usize,
    own: usize,
    /// The rows whose value is new, and those of them whose price leaps.
    news: usize,
    leaps: usize,
    /// The smallest step to a new value, and the largest step between two rows of one value.
    smallest: Option<f64>,
    calm: f64,
    calm_rows: usize,
}

impl PriceJumps {
    /// Creates empty evidence.
    pub(crate) fn new(newest_first: bool) -> Self {
        Self {
            newest_first,
            ..Self::default()
        }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, value: &str, bar: &Bar) {
        let (begin, end) = if self.newest_first {
            (bar.close, bar.open)
        } else {
            (bar.open, bar.close)
        };
        if let Some(before) = self.bar {
            let from = if self.newest_first {
                before.open
            } else {
                before.close
            };
            let step = distance(begin, from);
            if value == self.value {
                self.calm = self.calm.max(step);
                self.calm_rows += 1;
            } else if let Some(own) = self.last.get(value) {
                self.returns += 1;
                self.own += usize::from(3.0 * distance(begin, *own) < step);
            } else {
                self.news += 1;
                self.leaps += usize::from(leaps(step, &before, bar));
                self.smallest = Some(self.smallest.map_or(step, |least| least.min(step)));
            }
        }
        if value != self.value || self.bar.is_none() {
            self.value.clear();
            self.value.push_str(value);
        }
        if let Some(last) = self.last.get_mut(value) {
            *last = end;
        } else if self.last.len() < MOST {
            self.last.insert(value.to_owned(), end);
        }
        self.bar = Some(*bar);
    }

    /// Returns whether the prices show several instruments. `timed` says that the time stamps run in order, so that a
    /// single leap may be a split of the share or an outage.
    pub(crate) fn show_several(&self, timed: bool) -> bool {
        if self.returns >= FEW {
            return self.own * 10 >= self.returns * 9;
        }
        if self.returns > 0 {
            return false;
        }
        let least = if timed { 3 } else { 1 };
        let blocks = self.news >= least && self.calm_rows >= 3 * self.news;
        let apart = |step: f64| step > LEAP && step > 5.0 * self.calm;
        let rows_apart = self.news >= 2 * FEW && self.leaps * 10 >= self.news * 9;
        (blocks && self.smallest.is_some_and(apart)) || rows_apart
    }
}

/// Returns the distance of two prices, as the absolute difference of their logarithms.
fn distance(one: f64, other: f64) -> f64 {
    (one / other).ln().abs()
}

/// Returns whether a step is far beyond the ranges of both bars. Bars without a range tell nothing.
fn leaps(step: f64, before: &Bar, bar: &Bar) -> bool {
    let range = distance(bar.high, bar.low).max(distance(before.high, before.low));
    range > 0.0 && step > LEAP && step > 5.0 * range
}
