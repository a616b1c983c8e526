//! Infers the form of the time stamps of a column: kind, unit, order of day and month, and the direction of time.
//!
//! Every row is read under every form that it fits. The form that fits the most rows is that of the column; of several
//! equally good ones the one under which alone the rows run in order. If several are left, the error shows their
//! readings.

use super::course::Course;
use super::numbers::Numbers;
use super::numeric_dates::NumericDates;
use super::reading::{Reading, StampSettings};
use super::stamp::{DateOrder, Form, Stamp};

/// The evidence for the form of the stamps, collected stamp by stamp.
#[derive(Debug)]
pub(crate) struct Dates {
    /// The name of a place in the file: `line` or `row`.
    place: &'static str,
    settings: StampSettings,
    plain: Course,
    plain_dates: usize,
    /// Dates with four and with two digits for the year.
    numeric: [NumericDates; 2],
    numbers: Numbers,
    /// The order under the set format.
    set: Course,
}

impl Dates {
    /// Creates empty evidence. `place` is the name of a place in the file: `line` or `row`.
    pub(crate) fn new(place: &'static str, settings: StampSettings) -> Self {
        Self {
            place,
            settings,
            plain: Course::default(),
            plain_dates: 0,
            numeric: Default::default(),
            numbers: Numbers::default(),
            set: Course::default(),
        }
    }

    /// Adds a trimmed text. A text that is not a time stamp is ignored.
    pub(crate) fn look(&mut self, text: &str, line: u64) {
        let zones = &self.settings.zones;
        if let Some(format) = &self.settings.format {
            if let Some(time) = format.read(text, zones) {
                self.set.add(time);
            }
            return;
        }
        match Stamp::parse(text) {
            Some(Stamp::Plain(civil, zone)) => {
                self.plain_dates += 1;
                if let Some(time) = zones.time(civil, zone) {
                    self.plain.add(time);
                }
            }
            Some(Stamp::Numeric(numeric)) => {
                let times = DateOrder::ALL.map(|order| numeric.read(order, zones));
                self.numeric[usize::from(numeric.short)].look(&numeric, times, text, line);
            }
            Some(Stamp::Number(number)) => {
                let digits = number.read(Form::Digits, zones);
                let days = number.read(Form::Days, zones);
                self.numbers.look(number, digits, days, line);
            }
            None => {}
        }
    }

    /// Returns the reading of the column, or `None` if it has no time stamp. The error is a line and the reason why the
    /// column has two readings. `in_order` says that the rows are bars, whose order may decide between two
    /// readings and whose times are plausible.
    pub(crate) fn decide(&self, in_order: bool) -> Result<Option<Reading>, (u64, String)> {
        let zones = || self.settings.zones.clone();
        if let Some(format) = &self.settings.format {
            let mut reading = Reading::by(format.clone(), zones());
            reading.newest_first = self.set.newest_first();
            return Ok(Some(reading));
        }
        let [long, short] = &self.numeric;
        let most = self
            .plain_dates
            .max(long.count)
            .max(short.count)
            .max(self.numbers.count);
        if most == 0 {
            return Ok(None);
        }
        let (form, course, note) = if self.plain_dates == most {
            (Form::Plain, self.plain, None)
        } else if self.numbers.count == most {
            self.numbers.decide(in_order, self.place)?
        } else {
            let is_short = short.count == most;
            let dates = if is_short { short } else { long };
            let (order, note) = dates.order(is_short, self.settings.order, in_order, self.place)?;
            let form = if is_short {
                Form::Short(order)
            } else {
                Form::Numeric(order)
            };
            (form, dates.courses[order as usize], note)
        };
        let mut reading = Reading::of(form, zones());
        reading.newest_first = course.newest_first();
        reading.note = note;
        Ok(Some(reading))
    }

    /// Adds the evidence of other rows, which do not follow these.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.plain.absorb(&other.plain);
        self.plain_dates += other.plain_dates;
        self.set.absorb(&other.set);
        self.numbers.absorb(&other.numbers);
        for (numeric, other) in self.numeric.iter_mut().zip(&other.numeric) {
            numeric.absorb(other);
        }
    }

    /// Returns whether a stamp fits the format of the settings.
    pub(crate) fn fits(&self) -> bool {
        self.set.count > 0
    }

    /// Returns whether later stamps cannot change the reading.
    pub(crate) fn is_told(&self) -> bool {
        let given = self.settings.order.is_some();
        let told = |dates: &NumericDates| dates.is_told(given);
        self.set.count + self.plain_dates + self.numbers.count > 0 || self.numeric.iter().any(told)
    }
}
