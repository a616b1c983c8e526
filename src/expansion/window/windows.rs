//! Windows: views of consecutive bars over one shared series, each with its label. Memory grows with the bars.

use std::sync::Arc;

use burn::data::dataset::{Dataset, DatasetError};

use super::grid::{WindowGrid, WindowStarts};
use crate::error::{Error, Result};
use crate::expansion::bars::{Bars, Gaps};
use crate::expansion::label::{Marked, Marks, RuleLabeller, WindowLabel};

/// One labelled window of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The index of the window's first bar in the series.
    pub first: usize,
    /// The expansion, in bars counted from the window's first.
    pub label: WindowLabel,
    /// Whether the network sees it upside down: every price replaced by its negative, highs by lows. The label stays true,
    /// because an expansion and its type do not depend on the direction.
    pub mirrored: bool,
}

/// Labelled windows of one series, in the order of time.
///
/// Cloning shares the bars.
#[derive(Clone, Debug)]
pub struct Windows {
    bars: Bars,
    length: usize,
    /// The bars that no window has between the training and the validation windows.
    embargo: usize,
    windows: Vec<Window>,
    left_out: LeftOut,
    /// Over which no window reaches.
    gaps: Arc<Gaps>,
}

/// Windows that were left out, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// They reach over a gap that is not usual for the series.
    pub over_gaps: usize,
    /// They have no expansion.
    pub unlabelled: usize,
    /// They have several expansions.
    pub several: usize,
    /// An expansion reaches over their edge.
    pub partial: usize,
}

impl Windows {
    /// Cuts a series into windows of `length` bars, one every `stride` bars, labelled by rule.
    ///
    /// As [`by_rule`](Self::by_rule), over gaps that are usual for the series.
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
    /// Windows that reach over a gap, and then those in which the rule finds no expansion, are left out and counted in
    /// [`left_out`](Self::left_out). [`WindowGrid::at_most`] thins the windows before they are labelled.
    ///
    /// # Errors
    ///
    /// [`Error::TooFew`] if there is not one window, [`Error::Setting`] if a count of the grid is 0, [`Error::File`]
    /// if every window reaches over a gap, or none has an expansion.
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
    /// A window has a label if exactly one expansion lies in it, from its first bar to its last, and no other reaches
    /// into it. Windows without an expansion, with several, and with one that their edge cuts are left out and counted in
    /// [`left_out`](Self::left_out). [`WindowGrid::at_most`] thins the windows that have a label.
    ///
    /// # Errors
    ///
    /// [`Error::TooFew`] if there is not one window, [`Error::Setting`] if a count of the grid is 0, [`Error::File`]
    /// if every window reaches over a gap, or none has a label.
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

    /// Windows that came as windows, one after another in `bars`, which need not belong to one series: each begins where
    /// the one before it ends. The [split](Self::split) leaves nothing out between them.
    ///
    /// # Panics
    ///
    /// If there are not `length` bars for every label, or a label ends outside of its window.
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

    /// Windows of a series that were labelled elsewhere, in the order of time.
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

    /// Splits by time: the last `valid_fraction` of the windows validate, and between the last bar of the training
    /// windows and the first bar of the validation windows lies a gap of at least one window's length; or none, where the
    /// windows are [separate](Self::separate).
    ///
    /// Windows of one series overlap, so a split that shuffles them would validate on bars it was trained on.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `valid_fraction` is not between 0 and 1, [`Error::File`] if one side is left without windows.
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
            return Err(Error::file(
                self.bars.origin(),
                format!(
                    "{} windows do not split: {} would train and {} would validate after a gap of {} bars; \
                     more windows are needed, from more bars or a smaller stride",
                    self.windows.len(),
                    train.len(),
                    valid.len(),
                    self.embargo
                ),
            ));
        }
        Ok((self.with(train.to_vec()), self.with(valid)))
    }

    fn with(&self, windows: Vec<Window>) -> Self {
        Self {
            embargo: self.embargo,
            gaps: self.gaps.clone(),
            ..Self::new(&self.bars, self.length, windows, LeftOut::default())
        }
    }

    /// These windows and more of them, over `bars`, which begin with the bars of these.
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

    /// Bars per window.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Returns the bars that lie between the two sides of a [split](Self::split) at least.
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

    /// Windows left out because they have no expansion.
    pub fn unlabelled(&self) -> usize {
        self.left_out.unlabelled
    }

    /// Returns the outages of the series, over which no window reaches; none where windows were not cut from a series.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Returns the windows that were left out when the series was cut. Nothing is left out of a simulation or a side of a split.
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
