//! Finds the columns of a file by its header and first rows.

use ::csv::StringRecord;

use super::advice;
use super::head::Head;
use super::options::CsvOptions;
use super::stamp_text::{in_zone, stamp};
use super::zone_column;
use crate::error::{Error, Result};
use crate::expansion::bars::ColumnMap;
use crate::expansion::bars::columns;
use crate::expansion::bars::columns::look::{Kind, Look, ROWS, is_number};
use crate::expansion::bars::columns::{SymbolColumns, TimeColumn, Times, has_mapped};
use crate::expansion::bars::columns::{price_columns, time};
use crate::expansion::table::clock::ClockDigits;
use crate::expansion::table::header::{Header, compared};
use crate::expansion::table::records::{DataStart, field};
use crate::expansion::table::text::Text;

/// The indices of the columns, from 0.
#[derive(Debug)]
pub(super) struct BarColumns {
    /// The start of the rows, below the header.
    pub(super) place: DataStart,
    /// The number of columns of the header.
    pub(super) count: usize,
    /// Open, high, low, close.
    pub(super) prices: [usize; 4],
    /// The time stamp, if the file has one.
    pub(super) time: Option<TimeColumn>,
    /// The further columns, with their names.
    pub(super) further: Vec<(usize, String)>,
    /// The form of a time of day in digits.
    pub(super) clock: ClockDigits,
    /// The zone of the time stamps, if it has a column of its own.
    pub(super) zone: Option<usize>,
    /// Whether the columns are those of the instrument of the settings, so that its rows are all rows.
    pub(super) chosen: bool,
    /// Whether the columns of the prices were told from their values.
    pub(super) guessed: bool,
    /// The columns that may name the instrument.
    pub(super) symbols: SymbolColumns,
    /// The columns of text, which may tell instruments apart.
    pub(super) texts: Vec<usize>,
    /// The names of the columns.
    pub(super) header: Header,
    /// Sentences about the choice for the report.
    pub(super) notes: Vec<String>,
}

impl BarColumns {
    /// Finds the columns of a whole file.
    pub(super) fn find(text: &Text, options: &CsvOptions) -> Result<Self> {
        let (map, left_aside) = usable_map(text, options)?;
        let Some(mut head) = Head::find(text, &map)? else {
            return Self::unnamed(text, options)
                .unwrap_or_else(|| Err(advice::explain(text, &map)));
        };
        head.notes.extend(left_aside);
        let mut records = text.records(&head.header.rows);
        let mut sample = Vec::new();
        // A fault of a row is reported when the rows are read.
        while let Ok(true) = records.advance() {
            let record = records.record();
            if sample.is_empty() && head.take(record, records.line()) {
                continue;
            }
            sample.push(record.clone());
            if sample.len() == ROWS {
                break;
            }
        }
        let mut columns = Self::of(head, &map, options, &sample)
            .map_err(|(line, reason)| Error::line(text.path(), line, reason))?;
        columns.place = text.below(&columns.place);
        columns.clock = columns.clock_of(text);
        Ok(columns)
    }

    /// Finds the columns of a header by the first rows. The error is a line and the reason in words.
    pub(super) fn of(
        mut head: Head,
        map: &ColumnMap,
        options: &CsvOptions,
        sample: &[StringRecord],
    ) -> Result<Self, (u64, String)> {
        let line = head.header.line;
        let refuse = |reason: String| (line, reason);
        let chosen = head.choose(options.instrument.as_deref()).map_err(refuse)?;
        let (header, mut notes, left_aside) = (head.header, head.notes, head.left_aside);
        let prices = price_columns(&header, map, &mut notes).map_err(refuse)?;
        let rows: Vec<&StringRecord> = sample
            .iter()
            .filter(|record| {
                prices
                    .iter()
                    .any(|column| is_number(field(record, *column)))
            })
            .collect();
        let mut looks = looks(&header, &prices, &rows);
        for column in left_aside {
            looks[column] = Look::at(&[]);
        }
        let mapped = time::mapped(map, &header).map_err(refuse)?;
        let time = match mapped {
            Some(time) => time,
            None => {
                let times = Times {
                    header: &header,
                    looks: &looks,
                    rows: rows.len(),
                };
                times.find(&mut notes).map_err(refuse)?
            }
        };
        let zone = zone_column::find(&header, &rows, time, options, &mut notes).map_err(refuse)?;
        let symbols = SymbolColumns::find(&header, map).map_err(refuse)?;
        let further = columns::further(&header, &options.features).map_err(refuse)?;
        let further = further.into_iter().zip(options.features.iter().cloned());
        let told = map.instrument.is_some();
        let text = |column: &usize| {
            looks[*column].kind == Kind::Text && !told && !time.is_some_and(|t| t.has(*column))
        };
        let mut place = header.rows.clone();
        place.line = head.last;
        Ok(Self {
            place,
            count: header.names.len(),
            prices,
            time,
            further: further.collect(),
            clock: ClockDigits::default(),
            zone,
            chosen,
            guessed: false,
            symbols,
            texts: (0..looks.len()).filter(text).collect(),
            header,
            notes,
        })
    }

    /// Returns the text of the time stamp of a row. `scratch` saves an allocation per row.
    pub(super) fn stamp<'a>(
        &self,
        record: &'a StringRecord,
        time: TimeColumn,
        scratch: &'a mut String,
    ) -> &'a str {
        let Some(zone) = self.zone else {
            return stamp(record, time, self.clock, scratch);
        };
        let mut plain = String::new();
        let plain = stamp(record, time, self.clock, &mut plain);
        in_zone(plain, field(record, zone), scratch)
    }

    /// Tells the form of the times of day in digits from all rows.
    pub(super) fn clock_of(&self, text: &Text) -> ClockDigits {
        let mut clock = ClockDigits::default();
        let Some(TimeColumn::DateAndTime(_, time)) = self.time else {
            return clock;
        };
        let mut records = text.records(&self.place);
        while let Ok(true) = records.advance() {
            if !clock.look(field(records.record(), time)) {
                break;
            }
        }
        clock
    }
}

/// Returns the map of the options that this file can be read with, and a note if it is left aside.
pub(super) fn usable_map(text: &Text, options: &CsvOptions) -> Result<(ColumnMap, Option<String>)> {
    let map = &options.columns;
    if !options.of_another_file.columns || map.is_empty() {
        return Ok((map.clone(), None));
    }
    let plain = Head::find(text, map)?.or(Head::find(text, &ColumnMap::default())?);
    if plain.is_some_and(|head| has_mapped(&head.header, map)) {
        return Ok((map.clone(), None));
    }
    let note = format!(
        "this file does not have the columns of `data.columns` ({map}), so its own were looked for"
    );
    Ok((ColumnMap::default(), Some(note)))
}

/// Looks at every column that is not a price.
pub(super) fn looks(header: &Header, prices: &[usize; 4], rows: &[&StringRecord]) -> Vec<Look> {
    let column = |column: usize| {
        let values: Vec<(Kind, String)> = rows
            .iter()
            .filter(|_| !prices.contains(&column))
            .map(|record| field(record, column))
            // The header again.
            .filter(|text| text.is_empty() || compared(text) != header.names[column])
            .map(|text| (Kind::of(text), text.to_owned()))
            .collect();
        Look::at(&values)
    };
    (0..header.names.len()).map(column).collect()
}
