//! Finds the line with the column names and the separator of the columns.

use std::ops::ControlFlow;

use ::csv::StringRecord;

use super::quote;
use super::quoted::Quoted;
use super::records::DataStart;
use super::text::Text;
use crate::error::{Error, Result};

/// The separators of columns, the most likely first, and their names.
pub(crate) const SEPARATORS: [(u8, &str); 4] = [
    (b',', "commas"),
    (b';', "semicolons"),
    (b'\t', "tabs"),
    (b'|', "`|`"),
];
/// The number of lines, blank lines not counted, that are searched for the header.
pub(crate) const LOOK_AHEAD: usize = 50;

/// A line of column names, normalised for comparison.
#[derive(Debug)]
pub(crate) struct Header {
    /// The normalised names.
    pub(crate) names: Vec<String>,
    /// The names as they are written, trimmed.
    pub(crate) written: Vec<String>,
    /// The number of the line, from 1.
    pub(crate) line: u64,
    /// The start of the rows.
    pub(crate) rows: DataStart,
    /// The number of lines of text above the header.
    above: usize,
    /// The fields of the line above the header, if it has as many.
    pub(crate) above_fields: Option<Vec<String>>,
}

impl Header {
    /// Returns the first line that satisfies `is_one` under a separator, among the first [`LOOK_AHEAD`] lines. A header
    /// has at least `fewest` columns.
    ///
    /// # Errors
    /// [`Error::Line`] if a line above the header holds data, [`Error::File`] if the file is empty.
    pub(crate) fn find(
        text: &Text,
        fewest: usize,
        is_one: impl Fn(&Self) -> bool,
    ) -> Result<Option<Self>> {
        let mut above = Vec::new();
        let found = text
            .lines()
            .take(LOOK_AHEAD)
            .try_for_each(|(offset, line, bytes)| {
                for (separator, _) in SEPARATORS {
                    let separators = bytes.iter().filter(|byte| **byte == separator);
                    if separators.count() + 1 < fewest {
                        continue;
                    }
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
        let before = above.last();
        let before = before.map(|(_, bytes)| fields(bytes, header.rows.separator));
        header.above_fields = before.filter(|fields| fields.len() == header.names.len());
        for (line, bytes) in above {
            let fields = fields(bytes, header.rows.separator);
            if fields.len() == header.names.len() && is_data(&fields) {
                let reason = format!(
                    "data above the header, which is on line {}: {}",
                    header.line,
                    quote::line(&String::from_utf8_lossy(bytes))
                );
                return Err(Error::line(text.path(), line, reason));
            }
        }
        Ok(Some(header))
    }

    /// Creates a header from a line and a separator.
    pub(crate) fn of(bytes: &[u8], offset: usize, line: u64, separator: u8) -> Self {
        let fields = fields(bytes, separator);
        Self {
            names: fields.iter().map(|field| compared(field)).collect(),
            written: fields.iter().map(|field| field.trim().to_owned()).collect(),
            line,
            rows: DataStart {
                // The line feed and trimmed blanks follow; they are skipped as a blank record.
                offset: offset + bytes.len(),
                line,
                separator,
            },
            above: 0,
            above_fields: None,
        }
    }

    /// Creates a header from the column names of a table.
    pub(crate) fn of_table<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let written: Vec<String> = names.map(str::to_owned).collect();
        Self {
            names: written.iter().map(|name| compared(name)).collect(),
            written,
            line: 0,
            rows: DataStart {
                offset: 0,
                line: 1,
                separator: b',',
            },
            above: 0,
            above_fields: None,
        }
    }

    /// Creates the header of rows without names. `rows` is the start of the rows.
    pub(crate) fn without_names(count: usize, rows: DataStart) -> Self {
        Self {
            names: vec![String::new(); count],
            written: (1..=count).map(|number| format!("#{number}")).collect(),
            line: rows.line,
            rows,
            above: 0,
            above_fields: None,
        }
    }

    /// Returns notes on the place of the header and the separator, if they are unusual.
    pub(crate) fn notes(&self) -> Vec<String> {
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

    /// Returns the index of the column with a name. The error is the reason if two columns have the name.
    pub(crate) fn position(&self, name: &str) -> Result<Option<usize>, String> {
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

    /// Returns the name or the number of a column, as `data.columns` takes it.
    pub(crate) fn mapped(&self, column: usize) -> String {
        match self.written.get(column).map_or("", String::as_str) {
            "" => format!("#{}", column + 1),
            name => name.to_owned(),
        }
    }

    /// Returns the message for missing names.
    pub(crate) fn lacks(&self, missing: &str) -> String {
        let found = quote::line(&self.written.join(","));
        format!("the header has no column {missing}; it has {found}")
    }
}

/// Normalises a name: letter case, accents, spaces, underscores, and the decorations of some exporters do not matter.
pub(crate) fn compared(field: &str) -> String {
    let edge = |c: char| {
        c.is_whitespace() || matches!(c, '<' | '>' | '*' | '#' | '[' | ']' | '\u{feff}' | '"')
    };
    let plain = field.trim_matches(edge);
    // `1. open`
    let numbered = plain.trim_start_matches(|c: char| c.is_ascii_digit());
    let plain = match numbered.strip_prefix(". ") {
        Some(rest) if numbered.len() < plain.len() => rest,
        _ => plain,
    };
    let plain = plain.trim_end_matches(['.', ':']);
    let mut name = String::with_capacity(plain.len());
    for c in plain.chars().flat_map(char::to_lowercase) {
        match c {
            '_' | '-' | '\u{a0}' => name.push(' '),
            // What is left of a Turkish capital.
            '\u{307}' => {}
            'ß' => name.push_str("ss"),
            c => name.push(without_accent(c)),
        }
    }
    name
}

/// Returns a letter of a European language without its accent.
fn without_accent(c: char) -> char {
    match c {
        'à'..='å' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'ı' => 'i',
        'ğ' => 'g',
        'ł' => 'l',
        'ñ' | 'ń' => 'n',
        'ò'..='ö' | 'ø' | 'ő' => 'o',
        'ś' | 'ş' | 'š' | 'ș' => 's',
        'ù'..='ü' | 'ű' => 'u',
        'ź' | 'ż' | 'ž' => 'z',
        'ё' => 'е',
        other => other,
    }
}

/// Returns the fields of one line.
pub(crate) fn fields(line: &[u8], separator: u8) -> Vec<String> {
    let text = String::from_utf8_lossy(line);
    if text.is_empty() || text.contains(['"', '\r', '\n']) {
        return quoted_fields(&text, separator);
    }
    let fields = text.split(char::from(separator));
    fields.map(str::to_owned).collect()
}

/// Returns the fields of one line that may hold quotes.
fn quoted_fields(line: &str, separator: u8) -> Vec<String> {
    let mut record = StringRecord::new();
    match Quoted::of_line(line.as_bytes(), separator).read(&mut record) {
        Ok(true) => record.iter().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Returns whether more than half of the fields are numbers, as in a row of prices.
pub(crate) fn is_data(fields: &[String]) -> bool {
    let number = |field: &&String| field.trim().parse::<f64>().is_ok();
    fields.iter().filter(number).count() * 2 > fields.len()
}

/// Returns whether a line is a row of data under any separator.
pub(crate) fn is_row(line: &[u8]) -> bool {
    SEPARATORS
        .iter()
        .map(|(separator, _)| fields(line, *separator))
        .any(|fields| fields.len() >= 4 && is_data(&fields))
}

/// Returns a count with its noun: `3 lines`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_without_quotes_are_those_of_the_csv_reader() {
        for line in [
            "", "a", ",", "a,b,,c", " a ;b", "a\tb", "|", "é,ü", "  ", "a'b,c", ",,",
        ] {
            for separator in [b',', b';', b'\t', b'|'] {
                let plain = fields(line.as_bytes(), separator);
                assert_eq!(plain, quoted_fields(line, separator), "{line:?}");
            }
        }
    }
}
