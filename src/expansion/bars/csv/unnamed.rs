//! Finds the columns of a file without a header by the values of its rows.

use ::csv::StringRecord;

use super::advice;
use super::columns::{BarColumns, looks};
use super::head::{Head, most_fields};
use super::options::CsvOptions;
use super::sample::newest_first;
use crate::error::{Error, Result};
use crate::expansion::bars::columns::guess::{self, NoOrder};
use crate::expansion::bars::columns::look::{Kind, Look};
use crate::expansion::bars::columns::{SymbolColumns, TimeColumn, time};
use crate::expansion::table::clock::ClockDigits;
use crate::expansion::table::header::{Header, is_row};
use crate::expansion::table::number::{DecimalMark, price};
use crate::expansion::table::records::field;
use crate::expansion::table::text::Text;

/// The number of rows without a header that tell the order of their prices.
const UNNAMED_ROWS: usize = 2000;

impl BarColumns {
    /// Finds the columns of a file without a header. Returns `None` if the file does not begin with a row.
    pub(super) fn unnamed(text: &Text, options: &CsvOptions) -> Option<Result<Self>> {
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
        let map = &options.columns;
        let mapped = time::mapped(map, &header)?;
        let unnamed = Unnamed::look(&header, sample, mapped.flatten())?;
        let order = unnamed
            .order(sample)
            .map_err(|fault| unnamed.refuse(&header, &fault))?;
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
        let text = |column: &usize| {
            unnamed.looks[*column].kind == Kind::Text
                && map.instrument.is_none()
                && !unnamed.time.has(*column)
        };
        Ok(Self {
            place: header.rows.clone(),
            count: header.names.len(),
            prices: columns,
            time: mapped.unwrap_or(Some(unnamed.time)),
            further: Vec::new(),
            clock: ClockDigits::default(),
            zone: None,
            chosen: false,
            guessed: true,
            symbols: SymbolColumns::find(&header, map)?,
            texts: (0..header.names.len()).filter(text).collect(),
            header,
            notes,
        })
    }
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
    /// Looks at the rows. `given` is the time of the settings.
    fn look(
        header: &Header,
        sample: &[StringRecord],
        given: Option<TimeColumn>,
    ) -> Result<Self, String> {
        let rows: Vec<&StringRecord> = sample.iter().collect();
        let looks = looks(header, &[usize::MAX; 4], &rows);
        let time = match given {
            Some(time) => time,
            None => Self::time(header, &looks, sample)?,
        };
        let behind = match time {
            TimeColumn::One(time) => time + 1,
            TimeColumn::DateAndTime(date, time) => date.max(time) + 1,
        };
        let numbers = |column: &usize| matches!(looks[*column].kind, Kind::Number | Kind::Count);
        let mut prices = (behind..looks.len()).filter(numbers);
        let prices: [Option<usize>; 4] = std::array::from_fn(|_| prices.next());
        let [Some(a), Some(b), Some(c), Some(d)] = prices else {
            return Err(advice::no_header(header, sample, Some(time)));
        };
        let newest_first = newest_first(sample, time).unwrap_or(false);
        Ok(Self {
            looks,
            time,
            prices: [a, b, c, d],
            newest_first,
        })
    }

    /// Finds the time: the first column of dates, with the time of day beside it, or of counts.
    fn time(
        header: &Header,
        looks: &[Look],
        sample: &[StringRecord],
    ) -> Result<TimeColumn, String> {
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
        Ok(match clock {
            Some(_) => TimeColumn::DateAndTime(date, date + 1),
            None => TimeColumn::One(date),
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

    fn refuse(&self, header: &Header, fault: &NoOrder) -> String {
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
