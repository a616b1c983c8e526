//! Returns the text of the time stamp of a row, of one column or of two.

use ::csv::StringRecord;

use crate::expansion::bars::columns::TimeColumn;
use crate::expansion::table::clock::ClockDigits;
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
