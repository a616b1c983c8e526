//! Reads the rows of a file of marked expansions as text, and gives each row to its instrument.

use ::csv::StringRecord;

use crate::error::{Error, Result};
use crate::expansion::bars::symbol_column;
use crate::expansion::table::header::Header;
use crate::expansion::table::quote;
use crate::expansion::table::records::field;
use crate::expansion::table::text::Text;

/// The names of the three columns, in order of precedence.
const NAMES: [&[&str]; 3] = [
    &["start", "start time", "begin", "from"],
    &["end", "end time", "to"],
    &["type", "label", "class", "kind"],
];
/// The names of a column that may name each mark instead of its instrument.
const MARK_NAMES: [&str; 2] = ["name", "code"];
/// The largest number of instruments that a message names.
const NAMED: usize = 8;

/// The rows of a file, as text.
pub(super) struct MarkRows {
    pub(super) rows: Vec<MarkRow>,
    /// The name of the column that names the instruments.
    column: Option<String>,
    /// The line of the header.
    line: u64,
}

/// The name of an instrument whose marks are wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    /// Whether the bars say that this is the instrument; otherwise the name is that of their file.
    pub(super) known: bool,
}

/// The rows of every instrument, with notes.
pub(super) struct Shared {
    pub(super) rows: Vec<Vec<MarkRow>>,
    /// The rows of instruments that are not wanted.
    pub(super) others: Vec<MarkRow>,
    pub(super) notes: Vec<String>,
}

impl Shared {
    /// Gives all rows to the only instrument.
    fn all(rows: Vec<MarkRow>) -> Self {
        Self {
            rows: vec![rows],
            others: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// A row as text.
pub(super) struct MarkRow {
    pub(super) line: u64,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) kind: String,
    /// The name of the instrument, empty without a column for it.
    instrument: String,
}

impl MarkRows {
    pub(super) fn read(text: &Text) -> Result<Self> {
        let best = |header: &Header, names: &[&'static str]| {
            let has = |name: &&'static str| header.names.iter().any(|other| other == name);
            names.iter().copied().find(has)
        };
        let header = Header::find(text, NAMES.len(), |header| {
            NAMES.iter().all(|names| best(header, names).is_some())
        })?;
        let Some(header) = header else {
            let line = text.lines().next();
            let (number, found) = line.map_or((1, &b""[..]), |(_, number, line)| (number, line));
            let found = quote::line(&String::from_utf8_lossy(found));
            let reason = format!(
                "expected a header with the columns `start`, `end` and `type`, found {found}"
            );
            return Err(Error::line(text.path(), number, reason));
        };
        let mut columns = [0; 3];
        for (column, names) in columns.iter_mut().zip(NAMES) {
            let name = best(&header, names).unwrap_or(names[0]);
            *column = header
                .position(name)
                .map_err(|reason| Error::line(text.path(), header.line, reason))?
                .unwrap_or_default();
        }
        let symbol = symbol_column(&header).filter(|place| !columns.contains(place));
        let mut rows = Vec::new();
        let mut records = text.records(&header.rows);
        while records.advance()? {
            let row = MarkRow::new(records.record(), records.line(), columns, symbol);
            rows.push(row);
        }
        if rows.is_empty() {
            return Err(Error::file(
                text.path(),
                "a header, but no expansion below it",
            ));
        }
        Ok(Self {
            rows,
            column: symbol.map(|place| header.names[place].clone()),
            line: header.line,
        })
    }

    /// Gives every row to its instrument.
    pub(super) fn share(self, text: &Text, wanted: &[Wanted]) -> Result<Shared> {
        match (&self.column, wanted) {
            (None, [_]) => Ok(Shared::all(self.rows)),
            (None, _) => {
                let named: Vec<&str> = wanted.iter().map(|one| one.name).take(NAMED).collect();
                let reason = format!(
                    "names no instrument, and the bars are those of {} ({}{}); add a column `instrument` with the instrument of \
                     each row",
                    wanted.len(),
                    named.join(", "),
                    if wanted.len() > NAMED { ", ..." } else { "" }
                );
                Err(Error::line(text.path(), self.line, reason))
            }
            (Some(column), [one]) if !one.known && self.of(one.name) == 0 => {
                let column = column.clone();
                self.of_the_only(text, &column, one.name)
            }
            (Some(_), _) => self.by_name(text, wanted),
        }
    }

    /// Gives all rows to the only instrument, whose name is not known, if they are of one instrument.
    fn of_the_only(self, text: &Text, column: &str, name: &str) -> Result<Shared> {
        let mut named: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !named.contains(&row.instrument.as_str()) {
                named.push(&row.instrument);
            }
        }
        // A name that no two rows share may be that of the mark.
        let of_marks = MARK_NAMES.contains(&column) && named.len() == self.rows.len();
        if named.len() > 1 && !of_marks {
            let shown: Vec<String> = named.iter().take(NAMED).map(|n| quote::value(n)).collect();
            let reason = format!(
                "column `{column}` names {} instruments ({}{}), and the bars do not say which is theirs: none is {}, the name \
                 of their file; keep the rows of the instrument, or give the file its name",
                named.len(),
                shown.join(", "),
                if named.len() > NAMED { ", ..." } else { "" },
                quote::value(name)
            );
            return Err(Error::line(text.path(), self.line, reason));
        }
        let note = format!(
            "column `{column}` of {} was ignored, because none of its values is {name}",
            text.path().display()
        );
        Ok(Shared {
            notes: vec![note],
            ..Shared::all(self.rows)
        })
    }

    /// Returns the number of rows of an instrument.
    fn of(&self, name: &str) -> usize {
        let rows = self.rows.iter();
        rows.filter(|row| row.instrument == name).count()
    }

    fn by_name(self, text: &Text, wanted: &[Wanted]) -> Result<Shared> {
        let mut rows: Vec<Vec<MarkRow>> = wanted.iter().map(|_| Vec::new()).collect();
        let mut others = Vec::new();
        for row in self.rows {
            match wanted.iter().position(|one| one.name == row.instrument) {
                Some(place) => rows[place].push(row),
                None => others.push(row),
            }
        }
        let count = others.len();
        let first = others.first().map_or("", |row| row.instrument.as_str());
        let first = quote::value(first);
        if rows.iter().all(Vec::is_empty) {
            let reason = format!(
                "none of {count} marked expansions is of an instrument whose bars are read; the first is of {first}"
            );
            return Err(Error::file(text.path(), reason));
        }
        let note = format!(
            "left out {count} marked expansions of instruments whose bars are not read; the first is of {first}"
        );
        let notes = if count > 0 { vec![note] } else { Vec::new() };
        Ok(Shared {
            rows,
            others,
            notes,
        })
    }
}

impl MarkRow {
    /// Returns start and end with the line.
    pub(super) fn ends(&self) -> [(&str, u64); 2] {
        [(&self.start, self.line), (&self.end, self.line)]
    }

    fn new(
        record: &StringRecord,
        line: u64,
        [start, end, kind]: [usize; 3],
        symbol: Option<usize>,
    ) -> Self {
        let text = |column| field(record, column).to_owned();
        Self {
            line,
            start: text(start),
            end: text(end),
            kind: text(kind),
            instrument: symbol.map(text).unwrap_or_default(),
        }
    }
}
