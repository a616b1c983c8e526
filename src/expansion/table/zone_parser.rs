//! Parses the zone of a time stamp: an offset, or a name.

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

/// Removes the name in parentheses that JavaScript appends to an offset.
pub(super) fn without_name(text: &str) -> &str {
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
