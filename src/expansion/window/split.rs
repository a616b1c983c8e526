//! Splits windows by time into training and validation windows.

use super::series::Series;
use super::windows::{Window, Windows};
use crate::error::{Error, Result};

/// Training and validation windows.
type Sides = (Vec<Window>, Vec<Window>);

impl Windows {
    /// Splits the windows by time into training and validation windows.
    ///
    /// The last `valid_fraction` of the windows validate. Between the last bar of the training windows and the first
    /// bar of the validation windows lies a gap of at least one window length, and validation windows before its end
    /// are dropped; [separate](Self::separate) windows have no gap. Windows of one series overlap, so a shuffled split
    /// would validate on training bars.
    ///
    /// Several series are split at one moment: the time at which `1 - valid_fraction` of all windows have ended. In
    /// each series the gap begins at that moment. So no network is trained on the hours in which it is validated with
    /// another instrument. If a series has no time stamps, each series is split by itself, at the same share of its
    /// windows ([`has_common_times`](Self::has_common_times)).
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `valid_fraction` is not between 0 and 1, [`Error::File`] if one side has no window.
    ///
    /// # Example
    /// ```
    /// use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
    ///
    /// let simulator = Simulator::new(SimulatorConfig::default(), 7)?;
    /// let (train, valid) = simulator.simulate_windows(100).windows().split(0.2)?;
    /// assert_eq!((train.len(), valid.len()), (80, 19));
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn split(&self, valid_fraction: f64) -> Result<(Self, Self)> {
        if !(valid_fraction > 0.0 && valid_fraction < 1.0) {
            return Err(Error::setting(
                "valid_fraction",
                valid_fraction,
                "above 0 and below 1",
            ));
        }
        let (train, valid) = if self.series().len() < 2 {
            self.by_count(self.all(), valid_fraction)
        } else if self.has_common_times() {
            self.at_one_moment(valid_fraction)
        } else {
            self.each_by_count(valid_fraction)
        };
        if train.is_empty() || valid.is_empty() {
            let reason = format!(
                "{} windows do not split: {} would train and {} would validate after a gap of {} bars; {}",
                self.len(),
                train.len(),
                valid.len(),
                self.embargo(),
                self.needed_to_split(valid_fraction)
            );
            return Err(Error::file(self.bars().origin(), reason));
        }
        Ok((self.with(train), self.with(valid)))
    }

    /// Returns whether every series has time stamps.
    pub fn has_common_times(&self) -> bool {
        let times = |series: &Series| self.times(series).is_some();
        self.series().iter().all(times)
    }

    /// Returns the last `valid_fraction` of the windows of one series, without those before the end of the gap, and the
    /// windows before them.
    fn by_count(&self, windows: &[Window], valid_fraction: f64) -> Sides {
        let training = training(windows.len(), valid_fraction);
        let (train, rest) = windows.split_at(training);
        let clear = train
            .last()
            .map_or(0, |w| w.first + self.length() + self.embargo());
        let valid = rest.iter().copied().filter(|w| w.first >= clear);
        (train.to_vec(), valid.collect())
    }

    fn each_by_count(&self, valid_fraction: f64) -> Sides {
        let (mut train, mut valid) = Sides::default();
        for series in self.series() {
            let (before, after) = self.by_count(self.windows_of(series), valid_fraction);
            train.extend(before);
            valid.extend(after);
        }
        (train, valid)
    }

    fn at_one_moment(&self, valid_fraction: f64) -> Sides {
        let mut ends: Vec<i64> = self.all().iter().filter_map(|w| self.end_time(w)).collect();
        ends.sort_unstable();
        let last = training(ends.len(), valid_fraction).checked_sub(1);
        let (mut train, mut valid) = Sides::default();
        // Without a training window there is no moment.
        let Some(moment) = last.and_then(|last| ends.get(last).copied()) else {
            return (train, self.all().to_vec());
        };
        // A stamp is the start of a bar, so the last training bars end an interval later, the longest of all series.
        let intervals = self
            .series()
            .iter()
            .filter_map(|series| series.gaps().interval());
        let longest = intervals.max().unwrap_or_default().as_secs() as i64;
        for series in self.series() {
            let times = self.times(series).unwrap_or_default();
            let ended = |time: &i64| *time > moment && *time >= moment.saturating_add(longest);
            let after = times.partition_point(|time| !ended(time));
            let clear = series.range().start + after + self.embargo();
            for window in self.windows_of(series) {
                if self.end_time(window).is_some_and(|end| end <= moment) {
                    train.push(*window);
                } else if window.first >= clear {
                    valid.push(*window);
                }
            }
        }
        (train, valid)
    }

    /// Returns the time of the last bar of a window.
    pub(crate) fn end_time(&self, window: &Window) -> Option<i64> {
        self.time(window.first + self.length() - 1)
    }

    /// Returns what is needed for a split, in words.
    fn needed_to_split(&self, valid_fraction: f64) -> String {
        let apart = (self.length() + self.embargo()) as f64;
        let needed = self.length() + (apart / valid_fraction).ceil() as usize;
        let longest = self.series().iter().map(|series| series.bars).max();
        let longest = longest.unwrap_or_default();
        if self.embargo() == 0 || longest >= needed {
            let more = "more windows are needed, from a smaller `data.stride`, a larger `data.max_samples` or more bars";
            return more.into();
        }
        let found = match self.series().len() {
            0 | 1 => format!("there are {longest}"),
            _ => format!("the longest series has {longest}"),
        };
        format!(
            "with `model.window` {} and `data.valid_fraction` {valid_fraction}, about {needed} bars are needed, and {found}; \
             a smaller `model.window` needs fewer",
            self.length()
        )
    }
}

/// Returns the number of training windows among all.
fn training(all: usize, valid_fraction: f64) -> usize {
    ((all as f64 * (1.0 - valid_fraction)).round() as usize).min(all)
}
