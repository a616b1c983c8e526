//! Defines labelled windows, which are views over the shared bars of one series or of several.

use std::sync::Arc;

use burn::data::dataset::{Dataset, DatasetError};

use super::cut::Cut;
use super::series::Series;
use crate::expansion::bars::Bars;
use crate::expansion::label::WindowLabel;

/// A labelled window of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The index of the first bar of the window in the bars of its [`Windows`].
    pub first: usize,
    /// The expansion, in bars counted from the first bar of the window.
    pub label: WindowLabel,
    /// Whether the network gets the window upside down: every price is replaced by its negative, and highs by lows. The
    /// label stays valid, because an expansion and its type do not depend on the direction.
    pub mirrored: bool,
}

/// Labelled windows of one series, in the order of time, or of several series, one series after another.
///
/// A window is a view over the shared bars, so memory grows with the bars, not with the overlap of the windows. Cloning
/// shares the bars. No window has bars of two series.
#[derive(Clone, Debug)]
pub struct Windows {
    bars: Bars,
    length: usize,
    /// The number of bars between the training and the validation windows that belong to no window.
    embargo: usize,
    windows: Vec<Window>,
    left_out: LeftOut,
    /// The series, whose bars are one after another in `bars`.
    series: Arc<[Series]>,
    /// The names of instruments without a window, and the reasons.
    without: Arc<[(String, String)]>,
}

/// The numbers of windows that were left out, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// Windows that span a gap: not usual for the series, or longer than
    /// [`WindowGrid::max_gap`](super::WindowGrid::max_gap).
    pub over_gaps: usize,
    /// Windows without an expansion.
    pub unlabelled: usize,
    /// Windows with several expansions.
    pub several: usize,
    /// Windows with an expansion that extends beyond their edge.
    pub partial: usize,
}

impl Windows {
    /// Creates windows that were stored as windows, one after another in `bars`: each window begins where its
    /// predecessor ends. The windows need not belong to one series, so the [split](Self::split) leaves no bars out
    /// between them.
    ///
    /// # Panics
    ///
    /// If there are not `length` bars for every label, or a label starts after its end or ends outside of its window.
    pub fn separate(bars: &Bars, length: usize, labels: &[WindowLabel]) -> Self {
        assert_eq!(bars.len(), length * labels.len(), "bars of all windows");
        let windows = labels.iter().enumerate().map(|(index, label)| {
            assert!(label.start <= label.end && label.end < length, "{label:?}");
            Window {
                first: index * length,
                label: *label,
                mirrored: false,
            }
        });
        Self {
            embargo: 0,
            ..Self::new(bars, length, windows.collect(), LeftOut::default())
        }
    }

    /// Creates windows of a series that are already labelled, in the order of time.
    pub(crate) fn of_series(bars: &Bars, length: usize, windows: Vec<Window>) -> Self {
        Self::new(bars, length, windows, LeftOut::default())
    }

    fn new(bars: &Bars, length: usize, windows: Vec<Window>, left_out: LeftOut) -> Self {
        Self {
            bars: bars.clone(),
            length,
            embargo: length,
            windows,
            left_out,
            series: [Series::only(bars)].into(),
            without: [].into(),
        }
    }

    /// Creates the windows of a cut.
    pub(super) fn of_cut(cut: Cut, length: usize, windows: Vec<Window>, left_out: LeftOut) -> Self {
        Self {
            series: cut.series.into(),
            without: cut.without.into(),
            ..Self::new(&cut.bars, length, windows, left_out)
        }
    }

    /// Returns other windows of the same series.
    pub(super) fn with(&self, windows: Vec<Window>) -> Self {
        self.over(&self.bars, windows)
    }

    fn over(&self, bars: &Bars, windows: Vec<Window>) -> Self {
        Self {
            embargo: self.embargo,
            series: self.series.clone(),
            ..Self::new(bars, self.length, windows, LeftOut::default())
        }
    }

