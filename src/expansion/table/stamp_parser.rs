//! Parses the text of a time stamp from left to right: date, time of day, AM or PM, zone.

/// A time of day and its offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Clock {
    pub(crate) hour: i8,
    pub(crate) minute: i8,
    pub(crate) second: i8,
    pub(crate) nanosecond: i32,
    /// Seconds east of UTC.
    pub(crate) offset: i32,
}

/// A parsed date: year, month, day; or two numbers and the year if the order of day and month is unknown.
pub(crate) enum Date {
    Plain(i16, i8, i8),
    Compact(i16, i8, i8),
    Numeric(i8, i8, i16),
}

/// The rest of a text.
pub(crate) struct Parser<'a>(&'a [u8]);

impl<'a> Parser<'a> {
    /// Creates a parser of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl Parser<'_> {
    /// Returns whether the text is consumed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a number if its count of digits is in a range.
    fn number(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<i32> {
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

    fn small(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<i8> {
        i8::try_from(self.number(digits)?).ok()
    }

    fn year(&mut self) -> Option<i16> {
        i16::try_from(self.number(4..=4)?).ok()
    }

    /// Takes the next byte if it is in `any`.
    fn take(&mut self, any: &[u8]) -> Option<u8> {
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

    /// Takes a date.
    pub(crate) fn date(&mut self) -> Option<Date> {
        match self.0.iter().take_while(|b| b.is_ascii_digit()).count() {
            0 => {
                let month = self.month()?;
                self.take(b" -")?;
                let day = self.small(1..=2)?;
                self.take(b",");
                self.take(b" -")?;
                Some(Date::Plain(self.year()?, month, day))
            }
            1 | 2 => self.day_and_month(),
            4 => {
                let year = self.year()?;
                let between = self.take(b"-/.")?;
                let month = self.small(1..=2)?;
                self.take(&[between])?;
                Some(Date::Plain(year, month, self.small(1..=2)?))
            }
            8 => {
                let date = self.number(8..=8)?;
                let part = |value: i32| i8::try_from(value % 100).ok();
                let year = i16::try_from(date / 10_000).ok()?;
                Some(Date::Compact(year, part(date / 100)?, part(date)?))
            }
            _ => None,
        }
    }

    fn day_and_month(&mut self) -> Option<Date> {
        let first = self.small(1..=2)?;
        let between = self.take(b"/.- ")?;
        if self.0.first()?.is_ascii_alphabetic() {
            let month = self.month()?;
            self.take(&[between])?;
            return Some(Date::Plain(self.year()?, month, first));
        }
        let second = self.small(1..=2)?;
        // After a space a time of day may follow.
        if between == b' ' {
            return None;
        }
        self.take(&[between])?;
        Some(Date::Numeric(first, second, self.year()?))
    }

    /// Takes the separator between a date and a time of day.
    pub(crate) fn gap(&mut self) -> Option<()> {
        self.take(b",");
        self.take(b"Tt ").map(|_| ())
    }

    /// Takes a time of day and a zone up to the end of the text. `compact` allows a time of four or six digits alone.
    pub(crate) fn clock(&mut self, compact: bool) -> Option<Clock> {
        let mut clock = match self.0.iter().take_while(|b| b.is_ascii_digit()).count() {
            count @ (4 | 6) if compact => {
                let time = self.number(count..=count)? * if count == 4 { 100 } else { 1 };
                let part = |value: i32| i8::try_from(value % 100).ok();
                Clock {
                    hour: part(time / 10_000)?,
                    minute: part(time / 100)?,
                    second: part(time)?,
                    ..Clock::default()
                }
            }
            _ => self.time_of_day()?,
        };
        clock.offset = self.zone()?;
        self.0.is_empty().then_some(clock)
    }

    fn time_of_day(&mut self) -> Option<Clock> {
        let mut clock = Clock {
            hour: self.small(1..=2)?,
            ..Clock::default()
        };
        let whole_hour = self.take(b":").is_none();
        if !whole_hour {
            clock.minute = self.small(2..=2)?;
            if self.take(b":").is_some() {
                clock.second = self.small(2..=2)?;
                if self.take(b".,").is_some() {
                    clock.nanosecond = self.fraction()?;
                }
            }
        }
        match self.half_of_day(whole_hour)? {
            // An hour without AM or PM is ambiguous.
            None if whole_hour => return None,
            None => {}
            Some(afternoon) => {
                if !(1..=12).contains(&clock.hour) {
                    return None;
                }
                clock.hour = clock.hour % 12 + if afternoon { 12 } else { 0 };
            }
        }
        Some(clock)
    }

    /// Takes the decimals of a second, and returns billionths.
    fn fraction(&mut self) -> Option<i32> {
        let before = self.0.len();
        let value = self.number(1..=9)?;
        let digits = u32::try_from(before - self.0.len()).ok()?;
        Some(value * 10i32.pow(9 - digits))
    }

    /// Takes AM (`false`) or PM (`true`). Takes nothing and returns `Some(None)` if neither follows.
    fn half_of_day(&mut self, after_whole_hour: bool) -> Option<Option<bool>> {
        let mut ahead = Parser(self.0);
        ahead.take(if after_whole_hour { b" -" } else { b"  " });
        let Some(letter) = ahead.take(b"AaPp") else {
            return Some(None);
        };
        let dotted = ahead.take(b".").is_some();
        ahead.take(b"Mm")?;
        if dotted {
            ahead.take(b".")?;
        }
        self.0 = ahead.0;
        Some(Some(letter.eq_ignore_ascii_case(&b'p')))
    }

    /// Takes a zone, and returns its offset from UTC in seconds, 0 if no zone follows.
    fn zone(&mut self) -> Option<i32> {
        self.take(b" ");
        if self.take(b"Zz").is_some() {
            return Some(0);
        }
        let named = match self.word() {
            b"" => false,
            b"UTC" | b"GMT" | b"utc" | b"gmt" => true,
            _ => return None,
        };
        let Some(sign) = self.take(b"+-") else {
            return (named || self.0.is_empty()).then_some(0);
        };
        let hours = self.number(2..=4);
        let (hours, minutes) = match hours {
            Some(both) if both >= 100 || self.0.is_empty() && both == 0 => (both / 100, both % 100),
            Some(hours) if self.take(b":").is_some() => (hours, self.number(2..=2)?),
            Some(hours) => (hours, 0),
            None => return None,
        };
        if hours > 23 || minutes > 59 {
            return None;
        }
        let seconds = hours * 3600 + minutes * 60;
        Some(if sign == b'-' { -seconds } else { seconds })
    }
}
