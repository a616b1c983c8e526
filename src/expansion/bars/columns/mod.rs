//! Finds the columns of a table of bars, whatever kind of file holds it: by the map of the settings, by names, by
//! values.
//!
//! `names` holds the known names, `look` tells what a column holds, `prices` and `time` choose the columns, `guess`
//! tells the prices from their values alone.

pub(crate) mod guess;
pub(crate) mod look;
pub(crate) mod names;
pub(crate) mod prices;
pub(crate) mod time;

use crate::expansion::bars::ColumnMap;
use crate::expansion::table::header::{Header, compared};

pub(crate) use names::{PRICES, is_clock_name};
pub(crate) use time::{TimeColumn, Times};

/// Returns the column that a map names: by its name as it is written, by its normal form, or by its number. The error
/// is the reason in words.
pub(crate) fn position(header: &Header, name: &str) -> Result<usize, String> {
    let written = header.written.iter().position(|other| other == name);
    if let Some(column) = written {
        return Ok(column);
    }
    let number = name.strip_prefix('#').and_then(|n| n.parse::<usize>().ok());
    if let Some(column) = number.and_then(|n| n.checked_sub(1)) {
        if column < header.names.len() {
            return Ok(column);
        }
        let count = header.names.len();
        return Err(format!(
            "`data.columns` has `{name}`, but there are {count} columns"
        ));
    }
    let found = header.position(&compared(name))?;
    found.ok_or_else(|| header.lacks(&format!("`{name}` of `data.columns`")))
}

/// Returns the further columns that the settings name. The error is the reason in words.
pub(crate) fn further(header: &Header, names: &[String]) -> Result<Vec<usize>, String> {
    let find = |name: &String| {
        let written = header.written.iter().position(|other| other == name);
        let found = match written {
            Some(column) => Some(column),
            None => header.position(&compared(name))?,
        };
        found.ok_or_else(|| {
            format!(
                "{}; `data.features_from` names that column",
                header.lacks(&format!("`{name}`"))
            )
        })
    };
    let mut columns: Vec<usize> = Vec::with_capacity(names.len());
    for name in names {
        let column = find(name)?;
        if let Some(before) = columns.iter().position(|other| *other == column) {
            return Err(format!(
                "`{}` and `{name}` of `data.features_from` are one column, `{}`; name it once",
                names[before],
                header.mapped(column)
            ));
        }
        columns.push(column);
    }
    Ok(columns)
}

/// Returns whether a header has every column of a map.
pub(crate) fn has_mapped(header: &Header, map: &ColumnMap) -> bool {
    map.named().all(|(_, name)| position(header, name).is_ok())
}

/// Returns the columns of the prices: those of the map, or those found by name.
pub(crate) fn price_columns(
    header: &Header,
    map: &ColumnMap,
    notes: &mut Vec<String>,
) -> Result<prices::Prices, String> {
    let [Some(open), Some(high), Some(low), Some(close)] = map.prices() else {
        return prices::find(header, notes);
    };
    let mut columns = [0; 4];
    for (column, name) in columns.iter_mut().zip([open, high, low, close]) {
        *column = position(header, name)?;
    }
    Ok(columns)
}

/// The columns that may name the instrument, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SymbolColumns {
    /// Columns whose names say so.
    pub(crate) named: Vec<usize>,
    /// Columns of numbers of instruments.
    pub(crate) numbers: Vec<usize>,
}

impl SymbolColumns {
    /// Finds the columns: the column of the map, or those with a known name.
    pub(crate) fn find(header: &Header, map: &ColumnMap) -> Result<Self, String> {
        if let Some(name) = map.instrument.as_deref() {
            let named = match name {
                "" => Vec::new(),
                name => vec![position(header, name)?],
            };
            return Ok(Self {
                named,
                numbers: Vec::new(),
            });
        }
        let all = |names: &[&str]| {
            let of = |name: &&str| header.names.iter().position(|other| other == name);
            names.iter().filter_map(of).collect()
        };
        Ok(Self {
            named: all(names::SYMBOLS),
            numbers: all(names::NUMBERS),
        })
    }
}

/// Returns the first column whose name says that it names the instrument.
pub(crate) fn symbol_column(header: &Header) -> Option<usize> {
    let of = |name: &&str| header.names.iter().position(|other| other == name);
    let mut known = names::SYMBOLS.iter().chain(names::NUMBERS);
    known.find_map(of)
}

/// Returns the column of the time stamp by its name, of the date if date and time are separate.
#[cfg(feature = "parquet")]
pub(crate) fn time_column(header: &Header) -> Result<Option<usize>, String> {
    let times = Times {
        header,
        looks: &[],
        rows: 0,
    };
    Ok(times.find(&mut Vec::new())?.map(|column| match column {
        TimeColumn::One(index) | TimeColumn::DateAndTime(index, _) => index,
    }))
}
