//! Sees that a file holds one instrument, or chooses the rows of one.

use std::collections::HashMap;

use ::csv::StringRecord;
use jiff::Timestamp;

use super::columns::BarColumns;
use super::options::CsvOptions;
use crate::expansion::bars::columns::names::is_of_time;
use crate::expansion::table::header::{compared, counted};
use crate::expansion::table::quote;
use crate::expansion::table::records::field;

/// The number of values that a message shows.
const SHOWN: usize = 5;
/// The number of values that are counted.
const MOST: usize = 20_000;

/// The end of a message about several instruments, for a column that names none.
pub(crate) const OR_NONE: &str =
    ", or, if the file has one instrument, say so with `data.columns`: `instrument=`";

/// The rows that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rows {
    /// All rows are one series.
    All,
    /// The rows with a value in a column.
    With(usize, String),
    /// The rows of every value of a column are a series.
    Every(usize),
}

impl Rows {
    /// Returns the column that tells the rows apart.
    #[cfg(feature = "parquet")]
    pub(crate) fn column(&self) -> Option<usize> {
        match self {
            Self::All => None,
            Self::With(column, _) | Self::Every(column) => Some(*column),
        }
    }

    /// Returns the rows of the instrument `wanted` with a note, by its exact name before any other letter case. `shown`
    /// names a column in messages. The error is the reason in words.
    pub(crate) fn of_instrument(
        wanted: &str,
        symbols: &[Values],
        options: &CsvOptions,
        shown: impl Fn(usize) -> String,
        notes: &mut Vec<String>,
    ) -> Result<Self, String> {
        let find = |same: &dyn Fn(&str) -> bool| {
            symbols.iter().find_map(|values| {
                let mut all = values.values.iter();
                let (value, rows) = all.find(|(value, _)| same(value))?;
                Some((values.column, value.clone(), *rows))
            })
        };
        let exact = find(&|value| value == wanted);
        let found = exact.or_else(|| find(&|value| value.eq_ignore_ascii_case(wanted)));
        if let Some((column, value, rows)) = found {
            let column_shown = shown(column);
            notes.push(format!(
                "read the {rows} rows with `{value}` in column {column_shown}"
            ));
            return Ok(Self::With(column, value));
        }
        let reason = match symbols.first() {
            Some(values) => values.lacks(&shown(values.column), wanted),
            None => format!(
                "no column names instruments, so `{wanted}`, the `data.instrument`, is not found"
            ),
        };
        if options.of_another_file.instrument {
            notes.push(format!("{reason}; all rows were read"));
            return Ok(Self::All);
        }
        Err(reason)
    }

    /// Returns whether a record is one of the rows.
    pub(crate) fn has(&self, record: &StringRecord) -> bool {
        match self {
            Self::With(column, value) => field(record, *column) == value,
            _ => true,
        }
    }
}

/// The values of one column.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub(crate) column: usize,
    /// The values in the order of their first rows, with the number of rows of each.
    pub(crate) values: Vec<(String, usize)>,
    places: HashMap<String, usize>,
    last: usize,
    rows: usize,
}

impl Values {
    pub(crate) fn of(column: usize) -> Self {
        Self {
            column,
            values: Vec::new(),
            places: HashMap::new(),
            last: 0,
            rows: 0,
        }
    }

    /// Counts a value.
    pub(crate) fn add(&mut self, value: &str) {
        self.rows += 1;
        if let Some((last, count)) = self.values.get_mut(self.last)
            && last == value
        {
            *count += 1;
        } else if let Some(place) = self.places.get(value) {
            self.last = *place;
            self.values[*place].1 += 1;
        } else if self.values.len() < MOST {
            self.last = self.values.len();
            self.places.insert(value.to_owned(), self.last);
            self.values.push((value.to_owned(), 1));
        }
    }

    /// Returns whether the values tell instruments apart: there are several, and not another one in nearly every row.
    pub(crate) fn are_several(&self) -> bool {
        let count = self.values.len();
        count > 1 && (self.rows < 8 || count * 2 <= self.rows)
    }

    /// Returns the message about a file with several instruments.
    pub(crate) fn refuse(&self, name: &str) -> String {
        let known = self.values.iter().map(|(value, _)| quote::value(value));
        let mut shown: Vec<String> = known.take(SHOWN).collect();
        if self.values.len() > SHOWN {
            shown.push("...".into());
        }
        format!(
            "column {name} has {} ({}), but bars of one instrument are expected; choose one with `data.instrument`{OR_NONE}",
            counted(self.values.len(), "value"),
            shown.join(", ")
        )
    }

