//! Windows: views of consecutive bars over one shared series, each with its label. Memory grows with the bars.

use burn::data::dataset::{Dataset, DatasetError};

use super::bars::Bars;
use super::bars::simulator::Simulation;
use super::labels::{RuleLabeller, WindowLabel};
use crate::error::{Error, Result};

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
    windows: Vec<Window>,
    unlabelled: usize,
}

impl Windows {
    /// Cuts a series into windows of `length` bars, one every `stride` bars, labelled by rule.
    ///
    /// Windows in which the rule finds no expansion are left out and counted in [`unlabelled`](Self::unlabelled).
    /// `at_most` thins the windows evenly over the whole series before they are labelled.
    ///
    /// # Errors
    ///
    /// [`Error::TooFewBars`] if there is not one window, [`Error::Setting`] if `length`, `stride` or `at_most` is 0,
    /// [`Error::File`] if no window has an expansion.
    pub fn labelled(
        bars: &Bars,
        length: usize,
        stride: usize,
        at_most: Option<usize>,
        labeller: &RuleLabeller,
    ) -> Result<Self> {
        for (field, value) in [
            ("window", length),
            ("stride", stride),
            ("max_samples", at_most.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err(Error::setting(field, value, "at least 1"));
            }
        }
        if bars.len() < length {
            return Err(Error::TooFewBars {
                origin: bars.origin().into(),
                found: bars.len(),
                needed: length,
                why: format!("one window has {length}"),
            });
        }
        let count = (bars.len() - length) / stride + 1;
        let kept = at_most.unwrap_or(count).min(count);
        let firsts = (0..kept).map(|index| index * count / kept * stride);
        let windows: Vec<Window> = firsts
            .filter_map(|first| {
                let label = labeller.label(&bars.bars()[first..first + length])?;
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
                format!("none of {kept} windows has an expansion: the price never moves"),
            ));
        }
        Ok(Self {
            bars: bars.clone(),
            length,
            unlabelled: kept - windows.len(),
            windows,
        })
    }

    /// The windows of a simulation, with the labels it was built from.
    pub fn simulated(simulation: &Simulation) -> Self {
        let windows = simulation
            .window_starts()
            .zip(&simulation.expansions)
            .map(|(first, expansion)| Window {
                first,
                label: WindowLabel {
                    start: expansion.start - first,
                    end: expansion.end - first,
                    kind: expansion.kind,
                },
                mirrored: false,
            })
            .collect();
        Self {
            bars: simulation.bars.clone(),
            length: simulation.window,
            windows,
            unlabelled: 0,
        }
    }

    /// Splits by time: the last `valid_fraction` of the windows validate, and between the last bar of the training
    /// windows and the first bar of the validation windows lies a gap of at least one window's length.
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
        let clear = train.last().map_or(0, |w| w.first + 2 * self.length);
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
                    self.length
                ),
            ));
        }
        Ok((self.with(train.to_vec()), self.with(valid)))
    }

    fn with(&self, windows: Vec<Window>) -> Self {
        Self {
            bars: self.bars.clone(),
            length: self.length,
            windows,
            unlabelled: 0,
        }
    }

    /// These windows and more of them, over `bars`, which begin with the bars of these.
    pub(super) fn extended(&self, bars: Bars, more: Vec<Window>) -> Self {
        Self {
            bars,
            length: self.length,
            windows: [self.windows.clone(), more].concat(),
            unlabelled: 0,
        }
    }

    /// Every window twice, the second time [mirrored](Window::mirrored).
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

    /// The number of windows.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether there is no window.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Bars per window.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The series.
    pub fn bars(&self) -> &Bars {
        &self.bars
    }

    /// The windows in the order of time.
    pub fn iter(&self) -> std::slice::Iter<'_, Window> {
        self.windows.iter()
    }

    /// The labels in the order of time.
    pub fn labels(&self) -> impl Iterator<Item = WindowLabel> + '_ {
        self.windows.iter().map(|window| window.label)
    }

    /// Windows left out because the rule found no expansion in them.
    pub fn unlabelled(&self) -> usize {
        self.unlabelled
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
