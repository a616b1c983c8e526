//! Finds the columns of the four prices by their names.

use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};

use super::names::{BASES, LETTERS, NAMES, PRICES};
use crate::expansion::table::header::Header;

/// The four columns of a set of prices.
pub(crate) type Prices = [usize; 4];

/// Returns whether a header names all four prices, plainly or with a common word before or after.
pub(crate) fn has_all(header: &Header) -> bool {
    NAMES.iter().all(|names| best(header, names).is_some()) || !decorated(header).is_empty()
}

/// Returns the names of the prices that a header does not have.
pub(crate) fn missing(header: &Header) -> Vec<&'static str> {
    (0..4)
        .filter(|price| best(header, NAMES[*price]).is_none())
        .map(|price| PRICES[price])
        .collect()
}

/// Returns the column of a price under any of its names.
pub(crate) fn known(header: &Header, price: usize) -> Option<usize> {
    let name = best(header, NAMES[price])?;
    header.position(name).ok().flatten()
}

/// Returns whether a column has a name of a price.
pub(crate) fn is_price(name: &str) -> bool {
    NAMES.iter().any(|names| names.contains(&name))
}

/// Returns the columns of the prices, and adds a note on a choice. The error is the reason in words.
pub(crate) fn find(header: &Header, notes: &mut Vec<String>) -> Result<Prices, String> {
    let missing = missing(header);
    if missing.is_empty() {
        let mut prices = [0; 4];
        for (place, names) in prices.iter_mut().zip(NAMES) {
            let name = best(header, names).unwrap_or(names[0]);
            *place = header.position(name)?.unwrap_or_default();
        }
        notes.extend(close_note(header));
        return Ok(prices);
    }
    match decorated(header)[..] {
        [] => {
            let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
            Err(header.lacks(&names.join(", ")))
        }
        [prices] => {
            let names = prices.map(|column| format!("`{}`", header.written[column]));
            notes.push(format!("the prices are columns {}", names.join(", ")));
            Ok(prices)
        }
        ref several => {
            let maps: Vec<String> = several
                .iter()
                .map(|prices| format!("`{}`", map_of(header, prices)))
                .collect();
            let (last, first) = maps.split_last().ok_or("no prices")?;
            Err(format!(
                "the header has {} sets of prices; choose one with `data.columns`: {} or {last}",
                several.len(),
                first.join(", ")
            ))
        }
    }
}

/// Returns the map of a set of prices, as `data.columns` takes it.
pub(crate) fn map_of(header: &Header, prices: &Prices) -> String {
    let parts: Vec<String> = PRICES
        .iter()
        .zip(prices)
        .map(|(price, column)| format!("{price}={}", header.mapped(*column)))
        .collect();
    parts.join(",")
}

/// Returns the first of several names that the header has.
fn best(header: &Header, names: &[&'static str]) -> Option<&'static str> {
    names.iter().copied().find(|name| has(header, name))
}

fn has(header: &Header, name: &str) -> bool {
    header.names.iter().any(|other| other == name)
}

/// The longest name with a word before or after the price. Every place of a price in it is looked at, so that the time for
/// a long one would grow with the square of its length.
const LONGEST: usize = 200;

/// Returns the sets of four columns whose names differ in the price alone: `bidopen`, `bidhigh`, `bidlow`, `bidclose`.
fn decorated(header: &Header) -> Vec<Prices> {
    // Most lines have no such name.
    let first = LazyCell::new(|| first_columns(&header.names));
    let mut known = HashSet::new();
    let mut sets: Vec<Prices> = Vec::new();
    for name in &header.names {
        if name.len() > LONGEST {
            continue;
        }
        let words = name
            .match_indices(BASES[0][0])
            .map(|(place, base)| (&name[..place], &name[place + base.len()..], false));
        let letters = name
            .match_indices(LETTERS[0])
            .map(|(place, base)| (&name[..place], &name[place + base.len()..], true));
        for (before, after, letter) in words.chain(letters) {
            let apart = |text: &str, edge: Option<char>| {
                text.is_empty() || edge.is_some_and(|c| !c.is_alphanumeric())
            };
            if letter
                && !(apart(before, before.chars().last()) && apart(after, after.chars().next()))
            {
                continue;
            }
            if let Some(set) = set(&first, before, after, letter)
                && known.insert(set)
            {
                sets.push(set);
            }
        }
    }
    sets
}

/// Returns the first column of each name.
fn first_columns(names: &[String]) -> HashMap<&str, usize> {
    let mut first = HashMap::with_capacity(names.len());
    for (column, name) in names.iter().enumerate() {
        first.entry(name.as_str()).or_insert(column);
    }
    first
}

/// Returns the columns of the four prices with a word before and after. `first` has the first column of each name.
fn set(first: &HashMap<&str, usize>, before: &str, after: &str, letter: bool) -> Option<Prices> {
    let mut set = [0; 4];
    for (price, place) in set.iter_mut().enumerate() {
        let letters = [LETTERS[price]];
        let bases: &[&str] = if letter { &letters } else { BASES[price] };
        *place = bases.iter().find_map(|base| {
            let name = format!("{before}{base}{after}");
            first.get(name.as_str()).copied()
        })?;
    }
    Some(set)
}

/// Returns a note on the column taken as the close, if there was a choice.
fn close_note(header: &Header) -> Option<String> {
    let names = || NAMES[3].iter().filter(|name| has(header, name));
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
