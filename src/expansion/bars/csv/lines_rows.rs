//! Reads the rows of a stream, whose form later rows may still tell.

use ::csv::StringRecord;

use super::lines::{CsvLines, Table};
use super::row::BarRow;
use crate::error::{Error, Result};
use crate::expansion::bars::Bar;
use crate::expansion::table::reading::Reading;

impl CsvLines {
    /// Adds a note on a line that is no row.
    pub(super) fn pass_over<T>(&mut self, what: &str) -> Option<T> {
        let line = self.line;
        self.notes
            .push(format!("passed over line {line}, which {what}"));
        None
    }

    /// Reads a row.
    pub(super) fn row(
        &mut self,
        record: &StringRecord,
        whole: bool,
        table: &mut Table,
    ) -> Result<Option<(Bar, Option<i64>)>> {
        if table.columns.is_header(record) {
            return Ok(self.pass_over("repeats the header"));
        }
        if !self.is_wanted(record, table)? {
            return Ok(None);
        }
        let watched = table.watch.before(record, &mut table.columns);
        watched.map_err(|reason| self.lose(reason))?;
        self.survey(record, table)?;
        let Some(survey) = &table.survey else {
            return Ok(None);
        };
        let mut row = BarRow::read(record, &table.columns, survey, &mut self.scratch);
        if row.is_err() {
            let columns = &table.columns;
            let again = columns.repeats_header(record);
            if again.map_err(|reason| self.lose(reason))? {
                return Ok(self.pass_over("repeats the header"));
            }
            if BarRow::is_text(record, columns, &mut self.scratch)
                || BarRow::is_single(record, columns, survey, !whole)
            {
                return Ok(self.pass_over("is text"));
            }
            if survey.stamps.as_ref().is_some_and(Reading::counts) {
                table.told = false;
                self.survey(record, table)?;
                if let Some(survey) = &table.survey {
                    row = BarRow::read(record, &table.columns, survey, &mut self.scratch);
                }
            }
        }
        if let (Ok(row), Some(time)) = (&mut row, table.columns.time) {
            let last = self.last.and_then(|(bar, time)| Some((bar, time?)));
            row.follow(last, (false, false), || {
                let text = table.columns.stamp(record, time, &mut self.scratch);
                table.survey.as_ref()?.stamps.as_ref()?.later(text)
            });
        }
        self.rows += 1;
        let row = row.and_then(|row| Ok(self.is_new(&row)?.then_some(row)));
        let row = row.map_err(|reason| self.refuse_row(reason, record, table))?;
        let Some(row) = row else { return Ok(None) };
        if row.mended && !self.mended {
            self.mended = true;
            let line = self.line;
            self.notes.push(format!(
                "the high or the low of line {line} is off by a rounding error and was mended, as others will be"
            ));
        }
        let watched = table.watch.after(record, &table.columns, &row.bar);
        watched.map_err(|reason| self.lose(reason))?;
        let before = self.last.replace((row.bar, row.time));
        self.forward |= before.is_some_and(|(_, time)| time.is_some() && time < row.time);
        self.further = row.further;
        Ok(Some((row.bar, row.time.map(|time| time.as_second()))))
    }

    /// Returns the error after which no later line is read.
    fn lose(&mut self, reason: String) -> Error {
        self.lost = true;
        self.refuse(reason)
    }

    /// Infers the form of the rows with one more row, until later rows cannot change it.
    fn survey(&mut self, record: &StringRecord, table: &mut Table) -> Result<()> {
        if table.told {
            return Ok(());
        }
        if table.survey.is_none() {
            self.notes.append(&mut table.columns.notes);
        }
        let columns = &table.columns;
        table.evidence.look_at_stamp(record, columns, self.line);
        table
            .evidence
            .look_at_prices(record, columns, self.line, true);
        table.told = table.evidence.is_told(&self.options);
        match table.evidence.decide(&self.origin, &self.options) {
            Ok(survey) => {
                let before = table.survey.replace(survey);
                let known = before.map_or(Vec::new(), |survey| survey.notes);
                let notes = table.survey.iter().flat_map(|survey| &survey.notes);
                self.notes
                    .extend(notes.filter(|note| !known.contains(note)).cloned());
                Ok(())
            }
            Err(error) => {
                self.lost = true;
                Err(error)
            }
        }
    }
}
