//! Estimates the time left of a run, from the finished epochs and the progress of the current one.
//!
//! Training and validation take different times per sample, so each is measured separately. The time between two phases
//! (checkpoints, files) counts to the phase before.

use std::time::Duration;

/// The cost of a validation sample relative to a training sample, until one is measured: a backward pass costs about
/// two forward passes.
const VALIDATION_COST: f64 = 1.0 / 3.0;

/// The two parts of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::train) enum Phase {
    Training,
    Validation,
}

/// An estimate of the time left. Times are counted from the start of the run.
#[derive(Clone, Debug)]
pub(in crate::train) struct TimeLeft {
    /// The number of epochs after the current one.
    epochs: usize,
    training: Pace,
    validation: Pace,
    running: Option<Running>,
}

#[derive(Clone, Debug)]
struct Pace {
    items: usize,
    /// Seconds per item in the finished phases; later phases weigh more.
    measured: Option<f64>,
}

#[derive(Clone, Debug)]
struct Running {
    phase: Phase,
    began: Duration,
    done: usize,
    now: Duration,
    /// Items and time after the first step, which may have compiled and tuned kernels.
    first: Option<(usize, Duration)>,
}

impl TimeLeft {
    /// Creates an estimate for `epochs` epochs, each with these numbers of training and validation samples.
    pub(in crate::train) fn new(epochs: usize, training: usize, validation: usize) -> Self {
        let pace = |items| Pace {
            items,
            measured: None,
        };
        Self {
            epochs,
            training: pace(training),
            validation: pace(validation),
            running: None,
        }
    }

    /// Begins a phase, and ends the previous one.
    pub(in crate::train) fn begin(&mut self, phase: Phase, now: Duration) {
        if let Some(before) = self.running.take() {
            let seconds = now.saturating_sub(before.began).as_secs_f64();
            self.pace_mut(before.phase).settle(seconds);
        }
        if phase == Phase::Training {
            self.epochs = self.epochs.saturating_sub(1);
        }
        self.running = Some(Running {
            phase,
            began: now,
            done: 0,
            now,
            first: None,
        });
    }

    /// Sets the number of finished items of the current phase.
    pub(in crate::train) fn moved(&mut self, done: usize, now: Duration) {
        if let Some(running) = &mut self.running {
            running.done = done;
            running.now = now;
            running.first.get_or_insert((done, now));
        }
    }

