//! Reads price bars from a Parquet file, under the rules of a CSV file.

mod columns;
mod symbols;

use std::path::Path;

use super::columns::look::Kind;
use super::columns::{SymbolColumns, further, has_mapped, names, price_columns};
use super::csv::intake::{Intake, PlaceName};
use super::csv::intakes::{Instrument, Intakes};
use super::csv::symbols::{Groups, Rows, Values};
use super::csv::{CsvOptions, CsvReport, format_left_aside};
use super::jumps::PriceJumps;
use super::{Bars, ColumnMap};
use crate::error::{Error, Result};
use crate::expansion::table::header::Header;
use crate::expansion::table::parquet::{Moment, ParquetFile};
use crate::expansion::table::reading::StampSettings;
pub(crate) use columns::bar;
use columns::{ParquetColumns, Stamps, looks};
use symbols::{chosen, symbols, value};

/// Reads the bars of a Parquet file, and returns them oldest first.
///
/// Columns and instruments are found, chosen and refused as by [`read_csv`](super::csv::read_csv); an index that pandas
/// stored without a name is the time stamp if no other column is. Prices are numbers of any kind, including decimals.
/// Time stamps are timestamps, dates, whole numbers since 1970 or text in the forms of a CSV file. Order, copies and
/// bad rows are treated as in a CSV file, and rows are counted from 0 in the report.
///
/// The file is read by pages, the column of the time stamps twice, so memory grows with the bars alone.
///
/// A damaged file is refused where the damage is detectable: in the structure of the file, in compressed data, in pages
/// with checksums, and in bars that do not pass [`Bar::check`](super::Bar::check). A changed digit elsewhere reads as
/// another number. Damage may make the Parquet library panic; the panic is caught and returned as an error, except in a
/// program built with `panic = "abort"`, which ends.
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
    if let Some(several) = file.several(&mut intakes)? {
        let name = &file.header.written[several.column];
        return Err(Error::file(path, several.refuse(&format!("`{name}`"))));
    }
    intakes.finish_one(std::mem::take(&mut file.notes))
}

/// Reads every instrument of a file as a series of its own.
pub(crate) fn read_all(path: &Path, options: &CsvOptions) -> Result<(Vec<Instrument>, CsvReport)> {
    let mut file = BarTable::open(path, options)?;
    if file.rows == Rows::All {
        let constant = |values: &&Values| values.values.len() == 1;
        let several = file.symbols.iter().find(|values| values.are_several());
        let column = several.or(file.symbols.iter().find(constant));
        if let Some(column) = column.map(|values| values.column) {
            file.split(column)?;
        }
    }
    let mut intakes = file.intakes();
    file.read(&mut intakes)?;
    if let Some(several) = file.several(&mut intakes)? {
        file.split(several.column)?;
        intakes = file.intakes();
        file.read(&mut intakes)?;
    }
    intakes.finish(std::mem::take(&mut file.notes))
}

