//! Reads chosen columns of a Parquet file row by row, and converts single values to numbers and times.
//!
//! The file is read by pages, so memory is limited to a page and the index of a row group, whatever the length. A
//! damaged file may make the Parquet library panic; the panic is caught and returned as an error without being
//! printed, except in a program built with `panic = "abort"`, which ends.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::basic::{Compression, LogicalType, TimeUnit};
use ::parquet::data_type::Decimal;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use ::parquet::schema::types::Type;
use jiff::Timestamp;

use super::parquet_claims::{check_schema, largest_pages};
use super::quote;
use crate::error::{Error, Result};
use crate::quiet::{caught, words};

/// An open Parquet file.
pub(crate) struct ParquetFile {
    path: PathBuf,
    file: File,
    reader: SerializedFileReader<File>,
    /// The memory for the pages of the columns that were looked at.
    pages: RefCell<HashMap<usize, u64>>,
}

impl ParquetFile {
    /// Opens a file and reads its schema.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let about = file.metadata().map_err(Error::io("read", path))?;
        if about.is_dir() {
            return Err(Error::file(
                path,
                "a folder, but a Parquet file is expected",
            ));
        }
        check_schema(&file).map_err(|error| damaged(path, &error))?;
        let again = file.try_clone().map_err(Error::io("read", path))?;
        let reader = guarded(path, || SerializedFileReader::new(again))?;
        let rows = reader.metadata().file_metadata().num_rows();
        let most = most_rows(about.len());
        if rows > most {
            let reason = format!(
                "{rows} rows in {} bytes, but at most {most} are read from so few: a value that is repeated would fill the \
                 memory; cut the file into shorter ones",
                about.len()
            );
            return Err(Error::file(path, reason));
        }
        Ok(Self {
            path: path.to_path_buf(),
            file,
            reader,
            pages: RefCell::default(),
        })
    }

    /// Returns the columns at the top of the schema.
    pub(crate) fn columns(&self) -> &[Arc<Type>] {
        self.schema().get_fields()
    }

    fn schema(&self) -> &Type {
        self.reader.metadata().file_metadata().schema()
    }

    /// Checks that the pages of the given columns have a codec that this program was built with.
    fn check_codecs(&self, columns: &[usize]) -> Result<()> {
        let all = self.columns();
        let wanted = |name: &str| columns.iter().any(|column| all[*column].name() == name);
        let groups = self.reader.metadata().row_groups().iter();
        let mut chunks = groups.flat_map(|group| group.columns());
        let unknown = chunks.find(|chunk| {
            let name = chunk.column_path().parts().first();
            let known = matches!(
                chunk.compression(),
                Compression::UNCOMPRESSED
                    | Compression::SNAPPY
                    | Compression::GZIP(_)
                    | Compression::ZSTD(_)
            );
            !known && name.is_some_and(|name| wanted(name))
        });
        match unknown {
            None => Ok(()),
            Some(chunk) => Err(Error::file(
                &self.path,
                format!(
                    "column `{}` is compressed with {}, expected Snappy, Zstandard, gzip or no compression; write the file \
                     anew with one of these",
                    chunk.column_path().string(),
                    codec(chunk.compression())
                ),
            )),
        }
    }

    /// Checks that the pages of the given columns do not fill the memory when they are unpacked.
    fn check_pages(&self, columns: &[usize]) -> Result<()> {
        let sizes: Result<Vec<u64>> = columns
            .iter()
            .map(|column| self.pages_of(*column))
            .collect();
        let sum: u64 = sizes?.iter().sum();
        let about = self.file.metadata();
        let length = about.map_err(Error::io("read", &self.path))?.len();
        let most = most_of_pages(length);
        if sum <= most {
            return Ok(());
        }
        let reason = format!(
            "its pages claim {sum} bytes of memory at a time, but at most {most} are used for a file of {length} bytes; write \
             the file anew with smaller pages"
        );
        Err(Error::file(&self.path, reason))
    }

    /// Returns the memory for the pages of a column.
    fn pages_of(&self, column: usize) -> Result<u64> {
        if let Some(known) = self.pages.borrow().get(&column) {
            return Ok(*known);
        }
        let name = self.columns()[column].name();
        let groups = self.reader.metadata().row_groups().iter();
        let all = groups.flat_map(|group| group.columns());
        let its = all.filter(|chunk| {
            let top = chunk.column_path().parts().first();
            top.is_some_and(|top| top == name)
        });
        let read = || Ok(largest_pages(&self.file, its)?);
        let size = guarded(&self.path, read)?;
        self.pages.borrow_mut().insert(column, size);
        Ok(size)
    }

    /// Returns the number of rows.
    pub(crate) fn rows(&self) -> usize {
        let rows = self.reader.metadata().file_metadata().num_rows();
        usize::try_from(rows).unwrap_or(0)
    }

    /// Calls `take` with the first values of a column, at most `count`.
    pub(crate) fn first(
        &self,
        column: usize,
        count: usize,
        mut take: impl FnMut(&Field),
    ) -> Result<()> {
        self.check_pages(&[column])?;
        let projection = Type::group_type_builder(self.schema().name())
            .with_fields(vec![self.columns()[column].clone()])
            .build()
            .map_err(|error| damaged(&self.path, &error))?;
        let mut rows = guarded(&self.path, || self.reader.get_row_iter(Some(projection)))?;
        for _ in 0..count {
            let Some(row) = guarded(&self.path, || rows.next().transpose())? else {
                break;
            };
            for (_, field) in row.into_columns() {
                take(&field);
            }
        }
        Ok(())
    }

    /// Calls `take` with the number of every row, from 0, and its values in the given columns, in the given order.
    pub(crate) fn for_each(
        &self,
        columns: &[usize],
        mut take: impl FnMut(u64, &[&Field]) -> Result<()>,
    ) -> Result<()> {
        self.check_codecs(columns)?;
        let path = &self.path;
        let mut sorted = columns.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        self.check_pages(&sorted)?;
        let places: Vec<usize> = columns
            .iter()
            .map(|column| sorted.partition_point(|other| other < column))
            .collect();
        let all = self.columns();
        let fields = sorted.iter().map(|column| all[*column].clone()).collect();
        let projection = Type::group_type_builder(self.schema().name())
            .with_fields(fields)
            .build()
            .map_err(|error| damaged(path, &error))?;
        let expected = self.reader.metadata().file_metadata().num_rows();
        let mut rows = guarded(path, || self.reader.get_row_iter(Some(projection)))?;
        let mut number = 0u64;
        while let Some(row) = guarded(path, || rows.next().transpose())? {
            let row = row.into_columns();
            let values: Option<Vec<&Field>> = places
                .iter()
                .map(|place| row.get(*place).map(|(_, field)| field))
                .collect();
            let values = values.ok_or_else(|| damaged(path, &"a column ends early"))?;
            // The groups may hold more rows than the file says.
            if i64::try_from(number).is_ok_and(|number| number >= expected) {
                let reason = format!("more rows than the {expected} that the file says");
                return Err(damaged(path, &reason));
            }
            take(number, &values)?;
            number += 1;
        }
        if i64::try_from(number) != Ok(expected) {
            let reason = format!("{number} rows where the file says {expected}");
            return Err(damaged(path, &reason));
        }
        Ok(())
    }
}

