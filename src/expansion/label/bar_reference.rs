//! Tells how a file of marks refers to bars, by index or by time stamp, and finds the bars of a mark.

use super::mark_rows::MarkRow;
use crate::error::{Error, Result};
use crate::expansion::bars::Bars;
use crate::expansion::table::dates::Dates;
use crate::expansion::table::reading::{Reading, StampSettings};
use crate::expansion::table::stamp::{Form, is_date_alone};
use crate::expansion::table::text::Text;
use crate::expansion::table::zone::TimeZones;
use crate::expansion::table::{DateOrder, duration, quote};

/// The way in which a file refers to bars.
pub(super) enum BarReference {
    /// By index.
    Index,
    /// By time stamp.
    Stamp(Reading),
}

impl BarReference {
    /// Tells it from all rows of the file: those of every instrument with its bars, and those of others.
    pub(super) fn tell(
        text: &Text,
        parts: &[(&[MarkRow], &Bars)],
        others: &[MarkRow],
        given: Option<DateOrder>,
    ) -> Result<Self> {
        // Bars without time stamps are referred to by index whatever the others do.
        let timed = || parts.iter().filter(|(_, bars)| bars.timestamps().is_some());
        let mut known: Vec<(&str, u64, usize)> = Vec::new();
        for (rows, bars) in timed() {
            let ends = rows.iter().flat_map(MarkRow::ends);
            known.extend(ends.map(|(text, line)| (text, line, bars.len())));
        }
        let numbers = known.iter().all(|(text, ..)| text.parse::<f64>().is_ok());
        let is_bar = |text: &str, bars: usize| text.parse::<usize>().is_ok_and(|bar| bar < bars);
        let of_bars = known
            .iter()
            .filter(|(text, _, bars)| is_bar(text, *bars))
            .count();
        // A few numbers beyond the last bar are wrong indices, not a sign of time stamps.
        if numbers && 2 * of_bars > known.len() || known.is_empty() {
            return Ok(Self::Index);
        }
        let settings = StampSettings {
            order: given,
            ..StampSettings::default()
        };
        let mut dates = Dates::new("line", settings);
        let mut all: Vec<(&str, u64)> =
            known.iter().map(|(text, line, _)| (*text, *line)).collect();
        all.extend(others.iter().flat_map(MarkRow::ends));
        all.sort_by_key(|(_, line)| *line);
        for (text, line) in all {
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
                    timed().all(|(rows, bars)| {
                        let mut ends = rows.iter().flat_map(MarkRow::ends);
                        ends.all(|(text, _)| at(text, &reading, bars).is_ok())
                    })
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

    /// Returns the indices of the first and the last bar of a row. The error is the reason in words.
    pub(super) fn span(&self, row: &MarkRow, bars: &Bars) -> Result<(usize, usize), String> {
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
