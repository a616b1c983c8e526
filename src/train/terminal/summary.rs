//! Formats tasks that do not fit side by side: their mean and the worst task.

use console::{Alignment, pad_str};

use super::fields::{AMOUNT, GAIN, amount, gain, share, shortened};
use super::{GAP, MARK, WIDTH, painted};
use crate::history::{History, Split, quantity};

/// The largest and the smallest width of a name in a line of details.
const NAME: usize = 20;
const SHORTEST: usize = 5;

/// The largest number of tasks with a line of details.
const DETAILED: usize = 20;

/// A summary of any number of tasks.
pub(super) struct Summary {
    tasks: Vec<String>,
    measure: &'static str,
    coloured: bool,
    width: usize,
}

impl Summary {
    /// Creates a summary; `skilled` if any task has a skill.
    pub(super) fn new(tasks: &[String], skilled: bool, coloured: bool, width: usize) -> Self {
        Self {
            tasks: tasks.to_vec(),
            measure: if skilled { "mean skill" } else { "mean gain" },
            coloured,
            width,
        }
    }

    pub(super) fn heading(&self) -> String {
        format!("  {}  worst task", self.measure)
    }

    /// Returns the rest of the line after its first `left` columns.
    pub(super) fn line(&self, history: &History, epoch: usize, left: usize) -> String {
        let tasks = self.tasks.iter();
        let standings: Vec<Standing> = tasks
            .filter_map(|task| Standing::of(history, epoch, task))
            .collect();
        let worst = |a: &&Standing, b: &&Standing| a.rank().total_cmp(&b.rank());
        let Some(worst) = standings.iter().min_by(worst) else {
            return "  no task has a validation loss".into();
        };
        let mean = standings.iter().map(|s| s.gain).sum::<f64>() / standings.len() as f64;
        let measure = format!("{:>1$}", gain(mean), self.measure.len());
        let (loss, gained) = (amount(worst.loss), gain(worst.gain));
        let taken = left + GAP + measure.len() + GAP + " ".len() + loss.len() + " ()".len();
        let room = self.width.saturating_sub(taken + gained.len() + MARK.len());
        format!(
            "  {}  {} {loss} ({})",
            painted(measure, Some(mean), self.coloured),
            shortened(worst.task, room),
            painted(gained, Some(worst.gain), self.coloured)
        )
    }

    /// Returns one line per task, of the [`DETAILED`] worst if there are more.
    pub(super) fn details(&self, history: &History, epoch: usize) -> Vec<String> {
        let detail = |task: &str| self.detail(history, epoch, task);
        let more = self.tasks.len().saturating_sub(DETAILED);
        if more == 0 {
            return self.tasks.iter().map(|task| detail(task)).collect();
        }
        let tasks = self.tasks.iter();
        let mut standings: Vec<Standing> = tasks
            .filter_map(|task| Standing::of(history, epoch, task))
            .collect();
        standings.sort_by(|a, b| a.rank().total_cmp(&b.rank()));
        let worst = standings.iter().take(DETAILED);
        let mut lines: Vec<String> = worst.map(|standing| detail(standing.task)).collect();
        lines.push(format!("  {more} more tasks, no worse, are in history.csv"));
        lines
    }

    fn detail(&self, history: &History, epoch: usize, task: &str) -> String {
        let get = |split, quantity| history.get(epoch, split, task, quantity);
        let number = |split, quantity| get(split, quantity).map_or("-".into(), amount);
        let skill = get(Split::Valid, quantity::SKILL);
        let name = NAME.saturating_sub(WIDTH - self.width).max(SHORTEST);
        let gained = format!("{:>GAIN$}", skill.map_or_else(String::new, gain));
        format!(
            "  {}  train {:>AMOUNT$}  valid {:>AMOUNT$} {}  weight {:>AMOUNT$}  share {:>5}",
            pad_str(&shortened(task, name), name, Alignment::Left, None),
            number(Split::Train, quantity::LOSS),
            number(Split::Valid, quantity::LOSS),
            painted(gained, skill, self.coloured),
            number(Split::Train, quantity::WEIGHT),
            get(Split::Train, quantity::GRADIENT_SHARE).map_or("-".into(), share),
        )
    }
}

/// The validation loss of a task, and its gain over the trivial predictor, or over its first loss if no predictor is
/// known.
struct Standing<'a> {
    task: &'a str,
    loss: f64,
    gain: f64,
}

impl<'a> Standing<'a> {
    fn of(history: &History, epoch: usize, task: &'a str) -> Option<Self> {
        let loss = history.get(epoch, Split::Valid, task, quantity::LOSS)?;
        let skill = history.get(epoch, Split::Valid, task, quantity::SKILL);
        let since_first = || {
            let losses = history.series(Split::Valid, task, quantity::LOSS);
            1.0 - loss / losses.first().map_or(loss, |(_, first)| *first)
        };
        Some(Self {
            task,
            loss,
            gain: skill.unwrap_or_else(since_first),
        })
    }

    /// Returns the gain for sorting; NaN is the worst.
    fn rank(&self) -> f64 {
        if self.gain.is_nan() {
            f64::NEG_INFINITY
        } else {
            self.gain
        }
    }
}
