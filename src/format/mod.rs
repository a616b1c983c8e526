//! Numbers the forms of the files that the crate writes and reads back: a file of a later version is refused by its
//! number, before anything in it is taken for something else.
//!
//! JSON has the number in the field `format`, which is the first; tables have it in a place of their own, which their
//! readers name. A file without a number is of version 1, whose files had none.

#[cfg(feature = "train")]
mod json;
#[cfg(feature = "train")]
mod table;

use std::path::Path;

#[cfg(feature = "train")]
pub(crate) use json::of_json;

use crate::error::{Error, Result};

/// The name of the field, the column or the quantity that holds the number.
pub(crate) const FIELD: &str = "format";

/// The form of one kind of file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// The newest version, which is written. Every version up to this one is read.
    pub(crate) version: u32,
}

impl Format {
    /// Returns the form whose newest version has this number.
    pub(crate) const fn new(version: u32) -> Self {
        Self { version }
    }

    /// Checks the number of a file as it stands there.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if a later version wrote the file, [`Error::File`] if the number is none.
    pub(crate) fn check(self, path: &Path, found: &str) -> Result<()> {
        match found.parse::<u64>() {
            Ok(0) | Err(_) => Err(Error::file(
                path,
                format!(
                    "its `{FIELD}` is {found}, expected a whole number from 1 to {}; a file without it is of format 1",
                    self.version
                ),
            )),
            Ok(number) if number > u64::from(self.version) => Err(Error::Format {
                path: path.to_path_buf(),
                found: number,
                newest: self.version,
            }),
            Ok(_) => Ok(()),
        }
    }
}
