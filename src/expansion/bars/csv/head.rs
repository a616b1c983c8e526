//! Reads the header of a file: the line with the names, and the lines below it that belong to it.

use std::collections::{HashMap, HashSet};

use ::csv::StringRecord;

use crate::error::Result;
use crate::expansion::bars::ColumnMap;
use crate::expansion::bars::columns::look::is_number;
use crate::expansion::bars::columns::{PRICES, has_mapped, names, prices};
use crate::expansion::table::header::{
    Header, LOOK_AHEAD, SEPARATORS, compared, counted, fields, is_row,
};
use crate::expansion::table::records::{DataStart, field};
use crate::expansion::table::text::Text;

/// The largest number of lines of a header below the line with the names.
const MORE: u64 = 2;

/// The header of a file.
#[derive(Debug)]
pub(super) struct Head {
    /// The names.
    pub(super) header: Header,
    /// Sentences about the header for the report.
    pub(super) notes: Vec<String>,
    /// The instruments of the columns, and the line that names them.
    tickers: Option<(Vec<String>, u64)>,
    /// The last line of the header.
    pub(super) last: u64,
    /// The columns of other instruments than the chosen one.
    pub(super) left_aside: Vec<usize>,
}

impl Head {
    /// Finds the line with the names of the prices, or of the columns of a map. Returns `None` if there is none.
    pub(super) fn find(text: &Text, map: &ColumnMap) -> Result<Option<Self>> {
        let numbered = map.named().any(|(_, name)| name.starts_with('#'));
        if numbered && map.has_prices() {
            return Ok(Self::by_number(text));
        }
        let header = if map.has_prices() {
            Header::find(text, 1, |header| has_mapped(header, map))
        } else {
            Header::find(text, PRICES.len(), prices::has_all)
        };
        Ok(header?.map(Self::of))
    }

    fn of(header: Header) -> Self {
        Self {
            notes: header.notes(),
            last: header.line,
            header,
            tickers: None,
            left_aside: Vec::new(),
        }
    }

    /// Returns the head of a file whose columns are named by number: the last line of as many fields above the first
    /// row, if there is one. Returns `None` if there is no row.
    fn by_number(text: &Text) -> Option<Self> {
        let mut lines = text.lines().take(LOOK_AHEAD);
        let row = lines.find(|(_, _, bytes)| is_row(bytes))?;
        let separator = most_fields(row.2);
        let count = fields(row.2, separator).len();
        let above = text.lines().take_while(|(_, line, _)| *line < row.1);
        let headers = above.map(|(offset, line, bytes)| Header::of(bytes, offset, line, separator));
        let names = headers.filter(|header| header.names.len() == count).last();
        Some(match names {
            Some(header) => Self::of(header),
            None => Self::without_names_at(row, separator),
        })
    }

    /// Returns the head of a file that begins with a row.
    pub(super) fn without_names(text: &Text, separator: u8) -> Self {
        let first = text.lines().next().unwrap_or((0, 1, b""));
        Self::without_names_at(first, separator)
    }

    /// Returns the head of rows without names, whose first line has this place and text.
    fn without_names_at((offset, line, bytes): (usize, u64, &[u8]), separator: u8) -> Self {
        let rows = DataStart {
            offset,
            line,
            separator,
        };
        let header = Header::without_names(fields(bytes, separator).len(), rows);
        Self {
            last: 0,
            ..Self::of(header)
        }
    }

    /// Takes a line below the names that belongs to the header: the instruments of the columns, or the name of the
    /// index.
    pub(super) fn take(&mut self, record: &StringRecord, line: u64) -> bool {
        let header = &self.header;
        let prices: Vec<usize> = (0..header.names.len())
            .filter(|column| prices::is_price(&header.names[*column]) && *column > 0)
            .collect();
        if line > header.line + MORE || record.len() != header.names.len() || prices.is_empty() {
            return false;
        }
        let cells = || prices.iter().map(|column| field(record, *column));
        let first = compared(field(record, 0));
        if cells().all(str::is_empty) && names::TIME.contains(&first.as_str()) {
            self.header.names[0] = first;
            self.header.written[0] = field(record, 0).to_owned();
        } else if cells().all(|cell| !cell.is_empty() && !is_number(cell)) && is_label(&first) {
            let tickers = record.iter().map(|cell| cell.trim().to_owned()).collect();
            self.tickers = Some((tickers, line));
        } else {
            return false;
        }
        self.last = line;
        true
    }

