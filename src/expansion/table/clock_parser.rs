//! Parses a time of day, with AM or PM.

use jiff::civil::DateTime;

use super::stamp_parser::Parser;

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Clock {
    pub(crate) hour: i8,
    pub(crate) minute: i8,
    pub(crate) second: i8,
    pub(crate) nanosecond: i32,
}

impl Clock {
    /// Returns the time of day on a date.
    pub(super) fn on(self, year: i16, month: i8, day: i8) -> Option<DateTime> {
        DateTime::new(
            year,
            month,
            day,
            self.hour,
            self.minute,
            self.second,
            self.nanosecond,
        )
        .ok()
    }
}

impl Parser<'_> {
    /// Takes a time of day. A time of digits alone has four, six or nine: `0930`, `093000`, `093000250`.
    pub(crate) fn clock(&mut self) -> Option<Clock> {
        let part = |value: i32| i8::try_from(value % 100).ok();
        let (time, thousandths) = match self.digits() {
            4 => (self.number(4..=4)? * 100, 0),
            6 => (self.number(6..=6)?, 0),
            9 => {
                let all = self.number(9..=9)?;
                (all / 1000, all % 1000)
            }
            _ => return self.time_of_day(),
        };
        let mut clock = Clock {
            hour: part(time / 10_000)?,
            minute: part(time / 100)?,
            second: part(time)?,
            nanosecond: thousandths * 1_000_000,
        };
        if thousandths == 0 && self.take(b".").is_some() {
            clock.nanosecond = self.fraction()?;
        }
        Some(clock)
    }

    fn time_of_day(&mut self) -> Option<Clock> {
        let mut clock = Clock {
            hour: self.small(1..=2)?,
            ..Clock::default()
        };
        // `16h30`, as in French.
        let whole_hour = self.take(b":").is_none() && self.french_hour().is_none();
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

    /// Takes the letter between the hour and the minutes.
    fn french_hour(&mut self) -> Option<u8> {
        let minutes = self.0.get(1..3)?;
        let next = self
            .0
            .get(3)
            .is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let found = next && minutes.iter().all(u8::is_ascii_digit);
        found.then(|| self.take(b"hH"))?
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
        // A narrow space stands before AM in newer locale data.
        ahead.sign(&["\u{202f}", "\u{a0}"]);
        let Some(letter) = ahead.take(b"AaPp") else {
            return Some(None);
        };
        let dotted = ahead.take(b".").is_some();
        if ahead.take(b"Mm").is_none() || ahead.0.first().is_some_and(u8::is_ascii_alphabetic) {
            // The name of a zone, such as `America/New_York`.
            return Some(None);
        }
        if dotted {
            ahead.take(b".")?;
        }
        self.0 = ahead.0;
        Some(Some(letter.eq_ignore_ascii_case(&b'p')))
    }
}
