//! Reads price bars from a Parquet file, under the rules of a CSV file.

use std::path::Path;

use ::parquet::record::Field;

use super::csv::columns::{PRICES, TimeColumn};
use super::csv::intake::{Intake, PlaceName};
use super::csv::row::BarRow;
use super::csv::{CsvOptions, CsvReport};
use super::instruments::{Instrument, Intakes};
use super::{Bar, Bars};
use crate::error::{Error, Result};
use crate::expansion::table::dates::{Dates, Reading};
use crate::expansion::table::header::Header;
use crate::expansion::table::parquet::{
    Moment, ParquetFile, is_time_in_nanoseconds, kind, moment, number,
};
use crate::expansion::table::stamp::unreadable;

/// The name that pandas gives to an index without a name.
const INDEX: &str = "__index_level_0__";

/// Reads the bars of a Parquet file, and returns them oldest first.
///
/// Columns are found by the names that [`read_csv`](super::csv::read_csv) knows; an index that pandas stored without a
/// name is the time stamp if no other column is. Prices are numbers of any kind, including decimals. Time stamps are
/// timestamps, dates, whole numbers since 1970 or text in the forms of a CSV file. Order, copies and bad rows are
/// treated as in a CSV file, and rows are counted from 0 in the report.
///
/// The file is read by pages, the column of the time stamps twice, so memory grows with the bars alone.
///
/// A damaged file is refused where the damage is detectable: in the structure of the file, in compressed data, in pages
/// with checksums, and in bars that do not pass [`Bar::check`]. A changed digit elsewhere reads as another number.
/// Damage may make the Parquet library panic; the panic is caught and returned as an error, except in a program built
/// with `panic = "abort"`, which ends.
///
/// # Errors
/// * [`Error::Io`]: the file is missing or cannot be read.
/// * [`Error::File`]: a folder; not a Parquet file, a damaged file, or a codec other than Snappy, Zstandard and gzip;
///   a required column missing or given twice; no usable row.
/// * [`Error::Row`]: dates that can be read in two ways; any bad row unless bad rows are skipped.
pub fn read_parquet(path: impl AsRef<Path>, options: &CsvOptions) -> Result<(Bars, CsvReport)> {
    let path = path.as_ref();
    let table = ParquetFile::open(path)?;
    let mut notes = Vec::new();
    let columns =
        ParquetColumns::find(&table, &mut notes).map_err(|reason| Error::file(path, reason))?;
    let stamps = columns.survey(&table, path, options)?;
    notes.extend(stamps.reading.as_ref().and_then(|r| r.note.clone()));
    if stamps.newest_first {
        notes.push("the file runs from newest to oldest and was turned round".into());
    }
    let mut intake = Intake::new(path, PlaceName::Row, options, stamps.newest_first);
    table.for_each(&columns.all(), |row, values| {
        intake.take(columns.row(values, &table, &stamps), row)
    })?;
    intake.finish(notes)
}

