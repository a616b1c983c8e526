//! Infers the form of the time stamps of a column: kind, unit, order of day and month, and the direction of time.
//!
//! Every row is read under every form that it fits. The form that fits the most rows is that of the column; of several
//! equally good ones the one under which alone the rows run in order. If several are left, the error shows their readings.

use jiff::Timestamp;

use super::course::{Course, only_plausible};
use super::quote;
use super::reading::{Reading, StampSettings};
use super::stamp::{DateOrder, Form, Number, Numeric, Stamp, TimeUnit};

/// A stamp and its line.
#[derive(Debug, Clone)]
struct StampExample {
    line: u64,
    text: String,
}

/// A change of the unit of counts.
#[derive(Debug, Clone, Copy)]
struct UnitChange {
    line: u64,
    to: TimeUnit,
}

/// The evidence for dates of three numbers.
#[derive(Debug, Default)]
struct NumericDates {
    /// The order of the rows, read day-first, month-first and year-first.
    courses: [Course; 3],
    /// The number of dates that are valid under at least one order.
    count: usize,
    /// The first date that is valid under one order alone.
    only: [Option<StampExample>; 3],
    /// The first date that is a different day under two orders.
    either: Option<StampExample>,
}

/// The evidence for numbers.
#[derive(Debug, Default)]
struct Numbers {
    count: usize,
    /// The order of the rows by the unit of their size.
    units: [Course; 4],
    /// The order of all rows, each by the unit of its own size.
    mixed: Course,
    digits: Course,
    days: Course,
    unit: Option<TimeUnit>,
    changes: usize,
    change: Option<UnitChange>,
}

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
    /// column has two readings. `in_order` allows the order of the rows to decide between two readings.
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
            self.numbers.decide(self.place)
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
        let told = |dates: &NumericDates| {
            dates.count > 0
                && (self.settings.order.is_some()
                    || dates.either.is_some()
                    || dates.only.iter().any(Option::is_some))
        };
        self.set.count + self.plain_dates + self.numbers.count > 0 || self.numeric.iter().any(told)
    }
}

impl NumericDates {
    fn look(&mut self, stamp: &Numeric, times: [Option<Timestamp>; 3], text: &str, line: u64) {
        let mut valid = 0;
        let mut last = None;
        let mut differ = false;
        for (index, time) in times.iter().enumerate() {
            let Some(time) = time else { continue };
            self.courses[index].add(*time);
            differ |= last.is_some_and(|(_, before)| before != *time);
            last = Some((index, *time));
            valid += 1;
        }
        // A date whose zone is not known has readings too.
        let known = DateOrder::ALL
            .iter()
            .any(|order| stamp.civil(*order).is_some());
        self.count += usize::from(known);
        let example = || StampExample {
            line,
            text: text.to_owned(),
        };
        if let (1, Some((index, _))) = (valid, last) {
            self.only[index].get_or_insert_with(example);
        } else if differ {
            self.either.get_or_insert_with(example);
        }
    }

    fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        for (course, other) in self.courses.iter_mut().zip(&other.courses) {
            course.absorb(other);
        }
        let earlier = |one: &mut Option<StampExample>, other: &Option<StampExample>| {
            let line =
                |example: &Option<StampExample>| example.as_ref().map_or(u64::MAX, |e| e.line);
            if line(other) < line(one) {
                one.clone_from(other);
            }
        };
        for (only, other) in self.only.iter_mut().zip(&other.only) {
            earlier(only, other);
        }
        earlier(&mut self.either, &other.either);
    }

    /// Returns the order of the numbers with a note, or a line and the reason why it is not known.
    fn order(
        &self,
        short: bool,
        given: Option<DateOrder>,
        in_order: bool,
        place: &str,
    ) -> Result<(DateOrder, Option<String>), (u64, String)> {
        if let Some(order) = given {
            return Ok((order, None));
        }
        let known: Vec<(DateOrder, &StampExample)> = DateOrder::ALL
            .into_iter()
            .filter_map(|order| Some((order, self.only[order as usize].as_ref()?)))
            .collect();
        match known[..] {
            [one, other, ..] => return Err(contradiction(one, other, place)),
            [(order, example)] => return Ok(shown_by(short, order, example, place)),
            [] => {}
        }
        let Some(either) = &self.either else {
            return Ok((DateOrder::DayFirst, None));
        };
        let most = self.courses.iter().map(|course| course.count).max();
        let left: Vec<DateOrder> = DateOrder::ALL
            .into_iter()
            .filter(|order| Some(self.courses[*order as usize].count) == most)
            .collect();
        if let [order] = left[..] {
            let note = self.note(short, order, either, "fit", place);
            return Ok((order, Some(note)));
        }
        let courses: Vec<Course> = left.iter().map(|o| self.courses[*o as usize]).collect();
        if in_order && let Some((index, why)) = only_plausible(&courses) {
            let note = self.note(short, left[index], either, why, place);
            return Ok((left[index], Some(note)));
        }
        Err((either.line, two_readings(either, &left)))
    }

    fn note(
        &self,
        short: bool,
        order: DateOrder,
        either: &StampExample,
        why: &str,
        place: &str,
    ) -> String {
        format!(
            "{}: {}, {place} {}, is {}, because only so do the rows {why}",
            dates_are(short, order),
            quote::value(&either.text),
            either.line,
            either.on(order),
        )
    }
}

