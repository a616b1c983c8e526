//! Reads labelled windows from a Parquet file with one window per row.

use std::path::Path;
use std::sync::Arc;

use ::parquet::record::Field;
use ::parquet::schema::types::Type;
use jiff::Timestamp;

use super::windows::Windows;
use crate::error::{Error, Result};
use crate::expansion::bars::{Bar, Bars, PRICES, bar, remedy, time_column};
use crate::expansion::label::{Classes, WindowLabel};
use crate::expansion::table::DateOrder;
use crate::expansion::table::dates::Dates;
use crate::expansion::table::header::Header;
use crate::expansion::table::parquet::{Moment, ParquetFile, kind, moment, whole};
use crate::expansion::table::reading::StampSettings;
use crate::expansion::table::stamp::unreadable;

/// The accepted names of the columns: bars, type, first and last bar of the expansion.
const NAMES: [&[&str]; 4] = [
    &["features", "bars", "window"],
    &["label", "type", "class", "kind"],
    &["expansion start", "start"],
    &["expansion end", "end"],
];

/// Settings of [`read_windows`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowOptions {
    /// The number of bars per window.
    pub length: usize,
    /// The names of the types in the labels.
    pub classes: Classes,
    /// Whether bad rows are dropped and counted; otherwise the first bad row is an error.
    pub skip_bad_rows: bool,
    /// The largest number of windows; the kept windows are spread evenly over the rows. `None`: all windows.
    pub at_most: Option<usize>,
    /// The order of day and month in dates like `01/02/2024`. `None`: inferred from the file.
    pub date_order: Option<DateOrder>,
}

/// Returns whether a Parquet file holds labelled windows instead of bars, which is so if it has a column `features`,
/// `bars` or `window`.
///
/// # Errors
/// [`Error::Io`] or [`Error::File`] if the file cannot be read as Parquet.
pub fn holds_windows(path: impl AsRef<Path>) -> Result<bool> {
    let table = ParquetFile::open(path.as_ref())?;
    let header = header(&table);
    Ok(NAMES[0]
        .iter()
        .any(|name| header.names.iter().any(|other| other == name)))
}

/// Reads labelled windows from a Parquet file with one window per row, and returns them with notes about the file.
///
/// The columns, in any order: `features` (or `bars`, `window`), a list of `length` bars, each a list of the four prices
/// open, high, low and close, or a struct with these names; `label` (or `type`, `class`, `kind`), the type by a name of
/// the classes or by number; `expansion_start` and `expansion_end` (or `start` and `end`), the first and the last bar
/// of the expansion, from 0. A time stamp under a name that [`read_csv`](crate::expansion::bars::read_csv) knows is the
/// time of the window, and the rows are sorted by it. Other columns are ignored.
///
/// The windows need not belong to one series, so they are [separate](Windows::separate): a split takes them in order.
///
/// # Errors
/// * [`Error::Io`], [`Error::File`]: the file cannot be read, a column is missing, or no row can be used.
/// * [`Error::Row`]: a value of a wrong type, null, a number of bars other than `length`, a bar that does not pass
///   [`Bar::check`], an unknown type, a start after its end or an end outside of the window, unless such rows are
///   skipped; a time stamp that cannot be read, or that can be read in two ways.
pub fn read_windows(
    path: impl AsRef<Path>,
    options: &WindowOptions,
) -> Result<(Windows, Vec<String>)> {
    let path = path.as_ref();
    let table = ParquetFile::open(path)?;
    let columns = WindowColumns::find(&table).map_err(|reason| Error::file(path, reason))?;
    let mut notes = Vec::new();
    let order = columns.order(&table, path, options, &mut notes)?;
    let mut found = WindowRow::default();
    let needed = &columns.all()[..4];
    table.for_each(needed, |row, values| match found.take(values, options) {
        Ok(()) => Ok(()),
        Err(reason) => {
            found.drop_row(row, reason);
            Ok(())
        }
    })?;
    if let Some((row, reason)) = &found.first_dropped {
        if !options.skip_bad_rows {
            let remedy = remedy(found.dropped, found.rows);
            return Err(Error::row(path, *row, format!("{reason}; {remedy}")));
        }
        notes.push(format!(
            "dropped {} of {} rows; the first, row {row}: {reason}",
            found.dropped, found.rows
        ));
    }
    if found.labels.is_empty() {
        let why = found.first_dropped.map_or_else(
            || "there is no row".to_owned(),
            |(row, reason)| {
                format!(
                    "none of the {} rows can be used; the first, row {row}: {reason}",
                    found.rows
                )
            },
        );
        return Err(Error::file(path, why));
    }
    let windows = found.windows(order, path, options);
    notes.insert(
        0,
        format!(
            "read {} labelled windows from {}",
            windows.len(),
            path.display()
        ),
    );
    notes.push(
        "the windows are split in the order of the rows: where windows share bars, those on either side of the split may too"
            .into(),
    );
    Ok((windows, notes))
}

