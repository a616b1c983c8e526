//! Reads expansions marked by hand, and labels windows with them.

use std::path::Path;

use super::bar_reference::BarReference;
use super::classes::Classes;
use super::expansion_type::ExpansionType;
use super::mark_rows::{MarkRow, MarkRows, Wanted};
use super::window_label::WindowLabel;
use crate::error::{Error, Result};
use crate::expansion::bars::{Bars, Instrument};
use crate::expansion::table::DateOrder;
use crate::expansion::table::text::Text;

/// The expansions of a series that were marked by hand, oldest first. No two expansions share a bar.
///
/// A window gets the label of the only expansion that lies completely in it. If another expansion overlaps the window,
/// the window is left out, because the bars of that expansion would be labelled as no expansion.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    marks: Vec<Mark>,
}

/// A marked expansion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The index of the first bar of the expansion in the series.
    pub start: usize,
    /// The index of the last bar of the expansion in the series.
    pub end: usize,
    /// The type of the expansion.
    pub kind: ExpansionType,
}

/// The result of a search for marks in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// Exactly one expansion lies in the window, and no other overlaps it.
    Once(WindowLabel),
    /// No expansion overlaps the window.
    Never,
    /// Several expansions overlap the window.
    Several,
    /// One expansion extends beyond an edge of the window.
    Partly,
}

impl Marks {
    /// Reads the marked expansions of a series.
    ///
    /// The file has one row per expansion, and a header with the columns `start` (or `start time`, `begin`, `from`),
    /// `end` (or `end time`, `to`) and `type` (or `label`, `class`, `kind`) in any order. If a column names instruments,
    /// the rows with the name of the file of the bars are read. Other columns are ignored.
    /// `start` and `end` are the first and the last bar of the expansion: time stamps of bars of the series, in the
    /// forms that [`read_csv`](crate::expansion::bars::read_csv) reads, or indices of bars from 0. They are read as
    /// indices if the series has no time stamps, or if all are numbers and more than half are indices of bars. The type
    /// is a name of `classes` in any letter case, or a class as a number from 0.
    ///
    /// # Errors
    /// * [`Error::Io`], [`Error::File`]: the file cannot be read, or has no row.
    /// * [`Error::Line`]: a column is missing; a time stamp belongs to no bar or can be read in two ways; a date has no
    ///   time of day although bars are less than a day apart; a start is after its end; a bar is outside the series; a
    ///   type is unknown; or two expansions share a bar.
    pub fn read_csv(
        path: impl AsRef<Path>,
        bars: &Bars,
        classes: &Classes,
        date_order: Option<DateOrder>,
    ) -> Result<Self> {
        let only = Instrument {
            name: stem(bars.origin()),
            bars: bars.clone(),
        };
        let (marks, _) = Self::read_each(path, &[only], classes, date_order)?;
        Ok(marks.into_iter().next().unwrap_or_default())
    }

    /// Reads the marked expansions of several instruments, and returns those of each with notes about the file.
    ///
    /// As [`read_csv`](Self::read_csv), with a column that names the instrument of each row, under one of the names
    /// that [`read_instruments`](crate::expansion::bars::read_instruments) knows (`instrument`, `symbol`, `ticker` and
    /// others). Rows of instruments that are not given are left out, and a note counts them. For a single instrument
    /// the column is optional. If no column of its bars names that instrument, so that it has the name of its file, rows
    /// under one other name are taken as its own, which a note says.
    ///
    /// # Errors
    /// As [`read_csv`](Self::read_csv); [`Error::Line`] if the column is missing, or names several instruments where
    /// that of the bars is not known; [`Error::File`] if no row belongs to an instrument that is given.
    pub fn read_each(
        path: impl AsRef<Path>,
        instruments: &[Instrument],
        classes: &Classes,
        date_order: Option<DateOrder>,
    ) -> Result<(Vec<Self>, Vec<String>)> {
        let text = Text::read(path.as_ref(), "CSV file")?;
        let wanted: Vec<Wanted> = instruments.iter().map(wanted).collect();
        let shared = MarkRows::read(&text)?.share(&text, &wanted)?;
        let bars = instruments.iter().map(|one| &one.bars);
        let parts: Vec<(&[MarkRow], &Bars)> =
            shared.rows.iter().map(Vec::as_slice).zip(bars).collect();
        let places = BarReference::tell(&text, &parts, &shared.others, date_order)?;
        let marks = parts.iter().map(|(rows, bars)| {
            // Without time stamps there is only the index.
            let index = BarReference::Index;
            let places = if bars.timestamps().is_some() {
                &places
            } else {
                &index
            };
            Self::of_rows(&text, rows, bars, classes, places)
        });
        Ok((marks.collect::<Result<_>>()?, shared.notes))
    }

    fn of_rows(
        text: &Text,
        rows: &[MarkRow],
        bars: &Bars,
        classes: &Classes,
        places: &BarReference,
    ) -> Result<Self> {
        let mut marks = Vec::with_capacity(rows.len());
        for row in rows {
            let refuse = |reason| Error::line(text.path(), row.line, reason);
            let (start, end) = places.span(row, bars).map_err(refuse)?;
            let kind = classes.read(&row.kind).map_err(|reason| {
                let advice = classes.advice(rows.iter().map(|row| row.kind.as_str()));
                refuse(format!("{reason}{advice}"))
            })?;
            marks.push((Mark { start, end, kind }, row.line));
        }
        marks.sort_by_key(|(mark, line)| (mark.start, *line));
        for pair in marks.windows(2) {
            let ((one, first), (other, second)) = (pair[0], pair[1]);
            if other.start <= one.end {
                return Err(Error::line(text.path(), first.max(second), overlap(pair)));
            }
        }
        Ok(Self {
            marks: marks.into_iter().map(|(mark, _)| mark).collect(),
        })
    }

    /// Returns the marked expansions in the order of time.
    pub fn iter(&self) -> std::slice::Iter<'_, Mark> {
        self.marks.iter()
    }

    /// Returns the number of marked expansions.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Returns whether there is no marked expansion.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Finds the marks in the `length` bars from index `first` on.
    pub(crate) fn find(&self, first: usize, length: usize) -> Marked {
        let after = first + length;
        let next = self.marks.partition_point(|mark| mark.end < first);
        let inside = &self.marks[next..];
        let inside = &inside[..inside.partition_point(|mark| mark.start < after)];
        match inside {
            [] => Marked::Never,
            [mark] if mark.start >= first && mark.end < after => Marked::Once(WindowLabel {
                start: mark.start - first,
                end: mark.end - first,
                kind: mark.kind,
            }),
            [_] => Marked::Partly,
            _ => Marked::Several,
        }
    }
}

fn overlap(pair: &[(Mark, u64)]) -> String {
    let ((one, first), (other, second)) = (pair[0], pair[1]);
    let (here, there, line) = if first > second {
        (one, other, second)
    } else {
        (other, one, first)
    };
    format!(
        "the expansion, bars {} to {}, shares bars with that of line {line}, {} to {}; expansions may not overlap",
        here.start, here.end, there.start, there.end
    )
}

/// Returns the name of an instrument for its marks. A name that is that of its file says nothing.
fn wanted(one: &Instrument) -> Wanted<'_> {
    Wanted {
        name: &one.name,
        known: one.name != stem(one.bars.origin()),
    }
}

/// Returns the name of the file of a series, without its ending.
fn stem(origin: &str) -> String {
    let stem = Path::new(origin).file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