    /// Returns the time until the run ends; `None` while it is unknown.
    pub(in crate::train) fn left(&self) -> Option<Duration> {
        let running = self.running.as_ref()?;
        let training = self.seconds_per_item(Phase::Training);
        let validation = self
            .seconds_per_item(Phase::Validation)
            .or(training.map(|seconds| seconds * VALIDATION_COST))?;
        let training = training?;
        let whole_training = self.training.items as f64 * training;
        let whole_validation = self.validation.items as f64 * validation;
        let rest = |pace: &Pace| pace.items.saturating_sub(running.done) as f64;
        let of_this_epoch = match running.phase {
            Phase::Training => rest(&self.training) * training + whole_validation,
            Phase::Validation => rest(&self.validation) * validation,
        };
        let seconds = of_this_epoch + self.epochs as f64 * (whole_training + whole_validation);
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Returns the pace of a phase, which shifts from the finished phases to the current one as it advances.
    fn seconds_per_item(&self, phase: Phase) -> Option<f64> {
        let Pace { items, measured } = *self.pace(phase);
        let running = self.running.as_ref().filter(|r| r.phase == phase);
        let current = running.and_then(|r| r.seconds_per_item(measured.is_none()));
        match (measured, current) {
            (Some(before), Some(now)) => {
                let done = running.map_or(0, |r| r.done) as f64 / items.max(1) as f64;
                Some(before + (now - before) * done.min(1.0))
            }
            (before, now) => before.or(now),
        }
    }

    fn pace(&self, phase: Phase) -> &Pace {
        match phase {
            Phase::Training => &self.training,
            Phase::Validation => &self.validation,
        }
    }

    fn pace_mut(&mut self, phase: Phase) -> &mut Pace {
        match phase {
            Phase::Training => &mut self.training,
            Phase::Validation => &mut self.validation,
        }
    }
}

impl Pace {
    fn settle(&mut self, seconds: f64) {
        let new = seconds / self.items.max(1) as f64;
        self.measured = Some(self.measured.map_or(new, |before| (before + new) / 2.0));
    }
}

impl Running {
    /// Returns the pace of the phase; with `without_first`, only from the steps after the first.
    fn seconds_per_item(&self, without_first: bool) -> Option<f64> {
        let (items, since) = match (without_first, self.first) {
            (true, Some(first)) => first,
            _ => (0, self.began),
        };
        let done = self.done.checked_sub(items).filter(|done| *done > 0)?;
        Some(self.now.saturating_sub(since).as_secs_f64() / done as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn seconds(time: &TimeLeft) -> f64 {
        time.left().expect("an estimate").as_secs_f64()
    }

    /// Three epochs of 100 training samples (0.2 s each) and 50 validation samples (0.1 s each): 25 s per epoch.
    #[test]
    fn an_even_run_is_foreseen() {
        let mut time = TimeLeft::new(3, 100, 50);
        assert_eq!(time.left(), None, "not begun");
        time.begin(Phase::Training, at(0.0));
        assert_eq!(time.left(), None, "no step yet");
        time.moved(10, at(9.0));
        assert_eq!(
            time.left(),
            None,
            "the first step may be slow for its own reasons"
        );
        time.moved(60, at(19.0));
        // 40 samples left at 0.2 s; unmeasured validation at a third of that.
        let guess = 50.0 * 0.2 / 3.0;
        assert!((seconds(&time) - (8.0 + guess + 2.0 * (20.0 + guess))).abs() < 1e-9);
        time.moved(100, at(27.0));
        time.begin(Phase::Validation, at(28.0));
        time.moved(10, at(29.0));
        time.moved(20, at(30.0));
        // Training took 28 s with the gap after it; 30 samples are left at 0.1 s.
        assert!((seconds(&time) - (3.0 + 2.0 * (28.0 + 5.0))).abs() < 1e-9);
        time.moved(50, at(33.0));
        time.begin(Phase::Training, at(33.0));
        assert!((seconds(&time) - 2.0 * (28.0 + 5.0)).abs() < 1e-9);
    }

    #[test]
    fn later_epochs_count_more() {
        let mut time = TimeLeft::new(4, 100, 0);
        let mut now = 0.0;
        for took in [100.0, 20.0, 20.0] {
            time.begin(Phase::Training, at(now));
            time.moved(50, at(now + took / 2.0));
            time.moved(100, at(now + took));
            now += took;
            time.begin(Phase::Validation, at(now));
        }
        // Half of (half of 100 and half of 20) and half of 20.
        assert!((seconds(&time) - 40.0).abs() < 1e-9);
        time.begin(Phase::Training, at(now));
        time.moved(50, at(now + 10.0));
        // Halfway the current epoch has half of the weight: 30 s per 100 samples, 50 left.
        assert!((seconds(&time) - 15.0).abs() < 1e-9);
        time.moved(100, at(now + 20.0));
        assert!(seconds(&time) < 1e-9);
    }

    #[test]
    fn one_step_is_an_epoch_too() {
        let mut time = TimeLeft::new(2, 8, 8);
        time.begin(Phase::Training, at(0.0));
        time.moved(8, at(4.0));
        assert_eq!(time.left(), None);
        time.begin(Phase::Validation, at(4.0));
        time.moved(8, at(5.0));
        assert!((seconds(&time) - (4.0 + 4.0 / 3.0)).abs() < 1e-9);
        time.begin(Phase::Training, at(5.0));
        assert!((seconds(&time) - 5.0).abs() < 1e-9);
    }

    proptest! {
        /// No order of calls causes a panic.
        #[test]
        fn nothing_upsets_it(
            epochs in 0_usize..5,
            items in (0_usize..50, 0_usize..50),
            calls in prop::collection::vec((0_u8..3, 0_usize..100, 0_u64..u64::MAX / 2), 0..40),
        ) {
            let mut time = TimeLeft::new(epochs, items.0, items.1);
            for (call, done, now) in calls {
                let now = Duration::from_nanos(now);
                match call {
                    0 => time.begin(Phase::Training, now),
                    1 => time.begin(Phase::Validation, now),
                    _ => time.moved(done, now),
                }
                let _ = time.left();
            }
        }

        #[test]
        fn a_steady_pace_is_met(
            epochs in 2_usize..6,
            steps in (2_usize..20, 1_usize..20),
            pace in (0.001_f64..10.0, 0.001_f64..10.0),
            stop in 0_usize..1000,
        ) {
            let total = epochs as f64 * (steps.0 as f64 * pace.0 + steps.1 as f64 * pace.1);
            let mut time = TimeLeft::new(epochs, steps.0, steps.1);
            let (mut now, mut moves) = (0.0, 0);
            for epoch in 0..epochs {
                for (phase, steps, pace) in
                    [(Phase::Training, steps.0, pace.0), (Phase::Validation, steps.1, pace.1)]
                {
                    time.begin(phase, at(now));
                    for done in 1..=steps {
                        now += pace;
                        time.moved(done, at(now));
                        moves += 1;
                        if epoch > 0 && moves > stop {
                            prop_assert!((seconds(&time) - (total - now)).abs() < 1e-5 * total);
                        }
                    }
                }
            }
        }
    }
}
