//! Lists the readings of a number that is no plausible count since 1970, for the message that refuses it.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::quote;
use super::stamp_number::TimeUnit;
use super::time_format::TimeFormat;
use super::zone::TimeZones;

/// The first second of 1900.
const EARLIEST: i64 = -2_208_988_800;
/// The first second of February 1970. Numbers below it are counts of something else.
const FEBRUARY: i64 = 31 * 86_400;
/// A year after the start of the program, in seconds since 1970.
static LATEST: LazyLock<i64> = LazyLock::new(|| Timestamp::now().as_second() + 366 * 86_400);

/// The forms of numbers that are not inferred, by their names in `data.time_format`, each with its number of digits if
/// that is fixed.
const FORMATS: [(&str, Option<usize>); 6] = [
    ("%Y%m", Some(6)),
    ("%y%m%d", Some(6)),
    ("%Y%j", Some(7)),
    ("days", None),
    ("days-since-1970", None),
    ("matlab-days", None),
];

/// Returns whether a time may be that of a bar: from 1900 to a year after today, but not in January 1970.
pub(super) fn is_plausible(time: Timestamp) -> bool {
    let second = time.as_second();
    (EARLIEST..*LATEST).contains(&second) && !(0..FEBRUARY).contains(&second)
}

/// Returns the readings of a number as plausible times, with their formats.
pub(super) fn readings(value: i64) -> Vec<(String, &'static str)> {
    let text = value.to_string();
    let zones = TimeZones::default();
    let read = |(name, digits): (&'static str, Option<usize>)| {
        if digits.is_some_and(|digits| digits != text.len()) {
            return None;
        }
        let time = TimeFormat::parse(name).ok()?.read(&text, &zones)?;
        let day = time.to_zoned(TimeZone::UTC).date();
        // Small numbers are days of the first half of the 20th century by chance.
        let by_chance = digits.is_none() && day.year() < 1950;
        (is_plausible(time) && !by_chance).then(|| (day.to_string(), name))
    };
    FORMATS.into_iter().filter_map(read).collect()
}

/// Returns the reason why a number is refused as a time stamp.
pub(super) fn refused(value: i64) -> String {
    let shown = quote::value(&value.to_string());
    let unit = TimeUnit::of(value);
    let count = unit.time(value, 0);
    let known: Vec<String> = readings(value)
        .into_iter()
        .map(|(day, format)| format!("`{format}` ({day})"))
        .collect();
    let what = match count {
        Some(time) if !is_plausible(time) => {
            format!("would be {time} as {} since 1970", unit.name())
        }
        _ => "has several readings".to_owned(),
    };
    let formats = match &known[..] {
        [] => format!("if it is one, set `data.time_format` to `{}`", unit.name()),
        [one] => format!("set `data.time_format`, such as to {one}"),
        [first @ .., last] => {
            format!(
                "set `data.time_format`, such as to {} or {last}",
                first.join(", ")
            )
        }
    };
    format!(
        "the time stamp {shown} {what}; {formats}; a time of day needs the column of its date too, with `data.columns` \
         (`date=...,time=...`), and `time=` says that there is no time"
    )
}
