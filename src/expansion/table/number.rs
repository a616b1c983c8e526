//! Reads prices, and infers their decimal mark from the prices with only one reading.

use serde::{Deserialize, Serialize};

use super::quote;

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
fn without_currency(text: &str) -> &str {
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
fn is_grouped(text: &str, thousands: u8, decimal: u8) -> bool {
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

/// The evidence for the decimal mark, collected price by price.
#[derive(Debug, Default)]
pub(crate) struct MarkEvidence {
    /// Whether columns are separated by commas, so that a point in a price without a comma is the decimal mark.
    plain: bool,
    point: usize,
    comma: usize,
    point_example: Option<PriceExample>,
    comma_example: Option<PriceExample>,
    either_example: Option<PriceExample>,
}

/// A price and its line.
#[derive(Debug, Clone)]
struct PriceExample {
    line: u64,
    text: String,
}

impl MarkEvidence {
    /// Creates empty evidence. If columns are separated by commas, the point of `1.084` is a decimal mark.
    pub(crate) fn new(separator: u8) -> Self {
        Self {
            plain: separator == b',',
            ..Self::default()
        }
    }

    /// Adds a price.
    pub(crate) fn look(&mut self, text: &str, line: u64) {
        let text = without_currency(text);
        let comma = text.contains(',');
        if !comma && (self.plain || !text.contains('.')) {
            self.point += usize::from(text.contains('.'));
            return;
        }
        let as_point = is_grouped(text, b',', b'.') || (!comma && text.parse::<f64>().is_ok());
        let as_comma = is_grouped(text, b'.', b',');
        let example = || PriceExample {
            line,
            text: text.to_owned(),
        };
        match (as_point, as_comma) {
            (true, true) => {
                self.either_example.get_or_insert_with(example);
            }
            (true, false) => {
                self.point += 1;
                if comma {
                    self.point_example.get_or_insert_with(example);
                }
            }
            (false, true) => {
                self.comma += 1;
                self.comma_example.get_or_insert_with(example);
            }
            (false, false) => {}
        }
    }

    /// Returns whether a price with decimals or thousands was added, so that later prices are not needed.
    pub(crate) fn is_told(&self) -> bool {
        self.point + self.comma > 0 || self.either_example.is_some()
    }

    /// Returns the decimal mark with a note, or a line and the reason why the decimal mark is ambiguous.
    pub(crate) fn decide(
        &self,
        given: Option<DecimalMark>,
    ) -> Result<(DecimalMark, Option<String>), (u64, String)> {
        if let Some(mark) = given {
            return Ok((mark, None));
        }
        if self.point == 0
            && self.comma == 0
            && let Some(example) = &self.either_example
        {
            return Err((example.line, example.two_readings()));
        }
        if self.comma > self.point {
            let note = self.comma_example.as_ref().map(|example| {
                let reading = example.reading(DecimalMark::Comma);
                format!(
                    "prices have a decimal comma: {}, line {}, is {reading}",
                    quote::value(&example.text),
                    example.line
                )
            });
            return Ok((DecimalMark::Comma, note));
        }
        let example = self.point_example.as_ref().or(self.either_example.as_ref());
        let note = example
            .filter(|example| example.text.contains(','))
            .map(|example| {
                let reading = example.reading(DecimalMark::Point);
                format!(
                    "prices have thousands separators: {}, line {}, is {reading}",
                    quote::value(&example.text),
                    example.line
                )
            });
        Ok((DecimalMark::Point, note))
    }
}

impl PriceExample {
    fn reading(&self, mark: DecimalMark) -> f64 {
        price(&self.text, mark).unwrap_or(f64::NAN)
    }

    fn two_readings(&self) -> String {
        format!(
            "the price {} is {} with a decimal point and {} with a decimal comma, and no other price tells which; \
             set `data.decimal_mark` to `point` or `comma`",
            quote::value(&self.text),
            self.reading(DecimalMark::Point),
            self.reading(DecimalMark::Comma)
        )
    }
}
