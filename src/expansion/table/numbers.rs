//! Collects the evidence for numbers: counts since 1970, the digits of a date, or days of a spreadsheet.

use jiff::Timestamp;

use super::course::Course;
use super::number_readings::{is_plausible, readings, refused};
use super::stamp::{Form, Number, TimeUnit};

/// A change of the unit of counts.
#[derive(Debug, Clone, Copy)]
struct UnitChange {
    line: u64,
    to: TimeUnit,
}

/// The evidence for numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) count: usize,
    /// The first number and its line.
    first: Option<(i64, u64)>,
    /// The number of counts since 1970 that may be the times of bars.
    plausible: usize,
    /// The number of days of a spreadsheet that may be whole minutes of a day, in seconds, and that may be the digits of a
    /// date without the zero in front.
    minutes: usize,
    short_dates: usize,
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

impl Numbers {
    /// Adds a number with its times as the digits of a date and as a day of a spreadsheet.
    pub(super) fn look(
        &mut self,
        number: Number,
        digits: Option<Timestamp>,
        days: Option<Timestamp>,
        line: u64,
    ) {
        self.count += 1;
        self.first.get_or_insert((number.value, line));
        let unit = TimeUnit::of(number.value);
        if let Some(time) = unit.time(number.value, number.billionths) {
            self.units[unit as usize].add(time);
            self.mixed.add(time);
            self.plausible += usize::from(is_plausible(time));
        }
        if let Some(time) = digits {
            self.digits.add(time);
        }
        if let Some(time) = days {
            self.days.add(time);
            let whole = number.billionths == 0;
            self.minutes += usize::from(whole && number.value % 60 == 0);
            self.short_dates += usize::from(whole && is_short_date(number.value));
        }
        let before = self.unit.replace(unit);
        if before.is_some_and(|before| before != unit) {
            self.changes += 1;
            self.change.get_or_insert(UnitChange { line, to: unit });
        }
    }

    /// Adds the evidence of other rows, which do not follow these.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        self.plausible += other.plausible;
        let line = |first: Option<(i64, u64)>| first.map_or(u64::MAX, |(_, line)| line);
        if line(other.first) < line(self.first) {
            self.first = other.first;
        }
        for (course, other) in self.units.iter_mut().zip(&other.units) {
            course.absorb(other);
        }
        self.mixed.absorb(&other.mixed);
        self.digits.absorb(&other.digits);
        self.days.absorb(&other.days);
        self.minutes += other.minutes;
        self.short_dates += other.short_dates;
        self.changes += other.changes;
        self.change = self.change.or(other.change);
    }

    /// Returns the form, the order of the rows under it, and a note. `of_bars` says that the numbers must be plausible
    /// times with only one reading. The error is a line and the reason why they are not.
    pub(super) fn decide(
        &self,
        of_bars: bool,
        place: &str,
    ) -> Result<(Form, Course, Option<String>), (u64, String)> {
        let (form, course, what) = self.form(place);
        if let Some((value, line)) = self.first
            && of_bars
            && !self.is_clear(form, &course, value)
        {
            return Err((line, refused(value)));
        }
        let note = course
            .first()
            .map(|first| format!("time stamps are {what}; the first is {first}"));
        Ok((form, course, note))
    }

    /// Returns whether the numbers are plausible times under a form, and a day of a spreadsheet is no day since 1970.
    fn is_clear(&self, form: Form, course: &Course, first: i64) -> bool {
        let ends = || [course.first(), course.last()].into_iter().flatten();
        match form {
            Form::Count(_) | Form::Counts => self.plausible * 2 >= self.count,
            Form::Days => {
                let early = |time: Timestamp| time.as_second() < 0;
                let one_reading = self.minutes.max(self.short_dates) < self.days.count
                    && (readings(first).len() < 2 || !ends().all(early));
                ends().any(is_plausible) && one_reading
            }
            _ => ends().any(is_plausible),
        }
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

/// Returns whether a number has the digits of a date of two digits for the year, whose zero in front was cut: `40131`.
fn is_short_date(value: i64) -> bool {
    value < 100_000 && (1..=12).contains(&(value / 100 % 100)) && (1..=31).contains(&(value % 100))
}
