//! Turns one record into a bar and its time stamp, or says why that cannot be done.

use ::csv::StringRecord;
use jiff::Timestamp;

use super::header::{Columns, TimeColumn};
use super::{shown, stamp};
use crate::expansion::bars::Bar;

/// The names of the price columns in the order of [`Columns::prices`].
const PRICES: [&str; 4] = ["open", "high", "low", "close"];

/// What one record says.
pub(super) struct Row {
    /// A bar that passed its check.
    pub(super) bar: Bar,
    /// The time stamp, if the file has them.
    pub(super) time: Option<Timestamp>,
}

impl Row {
    /// Reads a record. `scratch` only saves an allocation per row. The error is the reason in words.
    pub(super) fn read(
        record: &StringRecord,
        columns: &Columns,
        scratch: &mut String,
    ) -> Result<Self, String> {
        if record.len() != columns.count {
            return Err(format!(
                "the row has {}, but the header has {}",
                counted(record.len()),
                columns.count
            ));
        }
        let time = columns
            .time
            .map(|column| time(record, column, scratch))
            .transpose()?;
        let bar = bar(record, columns)?;
        Ok(Self { bar, time })
    }
}

fn counted(columns: usize) -> String {
    let plural = if columns == 1 { "" } else { "s" };
    format!("{columns} column{plural}")
}

fn bar(record: &StringRecord, columns: &Columns) -> Result<Bar, String> {
    let mut values = [0.0; 4];
    for ((value, name), index) in values.iter_mut().zip(PRICES).zip(columns.prices) {
        *value = price(name, field(record, index))?;
    }
    let [open, high, low, close] = values;
    let bar = Bar {
        open,
        high,
        low,
        close,
    };
    bar.check().map_err(|fault| fault.to_string())?;
    Ok(bar)
}

fn price(name: &str, text: &str) -> Result<f64, String> {
    if text.is_empty() {
        return Err(format!("column `{name}` is empty"));
    }
    text.parse()
        .map_err(|_| format!("column `{name}` is {}, not a number", shown::value(text)))
}

fn time(
    record: &StringRecord,
    column: TimeColumn,
    scratch: &mut String,
) -> Result<Timestamp, String> {
    match column {
        TimeColumn::One(index) => stamp::parse(field(record, index)),
        TimeColumn::DateAndTime(date, time) => {
            scratch.clear();
            scratch.push_str(field(record, date));
            scratch.push(' ');
            scratch.push_str(field(record, time));
            stamp::parse(scratch)
        }
    }
}

fn field(record: &StringRecord, index: usize) -> &str {
    record.get(index).unwrap_or_default().trim()
}
