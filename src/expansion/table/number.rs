//! Reads prices under a decimal mark.

use serde::{Deserialize, Serialize};

/// The character before the decimals of a price: `1,084` is above a thousand with a point, and a little above one with
/// a comma.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecimalMark {
    /// `1,234.5`
    Point,
    /// `1.234,5`
    Comma,
}

impl DecimalMark {
    /// Returns the name, as in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Comma => "comma",
        }
    }
}

/// Reads a trimmed price with a decimal mark. Returns `None` if the text is not a number.
///
/// Every number that Rust reads is accepted, so `nan` and `1e999` are refused by the check of the bar, whose message is
/// better.
pub(crate) fn price(text: &str, mark: DecimalMark) -> Option<f64> {
    let text = without_currency(text);
    match mark {
        DecimalMark::Point => text.parse().ok().or_else(|| grouped(text, b',', b'.')),
        DecimalMark::Comma if text.contains(['.', ',']) => grouped(text, b'.', b','),
        DecimalMark::Comma => text.parse().ok().or_else(|| grouped(text, b'.', b',')),
    }
}

/// Removes the currency sign that some exporters write before every price.
pub(super) fn without_currency(text: &str) -> &str {
    let plain = text.strip_prefix(['$', '€', '£', '¥']);
    plain.map_or(text, str::trim_start)
}

/// Reads a number with thousands separators and decimals. Returns `None` if the text has another form.
fn grouped(text: &str, thousands: u8, decimal: u8) -> Option<f64> {
    is_grouped(text, thousands, decimal).then(|| {
        let plain: String = text
            .chars()
            .filter(|c| c.is_ascii_digit() || matches!(*c, '-' | '+') || *c == char::from(decimal))
            .collect();
        plain.replace(char::from(decimal), ".").parse().ok()
    })?
}

/// Returns whether a text is a number with three digits after every thousands separator.
pub(super) fn is_grouped(text: &str, thousands: u8, decimal: u8) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, decimals) = match unsigned.split_once(char::from(decimal)) {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if decimals.is_some_and(|text| !all_digits(text)) {
        return false;
    }
    if all_digits(whole) {
        return !whole.is_empty();
    }
    // Spaces (also thin spaces) and apostrophes separate thousands under either decimal mark.
    let separator = whole
        .chars()
        .find(|c| !c.is_ascii_digit())
        .filter(|c| *c == char::from(thousands) || " '\u{a0}\u{2009}\u{202f}\u{2019}".contains(*c));
    let Some(separator) = separator else {
        return false;
    };
    let mut groups = whole.split(separator);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && all_digits(first)
        && groups.all(|group| group.len() == 3 && all_digits(group))
}

/// Returns a price in 32nds, such as `110'165` for 110 and 16 1/2 of 32, which may also be thousands.
pub(super) fn thirty_seconds(text: &str) -> Option<f64> {
    let (whole, part) = text.split_once(['\'', '\u{2019}'])?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if part.len() != 3 || !digits(whole) || !digits(part) {
        return None;
    }
    let eighths = match part.as_bytes()[2] {
        b'0' => 0.0,
        b'2' => 0.25,
        b'5' => 0.5,
        b'7' => 0.75,
        _ => return None,
    };
    let parts: f64 = part[..2].parse().ok().filter(|parts| *parts < 32.0)?;
    let whole: f64 = whole.parse().ok()?;
    Some(whole + (parts + eighths) / 32.0)
}
