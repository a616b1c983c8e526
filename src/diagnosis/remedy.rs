//! Chooses the next change to make for a task.

use serde_json::{Map, Number, Value};

use super::causes::{Cause, Confidence, Finding};
use super::evidence::Evidence;
use super::experiments::Experiments;
use super::trials::{Change, Effect, Trial};
use super::verdict::Verdict;
use crate::printable::printable;

/// A simpler change is preferred if it has at least this part of the best change's effect.
const NEARLY: f64 = 0.7;

/// The next change to make for a task.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Remedy {
    /// Train with these fixed weights on raw losses: the effective weights of the last epoch, with the task's weight
    /// multiplied by a factor that helped in an experiment.
    Weights(Vec<(String, f64)>),
    /// Multiply the output of the task's head by this factor: a factor that helped in an experiment, or the size of
    /// targets that are out of the head's reach, rounded to a power of two.
    OutputScale(f64),
    /// Multiply the learning rate of the task's own parameters by this factor: a factor that helped in an experiment,
    /// or the number of steps needed over the steps of the run, rounded up.
    HeadRate(f64),
    /// Train with the strategy of this name. Its effect was not measured.
    Strategy(&'static str),
    /// Measure the suggested causes with experiments.
    Probe,
    /// Use more forks, longer forks or more validation data: the experiments so far were not conclusive.
    ProbeMore,
    /// Audit the gradients: without audits the history shows no cause.
    Audit,
    /// Lower the learning rate.
    LowerRate,
    /// Use more data, dropout or weight decay: the network overfits.
    Regularise,
    /// Use more validation data: there are too few for a verdict.
    MoreValidation,
    /// Use more data, more steps or another target: no other cause was found.
    MoreData,
}

impl Remedy {
    /// Returns the strategy as JSON, such as `{"strategy":"upgrad"}`, or `None` if the remedy is no strategy.
    pub fn strategy_json(&self) -> Option<String> {
        let settings = match self {
            Self::Strategy(name) => vec![("strategy", Value::from(*name))],
            Self::Weights(weights) => {
                let number = |weight: f64| Number::from_f64(weight).map(Value::Number);
                let each = weights.iter();
                let each = each.map(|(task, weight)| Some((task.clone(), number(*weight)?)));
                let weights: Map<String, Value> = each.collect::<Option<_>>()?;
                vec![
                    ("strategy", Value::from("manual")),
                    ("normalise", Value::from(false)),
                    ("weights", Value::Object(weights)),
                ]
            }
            _ => return None,
        };
        let settings = settings
            .into_iter()
            .map(|(key, value)| (key.to_string(), value));
        Some(Value::Object(settings.collect()).to_string())
    }

    /// Returns the remedy for `task` in one sentence without a full stop. Control characters of the name are escaped.
    pub fn sentence(&self, task: &str) -> String {
        let task = printable(task);
        match self {
            Self::Weights(_) => {
                let json = self.strategy_json().unwrap_or_default();
                format!("train with the strategy {json}")
            }
            Self::Strategy(_) => {
                let json = self.strategy_json().unwrap_or_default();
                format!("try the strategy {json} (that it helps was not measured)")
            }
            Self::OutputScale(factor) => {
                format!("multiply the output of {task}'s head by {factor}")
            }
            Self::HeadRate(factor) => format!(
                "multiply the learning rate of {task}'s own parameters by {factor} (an entry of `parts` with their path)"
            ),
            Self::Probe => "let a probe measure the cause".into(),
            Self::ProbeMore => "a probe with more or longer forks, or more validation data".into(),
            Self::Audit => "set `audit_every`, so that the gradients are measured".into(),
            Self::LowerRate => "lower `learning_rate`".into(),
            Self::Regularise => "more training data, more dropout or more `weight_decay`".into(),
            Self::MoreValidation => "hold out more validation data".into(),
            Self::MoreData => "more data, more steps or another target".into(),
        }
    }
}

