//! Reads price bars from a Parquet file, under the rules of a CSV file.

use std::path::Path;

use ::parquet::record::Field;
use ::parquet::schema::types::Type;

use super::columns::look::{Kind, Look, ROWS};
use super::columns::{PRICES, SymbolColumns, TimeColumn, Times, has_mapped, price_columns, time};
use super::csv::intake::{Intake, PlaceName};
use super::csv::row::BarRow;
use super::csv::symbols::Values;
use super::csv::{CsvOptions, CsvReport};
use super::instruments::{Instrument, Intakes};
use super::{Bar, Bars, ColumnMap};
use crate::error::{Error, Result};
use crate::expansion::table::clock::ClockDigits;
use crate::expansion::table::dates::Dates;
use crate::expansion::table::header::Header;
use crate::expansion::table::parquet::{
    Moment, ParquetFile, is_nanoseconds, is_time_in_nanoseconds, kind, moment, number, whole,
};
use crate::expansion::table::reading::Reading;
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
    let mut file = BarTable::open(path, options)?;
    if file.rows == Rows::All
        && let Some(several) = file.symbols.iter().find(|values| values.are_several())
    {
        let name = &file.header.written[several.column];
        return Err(Error::file(path, several.refuse(&format!("`{name}`"))));
    }
    let mut intakes = file.intakes();
    file.read(&mut intakes)?;
    intakes.finish_one(std::mem::take(&mut file.notes))
}

/// Reads every instrument of a file as a series of its own.
pub(crate) fn read_all(path: &Path, options: &CsvOptions) -> Result<(Vec<Instrument>, CsvReport)> {
    let mut file = BarTable::open(path, options)?;
    if file.rows == Rows::All {
        let several = file.symbols.iter().find(|values| values.are_several());
        if let Some(values) = several.or(file.symbols.first()) {
            let rows = Rows::Every(values.column);
            (file.stamps, file.notes) =
                file.columns
                    .survey(&file.table, path, options, &rows, file.said.clone())?;
            file.rows = rows;
        }
    }
    let mut intakes = file.intakes();
    file.read(&mut intakes)?;
    intakes.finish(std::mem::take(&mut file.notes))
}

/// The rows that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rows {
    All,
    /// The rows with a value in a column.
    With(usize, String),
    /// The rows of every value of a column are a series.
    Every(usize),
}

impl Rows {
    fn column(&self) -> Option<usize> {
        match self {
            Self::All => None,
            Self::With(column, _) | Self::Every(column) => Some(*column),
        }
    }
}

/// An open file of bars.
struct BarTable<'a> {
    path: &'a Path,
    options: &'a CsvOptions,
    table: ParquetFile,
    header: Header,
    columns: ParquetColumns,
    stamps: Stamps,
    symbols: Vec<Values>,
    rows: Rows,
    /// Notes on the columns alone.
    said: Vec<String>,
    notes: Vec<String>,
}

impl<'a> BarTable<'a> {
    fn open(path: &'a Path, options: &'a CsvOptions) -> Result<Self> {
        options.check()?;
        let table = ParquetFile::open(path)?;
        let refuse = |reason: String| Error::file(path, reason);
        let header = Header::of_table(table.columns().iter().map(|column| column.name()));
        let mut said = Vec::new();
        let none = ColumnMap::default();
        let map = if options.of_another_file && !has_mapped(&header, &options.columns) {
            said.push(format!(
                "this file does not have the columns of `data.columns` ({}), so its own were looked for",
                options.columns
            ));
            &none
        } else {
            &options.columns
        };
        let prices = price_columns(&header, map, &mut said).map_err(refuse)?;
        let looks = looks(&table, &prices)?;
        let mut columns = ParquetColumns::find(&table, &header, map, prices, &looks, &mut said)
            .map_err(refuse)?;
        columns.clock = columns.clock_of(&table)?;
        let found = SymbolColumns::find(&header, map).map_err(refuse)?;
        let symbols = symbols(&table, &found.named)?;
        let rows = chosen(&symbols, &header, options, &mut said).map_err(refuse)?;
        let (stamps, notes) = columns.survey(&table, path, options, &rows, said.clone())?;
        Ok(Self {
            path,
            options,
            table,
            header,
            columns,
            stamps,
            symbols,
            rows,
            said,
            notes,
        })
    }

