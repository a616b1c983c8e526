//! Reads the number in the column of a table.

use std::path::Path;

use super::{FIELD, Format};
use crate::error::Result;

impl Format {
    /// Checks the number of a table, in the column `format` of its first row. A table without the column is of version
    /// 1.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub(crate) fn check_column(self, path: &Path, text: &[u8]) -> Result<()> {
        let mut rows = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text);
        let mut rows = rows.records().map_while(std::result::Result::ok);
        let (Some(header), Some(first)) = (rows.next(), rows.next()) else {
            return Ok(());
        };
        let column = header.iter().position(|name| name == FIELD);
        match column.and_then(|column| first.get(column)) {
            Some(found) => self.check(path, found),
            None => Ok(()),
        }
    }
}
