//! Decides what happens to each row (kept, dropped, or the end of the reading) and keeps count.

use std::path::{Path, PathBuf};

use ::csv::StringRecord;

use super::header::Columns;
use super::order::Order;
use super::row::Row;
use super::{CsvOptions, CsvReport};
use crate::error::{Error, Result};
use crate::expansion::bars::{Bar, Bars};

/// The last words of every refusal of a row.
const REMEDY: &str = "correct the row, or drop such rows with --skip-bad-rows";

/// The rows taken in so far.
pub(super) struct Intake {
    path: PathBuf,
    skip_bad_rows: bool,
    bars: Vec<Bar>,
    stamps: Option<Vec<i64>>,
    order: Order,
    report: CsvReport,
    scratch: String,
}

impl Intake {
    /// Nothing taken in yet.
    pub(super) fn new(path: &Path, options: &CsvOptions) -> Self {
        Self {
            path: path.to_path_buf(),
            skip_bad_rows: options.skip_bad_rows,
            bars: Vec::new(),
            stamps: None,
            order: Order::default(),
            report: CsvReport::default(),
            scratch: String::new(),
        }
    }

    /// Takes one row.
    pub(super) fn take(
        &mut self,
        columns: &Columns,
        record: &StringRecord,
        line: u64,
    ) -> Result<()> {
        self.report.rows += 1;
        let row = match Row::read(record, columns, &mut self.scratch) {
            Ok(row) => row,
            Err(reason) => return self.reject(line, reason),
        };
        if let Some(stamp) = row.time {
            if let Err(reason) = self.order.accept(stamp, line) {
                self.drop_row(line, reason);
                return Ok(());
            }
            let stamps = self.stamps.get_or_insert_default();
            stamps.push(stamp.as_second());
        }
        self.bars.push(row.bar);
        Ok(())
    }

    fn reject(&mut self, line: u64, reason: String) -> Result<()> {
        // Once a row is out of order the file is refused anyway, and is only read on to learn whether all of it is.
        if self.skip_bad_rows || self.order.first_fault.is_some() {
            self.drop_row(line, reason);
            return Ok(());
        }
        Err(Error::line(&self.path, line, format!("{reason}; {REMEDY}")))
    }

    fn drop_row(&mut self, line: u64, reason: String) {
        self.report.dropped += 1;
        self.report.first_dropped.get_or_insert((line, reason));
    }

    /// The series, once all rows are in.
    pub(super) fn finish(mut self) -> Result<(Bars, CsvReport)> {
        if let Some((line, reason)) = self.order.first_fault.take() {
            self.check_order(line, &reason)?;
        }
        if self.bars.is_empty() {
            return Err(Error::file(&self.path, self.nothing()));
        }
        let origin = self.path.display().to_string();
        let bars = Bars::from_checked(self.bars, self.stamps, origin);
        Ok((bars, self.report))
    }

    fn check_order(&self, line: u64, reason: &str) -> Result<()> {
        let reason = if self.order.is_newest_first() {
            self.order.newest_first_reason(reason)
        } else if self.skip_bad_rows {
            return Ok(());
        } else {
            format!("{reason}; {REMEDY}")
        };
        Err(Error::line(&self.path, line, reason))
    }

    fn nothing(&self) -> String {
        match &self.report.first_dropped {
            None => "there is a header, but no row of data below it".to_owned(),
            Some((line, reason)) => format!(
                "none of the {} rows can be used; the first, on line {line}: {reason}",
                self.report.rows
            ),
        }
    }
}