/// Returns the largest number of rows that are read from a file of some bytes. A repeated value takes no bytes in the file, so a
/// small file can hold any number of rows; prices that move take more than a byte each.
fn most_rows(bytes: u64) -> i64 {
    const FREE: u64 = 4_000_000;
    const PER_BYTE: u64 = 16;
    let most = bytes.saturating_mul(PER_BYTE).saturating_add(FREE);
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// Returns the most memory for the unpacked pages of a file of some bytes. Usual pages have a megabyte.
fn most_of_pages(bytes: u64) -> u64 {
    const FREE: u64 = 48 << 20;
    const PER_BYTE: u64 = 10;
    bytes.saturating_mul(PER_BYTE).saturating_add(FREE)
}

/// Returns the name of a codec without its level.
fn codec(codec: Compression) -> String {
    let name = codec.to_string();
    name.split('(').next().unwrap_or_default().to_owned()
}

fn damaged(path: &Path, error: &dyn std::fmt::Display) -> Error {
    let text = error.to_string();
    let reason = quote::line(&text);
    Error::file(
        path,
        format!(
            "cannot be read as Parquet, so it is damaged, not whole, or of a kind that is not known: {reason}"
        ),
    )
}

/// Calls the Parquet library, and returns its errors and panics as errors about the file.
fn guarded<T>(path: &Path, work: impl FnOnce() -> ::parquet::errors::Result<T>) -> Result<T> {
    match caught(work) {
        Ok(result) => result.map_err(|error| damaged(path, &error)),
        Err(panic) => Err(damaged(path, &words(panic.as_ref()))),
    }
}

/// Returns a value as a number. The error describes the value.
pub(crate) fn number(field: &Field) -> Result<f64, String> {
    match field {
        Field::Double(value) => Ok(*value),
        Field::Float(value) => Ok(f64::from(*value)),
        Field::Float16(value) => Ok(f64::from(*value)),
        Field::Byte(value) => Ok(f64::from(*value)),
        Field::Short(value) => Ok(f64::from(*value)),
        Field::Int(value) => Ok(f64::from(*value)),
        Field::Long(value) => Ok(*value as f64),
        Field::UByte(value) => Ok(f64::from(*value)),
        Field::UShort(value) => Ok(f64::from(*value)),
        Field::UInt(value) => Ok(f64::from(*value)),
        Field::ULong(value) => Ok(*value as f64),
        Field::Decimal(value) => {
            decimal(value).ok_or_else(|| "a decimal number that is too long".to_owned())
        }
        _ => Err(format!("{}, not a number", kind(field))),
    }
}

/// Returns a value as a whole number. Returns `None` if the value is not a whole number.
pub(crate) fn whole(field: &Field) -> Option<i64> {
    match field {
        Field::Byte(value) => Some((*value).into()),
        Field::Short(value) => Some((*value).into()),
        Field::Int(value) => Some((*value).into()),
        Field::Long(value) => Some(*value),
        Field::UByte(value) => Some((*value).into()),
        Field::UShort(value) => Some((*value).into()),
        Field::UInt(value) => Some((*value).into()),
        Field::ULong(value) => i64::try_from(*value).ok(),
        // pandas stores whole numbers as floats in a column with gaps.
        Field::Double(value) => whole_float(*value, 53),
        Field::Float(value) => whole_float((*value).into(), 24),
        _ => None,
    }
}

/// Returns a float as a whole number. A larger number than `bits` bits may have been rounded, so it gives `None`.
fn whole_float(value: f64, bits: i32) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < 2f64.powi(bits)).then_some(value as i64)
}

