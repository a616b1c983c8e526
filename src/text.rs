//! Formats numbers for reports, verdicts and terminals.

/// Formats a number with about four significant digits: `1.100`, `0.00653`, `15.84`, `3.200e-9`; `not a number`.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        return "not a number".into();
    }
    if value.is_infinite() {
        let sign = if value > 0.0 { "" } else { "minus " };
        return format!("{sign}infinite");
    }
    if value == 0.0 {
        return "0".into();
    }
    // Below the range, five decimals would show no digit; above it, most digits would be noise.
    if !(1e-5..1e7).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    let digits = match value.abs() {
        v if v >= 1e4 => 0,
        v if v >= 100.0 => 1,
        v if v >= 10.0 => 2,
        v if v >= 1.0 => 3,
        v if v >= 0.1 => 4,
        v if v >= 0.001 => 5,
        v if v >= 0.0001 => 6,
        _ => 7,
    };
    format!("{value:.digits$}")
}

/// Formats a part of a whole in percent, with one decimal if it is below 9.95 %.
pub(crate) fn percent(part: f64) -> String {
    let digits = if part.abs() < 0.0995 { 1 } else { 0 };
    format!("{:.digits$} %", 100.0 * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_and_stay_short() {
        for (value, text) in [
            (0.0, "0"),
            (15.8432, "15.84"),
            (0.006531, "0.00653"),
            (0.000671, "0.000671"),
            (0.00001234, "0.0000123"),
            (336.40664, "336.4"),
            (123456.0, "123456"),
            (1e30, "1.000e30"),
            (-2.5e-30, "-2.500e-30"),
            (0.5, "0.5000"),
            (f64::NAN, "not a number"),
            (f64::NEG_INFINITY, "minus infinite"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(percent(0.0234), "2.3 %");
        assert_eq!(percent(0.861), "86 %");
    }
}
