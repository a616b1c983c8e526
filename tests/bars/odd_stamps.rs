//! Time stamps that look like others: numbers that are no epoch, dates of rare forms, hours that a change of the clocks
//! repeats, zones in a column. Each is read as what it is, or refused with the setting that reads it.

use equipoise::expansion::bars::{ColumnMap, CsvOptions};

use super::exporters::{bars, read, stream};

fn plain() -> CsvOptions {
    CsvOptions::default()
}

fn rows(stamps: impl Iterator<Item = String>) -> String {
    let bars = bars(200);
    let row = |(stamp, bar): (String, &equipoise::expansion::bars::Bar)| {
        format!(
            "{stamp},{},{},{},{}\n",
            bar.open, bar.high, bar.low, bar.close
        )
    };
    stamps.zip(&bars).map(row).collect()
}

fn time(content: &str, options: &CsvOptions, index: usize) -> String {
    let (found, _) = read(content, options).unwrap_or_else(|error| panic!("{content}: {error}"));
    let second = found.timestamps().unwrap()[index];
    let lines = stream(content, options).unwrap_or_else(|error| panic!("{content}: {error}"));
    assert_eq!(lines[index].1, Some(second), "{content}");
    jiff::Timestamp::from_second(second).unwrap().to_string()
}

#[test]
fn numbers_that_are_no_epoch_are_refused_with_the_format_that_reads_them() {
    let months = || (0..24).map(|month| format!("{}{:02}", 2022 + month / 12, month % 12 + 1));
    let days = |format: &str| -> Vec<String> {
        let first = jiff::civil::date(2024, 1, 2);
        let day = |index: i64| {
            (first + jiff::Span::new().days(index))
                .strftime(format)
                .to_string()
        };
        (0..40).map(day).collect()
    };
    let counted = |first: i64| (0..40).map(move |index| (first + index).to_string());
    let cases: [(Vec<String>, &[&str], &str, &str); 6] = [
        (
            months().collect(),
            &["%Y%m"],
            "%Y%m",
            "2022-02-01T00:00:00Z",
        ),
        (
            days("%y%m%d"),
            &["%y%m%d"],
            "%y%m%d",
            "2024-01-03T00:00:00Z",
        ),
        (days("%Y%j"), &["%Y%j"], "%Y%j", "2024-01-03T00:00:00Z"),
        (
            counted(738_886).collect(),
            &["matlab-days"],
            "matlab-days",
            "2023-01-01T00:00:00Z",
        ),
        (
            counted(19_724).collect(),
            &["days-since-1970"],
            "days-since-1970",
            "2024-01-03T00:00:00Z",
        ),
        (
            counted(20_200).collect(),
            &["days", "days-since-1970"],
            "days",
            "1955-04-22T00:00:00Z",
        ),
    ];
    for (stamps, formats, format, second) in cases {
        for name in ["date", "time", "t"] {
            let text = format!(
                "{name},open,high,low,close\n{}",
                rows(stamps.iter().cloned())
            );
            for error in [
                read(&text, &plain()).unwrap_err(),
                stream(&text, &plain()).unwrap_err(),
            ] {
                assert!(
                    error.contains("line 2") && error.contains("`data.time_format`"),
                    "{error}"
                );
                for format in formats {
                    assert!(error.contains(&format!("`{format}` (")), "{error}");
                }
            }
            let options = plain().with_time_format(format.to_owned());
            assert_eq!(time(&text, &options, 1), second, "{format}");
        }
    }
}

#[test]
fn counts_that_are_no_time_at_all_are_refused() {
    // Seconds of a day, the numbers of the rows, times of day, a day far ahead.
    let far = |index: i64| (20_991_231_000_000_000 + index).to_string();
    let cases: [Vec<String>; 4] = [
        (0..40)
            .map(|index| (34_200 + 60 * index).to_string())
            .collect(),
        (0..40).map(|index| index.to_string()).collect(),
        (0..40).map(|index| format!("9{index:02}00")).collect(),
        (0..40).map(far).collect(),
    ];
    for stamps in cases {
        let text = format!("time,open,high,low,close\n{}", rows(stamps.into_iter()));
        for skip in [false, true] {
            let error = read(&text, &plain().with_skip_bad_rows(skip)).unwrap_err();
            assert!(
                error.contains("`data.time_format`") && error.contains("`time=`"),
                "{error}"
            );
        }
        assert!(stream(&text, &plain()).is_err());
        let none = plain().with_columns(ColumnMap::parse("time=").unwrap());
        assert_eq!(read(&text, &none).unwrap().0.timestamps(), None);
    }
    // What the settings say is not doubted, and days of a spreadsheet have one reading.
    let text = format!(
        "time,open,high,low,close\n{}",
        rows((0..3).map(|index| (60 * index).to_string()))
    );
    let seconds = plain().with_time_format("seconds".to_owned());
    assert_eq!(time(&text, &seconds, 1), "1970-01-01T00:01:00Z");
    let text = format!(
        "time,open,high,low,close\n{}",
        rows((0..3).map(|index| (45_322 + index).to_string()))
    );
    assert_eq!(time(&text, &plain(), 1), "2024-02-01T00:00:00Z");
}

