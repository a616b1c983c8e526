//! Cuts series into windows: the first bars of the windows of every series, in their order.

use super::grid::WindowGrid;
use super::series::{Series, Without, each, joined};
use crate::error::{Error, Result};
use crate::expansion::bars::{Bars, Instrument};

/// The windows of several series, before they have labels.
pub(super) struct Cut {
    /// The bars of all series, one after another.
    pub(super) bars: Bars,
    pub(super) series: Vec<Series>,
    /// The index of each series among the instruments.
    pub(super) instruments: Vec<usize>,
    pub(super) places: Vec<Place>,
    /// The number of windows left out because they span an outage.
    pub(super) over_gaps: usize,
    /// The names of instruments without a window, and the reasons.
    pub(super) without: Without,
}

/// The place of a window.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The index of the series.
    pub(super) series: usize,
    /// The index of the first bar in the series.
    pub(super) first: usize,
}

impl Cut {
    /// Cuts every instrument. An instrument without a window is left out if there are others.
    pub(super) fn new(instruments: &[Instrument], grid: &WindowGrid) -> Result<Self> {
        check_columns(instruments)?;
        let (starts, without) = each(instruments, |one| grid.starts(&one.bars))?;
        let (mut kept, mut indices) = (Vec::new(), Vec::new());
        let (mut places, mut over_gaps) = (Vec::new(), 0);
        for (series, (index, starts)) in starts.into_iter().enumerate() {
            let of = |first: &usize| Place {
                series,
                first: *first,
            };
            places.extend(starts.firsts.iter().map(of));
            over_gaps += starts.over_gaps;
            kept.push((&instruments[index], starts.gaps));
            indices.push(index);
        }
        let (bars, series) = joined(&kept);
        Ok(Self {
            bars,
            series,
            instruments: indices,
            places,
            over_gaps,
            without,
        })
    }

    /// Returns the index of the first bar of a window among the bars of all series.
    pub(super) fn first(&self, place: Place) -> usize {
        self.series[place.series].first + place.first
    }
}

/// Checks that all instruments have the same further columns.
fn check_columns(instruments: &[Instrument]) -> Result<()> {
    for pair in instruments.windows(2) {
        let (one, other) = (&pair[0].bars, &pair[1].bars);
        if one.column_names() != other.column_names() {
            let reason = format!(
                "its further columns are [{}], those of {} are [{}]; all instruments need the same",
                other.column_names().join(", "),
                one.origin(),
                one.column_names().join(", ")
            );
            return Err(Error::file(other.origin(), reason));
        }
    }
    Ok(())
}
