//! Finds the line with the column names, what separates the columns, and the columns; or explains what is in the
//! header's place if there is none.

use std::ops::ControlFlow;

use ::csv::{ReaderBuilder, StringRecord};

use super::shown;
use super::text::{Place, Text};
use crate::error::{Error, Result};

/// The prices every file must have, in the order of [`Columns::prices`].
pub(in crate::expansion) const PRICES: [&str; 4] = ["open", "high", "low", "close"];
/// The names a price may have, the best first.
const NAMES: [&[&str]; 4] = [
    &["open", "open price", "o"],
    &["high", "high price", "h"],
    &["low", "low price", "l"],
    &[
        "close",
        "close price",
        "last",
        "close/last",
        "price",
        "adj close",
        "adjusted close",
        "c",
    ],
];
/// The columns that can hold the time stamp or a part of it. `date` and `time` come together if both are there.
const TIME: [&str; 12] = [
    "timestamp",
    "datetime",
    "date",
    "time",
    "date time",
    "open time",
    "gmt time",
    "local time",
    "time (utc)",
    "date (utc)",
    "unix",
    "unix timestamp",
];
/// What to say when none of these names is there.
const EXPECTED: &str =
    "expected column names with at least `open`, `high`, `low` and `close`, separated by commas";
/// What may separate columns, the likeliest first, and its name.
const SEPARATORS: [(u8, &str); 4] = [
    (b',', "commas"),
    (b';', "semicolons"),
    (b'\t', "tabs"),
    (b'|', "`|`"),
];
/// How many lines that are not blank are searched for the header.
const LOOK_AHEAD: usize = 50;

/// Where the columns are, counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Where the rows begin: below the header.
    pub(super) place: Place,
    /// How many columns the header has.
    pub(super) count: usize,
    /// Open, high, low, close.
    pub(super) prices: [usize; 4],
    /// The time stamp, if there is one.
    pub(super) time: Option<TimeColumn>,
    /// What is worth saying about the choice.
    pub(super) notes: Vec<String>,
}

/// Where the time stamp is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expansion) enum TimeColumn {
    /// All in one column.
    One(usize),
    /// The date in the first, the time of day in the second.
    DateAndTime(usize, usize),
}

impl Columns {
    /// Finds the header and its columns.
    pub(super) fn find(text: &Text) -> Result<Self> {
        let header = Header::find(text, Header::has_all_prices)?.ok_or_else(|| explain(text))?;
        let mut notes = header.notes();
        let columns = header.columns(&mut notes);
        let (prices, time) =
            columns.map_err(|reason| Error::line(text.path(), header.line, reason))?;
        Ok(Self {
            place: header.rows,
            count: header.names.len(),
            prices,
            time,
            notes,
        })
    }
}

/// A line of names in the form they are compared in.
pub(in crate::expansion) struct Header {
    /// The names.
    pub(in crate::expansion) names: Vec<String>,
    /// The line.
    pub(in crate::expansion) line: u64,
    /// Where the rows begin.
    pub(in crate::expansion) rows: Place,
    /// The lines of text above it.
    above: usize,
}

impl Header {
    /// The first line that satisfies `is_one` under some separator, among the first of a file.
    ///
    /// # Errors
    /// [`Error::Line`] if a line above it holds data, [`Error::File`] if the file is empty.
    pub(in crate::expansion) fn find(
        text: &Text,
        is_one: impl Fn(&Self) -> bool,
    ) -> Result<Option<Self>> {
        let mut above = Vec::new();
        let found = text
            .lines()
            .take(LOOK_AHEAD)
            .try_for_each(|(offset, line, bytes)| {
                for (separator, _) in SEPARATORS {
                    let header = Self::of(bytes, offset, line, separator);
                    if is_one(&header) {
                        return ControlFlow::Break(header);
                    }
                }
                above.push((line, bytes));
                ControlFlow::Continue(())
            });
        let ControlFlow::Break(mut header) = found else {
            if above.is_empty() {
                let reason = "the file is empty; expected a header and rows of prices";
                return Err(Error::file(text.path(), reason));
            }
            return Ok(None);
        };
        header.above = above.len();
        for (line, bytes) in above {
            let fields = fields(bytes, header.rows.separator);
            if fields.len() == header.names.len() && is_data(&fields) {
                let reason = format!(
                    "data above the header, which is on line {}: {}",
                    header.line,
                    shown::line(&String::from_utf8_lossy(bytes))
                );
                return Err(Error::line(text.path(), line, reason));
            }
        }
        Ok(Some(header))
    }

    fn of(bytes: &[u8], offset: usize, line: u64, separator: u8) -> Self {
        Self {
            names: fields(bytes, separator)
                .iter()
                .map(|field| compared(field))
                .collect(),
            line,
            rows: Place {
                // Past the line feed, which trimming took off with anything else that is blank: blank records are
                // passed over anyway.
                offset: offset + bytes.len(),
                line,
                separator,
            },
            above: 0,
        }
    }

