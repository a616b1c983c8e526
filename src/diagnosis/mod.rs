//! Says in words what became of each task and why, from the history alone.
//!
//! A falling loss is not yet learning, and a loss that stands still may have arrived. What tells them apart are the uninformed
//! predictors: the best constant, and the best guess from the position alone. Against them every task gets a [`Verdict`], for the epoch
//! whose network is kept. Without them nothing is known, and the verdict says so.
//!
//! Why a task did not learn more has a [`Cause`], as far as the history shows one: losses and weights tell of it, the gradient audits
//! that the training takes tell more. A history shows what went together and not what brought about what, so a cause that it shows is
//! never certain. [Experiments](crate::probe) measure causes, and [`diagnose_with`] takes them in.
//!
//! | file | what it does |
//! |---|---|
//! | `evidence` | collects a task's numbers from the history |
//! | `verdict` | decides what the task knows |
//! | `causes` | decides why it does not know more |
//! | `trials` | holds what experiments showed |
//! | `experiments` | puts what they showed in the place of what the history suggests |
//! | `remedy` | chooses what to change next |
//! | `findings` | puts causes and what was measured into sentences |
//! | `words` | writes the whole sentence of a task |

mod causes;
mod evidence;
mod experiments;
mod findings;
mod remedy;
mod trials;
mod verdict;
mod words;

pub use causes::{Cause, Confidence, Finding};
pub use remedy::Remedy;
pub use trials::{Change, Effect, Trial, Trials};
pub use verdict::Verdict;

use self::evidence::Evidence;
use self::experiments::Experiments;
use crate::history::History;

/// The verdict on one task, its causes, and the numbers behind them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TaskDiagnosis {
    /// The task.
    pub task: String,
    /// What the task knows.
    pub verdict: Verdict,
    /// Why it does not know more, the surest first; may be empty.
    pub findings: Vec<Finding>,
    /// Validation loss after the first epoch.
    pub first_loss: f64,
    /// Validation loss after the last epoch.
    pub last_loss: f64,
    /// The epoch that verdict and skills are of: the best one of the run, whose network is kept.
    pub epoch: usize,
    /// Validation loss after that epoch.
    pub loss: f64,
    /// The skill over the best constant predictor on validation data, where it is known.
    pub skill: Option<f64>,
    /// Half of its 95 % interval, where that is known.
    pub skill_margin: Option<f64>,
    /// The skill over the best predictor that knows only the position.
    pub skill_over_position: Option<f64>,
    /// The skill on the training data after the last epoch.
    pub trained_skill: Option<f64>,
    /// Mean effective weight in the last epoch.
    pub weight: Option<f64>,
    /// Mean share of the gradient at the representation over the last half of the epochs, where it was audited.
    pub share: Option<f64>,
    /// The share the task was meant to have, where the strategy was told.
    pub intended_share: Option<f64>,
    /// What to change next, where something is to be changed.
    pub remedy: Option<Remedy>,
    /// The verdict, its evidence, every finding, and what to try next.
    pub sentence: String,
}

impl TaskDiagnosis {
    /// Verdict and causes in a few words: `no better than a constant: starved, dominated by binary`.
    pub fn label(&self) -> String {
        let causes: Vec<String> = self.findings.iter().map(|f| f.cause.to_string()).collect();
        if causes.is_empty() {
            self.verdict.to_string()
        } else {
            format!("{}: {}", self.verdict, causes.join(", "))
        }
    }

    /// Whether a cause was found that `matches` accepts.
    pub fn has(&self, matches: impl Fn(&Cause) -> bool) -> bool {
        self.findings.iter().any(|finding| matches(&finding.cause))
    }
}

/// The verdict on every task that has a validation loss.
///
/// # Example
///
/// ```
/// use equipoise::diagnosis::{Cause, Verdict, diagnose};
/// use equipoise::history::{History, Split, quantity};
///
/// let mut history = History::new();
/// for (epoch, countdown, pointers) in [(1, 15.90, 0.016), (2, 15.86, 0.004)] {
///     history.record(epoch, Split::Valid, "countdown", quantity::LOSS, countdown);
///     history.record(epoch, Split::Valid, "countdown", quantity::SKILL, 1.0 - countdown / 15.84);
///     history.record(epoch, Split::Train, "countdown", quantity::GRADIENT_SHARE, 0.02);
///     history.record(epoch, Split::Valid, "pointers", quantity::LOSS, pointers);
///     history.record(epoch, Split::Valid, "pointers", quantity::SKILL, 1.0 - pointers / 0.0084);
///     history.record(epoch, Split::Valid, "pointers", quantity::SKILL_MARGIN, 0.05);
///     history.record(epoch, Split::Train, "pointers", quantity::GRADIENT_SHARE, 0.98);
/// }
/// let [countdown, pointers] = &diagnose(&history)[..] else { panic!("two tasks") };
/// assert_eq!(countdown.verdict, Verdict::OnlyMean);
/// assert!(countdown.has(|cause| *cause == Cause::Starved));
/// assert_eq!(pointers.verdict, Verdict::Learned);
/// ```
pub fn diagnose(history: &History) -> Vec<TaskDiagnosis> {
    diagnosed(history, None)
}

/// The verdict on every task that has a validation loss, with the causes that experiments on the run showed.
///
/// A cause that was tried and did not show takes back what the history suggests.
pub fn diagnose_with(history: &History, trials: &Trials) -> Vec<TaskDiagnosis> {
    diagnosed(history, Some(trials))
}

fn diagnosed(history: &History, trials: Option<&Trials>) -> Vec<TaskDiagnosis> {
    let all = Evidence::of_all(history);
    let last = |evidence: &Evidence| Some((evidence.task.clone(), *evidence.weights.last()?));
    let weights: Vec<(String, f64)> = all.iter().filter_map(last).collect();
    all.iter()
        .map(|evidence| {
            let others: Vec<&Evidence> = all
                .iter()
                .filter(|other| other.task != evidence.task)
                .collect();
            let experiments = trials.and_then(|trials| Experiments::of(evidence, trials));
            diagnosis(evidence, &others, experiments.as_ref(), &weights)
        })
        .collect()
}

fn diagnosis(
    evidence: &Evidence,
    others: &[&Evidence],
    experiments: Option<&Experiments<'_>>,
    weights: &[(String, f64)],
) -> TaskDiagnosis {
    let verdict = verdict::verdict(evidence);
    let suggested = causes::findings(evidence, others, verdict);
    let findings = match experiments {
        // What may help a task that learned is no cause of a failure.
        Some(experiments) if verdict != Verdict::Learned => experiments.findings(suggested),
        _ => suggested,
    };
    let remedy = remedy::remedy(evidence, verdict, &findings, experiments, weights);
    TaskDiagnosis {
        task: evidence.task.clone(),
        verdict,
        first_loss: evidence.first,
        last_loss: evidence.last,
        epoch: evidence.judged,
        loss: evidence.loss_at(evidence.judged),
        skill: evidence.skill.map(|skill| skill.value),
        skill_margin: evidence.skill.and_then(|skill| skill.margin),
        skill_over_position: evidence.skill_over_position.map(|skill| skill.value),
        trained_skill: evidence.trained_skill,
        weight: evidence.weights.last().copied(),
        share: evidence.share,
        intended_share: evidence.intended,
        sentence: words::sentence(evidence, verdict, &findings, experiments, remedy.as_ref()),
        findings,
        remedy,
    }
}
