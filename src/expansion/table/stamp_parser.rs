//! Parses the text of a time stamp from left to right: date, time of day, AM or PM, zone.

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Clock {
    pub(crate) hour: i8,
    pub(crate) minute: i8,
    pub(crate) second: i8,
    pub(crate) nanosecond: i32,
}

/// The zone of a time stamp as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Zone<'a> {
    /// No zone is written.
    Unsaid,
    /// Seconds east of UTC.
    Offset(i32),
    /// A name of the tz database, or an abbreviation.
    Named(&'a str),
}

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
pub(crate) struct Parser<'a>(&'a [u8]);

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
        self.take(&[between])?;
        self.take(b" ");
        Some(Date::Plain(year, month, self.small(1..=2)?))
    }

    /// Takes one of several signs and a space after it.
    fn sign(&mut self, signs: &[&str]) -> bool {
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

    fn digits(&self) -> usize {
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
        self.take(b"Tt _")?;
        while self.take(b" ").is_some() {}
        Some(())
    }

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

/// Removes the name in parentheses that JavaScript appends to an offset.
fn without_name(text: &str) -> &str {
    match text.split_once(" (") {
        Some((zone, name)) if name.ends_with(')') => zone,
        _ => text,
    }
}

/// Reads a zone: `Z`, `UTC`, an offset, an offset after `UTC`, or a name, also in brackets after an offset.
pub(crate) fn zone_of(text: &str) -> Option<Zone<'_>> {
    let plain = text.trim();
    if let Some((offset, name)) = plain.split_once('[') {
        name.strip_suffix(']')?;
        return zone_of(offset);
    }
    if ["Z", "z", "UTC", "utc", "GMT", "gmt"].contains(&plain) {
        return Some(Zone::Offset(0));
    }
    let after = |prefix: &str| plain.strip_prefix(prefix);
    let signed = ["UTC", "utc", "GMT", "gmt"].into_iter().find_map(after);
    let signed = signed.map_or(plain, str::trim_start);
    if signed.starts_with(['+', '-']) {
        return offset(signed).map(Zone::Offset);
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
    let named = plain.starts_with(|c: char| c.is_ascii_alphabetic()) && plain.chars().all(is_name);
    (named && plain.len() > 1).then_some(Zone::Named(plain))
}

/// Reads an offset such as `+01:00`, `+0100` or `+1`, and returns seconds east of UTC.
fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() > 2 => rest.split_at_checked(rest.len() - 2)?,
        None => (rest, "0"),
    };
    let number = |text: &str| -> Option<i32> {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let seconds = hours * 3600 + minutes * 60;
    let known = hours <= 23 && minutes <= 59;
    known.then_some(if sign == "-" { -seconds } else { seconds })
}
