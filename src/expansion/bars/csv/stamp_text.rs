//! Returns the text of the time stamp of a row, of one column or of two, and the direction of a few rows.

use ::csv::StringRecord;

use crate::expansion::bars::columns::TimeColumn;
use crate::expansion::table::clock::ClockDigits;
use crate::expansion::table::dates::Dates;
use crate::expansion::table::records::field;

/// Returns the text of the time stamp of a row. `scratch` saves an allocation per row.
pub(super) fn stamp<'a>(
    record: &'a StringRecord,
    column: TimeColumn,
    clock: ClockDigits,
    scratch: &'a mut String,
) -> &'a str {
    match column {
        TimeColumn::One(index) => field(record, index),
        TimeColumn::DateAndTime(date, time) => {
            scratch.clear();
            scratch.push_str(field(record, date));
            scratch.push(' ');
            clock.write(field(record, time), scratch);
            scratch.trim()
        }
    }
}

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
