//! A file with the columns of several instruments side by side is read as each of them is read alone.

use std::fmt::Write;
use std::path::Path;

use equipoise::expansion::bars::{Bar, Bars, CsvOptions, CsvReport, read_csv, read_instruments};
use proptest::prelude::*;

/// A file: the kind of its header, the end of its lines, and its cells as text, by row, instrument and column.
#[derive(Clone, Debug)]
struct Sheet {
    instruments: usize,
    header: usize,
    separator: char,
    end: &'static str,
    finished: bool,
    /// The form of the dates in the first column: none, digits, or with letters.
    dates: usize,
    /// Whether the last instrument has a column of times of day.
    clock: bool,
    /// The text in every column of a line below the rows, if there is one.
    footer: Option<&'static str>,
    /// Whether there is a column of text that belongs to no instrument.
    venue: bool,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    prices: Vec<f64>,
    /// The instrument and the text in place of its prices.
    odd: Option<(usize, &'static str)>,
    blank_above: bool,
    /// Whether the row ends with a further empty field.
    longer: bool,
}

const COLUMNS: [&str; 5] = ["Open", "High", "Low", "Close", "Volume"];

impl Sheet {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        let repeated = |names: &dyn Fn(usize, &str) -> String| {
            let columns = |one| {
                COLUMNS
                    .into_iter()
                    .chain(self.has_clock(one).then_some("Last"))
            };
            let of = |one| columns(one).map(move |column| (one, column));
            let cells = (0..self.instruments).flat_map(of);
            cells
                .map(|(one, column)| names(one, column))
                .collect::<Vec<_>>()
        };
        let names = repeated(&|_, column| column.to_owned());
        let tickers = repeated(&|one, _| name(one));
        let merged = repeated(&|one, column| match column {
            "Open" => name(one),
            _ => String::new(),
        });
        match self.header {
            0 => lines.extend([self.line("Price", &names), self.line("Ticker", &tickers)]),
            1 => lines.extend([self.line("Ticker", &tickers), self.line("Date", &names)]),
            2 => lines.extend([self.line("", &merged), self.line("Date", &names)]),
            _ => {
                lines.push("prices of a few companies".to_owned());
                lines.extend([self.line("Price", &names), self.line("Ticker", &tickers)]);
                lines.push(self.line("Date", &vec![String::new(); names.len()]));
            }
        }
        for (day, row) in self.rows.iter().enumerate() {
            if row.blank_above {
                lines.push(String::new());
            }
            let cells = (0..self.instruments).flat_map(|one| row.cells(one, self.has_clock(one)));
            let date = jiff::civil::date(2024, 1, 2) + jiff::Span::new().days(day as i64);
            let date = match self.dates {
                0 => String::new(),
                1 => date.to_string(),
                _ => format!("{date}T00:00:00Z"),
            };
            let mut line = self.line_of(&date, &cells.collect::<Vec<_>>(), true);
            if row.longer {
                line.push(self.separator);
            }
            lines.push(line);
        }
        if let Some(footer) = self.footer {
            lines.push(self.line_of(footer, &vec![footer.to_owned(); names.len()], true));
        }
        let mut text = lines.join(self.end);
        if self.finished {
            text.push_str(self.end);
        }
        text
    }

    fn has_clock(&self, instrument: usize) -> bool {
        self.clock && instrument + 1 == self.instruments
    }

    fn line(&self, first: &str, cells: &[String]) -> String {
        self.line_of(first, cells, false)
    }

    fn line_of(&self, first: &str, cells: &[String], is_row: bool) -> String {
        let mut line = first.to_owned();
        // Left of all instruments, so that it belongs to none.
        if self.venue {
            let venue = match first {
                "Price" | "Date" => "venue",
                "Ticker" => "",
                "" if !is_row => "",
                _ => "\"New \"\"York\"\"\"",
            };
            write!(line, "{}{venue}", self.separator).unwrap();
        }
        for cell in cells {
            write!(line, "{}{cell}", self.separator).unwrap();
        }
        line
    }
}

impl Row {
    fn cells(&self, instrument: usize, clock: bool) -> Vec<String> {
        let price = self.prices[instrument];
        let mut cells = match self.odd {
            Some((odd, text)) if odd == instrument => vec![text.to_owned(); 5],
            _ => [price, price + 1.0, price - 1.0, price + 0.5, 7.0]
                .map(|price| price.to_string())
                .into(),
        };
        cells.extend(clock.then(|| "09:30".to_owned()));
        cells
    }
}

fn name(instrument: usize) -> String {
    ["AAPL", "BRK.B", "\"Ü, AG\"", "msft"][instrument].to_owned()
}