/// Returns the readings of a date under several orders, and the setting that chooses.
fn two_readings(either: &StampExample, left: &[DateOrder]) -> String {
    let mut readings: Vec<String> = left
        .iter()
        .map(|order| format!("{} {}", either.on(*order), order.name()))
        .collect();
    let last = readings.pop().unwrap_or_default();
    let mut names: Vec<String> = left
        .iter()
        .map(|order| format!("`{}`", order.name()))
        .collect();
    let last_name = names.pop().unwrap_or_default();
    format!(
        "the time stamp {} is {} and {last}, and no other row tells which; set `data.date_order` to {} or {last_name}",
        quote::value(&either.text),
        readings.join(", "),
        names.join(", "),
    )
}

impl Numbers {
    fn look(
        &mut self,
        number: Number,
        digits: Option<Timestamp>,
        days: Option<Timestamp>,
        line: u64,
    ) {
        self.count += 1;
        let unit = TimeUnit::of(number.value);
        if let Some(time) = unit.time(number.value, number.billionths) {
            self.units[unit as usize].add(time);
            self.mixed.add(time);
        }
        if let Some(time) = digits {
            self.digits.add(time);
        }
        if let Some(time) = days {
            self.days.add(time);
        }
        let before = self.unit.replace(unit);
        if before.is_some_and(|before| before != unit) {
            self.changes += 1;
            self.change.get_or_insert(UnitChange { line, to: unit });
        }
    }

    fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        for (course, other) in self.units.iter_mut().zip(&other.units) {
            course.absorb(other);
        }
        self.mixed.absorb(&other.mixed);
        self.digits.absorb(&other.digits);
        self.days.absorb(&other.days);
        self.changes += other.changes;
        self.change = self.change.or(other.change);
    }

    fn decide(&self, place: &str) -> (Form, Course, Option<String>) {
        let (form, course, what) = self.form(place);
        let note = course
            .first()
            .map(|first| format!("time stamps are {what}; the first is {first}"));
        (form, course, note)
    }

    fn form(&self, place: &str) -> (Form, Course, String) {
        // A count may have the digits of a date by chance, but not nine times out of ten.
        if self.digits.count * 10 >= self.count * 9 {
            return (Form::Digits, self.digits, "dates without dashes".into());
        }
        if self.days.count * 10 >= self.count * 9 {
            let what = "days of a spreadsheet, counted from 1899-12-30";
            return (Form::Days, self.days, what.into());
        }
        let most = |unit: &TimeUnit| self.units[*unit as usize].count;
        let unit = TimeUnit::ALL.into_iter().rev().max_by_key(most);
        let unit = unit.unwrap_or(TimeUnit::Seconds);
        let since = |unit: TimeUnit| format!("{} since 1970", unit.name());
        match self.change {
            // The unit may change where the rows run on.
            Some(change) if self.mixed.against() == 0 && self.mixed.is_plausible() => {
                let first = TimeUnit::ALL
                    .into_iter()
                    .find(|unit| self.units[*unit as usize].first() == self.mixed.first());
                let again = match self.changes {
                    1 => String::new(),
                    times => format!(" (the unit changes {times} times)"),
                };
                let what = format!(
                    "{}, from {place} {} on {}{again}",
                    since(first.unwrap_or(unit)),
                    change.line,
                    change.to.name()
                );
                (Form::Counts, self.mixed, what)
            }
            _ => (Form::Count(unit), self.units[unit as usize], since(unit)),
        }
    }
}

impl StampExample {
    /// Returns the day under an order, in unambiguous words.
    fn on(&self, order: DateOrder) -> String {
        let Some(Stamp::Numeric(numeric)) = Stamp::parse(&self.text) else {
            return String::new();
        };
        let civil = numeric.civil(order);
        civil.map_or_else(String::new, |civil| civil.strftime("%-d %B %Y").to_string())
    }
}

fn dates_are(short: bool, order: DateOrder) -> String {
    let digits = if short {
        ", with two digits for the year"
    } else {
        ""
    };
    format!("dates are {}{digits}", order.name())
}

fn shown_by(
    short: bool,
    order: DateOrder,
    example: &StampExample,
    place: &str,
) -> (DateOrder, Option<String>) {
    let note = format!(
        "{}, as {place} {} shows: {}",
        dates_are(short, order),
        example.line,
        quote::value(&example.text)
    );
    (order, Some(note))
}

fn contradiction(
    one: (DateOrder, &StampExample),
    other: (DateOrder, &StampExample),
    place: &str,
) -> (u64, String) {
    let (first, second) = if one.1.line < other.1.line {
        (one, other)
    } else {
        (other, one)
    };
    let reason = format!(
        "the time stamp {} can only be read {}, but {} on {place} {} only {}; set `data.date_order` to \
         `{}` or `{}`, and correct or drop the rows that do not fit",
        quote::value(&first.1.text),
        first.0.name(),
        quote::value(&second.1.text),
        second.1.line,
        second.0.name(),
        one.0.name(),
        other.0.name(),
    );
    (first.1.line, reason)
}
