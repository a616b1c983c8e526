//! Collects the evidence for dates of three numbers: which of them is the day, the month and the year.

use jiff::Timestamp;

use super::course::{Course, only_plausible};
use super::quote;
use super::stamp::{DateOrder, Numeric, Stamp};

/// A stamp and its line.
#[derive(Debug, Clone)]
struct StampExample {
    line: u64,
    text: String,
}

/// The evidence for dates of three numbers.
#[derive(Debug, Default)]
pub(super) struct NumericDates {
    /// The order of the rows, read day-first, month-first and year-first.
    pub(super) courses: [Course; 3],
    /// The number of dates that are valid under at least one order.
    pub(super) count: usize,
    /// The first date that is valid under one order alone.
    only: [Option<StampExample>; 3],
    /// The first date that is a different day under two orders.
    either: Option<StampExample>,
}

impl NumericDates {
    /// Adds a date with its times under every order.
    pub(super) fn look(
        &mut self,
        stamp: &Numeric,
        times: [Option<Timestamp>; 3],
        text: &str,
        line: u64,
    ) {
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

    /// Adds the evidence of other rows, which do not follow these.
    pub(super) fn absorb(&mut self, other: &Self) {
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

    /// Returns whether later dates cannot change the order.
    pub(super) fn is_told(&self, given: bool) -> bool {
        let shown = self.either.is_some() || self.only.iter().any(Option::is_some);
        self.count > 0 && (given || shown)
    }

    /// Returns the order of the numbers with a note, or a line and the reason why it is not known.
    pub(super) fn order(
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
