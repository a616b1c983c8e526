//! The columns of the prices are those that the header and the values show, or the message names every order that fits.

use equipoise::expansion::bars::{Bar, ColumnMap, CsvOptions};

use super::exporters::{bars, read, stream};
use super::mapping::maps;

fn plain() -> CsvOptions {
    CsvOptions::default()
}

fn map(text: &str) -> CsvOptions {
    plain().with_columns(ColumnMap::parse(text).unwrap())
}

fn row(index: usize, bar: &Bar, order: &str) -> String {
    let price = |c| match c {
        'o' => bar.open,
        'h' => bar.high,
        'l' => bar.low,
        _ => bar.close,
    };
    let prices: Vec<String> = order.chars().map(|c| price(c).to_string()).collect();
    format!(
        "2024-01-02 {:02}:{:02},{}\n",
        index / 60,
        index % 60,
        prices.join(",")
    )
}

fn rows(bars: &[Bar], order: &str) -> String {
    let all = bars.iter().enumerate();
    all.map(|(index, bar)| row(index, bar, order)).collect()
}

#[test]
fn a_header_of_another_order_in_the_middle_is_refused() {
    let all = bars(80);
    let (before, after) = all.split_at(60);
    for (header, again, order) in [
        (
            "time,open,high,low,close\n",
            "time,close,high,low,open\n",
            "chlo",
        ),
        (
            "time,open,high,low,close\n",
            "Time,Open,High,Low,Close,Volume\n",
            "ohlc",
        ),
        (
            "zeit,eins,zwei,drei,vier\n",
            "zeit,vier,zwei,drei,eins\n",
            "chlo",
        ),
        ("", "time,close,high,low,open\n", "chlo"),
    ] {
        let options = if header.starts_with("zeit") {
            map("time=zeit,open=eins,high=zwei,low=drei,close=vier")
        } else {
            plain()
        };
        let text = format!(
            "{header}{}{again}{}",
            rows(before, "ohlc"),
            rows(after, order)
        );
        let line = format!("line {}", 61 + header.lines().count());
        for error in [
            read(&text, &options.clone().with_skip_bad_rows(true)).unwrap_err(),
            read(&text, &options).unwrap_err(),
            stream(&text, &options).unwrap_err(),
        ] {
            assert!(
                error.contains(&line) && error.contains("names of columns again"),
                "{error}"
            );
        }
        // The same order again is passed over.
        let text = format!("{header}{}{header}", rows(before, "ohlc"));
        let later = rows(&all, "ohlc");
        let later: Vec<&str> = later.lines().skip(60).collect();
        let text = format!("{text}{}\n", later.join("\n"));
        assert_eq!(read(&text, &options).unwrap().0.bars(), all);
        assert_eq!(stream(&text, &options).unwrap().len(), 80);
    }
}

/// A stream without a header takes the usual order, and stops where the rows contradict it.
#[test]
fn a_stream_without_a_header_sees_that_the_order_is_wrong() {
    let all = bars(60);
    assert_eq!(stream(&rows(&all, "ohlc"), &plain()).unwrap().len(), 60);
    let text = rows(&all, "chlo");
    let (found, _) = read(&text, &plain()).unwrap();
    assert_eq!(found.bars(), all);
    let error = stream(&text, &plain()).unwrap_err();
    assert!(error.contains("line 20"), "{error}");
    let right = "time=#1,open=#5,high=#3,low=#4,close=#2";
    assert_eq!(
        maps(&error),
        ["time=#1,open=#2,high=#3,low=#4,close=#5", right],
        "{error}"
    );
    let lines = stream(&text, &map(right)).unwrap();
    assert_eq!(
        lines.into_iter().map(|(bar, _)| bar).collect::<Vec<_>>(),
        all
    );
    // A map is not doubted.
    assert_eq!(
        stream(&text, &map("time=#1,open=#2,high=#3,low=#4,close=#5"))
            .unwrap()
            .len(),
        60
    );
}