/// A row, whose prices are in order `ordinary` times as often as odd.
fn row(ordinary: u32) -> impl Strategy<Value = Row> {
    let odd = prop_oneof![
        ordinary => Just(None),
        1 => (0..4usize, prop::sample::select(vec!["", "nan", "x", "-1"])).prop_map(Some),
    ];
    let rare = || prop::bool::weighted(0.03);
    (prop::collection::vec(10.0..20.0f64, 4), odd, rare(), rare()).prop_map(
        |(prices, odd, blank_above, longer)| Row {
            prices: prices
                .into_iter()
                .map(|price| (price * 8.0).round() / 8.0)
                .collect(),
            odd,
            blank_above,
            longer,
        },
    )
}

fn sheet() -> impl Strategy<Value = Sheet> {
    // The first row may be taken for a line of the header.
    let first = prop_oneof![2 => row(12), 1 => row(1)];
    let rows = (first, prop::collection::vec(row(12), 0..30)).prop_map(|(first, mut rows)| {
        rows.insert(0, first);
        rows
    });
    let form = (
        0..4usize,
        prop::sample::select(vec![',', ';', '\t']),
        any::<bool>(),
        any::<bool>(),
    );
    let footer = prop_oneof![
        4 => Just(None),
        1 => prop::sample::select(vec!["", "x", "end of data"]).prop_map(Some),
    ];
    let columns = (0..3usize, any::<bool>(), any::<bool>());
    (2..=4usize, form, columns, footer, rows).prop_map(
        |(
            instruments,
            (header, separator, crlf, finished),
            (dates, venue, clock),
            footer,
            rows,
        )| {
            Sheet {
                instruments,
                header,
                separator,
                end: if crlf { "\r\n" } else { "\n" },
                finished,
                dates,
                clock,
                footer,
                venue,
                rows,
            }
        },
    )
}

/// Name, bars and times of each instrument, and the report; or the message.
type Told = Result<(Vec<Part>, CsvReport), String>;
type Part = (String, Vec<Bar>, Option<Vec<i64>>);

fn part(name: &str, bars: &Bars) -> Part {
    let times = bars.timestamps().map(<[i64]>::to_vec);
    (name.to_owned(), bars.bars().to_vec(), times)
}

fn together(path: &Path, options: &CsvOptions) -> Told {
    let read = read_instruments(path, options);
    let (instruments, report) = read.map_err(|error| error.to_string())?;
    let parts = instruments.iter().map(|one| part(&one.name, &one.bars));
    Ok((parts.collect(), report))
}

fn alone(path: &Path, names: &[String], options: &CsvOptions) -> Told {
    let (mut parts, mut all) = (Vec::new(), CsvReport::default());
    for name in names {
        let options = options.clone().with_instrument(name.clone());
        let (bars, report) = read_csv(path, &options).map_err(|error| error.to_string())?;
        parts.push(part(name, &bars));
        let notes = report.notes.into_iter();
        all.notes
            .extend(notes.map(|note| format!("{name}: {note}")));
        all.rows += report.rows;
        all.dropped += report.dropped;
        all.copies += report.copies;
        all.mended += report.mended;
        all.first_dropped = all.first_dropped.or(report.first_dropped);
    }
    Ok((parts, all))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn an_instrument_among_others_is_read_as_alone(sheet in sheet(), skip in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.csv");
        std::fs::write(&path, sheet.text()).unwrap();
        let options = CsvOptions::default().with_skip_bad_rows(skip);
        let found = together(&path, &options);
        let names: Vec<String> = (0..sheet.instruments).map(|one| name(one).replace('"', "")).collect();
        if let Ok((parts, ..)) = &found && parts.len() > 1 {
            let found: Vec<&String> = parts.iter().map(|(name, ..)| name).collect();
            prop_assert_eq!(found, names.iter().collect::<Vec<_>>());
        }
        prop_assert_eq!(found, alone(&path, &names, &options));
    }
}

/// An instrument that is no longer traded has no prices in the last row, which is a fault; a line with a single value is
/// none.
#[test]
fn the_last_row_of_one_instrument_is_read_as_alone() {
    let head = "Price,Open,High,Low,Close,Open,High,Low,Close\nTicker,A,A,A,A,B,B,B,B\n";
    let rows = "2024-01-02,1,2,0.5,1.5,1,2,0.5,1.5\n2024-01-03,1,2,0.5,1.5,1,2,0.5,1.5\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sheet.csv");
    for (last, whole) in [
        ("2024-01-04,,,,,1,2,0.5,1.5\n", false),
        ("2024-01-04,,,,,,,,\n", true),
        ("end,,,,,,,,\n", true),
    ] {
        std::fs::write(&path, format!("{head}{rows}{last}")).unwrap();
        for skip in [false, true] {
            let options = CsvOptions::default().with_skip_bad_rows(skip);
            let found = together(&path, &options);
            assert_eq!(found.is_ok(), whole || skip, "{last}");
            assert_eq!(
                found,
                alone(&path, &["A".into(), "B".into()], &options),
                "{last}"
            );
        }
    }
}
