//! Finds the columns of a Parquet file, and reads their values.

use std::path::Path;

use ::parquet::record::Field;
use ::parquet::schema::types::Type;

use super::symbols::value;
use crate::error::{Error, Result};
use crate::expansion::bars::columns::look::{Kind, Look, ROWS};
use crate::expansion::bars::columns::{PRICES, TimeColumn, Times, time};
use crate::expansion::bars::csv::row::{BarRow, finite};
use crate::expansion::bars::csv::symbols::Rows;
use crate::expansion::bars::{Bar, ColumnMap};
use crate::expansion::table::clock::ClockDigits;
use crate::expansion::table::dates::Dates;
use crate::expansion::table::header::Header;
use crate::expansion::table::parquet::{
    Moment, ParquetFile, is_nanoseconds, is_time_in_nanoseconds, kind, moment, number, whole,
};
use crate::expansion::table::reading::{Reading, StampSettings};
use crate::expansion::table::stamp::unreadable;

/// The name that pandas gives to an index without a name.
const INDEX: &str = "__index_level_0__";

/// Looks at the first values of every column that is not a price. A column that cannot be read is not looked at: only
/// if it is needed is that a fault.
pub(super) fn looks(table: &ParquetFile, prices: &[usize; 4]) -> Vec<Look> {
    let columns = table.columns();
    let look = |column: usize| {
        let mut values: Vec<(Kind, String)> = Vec::new();
        if !prices.contains(&column) && columns[column].is_primitive() {
            let read = table.first(column, ROWS, |field| {
                values.push(kind_of(field, &columns[column]));
            });
            if read.is_err() {
                values.clear();
            }
        }
        Look::at(&values)
    };
    (0..columns.len()).map(look).collect()
}

/// Tells the kind of a value of a column.
fn kind_of(field: &Field, column: &Type) -> (Kind, String) {
    let kind = match field {
        Field::Null => return (Kind::Empty, String::new()),
        Field::Date(_) => Kind::Date,
        Field::TimestampMillis(_) | Field::TimestampMicros(_) => Kind::Stamp,
        Field::TimeMillis(_) | Field::TimeMicros(_) => Kind::Clock,
        Field::Long(_) if is_nanoseconds(column) => Kind::Stamp,
        Field::Long(_) if is_time_in_nanoseconds(column) => Kind::Clock,
        other => {
            let text = value(other);
            return (Kind::of(&text), text);
        }
    };
    (kind, value(field))
}

/// The indices of the columns.
pub(super) struct ParquetColumns {
    prices: [usize; 4],
    /// The further columns, with their names.
    pub(super) further: Vec<(usize, String)>,
    pub(super) time: Option<TimeColumn>,
    pub(super) clock: ClockDigits,
}

/// The reading of the time stamps.
pub(super) struct Stamps {
    /// The reading of stamps that are text or numbers.
    pub(super) reading: Option<Reading>,
    pub(super) newest_first: bool,
    /// Whether no stamp fits the format of the settings.
    pub(super) misfits: bool,
}

impl ParquetColumns {
    pub(super) fn find(
        table: &ParquetFile,
        header: &Header,
        map: &ColumnMap,
        prices: [usize; 4],
        looks: &[Look],
        notes: &mut Vec<String>,
    ) -> Result<Self, String> {
        let columns = table.columns();
        let rows = table.rows().min(ROWS);
        let time = match time::mapped(map, header)? {
            Some(time) => time,
            None => {
                let times = Times {
                    header,
                    looks,
                    rows,
                };
                let found = times.find(notes)?;
                // The index of pandas.
                let index = columns.iter().position(|column| column.name() == INDEX);
                match (found, index) {
                    (None, Some(index)) => {
                        notes.pop();
                        Some(TimeColumn::One(index))
                    }
                    (Some(TimeColumn::One(column)), Some(index)) if column == index => {
                        notes.retain(|note| !note.contains(INDEX));
                        found
                    }
                    (found, _) => found,
                }
            }
        };
        if let Some(group) = prices.iter().find(|price| columns[**price].is_group()) {
            let name = columns[*group].name();
            return Err(format!(
                "column `{name}` holds lists or structs, expected a number per row"
            ));
        }
        Ok(Self {
            prices,
            further: Vec::new(),
            time,
            clock: ClockDigits::default(),
        })
    }

    /// Tells the form of the times of day in digits from all rows.
    pub(super) fn clock_of(&self, table: &ParquetFile) -> Result<ClockDigits> {
        let mut clock = ClockDigits::default();
        if let Some(TimeColumn::DateAndTime(_, time)) = self.time {
            table.for_each(&[time], |_, values| {
                clock.look(&value(values[0]));
                Ok(())
            })?;
        }
        Ok(clock)
    }