    fn intakes(&self) -> Intakes<'a> {
        let (path, options, newest_first) = (self.path, self.options, self.stamps.newest_first);
        Intakes::new(path, move || {
            Intake::new(path, PlaceName::Row, options, newest_first)
        })
    }

    fn read(&self, intakes: &mut Intakes) -> Result<()> {
        let mut read = self.columns.all();
        let count = read.len();
        read.extend(self.rows.column());
        self.table.for_each(&read, |row, values| {
            let name = values
                .get(count)
                .map_or(String::new(), |field| value(field));
            if let Rows::With(_, wanted) = &self.rows
                && name != *wanted
            {
                return Ok(());
            }
            let taken = self.columns.row(values, &self.table, &self.stamps);
            let name = if matches!(self.rows, Rows::Every(_)) {
                name.as_str()
            } else {
                ""
            };
            intakes.of(name).take(taken, row)
        })
    }
}

/// Returns a value as text.
fn value(field: &Field) -> String {
    match field {
        Field::Str(text) => text.trim().to_owned(),
        Field::Null => String::new(),
        other => other.to_string(),
    }
}

/// Counts the values of the columns that name instruments.
fn symbols(table: &ParquetFile, columns: &[usize]) -> Result<Vec<Values>> {
    let mut all: Vec<Values> = columns.iter().map(|column| Values::of(*column)).collect();
    if !all.is_empty() {
        table.for_each(columns, |_, fields| {
            for (values, field) in all.iter_mut().zip(fields) {
                match field {
                    Field::Str(text) => values.add(text.trim()),
                    other => values.add(&value(other)),
                }
            }
            Ok(())
        })?;
    }
    Ok(all)
}

/// Returns the rows of the instrument of the settings. The error is the reason in words.
fn chosen(
    symbols: &[Values],
    header: &Header,
    options: &CsvOptions,
    notes: &mut Vec<String>,
) -> Result<Rows, String> {
    let Some(wanted) = options.instrument.as_deref() else {
        return Ok(Rows::All);
    };
    let find = |values: &Values| {
        let mut all = values.values.iter();
        let (value, rows) = all.find(|(value, _)| value.eq_ignore_ascii_case(wanted))?;
        Some((values.column, value.clone(), *rows))
    };
    if let Some((column, value, rows)) = symbols.iter().find_map(find) {
        let name = &header.written[column];
        notes.push(format!(
            "read the {rows} rows with `{value}` in column `{name}`"
        ));
        return Ok(Rows::With(column, value));
    }
    let reason = match symbols.first() {
        Some(values) => values.lacks(&format!("`{}`", header.written[values.column]), wanted),
        None => format!(
            "no column names instruments, so `{wanted}`, the `data.instrument`, is not found"
        ),
    };
    if options.of_another_file {
        notes.push(format!("{reason}; all rows were read"));
        return Ok(Rows::All);
    }
    Err(reason)
}

/// Looks at the first values of every column that is not a price.
fn looks(table: &ParquetFile, prices: &[usize; 4]) -> Result<Vec<Look>> {
    let columns = table.columns();
    let read: Vec<usize> = (0..columns.len())
        .filter(|column| !prices.contains(column) && columns[*column].is_primitive())
        .collect();
    let mut values: Vec<Vec<(Kind, String)>> = vec![Vec::new(); columns.len()];
    table.first(&read, ROWS, |fields| {
        for (column, field) in read.iter().zip(fields) {
            values[*column].push(kind_of(field, &columns[*column]));
        }
    })?;
    Ok(values.iter().map(|values| Look::at(values)).collect())
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
    (kind, field.to_string())
}

/// The indices of the columns.
struct ParquetColumns {
    prices: [usize; 4],
    time: Option<TimeColumn>,
    clock: ClockDigits,
}

/// The reading of the time stamps.
struct Stamps {
    /// The reading of stamps that are text or numbers.
    reading: Option<Reading>,
    newest_first: bool,
}

impl ParquetColumns {
    fn find(
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
            time,
            clock: ClockDigits::default(),
        })
    }

    /// Tells the form of the times of day in digits from all rows.
    fn clock_of(&self, table: &ParquetFile) -> Result<ClockDigits> {
        let mut clock = ClockDigits::default();
        if let Some(TimeColumn::DateAndTime(_, time)) = self.time {
            table.for_each(&[time], |_, values| {
                clock.look(&value(values[0]));
                Ok(())
            })?;
        }
        Ok(clock)
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

    /// Infers the form and the direction of the time stamps. Returns them with the notes on the file.
    fn survey(
        &self,
        table: &ParquetFile,
        path: &Path,
        options: &CsvOptions,
        rows: &Rows,
        mut notes: Vec<String>,
    ) -> Result<(Stamps, Vec<String>)> {
        let settings = options.stamps()?;
        let mut dates = Dates::new("row", settings);
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
        };
        Ok((stamps, notes))
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
        let (bar, mended) =
            Bar::mended(prices(&values[..4])?).map_err(|fault| fault.to_string())?;
        Ok(BarRow { bar, time, mended })
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
