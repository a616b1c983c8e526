//! Formats numbers in columns of a fixed width, for every value.

use std::time::Duration;

use crate::printable::is_hidden;
use crate::text::number;

/// The width of an [`amount`].
pub(super) const AMOUNT: usize = 9;
/// The width of a [`gain`].
pub(super) const GAIN: usize = 7;
/// The width of a [`duration`].
pub(super) const DURATION: usize = 7;

/// The widths of the numbers of a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Widths {
    pub(super) amount: usize,
    pub(super) gain: usize,
}

/// The usual widths.
pub(super) const WIDE: Widths = Widths {
    amount: AMOUNT,
    gain: GAIN,
};
/// The smallest useful widths: four tasks fit into 80 columns.
pub(super) const NARROW: Widths = Widths { amount: 7, gain: 6 };

/// Formats a loss or a weight, with four significant digits if there is room.
pub(super) fn amount(value: f64) -> String {
    amount_in(value, AMOUNT)
}

/// Formats as [`amount`], in at most `width` columns.
pub(super) fn amount_in(value: f64, width: usize) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    let usual = number(value);
    let fits = |text: &String| text.len() <= width;
    let shorter = || (0..3).rev().map(|digits| format!("{value:.digits$e}"));
    Some(usual)
        .filter(fits)
        .or_else(|| shorter().find(fits))
        .unwrap_or_else(|| "?".into())
}

/// Formats a skill in percent, with its sign.
pub(super) fn gain(value: f64) -> String {
    gain_in(value, GAIN)
}

/// Formats as [`gain`], in at most `width` columns.
pub(super) fn gain_in(value: f64, width: usize) -> String {
    let percent = 100.0 * value;
    match percent {
        p if p.is_nan() => "NaN".into(),
        p if p >= 999.5 => ">999 %".into(),
        p if p <= -99.5 && width < GAIN => "<-99 %".into(),
        p if p <= -999.5 => "<-999 %".into(),
        p => format!("{p:+.0} %"),
    }
}

/// Formats a share in percent.
pub(super) fn share(value: f64) -> String {
    match value {
        v if v.is_nan() => "NaN".into(),
        v => format!("{:.0} %", 100.0 * v.clamp(0.0, 1.0)),
    }
}

/// Formats a time: `4.1 s`, `12m 34s`, `12h 34m`, `12d 3h`, `300 d`.
pub(super) fn duration(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 99.95 => format!("{seconds:.1} s"),
        _ => long(duration),
    }
}

/// Formats an estimated time, as [`duration`] but in whole seconds.
pub(in crate::train) fn rough_duration(duration: Duration) -> String {
    match duration.as_secs_f64().ceil() {
        seconds if seconds < 100.0 => format!("{seconds} s"),
        _ => long(duration),
    }
}

fn long(duration: Duration) -> String {
    const DAY: u64 = 86_400;
    match duration.as_secs_f64().round() as u64 {
        s if s < 3600 => format!("{}m {:02}s", s / 60, s % 60),
        s if s < 4 * DAY => format!("{}h {:02}m", s / 3600, s % 3600 / 60),
        s if s < 100 * DAY => format!("{}d {}h", s / DAY, s % DAY / 3600),
        s => format!("{} d", (s / DAY).min(99_999)),
    }
}

/// Shortens a name to at most `width` columns, keeping its beginning and its end. Characters that act on
/// a terminal are removed.
pub(super) fn shortened(name: &str, width: usize) -> String {
    let name: Vec<char> = name.chars().filter(|c| !is_hidden(*c)).collect();
    let fits = |text: &String| console::measure_text_width(text) <= width;
    let whole: String = name.iter().collect();
    if fits(&whole) {
        return whole;
    }
    let with = |kept: usize| {
        let (head, tail) = (&name[..kept.div_ceil(2)], &name[name.len() - kept / 2..]);
        head.iter().chain(&['…']).chain(tail).collect::<String>()
    };
    // Characters take two columns, one or none, so lengths are tried.
    let most = width.min(name.len().saturating_sub(1));
    let longest = (0..=most).rev().map(with).find(fits);
    longest.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_look_like_this() {
        for (value, text) in [
            (1.0214, "1.021"),
            (0.0081, "0.00810"),
            (1e-12, "1.000e-12"),
            (1e9, "1.000e9"),
            (-1.23456e-100, "-1.2e-100"),
            (9_999_999.0, "9999999"),
            (-9_999_999.0, "-9999999"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(amount(value), text);
        }
    }

    #[test]
    fn gains_look_like_this() {
        for (value, text) in [
            (0.074, "+7 %"),
            (-0.021, "-2 %"),
            (-123.45, "<-999 %"),
            (9.994, "+999 %"),
            (9.996, ">999 %"),
            (f64::NEG_INFINITY, "<-999 %"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(gain(value), text);
        }
    }

    #[test]
    fn times_look_like_this() {
        for (seconds, exact, rough) in [
            (0.0, "0.0 s", "0 s"),
            (4.06, "4.1 s", "5 s"),
            (99.96, "1m 40s", "1m 40s"),
            (754.4, "12m 34s", "12m 34s"),
            (3599.7, "1h 00m", "1h 00m"),
            (45_296.0, "12h 34m", "12h 34m"),
            (1_047_600.0, "12d 3h", "12d 3h"),
            (2.6e7, "300 d", "300 d"),
        ] {
            let time = Duration::from_secs_f64(seconds);
            assert_eq!(
                (duration(time), rough_duration(time)),
                (exact.into(), rough.into())
            );
        }
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("pointers", 8), "pointers");
        assert_eq!(shortened("probability_of_a_crash", 9), "prob…rash");
        // Wide characters count twice.
        assert_eq!(shortened("価格の予測", 6), "価…測");
        assert_eq!(shortened("pointers", 0), "");
    }

    proptest! {
        #[test]
        fn everything_fits(bits in any::<u64>(), nanos in any::<u64>(), name in ".{0,40}", width in 0_usize..30) {
            let value = f64::from_bits(bits);
            prop_assert!(amount(value).len() <= AMOUNT && amount(value) != "?", "{}", amount(value));
            prop_assert!(gain(value).len() <= GAIN);
            prop_assert!(share(value).len() <= 5);
            let time = Duration::from_nanos(nanos);
            prop_assert!(duration(time).len() <= DURATION, "{}", duration(time));
            prop_assert!(duration(Duration::from_secs(nanos)).len() <= DURATION);
            prop_assert!(rough_duration(time).len() <= DURATION);
            prop_assert!(console::measure_text_width(&shortened(&name, width)) <= width);
        }
    }
}