fn header(table: &ParquetFile) -> Header {
    Header::of_table(table.columns().iter().map(|column| column.name()))
}

/// The indices of the columns.
struct WindowColumns {
    needed: [usize; 4],
    time: Option<usize>,
}

impl WindowColumns {
    fn find(table: &ParquetFile) -> Result<Self, String> {
        let header = header(table);
        let mut needed = [0; 4];
        for (place, names) in needed.iter_mut().zip(NAMES) {
            let mut found = None;
            for name in names.iter().rev() {
                found = header.position(name)?.or(found);
            }
            *place =
                found.ok_or_else(|| header.lacks(&format!("`{}`", names[0].replace(' ', "_"))))?;
        }
        let time = time_column(&header)?;
        Ok(Self { needed, time })
    }

    fn all(&self) -> Vec<usize> {
        self.needed.into_iter().chain(self.time).collect()
    }

    /// Returns the time of every row. Returns `None` if the file has no times or its rows are already in order.
    fn order(
        &self,
        table: &ParquetFile,
        path: &Path,
        options: &WindowOptions,
        notes: &mut Vec<String>,
    ) -> Result<Option<Vec<Timestamp>>> {
        let Some(column) = self.time else {
            return Ok(None);
        };
        let description: Arc<Type> = table.columns()[column].clone();
        let mut moments = Vec::new();
        let settings = StampSettings {
            order: options.date_order,
            ..StampSettings::default()
        };
        let mut dates = Dates::new("row", settings);
        table.for_each(&[column], |row, values| {
            let moment = moment(values[0], &description).map_err(|what| {
                Error::row(
                    path,
                    row,
                    format!("column `{}` is {what}", description.name()),
                )
            })?;
            if let Moment::Text(text) = &moment {
                dates.look(text, row);
            }
            moments.push(moment);
            Ok(())
        })?;
        let reading = dates
            .decide(false)
            .map_err(|(row, reason)| Error::row(path, row, reason))?;
        let times: Result<Vec<Timestamp>> = moments
            .into_iter()
            .zip(0..)
            .map(|(moment, row)| match (moment, &reading) {
                (Moment::Time(time), _) => Ok(time),
                (Moment::Text(text), Some(reading)) => reading
                    .read(&text)
                    .map_err(|reason| Error::row(path, row, reason)),
                (Moment::Text(text), None) => Err(Error::row(path, row, unreadable(&text))),
            })
            .collect();
        let times = times?;
        notes.extend(reading.and_then(|reading| reading.note));
        if times.is_sorted() {
            return Ok(None);
        }
        notes.push(format!(
            "the rows were put in the order of column `{}`",
            description.name()
        ));
        Ok(Some(times))
    }
}

/// The windows read so far.
#[derive(Default)]
struct WindowRow {
    bars: Vec<Bar>,
    labels: Vec<WindowLabel>,
    /// The row of each window.
    places: Vec<usize>,
    rows: usize,
    dropped: usize,
    first_dropped: Option<(u64, String)>,
}

impl WindowRow {
    /// Adds the window of a row. A bad row adds nothing.
    fn take(&mut self, values: &[&Field], options: &WindowOptions) -> Result<(), String> {
        let before = self.bars.len();
        self.rows += 1;
        let [features, label, start, end] = values else {
            return Err("a column ends early".into());
        };
        let taken = bars(features, options.length, &mut self.bars)
            .and_then(|()| window_label(label, start, end, options));
        match taken {
            Ok(label) => {
                self.labels.push(label);
                self.places.push(self.rows - 1);
                Ok(())
            }
            Err(reason) => {
                self.bars.truncate(before);
                Err(reason)
            }
        }
    }

