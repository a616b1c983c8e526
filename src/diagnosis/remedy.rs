//! What to change next for a task: one thing, in a form that can be followed.

use serde_json::{Map, Number, Value};

use super::causes::{Cause, Confidence, Finding};
use super::evidence::Evidence;
use super::experiments::Experiments;
use super::trials::{Change, Effect, Trial};
use super::verdict::Verdict;

/// A change that reaches this part of what the best one brings is as good if it is simpler to make.
const NEARLY: f64 = 0.7;

/// What to change next for a task.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Remedy {
    /// Train with fixed weights on raw losses: the effective weights of the last epoch, that of the task multiplied by what an experiment
    /// showed to help.
    Weights(Vec<(String, f64)>),
    /// Multiply the output of the task's head by a factor: one that an experiment showed to help, or the size of targets that are out of
    /// the head's reach.
    OutputScale(f64),
    /// Multiply the learning rate of the task's own parameters by a factor, likewise.
    HeadRate(f64),
    /// Train under another strategy, by its name. That it helps was not measured.
    Strategy(&'static str),
    /// Let experiments tell which of the causes that the history suggests it is.
    Probe,
    /// More forks, longer ones or more validation data: what was tried did not tell.
    ProbeMore,
    /// Have the gradients audited, without which the history shows no cause.
    Audit,
    /// Lower the learning rate.
    LowerRate,
    /// More data, or more dropout or weight decay: the network knows its training data by heart.
    Regularise,
    /// More validation data: there are too few to tell.
    MoreValidation,
    /// More data, more steps, or another target: nothing else that was looked at stands in the way.
    MoreData,
}

impl Remedy {
    /// The strategy as JSON, where the remedy is one: `{"strategy":"upgrad"}`.
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

    /// What to do, in one sentence without a full stop, for a task of a name.
    pub fn sentence(&self, task: &str) -> String {
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

/// The one remedy for a task; none where nothing has to be done, or nothing is known.
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

/// What brings targets into reach that are certainly out of it: how far a head can move in so many steps is known without an experiment.
fn of_arithmetic(evidence: &Evidence, findings: &[Finding]) -> Option<Remedy> {
    let certain = |finding: &Finding| {
        finding.cause == Cause::OutOfReach && finding.confidence == Confidence::Medium
    };
    let reach = evidence.reach.filter(|_| findings.iter().any(certain))?;
    // A head whose targets are of size one already gains nothing from a factor.
    Some(if reach.size >= 2.0 {
        Remedy::OutputScale(reach.size.log2().round().exp2())
    } else {
        Remedy::HeadRate((reach.steps_needed() / reach.steps).ceil())
    })
}

/// What helps against a cause that no experiment could show.
fn of_cause(findings: &[Finding]) -> Remedy {
    let away = |finding: &Finding| finding.cause == Cause::WeightRunningAway;
    if findings.iter().any(away) {
        Remedy::Strategy("sum")
    } else {
        Remedy::MoreData
    }
}

/// The simplest of the changes that helped nearly as much as the best of its kind. What was measured and can be made as it is comes first; that
/// another strategy helps where leaving out a task did is a guess.
fn measured(experiments: &Experiments<'_>, weights: &[(String, f64)]) -> Option<Remedy> {
    let helped = experiments.helped();
    // What makes another task's loss infinite is no remedy.
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
        // Neither of two that pull apart undoes the other; where one has most of the gradient, equal shares.
        Change::Without { .. } | Change::Alone if conflict() => Some(Remedy::Strategy("upgrad")),
        Change::Without { .. } | Change::Alone => Some(Remedy::Strategy("gradient-share")),
    }
}

/// Four digits that matter.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}
