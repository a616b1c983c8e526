//! Reads untidy text: separators, headers, numbers, time stamps, quoting. Nothing here depends on prices.
//!
//! * `text` holds a file, `records` iterates over its records, `header` finds the line with the column names;
//! * `stamp` (with `stamp_parser` and `zone`) reads a time stamp, `dates` (with `course`, `numbers` and
//!   `numeric_dates`) infers the form of the stamps of
//!   a column, `reading` reads a column of a known form;
//! * `number` reads numbers and infers their decimal mark, [`duration`] reads and writes lengths of time;
//! * `quote` quotes excerpts of a file in messages, `parquet` reads the rows of a Parquet file.

pub(crate) mod clock;
mod course;
pub(crate) mod dates;
pub mod duration;
pub(crate) mod header;
pub(crate) mod number;
mod numbers;
mod numeric_dates;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
pub(crate) mod quote;
pub(crate) mod reading;
pub(crate) mod records;
pub(crate) mod stamp;
mod stamp_parser;
pub(crate) mod text;
pub(crate) mod zone;

pub use number::DecimalMark;
pub use stamp::DateOrder;