/// Gaps between the bars hide which of two columns is the open.
#[test]
fn an_order_that_gaps_hide_is_refused_with_both() {
    let sparse: Vec<Bar> = bars(40)
        .iter()
        .enumerate()
        .map(|(index, bar)| {
            let factor = 1.0 + 0.5 * (index as f64 * 1.7).sin();
            let [open, high, low, close] =
                [bar.open, bar.high, bar.low, bar.close].map(|price| price * factor);
            Bar {
                open,
                high,
                low,
                close,
            }
        })
        .collect();
    for order in ["ohlc", "chlo", "lohc"] {
        let text = rows(&sparse, order);
        let error = read(&text, &plain()).unwrap_err();
        let maps = maps(&error);
        assert_eq!(maps.len(), 2, "{error}");
        let fitting = maps
            .iter()
            .filter(|text| read(&rows(&sparse, order), &map(text)).unwrap().0.bars() == sparse);
        assert_eq!(fitting.count(), 1, "{error}");
    }
}

/// Names that nobody knows: the suggestion knows the direction of time.
#[test]
fn a_suggestion_knows_the_direction_of_time() {
    let all = bars(40);
    let backwards: String = rows(&all, "ohlc")
        .lines()
        .rev()
        .map(|line| format!("{line}\n"))
        .collect();
    for content in [rows(&all, "ohlc"), backwards] {
        let error = read(&format!("d,anfang,oben,unten,ende\n{content}"), &plain()).unwrap_err();
        assert_eq!(
            maps(&error),
            ["open=anfang,high=oben,low=unten,close=ende"],
            "{error}"
        );
    }
}

/// One column by its number, beside names; and lines of text above columns that all have numbers.
#[test]
fn numbers_of_columns_fit_every_file() {
    let all = bars(40);
    let text = rows(&all, "ohlc");
    let none = plain();
    let named = format!("a title\n,open,high,low,close\n{text}");
    for (content, options) in [
        (named.clone(), map("time=#1")),
        (named, map("time=#1,open=#2,high=#3,low=#4,close=#5")),
        (text.clone(), map("time=#1")),
        (
            format!("a title, and more\nof it\n{text}"),
            map("time=#1,open=#2,high=#3,low=#4,close=#5"),
        ),
        (text, none),
    ] {
        let (found, _) = read(&content, &options).unwrap();
        assert_eq!(found.bars(), all, "{content}");
        assert_eq!(found.timestamps().unwrap()[0], 1_704_153_600);
        assert_eq!(stream(&content, &options).unwrap().len(), 40);
    }
}

/// A spreadsheet merges the cells of a name over its columns.
#[test]
fn merged_cells_name_all_their_columns() {
    let all = bars(20);
    let cells = |bar: &Bar, factor: f64| {
        [bar.open, bar.high, bar.low, bar.close]
            .map(|price| (price * factor).to_string())
            .join(",")
    };
    let row = |(index, bar): (usize, &Bar)| {
        format!(
            "2024-01-02 00:{index:02},{},{}\n",
            cells(bar, 1.0),
            cells(bar, 2.0)
        )
    };
    let rows: String = all.iter().enumerate().map(row).collect();
    let text = format!(",AAPL,,,,MSFT,,,\nDate,Open,High,Low,Close,Open,High,Low,Close\n{rows}");
    for error in [
        read(&text, &plain()).unwrap_err(),
        stream(&text, &plain()).unwrap_err(),
    ] {
        assert!(
            error.contains("`AAPL`, `MSFT`") && error.contains("`data.instrument`"),
            "{error}"
        );
    }
    for (name, factor) in [("AAPL", 1.0), ("MSFT", 2.0)] {
        let options = plain().with_instrument(name.to_owned());
        assert_eq!(
            read(&text, &options).unwrap().0.bars()[3].open,
            all[3].open * factor
        );
        assert_eq!(stream(&text, &options).unwrap().len(), 20);
    }
}
