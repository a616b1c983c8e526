//! Checks that time stamps run in one direction, and distinguishes copies from rows out of order.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use crate::expansion::bars::Bar;

/// The bars kept so far, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct KeptBars {
    /// Whether the file runs from newest to oldest.
    newest_first: bool,
    /// Whether the settings give the zone of the time stamps.
    zoned: bool,
    pub(super) bars: Vec<Bar>,
    pub(super) stamps: Vec<Timestamp>,
}

/// The outcome for a row with a time stamp.
pub(super) enum Placement {
    /// The row was kept.
    Kept,
    /// The row repeats a kept row.
    Copy(String),
    /// The row is out of order, with the reason.
    Refused(String),
}

/// The remedy for an hour that a change of the clocks repeats.
const CLOCKS: &str = " (if the clocks were set back here, `data.time_zone` with the zone of the time stamps reads both hours)";

/// Returns whether a row may be out of order because the clocks were set back: by at most an hour, in the night to a
/// Sunday.
fn is_clock_change(stamp: Timestamp, last: Timestamp) -> bool {
    let time = stamp.to_zoned(TimeZone::UTC);
    let back = (last.as_second() - stamp.as_second()).abs();
    back <= 3600 && time.weekday() == Weekday::Sunday && (1..4).contains(&time.hour())
}

impl KeptBars {
    pub(super) fn new(newest_first: bool, zoned: bool) -> Self {
        Self {
            newest_first,
            zoned,
            ..Self::default()
        }
    }

    /// Returns the last bar that was kept with its time stamp.
    pub(super) fn last(&self) -> Option<(Bar, Timestamp)> {
        Some((*self.bars.last()?, *self.stamps.last()?))
    }

    /// Keeps a bar if it follows all kept bars in the direction of the file.
    pub(super) fn place(&mut self, bar: Bar, stamp: Timestamp) -> Placement {
        let (Some(last), Some(before)) = (self.stamps.last().copied(), self.bars.last()) else {
            return self.keep(bar, stamp);
        };
        if if self.newest_first {
            stamp < last
        } else {
            stamp > last
        } {
            return self.keep(bar, stamp);
        }
        if *before == bar && stamp != last {
            return Placement::Copy(format!(
                "it repeats the bar of {last} under the time stamp {stamp}, out of order"
            ));
        }
        if self.at(stamp) == Some(&bar) {
            return Placement::Copy(format!("it repeats the bar of {stamp}"));
        }
        Placement::Refused(self.disorder(stamp, last))
    }

    fn keep(&mut self, bar: Bar, stamp: Timestamp) -> Placement {
        self.bars.push(bar);
        self.stamps.push(stamp);
        Placement::Kept
    }

    /// Returns the kept bar with the given stamp.
    fn at(&self, stamp: Timestamp) -> Option<&Bar> {
        let found = if self.newest_first {
            self.stamps.binary_search_by(|kept| stamp.cmp(kept))
        } else {
            self.stamps.binary_search(&stamp)
        };
        self.bars.get(found.ok()?)
    }

    fn disorder(&self, stamp: Timestamp, last: Timestamp) -> String {
        let clocks = if !self.zoned && is_clock_change(stamp, last) {
            CLOCKS
        } else {
            ""
        };
        if stamp == last {
            return format!("the time stamp {stamp} repeats that of the bar before{clocks}");
        }
        let (where_to, why) = if self.newest_first {
            ("later", ", in a file that runs from newest to oldest")
        } else {
            ("earlier", "")
        };
        format!("the time stamp {stamp} is {where_to} than {last} of the bar before{why}{clocks}")
    }
}