/// Returns the remedy for a task, or `None` if none is needed or known.
pub(super) fn remedy(
    evidence: &Evidence,
    verdict: Verdict,
    findings: &[Finding],
    experiments: Option<&Experiments<'_>>,
    weights: &[(String, f64)],
) -> Option<Remedy> {
    match verdict {
        Verdict::Learned | Verdict::NotTrained | Verdict::Unlabelled => return None,
        Verdict::Overfitted => return Some(Remedy::Regularise),
        Verdict::Diverged => return Some(Remedy::LowerRate),
        Verdict::Undecided | Verdict::OnlyPosition | Verdict::OnlyMean | Verdict::NoBaseline => {}
    }
    if let Some(measured) = experiments.and_then(|found| measured(found, weights)) {
        return Some(measured);
    }
    match verdict {
        Verdict::Undecided => return Some(Remedy::MoreValidation),
        Verdict::NoBaseline if findings.is_empty() => return None,
        _ => {}
    }
    if let Some(reached) = of_arithmetic(evidence, findings) {
        return Some(reached);
    }
    let suggested = findings
        .iter()
        .any(|finding| finding.confidence < Confidence::Measured);
    Some(match experiments {
        Some(found) if found.all_refuted() => of_cause(findings),
        Some(_) => Remedy::ProbeMore,
        None if !suggested && evidence.share.is_none() => Remedy::Audit,
        None => Remedy::Probe,
    })
}

/// Returns the remedy for targets that are certainly out of reach. The distance that a head can move in the steps of
/// the run is known without an experiment.
fn of_arithmetic(evidence: &Evidence, findings: &[Finding]) -> Option<Remedy> {
    let certain = |finding: &Finding| {
        finding.cause == Cause::OutOfReach && finding.confidence == Confidence::Medium
    };
    let reach = evidence.reach.filter(|_| findings.iter().any(certain))?;
    // A factor does not help a head whose targets already have size one.
    Some(if reach.size >= 2.0 {
        Remedy::OutputScale(reach.size.log2().round().exp2())
    } else {
        Remedy::HeadRate((reach.steps_needed() / reach.steps).ceil())
    })
}

/// Returns the remedy where experiments refuted every change.
fn of_cause(findings: &[Finding]) -> Remedy {
    let away = |finding: &Finding| finding.cause == Cause::WeightRunningAway;
    if findings.iter().any(away) {
        Remedy::Strategy("sum")
    } else {
        Remedy::MoreData
    }
}

/// Returns the simplest change that helped nearly as much as the best of its kind.
///
/// Changes that can be applied as measured come first. Where leaving out a task helped, another strategy is only a
/// guess.
fn measured(experiments: &Experiments<'_>, weights: &[(String, f64)]) -> Option<Remedy> {
    let helped = experiments.helped();
    // A change that makes another task's loss infinite is no remedy.
    let sound = |(trial, _): &&(&Trial, &Effect)| !trial.effects.iter().any(Effect::broke);
    let guess = |trial: &Trial| matches!(trial.change, Change::Without { .. } | Change::Alone);
    [false, true].into_iter().find_map(|guessed| {
        let of_kind = helped.iter().filter(sound);
        let of_kind = of_kind.filter(|(trial, _)| guess(trial) == guessed);
        let mut candidates: Vec<_> = of_kind.collect();
        let best = candidates.first()?.1.difference;
        candidates.retain(|(_, effect)| effect.difference <= NEARLY * best);
        candidates.sort_by_key(|(trial, _)| effort(&trial.change));
        candidates
            .into_iter()
            .find_map(|(trial, _)| of_change(trial, experiments, weights))
    })
}

fn effort(change: &Change) -> usize {
    match change {
        Change::Weight { .. } => 0,
        Change::OutputScale { .. } => 1,
        Change::HeadRate { .. } => 2,
        Change::Without { .. } => 3,
        Change::Alone => 4,
    }
}

fn of_change(
    trial: &Trial,
    experiments: &Experiments<'_>,
    weights: &[(String, f64)],
) -> Option<Remedy> {
    let conflict = || {
        let findings = experiments.findings(Vec::new());
        let pulled = |finding: &Finding| matches!(finding.cause, Cause::InConflictWith(_));
        findings.iter().any(pulled)
    };
    match &trial.change {
        Change::Weight { factor } => {
            let times = |(name, weight): &(String, f64)| {
                let factor = if *name == trial.task { *factor } else { 1.0 };
                (name.clone(), rounded(weight * factor))
            };
            let weights: Vec<_> = weights.iter().map(times).collect();
            let usable = |(_, weight): &(String, f64)| weight.is_finite() && *weight >= 0.0;
            (!weights.is_empty() && weights.iter().all(usable)).then_some(Remedy::Weights(weights))
        }
        Change::OutputScale { factor } => Some(Remedy::OutputScale(*factor)),
        Change::HeadRate { factor } => Some(Remedy::HeadRate(*factor)),
        // Against a conflict, `upgrad`, under which neither task undoes the other; otherwise equal gradient shares.
        Change::Without { .. } | Change::Alone if conflict() => Some(Remedy::Strategy("upgrad")),
        Change::Without { .. } | Change::Alone => Some(Remedy::Strategy("gradient-share")),
    }
}

/// Rounds to four significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}
