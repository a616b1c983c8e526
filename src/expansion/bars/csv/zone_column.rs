//! Finds the column that holds the zone of time stamps without a zone.

use ::csv::StringRecord;

use super::options::CsvOptions;
use super::stamp_text::{in_zone, stamp};
use crate::expansion::bars::columns::{TimeColumn, names};
use crate::expansion::table::clock::ClockDigits;
use crate::expansion::table::header::Header;
use crate::expansion::table::quote;
use crate::expansion::table::records::field;
use crate::expansion::table::stamp::{Stamp, is_date_alone};

/// Returns the column of the zone, and adds a note on it. The settings go before it. The error is the reason in words.
pub(super) fn find(
    header: &Header,
    rows: &[&StringRecord],
    time: Option<TimeColumn>,
    options: &CsvOptions,
    notes: &mut Vec<String>,
) -> Result<Option<usize>, String> {
    let mut named = (0..header.names.len())
        .filter(|column| names::ZONE.contains(&header.names[*column].as_str()));
    let (Some(time), Some(zone)) = (time, named.next()) else {
        return Ok(None);
    };
    if options.time_zone.is_some() || options.time_format.is_some() || time.has(zone) {
        return Ok(None);
    }
    let mut scratch = String::new();
    let mut joined = String::new();
    let mut found = false;
    for record in rows {
        let text = stamp(record, time, ClockDigits::default(), &mut scratch);
        let value = field(record, zone);
        let plain = Stamp::parse(text).is_some_and(|stamp| stamp.is_without_zone());
        if !plain || is_date_alone(text) || value.is_empty() {
            continue;
        }
        if Stamp::parse(in_zone(text, value, &mut joined)).is_none() {
            return Err(format!(
                "column `{}` holds {}, which is no zone, and the time stamps have none; set `data.time_zone` to a name such as \
                 `America/New_York`, or to an offset such as `-05:00`",
                header.mapped(zone),
                quote::value(value)
            ));
        }
        found = true;
    }
    if found {
        notes.push(format!(
            "column `{}` is the zone of the time stamps",
            header.mapped(zone)
        ));
    }
    Ok(found.then_some(zone))
}
