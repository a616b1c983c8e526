//! Tells the form of a time of day in digits, whose zeros in front may be cut: `930` is half past nine, `93000` too.

/// The form of the times of day of a column in digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ClockDigits {
    width: usize,
}

impl ClockDigits {
    /// Takes one more time of day. Returns `false` if the column is not of digits, so that nothing is to be told.
    pub(crate) fn look(&mut self, text: &str) -> bool {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.is_empty() || !text.contains(':');
        }
        let value: u32 = text.parse().unwrap_or(0);
        let width = match (text.len(), value) {
            (1..=4, 0..=2359) if value % 100 < 60 => 4,
            (1..=6, _) => 6,
            _ => 9,
        };
        self.width = self.width.max(width);
        true
    }

    /// Appends a time of day with its zeros in front.
    pub(crate) fn write(self, text: &str, to: &mut String) {
        let digits = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if digits {
            let width = self.width.max(if text.len() > 4 { 6 } else { 4 });
            for _ in text.len()..width {
                to.push('0');
            }
        }
        to.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::ClockDigits;

    fn written(texts: &[&str]) -> Vec<String> {
        let mut clock = ClockDigits::default();
        assert!(texts.iter().all(|text| clock.look(text)));
        let one = |text: &&str| {
            let mut to = String::new();
            clock.write(text, &mut to);
            to
        };
        texts.iter().map(one).collect()
    }

    #[test]
    fn zeros_in_front_are_put_back() {
        assert_eq!(written(&["0", "930", "1600"]), ["0000", "0930", "1600"]);
        assert_eq!(
            written(&["0", "93000", "160000"]),
            ["000000", "093000", "160000"]
        );
        assert_eq!(written(&["0930"]), ["0930"]);
        assert_eq!(written(&["93000250"]), ["093000250"]);
    }
}
