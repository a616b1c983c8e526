//! Finds the gaps of a series that are no part of its usual week: outages, over which no window should reach.
//!
//! The bar interval is the commonest step between two bars. The week is divided into slots of one interval, and a slot
//! is *usual* if it has a bar in at least half of the weeks that have bars at all; weekends, nights and daily breaks are
//! slots that are not. A gap is an outage if more than [`TOLERATED`] usual bars are missing in it. Only a gap that
//! contains a usual break may miss more, up to a day's usual bars: that is a holiday.
//!
//! The work is done once per series; asking whether a window reaches over an outage costs a binary search.

use std::collections::HashMap;
use std::time::Duration;

use super::Bars;

/// How many usual bars in a row may be missing.
pub const TOLERATED: u32 = 4;

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// 1970 began on a Thursday; weeks here begin on a Monday.
const MONDAY: i64 = 4 * DAY;

/// Where the outages of a series are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gaps {
    interval: Option<Duration>,
    outages: Vec<Outage>,
}

/// A gap that no window should reach over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// The index of the last bar before it.
    pub before: usize,
    /// The time from that bar to the next.
    pub step: Duration,
}

impl Gaps {
    /// Returns the outages of a series; none if the series has no time stamps.
    ///
    /// With `longest` given, every longer step from one bar to the next is an outage, usual or not, and no other.
    pub fn find(bars: &Bars, longest: Option<Duration>) -> Self {
        let stamps = bars.timestamps().unwrap_or_default();
        let Some(interval) = interval(stamps) else {
            return Self::default();
        };
        let outages = match longest {
            Some(longest) => outages(stamps, |before, after| seconds(after - before) > longest),
            None => {
                let week = Week::new(stamps, interval);
                outages(stamps, |before, after| week.is_outage(before, after))
            }
        };
        Self {
            interval: Some(seconds(interval)),
            outages,
        }
    }

    /// Returns the commonest step from one bar to the next; `None` without time stamps.
    pub fn interval(&self) -> Option<Duration> {
        self.interval
    }

    /// Returns the outages, oldest first.
    pub fn outages(&self) -> &[Outage] {
        &self.outages
    }

    /// Returns whether the `length` bars from `first` on reach over an outage.
    pub fn cut(&self, first: usize, length: usize) -> bool {
        let next = self.outages.partition_point(|gap| gap.before < first);
        let last = first + length.saturating_sub(1);
        self.outages.get(next).is_some_and(|gap| gap.before < last)
    }
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs())
}

fn outages(stamps: &[i64], is_one: impl Fn(i64, i64) -> bool) -> Vec<Outage> {
    stamps
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| is_one(pair[0], pair[1]))
        .map(|(before, pair)| Outage {
            before,
            step: seconds(pair[1] - pair[0]),
        })
        .collect()
}

/// Returns the commonest step above zero, the shortest of equals. Stamps without a common step are judged by the hour.
fn interval(stamps: &[i64]) -> Option<i64> {
    let mut counts: HashMap<i64, usize> = HashMap::new();
    for pair in stamps.windows(2).filter(|pair| pair[1] > pair[0]) {
        *counts.entry(pair[1] - pair[0]).or_default() += 1;
    }
    let most = *counts.values().max()?;
    let step = *counts
        .iter()
        .filter(|(_, count)| **count == most)
        .map(|(step, _)| step)
        .min()?;
    let all: usize = counts.values().sum();
    let multiples: usize = counts
        .iter()
        .filter(|(other, _)| *other % step == 0)
        .map(|(_, count)| count)
        .sum();
    // Bars of so many trades come when they come; bars of a thin market skip intervals, but keep to their grid.
    let regular = most * 2 >= all || (multiples * 10 >= all * 9 && most * 5 >= all);
    Some(if regular { step } else { step.max(3600) })
}

/// In which slots of the week a series usually has bars.
struct Week {
    interval: i64,
    /// How many usual slots there are before each slot of the week, and after all of them the sum.
    before: Vec<u32>,
    /// The most usual slots of a day.
    day: i64,
}

impl Week {
    fn new(stamps: &[i64], interval: i64) -> Self {
        let slots = usize::try_from((WEEK + interval - 1) / interval).unwrap_or(1);
        let usual = Counts::new(stamps, interval, slots).usual();
        let mut before = Vec::with_capacity(slots + 1);
        before.push(0);
        for usual in &usual {
            before.push(before[before.len() - 1] + u32::from(*usual));
        }
        let mut days = [0; 7];
        for (slot, usual) in usual.iter().enumerate() {
            days[day_of(slot, interval)] += i64::from(*usual);
        }
        Self {
            interval,
            before,
            day: days.into_iter().max().unwrap_or(0),
        }
    }

