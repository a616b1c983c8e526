//! Checks the rows of a stream: that they belong to one instrument, and that they come oldest first.

use ::csv::StringRecord;

use super::intake::remedy;
use super::lines::{CsvLines, Table};
use super::row::BarRow;
use crate::error::{Error, Result};
use crate::expansion::table::quote;
use crate::expansion::table::records::field;

impl CsvLines {
    /// Returns whether a row is of the instrument of the options. A second instrument is an error.
    pub(super) fn is_wanted(&mut self, record: &StringRecord, table: &Table) -> Result<bool> {
        let columns = &table.columns;
        if let Some(wanted) = self
            .options
            .instrument
            .as_deref()
            .filter(|_| !columns.chosen)
        {
            let grouping = columns.grouping();
            let is_it = |column: &usize| field(record, *column).eq_ignore_ascii_case(wanted);
            return match grouping.first() {
                Some(_) if !self.options.of_another_file.instrument => {
                    Ok(grouping.iter().any(is_it))
                }
                Some(_) => Ok(true),
                None if self.options.of_another_file.instrument => Ok(true),
                None => {
                    self.lost = true;
                    let reason = format!(
                        "no column names instruments, so `{wanted}`, the `data.instrument`, is not found"
                    );
                    Err(self.refuse(reason))
                }
            };
        }
        let named = &columns.symbols.named;
        let other = |(column, before): &&(usize, String)| {
            named.contains(column) && field(record, *column) != before
        };
        match table.symbols.iter().find(other) {
            None => Ok(true),
            Some(other) => Err(self.several(record, table, other)),
        }
    }

    /// Returns the error about a row of another instrument than the rows before.
    fn several(
        &mut self,
        record: &StringRecord,
        table: &Table,
        (column, before): &(usize, String),
    ) -> Error {
        self.lost = true;
        self.refuse(format!(
            "column {} is {} after {}, but bars of one instrument are expected; choose one with `data.instrument`",
            table.columns.shown(*column),
            quote::value(field(record, *column)),
            quote::value(before)
        ))
    }

    /// Returns the error about a bad row. If it is out of order and another instrument's, that is the fault.
    pub(super) fn refuse_row(
        &mut self,
        reason: String,
        record: &StringRecord,
        table: &Table,
    ) -> Error {
        self.bad += 1;
        let disordered = reason.contains("of the bar before");
        let other = |(column, before): &&(usize, String)| field(record, *column) != before;
        let wanted = self.options.instrument.is_some();
        match table.symbols.iter().find(other) {
            Some(other) if disordered && !wanted => self.several(record, table, other),
            _ => self.refuse(format!("{reason}; {}", remedy(self.bad, self.rows))),
        }
    }

    /// Returns whether a row is kept (`false` for a copy). The error is the reason if it is out of order.
    pub(super) fn is_new(&self, row: &BarRow) -> Result<bool, String> {
        match (&self.last, row.time) {
            (Some((_, Some(last))), Some(time)) if time > *last => Ok(true),
            (Some((before, Some(_))), Some(_)) if *before == row.bar => Ok(false),
            (Some((_, Some(last))), Some(time)) if time == *last => Err(format!(
                "the time stamp {time} repeats that of the bar before"
            )),
            (Some((_, Some(last))), Some(time)) => Err(format!(
                "the time stamp {time} is earlier than {last} of the bar before, but bars that come one at a time come \
                 oldest first"
            )),
            _ => Ok(true),
        }
    }
}
