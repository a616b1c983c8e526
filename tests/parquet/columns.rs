//! The columns of a Parquet file are found, chosen and refused by the rules of a CSV file: the time by its values, the
//! prices by a map, the instruments by name.

use equipoise::expansion::bars::{ColumnMap, CsvOptions, read_instruments, read_parquet};

use super::{HALF_PAST_NINE, PLAIN, Values, place, prices, series, write};

const FOUR: &str =
    "required double open; required double high; required double low; required double close;";
const DAY: i64 = 86_400;

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Values {
    Values::Text(values.into_iter().map(str::to_owned).collect())
}

#[test]
fn the_time_is_found_by_its_values() {
    let bars = series(20);
    let seconds: Vec<i64> = (0..20).map(|index| HALF_PAST_NINE + 60 * index).collect();
    let day = |index: i64| 20_240_101 + index;
    let midnights: Vec<i64> = (0..20).map(|index| 1_704_067_200 + DAY * index).collect();
    let columns: [(&str, Values, &[i64]); 4] = [
        (
            "required int64 window_start;",
            Values::Long(seconds.iter().map(|s| s * 1_000_000_000).collect()),
            &seconds,
        ),
        (
            "required int64 k (TIMESTAMP(MILLIS,true));",
            Values::Long(seconds.iter().map(|s| s * 1000).collect()),
            &seconds,
        ),
        (
            "required int32 trade_date;",
            Values::Int((0..20).map(|i| day(i) as i32).collect()),
            &midnights,
        ),
        (
            "required int32 q (DATE);",
            Values::Int(midnights.iter().map(|s| (s / DAY) as i32).collect()),
            &midnights,
        ),
    ];
    for (schema, values, expected) in columns {
        let (_folder, path) = place();
        let mut all = vec![values];
        all.extend(prices(&bars));
        write(
            &path,
            &format!("message m {{ {schema} {FOUR} }}"),
            PLAIN,
            &[all],
        );
        let (found, report) = read_parquet(&path, &CsvOptions::default()).unwrap();
        assert_eq!(found.timestamps(), Some(expected), "{schema} {report:?}");
        assert!(
            report.notes[0].starts_with("the time is column"),
            "{report:?}"
        );
    }
}

#[test]
fn a_date_and_a_time_of_day_in_digits() {
    let bars = series(3);
    let (_folder, path) = place();
    let mut all = vec![
        Values::Int(vec![20_240_131; 3]),
        Values::Int(vec![93_000, 93_100, 93_200]),
    ];
    all.extend(prices(&bars));
    write(
        &path,
        &format!("message m {{ required int32 dtyyyymmdd; required int32 time; {FOUR} }}"),
        PLAIN,
        &[all],
    );
    let (found, _) = read_parquet(&path, &CsvOptions::default()).unwrap();
    assert_eq!(
        found.timestamps(),
        Some(&[HALF_PAST_NINE, HALF_PAST_NINE + 60, HALF_PAST_NINE + 120][..])
    );
}

#[test]
fn columns_are_chosen_by_a_map() {
    let bars = series(4);
    let (_folder, path) = place();
    let mut all = vec![Values::Long(
        (0..4).map(|i| HALF_PAST_NINE + 60 * i).collect(),
    )];
    all.extend(prices(&bars));
    all.extend(prices(&series(8)[4..]));
    let set = |name: &str| {
        let price = |price: &str| format!("required double {name}{price}; ");
        ["open", "high", "low", "close"].map(price).concat()
    };
    write(
        &path,
        &format!(
            "message m {{ required int64 t; {} {} }}",
            set("bid"),
            set("ask")
        ),
        PLAIN,
        &[all],
    );
    let error = read_parquet(&path, &CsvOptions::default())
        .unwrap_err()
        .to_string();
    let maps: Vec<&str> = error
        .split('`')
        .filter(|text| text.starts_with("open="))
        .collect();
    assert_eq!(maps.len(), 2, "{error}");
    for (map, expected) in maps.iter().zip([&bars[..], &series(8)[4..]]) {
        let options = CsvOptions::default().with_columns(ColumnMap::parse(map).unwrap());
        let (found, _) = read_parquet(&path, &options).unwrap();
        assert_eq!(found.bars(), expected);
        assert_eq!(found.timestamps().unwrap()[0], HALF_PAST_NINE);
    }
    let missing = CsvOptions::default()
        .with_columns(ColumnMap::parse(&format!("{},time=begin", maps[0])).unwrap());
    let error = read_parquet(&path, &missing).unwrap_err().to_string();
    assert!(error.contains("no column `begin`"), "{error}");
}

#[test]
fn several_instruments_are_never_one_series() {
    let bars = series(12);
    let (a, b) = bars.split_at(6);
    for (name, stacked) in [
        ("Symbol", true),
        ("Symbol", false),
        ("kennung", true),
        ("kennung", false),
    ] {
        let order: Vec<usize> = if stacked {
            (0..12).collect()
        } else {
            (0..6).flat_map(|index| [index, index + 6]).collect()
        };
        let (_folder, path) = place();
        let minute = |index: &usize| HALF_PAST_NINE + 60 * (*index as i64 % 6);
        let mut all = vec![
            Values::Long(order.iter().map(minute).collect()),
            texts(order.iter().map(|index| if *index < 6 { "A" } else { "B" })),
        ];
        let rows: Vec<_> = order.iter().map(|index| bars[*index]).collect();
        all.extend(prices(&rows));
        write(
            &path,
            &format!("message m {{ required int64 t; required binary {name} (UTF8); {FOUR} }}"),
            PLAIN,
            &[all],
        );
        for skip in [false, true] {
            let options = CsvOptions::default().with_skip_bad_rows(skip);
            let error = read_parquet(&path, &options).unwrap_err().to_string();
            let expected = format!("column `{name}` has 2 values (`A`, `B`)");
            assert!(
                error.contains(&expected) && error.contains("`data.instrument`"),
                "{error}"
            );
        }
        for (instrument, expected) in [("A", a), ("B", b)] {
            let options = CsvOptions::default().with_instrument(instrument.to_owned());
            let (found, _) = read_parquet(&path, &options).unwrap();
            assert_eq!(found.bars(), expected);
        }
        let error = read_parquet(
            &path,
            &CsvOptions::default().with_instrument("C".to_owned()),
        )
        .unwrap_err();
        assert!(error.to_string().contains("has no `C`"), "{error}");
        let (all, report) = read_instruments(&path, &CsvOptions::default()).unwrap();
        assert_eq!((all.len(), report.rows), (2, 12));
        assert_eq!((all[0].bars.bars(), all[1].bars.bars()), (a, b), "{name}");
    }
}

#[test]
fn stamps_of_text_take_the_form_and_the_zone_of_the_settings() {
    let bars = series(2);
    let (_folder, path) = place();
    let mut all = vec![texts(["31.01.2024 10h30", "31.01.2024 10h31"])];
    all.extend(prices(&bars));
    write(
        &path,
        &format!("message m {{ required binary at (UTF8); {FOUR} }}"),
        PLAIN,
        &[all],
    );
    let options = CsvOptions::default()
        .with_columns(ColumnMap::parse("time=at").unwrap())
        .with_time_format("%d.%m.%Y %Hh%M".to_owned())
        .with_time_zone("Europe/Berlin".to_owned());
    let (found, _) = read_parquet(&path, &options).unwrap();
    assert_eq!(
        found.timestamps(),
        Some(&[HALF_PAST_NINE, HALF_PAST_NINE + 60][..])
    );
}
