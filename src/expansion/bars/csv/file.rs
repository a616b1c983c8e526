//! Reads a whole file: finds its columns, infers its form, and reads its rows, as one series or one for each
//! instrument.

use std::path::Path;

use jiff::Timestamp;

use super::columns::BarColumns;
use super::intake::{Intake, PlaceName};
use super::intakes::{Instrument, Intakes, stem};
use super::row::BarRow;
use super::survey::{CsvForm, Survey};
use super::symbols::{Rows, Values};
use super::{CsvOptions, CsvReport};
use crate::error::{Error, Result};
use crate::expansion::bars::Bars;
use crate::expansion::table::reading::Reading;
use crate::expansion::table::records::field;
use crate::expansion::table::text::Text;

/// An open file of bars.
pub(super) struct CsvFile<'a> {
    pub(super) text: Text,
    options: &'a CsvOptions,
    pub(super) columns: BarColumns,
    pub(super) form: CsvForm,
    /// The values of the columns that name instruments.
    pub(super) symbols: Vec<Values>,
    /// The columns that may tell instruments apart and have more than one value.
    pub(super) changing: Vec<usize>,
    rows: Rows,
    /// Whether the columns of other instruments were left out, so that a row with a single value may have had more.
    pub(super) part: bool,
}

impl<'a> CsvFile<'a> {
    /// Reads a file and infers its form.
    pub(super) fn open(path: &Path, options: &'a CsvOptions) -> Result<Self> {
        options.check()?;
        Self::of(Text::read(path, "CSV file")?, options)
    }

    /// Infers the form of a text. The options are checked.
    pub(super) fn of(text: Text, options: &'a CsvOptions) -> Result<Self> {
        let columns = BarColumns::find(&text, options)?;
        let mut notes = Vec::new();
        let rows = chosen(&text, &columns, options, &mut notes)?;
        let mut settings = options.stamps()?;
        let mut survey = Survey::of(&text, &columns, options, &settings, &rows)?;
        if options.of_another_file.time_format && settings.format.is_some() && !survey.fits {
            notes.push(format_left_aside(options));
            settings.format = None;
            survey = Survey::of(&text, &columns, options, &settings, &rows)?;
        }
        survey.form.notes.extend(notes);
        Ok(Self {
            text,
            options,
            columns,
            form: survey.form,
            symbols: survey.symbols,
            changing: survey.changing,
            rows,
            part: false,
        })
    }

    /// Reads the bars as one series.
    pub(super) fn series(mut self) -> Result<(Bars, CsvReport)> {
        if self.rows == Rows::All
            && let Some(several) = self.symbols.iter().find(|values| values.are_several())
        {
            return Err(self.refuse(several));
        }
        let path = self.text.path().to_path_buf();
        let mut intake = self.intake(&path);
        self.read(Target::One(&mut intake))?;
        if self.rows == Rows::All
            && let Some((several, _)) = self.several(&mut intake)?
        {
            return Err(self.refuse(&several));
        }
        intake.finish(self.take_notes())
    }

    /// Reads the bars of every instrument.
    pub(super) fn instruments(mut self) -> Result<(Vec<Instrument>, CsvReport)> {
        let path = self.text.path().to_path_buf();
        if self.rows == Rows::All {
            let named = self.symbols.iter().find(|values| values.are_several());
            if let Some(values) = named {
                self.split(values.column)?;
            } else {
                let mut intake = self.intake(&path);
                self.read(Target::One(&mut intake))?;
                let Some((values, why)) = self.several(&mut intake)? else {
                    let (bars, report) = intake.finish(self.take_notes())?;
                    let name = self.only_name().unwrap_or_else(|| stem(&path));
                    return Ok((vec![Instrument { name, bars }], report));
                };
                let shown = self.columns.shown(values.column);
                self.split(values.column)?;
                self.form
                    .notes
                    .push(format!("column {shown} names the instruments, as {why}"));
            }
        }
        let mut intakes = Intakes::new(&path, || self.intake(&path));
        self.read(Target::Every(&mut intakes))?;
        let notes = self.columns.notes.iter().chain(&self.form.notes);
        intakes.finish(notes.cloned().collect())
    }

    /// Returns the name of the only instrument, if a column names it.
    fn only_name(&self) -> Option<String> {
        let mut constants = self
            .symbols
            .iter()
            .filter(|values| values.values.len() == 1);
        let (name, _) = constants.next()?.values.first()?;
        (!name.is_empty()).then(|| name.clone())
    }

