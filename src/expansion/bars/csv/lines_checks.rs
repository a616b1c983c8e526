//! Checks the rows of a stream: that they belong to one instrument, and that they come oldest first.

use ::csv::StringRecord;

use super::columns::BarColumns;
use super::intake::remedy;
use super::lines::{CsvLines, Table};
use super::row::BarRow;
use super::symbols::OR_NONE;
use crate::error::{Error, Result};
use crate::expansion::table::quote;
use crate::expansion::table::records::field;

impl CsvLines {
    /// Returns whether a row is of the instrument of the options. A second instrument is an error.
    pub(super) fn is_wanted(&mut self, record: &StringRecord, table: &mut Table) -> Result<bool> {
        let wanted = self.options.instrument.clone();
        if let Some(wanted) = wanted.filter(|_| !table.columns.chosen && !table.watch.aside) {
            return self.is_chosen(record, table, &wanted);
        }
        let named = &table.columns.symbols.named;
        let other = |(column, before): &&(usize, String)| {
            named.contains(column) && field(record, *column) != before
        };
        match table.watch.symbols.iter().find(other) {
            None => Ok(true),
            Some(other) => Err(self.several(record, &table.columns, other)),
        }
    }

    /// Returns whether a row is of a given instrument: its value in the column of the first such row. An equal value
    /// goes before a value in other letter cases, as in a file.
    fn is_chosen(
        &mut self,
        record: &StringRecord,
        table: &mut Table,
        wanted: &str,
    ) -> Result<bool> {
        let columns = &table.columns;
        if let Some((column, value)) = &table.watch.chosen {
            let found = field(record, *column);
            if found == wanted && value != wanted {
                self.lost = true;
                let name = columns.shown(*column);
                let value = quote::value(value);
                return Err(self.refuse(format!(
                    "column {name} has {value} and `{wanted}`, and the rows of {value} were read for `{wanted}`, the \
                     `data.instrument`"
                )));
            }
            return Ok(found == value);
        }
        let grouping = columns.grouping();
        let find = |same: &dyn Fn(&str) -> bool| {
            let mut fitting = grouping
                .iter()
                .filter(|column| same(field(record, **column)));
            fitting.next().copied()
        };
        let equal = find(&|value| value == wanted);
        let found = equal.or_else(|| find(&|value| value.eq_ignore_ascii_case(wanted)));
        if let (Some(column), Some(first)) = (found, columns.symbols.named.first())
            && column != *first
        {
            self.lost = true;
            let (shown, first) = (columns.shown(column), columns.shown(*first));
            return Err(self.refuse(format!(
                "`{wanted}`, the `data.instrument`, is in column {shown}, but {first} may name the instrument too; \
                 name the column with `data.columns`: `instrument={}`",
                columns.header.mapped(column)
            )));
        }
        if let Some(column) = found {
            table.watch.chosen = Some((column, field(record, column).to_owned()));
            return Ok(true);
        }
        if self.options.of_another_file.instrument {
            table.watch.aside = true;
            self.notes.push(format!(
                "line {} is not of `{wanted}`, the `data.instrument`, so all rows are read",
                self.line
            ));
            return Ok(true);
        }
        if grouping.is_empty() {
            self.lost = true;
            return Err(self.refuse(format!(
                "no column names instruments, so `{wanted}`, the `data.instrument`, is not found"
            )));
        }
        Ok(false)
    }

    /// Returns the error about a row of another instrument than the rows before.
    fn several(
        &mut self,
        record: &StringRecord,
        columns: &BarColumns,
        (column, before): &(usize, String),
    ) -> Error {
        self.lost = true;
        self.refuse(format!(
            "column {} is {} after {}, but bars of one instrument are expected; choose one with `data.instrument`{OR_NONE}",
            columns.shown(*column),
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
        let wanted = self.options.instrument.is_some() && !table.watch.aside;
        match table.watch.symbols.iter().find(other) {
            Some(other) if disordered && !wanted => self.several(record, &table.columns, other),
            _ => self.refuse(format!("{reason}; {}", remedy(self.bad, self.rows))),
        }
    }

    /// Returns whether a row is kept (`false` for a copy). The error is the reason if it is out of order.
    pub(super) fn is_new(&self, row: &BarRow) -> Result<bool, String> {
        match (&self.last, row.time) {
            (Some((_, Some(last))), Some(time)) if time > *last => Ok(true),
            // With an earlier time, the lines may come newest first until two of them came oldest first.
            (Some((before, Some(last))), Some(time))
                if *before == row.bar && (time == *last || self.forward) =>
            {
                Ok(false)
            }
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
