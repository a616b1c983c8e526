//! Finds the outages of a series.

use std::collections::HashMap;
use std::time::Duration;

use super::Bars;

/// The largest number of usual bars that may be missing in a gap without a usual break.
pub const TOLERATED: u32 = 4;

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// The first Monday of 1970, which began on a Thursday. Weeks begin on a Monday.
const MONDAY: i64 = 4 * DAY;

/// The outages of a series: gaps that are not part of its usual week, and that no window should span.
///
/// The bar interval is the commonest step between two bars. The week is divided into slots of one interval. A slot
/// is *usual* if it has a bar in at least half of the weeks that have bars at all; slots in weekends, nights and
/// daily breaks are not usual. A gap is an outage if more than 4 usual bars are missing in it. Only a gap that
/// contains a usual break may miss more, up to the usual bars of a day, because such a gap is a holiday.
///
/// The outages are found once per series. A query for a window costs a binary search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gaps {
    interval: Option<Duration>,
    outages: Vec<Outage>,
}

/// A gap that no window should span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// The index of the last bar before the gap.
    pub before: usize,
    /// The time from that bar to the next bar.
    pub step: Duration,
}

impl Gaps {
    /// Finds the outages of a series. A series without time stamps has none.
    ///
    /// If `longest` is given, the outages are exactly the steps between two bars that are longer, usual or not.
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

    /// Returns the bar interval: the commonest step between two bars, or at least one hour if the steps are irregular.
    /// Returns `None` if the series has no two different time stamps.
    pub fn interval(&self) -> Option<Duration> {
        self.interval
    }

    /// Returns the outages, oldest first.
    pub fn outages(&self) -> &[Outage] {
        &self.outages
    }

    /// Returns whether the `length` bars from index `first` on span an outage.
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

/// Returns the commonest step above zero, the shortest of equals. Irregular stamps get at least one hour.
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
    // Bars of a fixed number of trades have irregular steps. Bars of a thin market skip intervals, but stay on a grid.
    let regular = most * 2 >= all || (multiples * 10 >= all * 9 && most * 5 >= all);
    Some(if regular { step } else { step.max(3600) })
}

/// The usual slots of the week of a series.
struct Week {
    interval: i64,
    /// The number of usual slots before each slot of the week, then the sum of all.
    before: Vec<u32>,
    /// The largest number of usual slots in a day.
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
        // Half an interval on either side excludes the slots of the two bars, wherever in their slots the bars are.
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

    /// Returns the number of usual slots from a fixed Monday to the slot of a time.
    fn usual_until(&self, time: i64) -> i64 {
        let since = time + WEEK - MONDAY;
        let all = i64::from(self.before[self.before.len() - 1]);
        let slot = usize::try_from(since.rem_euclid(WEEK) / self.interval).unwrap_or(0);
        since.div_euclid(WEEK) * all + i64::from(self.before[slot + 1])
    }
}

/// Returns the day in which a slot begins, 0 for Monday.
fn day_of(slot: usize, interval: i64) -> usize {
    let begin = i64::try_from(slot).unwrap_or(0) * interval;
    usize::try_from(begin / DAY).unwrap_or(0).min(6)
}

/// The number of weeks in which each slot of the week could have a bar, and in which it had one.
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
        // In the first and the last week only the slots within the series count.
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
                // Seen in one week or none: a slot without a bar takes the time of day on other days, except on a
                // weekend.
                let weekend = day_of(slot, self.interval) >= 5 && closed_on_saturday;
                had > 0 || (!weekend && by_time_of_day(slot))
            })
            .collect()
    }

    fn saturdays(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.had.len()).filter(|slot| day_of(*slot, self.interval) == 5)
    }

    /// Returns a test for a slot: whether half of the days with bars have a bar at its time of day.
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