    /// Infers the form anew where every value of a column is a series.
    fn split(&mut self, column: usize) -> Result<()> {
        self.rows = Rows::Every(column);
        let settings = self.options.stamps()?;
        let survey = Survey::of(
            &self.text,
            &self.columns,
            self.options,
            &settings,
            &self.rows,
        )?;
        self.form = survey.form;
        Ok(())
    }

    fn intake(&self, path: &Path) -> Intake {
        let newest_first = self.form.stamps.as_ref().is_some_and(|s| s.newest_first);
        Intake::new(path, PlaceName::Line, self.options, newest_first)
    }

    /// Reads all rows into the intakes of their instruments.
    fn read(&self, mut target: Target) -> Result<()> {
        let columns = &self.columns;
        let zoned = self.form.stamps.as_ref().is_some_and(Reading::is_zoned);
        let mut scratch = String::new();
        let mut records = self.text.records(&columns.place);
        while records.advance()? {
            let (record, line) = (records.record(), records.line());
            if !self.rows.has(record) {
                continue;
            }
            let name = match self.rows {
                Rows::Every(column) => field(record, column),
                Rows::All | Rows::With(..) => "",
            };
            let reason = match BarRow::read(record, columns, &self.form, &mut scratch) {
                Ok(mut row) => {
                    let intake = target.of(Some(name));
                    row.follow(intake.last(), (intake.is_newest_first(), zoned), || {
                        self.later(record, &mut scratch)
                    });
                    intake.take(Ok(row), line)?;
                    continue;
                }
                Err(reason) => reason,
            };
            let refuse = |reason| Error::line(self.text.path(), line, reason);
            if columns.repeats_header(record).map_err(refuse)? {
                target.of(None).take_header(line);
            } else if self.is_text(record, line, &mut scratch) {
                target.of(None).take_text(line, reason)?;
            } else {
                target.of(Some(name)).take(Err(reason), line)?;
            }
        }
        Ok(())
    }

    /// Returns the later time of a record whose time of day a change of the clocks repeats.
    fn later(&self, record: &::csv::StringRecord, scratch: &mut String) -> Option<Timestamp> {
        let text = self.columns.stamp(record, self.columns.time?, scratch);
        self.form.stamps.as_ref()?.later(text)
    }

    /// Returns whether a record is no row but text or a single value, as it may stand below the last row.
    fn is_text(&self, record: &::csv::StringRecord, line: u64, scratch: &mut String) -> bool {
        let single = || {
            let unfinished = self.text.is_unfinished(line);
            BarRow::is_single(record, &self.columns, &self.form, unfinished)
        };
        BarRow::is_text(record, &self.columns, scratch) || !self.part && single()
    }

    fn take_notes(&mut self) -> Vec<String> {
        let mut notes = std::mem::take(&mut self.columns.notes);
        notes.append(&mut self.form.notes);
        notes
    }

    fn refuse(&self, several: &Values) -> Error {
        let reason = several.refuse(&self.columns.shown(several.column));
        Error::file(self.text.path(), reason)
    }
}

/// The intakes that rows go to.
enum Target<'a, 'b> {
    One(&'a mut Intake),
    Every(&'a mut Intakes<'b>),
}

impl Target<'_, '_> {
    /// Returns the intake of an instrument; `None` stands for the instrument of the row before.
    fn of(&mut self, name: Option<&str>) -> &mut Intake {
        match (self, name) {
            (Self::One(intake), _) => intake,
            (Self::Every(intakes), Some(name)) => intakes.of(name),
            (Self::Every(intakes), None) => intakes.last(),
        }
    }
}

/// Returns the rows of the instrument of the settings.
fn chosen(
    text: &Text,
    columns: &BarColumns,
    options: &CsvOptions,
    notes: &mut Vec<String>,
) -> Result<Rows> {
    let Some(wanted) = options.instrument.as_deref().filter(|_| !columns.chosen) else {
        return Ok(Rows::All);
    };
    let candidates = columns.grouping();
    let mut values: Vec<Values> = candidates
        .iter()
        .map(|column| Values::of(*column))
        .collect();
    let mut records = text.records(&columns.place);
    while records.advance()? {
        for values in &mut values {
            if let Some(value) = columns.value(records.record(), values.column) {
                values.add(value);
            }
        }
    }
    let shown = |column| columns.shown(column);
    let rows = Rows::of_instrument(wanted, &values, options, shown, notes);
    rows.map_err(|reason| Error::file(text.path(), reason))
}

/// Returns the note on a format of the time stamps that this file does not have.
pub(crate) fn format_left_aside(options: &CsvOptions) -> String {
    let format = options.time_format.as_deref().unwrap_or_default();
    format!("no time stamp fits `{format}`, the `data.time_format`, so the form was inferred")
}
