//! Joins the bars of several series to one list, and says which bars belong to which series.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::expansion::bars::{Bar, Bars, Gaps, Instrument};

/// A series that windows were cut from.
#[derive(Clone, Debug)]
pub struct Series {
    pub(super) name: String,
    pub(super) first: usize,
    pub(super) bars: usize,
    pub(super) gaps: Gaps,
    /// The time stamps, where the bars are joined with those of other series.
    pub(super) times: Option<Arc<[i64]>>,
}

impl Series {
    /// Creates the only series, which has all bars.
    pub(super) fn only(bars: &Bars) -> Self {
        Self {
            name: String::new(),
            first: 0,
            bars: bars.len(),
            gaps: Gaps::default(),
            times: None,
        }
    }

    /// Returns the name of the instrument, empty for windows of a single series without a name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the indices of the bars of the series among the [bars](super::Windows::bars) of all.
    pub fn range(&self) -> Range<usize> {
        self.first..self.first + self.bars
    }

    /// Returns the outages of the series, which no window spans. There are none if the windows were not cut from a
    /// series. The indices count from the first bar of the series.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }
}

/// Joins the bars of instruments, one after another. A single instrument shares its bars.
pub(super) fn joined(instruments: &[(&Instrument, Gaps)]) -> (Bars, Vec<Series>) {
    let several = instruments.len() > 1;
    let mut all = Vec::with_capacity(instruments.len());
    let mut first = 0;
    for (instrument, gaps) in instruments {
        let bars = &instrument.bars;
        all.push(Series {
            name: instrument.name.clone(),
            first,
            bars: bars.len(),
            gaps: gaps.clone(),
            times: bars.timestamps().filter(|_| several).map(Arc::from),
        });
        first += bars.len();
    }
    match instruments {
        [(only, _)] => (only.bars.clone(), all),
        _ => {
            let bars = instruments.iter().flat_map(|(one, _)| one.bars.bars());
            let bars: Vec<Bar> = bars.copied().collect();
            // Together the stamps are in no order, so each series keeps its own.
            let joined = Bars::from_checked(bars, None, origin(instruments));
            let names = instruments
                .first()
                .map_or(&[][..], |(one, _)| one.bars.column_names());
            if names.is_empty() {
                return (joined, all);
            }
            let columns = instruments
                .iter()
                .flat_map(|(one, _)| one.bars.columns(0, one.bars.len()));
            (
                joined.with_checked_columns(names.to_vec(), columns.copied().collect()),
                all,
            )
        }
    }
}

/// Returns the source of several series for messages: their file, or the first file and the number of others.
fn origin(instruments: &[(&Instrument, Gaps)]) -> String {
    let mut origins: Vec<&str> = instruments
        .iter()
        .map(|(one, _)| one.bars.origin())
        .collect();
    origins.dedup();
    match origins[..] {
        [] => String::new(),
        [only] => only.into(),
        [first, ..] => format!("{first} and {} more files", origins.len() - 1),
    }
}

/// Returns the error of no instrument with a window.
pub(super) fn without_windows(instruments: &[Instrument], reasons: &[(String, String)]) -> Error {
    match (instruments, reasons) {
        ([first, ..], [(name, reason), ..]) => {
            let count = reasons.len();
            let reason =
                format!("none of {count} instruments has a window; the first, {name}: {reason}");
            Error::file(first.bars.origin(), reason)
        }
        _ => Error::setting("data.instrument", "empty", "at least one instrument"),
    }
}

/// Returns the reason of an error without its source.
pub(super) fn reason(error: &Error) -> String {
    match error {
        Error::TooFew {
            unit,
            found,
            needed,
            why,
            ..
        } => format!("{found} {unit}, but {needed} are needed ({why})"),
        Error::File { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}

/// The names of instruments without a window, and the reasons.
pub(super) type Without = Vec<(String, String)>;

/// Returns the result of every instrument with its index, and the instruments that have an error instead. The error of
/// a single instrument is returned, and so is that of a setting.
pub(super) fn each<T>(
    instruments: &[Instrument],
    result: impl Fn(&Instrument) -> Result<T>,
) -> Result<(Vec<(usize, T)>, Without)> {
    let (mut found, mut without) = (Vec::new(), Vec::new());
    for (index, instrument) in instruments.iter().enumerate() {
        match result(instrument) {
            Ok(value) => found.push((index, value)),
            Err(error @ Error::Setting { .. }) => return Err(error),
            Err(error) if instruments.len() == 1 => return Err(error),
            Err(error) => without.push((instrument.name.clone(), reason(&error))),
        }
    }
    if found.is_empty() {
        return Err(without_windows(instruments, &without));
    }
    Ok((found, without))
}