    /// Returns the note on a column that was not taken for that of the instrument.
    pub(crate) fn passed_over(&self, name: &str) -> String {
        format!(
            "column {name} has another value in nearly every row ({}), so it does not tell instruments apart",
            counted(self.values.len(), "value")
        )
    }

    /// Returns the message about an instrument that the file does not have.
    pub(crate) fn lacks(&self, name: &str, wanted: &str) -> String {
        let known = self.values.iter().map(|(value, _)| quote::value(value));
        let shown: Vec<String> = known.take(SHOWN).collect();
        let more = if self.values.len() > SHOWN {
            ", ..."
        } else {
            ""
        };
        format!(
            "column {name} has no {}, the `data.instrument`; it has {}{more}",
            quote::value(wanted),
            shown.join(", ")
        )
    }
}

/// The order of the rows within each value of a column of text, for a file whose rows are out of order as a whole.
pub(crate) struct Groups {
    values: Values,
    newest_first: bool,
    /// The time stamp of the last row that is in order in the whole file.
    edge: Option<Timestamp>,
    groups: HashMap<String, Group>,
    forward: usize,
    backward: usize,
    equal: usize,
}

/// The rows of one value.
struct Group {
    last: Timestamp,
    rows: usize,
    /// The number of rows that are out of order in the whole file.
    refused: usize,
}

impl Groups {
    pub(crate) fn of(column: usize, newest_first: bool) -> Self {
        Self {
            values: Values::of(column),
            newest_first,
            edge: None,
            groups: HashMap::new(),
            forward: 0,
            backward: 0,
            equal: 0,
        }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, value: &str, stamp: Timestamp) {
        self.values.add(value);
        let follows = |edge: Timestamp| {
            if self.newest_first {
                stamp < edge
            } else {
                stamp > edge
            }
        };
        let refused = self.edge.is_some_and(|edge| !follows(edge));
        if !refused {
            self.edge = Some(stamp);
        }
        if let Some(group) = self.groups.get_mut(value) {
            self.forward += usize::from(stamp > group.last);
            self.backward += usize::from(stamp < group.last);
            self.equal += usize::from(stamp == group.last);
            group.last = stamp;
            group.rows += 1;
            group.refused += usize::from(refused);
        } else {
            let group = Group {
                last: stamp,
                rows: 1,
                refused: usize::from(refused),
            };
            self.groups.insert(value.to_owned(), group);
        }
    }

    /// Returns the values if every value runs in one direction on its own, and the rows that are out of order are whole
    /// values and not a few of their rows. A row in twenty may be out of order there, as it may be in a file of one
    /// instrument.
    pub(crate) fn found(self) -> Option<Values> {
        let steps = self.forward + self.backward;
        let faults = self.equal + self.forward.min(self.backward);
        let mut mixed = (0, 0);
        for group in self.groups.values().filter(|group| group.refused > 0) {
            mixed = (mixed.0 + group.refused, mixed.1 + group.rows);
        }
        let (refused, rows) = mixed;
        let whole = refused > 1 && refused * 5 >= rows;
        let ordered = steps > 0 && faults * 20 <= steps;
        (ordered && whole && self.values.are_several()).then_some(self.values)
    }
}

impl BarColumns {
    /// Returns the name of a column for messages.
    pub(super) fn shown(&self, column: usize) -> String {
        format!("`{}`", self.header.mapped(column))
    }

    /// Returns the value of a column in a row, or `None` where the header is repeated.
    pub(super) fn value<'a>(&self, record: &'a StringRecord, column: usize) -> Option<&'a str> {
        let value = field(record, column);
        let again = compared(value) == self.header.names[column] && self.is_header(record);
        (!again).then_some(value)
    }

    /// Returns the columns that may tell instruments apart where the rows are out of order.
    pub(super) fn grouping(&self) -> Vec<usize> {
        let named = self.symbols.named.iter().chain(&self.symbols.numbers);
        let texts = self.texts.iter().filter(|column| {
            !is_of_time(&self.header.names[**column]) && !self.symbols.named.contains(column)
        });
        named.chain(texts).copied().collect()
    }
}