    /// Returns the windows and more windows, over `bars`, which begin with the bars of the windows.
    pub(crate) fn extended(&self, bars: Bars, more: Vec<Window>) -> Self {
        let all = [self.windows.clone(), more].concat();
        self.over(&bars, all)
    }

    /// Returns every window twice, the second time [mirrored](Window::mirrored).
    pub fn with_mirrored(&self) -> Self {
        let both = |window: &Window| {
            let mirrored = Window {
                mirrored: !window.mirrored,
                ..*window
            };
            [*window, mirrored]
        };
        self.with(self.windows.iter().flat_map(both).collect())
    }

    /// Returns the number of windows.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Returns whether there is no window.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Returns the number of bars per window.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Returns the smallest number of bars between the two sides of a [split](Self::split).
    pub fn embargo(&self) -> usize {
        self.embargo
    }

    /// Returns the bars: those of the series, or of all series one after another. The bars of several series have no
    /// time stamps, because together they would be in no order; see [`time`](Self::time).
    pub fn bars(&self) -> &Bars {
        &self.bars
    }

    /// Returns the series that the windows were cut from.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// Returns the windows of one of the [series](Self::series).
    pub fn of(&self, series: &Series) -> Self {
        self.with(self.windows_of(series).to_vec())
    }

    /// Returns the series of a bar and the index of the bar in it, or `None` for a bar of no series, as those of
    /// [joined stretches](super::with_resampled) are.
    pub fn place(&self, bar: usize) -> Option<(&Series, usize)> {
        let after = self.series.partition_point(|series| series.first <= bar);
        let series = self.series.get(after.checked_sub(1)?)?;
        let inside = bar - series.first;
        (inside < series.bars).then_some((series, inside))
    }

    /// Returns the time of a bar in seconds since 1970-01-01 00:00 UTC, or `None` if it has no time stamp.
    pub fn time(&self, bar: usize) -> Option<i64> {
        let (series, inside) = self.place(bar)?;
        self.times(series)?.get(inside).copied()
    }

    /// Returns the time stamps of a series.
    pub(super) fn times<'a>(&'a self, series: &'a Series) -> Option<&'a [i64]> {
        let own = series.times.as_deref();
        let range = series.range();
        own.or_else(|| self.bars.timestamps()?.get(range))
    }

    /// Returns the names of instruments without a window, and the reasons; empty for a side of a split.
    pub fn without_windows(&self) -> &[(String, String)] {
        &self.without
    }

    /// Returns all windows.
    pub(super) fn all(&self) -> &[Window] {
        &self.windows
    }

    /// Returns the windows of a series. Series are one after another, and so are their windows.
    pub(super) fn windows_of(&self, series: &Series) -> &[Window] {
        let range = series.range();
        let from = self.windows.partition_point(|w| w.first < range.start);
        let until = self.windows.partition_point(|w| w.first < range.end);
        &self.windows[from..until]
    }

    /// Returns the windows, series after series, each in the order of time.
    pub fn iter(&self) -> std::slice::Iter<'_, Window> {
        self.windows.iter()
    }

    /// Returns the labels in the order of the windows.
    pub fn labels(&self) -> impl Iterator<Item = WindowLabel> + '_ {
        self.windows.iter().map(|window| window.label)
    }

    /// Returns the number of windows of each of `types` types.
    ///
    /// # Panics
    ///
    /// If a label has another type.
    pub(crate) fn type_counts(&self, types: usize) -> Vec<usize> {
        let mut counts = vec![0; types];
        self.labels()
            .for_each(|label| counts[label.kind.index()] += 1);
        counts
    }

    /// Returns the number of windows left out because they have no expansion.
    pub fn unlabelled(&self) -> usize {
        self.left_out.unlabelled
    }

    /// Returns the numbers of windows that were left out when the series was cut, all 0 for a simulation or a side of a
    /// split.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }
}

impl Dataset<Window> for Windows {
    fn get(&self, index: usize) -> Result<Window, DatasetError> {
        Ok(self.windows[index])
    }

    fn len(&self) -> usize {
        self.windows.len()
    }
}