#[test]
fn dates_of_rare_forms_are_read() {
    let cases = [
        ("02Jan2023", "03Jan2023", "2023-01-03T00:00:00Z"),
        (
            "02JAN2023:09:30:00",
            "02JAN2023:09:31:00",
            "2023-01-02T09:31:00Z",
        ),
        ("2005-01", "2005-02", "2005-02-01T00:00:00Z"),
        ("2005/01", "2005/02", "2005-02-01T00:00:00Z"),
        (
            "2024-01-02 16h30",
            "2024-01-02 16h31",
            "2024-01-02T16:31:00Z",
        ),
    ];
    for (first, second, expected) in cases {
        let stamps = [first, second].map(str::to_owned).into_iter();
        let text = format!("date,open,high,low,close\n{}", rows(stamps));
        assert_eq!(time(&text, &plain(), 1), expected, "{first}");
    }
    // A month by a pattern.
    let stamps = ["Jan 2005", "Feb 2005"].map(str::to_owned).into_iter();
    let text = format!("date,open,high,low,close\n{}", rows(stamps));
    let options = plain().with_time_format("%b %Y".to_owned());
    assert_eq!(time(&text, &options, 1), "2005-02-01T00:00:00Z");
}

/// A column with the name of the time is not passed over for another one.
#[test]
fn a_time_that_cannot_be_read_is_refused_by_its_name() {
    let stamps = || {
        (0..30).map(|index| {
            format!(
                "week {index} of 2024,{},2025-06-{:02}",
                1_700_000_000 + index,
                index + 1
            )
        })
    };
    let text = format!("date,id,expires,open,high,low,close\n{}", rows(stamps()));
    for error in [
        read(&text, &plain()).unwrap_err(),
        stream(&text, &plain()).unwrap_err(),
    ] {
        assert!(
            error.contains("the time stamp `week 0 of 2024` cannot be read"),
            "{error}"
        );
    }
    let months = (0..24).map(|month| {
        format!(
            "{}{:02},{}",
            2022 + month / 12,
            month % 12 + 1,
            1_700_000_000 + month
        )
    });
    let text = format!("date,id,open,high,low,close\n{}", rows(months));
    let error = read(&text, &plain()).unwrap_err();
    assert!(
        error.contains("`202201`") && error.contains("`%Y%m`"),
        "{error}"
    );
}

#[test]
fn parts_of_a_time_of_day_are_not_taken_for_one() {
    let stamps = (0..60).map(|index| format!("2024-01-02,{},{}", index / 60 + 9, index));
    let text = format!("date,hour,minute,open,high,low,close\n{}", rows(stamps));
    for error in [
        read(&text, &plain()).unwrap_err(),
        stream(&text, &plain()).unwrap_err(),
    ] {
        assert!(
            error.contains("columns `hour` and `minute` are parts of a time of day"),
            "{error}"
        );
    }
}

#[test]
fn a_column_of_the_zone_counts() {
    for (zone, first) in [
        ("-05:00", "2024-01-02T14:31:00Z"),
        ("-5", "2024-01-02T14:31:00Z"),
        ("2", "2024-01-02T07:31:00Z"),
        ("America/New_York", "2024-01-02T14:31:00Z"),
    ] {
        for (header, gap) in [("time", " "), ("date,time", ",")] {
            let stamps = (30..50).map(|minute| format!("2024-01-02{gap}09:{minute},{zone}"));
            let text = format!("{header},utc_offset,open,high,low,close\n{}", rows(stamps));
            assert_eq!(time(&text, &plain(), 1), first, "{zone}");
            let given = plain().with_time_zone("UTC".to_owned());
            assert_eq!(
                time(&text, &given, 1),
                "2024-01-02T09:31:00Z",
                "the setting goes before it"
            );
        }
    }
    let stamps = (30..50).map(|minute| format!("2024-01-02 09:{minute},-18000"));
    let text = format!("time,tz,open,high,low,close\n{}", rows(stamps));
    for error in [
        read(&text, &plain()).unwrap_err(),
        stream(&text, &plain()).unwrap_err(),
    ] {
        assert!(
            error.contains("column `tz` holds `-18000`") && error.contains("`data.time_zone`"),
            "{error}"
        );
    }
    // A stamp with an offset of its own does not need it.
    let stamps = (30..50).map(|minute| format!("2024-01-02T09:{minute}:00Z,-5"));
    let text = format!("time,tz,open,high,low,close\n{}", rows(stamps));
    assert_eq!(time(&text, &plain(), 1), "2024-01-02T09:31:00Z");
}

#[test]
fn the_hour_that_a_change_of_the_clocks_repeats_is_read() {
    let clocks = [
        "00:00", "00:30", "01:00", "01:30", "01:00", "01:30", "02:00", "02:30",
    ];
    let stamps: Vec<String> = clocks
        .iter()
        .map(|clock| format!("2024-11-03 {clock}"))
        .collect();
    let text = format!("time,open,high,low,close\n{}", rows(stamps.iter().cloned()));
    let zone = plain().with_time_zone("America/New_York".to_owned());
    let (found, _) = read(&text, &zone).unwrap();
    let times = found.timestamps().unwrap();
    assert_eq!(times[0], 1_730_606_400);
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] == 1800),
        "{times:?}"
    );
    let lines: Vec<i64> = stream(&text, &zone)
        .unwrap()
        .iter()
        .map(|(_, time)| time.unwrap())
        .collect();
    assert_eq!(lines, times);
    let backwards: String = text
        .lines()
        .skip(1)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .map(|line| format!("{line}\n"))
        .collect();
    let (found, _) = read(&format!("time,open,high,low,close\n{backwards}"), &zone).unwrap();
    assert_eq!(found.timestamps().unwrap(), times);
    // By a pattern too; and without a zone the hour is out of order.
    let pattern = zone.with_time_format("%Y-%m-%d %H:%M".to_owned());
    assert_eq!(
        read(&text, &pattern).unwrap().0.timestamps().unwrap(),
        times
    );
    let error = read(&text, &plain()).unwrap_err();
    assert!(
        error.contains("is earlier than") && error.contains("`data.time_zone`"),
        "{error}"
    );
}
