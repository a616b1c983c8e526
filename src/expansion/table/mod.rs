//! Reads untidy text: separators, headers, numbers, time stamps, quoting. Nothing here depends on prices.
//!
//! * `text` holds a file, `records` iterates over its records, `header` finds the line with the column names;
//! * `stamp` (with `stamp_parser`) reads a time stamp, `dates` infers the form of the stamps of a column;
//! * `number` reads numbers and infers their decimal mark, [`duration`] reads and writes lengths of time;
//! * `quote` quotes excerpts of a file in messages, `parquet` reads the rows of a Parquet file.

pub(crate) mod dates;
pub mod duration;
pub(crate) mod header;
pub(crate) mod number;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
pub(crate) mod quote;
pub(crate) mod records;
pub(crate) mod stamp;
mod stamp_parser;
pub(crate) mod text;

pub use number::DecimalMark;
pub use stamp::DateOrder;