    fn is_outage(&self, before: i64, after: i64) -> bool {
        let tolerated = i64::from(TOLERATED);
        let slots = (after - before + self.interval / 2) / self.interval - 1;
        if slots <= tolerated {
            return false;
        }
        // Half an interval on either side keeps the slots of the two bars themselves out, wherever in them they lie.
        let half = (self.interval + 1) / 2;
        let missing = (self.usual_until(after - half) - self.usual_until(before + half)).max(0);
        let contains_a_break = slots - missing > tolerated;
        missing
            > if contains_a_break {
                self.day.max(tolerated)
            } else {
                tolerated
            }
    }

    /// Usual slots from a fixed Monday to the slot of a time.
    fn usual_until(&self, time: i64) -> i64 {
        let since = time + WEEK - MONDAY;
        let all = i64::from(self.before[self.before.len() - 1]);
        let slot = usize::try_from(since.rem_euclid(WEEK) / self.interval).unwrap_or(0);
        since.div_euclid(WEEK) * all + i64::from(self.before[slot + 1])
    }
}

/// Returns the day, from Monday, in which a slot begins.
fn day_of(slot: usize, interval: i64) -> usize {
    let begin = i64::try_from(slot).unwrap_or(0) * interval;
    usize::try_from(begin / DAY).unwrap_or(0).min(6)
}

/// How often the slots of a week could have had a bar, and had one.
struct Counts {
    interval: i64,
    could: Vec<u32>,
    had: Vec<u32>,
}

impl Counts {
    fn new(stamps: &[i64], interval: i64, slots: usize) -> Self {
        let mut had = vec![0u32; slots];
        let mut last_week = vec![i64::MIN; slots];
        let mut weeks = 0;
        let mut week = i64::MIN;
        let place = |stamp: i64| {
            let since = stamp + WEEK - MONDAY;
            let slot = usize::try_from(since.rem_euclid(WEEK) / interval).unwrap_or(0);
            (since.div_euclid(WEEK), slot)
        };
        for stamp in stamps {
            let (now, slot) = place(*stamp);
            if now != week {
                (week, weeks) = (now, weeks + 1);
            }
            if last_week[slot] != now {
                last_week[slot] = now;
                had[slot] += 1;
            }
        }
        // The first and the last week are only looked at where the series reaches.
        let mut could = vec![weeks; slots];
        if let (Some(first), Some(last)) = (stamps.first(), stamps.last()) {
            could[..place(*first).1].iter_mut().for_each(|n| *n -= 1);
            could[place(*last).1 + 1..].iter_mut().for_each(|n| *n -= 1);
        }
        Self {
            interval,
            could,
            had,
        }
    }

    fn usual(&self) -> Vec<bool> {
        let closed_on_saturday = self.saturdays().all(|slot| self.had[slot] == 0);
        let by_time_of_day = self.by_time_of_day();
        (0..self.had.len())
            .map(|slot| {
                let (had, could) = (self.had[slot], self.could[slot]);
                if could >= 2 {
                    return 2 * had >= could;
                }
                // Seen once or never: the same time on other days stands in, but a weekend is a weekend.
                let weekend = day_of(slot, self.interval) >= 5 && closed_on_saturday;
                had > 0 || (!weekend && by_time_of_day(slot))
            })
            .collect()
    }

    fn saturdays(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.had.len()).filter(|slot| day_of(*slot, self.interval) == 5)
    }

    /// Returns whether half of the days that were seen have a bar at a slot's time of day.
    fn by_time_of_day(&self) -> impl Fn(usize) -> bool {
        let per_day = usize::try_from(DAY / self.interval).unwrap_or(1).max(1);
        let mut had = vec![0u32; per_day];
        let mut could = vec![0u32; per_day];
        let days = self.days_with_bars();
        for slot in 0..self.had.len() {
            if days[day_of(slot, self.interval)] {
                had[slot % per_day] += self.had[slot];
                could[slot % per_day] += self.could[slot];
            }
        }
        move |slot| 2 * had[slot % per_day] >= could[slot % per_day]
    }

    fn days_with_bars(&self) -> [bool; 7] {
        let mut days = [false; 7];
        for (slot, had) in self.had.iter().enumerate() {
            days[day_of(slot, self.interval)] |= *had > 0;
        }
        days
    }
}
