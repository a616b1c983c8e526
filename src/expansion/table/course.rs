//! Describes the order of the rows of a column under one reading of their stamps.

use jiff::Timestamp;

/// The order of the rows under one reading.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Course {
    /// The number of stamps that have this reading.
    pub(crate) count: usize,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    forward: usize,
    backward: usize,
    /// The number of steps within one day.
    within_a_day: usize,
}

impl Course {
    /// Adds the stamp of the next row.
    pub(crate) fn add(&mut self, stamp: Timestamp) {
        self.count += 1;
        if let Some(last) = self.last {
            self.forward += usize::from(stamp > last);
            self.backward += usize::from(stamp < last);
            let day = |stamp: Timestamp| stamp.as_second().div_euclid(86_400);
            self.within_a_day += usize::from(day(stamp) == day(last));
        }
        self.first.get_or_insert(stamp);
        self.last = Some(stamp);
    }

    /// Adds the order of other rows, which do not follow these.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        self.forward += other.forward;
        self.backward += other.backward;
        self.within_a_day += other.within_a_day;
        if other.span() > self.span() || self.first.is_none() {
            (self.first, self.last) = (other.first, other.last);
        }
    }

    /// Returns the first stamp.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// Returns the last stamp.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// Returns the number of steps against the main direction.
    pub(crate) fn against(&self) -> usize {
        self.forward.min(self.backward)
    }

    /// Returns whether most steps go backward. A majority decides, because a file may have a stray or repeated row.
    pub(crate) fn newest_first(&self) -> bool {
        self.backward > self.forward
    }

    /// Returns whether the first and the last stamp lie between 1971 and 2100.
    pub(crate) fn is_plausible(&self) -> bool {
        let within = |stamp: Option<Timestamp>| {
            stamp.is_some_and(|stamp| (31_536_000..4_102_444_800).contains(&stamp.as_second()))
        };
        within(self.first) && within(self.last)
    }

    fn span(&self) -> i64 {
        match (self.first, self.last) {
            (Some(first), Some(last)) => (last.as_second() - first.as_second()).abs(),
            _ => 0,
        }
    }

    /// Returns whether bars of minutes and hours continue from day to day.
    fn is_close(&self) -> bool {
        self.within_a_day * 2 >= self.count
    }
}

/// Returns the index of the only course in a plausible order, and the reason in words.
pub(crate) fn only_plausible(courses: &[Course]) -> Option<(usize, &'static str)> {
    let mut one_way = (0..courses.len()).filter(|index| courses[*index].against() == 0);
    match (one_way.next(), one_way.next()) {
        (Some(only), None) => return Some((only, "run in one direction")),
        (None, _) => return None,
        (Some(_), Some(_)) => {}
    }
    // Bars of minutes and hours continue from day to day, not from month to month.
    let others = |index: usize| {
        let mut others = (0..courses.len()).filter(move |other| *other != index);
        others.all(|other| {
            let (one, other) = (&courses[index], &courses[other]);
            other.against() > 0 || one.span() < other.span() / 4
        })
    };
    let close = |index: &usize| courses[*index].against() == 0 && courses[*index].is_close();
    let every_is_close =
        (0..courses.len()).all(|index| courses[index].against() > 0 || close(&index));
    let found = (0..courses.len())
        .filter(close)
        .find(|index| others(*index));
    let near = "follow one another without holes of weeks";
    found.filter(|_| every_is_close).map(|index| (index, near))
}
