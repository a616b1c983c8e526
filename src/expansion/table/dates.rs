//! Infers the form of the time stamps of a column: kind, unit, order of day and month, and the direction of time.

use jiff::Timestamp;
use jiff::tz::Offset;

use super::quote;
use super::stamp::{DateOrder, Form, Numeric, Stamp, TimeUnit, digits, unreadable};

/// The order of the rows of a column under one reading of their stamps.
#[derive(Debug, Clone, Copy, Default)]
struct StampOrder {
    count: usize,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    forward: usize,
    backward: usize,
    /// The number of steps within one day.
    within_a_day: usize,
}

impl StampOrder {
    fn add(&mut self, stamp: Timestamp) {
        self.count += 1;
        if let Some(last) = self.last {
            self.forward += usize::from(stamp > last);
            self.backward += usize::from(stamp < last);
            let day = |stamp: Timestamp| stamp.as_second().div_euclid(86_400);
            self.within_a_day += usize::from(day(stamp) == day(last));
        }
        self.first.get_or_insert(stamp);
        self.last = Some(stamp);
    }

    /// Returns the number of steps against the main direction.
    fn against(&self) -> usize {
        self.forward.min(self.backward)
    }

    fn span(&self) -> i64 {
        match (self.first, self.last) {
            (Some(first), Some(last)) => (last.as_second() - first.as_second()).abs(),
            _ => 0,
        }
    }

    /// Returns whether most steps go backward. A majority decides, because a file may have a stray or repeated row.
    fn newest_first(&self) -> bool {
        self.backward > self.forward
    }
}

/// A stamp and its line.
#[derive(Debug, Clone)]
struct StampExample {
    line: u64,
    text: String,
    stamp: Numeric,
}

/// The evidence for the form of the stamps, collected stamp by stamp.
#[derive(Debug, Default)]
pub(crate) struct Dates {
    /// The name of a place in the file: `line` or `row`.
    place: &'static str,
    plain: StampOrder,
    /// The order of the numeric dates, read day-first and month-first.
    numeric: [StampOrder; 2],
    /// The number of numeric dates that are valid under at least one order.
    numerics: usize,
    /// The first date that is valid only day-first, and the first that is valid only month-first.
    only: [Option<StampExample>; 2],
    /// The first date that is a different day under each order.
    either: Option<StampExample>,
    numbers: usize,
    units: [usize; 4],
    digits: usize,
    number: [StampOrder; 5],
}

/// The units of a number, in the order of `Dates::units`; the last is the digits of a date.
const UNITS: [TimeUnit; 5] = [
    TimeUnit::Seconds,
    TimeUnit::Milliseconds,
    TimeUnit::Microseconds,
    TimeUnit::Nanoseconds,
    TimeUnit::Digits,
];
const ORDERS: [DateOrder; 2] = [DateOrder::DayFirst, DateOrder::MonthFirst];

/// The reading of the stamps of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The form of the stamps.
    pub(crate) form: Form,
    /// Whether the last row is the oldest.
    pub(crate) newest_first: bool,
    /// A sentence about the inferred properties, for the report.
    pub(crate) note: Option<String>,
}

impl Reading {
    /// Creates the reading of a form, oldest first.
    pub(crate) fn of(form: Form) -> Self {
        Self {
            form,
            newest_first: false,
            note: None,
        }
    }

    /// Reads a trimmed text. The error is the reason in words.
    pub(crate) fn read(&self, text: &str) -> Result<Timestamp, String> {
        let stamp = Stamp::parse(text).ok_or_else(|| unreadable(text))?;
        stamp
            .read(self.form)
            .ok_or_else(|| self.refuse(stamp, text))
    }

