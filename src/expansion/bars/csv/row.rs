//! Turns a record into a bar and its time stamp.

use ::csv::StringRecord;
use jiff::Timestamp;

use super::columns::BarColumns;
use super::survey::CsvForm;
use crate::expansion::bars::Bar;
use crate::expansion::bars::columns::PRICES;
use crate::expansion::table::header::counted;
use crate::expansion::table::reading::Reading;
use crate::expansion::table::records::field;
use crate::expansion::table::stamp::{Stamp, unreadable};
use crate::expansion::table::{DecimalMark, number, quote};

/// The content of a record.
pub(crate) struct BarRow {
    /// The checked bar.
    pub(crate) bar: Bar,
    /// The time stamp, if the file has time stamps.
    pub(crate) time: Option<Timestamp>,
    /// Whether the high or the low was off by a rounding error.
    pub(crate) mended: bool,
    /// The further columns; empty, without an allocation, if none are read.
    pub(crate) further: Vec<f64>,
}

impl BarRow {
    /// Reads a record. `scratch` saves an allocation per row. The error is the reason in words.
    pub(super) fn read(
        record: &StringRecord,
        columns: &BarColumns,
        survey: &CsvForm,
        scratch: &mut String,
    ) -> Result<Self, String> {
        // Extra separators at the end of a row are harmless.
        let more = record.len().saturating_sub(columns.count);
        let empty = record.iter().rev().take(more).all(|f| f.trim().is_empty());
        if record.len() < columns.count || !empty {
            return Err(format!(
                "the row has {}, but the header has {}",
                counted(record.len(), "column"),
                columns.count
            ));
        }
        let time = match columns.time {
            None => None,
            Some(column) => {
                let text = columns.stamp(record, column, scratch);
                let reading = survey.stamps.as_ref().ok_or_else(|| unreadable(text))?;
                Some(reading.read(text)?)
            }
        };
        let (bar, mended) = bar(record, columns, survey.mark)?;
        let further = columns
            .further
            .iter()
            .map(|(column, name)| finite(name, price(name, field(record, *column), survey.mark)?));
        let further = further.collect::<Result<_, _>>()?;
        Ok(Self {
            bar,
            time,
            mended,
            further,
        })
    }

    /// Takes the later time of a row whose time of day a change of the clocks repeats, if only so the row follows the
    /// `last` row. A row that repeats the last one whole is a copy.
    ///
    /// From the newest to the oldest row the later time comes first, so it is tried for every row of a zone (`zoned`).
    pub(super) fn follow(
        &mut self,
        last: Option<(Bar, Timestamp)>,
        (newest_first, zoned): (bool, bool),
        later: impl FnOnce() -> Option<Timestamp>,
    ) {
        let (Some((bar, last)), Some(time)) = (last, self.time) else {
            return;
        };
        let before = |one: Timestamp, other: Timestamp| {
            if newest_first {
                one > other
            } else {
                one < other
            }
        };
        if (time == last && bar == self.bar) || before(last, time) && !(newest_first && zoned) {
            return;
        }
        if let Some(later) = later().filter(|later| before(last, *later)) {
            self.time = Some(later);
        }
    }

    /// Returns whether a record is a line of text: it has neither a digit in a price nor anything like a time stamp.
    pub(super) fn is_text(
        record: &StringRecord,
        columns: &BarColumns,
        scratch: &mut String,
    ) -> bool {
        let stamped = columns.time.is_some_and(|column| {
            let text = columns.stamp(record, column, scratch);
            text.starts_with(|c: char| c.is_ascii_digit()) || Stamp::parse(text).is_some()
        });
        let digit = |column: usize| field(record, column).contains(|c: char| c.is_ascii_digit());
        !stamped && !columns.prices.into_iter().any(digit)
    }

    /// Returns whether a record is a single value, as some exporters append it. A number that ends the file without the
    /// end of a line may be a time stamp that was cut off.
    pub(super) fn is_single(
        record: &StringRecord,
        columns: &BarColumns,
        form: &CsvForm,
        unfinished: bool,
    ) -> bool {
        let single =
            columns.count > 4 && record.iter().filter(|f| !f.trim().is_empty()).count() == 1;
        let number = field(record, 0).parse::<f64>().is_ok();
        let stamps_are_numbers = form.stamps.as_ref().is_some_and(Reading::is_number);
        single && (!unfinished || number && !stamps_are_numbers)
    }
}

/// Checks a value of a further column. The error is the reason in words.
pub(crate) fn finite(name: &str, value: f64) -> Result<f64, String> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(format!(
            "column `{name}` is {value}, which is not finite; `data.features_from` needs a number in every row"
        ))
    }
}

/// Returns the bar of a record, and whether its high or low was off by a rounding error. The error is the reason in
/// words.
pub(super) fn bar(
    record: &StringRecord,
    columns: &BarColumns,
    mark: DecimalMark,
) -> Result<(Bar, bool), String> {
    let mut values = [0.0; 4];
    for ((value, name), index) in values.iter_mut().zip(PRICES).zip(columns.prices) {
        *value = price(name, field(record, index), mark)?;
    }
    Bar::mended(values).map_err(|fault| fault.to_string())
}

fn price(name: &str, text: &str, mark: DecimalMark) -> Result<f64, String> {
    if text.is_empty() {
        return Err(format!("column `{name}` is empty"));
    }
    number::price(text, mark).ok_or_else(|| {
        let comma = match mark {
            DecimalMark::Comma => " with a decimal comma",
            DecimalMark::Point => "",
        };
        let shown = quote::value(text);
        format!("column `{name}` is {shown}, not a number{comma}")
    })
}
