//! Diagnoses each task of a training run from its history: what the task learned, and why it did not learn more.
//!
//! A falling loss does not prove learning, and a constant loss may already be at its minimum. Each task is therefore
//! compared with the uninformed predictors: the best constant, and the best guess from the position alone. The result
//! is a [`Verdict`] for the epoch whose network is kept. Without uninformed predictors the verdict is
//! [`Verdict::NoBaseline`].
//!
//! The reason why a task did not learn more is a [`Cause`], as far as the history shows one. Losses and weights
//! indicate causes, and gradient audits indicate more of them. A history shows correlation, not causation, so a cause
//! from the history is never certain. [Experiments](crate::probe) measure causes, and [`diagnose_with`] uses their
//! results.
//!
//! | file | purpose |
//! |---|---|
//! | `evidence` | collects the numbers of a task from the history |
//! | `verdict` | decides what the task learned |
//! | `causes` | finds why the task did not learn more |
//! | `trials` | stores the results of experiments |
//! | `experiments` | replaces suggested causes by measured ones |
//! | `remedy` | chooses the next change |
//! | `findings` | writes the sentences of causes and measurements |
//! | `words` | writes the complete sentence of a task |

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
use crate::printable::printable;

/// The verdict on one task with its causes and numbers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TaskDiagnosis {
    /// The name of the task.
    pub task: String,
    /// The verdict: what the task learned.
    pub verdict: Verdict,
    /// The causes, the surest first. May be empty.
    pub findings: Vec<Finding>,
    /// The validation loss after the first epoch.
    pub first_loss: f64,
    /// The validation loss after the last epoch.
    pub last_loss: f64,
    /// The epoch of the verdict and the skills: the best epoch of the run, whose network is kept.
    pub epoch: usize,
    /// The validation loss after `epoch`.
    pub loss: f64,
    /// The skill over the best constant predictor on validation data after `epoch`, if known.
    pub skill: Option<f64>,
    /// Half of the 95 % interval of `skill`, if known.
    pub skill_margin: Option<f64>,
    /// The skill over the best predictor that knows only the position, on validation data after `epoch`, if known.
    pub skill_over_position: Option<f64>,
    /// The skill on the training data after the last epoch, if known.
    pub trained_skill: Option<f64>,
    /// The mean effective weight in the last epoch.
    pub weight: Option<f64>,
    /// The mean gradient share at the representation over the last half of the epochs, in [0, 1], if audited.
    pub share: Option<f64>,
    /// The gradient share that the strategy is configured to give the task, in [0, 1], if configured.
    pub intended_share: Option<f64>,
    /// The next change to make, if any.
    pub remedy: Option<Remedy>,
    /// The verdict, its evidence, every finding and the next change, in words. Control characters of names are escaped, so
    /// that the sentence can be printed.
    pub sentence: String,
}

impl TaskDiagnosis {
    /// Returns the verdict, and the causes with their confidence, in a few words: `no better than a constant; it may be:
    /// starved; perhaps: dominated by binary`.
    pub fn label(&self) -> String {
        let mut label = self.verdict.to_string();
        for alike in self.findings.chunk_by(|a, b| a.confidence == b.confidence) {
            let causes: Vec<String> = alike.iter().map(|f| f.cause.to_string()).collect();
            label.push_str(&format!("; {}: {}", alike[0].confidence, causes.join(", ")));
        }
        printable(&label).into_owned()
    }

    /// Returns whether `matches` accepts one of the causes.
    pub fn has(&self, matches: impl Fn(&Cause) -> bool) -> bool {
        self.findings.iter().any(|finding| matches(&finding.cause))
    }
}

/// Diagnoses every task that has a loss.
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

/// Diagnoses every task that has a loss, with the results of experiments on the run.
///
/// A cause that an experiment refuted is removed from the causes that the history suggests.
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
        // For a task that learned, a change that helps is no cause of a failure.
        Some(experiments) if verdict != Verdict::Learned => experiments.findings(suggested),
        _ => suggested,
    };
    let remedy = remedy::remedy(evidence, verdict, &findings, experiments, weights);
    let sentence = words::sentence(evidence, verdict, &findings, experiments, remedy.as_ref());
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
        sentence: printable(&sentence).into_owned(),
        findings,
        remedy,
    }
}
