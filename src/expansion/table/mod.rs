//! Reads untidy text: separators, headers, numbers, time stamps, quoting. Knows no prices.
//!
//! * `text` holds a file, `records` walks its lines, `header` finds the line with the column names;
//! * `stamp` (with `stamp_parser`) reads a time stamp, `dates` tells from all stamps of a column how they are written;
//! * `number` does the same for numbers and their decimal mark, [`duration`] reads and writes lengths of time;
//! * `quote` quotes a file in messages; `parquet` reads the rows of a Parquet file.

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
