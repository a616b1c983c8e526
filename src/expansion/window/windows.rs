//! Defines labelled windows, which are views over one shared series, and splits them by time.

use std::sync::Arc;

use burn::data::dataset::{Dataset, DatasetError};

use super::grid::{WindowGrid, WindowStarts};
use crate::error::{Error, Result};
use crate::expansion::bars::{Bars, Gaps};
use crate::expansion::label::{Marked, Marks, RuleLabeller, WindowLabel};

/// A labelled window of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The index of the first bar of the window in the series.
    pub first: usize,
    /// The expansion, in bars counted from the first bar of the window.
    pub label: WindowLabel,
    /// Whether the network gets the window upside down: every price is replaced by its negative, and highs by lows. The
    /// label stays valid, because an expansion and its type do not depend on the direction.
    pub mirrored: bool,
}

/// Labelled windows of one series, in the order of time.
///
/// A window is a view over the shared bars, so memory grows with the bars, not with the overlap of the windows. Cloning
/// shares the bars.
#[derive(Clone, Debug)]
pub struct Windows {
    bars: Bars,
    length: usize,
    /// The number of bars between the training and the validation windows that belong to no window.
    embargo: usize,
    windows: Vec<Window>,
    left_out: LeftOut,
    /// The outages, which no window spans.
    gaps: Arc<Gaps>,
}

/// The numbers of windows that were left out, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// Windows that span a gap: not usual for the series, or longer than [`WindowGrid::max_gap`].
    pub over_gaps: usize,
    /// Windows without an expansion.
    pub unlabelled: usize,
    /// Windows with several expansions.
    pub several: usize,
    /// Windows with an expansion that extends beyond their edge.
    pub partial: usize,
}

impl Windows {
    /// Cuts a series into windows of `length` bars, one every `stride` bars, that are labelled by rule.
    ///
    /// Calls [`by_rule`](Self::by_rule); windows may span gaps that are usual for the series.
    ///
    /// # Errors
    ///
    /// As [`by_rule`](Self::by_rule).
    pub fn labelled(
        bars: &Bars,
        length: usize,
        stride: usize,
        at_most: Option<usize>,
        labeller: &RuleLabeller,
    ) -> Result<Self> {
        let grid = WindowGrid {
            at_most,
            ..WindowGrid::new(length, stride)
        };
        Self::by_rule(bars, &grid, labeller)
    }

    /// Cuts a series into windows that are labelled by rule.
    ///
    /// Windows that span a gap, and windows in which the rule finds no expansion, are left out and counted in
    /// [`left_out`](Self::left_out). [`WindowGrid::at_most`] thins the windows before they are labelled.
    ///
    /// # Errors
    ///
    /// [`Error::TooFew`] if there is not one window, [`Error::Setting`] if a count of the grid is 0, [`Error::File`]
    /// if every window spans a gap, or none has an expansion.
    pub fn by_rule(bars: &Bars, grid: &WindowGrid, labeller: &RuleLabeller) -> Result<Self> {
        let WindowStarts {
            firsts,
            over_gaps,
            gaps,
        } = grid.starts(bars)?;
        let firsts = grid.thin(&firsts);
        let windows: Vec<Window> = firsts
            .iter()
            .filter_map(|&first| {
                let label = labeller.label(&bars.bars()[first..first + grid.length])?;
                Some(Window {
                    first,
                    label,
                    mirrored: false,
                })
            })
            .collect();
        if windows.is_empty() {
            return Err(Error::file(
                bars.origin(),
                format!(
                    "none of {} windows has an expansion: the price never moves",
                    firsts.len()
                ),
            ));
        }
        let left_out = LeftOut {
            over_gaps,
            unlabelled: firsts.len() - windows.len(),
            ..LeftOut::default()
        };
        Ok(Self {
            gaps: Arc::new(gaps),
            ..Self::new(bars, grid.length, windows, left_out)
        })
    }

