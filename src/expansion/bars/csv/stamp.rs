//! Reads one time stamp in the forms price files use.
//!
//! jiff accepts more than these forms (hours alone, offsets without a time, zone names), and for some of what
//! is found in the wild, such as `2019-10-17 09-11`, it would guess wrong; so the shape is checked before jiff
//! sees the text.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::shown;

/// Integers from here on are milliseconds: as seconds this is the year 5138, as milliseconds 1973.
const MILLISECONDS: u64 = 100_000_000_000;
/// Integers from here on are finer than milliseconds: as milliseconds this is the year 5138.
const FINER: u64 = 100_000_000_000_000;

/// Reads a trimmed time stamp. The error is the reason in words.
pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
    let stamp = if has_date(text) {
        from_date(text)
    } else if let Ok(number) = text.parse::<i64>() {
        return from_integer(number);
    } else {
        None
    };
    stamp.ok_or_else(|| {
        format!(
            "the time stamp {} cannot be read; expected RFC 3339 (`2024-01-31T09:30:00Z`), \
             `2024-01-31 09:30[:00]`, `2024-01-31`, or seconds or milliseconds since 1970",
            shown::value(text)
        )
    })
}

/// `YYYY-MM-DD`, alone or before a time of day.
fn has_date(text: &str) -> bool {
    let text = text.as_bytes();
    let digits = |range| {
        text.get(range)
            .is_some_and(|part: &[u8]| part.iter().all(u8::is_ascii_digit))
    };
    digits(0..4) && digits(5..7) && digits(8..10) && text[4] == b'-' && text[7] == b'-'
}

fn from_date(text: &str) -> Option<Timestamp> {
    if text.len() == 10 {
        return utc(text);
    }
    let bytes = text.as_bytes();
    let separated = matches!(bytes.get(10), Some(b'T' | b't' | b' '));
    if !separated || bytes.get(13) != Some(&b':') || bytes.contains(&b'[') {
        return None;
    }
    let zoned = bytes[13..]
        .iter()
        .any(|b| matches!(b, b'Z' | b'z' | b'+' | b'-'));
    if zoned { text.parse().ok() } else { utc(text) }
}

fn utc(text: &str) -> Option<Timestamp> {
    let civil: DateTime = text.parse().ok()?;
    Offset::UTC.to_timestamp(civil).ok()
}

fn from_integer(number: i64) -> Result<Timestamp, String> {
    let size = number.unsigned_abs();
    if is_compact_date(number) {
        return Err(format!(
            "the time stamp {number} looks like a date without dashes; write it as YYYY-MM-DD"
        ));
    }
    if size >= FINER {
        return Err(format!(
            "the time stamp {number} is too large for milliseconds since 1970; \
             divide microseconds or nanoseconds down to those"
        ));
    }
    let stamp = if size >= MILLISECONDS {
        Timestamp::from_millisecond(number)
    } else {
        Timestamp::from_second(number)
    };
    stamp.map_err(|_| format!("the time stamp {number} is out of range"))
}

/// Read as seconds, `20240131` would be a day in August 1970: certainly not what was meant.
fn is_compact_date(number: i64) -> bool {
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    (1900..=2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
}
