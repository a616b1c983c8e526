//! Finds the columns by the names in the header, and explains what is in the header's place if it is none.

use ::csv::StringRecord;

use super::records::Records;
use super::shown;
use crate::error::{Error, Result};

/// The columns every file must have.
const REQUIRED: [&str; 4] = ["open", "high", "low", "close"];
/// The columns that can hold the time stamp or a part of it.
const TIME: [&str; 4] = ["timestamp", "datetime", "date", "time"];
/// What to say when none of these names is there.
const EXPECTED: &str =
    "expected column names with at least `open`, `high`, `low` and `close`, separated by commas";
/// How many records after the first are searched for a header that is merely too far down.
const LOOK_AHEAD: usize = 20;

/// Where the columns are, counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// How many columns the header has.
    pub(super) count: usize,
    /// Open, high, low, close.
    pub(super) prices: [usize; 4],
    /// The time stamp, if there is one.
    pub(super) time: Option<TimeColumn>,
}

/// Where the time stamp is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeColumn {
    /// All in one column.
    One(usize),
    /// The date in the first, the time of day in the second.
    DateAndTime(usize, usize),
}

impl Columns {
    /// Reads the header, which is the first record.
    pub(super) fn find(records: &mut Records) -> Result<Self> {
        if !records.advance()? {
            let reason = "the file is empty; expected a header and rows of prices";
            return Err(Error::file(records.path(), reason));
        }
        let header = Header::new(records.record());
        let line = records.line();
        let found = if header.is_one() {
            header.columns()
        } else {
            let first = records.record().clone();
            Err(explain(&first, line, records))
        };
        found.map_err(|reason| Error::line(records.path(), line, reason))
    }
}

/// A header's names in the form they are compared in.
struct Header {
    names: Vec<String>,
}

impl Header {
    fn new(record: &StringRecord) -> Self {
        Self::of(record.iter())
    }

    fn of<'a>(fields: impl Iterator<Item = &'a str>) -> Self {
        let names = fields
            .map(|field| field.trim().to_ascii_lowercase())
            .collect();
        Self { names }
    }

    /// One known name is enough to call a line a header: then the message can name the columns that are missing.
    fn is_one(&self) -> bool {
        self.names
            .iter()
            .any(|name| REQUIRED.contains(&name.as_str()) || TIME.contains(&name.as_str()))
    }

    fn has_all_required(&self) -> bool {
        REQUIRED
            .iter()
            .all(|name| self.names.iter().any(|other| other == name))
    }

    fn columns(&self) -> Result<Columns, String> {
        let missing: Vec<String> = REQUIRED
            .iter()
            .filter(|name| !self.names.iter().any(|other| other == *name))
            .map(|name| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            return Err(self.lacks(&missing.join(", ")));
        }
        let mut prices = [0; 4];
        for (place, name) in prices.iter_mut().zip(REQUIRED) {
            *place = self.position(name)?.unwrap_or_default();
        }
        Ok(Columns {
            count: self.names.len(),
            prices,
            time: self.time()?,
        })
    }

    fn time(&self) -> Result<Option<TimeColumn>, String> {
        let [timestamp, datetime, date, time] = TIME.map(|name| self.position(name));
        let (date, time) = (date?, time?);
        let both = date
            .zip(time)
            .map(|(date, time)| TimeColumn::DateAndTime(date, time));
        let one = |position: Option<usize>| position.map(TimeColumn::One);
        Ok(one(timestamp?)
            .or(one(datetime?))
            .or(both)
            .or(one(date))
            .or(one(time)))
    }

    /// The only column of a name, or none.
    fn position(&self, name: &str) -> Result<Option<usize>, String> {
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

    fn lacks(&self, missing: &str) -> String {
        let found = shown::line(&StringRecord::from(self.names.clone()));
        format!("the header has no column {missing}; it has {found}")
    }
}

/// Why the first record is not a header.
fn explain(first: &StringRecord, line: u64, records: &mut Records) -> String {
    let text = shown::line(first);
    if let Some(separator) = other_separator(first) {
        return format!("columns are separated by {separator}, expected commas: {text}");
    }
    if is_data(first) {
        return format!("data where the header should be: {text}; {EXPECTED}");
    }
    match header_below(records) {
        Some(below) if below == line + 1 => {
            format!("not a header: {text}; line {below} looks like it: delete line {line}")
        }
        Some(below) => format!(
            "not a header: {text}; line {below} looks like it: delete lines {line} to {}",
            below - 1
        ),
        None => format!("not a header: {text}; {EXPECTED}"),
    }
}

fn other_separator(first: &StringRecord) -> Option<&'static str> {
    let text = first.as_slice();
    [(';', "`;`"), ('\t', "tabs"), ('|', "`|`")]
        .into_iter()
        .find(|(separator, _)| Header::of(text.split(*separator)).has_all_required())
        .map(|(_, name)| name)
}

/// A row of prices is mostly numbers.
fn is_data(first: &StringRecord) -> bool {
    let number = |field: &&str| field.trim().parse::<f64>().is_ok();
    first.iter().filter(number).count() * 2 > first.len()
}

fn header_below(records: &mut Records) -> Option<u64> {
    for _ in 0..LOOK_AHEAD {
        // What is wrong further down does not matter to someone whose first line is not a header.
        if !records.advance().unwrap_or(false) {
            return None;
        }
        if Header::new(records.record()).has_all_required() {
            return Some(records.line());
        }
    }
    None
}
