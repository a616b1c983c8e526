//! Finds the columns of a file: by its header and first rows, or, without a header, by the rows alone.

use ::csv::StringRecord;

use super::advice;
use super::head::{Head, most_fields};
use super::options::CsvOptions;
use crate::error::{Error, Result};
use crate::expansion::bars::ColumnMap;
use crate::expansion::bars::columns;
use crate::expansion::bars::columns::guess::{self, NoOrder};
use crate::expansion::bars::columns::look::{Kind, Look, ROWS, is_number};
use crate::expansion::bars::columns::{SymbolColumns, TimeColumn, Times, has_mapped};
use crate::expansion::bars::columns::{price_columns, time};
use crate::expansion::table::clock::ClockDigits;
use crate::expansion::table::header::{Header, compared, is_row};
use crate::expansion::table::number::{DecimalMark, price};
use crate::expansion::table::records::{DataStart, field};
use crate::expansion::table::text::Text;

/// The number of rows without a header that tell the order of their prices.
const UNNAMED_ROWS: usize = 2000;

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
    /// Whether the columns are those of the instrument of the settings, so that its rows are all rows.
    pub(super) chosen: bool,
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
        let (header, mut notes) = (head.header, head.notes);
        let prices = price_columns(&header, map, &mut notes).map_err(refuse)?;
        let rows: Vec<&StringRecord> = sample
            .iter()
            .filter(|record| {
                prices
                    .iter()
                    .any(|column| is_number(field(record, *column)))
            })
            .collect();
        let looks = looks(&header, &prices, &rows);
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
        let symbols = SymbolColumns::find(&header, map).map_err(refuse)?;
        let further = columns::further(&header, &options.features).map_err(refuse)?;
        let further = further.into_iter().zip(options.features.iter().cloned());
        let text = |column: &usize| looks[*column].kind == Kind::Text;
        let mut place = header.rows.clone();
        place.line = head.last;
        Ok(Self {
            place,
            count: header.names.len(),
            prices,
            time,
            further: further.collect(),
            clock: ClockDigits::default(),
            chosen,
            symbols,
            texts: (0..looks.len()).filter(text).collect(),
            header,
            notes,
        })
    }

    /// Finds the columns of a file without a header. Returns `None` if the file does not begin with a row.
    fn unnamed(text: &Text, options: &CsvOptions) -> Option<Result<Self>> {
        let (_, line, bytes) = text.lines().next()?;
        if !is_row(bytes) || options.columns.has_prices() {
            return None;
        }
        let head = Head::without_names(text, most_fields(bytes));
        let mut records = text.records(&head.header.rows);
        let mut sample = Vec::new();
        while let Ok(true) = records.advance() {
            if records.record().len() != head.header.names.len() {
                continue;
            }
            sample.push(records.record().clone());
            if sample.len() == UNNAMED_ROWS {
                break;
            }
        }
        let columns = Self::by_values(head, options, &sample);
        Some(match columns {
            Err(reason) => Err(Error::line(text.path(), line, reason)),
            Ok(mut columns) => {
                columns.clock = columns.clock_of(text);
                Ok(columns)
            }
        })
    }

    /// Finds the columns of rows without names by their values. The error is the reason in words.
    pub(super) fn by_values(
        head: Head,
        options: &CsvOptions,
        sample: &[StringRecord],
    ) -> Result<Self, String> {
        let header = head.header;
        if let Some(name) = options.features.first() {
            return Err(format!(
                "there is no header, so no column is called `{name}`, which `data.features_from` names; write a header"
            ));
        }
        let unnamed = Unnamed::look(&header, sample)?;
        let order = unnamed
            .order(sample)
            .map_err(|fault| unnamed.refuse(&header, fault))?;
        let mut notes = head.notes;
        let columns = order.map(|price| unnamed.prices[price]);
        notes.push(format!(
            "there is no header; as the values show, columns {} are open, high, low and close, and {}",
            columns.map(|column| (column + 1).to_string()).join(", "),
            match unnamed.time {
                TimeColumn::One(time) => format!("column {} is the time", time + 1),
                TimeColumn::DateAndTime(date, time) =>
                    format!("columns {} and {} are date and time", date + 1, time + 1),
            }
        ));
        let named = |column: &usize| {
            unnamed.looks[*column].kind == Kind::Text && !options.columns.has_prices()
        };
        Ok(Self {
            place: header.rows.clone(),
            count: header.names.len(),
            prices: columns,
            time: Some(unnamed.time),
            further: Vec::new(),
            clock: ClockDigits::default(),
            chosen: false,
            symbols: SymbolColumns::default(),
            texts: (0..header.names.len()).filter(named).collect(),
            header,
            notes,
        })
    }

    /// Returns whether a record repeats the header.
    pub(super) fn is_header(&self, record: &StringRecord) -> bool {
        let names = self.header.names.iter();
        record.len() == self.count
            && names.clone().any(|name| !name.is_empty())
            && names
                .zip(record)
                .all(|(name, field)| name.is_empty() || compared(field) == *name)
    }

    /// Tells the form of the times of day in digits from all rows.
    fn clock_of(&self, text: &Text) -> ClockDigits {
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
fn looks(header: &Header, prices: &[usize; 4], rows: &[&StringRecord]) -> Vec<Look> {
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

/// The columns of rows without names.
struct Unnamed {
    looks: Vec<Look>,
    time: TimeColumn,
    /// The first four columns of numbers behind the time, in the order of the file.
    prices: [usize; 4],
    newest_first: bool,
}

impl Unnamed {
    fn look(header: &Header, sample: &[StringRecord]) -> Result<Self, String> {
        let rows: Vec<&StringRecord> = sample.iter().collect();
        let looks = looks(header, &[usize::MAX; 4], &rows);
        let dated = |look: &&Look| look.kind.has_date();
        let counted = |look: &&Look| look.kind == Kind::Count && look.regular;
        let first = |fits: &dyn Fn(&&Look) -> bool| looks.iter().position(|look| fits(&look));
        let few = |look: &&Look| look.kind == Kind::Count && sample.len() < 8;
        let date = first(&dated)
            .or_else(|| first(&counted))
            .or_else(|| first(&few));
        let date = date.ok_or_else(|| advice::no_header(header, sample, None))?;
        let clock = looks.get(date + 1).filter(|look| {
            looks[date].kind == Kind::Date
                && (look.kind == Kind::Clock || is_wide_clock(look, sample, date + 1))
        });
        let time = match clock {
            Some(_) => TimeColumn::DateAndTime(date, date + 1),
            None => TimeColumn::One(date),
        };
        let behind = date + 1 + usize::from(clock.is_some());
        let numbers = |column: &usize| matches!(looks[*column].kind, Kind::Number | Kind::Count);
        let mut prices = (behind..looks.len()).filter(numbers);
        let prices: [Option<usize>; 4] = std::array::from_fn(|_| prices.next());
        let [Some(a), Some(b), Some(c), Some(d)] = prices else {
            return Err(advice::no_header(header, sample, Some(time)));
        };
        let newest_first = newest_first(sample, time);
        Ok(Self {
            looks,
            time,
            prices: [a, b, c, d],
            newest_first,
        })
    }

    /// Returns the order of the prices by their values.
    fn order(&self, sample: &[StringRecord]) -> Result<[usize; 4], NoOrder> {
        let value = |record: &StringRecord, column: usize| {
            let text = field(record, column);
            price(text, DecimalMark::Point).or_else(|| price(text, DecimalMark::Comma))
        };
        let row = |record: &StringRecord| -> Option<[f64; 4]> {
            let mut row = [0.0; 4];
            for (place, column) in row.iter_mut().zip(self.prices) {
                *place = value(record, column)?;
            }
            Some(row)
        };
        let rows: Vec<[f64; 4]> = sample.iter().filter_map(row).collect();
        guess::order(&rows, self.newest_first)
    }

    fn refuse(&self, header: &Header, fault: NoOrder) -> String {
        advice::no_order(header, self.time, self.prices, fault)
    }
}

/// Returns whether a column of digits with a fixed width is a time of day.
fn is_wide_clock(look: &Look, sample: &[StringRecord], column: usize) -> bool {
    let width = |record: &StringRecord| field(record, column).len();
    let first = sample.first().map(width);
    look.clock_digits
        && matches!(first, Some(4 | 6))
        && sample.iter().all(|record| Some(width(record)) == first)
}

/// Returns whether the rows of a sample run from the newest to the oldest.
fn newest_first(sample: &[StringRecord], time: TimeColumn) -> bool {
    use crate::expansion::table::dates::Dates;
    let mut dates = Dates::new("line", Default::default());
    let mut scratch = String::new();
    for record in sample {
        let text = super::stamp_text::stamp(record, time, ClockDigits::default(), &mut scratch);
        dates.look(text, 0);
    }
    matches!(dates.decide(true), Ok(Some(reading)) if reading.newest_first)
}
