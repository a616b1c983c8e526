//! Reads every instrument of a file as a series of its own.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::csv::intake::Intake;
use super::csv::{CsvOptions, CsvReport};
use super::{Bars, csv};
#[cfg(not(feature = "parquet"))]
use crate::error::Error;
use crate::error::Result;

/// The series of one instrument of a file.
#[derive(Debug, Clone)]
pub struct Instrument {
    /// The value of the instrument's rows in the column that names the instruments, or the name of the file without its
    /// ending if the file has no such column.
    pub name: String,
    /// The bars of the instrument, oldest first.
    pub bars: Bars,
}

/// Reads every instrument of a CSV or Parquet file as a series of its own, in the order of their first rows.
///
/// The instrument of a row is its value in the column that names the instruments: `symbol`, `ticker`, `name` and other
/// common names. A file without such a column holds one instrument, which is called by the name of the file. Each series
/// follows the rules of [`read_csv`](super::read_csv); the report counts the rows of all series.
///
/// # Errors
/// As [`read_csv`](super::read_csv) and `read_parquet`; [`Error::File`](crate::Error::File) for a Parquet file in a program without the
/// feature `parquet`.
///
/// # Example
/// ```no_run
/// use equipoise::expansion::bars::{CsvOptions, read_instruments};
///
/// let (instruments, _) = read_instruments("all_stocks.csv", &CsvOptions::default())?;
/// for instrument in &instruments {
///     println!("{}: {} bars", instrument.name, instrument.bars.len());
/// }
/// # Ok::<(), equipoise::Error>(())
/// ```
pub fn read_instruments(
    path: impl AsRef<Path>,
    options: &CsvOptions,
) -> Result<(Vec<Instrument>, CsvReport)> {
    let path = path.as_ref();
    if !is_parquet(path) {
        return csv::read_all(path, options);
    }
    #[cfg(feature = "parquet")]
    return super::parquet::read_all(path, options);
    #[cfg(not(feature = "parquet"))]
    Err(Error::file(path, WITHOUT_PARQUET))
}

/// The message about a Parquet file in a program without the feature.
#[cfg(not(feature = "parquet"))]
pub(crate) const WITHOUT_PARQUET: &str =
    "a Parquet file; this program reads those if it is built with Cargo's feature `parquet`";

/// Returns whether the name or the first bytes of the file are those of a Parquet file.
pub(crate) fn is_parquet(path: &Path) -> bool {
    let named = path.extension().is_some_and(|extension| {
        ["parquet", "pq"]
            .iter()
            .any(|name| extension.eq_ignore_ascii_case(name))
    });
    let begins = || {
        let mut start = [0; 4];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
        read.is_ok() && start == *b"PAR1"
    };
    named || begins()
}

/// Returns the name of a file without its ending, which is the name of its only instrument.
pub(crate) fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// The rows read so far, by instrument.
pub(crate) struct Intakes<'a> {
    path: &'a Path,
    make: Box<dyn Fn() -> Intake + 'a>,
    places: HashMap<String, usize>,
    intakes: Vec<(String, Intake)>,
    last: usize,
}

impl<'a> Intakes<'a> {
    /// Creates intakes without rows; `make` creates the intake of an instrument.
    pub(crate) fn new(path: &'a Path, make: impl Fn() -> Intake + 'a) -> Self {
        Self {
            path,
            make: Box::new(make),
            places: HashMap::new(),
            intakes: Vec::new(),
            last: 0,
        }
    }

    /// Returns the intake of an instrument.
    pub(crate) fn of(&mut self, name: &str) -> &mut Intake {
        let same = self.intakes.get(self.last);
        if same.is_none_or(|(known, _)| known != name) {
            self.last = match self.places.get(name) {
                Some(place) => *place,
                None => {
                    self.places.insert(name.to_owned(), self.intakes.len());
                    self.intakes.push((name.to_owned(), (self.make)()));
                    self.intakes.len() - 1
                }
            };
        }
        &mut self.intakes[self.last].1
    }

    /// Returns the intake of the row before.
    pub(crate) fn last(&mut self) -> &mut Intake {
        if self.intakes.is_empty() {
            return self.of("");
        }
        &mut self.intakes[self.last].1
    }

    /// Returns the number of rows whose time stamps are out of order.
    #[cfg(feature = "parquet")]
    pub(crate) fn disordered(&self) -> usize {
        self.intakes
            .iter()
            .map(|(_, intake)| intake.disordered())
            .sum()
    }

    /// Returns the only series, and the report on its rows.
    #[cfg(feature = "parquet")]
    pub(crate) fn finish_one(mut self, notes: Vec<String>) -> Result<(Bars, CsvReport)> {
        let intake = match self.intakes.pop() {
            Some((_, intake)) => intake,
            None => (self.make)(),
        };
        intake.finish(notes)
    }

    /// Returns the series of every instrument, and the report on all rows.
    pub(crate) fn finish(self, notes: Vec<String>) -> Result<(Vec<Instrument>, CsvReport)> {
        let stem = || stem(self.path);
        if self.intakes.is_empty() {
            let nothing = (self.make)().finish(notes);
            return nothing.map(|(bars, report)| (vec![Instrument { name: stem(), bars }], report));
        }
        let mut all = CsvReport {
            notes,
            ..CsvReport::default()
        };
        let several = self.intakes.len() > 1;
        let mut instruments = Vec::with_capacity(self.intakes.len());
        for (name, intake) in self.intakes {
            if !several {
                let notes = std::mem::take(&mut all.notes);
                let (bars, report) = intake.finish(notes)?;
                let name = if name.is_empty() { stem() } else { name };
                return Ok((vec![Instrument { name, bars }], report));
            }
            let (bars, report) = intake.finish(Vec::new())?;
            all.add(report, &name);
            instruments.push(Instrument { name, bars });
        }
        Ok((instruments, all))
    }
}
