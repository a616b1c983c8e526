//! Explains why there is no header or no order of the prices, and shows what to write for this very file.

use ::csv::StringRecord;

use super::head::most_fields;
use super::sample::newest_first;
use crate::error::Error;
use crate::expansion::bars::ColumnMap;
use crate::expansion::bars::columns::guess::{self, NoOrder};
use crate::expansion::bars::columns::look::{Kind, is_number};
use crate::expansion::bars::columns::{PRICES, TimeColumn, names, position, prices};
use crate::expansion::table::header::{Header, LOOK_AHEAD, SEPARATORS, counted, is_row};
use crate::expansion::table::number::{DecimalMark, price};
use crate::expansion::table::quote;
use crate::expansion::table::records::{DataStart, field};
use crate::expansion::table::text::Text;

/// The end of a message about a missing header.
const EXPECTED: &str = "expected column names with at least `open`, `high`, `low` and `close`, separated by commas, semicolons, tabs or `|`";
/// The rows that a suggestion is made from.
const ROWS: usize = 500;
/// The largest number of orders that a message shows.
const SHOWN: usize = 4;
/// The reason why more than two orders, or none, are left.
const NO_SINGLE: &str = "no single order of the prices fits all rows";

/// Returns an error that explains why there is no header.
pub(super) fn explain(text: &Text, map: &ColumnMap) -> Error {
    // Text that is not UTF-8 is the first cause of any other fault.
    let start = DataStart {
        offset: 0,
        line: 1,
        separator: b',',
    };
    if let Err(error) = text.records(&start).advance() {
        return error;
    }
    if let Some(header) = candidate(text) {
        let line = header.line;
        let missing = map
            .named()
            .find_map(|(_, name)| position(&header, name).err());
        let reason = missing.unwrap_or_else(|| without_prices(text, &header));
        return Error::line(text.path(), line, reason);
    }
    let first = text.lines().next();
    let (line, bytes) = first.map_or((1, &b""[..]), |(_, line, bytes)| (line, bytes));
    let shown = quote::line(&String::from_utf8_lossy(bytes));
    let reason = if is_row(bytes) && !map.is_empty() {
        format!(
            "data where the header should be: {shown}; without a header `data.columns` names columns by number, as `open=#2`"
        )
    } else {
        format!("not a header: {shown}; {EXPECTED}")
    };
    Error::line(text.path(), line, reason)
}

/// Returns the line that is most likely meant as the header: the one with the most known names, or the first one with a
/// row of as many fields below it.
fn candidate(text: &Text) -> Option<Header> {
    let headers = || {
        let lines = text.lines().take(LOOK_AHEAD);
        lines.flat_map(|(offset, line, bytes)| {
            SEPARATORS.map(|(separator, _)| Header::of(bytes, offset, line, separator))
        })
    };
    let mut best: Option<Header> = None;
    for header in headers() {
        if known(&header) > best.as_ref().map_or(0, known) {
            best = Some(header);
        }
    }
    best.or_else(|| {
        let mut lines = text.lines().take(LOOK_AHEAD);
        let mut before = lines.next()?;
        if is_row(before.2) {
            return None;
        }
        for line in lines {
            if is_row(line.2) {
                let separator = most_fields(line.2);
                let header = Header::of(before.2, before.0, before.1, separator);
                let row = Header::of(line.2, line.0, line.1, separator);
                return (header.names.len() == row.names.len()).then_some(header);
            }
            before = line;
        }
        None
    })
}

/// Returns the number of columns with a name that is strong evidence for a header.
fn known(header: &Header) -> usize {
    let known = |name: &&String| {
        // Single letters and a lone word like `price` are too weak as evidence.
        PRICES.contains(&name.as_str())
            || (name.chars().count() > 2 && names::TIME.contains(&name.as_str()))
    };
    header.names.iter().filter(known).count()
}

/// Returns the message about a header that does not name all prices.
fn without_prices(text: &Text, header: &Header) -> String {
    let missing: Vec<String> = prices::missing(header)
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    let lacks = header.lacks(&missing.join(", "));
    let few = header.names.len() < 4;
    match suggested(text, header) {
        _ if few => lacks,
        Some(map) => {
            format!("{lacks}; say which they are with `data.columns`, as the values suggest: {map}")
        }
        None => {
            let known = |price: usize| prices::known(header, price);
            let parts: Vec<String> = (0..4)
                .map(|price| {
                    let name = known(price).map_or("COLUMN", |column| &header.written[column]);
                    format!("{}={name}", PRICES[price])
                })
                .collect();
            format!(
                "{lacks}; if it has them under other names, say which with `data.columns`: `{}`",
                parts.join(",")
            )
        }
    }
}

/// Returns the maps that the values of the rows suggest, the only one or both that fit.
fn suggested(text: &Text, header: &Header) -> Option<String> {
    let mut records = text.records(&header.rows);
    let mut rows: Vec<StringRecord> = Vec::new();
    while let Ok(true) = records.advance() {
        if records.record().len() == header.names.len() {
            rows.push(records.record().clone());
        }
        if rows.len() == ROWS {
            break;
        }
    }
    let is_one = |column: &usize| {
        let numbers = rows
            .iter()
            .filter(|row| is_number(field(row, *column)))
            .count();
        let named = names::TIME.contains(&header.names[*column].as_str());
        !rows.is_empty() && !named && numbers * 10 >= rows.len() * 9
    };
    let columns: Vec<usize> = (0..header.names.len()).filter(is_one).collect();
    let directions = directions(header, &rows);
    let orders = columns.windows(4).find_map(|columns| {
        let orders = orders(&rows, columns, &directions);
        let known = |price: usize| prices::known(header, price);
        let agrees = |order: &prices::Prices| {
            (0..4).all(|price| known(price).is_none_or(|column| column == order[price]))
        };
        let orders: Vec<prices::Prices> = orders.into_iter().filter(agrees).collect();
        (1..=2).contains(&orders.len()).then_some(orders)
    })?;
    let maps = orders
        .iter()
        .map(|order| format!("`{}`", prices::map_of(header, order)));
    Some(maps.collect::<Vec<_>>().join(" or "))
}

