//! Finds the columns by the names in the header, or explains why there is no header.

use ::csv::StringRecord;

use crate::error::{Error, Result};
use crate::expansion::table::header::{Header, LOOK_AHEAD, SEPARATORS, is_row};
use crate::expansion::table::quote;
use crate::expansion::table::records::{DataStart, field};
use crate::expansion::table::stamp::Stamp;
use crate::expansion::table::text::Text;

/// The required prices, in the order of [`BarColumns::prices`].
pub(crate) const PRICES: [&str; 4] = ["open", "high", "low", "close"];
/// The names of each price, in order of precedence.
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
/// The names of the time stamp, in order of precedence. `date` and `time` are joined if the header has both.
const TIME: [&str; 13] = [
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
    "t",
];
/// The names of the column that names the instrument, in order of precedence.
const SYMBOLS: [&str; 24] = [
    "symbol",
    "symbols",
    "ticker",
    "tickers",
    "instrument",
    "name",
    "ts code",
    "stock code",
    "tic",
    "sym",
    "secid",
    "ric",
    "isin",
    "pair",
    "stock",
    "asset",
    "contract",
    "security",
    "act symbol",
    "tckrsymb",
    "instrument id",
    "permno",
    "code",
    "coin",
];
/// The note for a file without time stamps.
const TIMELESS: &str = "no column with time stamps was found, so gaps between bars cannot be seen";
/// The end of a message about a missing header.
const EXPECTED: &str = "expected column names with at least `open`, `high`, `low` and `close`, separated by commas, semicolons, tabs or `|`";
/// The indices of the columns, from 0.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BarColumns {
    /// The start of the rows, below the header.
    pub(super) place: DataStart,
    /// The number of columns of the header.
    pub(super) count: usize,
    /// The first column without a name.
    index: Option<usize>,
    /// Open, high, low, close.
    pub(super) prices: [usize; 4],
    /// The time stamp, if the file has one.
    pub(super) time: Option<TimeColumn>,
    /// The name of the instrument, if the file has one.
    pub(super) symbol: Option<usize>,
    /// Sentences about the choice for the report.
    pub(super) notes: Vec<String>,
}

/// The place of the time stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeColumn {
    /// One column.
    One(usize),
    /// The date in the first, the time of day in the second.
    DateAndTime(usize, usize),
}

impl BarColumns {
    /// Finds the header and its columns.
    pub(super) fn find(text: &Text) -> Result<Self> {
        let mut columns = Self::look(text)?.ok_or_else(|| explain(text))?;
        let mut records = text.records(&columns.place);
        // A fault of the row is reported when the rows are read.
        if let Ok(true) = records.advance() {
            columns.look_at_index(records.record());
        }
        Ok(columns)
    }

    /// Returns the columns of the header, or `None` if no line is a header.
    pub(super) fn look(text: &Text) -> Result<Option<Self>> {
        let Some(header) = Header::find(text, Header::has_all_prices)? else {
            return Ok(None);
        };
        let mut notes = header.notes();
        let columns = header.columns(&mut notes);
        let (prices, time) =
            columns.map_err(|reason| Error::line(text.path(), header.line, reason))?;
        let symbol = header.symbol();
        Ok(Some(Self {
            symbol,
            place: header.rows,
            count: header.names.len(),
            index: header.names.iter().position(String::is_empty),
            prices,
            time,
            notes,
        }))
    }

    /// Takes a column without a name as the time stamp if no other column is and the first row has a date in it, as
    /// pandas writes an index. A column of numbers would be the number of the row.
    pub(super) fn look_at_index(&mut self, first: &StringRecord) {
        let (None, Some(index)) = (self.time, self.index) else {
            return;
        };
        let stamp = Stamp::parse(field(first, index));
        if matches!(stamp, Some(Stamp::Plain(_) | Stamp::Numeric(_))) {
            self.time = Some(TimeColumn::One(index));
            self.notes.retain(|note| note != TIMELESS);
        }
    }
}

impl Header {
    /// Returns whether the header has all four prices under any of their names.
    fn has_all_prices(&self) -> bool {
        NAMES.iter().all(|names| self.best(names).is_some())
    }

    fn known(&self) -> usize {
        let known = |name: &&String| {
            let name = name.as_str();
            // Single letters and a lone word like `price` are too weak as evidence.
            PRICES.contains(&name) || (name.len() > 1 && TIME.contains(&name))
        };
        self.names.iter().filter(known).count()
    }

    /// Returns the first of several names that the header has.
    fn best(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.has(name))
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|other| other == name)
    }

    pub(crate) fn columns(
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
            notes.push(TIMELESS.into());
        }
        Ok((prices, time))
    }

    /// Returns a note on the column taken as the close, if there was a choice.
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

    /// Returns the column that names the instrument.
    pub(crate) fn symbol(&self) -> Option<usize> {
        let name = self.best(&SYMBOLS)?;
        self.names.iter().position(|other| other == name)
    }

    /// Returns the column of the time stamp, of the date if date and time are separate.
    #[cfg(feature = "parquet")]
    pub(crate) fn time_column(&self) -> Result<Option<usize>, String> {
        Ok(self.time()?.map(|column| match column {
            TimeColumn::One(index) | TimeColumn::DateAndTime(index, _) => index,
        }))
    }
}

/// Returns an error that explains why there is no header.
fn explain(text: &Text) -> Error {
    // Text that is not UTF-8 is the first cause of any other fault.
    let start = DataStart {
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
    let shown = quote::line(&String::from_utf8_lossy(bytes));
    let reason = if is_row(bytes) {
        format!(
            "data where the header should be: {shown}; {EXPECTED}; write such a line above, like \
             `time,open,high,low,close`"
        )
    } else {
        format!("not a header: {shown}; {EXPECTED}")
    };
    Error::line(text.path(), line, reason)
}
