//! Watches the rows of a stream for what its first row could not show: a second instrument, a column of times, seconds
//! in times of day, the order of open and close.

use ::csv::StringRecord;

use super::advice;
use super::columns::{BarColumns, looks};
use super::symbols::OR_NONE;
use crate::expansion::bars::Bar;
use crate::expansion::bars::columns::guess::{self, NoOrder};
use crate::expansion::bars::columns::look::{Kind, ROWS, is_number};
use crate::expansion::bars::columns::{TimeColumn, Times, is_clock_name};
use crate::expansion::bars::jumps::PriceJumps;
use crate::expansion::table::quote;
use crate::expansion::table::records::field;
use crate::expansion::table::stamp::is_date_alone;

/// The numbers of rows at which the order of open and close is checked, where there is no header.
const CHECKS: [usize; 2] = [guess::SURE, 2 * guess::SURE];

/// The numbers of rows at which a time is looked for that the first row does not show.
const TIME_CHECKS: [usize; 2] = [20, ROWS];

/// What was seen of the rows.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The instruments of the last row that was kept, by column.
    pub(super) symbols: Vec<(usize, String)>,
    /// The column and the value of the rows that are read, if the settings choose an instrument.
    pub(super) chosen: Option<(usize, String)>,
    /// Whether the instrument of the settings was left aside.
    pub(super) aside: bool,
    jumps: Vec<(usize, PriceJumps)>,
    /// The columns that were empty so far.
    empty: Vec<usize>,
    /// The number of rows.
    seen: usize,
    /// The prices of the first rows, without a header.
    rows: Vec<[f64; 4]>,
    /// The first rows, where neither the header nor the first of them shows the time.
    timeless: Option<Vec<StringRecord>>,
}

impl Watch {
    /// Creates the watch of the rows of some columns. `told` is whether the options name the time.
    pub(super) fn of(columns: &BarColumns, told: bool) -> Self {
        let other = |column: &usize| !columns.prices.contains(column);
        let is_told = |column: &usize| columns.time.is_some_and(|time| time.has(*column));
        let empty = (0..columns.count).filter(|column| other(column) && !is_told(column));
        let grouping = columns.grouping().into_iter();
        Self {
            jumps: grouping
                .map(|column| (column, PriceJumps::new(false)))
                .collect(),
            empty: empty.collect(),
            timeless: (columns.time.is_none() && !columns.guessed && !told).then(Vec::new),
            ..Self::default()
        }
    }

    /// Looks at a row before it is read. The error is the reason why the rows before it were read wrongly.
    pub(super) fn before(
        &mut self,
        record: &StringRecord,
        columns: &mut BarColumns,
    ) -> Result<(), String> {
        if let Some(TimeColumn::DateAndTime(_, time)) = columns.time {
            let text = field(record, time);
            if !columns.clock.widen(text) {
                return Err(format!(
                    "the time of day {} has seconds, but those of the rows before were read as hours and minutes; write \
                     times of day with the zeros in front, such as `000500`",
                    quote::value(text)
                ));
            }
        }
        let first = self.seen == 0;
        self.seen += 1;
        let mut shown = Ok(());
        self.empty.retain(|column| {
            let text = field(record, *column);
            if !text.is_empty() && !first && shown.is_ok() {
                shown = time_shown(record, columns, *column);
            }
            text.is_empty()
        });
        shown?;
        self.look_for_time(record, columns)
    }

    /// Checks at some of the first rows that none of the columns is the time.
    fn look_for_time(&mut self, record: &StringRecord, columns: &BarColumns) -> Result<(), String> {
        let price = |column: &usize| is_number(field(record, *column));
        let Some(rows) = &mut self.timeless else {
            return Ok(());
        };
        if columns.prices.iter().any(price) {
            rows.push(record.clone());
        }
        let count = rows.len();
        if TIME_CHECKS.contains(&count) {
            self.check_time(columns)?;
        }
        if count == ROWS {
            // A file is looked at no further.
            self.timeless = None;
        }
        Ok(())
    }

