//! Reads and writes lengths of time: `3h`, `2d`, `90 minutes`, `1w 2d`. A day has 24 hours.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, Serializer};

use crate::error::{Error, Result};

/// Reads a length of time above zero. `field` is the name of the setting in the error message.
///
/// # Errors
///
/// [`Error::Setting`] if the text is not a length of time, or not above zero.
///
/// # Example
/// ```
/// use equipoise::expansion::duration;
///
/// let gap = duration::parse("max_gap", "36h")?;
/// assert_eq!(duration::show(gap), "1d 12h");
/// # Ok::<(), equipoise::Error>(())
/// ```
pub fn parse(field: &str, text: &str) -> Result<Duration> {
    let read = || {
        let span: Span = text.trim().parse().ok()?;
        let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(duration).ok()
    };
    read()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| {
            let expected = "a length of time above zero such as `90m`, `3h`, `2d` or `1w 12h`";
            Error::setting(field, format!("`{text}`"), expected)
        })
}

/// Returns a length of time as text in days, hours, minutes and seconds: `2d 3h`. Parts of a second appear only below
/// one second.
pub fn show(duration: Duration) -> String {
    let all = duration.as_secs();
    let parts = [
        (all / 86_400, "d"),
        (all / 3600 % 24, "h"),
        (all / 60 % 60, "m"),
        (all % 60, "s"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if parts.is_empty() {
        let exact = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        return format!("{exact:#}");
    }
    parts.join(" ")
}

/// Writes an optional length of time as text.
pub(crate) fn serialize<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serializer.serialize_some(&show(*duration)),
        None => serializer.serialize_none(),
    }
}

/// Reads an optional length of time from text.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    text.map(|text| parse("max_gap", &text))
        .transpose()
        .map_err(serde::de::Error::custom)
}
