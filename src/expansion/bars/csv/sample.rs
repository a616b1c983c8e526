//! Sees the direction of a few rows whose columns are not all known.

use ::csv::StringRecord;

use super::stamp_text::stamp;
use crate::expansion::bars::columns::TimeColumn;
use crate::expansion::table::clock::ClockDigits;
use crate::expansion::table::dates::Dates;

/// Returns whether the rows of a sample run from the newest to the oldest, or `None` if their time stamps cannot be
/// read.
pub(super) fn newest_first(sample: &[StringRecord], time: TimeColumn) -> Option<bool> {
    let mut dates = Dates::new("line", Default::default());
    let mut scratch = String::new();
    for record in sample {
        let text = stamp(record, time, ClockDigits::default(), &mut scratch);
        dates.look(text, 0);
    }
    let reading = dates.decide(true).ok()??;
    Some(reading.newest_first)
}
