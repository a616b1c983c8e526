//! Reads expansions marked by hand, and labels windows with them.

use std::path::Path;

use super::classes::Classes;
use super::expansion_type::ExpansionType;
use super::mark_rows::{MarkRow, MarkRows, Shared};
use super::window_label::WindowLabel;
use crate::error::{Error, Result};
use crate::expansion::bars::{Bars, Instrument};
use crate::expansion::table::dates::Dates;
use crate::expansion::table::reading::{Reading, StampSettings};
use crate::expansion::table::stamp::{Form, is_date_alone};
use crate::expansion::table::text::Text;
use crate::expansion::table::zone::TimeZones;
use crate::expansion::table::{DateOrder, duration, quote};

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
    /// `end` (or `end time`, `to`) and `type` (or `label`, `class`, `kind`) in any order; other columns are ignored.
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
        let text = Text::read(path.as_ref(), "CSV file")?;
        let rows = MarkRows::read(&text)?.rows;
        Self::of_rows(&text, &rows, bars, classes, date_order)
    }

    /// Reads the marked expansions of several instruments, and returns those of each with notes about the file.
    ///
    /// As [`read_csv`](Self::read_csv), with a column that names the instrument of each row, under one of the names
    /// that [`read_instruments`](crate::expansion::bars::read_instruments) knows (`instrument`, `symbol`, `ticker` and
    /// others). Rows of instruments that are not given are left out, and a note counts them. For a single instrument
    /// the column is optional.
    ///
    /// # Errors
    /// As [`read_csv`](Self::read_csv); [`Error::Line`] if the column is missing, [`Error::File`] if no row belongs to
    /// one of several instruments.
    pub fn read_each(
        path: impl AsRef<Path>,
        instruments: &[Instrument],
        classes: &Classes,
        date_order: Option<DateOrder>,
    ) -> Result<(Vec<Self>, Vec<String>)> {
        let text = Text::read(path.as_ref(), "CSV file")?;
        let names: Vec<&str> = instruments.iter().map(|one| one.name.as_str()).collect();
        let Shared { rows, notes } = MarkRows::read(&text)?.share(&text, &names)?;
        let each = instruments.iter().zip(&rows);
        let marks = each.map(|(one, rows)| {
            if rows.is_empty() {
                return Ok(Self::default());
            }
            Self::of_rows(&text, rows, &one.bars, classes, date_order)
        });
        Ok((marks.collect::<Result<_>>()?, notes))
    }

    fn of_rows(
        text: &Text,
        rows: &[MarkRow],
        bars: &Bars,
        classes: &Classes,
        date_order: Option<DateOrder>,
    ) -> Result<Self> {
        let places = BarReference::tell(text, rows, bars, date_order)?;
        let mut marks = Vec::with_capacity(rows.len());
        for row in rows {
            let place = places
                .bars_of(row, bars)
                .map_err(|reason| Error::line(text.path(), row.line, reason))?;
            let kind = classes.read(&row.kind).map_err(|reason| {
                let advice = classes.advice(rows.iter().map(|row| row.kind.as_str()));
                Error::line(text.path(), row.line, format!("{reason}{advice}"))
            })?;
            let mark = Mark {
                start: place.0,
                end: place.1,
                kind,
            };
            marks.push((mark, row.line));
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

/// The way in which a file refers to bars.
enum BarReference {
    /// By index.
    Index,
    /// By time stamp.
    Stamp(Reading),
}

impl BarReference {
    fn tell(text: &Text, rows: &[MarkRow], bars: &Bars, given: Option<DateOrder>) -> Result<Self> {
        let ends = || rows.iter().flat_map(MarkRow::ends);
        let numbers = ends().all(|(text, _)| text.parse::<f64>().is_ok());
        let is_bar = |text: &str| text.parse::<usize>().is_ok_and(|bar| bar < bars.len());
        let of_bars = ends().filter(|(text, _)| is_bar(text)).count();
        // A few numbers beyond the last bar are wrong indices, not a sign of time stamps.
        let mostly = 2 * of_bars > ends().count();
        if (numbers && mostly) || bars.timestamps().is_none() {
            return Ok(Self::Index);
        }
        let settings = StampSettings {
            order: given,
            ..StampSettings::default()
        };
        let mut dates = Dates::new("line", settings);
        for (text, line) in ends() {
            dates.look(text, line);
        }
        match dates.decide(false) {
            Ok(Some(reading)) => Ok(Self::Stamp(reading)),
            // Every row is refused later for its time stamp.
            Ok(None) => Ok(Self::Stamp(Reading::of(Form::Plain, TimeZones::default()))),
            Err((line, reason)) => {
                // If every stamp is that of a bar under one order only, the order is clear.
                let fits = |order: &DateOrder| {
                    let reading = Reading::of(Form::Numeric(*order), TimeZones::default());
                    ends().all(|(text, _)| at(text, &reading, bars).is_ok())
                };
                let orders = [DateOrder::DayFirst, DateOrder::MonthFirst];
                let fitting: Vec<DateOrder> = orders.into_iter().filter(fits).collect();
                match fitting[..] {
                    [order] => Ok(Self::Stamp(Reading::of(
                        Form::Numeric(order),
                        TimeZones::default(),
                    ))),
                    _ => Err(Error::line(text.path(), line, reason)),
                }
            }
        }
    }

    /// Returns the first and the last bar of a row.
    fn bars_of(&self, row: &MarkRow, bars: &Bars) -> Result<(usize, usize), String> {
        let place = |name: &str, text: &str| {
            if text.is_empty() {
                return Err(format!("`{name}` is empty"));
            }
            match self {
                Self::Index => by_index(name, text, bars),
                Self::Stamp(reading) => {
                    let place = at(text, reading, bars)?;
                    is_of_one_bar(text, place, bars).map(|()| place)
                }
            }
        };
        let (start, end) = (place("start", &row.start)?, place("end", &row.end)?);
        if start > end {
            return Err(format!(
                "the start {} is after the end {}",
                quote::value(&row.start),
                quote::value(&row.end)
            ));
        }
        Ok((start, end))
    }
}

fn by_index(name: &str, text: &str, bars: &Bars) -> Result<usize, String> {
    let index = text.parse().ok().filter(|index| *index < bars.len());
    index.ok_or_else(|| {
        format!(
            "`{name}` is {}, expected the number of a bar from 0 to {}{}",
            quote::value(text),
            bars.len().saturating_sub(1),
            if bars.timestamps().is_some() {
                ""
            } else {
                "; the series has no time stamps"
            }
        )
    })
}

/// Checks that a stamp refers to one bar and not to a day with several bars.
fn is_of_one_bar(text: &str, place: usize, bars: &Bars) -> Result<(), String> {
    let stamps = bars.timestamps().unwrap_or_default();
    match stamps.get(place..place + 2) {
        Some([bar, next]) if is_date_alone(text) && bar.abs_diff(*next) < 86_400 => Err(format!(
            "{} is a day, and the series has a bar every {}; write the time of the bar too",
            quote::value(text),
            duration::show(std::time::Duration::from_secs(bar.abs_diff(*next)))
        )),
        _ => Ok(()),
    }
}

/// Returns the index of the bar with a time stamp.
fn at(text: &str, reading: &Reading, bars: &Bars) -> Result<usize, String> {
    let stamp = reading.read(text)?;
    let stamps = bars.timestamps().unwrap_or_default();
    let place = stamps.partition_point(|other| *other < stamp.as_second());
    if stamps.get(place) == Some(&stamp.as_second()) {
        return Ok(place);
    }
    let show = |index: usize| {
        let second = *stamps.get(index)?;
        jiff::Timestamp::from_second(second).ok()
    };
    let what = match (place.checked_sub(1).and_then(show), show(place)) {
        (Some(before), Some(after)) => format!("the nearest are those of {before} and {after}"),
        (Some(last), None) => format!("the last is that of {last}"),
        (None, Some(first)) => format!("the first is that of {first}"),
        (None, None) => "the series is empty".to_owned(),
    };
    // A number too small for a present time is probably meant as the index of a bar.
    let number = match text.parse::<u64>() {
        Ok(0..100_000_000) => {
            let last = bars.len().saturating_sub(1);
            format!(" (read as a time stamp, because the bars have the numbers 0 to {last})")
        }
        _ => String::new(),
    };
    Err(format!("no bar has the time stamp {stamp}{number}; {what}"))
}