    fn drop_row(&mut self, row: u64, reason: String) {
        self.dropped += 1;
        self.first_dropped.get_or_insert((row, reason));
    }

    /// Returns the windows, at most `at_most`, in the order of the times.
    fn windows(
        self,
        times: Option<Vec<Timestamp>>,
        path: &Path,
        options: &WindowOptions,
    ) -> Windows {
        let mut order: Vec<usize> = (0..self.labels.len()).collect();
        let sorted = times.is_some();
        if let Some(times) = times {
            order.sort_by_key(|window| times[self.places[*window]]);
        }
        let kept = options.at_most.unwrap_or(order.len()).min(order.len());
        let chosen: Vec<usize> = (0..kept)
            .map(|index| order[index * order.len() / kept])
            .collect();
        let labels: Vec<WindowLabel> = chosen.iter().map(|window| self.labels[*window]).collect();
        let length = options.length;
        let bars = if sorted || kept < order.len() {
            let windows = chosen.iter();
            windows
                .flat_map(|window| &self.bars[window * length..(window + 1) * length])
                .copied()
                .collect()
        } else {
            self.bars
        };
        let bars = Bars::from_checked(bars, None, path.display().to_string());
        Windows::separate(&bars, length, &labels)
    }
}

/// Appends the bars of a window.
fn bars(features: &Field, length: usize, found: &mut Vec<Bar>) -> Result<(), String> {
    let Field::ListInternal(list) = features else {
        return Err(format!(
            "`features` is {}, expected a list of {length} bars",
            kind(features)
        ));
    };
    let elements = list.elements();
    if elements.len() != length {
        return Err(format!(
            "`features` has {} bars, expected {length} (`model.window` in the config)",
            elements.len()
        ));
    }
    for (index, element) in elements.iter().enumerate() {
        let bar =
            one_bar(element).map_err(|reason| format!("bar {index} of `features`: {reason}"))?;
        found.push(bar);
    }
    Ok(())
}

fn one_bar(element: &Field) -> Result<Bar, String> {
    match element {
        Field::ListInternal(list) if list.elements().len() == 4 => {
            bar(&list.elements().iter().collect::<Vec<_>>())
        }
        Field::ListInternal(list) => Err(format!(
            "{} numbers, expected 4: open, high, low and close",
            list.elements().len()
        )),
        Field::Group(row) => {
            let value = |name: &str| {
                let mut columns = row.get_column_iter();
                columns
                    .find(|(other, _)| other.to_lowercase() == name)
                    .map(|(_, value)| value)
            };
            let values: Option<Vec<&Field>> = PRICES.iter().map(|name| value(name)).collect();
            bar(&values.ok_or("a struct without `open`, `high`, `low` and `close`")?)
        }
        other => Err(format!("{}, expected a list of 4 prices", kind(other))),
    }
}

fn window_label(
    label: &Field,
    start: &Field,
    end: &Field,
    options: &WindowOptions,
) -> Result<WindowLabel, String> {
    let bar = |name: &str, value: &Field| {
        let index = whole(value)
            .ok_or_else(|| format!("`{name}` is {}, expected a whole number", kind(value)))?;
        usize::try_from(index)
            .ok()
            .filter(|index| *index < options.length)
            .ok_or_else(|| {
                format!(
                    "`{name}` is {index}, expected a bar of the window, 0 to {}",
                    options.length - 1
                )
            })
    };
    let (start, end) = (bar("expansion_start", start)?, bar("expansion_end", end)?);
    if start > end {
        return Err(format!(
            "`expansion_start` is {start}, after `expansion_end`, which is {end}"
        ));
    }
    let text = match label {
        Field::Str(text) => text.clone(),
        other => whole(other)
            .ok_or_else(|| {
                format!(
                    "`label` is {}, expected a name or a whole number",
                    kind(other)
                )
            })?
            .to_string(),
    };
    let classes = &options.classes;
    let kind = classes.read(&text).map_err(|reason| {
        let advice = classes.advice(std::iter::once(text.as_str()));
        format!("{reason}{advice}")
    })?;
    Ok(WindowLabel { start, end, kind })
}