    pub(super) fn times(&self) -> Vec<usize> {
        match self.time {
            None => Vec::new(),
            Some(TimeColumn::One(index)) => vec![index],
            Some(TimeColumn::DateAndTime(date, time)) => vec![date, time],
        }
    }

    /// Returns the prices, the further columns, then the columns of the time stamp.
    pub(super) fn all(&self) -> Vec<usize> {
        let further = self.further.iter().map(|(column, _)| *column);
        self.prices
            .into_iter()
            .chain(further)
            .chain(self.times())
            .collect()
    }

    /// Infers the form and the direction of the time stamps. Returns them with the notes on the file.
    pub(super) fn survey(
        &self,
        table: &ParquetFile,
        path: &Path,
        settings: &StampSettings,
        rows: &Rows,
        mut notes: Vec<String>,
    ) -> Result<(Stamps, Vec<String>)> {
        let mut dates = Dates::new("row", settings.clone());
        let mut texts = 0usize;
        let (mut last, mut forward, mut backward) = (None, 0usize, 0usize);
        let mut read = self.times();
        let count = read.len();
        read.extend(rows.column());
        let mut name = String::new();
        if count > 0 {
            table.for_each(&read, |row, values| {
                if let Some(field) = values.get(count) {
                    let other = value(field);
                    if matches!(rows, Rows::With(_, wanted) if other != *wanted) {
                        return Ok(());
                    }
                    if other != name {
                        // No step leads from one instrument to another.
                        (name, last) = (other, None);
                    }
                }
                match self.moment(values, table) {
                    Ok(Moment::Text(text)) => {
                        texts += 1;
                        dates.look(&text, row);
                    }
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
            .decide(true)
            .map_err(|(row, reason)| Error::row(path, row, reason))?;
        let newest_first = match &reading {
            Some(reading) if forward + backward == 0 => reading.newest_first,
            _ => backward > forward,
        };
        notes.extend(reading.as_ref().and_then(|reading| reading.note.clone()));
        if newest_first {
            notes.push("the file runs from newest to oldest and was turned round".into());
        }
        let stamps = Stamps {
            reading,
            newest_first,
            misfits: settings.format.is_some() && texts > 0 && !dates.fits(),
        };
        Ok((stamps, notes))
    }

    /// Returns the time stamp of a row from its values in the columns [`times`](Self::times).
    pub(super) fn moment(&self, values: &[&Field], table: &ParquetFile) -> Result<Moment, String> {
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
                    Field::Str(time) => Ok(Moment::Text(self.joined(&date, time.trim()))),
                    Field::TimeMillis(count) => time_of_day(&date, i64::from(*count) * 1000),
                    Field::TimeMicros(count) => time_of_day(&date, *count),
                    Field::Long(count) if is_time_in_nanoseconds(&columns[time]) => {
                        time_of_day(&date, count / 1000)
                    }
                    other if whole(other).is_some() => {
                        let digits = whole(other).unwrap_or_default().to_string();
                        Ok(Moment::Text(self.joined(&date, &digits)))
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

    /// Returns a date and a time of day as one text.
    fn joined(&self, date: &str, time: &str) -> String {
        let mut text = format!("{date} ");
        self.clock.write(time, &mut text);
        text
    }

    pub(super) fn row(
        &self,
        values: &[&Field],
        table: &ParquetFile,
        stamps: &Stamps,
    ) -> Result<BarRow, String> {
        let time = match self.time {
            None => None,
            Some(_) => Some(
                match self.moment(&values[4 + self.further.len()..], table)? {
                    Moment::Time(time) => time,
                    Moment::Text(text) => {
                        let reading = stamps.reading.as_ref().ok_or_else(|| unreadable(&text))?;
                        reading.read(&text)?
                    }
                },
            ),
        };
        let (bar, mended) =
            Bar::mended(prices(&values[..4])?).map_err(|fault| fault.to_string())?;
        let further = self.further.iter().zip(&values[4..]);
        let further = further.map(|((_, name), value)| {
            let value = number(value).map_err(|what| format!("column `{name}` is {what}"))?;
            finite(name, value)
        });
        let further = further.collect::<Result<_, _>>()?;
        Ok(BarRow {
            bar,
            time,
            mended,
            further,
        })
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
    Bar::checked(prices(values)?).map_err(|fault| fault.to_string())
}

fn prices(values: &[&Field]) -> Result<[f64; 4], String> {
    let mut prices = [0.0; 4];
    for ((price, name), value) in prices.iter_mut().zip(PRICES).zip(values) {
        *price = number(value).map_err(|what| format!("column `{name}` is {what}"))?;
    }
    Ok(prices)
}