    fn refuse(&self, stamp: Stamp, text: &str) -> String {
        let most = match self.form {
            Form::Plain => "dates like `2024-01-31`".to_owned(),
            Form::Numeric(DateOrder::DayFirst) => "dates like `31/01/2024`".to_owned(),
            Form::Numeric(DateOrder::MonthFirst) => "dates like `01/31/2024`".to_owned(),
            Form::Number(unit) => unit.name().to_owned(),
        };
        let shown = quote::value(text);
        match (stamp, self.form) {
            (Stamp::Numeric(_), Form::Numeric(order)) => {
                format!("the time stamp {shown} is not a date {}", order.name())
            }
            _ => format!("the time stamp {shown} is not written like the rest, which are {most}"),
        }
    }
}

impl Dates {
    /// Creates empty evidence. `place` is the name of a place in the file: `line` or `row`.
    pub(crate) fn new(place: &'static str) -> Self {
        Self {
            place,
            ..Self::default()
        }
    }

    /// Adds a trimmed text. A text that is not a time stamp is ignored.
    pub(crate) fn look(&mut self, text: &str, line: u64) {
        match Stamp::parse(text) {
            Some(Stamp::Plain(stamp)) => self.plain.add(stamp),
            Some(Stamp::Numeric(numeric)) => self.look_numeric(numeric, text, line),
            Some(stamp @ Stamp::Number(value, _)) => self.look_number(stamp, value),
            None => {}
        }
    }

    fn look_numeric(&mut self, stamp: Numeric, text: &str, line: u64) {
        let readings = ORDERS.map(|order| stamp.read(order));
        for (course, reading) in self.numeric.iter_mut().zip(readings) {
            if let Some(reading) = reading {
                course.add(reading);
            }
        }
        let example = || StampExample {
            line,
            text: text.to_owned(),
            stamp,
        };
        self.numerics += 1;
        match readings {
            [Some(_), None] => {
                self.only[0].get_or_insert_with(example);
            }
            [None, Some(_)] => {
                self.only[1].get_or_insert_with(example);
            }
            [Some(day), Some(month)] if day != month => {
                self.either.get_or_insert_with(example);
            }
            [Some(_), Some(_)] => {}
            [None, None] => self.numerics -= 1,
        }
    }

    fn look_number(&mut self, stamp: Stamp, value: i64) {
        self.numbers += 1;
        self.digits += usize::from(digits(value).is_some());
        let size = UNITS.iter().position(|unit| *unit == TimeUnit::of(value));
        self.units[size.unwrap_or(0)] += 1;
        for (course, unit) in self.number.iter_mut().zip(UNITS) {
            if let Some(stamp) = stamp.read(Form::Number(unit)) {
                course.add(stamp);
            }
        }
    }

    /// Returns the reading of the column, or `None` if it has no time stamp. The error is a line and the reason why the
    /// column has two readings. `in_order` allows the order of the rows to decide the order of day and month.
    pub(crate) fn decide(
        &self,
        given: Option<DateOrder>,
        in_order: bool,
    ) -> Result<Option<Reading>, (u64, String)> {
        let most = self.plain.count.max(self.numerics).max(self.numbers);
        if most == 0 {
            return Ok(None);
        }
        if self.plain.count == most {
            return Ok(Some(Reading {
                form: Form::Plain,
                newest_first: self.plain.newest_first(),
                note: None,
            }));
        }
        if self.numerics == most {
            let (order, note) = self.order(given, in_order)?;
            return Ok(Some(Reading {
                form: Form::Numeric(order),
                newest_first: self.numeric[order as usize].newest_first(),
                note,
            }));
        }
        Ok(Some(self.number()))
    }

    /// Returns whether later stamps cannot change the reading.
    pub(crate) fn is_told(&self) -> bool {
        let plain = self.plain.count + self.numbers > 0;
        plain || self.either.is_some() || self.only.iter().any(Option::is_some)
    }