/// Returns the directions of time that the rows may have: newest first or not.
fn directions(header: &Header, rows: &[StringRecord]) -> Vec<bool> {
    let is_time = |column: &usize| {
        let value = |row: &StringRecord| Kind::of(field(row, *column));
        rows.first().is_some_and(|row| value(row).has_date())
            || names::TIME.contains(&header.names[*column].as_str())
    };
    let time = (0..header.names.len()).find(is_time);
    match time.map(|column| newest_first(rows, TimeColumn::One(column))) {
        Some(Some(known)) => vec![known],
        _ => vec![false, true],
    }
}

/// Returns the orders of four columns that fit the rows.
fn orders(rows: &[StringRecord], columns: &[usize], directions: &[bool]) -> Vec<prices::Prices> {
    let row = |record: &StringRecord| -> Option<[f64; 4]> {
        let mut row = [0.0; 4];
        for (place, column) in row.iter_mut().zip(columns) {
            let text = field(record, *column);
            let point = price(text, DecimalMark::Point);
            *place = point.or_else(|| price(text, DecimalMark::Comma))?;
        }
        Some(row)
    };
    let values: Vec<[f64; 4]> = rows.iter().filter_map(row).collect();
    let mut found: Vec<prices::Prices> = Vec::new();
    for newest_first in directions {
        let orders = match guess::order(&values, *newest_first) {
            Ok(order) => vec![order],
            Err(NoOrder::Several(orders)) => orders,
            Err(NoOrder::NoneFits) => Vec::new(),
        };
        for order in orders {
            let order = order.map(|price| columns[price]);
            if !found.contains(&order) {
                found.push(order);
            }
        }
    }
    found
}

/// Returns the message about rows without a header whose columns cannot be told.
pub(super) fn no_header(
    header: &Header,
    sample: &[StringRecord],
    time: Option<TimeColumn>,
) -> String {
    let line = header_line(header, time, None);
    let separator = char::from(header.rows.separator).to_string();
    let first = sample.first();
    let first = first.map(|record| record.iter().collect::<Vec<_>>().join(&separator));
    format!(
        "data where the header should be: {}; {EXPECTED}; write a line with the names of the {} above it, in the order of \
         this file, such as `{line}`",
        quote::line(&first.unwrap_or_default()),
        counted(header.names.len(), "column"),
    )
}

/// Returns the message about rows without a header whose prices have no clear order.
pub(super) fn no_order(
    header: &Header,
    time: TimeColumn,
    prices: [usize; 4],
    fault: &NoOrder,
) -> String {
    let (why, orders) = match fault {
        NoOrder::Several(orders) if orders.len() == 2 => (
            "the values do not tell the open from the close",
            &orders[..],
        ),
        NoOrder::Several(orders) if orders.len() <= SHOWN => (NO_SINGLE, &orders[..]),
        NoOrder::Several(_) | NoOrder::NoneFits => (NO_SINGLE, &[guess::USUAL][..]),
    };
    let orders = orders.iter();
    let orders: Vec<[usize; 4]> = orders
        .map(|order| order.map(|price| prices[price]))
        .collect();
    let any = |texts: Vec<String>| texts.join(" or ");
    let line = |order: &[usize; 4]| format!("`{}`", header_line(header, Some(time), Some(*order)));
    let map = |order: &[usize; 4]| format!("`{}`", map_by_number(time, order));
    format!(
        "there is no header, and {why}; write a line such as {} above it, in the order of this file, or name the \
         columns with `data.columns`: {}",
        any(orders.iter().map(line).collect()),
        any(orders.iter().map(map).collect())
    )
}

/// Returns a map that names the columns by their numbers.
fn map_by_number(time: TimeColumn, prices: &[usize; 4]) -> String {
    let times = match time {
        TimeColumn::One(time) => format!("time=#{}", time + 1),
        TimeColumn::DateAndTime(date, time) => format!("date=#{},time=#{}", date + 1, time + 1),
    };
    let [a, b, c, d] = prices.map(|column| column + 1);
    format!("{times},open=#{a},high=#{b},low=#{c},close=#{d}")
}

/// Returns a line of names for a file without a header.
fn header_line(header: &Header, time: Option<TimeColumn>, prices: Option<[usize; 4]>) -> String {
    let mut line: Vec<String> = (1..=header.names.len())
        .map(|number| format!("column{number}"))
        .collect();
    let behind = match time {
        None => 1,
        Some(TimeColumn::One(time)) => time + 1,
        Some(TimeColumn::DateAndTime(date, time)) => {
            line[date] = "date".into();
            time + 1
        }
    };
    line[behind - 1] = "time".into();
    let prices = prices.unwrap_or([behind, behind + 1, behind + 2, behind + 3]);
    for (name, column) in PRICES.iter().zip(prices) {
        if let Some(place) = line.get_mut(column) {
            *place = (*name).to_owned();
        }
    }
    let last = prices.into_iter().max().unwrap_or_default();
    if let Some(place) = line.get_mut(last + 1) {
        *place = "volume".into();
    }
    line.join(&char::from(header.rows.separator).to_string())
}
