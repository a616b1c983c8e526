//! Says in words what became of each task, from the history alone.
//!
//! A falling loss is not yet learning, and a loss that stands still may have arrived. What tells them apart is the
//! trivial predictor: a task has **learned** if it beats the best constant on data it was not trained on, it has **only
//! its mean** if it does not, it is **starved** if it does not and its loss hardly moved while others improved, and it has
//! **diverged** if its loss is not finite or grew while it was trained on.

use std::fmt;

use crate::history::{History, Split, quantity};

/// Skill over the constant predictor from which a task counts as learned.
const LEARNED_SKILL: f64 = 0.05;
/// A loss that changed by less than this, relative to its first value, did not move.
const STILL: f64 = 0.01;
/// A loss that fell by more than this, relative to its first value, improved.
const IMPROVED: f64 = 0.20;
/// A training loss this many times its first value has diverged.
const DIVERGED: f64 = 1.5;

/// What became of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Beats the best constant predictor on validation data.
    Learned,
    /// No better than the best constant predictor.
    OnlyMean,
    /// No better than a constant, and its loss hardly moved while another task's improved.
    Starved,
    /// Its loss is not finite, or grew while it was trained on.
    Diverged,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Learned => "learned",
            Self::OnlyMean => "only its mean",
            Self::Starved => "starved",
            Self::Diverged => "diverged",
        })
    }
}

/// The verdict on one task, with its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskDiagnosis {
    /// The task.
    pub task: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Validation loss after the first epoch.
    pub first_loss: f64,
    /// Validation loss after the last epoch.
    pub last_loss: f64,
    /// 1 - loss / loss of the best constant predictor, on validation data after the last epoch, where it is known.
    pub skill: Option<f64>,
    /// The same against the best predictor that knows only the position.
    pub skill_over_position: Option<f64>,
    /// Mean effective weight in the last epoch.
    pub weight: Option<f64>,
    /// The verdict and its evidence in one sentence.
    pub sentence: String,
}

/// The verdict on every task that has a validation loss.
///
/// # Example
///
/// ```
/// use equipoise::diagnosis::{Verdict, diagnose};
/// use equipoise::history::{History, Split, quantity};
///
/// let mut history = History::new();
/// for (epoch, countdown, pointers) in [(1, 15.90, 0.016), (2, 15.86, 0.009)] {
///     history.record(epoch, Split::Valid, "countdown", quantity::LOSS, countdown);
///     history.record(epoch, Split::Valid, "countdown", quantity::SKILL, 1.0 - countdown / 15.84);
///     history.record(epoch, Split::Valid, "pointers", quantity::LOSS, pointers);
///     history.record(epoch, Split::Valid, "pointers", quantity::SKILL, 1.0 - pointers / 0.0084);
/// }
/// let verdicts: Vec<_> = diagnose(&history).iter().map(|task| task.verdict).collect();
/// assert_eq!(verdicts, [Verdict::Starved, Verdict::OnlyMean]);
/// ```
pub fn diagnose(history: &History) -> Vec<TaskDiagnosis> {
    let courses: Vec<Course> = history
        .tasks()
        .into_iter()
        .filter_map(|task| Course::of(history, task))
        .collect();
    courses
        .iter()
        .map(|course| {
            let best_other = courses
                .iter()
                .filter(|other| other.task != course.task && other.change().is_finite())
                .min_by(|a, b| a.change().total_cmp(&b.change()));
            course.diagnose(best_other)
        })
        .collect()
}

/// The course of one task's loss.
struct Course {
    task: String,
    first: f64,
    last: f64,
    trained_first: Option<f64>,
    trained_last: Option<f64>,
    skill: Option<f64>,
    skill_over_position: Option<f64>,
    constant: Option<f64>,
    weight: Option<f64>,
}

impl Course {
    fn of(history: &History, task: &str) -> Option<Self> {
        let losses = history.series(Split::Valid, task, quantity::LOSS);
        let trained = history.series(Split::Train, task, quantity::LOSS);
        let last = |name| history.last(Split::Valid, task, name);
        Some(Self {
            task: task.into(),
            first: losses.first()?.1,
            last: losses.last()?.1,
            trained_first: trained.first().map(|(_, loss)| *loss),
            trained_last: trained.last().map(|(_, loss)| *loss),
            skill: last(quantity::SKILL),
            skill_over_position: last(quantity::SKILL_OVER_POSITION),
            constant: history.get(0, Split::Valid, task, quantity::CONSTANT_LOSS),
            weight: history.last(Split::Train, task, quantity::WEIGHT),
        })
    }

    /// Relative change of the validation loss; negative is better.
    fn change(&self) -> f64 {
        match self.first == 0.0 {
            true => 0.0,
            false => self.last / self.first - 1.0,
        }
    }

    fn diverged(&self) -> bool {
        let grew = match (self.trained_first, self.trained_last) {
            (Some(first), Some(last)) => !last.is_finite() || last > DIVERGED * first,
            _ => false,
        };
        !self.last.is_finite() || grew
    }