    /// The names of the columns of a table.
    #[cfg(feature = "parquet")]
    pub(in crate::expansion) fn of_table<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self {
            names: names.map(compared).collect(),
            line: 0,
            rows: Place {
                offset: 0,
                line: 1,
                separator: b',',
            },
            above: 0,
        }
    }

    /// The column of a time stamp, the first of the names there are.
    #[cfg(feature = "parquet")]
    pub(in crate::expansion) fn time_column(&self) -> Result<Option<usize>, String> {
        Ok(self.time()?.map(|column| match column {
            TimeColumn::One(index) | TimeColumn::DateAndTime(index, _) => index,
        }))
    }

    /// What is worth saying about the place of the header.
    pub(in crate::expansion) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.above > 0 {
            notes.push(format!(
                "passed over {} above the header, which is line {}",
                counted(self.above, "line"),
                self.line
            ));
        }
        let separator = SEPARATORS
            .iter()
            .find(|(byte, _)| *byte == self.rows.separator);
        if let Some((separator, name)) = separator
            && *separator != b','
        {
            notes.push(format!("columns are separated by {name}"));
        }
        notes
    }

    fn has_all_prices(&self) -> bool {
        NAMES.iter().all(|names| self.best(names).is_some())
    }

    fn known(&self) -> usize {
        let known = |name: &&String| {
            let name = name.as_str();
            // Single letters and a lone word like `price` are too little to go by.
            PRICES.contains(&name) || TIME.contains(&name)
        };
        self.names.iter().filter(known).count()
    }

    /// The best of several names that the header has.
    fn best(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.has(name))
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|other| other == name)
    }

    pub(in crate::expansion) fn columns(
        &self,
        notes: &mut Vec<String>,
    ) -> Result<([usize; 4], Option<TimeColumn>), String> {
        let missing: Vec<String> = (0..4)
            .filter(|price| self.best(NAMES[*price]).is_none())
            .map(|price| format!("`{}`", PRICES[price]))
            .collect();
        if !missing.is_empty() {
            return Err(self.lacks(&missing.join(", ")));
        }
        let mut prices = [0; 4];
        for (place, names) in prices.iter_mut().zip(NAMES) {
            let name = self.best(names).unwrap_or(names[0]);
            *place = self.position(name)?.unwrap_or_default();
        }
        notes.extend(self.close_note());
        let time = self.time()?;
        if time.is_none() {
            notes.push(
                "no column with time stamps was found, so gaps between bars cannot be seen".into(),
            );
        }
        Ok((prices, time))
    }

    /// Which column is the close, where that is a choice.
    fn close_note(&self) -> Option<String> {
        let names = || NAMES[3].iter().filter(|name| self.has(name));
        let taken = names().next()?;
        let others: Vec<String> = names().skip(1).map(|name| format!("`{name}`")).collect();
        if !others.is_empty() {
            let others = others.join(", ");
            return Some(format!(
                "the close is column `{taken}`; {others} left aside"
            ));
        }
        (*taken != "close" && *taken != "c").then(|| format!("the close is column `{taken}`"))
    }

    fn time(&self) -> Result<Option<TimeColumn>, String> {
        let mut places = [None; TIME.len()];
        for (place, name) in places.iter_mut().zip(TIME) {
            *place = self.position(name)?;
        }
        if let [None, None, Some(date), Some(time), ..] = places {
            return Ok(Some(TimeColumn::DateAndTime(date, time)));
        }
        Ok(places.into_iter().flatten().next().map(TimeColumn::One))
    }

    /// The only column of a name, or none.
    pub(in crate::expansion) fn position(&self, name: &str) -> Result<Option<usize>, String> {
        let mut found = (0..self.names.len()).filter(|&column| self.names[column] == name);
        match (found.next(), found.next()) {
            (Some(first), Some(second)) => Err(format!(
                "the header has two columns `{name}` (columns {} and {}); remove or rename one",
                first + 1,
                second + 1
            )),
            (first, _) => Ok(first),
        }
    }

    /// What to say when names are missing.
    pub(in crate::expansion) fn lacks(&self, missing: &str) -> String {
        let found = shown::line(&self.names.join(","));
        format!("the header has no column {missing}; it has {found}")
    }
}

/// Names differ in case, spaces, and in the decorations of some exporters.
fn compared(field: &str) -> String {
    let plain = field.trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '*'));
    plain.to_lowercase().replace('_', " ")
}

/// The fields of one line.
fn fields(line: &[u8], separator: u8) -> Vec<String> {
    let text = String::from_utf8_lossy(line);
    let mut record = StringRecord::new();
    let read = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes())
        .read_record(&mut record);
    match read {
        Ok(_) => record.iter().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    }
}

/// A row of prices is mostly numbers.
fn is_data(fields: &[String]) -> bool {
    let number = |field: &&String| field.trim().parse::<f64>().is_ok();
    fields.iter().filter(number).count() * 2 > fields.len()
}

/// `3 lines`.
pub(in crate::expansion) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Why there is no header.
fn explain(text: &Text) -> Error {
    // Text that is not UTF-8 explains everything else.
    let start = Place {
        offset: 0,
        line: 1,
        separator: b',',
    };
    if let Err(error) = text.records(&start).advance() {
        return error;
    }
    let candidates = text
        .lines()
        .take(LOOK_AHEAD)
        .flat_map(|(offset, line, bytes)| {
            SEPARATORS.map(|(separator, _)| Header::of(bytes, offset, line, separator))
        });
    let mut best: Option<Header> = None;
    for header in candidates {
        if header.known() > best.as_ref().map_or(0, Header::known) {
            best = Some(header);
        }
    }
    if let Some(header) = best {
        let missing = header.columns(&mut Vec::new());
        let reason = missing.err().unwrap_or_else(|| EXPECTED.to_owned());
        return Error::line(text.path(), header.line, reason);
    }
    let (line, bytes) = text
        .lines()
        .next()
        .map_or((1, &b""[..]), |(_, line, bytes)| (line, bytes));
    let shown = shown::line(&String::from_utf8_lossy(bytes));
    let reason = if is_data(&fields(bytes, b',')) {
        format!("data where the header should be: {shown}; {EXPECTED}")
    } else {
        format!("not a header: {shown}; {EXPECTED}")
    };
    Error::line(text.path(), line, reason)
}