/// An open file of bars.
struct BarTable<'a> {
    path: &'a Path,
    options: &'a CsvOptions,
    table: ParquetFile,
    header: Header,
    columns: ParquetColumns,
    stamps: Stamps,
    settings: StampSettings,
    symbols: Vec<Values>,
    /// The columns that may tell instruments apart where the rows are out of order.
    grouping: Vec<usize>,
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
        let map = if options.of_another_file.columns && !has_mapped(&header, &options.columns) {
            said.push(format!(
                "this file does not have the columns of `data.columns` ({}), so its own were looked for",
                options.columns
            ));
            &none
        } else {
            &options.columns
        };
        let prices = price_columns(&header, map, &mut said).map_err(refuse)?;
        let looks = looks(&table, &prices);
        let mut columns = ParquetColumns::find(&table, &header, map, prices, &looks, &mut said)
            .map_err(refuse)?;
        columns.clock = columns.clock_of(&table)?;
        let found = further(&header, &options.features).map_err(refuse)?;
        let found = found.into_iter().zip(options.features.iter().cloned());
        columns.further = found.collect();
        let group = columns.further.iter();
        let mut group = group.filter(|(column, _)| table.columns()[*column].is_group());
        if let Some((_, name)) = group.next() {
            let what = "holds lists or structs, and `data.features_from` needs a number per row";
            return Err(refuse(format!("column `{name}` {what}")));
        }
        let found = SymbolColumns::find(&header, map).map_err(refuse)?;
        let text = |column: &usize| {
            looks[*column].kind == Kind::Text
                && map.instrument.is_none()
                && !columns.time.is_some_and(|time| time.has(*column))
                && !names::is_of_time(&header.names[*column])
        };
        let mut grouping = found.named.clone();
        grouping.extend(&found.numbers);
        let texts = (0..looks.len()).filter(text);
        grouping.extend(texts.filter(|column| !found.named.contains(column)));
        let symbols = match options.instrument {
            None => symbols(&table, &found.named)?,
            Some(_) => symbols(&table, &grouping)?,
        };
        let rows = chosen(&symbols, &header, options, &mut said).map_err(refuse)?;
        let mut settings = options.stamps()?;
        let (mut stamps, mut notes) =
            columns.survey(&table, path, &settings, &rows, said.clone())?;
        if options.of_another_file.time_format && stamps.misfits {
            said.push(format_left_aside(options));
            settings.format = None;
            (stamps, notes) = columns.survey(&table, path, &settings, &rows, said.clone())?;
        }
        Ok(Self {
            path,
            options,
            table,
            header,
            columns,
            stamps,
            settings,
            symbols,
            grouping,
            rows,
            said,
            notes,
        })
    }

    /// Infers the form anew where every value of a column is a series.
    fn split(&mut self, column: usize) -> Result<()> {
        self.rows = Rows::Every(column);
        let said = self.said.clone();
        let survey = self
            .columns
            .survey(&self.table, self.path, &self.settings, &self.rows, said);
        (self.stamps, self.notes) = survey?;
        Ok(())
    }

    /// Looks for a column whose values tell instruments apart: the rows of each run in one direction.
    fn groups(&self) -> Result<Option<Values>> {
        let mut read = self.columns.times();
        let count = read.len();
        read.extend(&self.grouping);
        let newest_first = self.stamps.newest_first;
        let mut groups: Vec<Groups> = self
            .grouping
            .iter()
            .map(|c| Groups::of(*c, newest_first))
            .collect();
        self.table.for_each(&read, |_, values| {
            let time = match self.columns.moment(&values[..count], &self.table) {
                Ok(Moment::Time(time)) => Some(time),
                Ok(Moment::Text(text)) => {
                    let reading = self.stamps.reading.as_ref();
                    reading.and_then(|reading| reading.read(&text).ok())
                }
                Err(_) => None,
            };
            if let Some(time) = time {
                for (group, field) in groups.iter_mut().zip(&values[count..]) {
                    group.add(&value(field), time);
                }
            }
            Ok(())
        })?;
        Ok(groups.into_iter().find_map(Groups::found))
    }

    /// Looks for a column whose values tell instruments apart, after all rows were read as one series: by the order of
    /// the time stamps, by the prices, by a name that nothing speaks against.
    fn several(&self, intakes: &mut Intakes) -> Result<Option<Values>> {
        if self.rows != Rows::All {
            return Ok(None);
        }
        let intake = intakes.only();
        let (disordered, timeless) = (intake.is_disordered(), intake.is_timeless());
        if intake.has_disorder()
            && let Some(values) = self.groups()?
        {
            return Ok(Some(values));
        }
        if let Some(values) = self.by_prices(!timeless)? {
            return Ok(Some(values));
        }
        let Some(values) = self.symbols.iter().find(|values| values.values.len() > 1) else {
            return Ok(None);
        };
        if disordered || timeless {
            return Ok(Some(values.clone()));
        }
        let name = &self.header.written[values.column];
        intake.note(values.passed_over(&format!("`{name}`")));
        Ok(None)
    }

    /// Looks for a column whose values tell instruments apart by their prices.
    fn by_prices(&self, timed: bool) -> Result<Option<Values>> {
        if self.grouping.is_empty() {
            return Ok(None);
        }
        let mut read = self.columns.all()[..4].to_vec();
        read.extend(&self.grouping);
        let newest_first = self.stamps.newest_first;
        let all = self.grouping.iter();
        let mut jumps: Vec<(Values, PriceJumps)> = all
            .map(|column| (Values::of(*column), PriceJumps::new(newest_first)))
            .collect();
        self.table.for_each(&read, |_, values| {
            let Ok(bar) = bar(&values[..4]) else {
                return Ok(());
            };
            for ((counted, jumps), field) in jumps.iter_mut().zip(&values[4..]) {
                let value = value(field);
                counted.add(&value);
                jumps.add(&value, &bar);
            }
            Ok(())
        })?;
        let mut found = jumps
            .into_iter()
            .filter(|(_, jumps)| jumps.show_several(timed));
        Ok(found.next().map(|(values, _)| values))
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