    /// Without a trivial predictor to compare with, a loss that improved has to do.
    fn learned(&self) -> bool {
        match self.skill {
            Some(skill) => skill >= LEARNED_SKILL,
            None => self.change() < -IMPROVED,
        }
    }

    fn verdict(&self, best_other: Option<&Self>) -> Verdict {
        let others_improved = best_other.is_some_and(|other| other.change() < -IMPROVED);
        match () {
            () if self.diverged() => Verdict::Diverged,
            () if self.learned() => Verdict::Learned,
            () if self.change().abs() < STILL && others_improved => Verdict::Starved,
            () => Verdict::OnlyMean,
        }
    }

    fn diagnose(&self, best_other: Option<&Self>) -> TaskDiagnosis {
        let verdict = self.verdict(best_other);
        TaskDiagnosis {
            task: self.task.clone(),
            verdict,
            first_loss: self.first,
            last_loss: self.last,
            skill: self.skill,
            skill_over_position: self.skill_over_position,
            weight: self.weight,
            sentence: self.sentence(verdict, best_other),
        }
    }

    fn sentence(&self, verdict: Verdict, best_other: Option<&Self>) -> String {
        let Self {
            task, first, last, ..
        } = self;
        let course = format!(
            "its validation loss went from {} to {} ({:+.1} %)",
            number(*first),
            number(*last),
            100.0 * self.change()
        );
        match verdict {
            Verdict::Learned => format!("{task} learned: {course}{}.", self.over_trivial()),
            Verdict::OnlyMean if self.skill.is_some_and(|skill| skill < -LEARNED_SKILL) => format!(
                "{task} knows no more than its mean, and not even that yet: {course}{}; train longer.",
                self.beside_constant()
            ),
            Verdict::OnlyMean => format!(
                "{task} knows only its mean: {course}{}.",
                self.beside_constant()
            ),
            Verdict::Starved => {
                let other = best_other.map_or(String::new(), |other| {
                    let change = 100.0 * other.change();
                    format!(" while that of {} moved by {change:+.1} %", other.task)
                });
                format!(
                    "{task} is starved: {course}{other}{}.",
                    self.beside_constant()
                )
            }
            Verdict::Diverged => match (self.trained_first, self.trained_last) {
                (Some(before), Some(after)) => format!(
                    "{task} diverged: its training loss went from {} to {}, its validation loss is {}; \
                     lower the learning rate or its weight.",
                    number(before),
                    number(after),
                    number(*last)
                ),
                _ => format!(
                    "{task} diverged: its validation loss is {}; lower the learning rate or its weight.",
                    number(*last)
                ),
            },
        }
    }

    fn over_trivial(&self) -> String {
        let Some(skill) = self.skill else {
            return "; there is no trivial predictor to compare with".into();
        };
        let over = |skill: f64, what: &str| match skill >= 0.0 {
            true => format!("{:.0} % below the {what}", 100.0 * skill),
            false => format!("{:.0} % above the {what}", -100.0 * skill),
        };
        let constant = over(skill, "best constant");
        match self.skill_over_position {
            Some(position) => format!(
                ", {constant} and {}",
                over(position, "best guess from the position alone")
            ),
            None => format!(", {constant}"),
        }
    }

    fn beside_constant(&self) -> String {
        match self.constant {
            Some(constant) => format!(", and the best constant reaches {}", number(constant)),
            None => String::new(),
        }
    }
}

/// Four digits that matter.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 => 1,
        v if v >= 10.0 => 2,
        v if v >= 1.0 => 3,
        v if v >= 0.1 => 4,
        _ => 5,
    };
    format!("{value:.digits$}")
}

/// The quick test of the problem this crate was written against.
#[derive(Clone, Debug, PartialEq)]
pub struct QuickTest {
    /// Relative change of the first task's validation loss.
    pub stuck_change: f64,
    /// Relative change of the second task's validation loss.
    pub improving_change: f64,
    /// Whether the first moved by less than 1 % while the second improved by more than 20 %.
    pub positive: bool,
    /// The same in one sentence.
    pub sentence: String,
}

/// Whether the task `stuck` stands still (less than 1 %) while the task `improving` improves (more than 20 %), from the
/// first to the last epoch on validation data. `None` if one of them has fewer than two epochs.
pub fn quick_test(history: &History, stuck: &str, improving: &str) -> Option<QuickTest> {
    let change = |task| {
        let losses = history.series(Split::Valid, task, quantity::LOSS);
        let course = Course::of(history, task)?;
        (losses.len() >= 2).then(|| course.change())
    };
    let (stuck_change, improving_change) = (change(stuck)?, change(improving)?);
    let positive = stuck_change.abs() < STILL && improving_change < -IMPROVED;
    let answer = if positive { "yes" } else { "no" };
    Some(QuickTest {
        stuck_change,
        improving_change,
        positive,
        sentence: format!(
            "does {stuck} stand still while {improving} improves? {answer}: {:+.1} % against {:+.1} %",
            100.0 * stuck_change,
            100.0 * improving_change
        ),
    })
}
