//! Tells the form of a time of day in digits, whose zeros in front may be cut: `930` is half past nine, `93000` too. A
//! column of 0 to 24 alone is of hours.

/// The largest hour of a day.
const LAST_HOUR: u32 = 24;

/// The form of the times of day of a column in digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ClockDigits {
    width: usize,
    /// The number of times of day, and the largest of them as a number.
    count: usize,
    largest: u32,
}

impl ClockDigits {
    /// Takes one more time of day of rows that come one at a time. Returns `false` if it has more digits than the times
    /// before were read with.
    pub(crate) fn widen(&mut self, text: &str) -> bool {
        let digits = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let value: u32 = text.parse().unwrap_or(0);
        // Midnight is zero under any form.
        if !digits || value == 0 {
            return true;
        }
        let before = self.width;
        self.width = before.max(width(text, value));
        before == 0 || before == self.width
    }

    /// Takes one more time of day. Returns `false` if the column is not of digits, so that nothing is to be told.
    pub(crate) fn look(&mut self, text: &str) -> bool {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.is_empty() || !text.contains(':');
        }
        let value: u32 = text.parse().unwrap_or(0);
        self.width = self.width.max(width(text, value));
        self.count += 1;
        self.largest = self.largest.max(value);
        true
    }

    /// Returns whether the column is of hours: no number is above 24, in more rows than minutes after midnight could
    /// fill.
    fn is_of_hours(self) -> bool {
        self.largest <= LAST_HOUR && self.count > LAST_HOUR as usize + 1
    }

    /// Appends a time of day with its zeros in front.
    pub(crate) fn write(self, text: &str, to: &mut String) {
        let digits = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if digits && self.is_of_hours() {
            if text.len() == 1 {
                to.push('0');
            }
            to.push_str(text);
            to.push_str("00");
            return;
        }
        // A row alone does not tell an hour from minutes after midnight, so it stays an hour without AM or PM, which is
        // refused.
        let value = text.parse().unwrap_or(0);
        let unclear = self.count == 0 && text.len() <= 2 && (1..=LAST_HOUR).contains(&value);
        if digits && !unclear {
            let width = self.width.max(if text.len() > 4 { 6 } else { 4 });
            for _ in text.len()..width {
                to.push('0');
            }
        }
        to.push_str(text);
    }
}

/// Returns the number of digits of a time of day with its zeros in front.
fn width(text: &str, value: u32) -> usize {
    match (text.len(), value) {
        (1..=4, 0..=2359) if value % 100 < 60 => 4,
        (1..=6, _) => 6,
        _ => 9,
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
    fn hours_of_several_days_are_hours() {
        let hours: Vec<String> = (0..48).map(|hour| (hour % 24).to_string()).collect();
        let hours: Vec<&str> = hours.iter().map(String::as_str).collect();
        let found = written(&hours);
        assert_eq!(found[..2], ["0000", "0100"]);
        assert_eq!(found[23..26], ["2300", "0000", "0100"]);
        // Minutes after midnight of one day, with the zeros cut.
        assert_eq!(written(&["0", "5", "10"]), ["0000", "0005", "0010"]);
    }

    #[test]
    fn an_hour_alone_stays_unclear() {
        let alone = |text: &str| {
            let mut to = String::new();
            ClockDigits::default().write(text, &mut to);
            to
        };
        assert_eq!([alone("9"), alone("09"), alone("24")], ["9", "09", "24"]);
        assert_eq!(
            [alone("0"), alone("30"), alone("930")],
            ["0000", "0030", "0930"]
        );
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
