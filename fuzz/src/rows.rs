//! Bars that are written as a file in one of many forms and read back: the same bars at the same times, or a refusal.

use std::fmt::Write;

use equipoise::expansion::bars::{Bar, CsvOptions, read_csv};

use super::scratch;
use super::tape::Tape;

/// The forms of a time stamp.
const FORMS: usize = 12;
/// The forms that can be read in one way only, whatever the rows.
const CERTAIN: usize = 4;

/// What is read is what was written. The plain forms are always read.
pub fn csv_rows(bytes: &[u8]) {
    let mut tape = Tape(bytes);
    let form = tape.below(FORMS);
    let separator = tape.one_of(&[',', ';', '\t', ',']);
    let comma = separator != ',' && tape.byte() % 4 == 0;
    let header = tape.below(HEADERS.len());
    let volume = tape.byte() % 2 == 0;
    let (bars, times) = series(&mut tape, form);
    let mut text = String::new();
    let _ = write!(text, "{}", header_line(header, form, separator, volume));
    for (bar, time) in bars.iter().zip(&times) {
        let mut cells = stamp(form, *time);
        for price in [bar.open, bar.high, bar.low, bar.close] {
            let price = price.to_string();
            cells.push(if comma {
                price.replace('.', ",")
            } else {
                price
            });
        }
        if volume {
            cells.push((time % 977).to_string());
        }
        let _ = writeln!(text, "{}", cells.join(&separator.to_string()));
    }
    let path = scratch::file("rows.csv", text.as_bytes());
    match read_csv(&path, &CsvOptions::default()) {
        Ok((series, report)) => {
            let found = series.timestamps().map(<[i64]>::to_vec);
            assert_eq!(series.bars(), bars, "{text}\n{report:?}");
            assert_eq!(found.as_deref(), Some(&times[..]), "{text}\n{report:?}");
        }
        // Two rows say little about a form; a comma in every price is one of two marks, and so is a point if no price with
        // other than three digits behind it tells which.
        Err(error) => {
            let unclear = comma || error.to_string().contains("set `data.decimal_mark`");
            assert!(form >= CERTAIN || unclear, "{error}\n{text}");
        }
    }
}

/// The names of time and prices.
const HEADERS: [[&str; 5]; 4] = [
    ["time", "open", "high", "low", "close"],
    ["Date", "Open", "High", "Low", "Close"],
    ["timestamp", "o", "h", "l", "c"],
    ["<DATE>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>"],
];

fn header_line(header: usize, form: usize, separator: char, volume: bool) -> String {
    let [time, prices @ ..] = HEADERS[header];
    let mut names: Vec<&str> = if form >= 10 {
        vec!["date", "time"]
    } else {
        vec![time]
    };
    names.extend(prices);
    if volume {
        names.push("volume");
    }
    names.join(&separator.to_string()) + "\n"
}

/// The latest time, 2026-01-01: counts of which most lie more than a year ahead are refused, whatever they are.
const LATEST: i64 = 1_767_225_600;

/// Draws 1 to 40 bars with steps that fit the form.
fn series(tape: &mut Tape<'_>, form: usize) -> (Vec<Bar>, Vec<i64>) {
    let count = 1 + tape.below(40);
    let step = tape.one_of(&[60, 300, 900, 3600, 4 * 3600, 86_400]);
    // From 1990 on, at most 2023.
    let mut time = 631_152_000 + i64::from(tape.word() % 1_040_000_000);
    // Forms of minutes know no seconds, and forms of days no hours.
    time -= time % if form == 9 { 86_400 } else { step.max(60) };
    let step = if form == 9 { 86_400 } else { step };
    let mut price = f64::from(1 + tape.word() % 1_000_000) / 100.0;
    let (mut bars, mut times) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let tick = |tape: &mut Tape<'_>| f64::from(tape.byte()) / 64.0;
        let open = price;
        let close = (open + tick(tape) - 2.0).max(0.01);
        let (above, below) = (tick(tape), tick(tape));
        bars.push(Bar {
            open,
            high: open.max(close) + above,
            low: (open.min(close) - below).max(0.005),
            close,
        });
        price = close;
        times.push(time);
        let gap = if tape.byte() > 240 {
            1 + i64::from(tape.byte())
        } else {
            1
        };
        time += step * gap;
        if time > LATEST {
            break;
        }
    }
    (bars, times)
}

/// Returns the cells of a time, in days and seconds of the proleptic Gregorian calendar.
fn stamp(form: usize, time: i64) -> Vec<String> {
    let (days, second) = (time.div_euclid(86_400), time.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let half = |hour: i64| if hour % 12 == 0 { 12 } else { hour % 12 };
    let noon = if hour < 12 { "AM" } else { "PM" };
    let one = match form {
        0 => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
        1 => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"),
        2 => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}+00:00"),
        3 => format!("{time}000"),
        4 => time.to_string(),
        5 => format!("{day:02}/{month:02}/{year:04} {hour:02}:{minute:02}"),
        6 => format!("{month:02}/{day:02}/{year:04} {hour:02}:{minute:02}"),
        7 => format!(
            "{month}/{day}/{year:04} {}:{minute:02}:{second:02} {noon}",
            half(hour)
        ),
        8 => format!("{:02}.{month:02}.{year:04} {hour:02}:{minute:02}", day),
        9 => format!("{year:04}{month:02}{day:02}"),
        10 => {
            let date = format!("{year:04}{month:02}{day:02}");
            return vec![date, format!("{hour:02}{minute:02}{second:02}")];
        }
        _ => {
            let date = format!("{month:02}/{day:02}/{year:04}");
            return vec![date, format!("{hour:02}:{minute:02}")];
        }
    };
    vec![one]
}

/// Returns year, month and day of a number of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years that begin in March end with the day that is sometimes missing.
    let from_march = days + 719_468;
    let era = from_march.div_euclid(146_097);
    let day_of_era = from_march.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}