/// Reads every instrument of a file as a series of its own.
pub(crate) fn read_all(path: &Path, options: &CsvOptions) -> Result<(Vec<Instrument>, CsvReport)> {
    let table = ParquetFile::open(path)?;
    let mut notes = Vec::new();
    let columns =
        ParquetColumns::find(&table, &mut notes).map_err(|reason| Error::file(path, reason))?;
    let stamps = columns.survey(&table, path, options)?;
    notes.extend(stamps.reading.as_ref().and_then(|r| r.note.clone()));
    let header = Header::of_table(table.columns().iter().map(|column| column.name()));
    let mut read = columns.all();
    read.extend(header.symbol());
    let mut intakes = Intakes::new(path, || {
        Intake::new(path, PlaceName::Row, options, stamps.newest_first)
    });
    table.for_each(&read, |row, values| {
        let name = match values.get(columns.all().len()) {
            Some(Field::Str(name)) => name.trim().to_owned(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let taken = columns.row(values, &table, &stamps);
        intakes.of(&name).take(taken, row)
    })?;
    intakes.finish(notes)
}

/// The indices of the columns.
struct ParquetColumns {
    prices: [usize; 4],
    time: Option<TimeColumn>,
}

/// The reading of the time stamps.
struct Stamps {
    /// The reading of stamps that are text or numbers.
    reading: Option<Reading>,
    newest_first: bool,
}

impl ParquetColumns {
    fn find(table: &ParquetFile, notes: &mut Vec<String>) -> Result<Self, String> {
        let columns = table.columns();
        let header = Header::of_table(columns.iter().map(|column| column.name()));
        let index = columns.iter().position(|column| column.name() == INDEX);
        let (prices, mut time) = header.columns(notes)?;
        if time.is_none() && index.is_some() {
            time = index.map(TimeColumn::One);
            notes.pop();
        }
        if let Some(group) = prices.iter().find(|price| columns[**price].is_group()) {
            let name = columns[*group].name();
            return Err(format!(
                "column `{name}` holds lists or structs, expected a number per row"
            ));
        }
        Ok(Self { prices, time })
    }

    fn times(&self) -> Vec<usize> {
        match self.time {
            None => Vec::new(),
            Some(TimeColumn::One(index)) => vec![index],
            Some(TimeColumn::DateAndTime(date, time)) => vec![date, time],
        }
    }

    /// Returns the prices, then the columns of the time stamp.
    fn all(&self) -> Vec<usize> {
        self.prices.into_iter().chain(self.times()).collect()
    }

    /// Infers the form and the direction of the time stamps.
    fn survey(&self, table: &ParquetFile, path: &Path, options: &CsvOptions) -> Result<Stamps> {
        let mut dates = Dates::new("row");
        let (mut last, mut forward, mut backward) = (None, 0usize, 0usize);
        let times = self.times();
        if !times.is_empty() {
            table.for_each(&times, |row, values| {
                match self.moment(values, table) {
                    Ok(Moment::Text(text)) => dates.look(&text, row),
                    Ok(Moment::Time(time)) => {
                        if let Some(last) = last.replace(time) {
                            forward += usize::from(time > last);
                            backward += usize::from(time < last);
                        }
                    }
                    // The row is refused when it is read.
                    Err(_) => {}
                }
                Ok(())
            })?;
        }
        let reading = dates
            .decide(options.date_order, true)
            .map_err(|(row, reason)| Error::row(path, row, reason))?;
        let newest_first = match &reading {
            Some(reading) => reading.newest_first,
            None => backward > forward,
        };
        Ok(Stamps {
            reading,
            newest_first,
        })
    }

    /// Returns the time stamp of a row from its values in the columns [`times`](Self::times).
    fn moment(&self, values: &[&Field], table: &ParquetFile) -> Result<Moment, String> {
        let columns = table.columns();
        match self.time {
            Some(TimeColumn::One(index)) => moment(values[0], &columns[index])
                .map_err(|what| format!("column `{}` is {what}", columns[index].name())),
            Some(TimeColumn::DateAndTime(date, time)) => {
                let date = match moment(values[0], &columns[date]) {
                    Ok(Moment::Text(text)) => text,
                    // Only the date of a time counts here.
                    Ok(Moment::Time(time)) => time.strftime("%Y-%m-%d").to_string(),
                    Err(what) => return Err(format!("column `date` is {what}")),
                };
                match values[1] {
                    Field::Str(time) => Ok(Moment::Text(format!("{date} {}", time.trim()))),
                    Field::TimeMillis(count) => time_of_day(&date, i64::from(*count) * 1000),
                    Field::TimeMicros(count) => time_of_day(&date, *count),
                    Field::Long(count) if is_time_in_nanoseconds(&columns[time]) => {
                        time_of_day(&date, count / 1000)
                    }
                    other => Err(format!(
                        "column `{}` is {}, not a time of day",
                        columns[time].name(),
                        kind(other)
                    )),
                }
            }
            None => Err("there is no time stamp".into()),
        }
    }

    fn row(
        &self,
        values: &[&Field],
        table: &ParquetFile,
        stamps: &Stamps,
    ) -> Result<BarRow, String> {
        let time = match self.time {
            None => None,
            Some(_) => Some(match self.moment(&values[4..], table)? {
                Moment::Time(time) => time,
                Moment::Text(text) => {
                    let reading = stamps.reading.as_ref().ok_or_else(|| unreadable(&text))?;
                    reading.read(&text)?
                }
            }),
        };
        let bar = bar(&values[..4])?;
        Ok(BarRow { bar, time })
    }
}

fn time_of_day(date: &str, microseconds: i64) -> Result<Moment, String> {
    let seconds = microseconds / 1_000_000;
    Ok(Moment::Text(format!(
        "{date} {:02}:{:02}:{:02}.{:06}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        microseconds % 1_000_000
    )))
}

/// Returns a bar from open, high, low and close.
pub(crate) fn bar(values: &[&Field]) -> Result<Bar, String> {
    let mut prices = [0.0; 4];
    for ((price, name), value) in prices.iter_mut().zip(PRICES).zip(values) {
        *price = number(value).map_err(|what| format!("column `{name}` is {what}"))?;
    }
    Bar::checked(prices).map_err(|fault| fault.to_string())
}
