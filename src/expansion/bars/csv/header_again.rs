//! Recognises the header where it is repeated, and refuses a header of other columns in the middle of a file.

use ::csv::StringRecord;

use super::columns::BarColumns;
use crate::expansion::bars::columns::{TimeColumn, prices};
use crate::expansion::table::header::{Header, compared};
use crate::expansion::table::quote;

impl BarColumns {
    /// Returns whether a record repeats the header.
    pub(super) fn is_header(&self, record: &StringRecord) -> bool {
        let names = self.header.names.iter();
        record.len() == self.count
            && names.clone().any(|name| !name.is_empty())
            && names
                .zip(record)
                .all(|(name, field)| name.is_empty() || compared(field) == *name)
    }

    /// Returns whether a record that is no row repeats the header. A header of other columns is an error, the reason in
    /// words, because the rows below it would be read under the wrong names.
    pub(super) fn repeats_header(&self, record: &StringRecord) -> Result<bool, String> {
        if self.is_header(record) {
            return Ok(true);
        }
        let other = Header::of_table(record.iter().map(str::trim));
        if !prices::has_all(&other) && !self.is_rearranged(&other) {
            return Ok(false);
        }
        if other.names.len() == self.count && self.agrees(&other) {
            return Ok(true);
        }
        let known = if self.is_unnamed() {
            "of the rows above".to_owned()
        } else {
            format!("of the header on line {}", self.header.line)
        };
        Err(format!(
            "names of columns again, but not in the order {known}: {}; bring the columns below into that order, or \
             divide the file here",
            quote::line(&other.written.join(","))
        ))
    }

    /// Returns whether there is no header.
    pub(super) fn is_unnamed(&self) -> bool {
        self.header.names.iter().all(String::is_empty)
    }

    /// Returns whether a header has the same names in another order.
    fn is_rearranged(&self, other: &Header) -> bool {
        let sorted = |header: &Header| {
            let mut names = header.names.clone();
            names.sort();
            names
        };
        !self.is_unnamed() && sorted(other) == sorted(&self.header)
    }

    /// Returns whether every column that is read has its name in another header.
    fn agrees(&self, other: &Header) -> bool {
        if self.is_unnamed() {
            let prices = prices::find(other, &mut Vec::new());
            return prices.is_ok_and(|prices| prices == self.prices);
        }
        let same = |column: usize| other.names.get(column) == Some(&self.header.names[column]);
        self.needed().into_iter().all(same)
    }

    /// Returns the columns that are read.
    fn needed(&self) -> Vec<usize> {
        let times = match self.time {
            None => Vec::new(),
            Some(TimeColumn::One(time)) => vec![time],
            Some(TimeColumn::DateAndTime(date, time)) => vec![date, time],
        };
        let further = self.further.iter().map(|(column, _)| *column);
        let symbols = self.symbols.named.iter().copied();
        let all = self.prices.into_iter().chain(times);
        all.chain(further).chain(symbols).collect()
    }
}