    /// Checks that the rows so far do not show a time which the first row did not show: counts under an unknown name are
    /// told from their steps. The error is the reason in words.
    pub(super) fn check_time(&self, columns: &BarColumns) -> Result<(), String> {
        let Some(rows) = &self.timeless else {
            return Ok(());
        };
        let rows: Vec<&StringRecord> = rows.iter().collect();
        let times = Times {
            header: &columns.header,
            looks: &looks(&columns.header, &columns.prices, &rows),
            rows: rows.len(),
        };
        let named = |column: usize| columns.header.mapped(column);
        let map = match times.find(&mut Vec::new()) {
            Ok(Some(TimeColumn::One(time))) => format!("time={}", named(time)),
            Ok(Some(TimeColumn::DateAndTime(date, time))) => {
                format!("date={},time={}", named(date), named(time))
            }
            Ok(None) => return Ok(()),
            Err(reason) => return Err(reason),
        };
        Err(format!(
            "the rows so far show a time that the first row did not, so the bars before were read without a time; name it with \
             `data.columns`: `{map}`, or, if it is no time, say so: `time=`"
        ))
    }

    /// Looks at a row that was kept. The error is the reason why the rows are no series.
    pub(super) fn after(
        &mut self,
        record: &StringRecord,
        columns: &BarColumns,
        bar: &Bar,
    ) -> Result<(), String> {
        for (column, jumps) in &mut self.jumps {
            let value = field(record, *column);
            jumps.add(value, bar);
            if self.chosen.is_none() && jumps.show_several(columns.time.is_some()) {
                return Err(format!(
                    "column {} has several values, and the prices of each follow one another, but not those of all rows; \
                     bars of one instrument are expected; choose one with `data.instrument`{OR_NONE}",
                    columns.shown(*column)
                ));
            }
        }
        let values = columns.grouping().into_iter();
        let values = values.map(|column| (column, field(record, column).to_owned()));
        self.symbols = values.collect();
        self.check_order(columns, bar)
    }

    /// Checks the order of open and close that was assumed of rows without a header.
    fn check_order(&mut self, columns: &BarColumns, bar: &Bar) -> Result<(), String> {
        let (Some(time), Some(last)) = (columns.time, CHECKS.last()) else {
            return Ok(());
        };
        if !columns.guessed || self.rows.len() == *last {
            return Ok(());
        }
        self.rows.push([bar.open, bar.high, bar.low, bar.close]);
        if !CHECKS.contains(&self.rows.len()) {
            return Ok(());
        }
        let refuse = |fault| {
            Err(advice::no_order(
                &columns.header,
                time,
                columns.prices,
                &fault,
            ))
        };
        match guess::order(&self.rows, false) {
            Ok(guess::USUAL) => Ok(()),
            Ok(other) => refuse(NoOrder::Several(vec![guess::USUAL, other])),
            Err(fault) if self.rows.len() == *last => refuse(fault),
            Err(_) => Ok(()),
        }
    }
}

/// Returns an error if a column that was empty so far shows a time that the rows before it were read without.
fn time_shown(record: &StringRecord, columns: &BarColumns, column: usize) -> Result<(), String> {
    let text = field(record, column);
    let shown = columns.shown(column);
    let named = |column: usize| columns.header.mapped(column);
    match (columns.time, Kind::of(text)) {
        (None, Kind::Date | Kind::Stamp) => Err(format!(
            "column {shown} holds the time {}, but was empty so far, so the rows before were read without a time; name it \
             with `data.columns`: `time={}`",
            quote::value(text),
            named(column)
        )),
        (Some(TimeColumn::One(date)), kind)
            if is_date_alone(field(record, date))
                && (kind == Kind::Clock || is_clock_name(&columns.header.names[column])) =>
        {
            Err(format!(
                "column {shown} holds the time of day {}, but was empty so far, so the rows before were read without it; \
                 name both with `data.columns`: `date={},time={}`",
                quote::value(text),
                named(date),
                named(column)
            ))
        }
        _ => Ok(()),
    }
}
