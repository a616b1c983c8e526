//! Cuts series into windows that are labelled by rule or by hand.

use super::cut::Cut;
use super::grid::WindowGrid;
use super::windows::{LeftOut, Window, Windows};
use crate::error::{Error, Result};
use crate::expansion::bars::{Bars, Instrument};
use crate::expansion::label::{Marked, Marks, RuleLabeller};

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
        Self::by_rule_each(&[unnamed(bars)], grid, labeller)
    }

    /// Cuts every instrument into windows that are labelled by rule.
    ///
    /// As [`by_rule`](Self::by_rule); [`WindowGrid::at_most`] thins the windows of all instruments together. An
    /// instrument without a window is left out if there are others ([`without_windows`](Self::without_windows)).
    ///
    /// # Errors
    ///
    /// As [`by_rule`](Self::by_rule), if no instrument has a window; [`Error::Setting`] if there is no instrument.
    pub fn by_rule_each(
        instruments: &[Instrument],
        grid: &WindowGrid,
        labeller: &RuleLabeller,
    ) -> Result<Self> {
        let cut = Cut::new(instruments, grid)?;
        let places = grid.thin(&cut.places);
        let bars = cut.bars.bars();
        let windows: Vec<Window> = places
            .iter()
            .filter_map(|place| {
                let first = cut.first(*place);
                let label = labeller.label(&bars[first..first + grid.length])?;
                Some(Window {
                    first,
                    label,
                    mirrored: false,
                })
            })
            .collect();
        if windows.is_empty() {
            let reason = format!(
                "none of {} windows has an expansion: the price never moves",
                places.len()
            );
            return Err(Error::file(cut.bars.origin(), reason));
        }
        let left_out = LeftOut {
            over_gaps: cut.over_gaps,
            unlabelled: places.len() - windows.len(),
            ..LeftOut::default()
        };
        Ok(Self::of_cut(cut, grid.length, windows, left_out))
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
        Self::by_hand_each(&[unnamed(bars)], grid, std::slice::from_ref(marks))
    }

    /// Cuts every instrument into windows that are labelled by its marked expansions.
    ///
    /// As [`by_hand`](Self::by_hand); [`WindowGrid::at_most`] thins the windows of all instruments together. An
    /// instrument without a window is left out if there are others ([`without_windows`](Self::without_windows)).
    ///
    /// # Errors
    ///
    /// As [`by_hand`](Self::by_hand), if no instrument has a window; [`Error::Setting`] if there is no instrument.
    ///
    /// # Panics
    ///
    /// If there are not as many marks as instruments.
    pub fn by_hand_each(
        instruments: &[Instrument],
        grid: &WindowGrid,
        marks: &[Marks],
    ) -> Result<Self> {
        assert_eq!(instruments.len(), marks.len(), "marks of every instrument");
        let cut = Cut::new(instruments, grid)?;
        let mut left_out = LeftOut {
            over_gaps: cut.over_gaps,
            ..LeftOut::default()
        };
        let mut windows = Vec::new();
        for place in &cut.places {
            let marks = &marks[cut.instruments[place.series]];
            match marks.find(place.first, grid.length) {
                Marked::Once(label) => windows.push(Window {
                    first: cut.first(*place),
                    label,
                    mirrored: false,
                }),
                Marked::Never => left_out.unlabelled += 1,
                Marked::Several => left_out.several += 1,
                Marked::Partly => left_out.partial += 1,
            }
        }
        if windows.is_empty() {
            let reason = no_label(cut.places.len(), grid.length, left_out);
            return Err(Error::file(cut.bars.origin(), reason));
        }
        let windows = grid.thin(&windows);
        Ok(Self::of_cut(cut, grid.length, windows, left_out))
    }
}

/// Returns bars as an instrument without a name.
fn unnamed(bars: &Bars) -> Instrument {
    Instrument {
        name: String::new(),
        bars: bars.clone(),
    }
}

/// Returns the reason of windows without a label by hand.
fn no_label(windows: usize, length: usize, left_out: LeftOut) -> String {
    format!(
        "none of {windows} windows of {length} bars has exactly one whole marked expansion: {} have none, {} several, {} cut \
         one; {}",
        left_out.unlabelled,
        left_out.several,
        left_out.partial,
        if 2 * left_out.several > windows {
            "shorter windows (`model.window` in a config) have fewer"
        } else {
            "a smaller stride (`data.stride`) makes more windows"
        }
    )
}
