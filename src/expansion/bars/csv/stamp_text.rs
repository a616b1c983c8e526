//! Returns the text of the time stamp of a row, of one column or of two.

use ::csv::StringRecord;

use crate::expansion::bars::columns::TimeColumn;
use crate::expansion::table::clock::ClockDigits;
use crate::expansion::table::records::field;

/// Returns the text of the time stamp of a row, without a column of the zone. `scratch` saves an allocation per row.
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

/// Returns the text of a time stamp with the zone of a column of its own. A zone without a sign is hours east of UTC.
pub(super) fn in_zone<'a>(stamp: &str, zone: &str, scratch: &'a mut String) -> &'a str {
    let unsigned = zone.starts_with(|c: char| c.is_ascii_digit());
    scratch.clear();
    scratch.extend([stamp, " ", if unsigned { "+" } else { "" }, zone]);
    scratch.trim()
}