    /// Leaves the columns of one instrument, and returns `true`, if the file has several side by side. The error is the
    /// reason in words.
    pub(super) fn choose(&mut self, instrument: Option<&str>) -> Result<bool, String> {
        if self.last > self.header.line {
            let lines = counted((self.last - self.header.line) as usize + 1, "line");
            self.notes.push(format!("the header has {lines}"));
        }
        let side_by_side = self.side_by_side();
        let [_, _, ..] = side_by_side[..] else {
            return Ok(false);
        };
        let chosen = instrument.and_then(|name| side_by_side.iter().find(|other| *other == name));
        let Some(chosen) = chosen else {
            let names: Vec<String> = side_by_side
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            return Err(format!(
                "the file has {} instruments side by side, {}; bars of one are expected: choose one with \
                 `data.instrument`",
                names.len(),
                names.join(", ")
            ));
        };
        let (tickers, _) = self.tickers.as_ref().ok_or("no instruments")?;
        let others: HashSet<&String> = side_by_side.iter().filter(|name| *name != chosen).collect();
        for (column, ticker) in tickers.iter().enumerate() {
            if others.contains(ticker) {
                self.header.names[column].clear();
                self.header.written[column].clear();
                self.left_aside.push(column);
            }
        }
        self.notes
            .push(format!("the columns are those of `{chosen}`"));
        Ok(true)
    }

    /// Returns the instruments whose prices stand side by side, in the order of the columns.
    pub(super) fn side_by_side(&mut self) -> Vec<String> {
        if self.tickers.is_none()
            && let Some(above) = &self.header.above_fields
        {
            let tickers = above.iter().map(|cell| cell.trim().to_owned()).collect();
            self.tickers = Some((tickers, self.header.line));
        }
        let Some((tickers, _)) = &mut self.tickers else {
            return Vec::new();
        };
        spread(tickers, &self.header.names);
        let (mut found, mut known) = (Vec::new(), HashSet::new());
        for (name, ticker) in self.header.names.iter().zip(tickers).skip(1) {
            if prices::is_price(name) && !ticker.is_empty() && known.insert(ticker.clone()) {
                found.push(ticker.clone());
            }
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for name in &self.header.names {
            *counts.entry(name).or_default() += 1;
        }
        // Columns of one name for every instrument, or the second line names something else.
        let twice = |name: &String| prices::is_price(name) && counts[name.as_str()] == found.len();
        if found.len() > 1 && !self.header.names.iter().any(twice) {
            return Vec::new();
        }
        found
    }

    /// Returns the place in `instruments` of each column's instrument, `None` for a column of none of them.
    pub(super) fn owners(&self, instruments: &[String]) -> Vec<Option<usize>> {
        let places: HashMap<&str, usize> = (0..)
            .zip(instruments)
            .map(|(i, name)| (name.as_str(), i))
            .collect();
        let tickers = self
            .tickers
            .as_ref()
            .map_or(&[][..], |(tickers, _)| tickers);
        let owner = |column: usize| places.get(tickers.get(column)?.as_str()).copied();
        (0..self.header.names.len()).map(owner).collect()
    }
}

/// Gives the name in a cell that was merged over several columns to all of them: the columns to the right whose cells
/// are empty, up to the next name.
fn spread(tickers: &mut [String], names: &[String]) {
    let mut last = String::new();
    for (ticker, name) in tickers.iter_mut().zip(names).skip(1) {
        if !ticker.is_empty() {
            last.clone_from(ticker);
        } else if !name.is_empty() {
            ticker.clone_from(&last);
        }
    }
}

/// Returns whether the first cell of a line names what the line holds, or nothing.
fn is_label(first: &str) -> bool {
    first.is_empty() || (first.chars().any(char::is_alphabetic) && !is_number(first))
}

/// Returns the separator that gives a line the most fields.
pub(super) fn most_fields(line: &[u8]) -> u8 {
    let count = |separator: u8| fields(line, separator).len();
    let separators = SEPARATORS.map(|(separator, _)| separator);
    let best = separators
        .into_iter()
        .rev()
        .max_by_key(|separator| count(*separator));
    best.unwrap_or(b',')
}