    /// Cuts a series into windows that are labelled by marked expansions.
    ///
    /// A window has a label if exactly one whole expansion lies in it and no other expansion overlaps it. Windows that
    /// span a gap, without an expansion, with several expansions, and with an expansion cut by their edge are left out
    /// and counted in [`left_out`](Self::left_out). [`WindowGrid::at_most`] thins the windows that have a label.
    ///
    /// # Errors
    ///
    /// [`Error::TooFew`] if there is not one window, [`Error::Setting`] if a count of the grid is 0, [`Error::File`]
    /// if every window spans a gap, or none has a label.
    pub fn by_hand(bars: &Bars, grid: &WindowGrid, marks: &Marks) -> Result<Self> {
        let WindowStarts {
            firsts,
            over_gaps,
            gaps,
        } = grid.starts(bars)?;
        let mut left_out = LeftOut {
            over_gaps,
            ..LeftOut::default()
        };
        let mut windows = Vec::new();
        for &first in &firsts {
            match marks.find(first, grid.length) {
                Marked::Once(label) => windows.push(Window {
                    first,
                    label,
                    mirrored: false,
                }),
                Marked::Never => left_out.unlabelled += 1,
                Marked::Several => left_out.several += 1,
                Marked::Partly => left_out.partial += 1,
            }
        }
        if windows.is_empty() {
            let reason = format!(
                "none of {} windows of {} bars has exactly one whole marked expansion: {} have none, {} several, {} cut \
                 one; {}",
                firsts.len(),
                grid.length,
                left_out.unlabelled,
                left_out.several,
                left_out.partial,
                if 2 * left_out.several > firsts.len() {
                    "shorter windows (`model.window` in a config) have fewer"
                } else {
                    "a smaller stride (`data.stride`) makes more windows"
                }
            );
            return Err(Error::file(bars.origin(), reason));
        }
        Ok(Self {
            gaps: Arc::new(gaps),
            ..Self::new(bars, grid.length, grid.thin(&windows), left_out)
        })
    }

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
            gaps: Arc::default(),
        }
    }

    /// Splits the windows by time into training and validation windows.
    ///
    /// The last `valid_fraction` of the windows validate. Between the last bar of the training windows and the first
    /// bar of the validation windows lies a gap of at least one window length, and validation windows before its end
    /// are dropped; [separate](Self::separate) windows have no gap. Windows of one series overlap, so a shuffled split
    /// would validate on training bars.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `valid_fraction` is not between 0 and 1, [`Error::File`] if one side has no window.
    ///
    /// # Example
    /// ```
    /// use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
    ///
    /// let simulator = Simulator::new(SimulatorConfig::default(), 7)?;
    /// let (train, valid) = simulator.simulate_windows(100).windows().split(0.2)?;
    /// assert_eq!((train.len(), valid.len()), (80, 19));
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn split(&self, valid_fraction: f64) -> Result<(Self, Self)> {
        if !(valid_fraction > 0.0 && valid_fraction < 1.0) {
            return Err(Error::setting(
                "valid_fraction",
                valid_fraction,
                "above 0 and below 1",
            ));
        }
        let training = (self.windows.len() as f64 * (1.0 - valid_fraction)).round() as usize;
        let (train, rest) = self.windows.split_at(training.min(self.windows.len()));
        let clear = train
            .last()
            .map_or(0, |w| w.first + self.length + self.embargo);
        let valid: Vec<Window> = rest.iter().copied().filter(|w| w.first >= clear).collect();
        if train.is_empty() || valid.is_empty() {
            let reason = format!(
                "{} windows do not split: {} would train and {} would validate after a gap of {} bars; {}",
                self.windows.len(),
                train.len(),
                valid.len(),
                self.embargo,
                self.needed_to_split(valid_fraction)
            );
            return Err(Error::file(self.bars.origin(), reason));
        }
        Ok((self.with(train.to_vec()), self.with(valid)))
    }

    /// Returns what is needed for a split, in words.
    fn needed_to_split(&self, valid_fraction: f64) -> String {
        let apart = (self.length + self.embargo) as f64;
        let needed = self.length + (apart / valid_fraction).ceil() as usize;
        if self.embargo == 0 || self.bars.len() >= needed {
            let more = "more windows are needed, from a smaller `data.stride`, a larger `data.max_samples` or more bars";
            return more.into();
        }
        format!(
            "with `model.window` {} and `data.valid_fraction` {valid_fraction}, about {needed} bars are needed, and there are \
             {}; a smaller `model.window` needs fewer",
            self.length,
            self.bars.len()
        )
    }

    fn with(&self, windows: Vec<Window>) -> Self {
        Self {
            embargo: self.embargo,
            gaps: self.gaps.clone(),
            ..Self::new(&self.bars, self.length, windows, LeftOut::default())
        }
    }

    /// Returns the windows and more windows, over `bars`, which begin with the bars of the windows.
    pub(crate) fn extended(&self, bars: Bars, more: Vec<Window>) -> Self {
        let all = [self.windows.clone(), more].concat();
        Self {
            embargo: self.embargo,
            gaps: self.gaps.clone(),
            ..Self::new(&bars, self.length, all, LeftOut::default())
        }
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

    /// Returns the series.
    pub fn bars(&self) -> &Bars {
        &self.bars
    }

    /// Returns the windows in the order of time.
    pub fn iter(&self) -> std::slice::Iter<'_, Window> {
        self.windows.iter()
    }

    /// Returns the labels in the order of time.
    pub fn labels(&self) -> impl Iterator<Item = WindowLabel> + '_ {
        self.windows.iter().map(|window| window.label)
    }

    /// Returns the number of windows left out because they have no expansion.
    pub fn unlabelled(&self) -> usize {
        self.left_out.unlabelled
    }

    /// Returns the outages of the series, which no window spans. There are none if the windows were not cut from a
    /// series.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
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
