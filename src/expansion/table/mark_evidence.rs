//! Infers the decimal mark of prices from those with only one reading.

use super::number::{DecimalMark, is_grouped, price, thirty_seconds, without_currency};
use super::quote;

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
    /// The prices with two readings that have a point, and those that have a comma.
    either_point: usize,
    either_comma: usize,
    /// A price that is thousands or 32nds, and whether another one can only be thousands.
    in_parts: Option<PriceExample>,
    thousands: bool,
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
    #[inline]
    pub(crate) fn look(&mut self, text: &str, line: u64) {
        let text = without_currency(text);
        let (mut comma, mut point) = (false, false);
        for byte in text.bytes() {
            match byte {
                b',' => comma = true,
                b'.' => point = true,
                // An apostrophe, or the first byte of the curved one.
                b'\'' | 0xe2 => self.look_at_apostrophe(text, line),
                _ => {}
            }
        }
        if !comma && (self.plain || !point) {
            self.point += usize::from(point);
            return;
        }
        self.look_at_marks(text, comma, line);
    }

    /// Adds a price with a comma, or the first prices with a point.
    fn look_at_marks(&mut self, text: &str, comma: bool, line: u64) {
        let as_point = is_grouped(text, b',', b'.') || (!comma && text.parse::<f64>().is_ok());
        let as_comma = is_grouped(text, b'.', b',');
        let example = || PriceExample {
            line,
            text: text.to_owned(),
        };
        match (as_point, as_comma) {
            (true, true) => {
                self.either_comma += usize::from(comma);
                self.either_point += usize::from(!comma);
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

    /// Adds a price with an apostrophe, which separates thousands or 32nds.
    fn look_at_apostrophe(&mut self, text: &str, line: u64) {
        if thirty_seconds(text).is_none() {
            self.thousands = true;
        } else if self.in_parts.is_none() {
            let text = text.to_owned();
            self.in_parts = Some(PriceExample { line, text });
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
        if let Some(example) = self.in_parts.as_ref().filter(|_| !self.thousands) {
            return Err((example.line, example.thousands_or_parts()));
        }
        if self.is_open()
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

impl MarkEvidence {
    /// Returns whether the prices do not tell the decimal mark: none has only one reading, or so few that they may be
    /// mistakes, against many that look like the other mark.
    fn is_open(&self) -> bool {
        if self.comma > self.point {
            self.comma * 20 < self.either_point
        } else {
            self.point == 0 || self.point * 20 < self.either_comma
        }
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

    fn thousands_or_parts(&self) -> String {
        format!(
            "the price {} is {} with thousands separators and {} in 32nds; set `data.decimal_mark` to `point` for \
             thousands, or write 32nds as decimals",
            quote::value(&self.text),
            self.reading(DecimalMark::Point),
            thirty_seconds(&self.text).unwrap_or(f64::NAN)
        )
    }
}
