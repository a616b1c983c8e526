//! Sees that a Parquet file holds one instrument, or chooses the rows of one.

use ::parquet::record::Field;

use crate::error::Result;
use crate::expansion::bars::csv::CsvOptions;
use crate::expansion::bars::csv::symbols::{Rows, Values};
use crate::expansion::table::header::Header;
use crate::expansion::table::parquet::{ParquetFile, number, whole};

/// Returns a value as text. A time is written as its count, because a damaged one may be out of range.
pub(super) fn value(field: &Field) -> String {
    match field {
        Field::Str(text) => text.trim().to_owned(),
        Field::Null => String::new(),
        Field::Date(count) => count.to_string(),
        Field::TimeMillis(count) => count.to_string(),
        Field::TimeMicros(count)
        | Field::TimestampMillis(count)
        | Field::TimestampMicros(count) => count.to_string(),
        other => match (whole(other), number(other)) {
            (Some(whole), _) => whole.to_string(),
            (None, Ok(number)) => number.to_string(),
            (None, Err(what)) => what,
        },
    }
}

/// Counts the values of the columns that name instruments.
pub(super) fn symbols(table: &ParquetFile, columns: &[usize]) -> Result<Vec<Values>> {
    let mut all: Vec<Values> = columns.iter().map(|column| Values::of(*column)).collect();
    if !all.is_empty() {
        table.for_each(columns, |_, fields| {
            for (values, field) in all.iter_mut().zip(fields) {
                match field {
                    Field::Str(text) => values.add(text.trim()),
                    other => values.add(&value(other)),
                }
            }
            Ok(())
        })?;
    }
    Ok(all)
}

/// Returns the rows of the instrument of the settings. The error is the reason in words.
pub(super) fn chosen(
    symbols: &[Values],
    header: &Header,
    options: &CsvOptions,
    notes: &mut Vec<String>,
) -> Result<Rows, String> {
    let Some(wanted) = options.instrument.as_deref() else {
        return Ok(Rows::All);
    };
    let shown = |column: usize| format!("`{}`", header.written[column]);
    Rows::of_instrument(wanted, symbols, options, shown, notes)
}
