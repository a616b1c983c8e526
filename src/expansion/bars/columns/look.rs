//! Tells from the first rows what a column holds.

use crate::expansion::table::number::{self, DecimalMark};
use crate::expansion::table::stamp::{Number, Stamp, is_clock_alone, is_date_alone};

/// The number of rows that are looked at.
pub(crate) const ROWS: usize = 200;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Empty,
    /// Words.
    Text,
    /// A number that is no time by itself.
    Number,
    /// A number that may be a count since 1970, between 1990 and 2100.
    Count,
    /// A date without a time of day.
    Date,
    /// A date with a time of day.
    Stamp,
    /// A time of day.
    Clock,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Empty,
        Self::Text,
        Self::Number,
        Self::Count,
        Self::Date,
        Self::Stamp,
        Self::Clock,
    ];

    /// Tells the kind of a trimmed text.
    pub(crate) fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self::Empty;
        }
        match Stamp::parse(text) {
            Some(Stamp::Number(number)) => Self::of_number(number),
            Some(_) if is_date_alone(text) => Self::Date,
            Some(_) => Self::Stamp,
            None if is_clock_alone(text) => Self::Clock,
            None if is_number(without_unit(text)) => Self::Number,
            None => Self::Text,
        }
    }

    fn of_number(number: Number) -> Self {
        if number.digits().is_some() {
            return match number.value.ilog10() {
                7 => Self::Date,
                _ => Self::Stamp,
            };
        }
        let unit = crate::expansion::table::stamp::TimeUnit::of(number.value);
        let time = unit.time(number.value, 0);
        let second = time.map_or(0, |time| time.as_second());
        if (631_152_000..4_102_444_800).contains(&second) {
            Self::Count
        } else {
            Self::Number
        }
    }

    /// Returns whether the kind has a date.
    pub(crate) fn has_date(self) -> bool {
        matches!(self, Self::Date | Self::Stamp)
    }
}

/// Removes the sign or the letter behind a percentage or a rounded volume: `0.98%`, `4.08K`.
fn without_unit(text: &str) -> &str {
    text.trim_end_matches(['%', 'K', 'M', 'B', 'T', 'k', 'm'])
        .trim_end()
}

/// Returns whether a text is a number under one of the decimal marks.
pub(crate) fn is_number(text: &str) -> bool {
    let read = |mark| number::price(text, mark).is_some();
    read(DecimalMark::Point) || read(DecimalMark::Comma)
}

/// The values of a column in the first rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// What most values are.
    pub(crate) kind: Kind,
    /// Whether every value is a time of day in digits, such as `930` or `093000`.
    pub(crate) clock_digits: bool,
    /// Whether the values are digits alone.
    pub(crate) digits: bool,
    /// Whether every value has a digit, as dates of an unknown form have.
    pub(crate) has_digits: bool,
    /// Whether all values are the same.
    pub(crate) constant: bool,
    /// Whether a value repeats that of the row before.
    pub(crate) repeats: bool,
    /// Whether the numbers run in one direction, and half of the steps are the same.
    pub(crate) regular: bool,
}

impl Look {
    /// Looks at the values of the first rows: their kinds and their texts.
    pub(crate) fn at(values: &[(Kind, String)]) -> Self {
        let count = |kind: Kind| values.iter().filter(|(other, _)| *other == kind).count();
        let told = values.len() - count(Kind::Empty);
        let mut kinds = Kind::ALL.into_iter().skip(1);
        // A few values may be bad.
        let kind = kinds.find(|kind| told > 0 && count(*kind) * 10 >= told * 9);
        let kind = kind.unwrap_or(if told == 0 {
            Kind::Empty
        } else {
            Self::mixed(values)
        });
        let texts = || values.iter().map(|(_, text)| text.as_str());
        let pairs = || texts().zip(texts().skip(1));
        Self {
            kind,
            clock_digits: told > 0 && texts().all(|text| text.is_empty() || is_clock_digits(text)),
            digits: texts().all(|text| text.bytes().all(|byte| byte.is_ascii_digit())),
            has_digits: told > 0
                && texts().all(|text| text.is_empty() || text.bytes().any(|b| b.is_ascii_digit())),
            constant: pairs().all(|(before, after)| before == after),
            repeats: pairs().any(|(before, after)| before == after),
            regular: is_regular(texts()),
        }
    }

    /// Returns the kind of a column without one kind: that of all its values with a date, else that of most values.
    fn mixed(values: &[(Kind, String)]) -> Kind {
        let count = |kind: Kind| values.iter().filter(|(other, _)| *other == kind).count();
        let dates = count(Kind::Date) + count(Kind::Stamp);
        if dates * 10 >= (values.len() - count(Kind::Empty)) * 9 {
            return Kind::Stamp;
        }
        let kinds = Kind::ALL.into_iter().skip(1);
        kinds.max_by_key(|kind| count(*kind)).unwrap_or(Kind::Text)
    }
}

/// Returns whether a text is a time of day in digits, whose zeros in front may be cut.
fn is_clock_digits(text: &str) -> bool {
    let number = || text.parse::<u32>().ok();
    let valid = |value: u32| value / 10_000 < 24 && value / 100 % 100 < 60 && value % 100 < 60;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.len() {
        1..=4 if digits => number().is_some_and(|value| valid(value * 100) || valid(value)),
        5..=6 if digits => number().is_some_and(valid),
        8..=9 if digits => number().is_some_and(|value| valid(value / 1000)),
        _ => false,
    }
}

/// Returns whether whole numbers run in one direction, and half of the steps are the same. A column that counts trades
/// is irregular, one that counts rows has small numbers.
fn is_regular<'a>(texts: impl Iterator<Item = &'a str>) -> bool {
    let numbers: Option<Vec<i64>> = texts.map(|text| text.parse().ok()).collect();
    let Some(numbers) = numbers.filter(|numbers| numbers.len() >= 8) else {
        return false;
    };
    let steps = numbers.windows(2);
    let mut steps: Vec<i64> = steps.map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let one_way = steps.iter().all(|step| *step > 0) || steps.iter().all(|step| *step < 0);
    steps.sort_unstable();
    let most = steps.chunk_by(|a, b| a == b).map(<[i64]>::len).max();
    one_way && most.unwrap_or(0) * 2 >= steps.len()
}
