//! Reads untidy text: separators, headers, numbers, time stamps, quoting. Nothing here depends on prices.
//!
//! * `text` holds a file, `records` iterates over its records, `header` finds the line with the column names;
//! * `stamp` (with `stamp_parser`, `clock_parser`, `stamp_number`, `zone` and `zone_parser`) reads a time stamp, `dates`
//!   (with `course`, `numbers`, `number_readings` and `numeric_dates`) infers the form of the stamps of a column,
//!   `reading` (with `time_format`) reads a column of a known form, `clock` a column of times of day;
//! * `number` reads numbers, `mark_evidence` infers their decimal mark, [`duration`] reads and writes lengths of time;
//! * `quote` quotes excerpts of a file in messages, `parquet` reads the rows of a Parquet file.

pub(crate) mod clock;
mod clock_parser;
mod course;
pub(crate) mod dates;
pub mod duration;
pub(crate) mod header;
pub(crate) mod mark_evidence;
pub(crate) mod number;
mod number_readings;
mod numbers;
mod numeric_dates;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
#[cfg(feature = "parquet")]
mod parquet_claims;
#[cfg(feature = "parquet")]
mod parquet_shapes;
pub(crate) mod quote;
mod quoted;
pub(crate) mod reading;
pub(crate) mod records;
pub(crate) mod stamp;
mod stamp_number;
mod stamp_parser;
pub(crate) mod text;
#[cfg(feature = "parquet")]
mod thrift;
pub(crate) mod time_format;
pub(crate) mod zone;
pub(crate) mod zone_parser;

pub use number::DecimalMark;
pub use stamp::DateOrder;
