//! Keeps the rows of every instrument of a file apart.

use std::collections::HashMap;
use std::path::Path;

use super::intake::Intake;
use super::options::CsvReport;
use crate::error::Result;
use crate::expansion::bars::Bars;

/// The series of one instrument of a file.
#[derive(Debug, Clone)]
pub struct Instrument {
    /// The value of the instrument's rows in the column that names the instruments, or the name of the file without its
    /// ending if the file has no such column.
    pub name: String,
    /// The bars of the instrument, oldest first.
    pub bars: Bars,
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

    /// Returns the intake of the only series.
    #[cfg(feature = "parquet")]
    pub(crate) fn only(&mut self) -> &mut Intake {
        self.last()
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

/// Returns the name of a file without its ending, which is the name of its only instrument.
pub(super) fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
