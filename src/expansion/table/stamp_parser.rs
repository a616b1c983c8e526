//! Parses the text of a time stamp from left to right: date, time of day, zone.

pub(crate) use super::zone_parser::Zone;
use super::zone_parser::{without_name, zone_of};

/// A parsed date: year, month, day; or three numbers if their order is unknown.
pub(crate) enum Date {
    Plain(i16, i8, i8),
    /// Day and month in unknown order, and the year.
    Numeric(i8, i8, i16),
    /// Two digits for the year, which is the first or the last number.
    Short(i8, i8, i8),
}

/// Returns the year of two digits: 1969 to 2068.
pub(crate) fn century(year: i8) -> i16 {
    let year = i16::from(year);
    if year < 69 { 2000 + year } else { 1900 + year }
}

/// The rest of a text.
pub(crate) struct Parser<'a>(pub(super) &'a [u8]);

impl<'a> Parser<'a> {
    /// Creates a parser of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl<'a> Parser<'a> {
    /// Returns whether the text is consumed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a number if its count of digits is in a range.
    #[inline]
    pub(super) fn number(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<i32> {
        let count = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if !digits.contains(&count) {
            return None;
        }
        let (number, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(
            number
                .iter()
                .fold(0, |value, digit| value * 10 + i32::from(digit - b'0')),
        )
    }

    #[inline]
    pub(super) fn small(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<i8> {
        i8::try_from(self.number(digits)?).ok()
    }

    #[inline]
    fn year(&mut self) -> Option<i16> {
        i16::try_from(self.number(4..=4)?).ok()
    }

    /// Takes the next byte if it is in `any`.
    #[inline]
    pub(super) fn take(&mut self, any: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        any.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    fn word(&mut self) -> &[u8] {
        let count = self
            .0
            .iter()
            .take_while(|b| b.is_ascii_alphabetic())
            .count();
        let (word, rest) = self.0.split_at(count);
        self.0 = rest;
        word
    }

    /// Takes an English name of a month, or its first letters, at least three. Returns its number from 1.
    fn month(&mut self) -> Option<i8> {
        const NAMES: [&[u8]; 12] = [
            b"january",
            b"february",
            b"march",
            b"april",
            b"may",
            b"june",
            b"july",
            b"august",
            b"september",
            b"october",
            b"november",
            b"december",
        ];
        let word = self.word().to_ascii_lowercase();
        let month = NAMES.iter().position(|name| name.starts_with(&word))?;
        let month = i8::try_from(month + 1).ok()?;
        (word.len() >= 3).then_some(month)
    }

    /// Takes the name of a day of the week before a date.
    fn weekday(&mut self) {
        const NAMES: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
        let mut ahead = Parser(self.0);
        let word = ahead.word().to_ascii_lowercase();
        if word.len() < 3 || !NAMES.contains(&&word[..3]) {
            return;
        }
        ahead.take(b".,");
        if ahead.take(b" ").is_some() {
            self.0 = ahead.0;
        }
    }

    /// Takes a date.
    pub(crate) fn date(&mut self) -> Option<Date> {
        if self.0.first()?.is_ascii_alphabetic() {
            self.weekday();
        }
        match self.0.iter().take_while(|b| b.is_ascii_digit()).count() {
            0 => {
                let month = self.month()?;
                self.take(b".");
                self.take(b" -/")?;
                let day = self.small(1..=2)?;
                self.take(b",");
                self.take(b" -/")?;
                Some(Date::Plain(self.year()?, month, day))
            }
            1 | 2 => self.day_and_month(),
            4 => self.year_first(),
            8 => {
                let date = self.number(8..=8)?;
                let part = |value: i32| i8::try_from(value % 100).ok();
                let year = i16::try_from(date / 10_000).ok()?;
                Some(Date::Plain(year, part(date / 100)?, part(date)?))
            }
            _ => None,
        }
    }

    fn year_first(&mut self) -> Option<Date> {
        const SIGNS: [&str; 6] = ["年", "月", "日", "년", "월", "일"];
        let year = self.year()?;
        if self.sign(&SIGNS) {
            let month = self.small(1..=2)?;
            if !self.sign(&SIGNS) {
                return None;
            }
            let day = self.small(1..=2)?;
            return self.sign(&SIGNS).then_some(Date::Plain(year, month, day));
        }
        let between = self.take(b"-/.")?;
        // Korean dates have a space after every dash or point.
        self.take(b" ");
        let month = if self.0.first()?.is_ascii_alphabetic() {
            self.month()?
        } else {
            self.small(1..=2)?
        };
        // `2005-01` stands for the first day of the month; `2005.01` is a price.
        if self.0.is_empty() && between != b'.' {
            return Some(Date::Plain(year, month, 1));
        }
        self.take(&[between])?;
        self.take(b" ");
        Some(Date::Plain(year, month, self.small(1..=2)?))
    }

    /// Takes one of several signs and a space after it.
    pub(super) fn sign(&mut self, signs: &[&str]) -> bool {
        let rest = signs
            .iter()
            .find_map(|sign| self.0.strip_prefix(sign.as_bytes()));
        if let Some(rest) = rest {
            self.0 = rest.strip_prefix(b" ").unwrap_or(rest);
        }
        rest.is_some()
    }

    fn day_and_month(&mut self) -> Option<Date> {
        let first = self.small(1..=2)?;
        if self.0.first()?.is_ascii_alphabetic() {
            // `02Jan2023`
            let month = self.month()?;
            return Some(Date::Plain(self.any_year()?, month, first));
        }
        let between = self.take(b"/.- ")?;
        if between == b'.' {
            self.take(b" ");
        }
        if self.0.first()?.is_ascii_alphabetic() {
            let month = self.month()?;
            self.take(b".");
            self.take(b" -/.,")?;
            return Some(Date::Plain(self.any_year()?, month, first));
        }
        let second = self.small(1..=2)?;
        // After a space a time of day may follow.
        if between == b' ' {
            return None;
        }
        self.take(&[between])?;
        match self.digits() {
            2 => Some(Date::Short(first, second, self.small(2..=2)?)),
            _ => Some(Date::Numeric(first, second, self.year()?)),
        }
    }

    pub(super) fn digits(&self) -> usize {
        self.0.iter().take_while(|b| b.is_ascii_digit()).count()
    }

    fn any_year(&mut self) -> Option<i16> {
        match self.digits() {
            2 => self.small(2..=2).map(century),
            _ => self.year(),
        }
    }

    /// Takes the separator between a date and a time of day.
    pub(crate) fn gap(&mut self) -> Option<()> {
        self.take(b",");
        self.take(b"Tt _:")?;
        while self.take(b" ").is_some() {}
        Some(())
    }

    /// Takes a zone up to the end of the text.
    pub(crate) fn zone(&mut self) -> Option<Zone<'a>> {
        // The commonest forms without further tests.
        match self.0 {
            b"" => return Some(Zone::Unsaid),
            b"Z" => {
                self.0 = &[];
                return Some(Zone::Offset(0));
            }
            _ => {}
        }
        while self.take(b" ").is_some() {}
        if self.0.is_empty() {
            return Some(Zone::Unsaid);
        }
        let text = std::str::from_utf8(self.0).ok()?;
        let zone = zone_of(without_name(text))?;
        self.0 = &[];
        Some(zone)
    }
}