/// Describes a value in words, for a message.
pub(crate) fn kind(field: &Field) -> String {
    match field {
        Field::Null => "null".into(),
        Field::Bool(value) => value.to_string(),
        Field::Str(text) => format!("the text {}", quote::value(text)),
        Field::Bytes(_) => "binary data".into(),
        Field::Decimal(_) => "a decimal number".into(),
        Field::Group(_) => "a struct".into(),
        Field::ListInternal(_) => "a list".into(),
        Field::MapInternal(_) => "a map".into(),
        Field::Date(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::TimestampMillis(_)
        | Field::TimestampMicros(_) => "a time".into(),
        _ => quote::value(&field.to_string()),
    }
}

/// The content of a value in a column of times.
pub(crate) enum Moment {
    /// A time.
    Time(Timestamp),
    /// Text or a number, to be read as a time stamp of a CSV file.
    Text(String),
}

/// Returns a value of a column as a time. The error describes the value.
pub(crate) fn moment(field: &Field, column: &Type) -> Result<Moment, String> {
    let time = match field {
        Field::Date(days) => Timestamp::from_second(i64::from(*days) * 86_400),
        Field::TimestampMillis(count) => Timestamp::from_millisecond(*count),
        Field::TimestampMicros(count) => Timestamp::from_microsecond(*count),
        Field::Long(count) if is_nanoseconds(column) => Timestamp::from_nanosecond((*count).into()),
        Field::Str(text) => return Ok(Moment::Text(text.trim().to_owned())),
        _ => {
            return match whole(field) {
                Some(number) => Ok(Moment::Text(number.to_string())),
                None => Err(format!("{}, not a time stamp", kind(field))),
            };
        }
    };
    time.map(Moment::Time)
        .map_err(|_| "a time out of range".into())
}

/// Returns whether a column holds time stamps in nanoseconds, which the library returns as plain numbers.
pub(crate) fn is_nanoseconds(column: &Type) -> bool {
    let Some(LogicalType::Timestamp(about)) = column.get_basic_info().logical_type_ref() else {
        return false;
    };
    about.unit == TimeUnit::NANOS
}

/// Returns whether a column holds times of day in nanoseconds, which the library returns as plain numbers.
pub(crate) fn is_time_in_nanoseconds(column: &Type) -> bool {
    let logical = column.get_basic_info().logical_type_ref();
    matches!(logical, Some(LogicalType::Time(about)) if about.unit == TimeUnit::NANOS)
}

/// Returns the value of a decimal: a whole number in two's complement, highest byte first, divided by a power of ten.
/// Returns `None` for no bytes or more than 16.
fn decimal(value: &Decimal) -> Option<f64> {
    let bytes = value.data();
    if bytes.is_empty() || bytes.len() > 16 {
        return None;
    }
    let negative = bytes[0] & 0x80 != 0;
    let whole = bytes
        .iter()
        .fold(if negative { -1i128 } else { 0 }, |whole, byte| {
            whole << 8 | i128::from(*byte)
        });
    Some(whole as f64 / 10f64.powi(value.scale()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bytes_hold_few_rows() {
        assert_eq!(most_rows(1000), 4_016_000);
        assert!(most_rows(1000) < 1 << 40);
        assert_eq!(most_rows(u64::MAX), i64::MAX);
    }
}