    fn number(&self) -> Reading {
        // A count may have the digits of a date by chance, but not nine times out of ten.
        let place = if self.digits * 10 >= self.numbers * 9 {
            4
        } else {
            (0..4)
                .rev()
                .max_by_key(|size| self.units[*size])
                .unwrap_or(0)
        };
        let course = self.number[place];
        let note = course.first.map(|first| {
            let what = UNITS[place].name();
            format!("time stamps are {what}; the first is {first}")
        });
        Reading {
            form: Form::Number(UNITS[place]),
            newest_first: course.newest_first(),
            note,
        }
    }

    fn order(
        &self,
        given: Option<DateOrder>,
        in_order: bool,
    ) -> Result<(DateOrder, Option<String>), (u64, String)> {
        if let Some(order) = given {
            return Ok((order, None));
        }
        match &self.only {
            [Some(day), Some(month)] => return Err(contradiction(day, month, self.place)),
            [Some(example), None] => return Ok(shown_by(DateOrder::DayFirst, example, self.place)),
            [None, Some(example)] => {
                return Ok(shown_by(DateOrder::MonthFirst, example, self.place));
            }
            [None, None] => {}
        }
        let Some(either) = &self.either else {
            return Ok((DateOrder::DayFirst, None));
        };
        if in_order && let Some((order, why)) = self.order_of_rows() {
            let note = format!(
                "dates are {}: {}, {} {}, is {}, because only so do the rows {why}",
                order.name(),
                quote::value(&either.text),
                self.place,
                either.line,
                either.on(order),
            );
            return Ok((order, Some(note)));
        }
        let reason = format!(
            "the time stamp {} is {} day-first and {} month-first, and no other row tells which; set \
             `data.date_order` to `day-first` or `month-first`",
            quote::value(&either.text),
            either.on(DateOrder::DayFirst),
            either.on(DateOrder::MonthFirst)
        );
        Err((either.line, reason))
    }

    /// Returns the only order of day and month under which the rows are in a plausible order, and the reason.
    fn order_of_rows(&self) -> Option<(DateOrder, &'static str)> {
        let [day, month] = self.numeric;
        let one_way = "run in one direction";
        match (day.against(), month.against()) {
            (0, 1..) => return Some((DateOrder::DayFirst, one_way)),
            (1.., 0) => return Some((DateOrder::MonthFirst, one_way)),
            (1.., 1..) => return None,
            (0, 0) => {}
        }
        // Bars of minutes and hours continue from day to day, not from month to month.
        let closely = |course: &StampOrder| course.within_a_day * 2 >= course.count;
        let near = "follow one another without holes of weeks";
        if !closely(&day) || !closely(&month) {
            None
        } else if day.span() < month.span() / 4 {
            Some((DateOrder::DayFirst, near))
        } else if month.span() < day.span() / 4 {
            Some((DateOrder::MonthFirst, near))
        } else {
            None
        }
    }
}

impl StampExample {
    /// Returns the day under an order, in unambiguous words.
    fn on(&self, order: DateOrder) -> String {
        self.stamp.read(order).map_or_else(String::new, |stamp| {
            Offset::UTC
                .to_datetime(stamp)
                .strftime("%-d %B %Y")
                .to_string()
        })
    }
}

fn shown_by(order: DateOrder, example: &StampExample, place: &str) -> (DateOrder, Option<String>) {
    let note = format!(
        "dates are {}, as {place} {} shows: {}",
        order.name(),
        example.line,
        quote::value(&example.text)
    );
    (order, Some(note))
}

fn contradiction(day: &StampExample, month: &StampExample, place: &str) -> (u64, String) {
    let (first, second) = if day.line < month.line {
        ((day, "day-first"), (month, "month-first"))
    } else {
        ((month, "month-first"), (day, "day-first"))
    };
    let reason = format!(
        "the time stamp {} can only be read {}, but {} on {place} {} only {}; set `data.date_order` to \
         `day-first` or `month-first`, and correct or drop the rows that do not fit",
        quote::value(&first.0.text),
        first.1,
        quote::value(&second.0.text),
        second.0.line,
        second.1
    );
    (first.0.line, reason)
}
