//! The verdicts, each on a history made to show it and nothing else; and what a history promises as a file.
#![cfg(feature = "expansion")]

use equipoise::Error;
use equipoise::diagnosis::{Cause, Confidence, TaskDiagnosis, Verdict, diagnose};
#[cfg(feature = "expansion")]
use equipoise::expansion::run::QuickTest;
use equipoise::history::{ALL_TASKS, History, Split, quantity};

/// The losses of a task over the epochs, in validation and training alike, and the best constant's.
fn course(history: &mut History, task: &str, losses: &[f64], constant: Option<f64>) {
    if let Some(constant) = constant {
        history.record(0, Split::Valid, task, quantity::CONSTANT_LOSS, constant);
    }
    for (index, loss) in losses.iter().enumerate() {
        let epoch = index + 1;
        history.record(epoch, Split::Train, task, quantity::LOSS, *loss);
        history.record(epoch, Split::Valid, task, quantity::LOSS, *loss);
        if let Some(constant) = constant {
            let skill = 1.0 - loss / constant;
            history.record(epoch, Split::Valid, task, quantity::SKILL, skill);
            history.record(epoch, Split::Valid, task, quantity::SKILL_MARGIN, 0.01);
        }
    }
}

fn verdict_of(history: &History, task: &str) -> TaskDiagnosis {
    let all = diagnose(history);
    let found: Vec<_> = all.into_iter().filter(|d| d.task == task).collect();
    let [diagnosis] = &found[..] else {
        panic!("{task} has {} verdicts", found.len())
    };
    diagnosis.clone()
}

fn causes(diagnosis: &TaskDiagnosis) -> Vec<(Cause, Confidence)> {
    let findings = diagnosis.findings.iter();
    findings.map(|f| (f.cause.clone(), f.confidence)).collect()
}

#[track_caller]
fn says(diagnosis: &TaskDiagnosis, words: &[&str]) {
    for word in words {
        assert!(
            diagnosis.sentence.contains(word),
            "`{word}` is not in: {}",
            diagnosis.sentence
        );
    }
}

#[test]
fn a_task_that_beats_the_constant_learned() {
    let mut history = History::new();
    course(
        &mut history,
        "pointers",
        &[0.016, 0.010, 0.006],
        Some(0.008),
    );
    history.record(
        3,
        Split::Valid,
        "pointers",
        quantity::SKILL_OVER_POSITION,
        0.1,
    );
    let name = quantity::SKILL_OVER_POSITION_MARGIN;
    history.record(3, Split::Valid, "pointers", name, 0.01);
    history.record(3, Split::Train, "pointers", quantity::WEIGHT, 0.7);
    let diagnosis = verdict_of(&history, "pointers");
    assert_eq!(diagnosis.verdict, Verdict::Learned);
    assert_eq!((diagnosis.first_loss, diagnosis.last_loss), (0.016, 0.006));
    assert_eq!(diagnosis.skill, Some(1.0 - 0.006 / 0.008));
    assert_eq!(diagnosis.skill_over_position, Some(0.1));
    assert_eq!(diagnosis.weight, Some(0.7));
    says(
        &diagnosis,
        &[
            "pointers learned",
            "0.01600",
            "0.00600",
            "-62.5 %",
            "25 ± 1.0 % below the best constant",
        ],
    );
    says(
        &diagnosis,
        &["10 ± 1.0 % below the best guess from the position alone"],
    );
}

#[test]
fn learned_needs_the_whole_interval_and_more_than_the_baseline_is_known_to() {
    use Verdict::{Learned, OnlyMean, Undecided};
    for (loss, margin, verdict) in [
        (0.949, Some(0.01), Learned),
        (0.975, Some(0.01), Learned),
        (0.985, Some(0.001), OnlyMean),
        (0.949, Some(0.06), Undecided),
        (0.4, Some(0.7), Undecided),
        // Too few batches for an interval.
        (0.4, None, Undecided),
        (1.02, Some(0.2), OnlyMean),
    ] {
        let mut history = History::new();
        course(&mut history, "type", &[2.0, loss], Some(1.0));
        let name = quantity::SKILL_MARGIN;
        history.record(2, Split::Valid, "type", name, margin.unwrap_or(f64::NAN));
        let found = verdict_of(&history, "type");
        assert_eq!(
            found.verdict, verdict,
            "{loss} {margin:?}: {}",
            found.sentence
        );
    }
}

/// The network of the best epoch is the one that is kept and used.
#[test]
fn a_verdict_is_that_of_the_best_epoch() {
    let mut history = History::new();
    course(&mut history, "type", &[0.9, 0.7, 1.3], Some(1.0));
    for (epoch, relative) in [(1, 0.9), (2, 0.7), (3, 1.3)] {
        let name = quantity::RELATIVE_LOSS;
        history.record(epoch, Split::Valid, ALL_TASKS, name, relative);
    }
    let found = verdict_of(&history, "type");
    assert_eq!((found.verdict, found.epoch), (Verdict::Learned, 2));
    assert_eq!((found.loss, found.last_loss), (0.7, 1.3));
    says(
        &found,
        &[
            "at the best epoch (2)",
            "to 1.300 by the last epoch",
            "30 ± 1.0 % below",
            "after the last epoch",
            "30 % above",
        ],
    );
}

#[test]
fn a_task_that_falls_to_the_constant_is_no_better() {
    let mut history = History::new();
    course(&mut history, "binary", &[0.69, 0.30, 0.25], Some(0.2485));
    let diagnosis = verdict_of(&history, "binary");
    assert_eq!(diagnosis.verdict, Verdict::OnlyMean);
    says(
        &diagnosis,
        &[
            "binary is no better than a constant",
            "0.6900",
            "0.2500",
            "-63.8 %",
            "0.2485",
        ],
    );
}

#[test]
fn a_task_that_stands_still_while_another_improves_is_starved() {
    let mut history = History::new();
    course(
        &mut history,
        "countdown",
        &[15.90, 15.88, 15.86],
        Some(15.84),
    );
    course(
        &mut history,
        "pointers",
        &[0.016, 0.012, 0.009],
        Some(0.0084),
    );
    let diagnosis = verdict_of(&history, "countdown");
    assert_eq!(diagnosis.verdict, Verdict::OnlyMean);
    // Nobody audited the gradients, so it may be something else.
    assert_eq!(causes(&diagnosis), [(Cause::Starved, Confidence::Low)]);
    says(
        &diagnosis,
        &[
            "it is starved",
            "share of the gradients was not audited",
            "15.90",
            "15.86",
            "-0.3 %",
            "pointers",
            "-43.8 %",
            "15.84",
        ],
    );
    assert_eq!(verdict_of(&history, "pointers").verdict, Verdict::OnlyMean);
}

#[test]
fn a_task_that_stands_still_with_all_others_is_not_starved() {
    let mut history = History::new();
    course(&mut history, "countdown", &[15.90, 15.86], Some(15.84));
    course(&mut history, "pointers", &[0.016, 0.0159], Some(0.0084));
    for task in ["countdown", "pointers"] {
        let diagnosis = verdict_of(&history, task);
        assert_eq!(diagnosis.verdict, Verdict::OnlyMean, "{task}");
        assert_eq!(causes(&diagnosis), [], "{task}");
        says(&diagnosis, &["no cause is known", "audit"]);
    }
}

#[test]
fn a_task_that_arrived_before_the_first_epoch_ended_is_not_starved() {
    let mut history = History::new();
    course(&mut history, "countdown", &[2.0, 2.001, 2.0], Some(15.84));
    course(&mut history, "pointers", &[0.016, 0.009], Some(0.0084));
    assert_eq!(verdict_of(&history, "countdown").verdict, Verdict::Learned);
}

#[test]
fn a_loss_that_is_not_finite_or_grows_diverged() {
    for last in [f64::NAN, f64::INFINITY, 3.2] {
        let mut history = History::new();
        course(&mut history, "type", &[2.0, 1.0, last], Some(1.09));
        course(
            &mut history,
            "pointers",
            &[0.016, 0.012, 0.004],
            Some(0.0084),
        );
        let diagnosis = verdict_of(&history, "type");
        assert_eq!(diagnosis.verdict, Verdict::Diverged, "{last}");
        says(&diagnosis, &["type diverged", "2.000"]);
        if last.is_finite() {
            says(&diagnosis, &["3.200"]);
        }
        assert_eq!(
            verdict_of(&history, "pointers").verdict,
            Verdict::Learned,
            "{last}"
        );
    }
}

#[test]
fn overfitting_is_not_divergence() {
    let mut history = History::new();
    course(&mut history, "type", &[1.1, 1.0], Some(1.09));
    history.record(2, Split::Valid, "type", quantity::LOSS, 2.5);
    history.record(2, Split::Valid, "type", quantity::SKILL, 1.0 - 2.5 / 1.09);
    assert_eq!(verdict_of(&history, "type").verdict, Verdict::OnlyMean);
}

/// However far a loss fell: how far it would fall for a predictor without inputs is not known.
#[test]
fn without_a_trivial_predictor_nothing_is_known() {
    let mut history = History::new();
    course(&mut history, "improves", &[1.0, 0.1], None);
    course(&mut history, "stands", &[1.0, 0.999], None);
    let improves = verdict_of(&history, "improves");
    assert_eq!(improves.verdict, Verdict::NoBaseline);
    says(
        &improves,
        &["is unknown", "no uninformed predictor", "`baseline`"],
    );
    let stands = verdict_of(&history, "stands");
    assert_eq!(stands.verdict, Verdict::NoBaseline);
    assert_eq!(causes(&stands), [(Cause::Starved, Confidence::Low)]);
    for (reason, words) in [
        (1.0, "without_inputs"),
        (2.0, "no label"),
        (3.0, "did not converge"),
    ] {
        history.record(0, Split::Valid, "stands", quantity::NO_BASELINE, reason);
        says(&verdict_of(&history, "stands"), &[words]);
    }
}

#[test]
fn a_task_without_a_validation_loss_is_said_to_be_unknown() {
    let mut history = History::new();
    course(&mut history, "type", &[1.1, 1.0], None);
    history.record(1, Split::Train, "silent", quantity::LOSS, 1.0);
    let silent = verdict_of(&history, "silent");
    assert_eq!(silent.verdict, Verdict::Unlabelled);
    says(&silent, &["no labels in the validation data", "unknown"]);
    assert!(diagnose(&History::new()).is_empty());
}

#[test]
fn verdicts_have_the_words_of_the_report() {
    let all = [
        Verdict::Learned,
        Verdict::OnlyMean,
        Verdict::Overfitted,
        Verdict::Diverged,
    ];
    let words = all.map(|verdict| verdict.to_string());
    assert_eq!(
        words,
        [
            "learned",
            "no better than a constant",
            "overfitted",
            "diverged"
        ]
    );
    assert_eq!(format!("{:>10}", Verdict::Learned), "   learned");
}

#[test]
fn the_quick_test_is_positive_where_one_stands_and_the_other_improves() {
    let mut history = History::new();
    course(&mut history, "countdown", &[15.90, 15.86], None);
    course(&mut history, "pointers", &[0.016, 0.008], None);
    let test = QuickTest::of(&history, "countdown", "pointers").unwrap();
    assert!(test.positive);
    assert!((test.stuck_change - (15.86 / 15.90 - 1.0)).abs() < 1e-12);
    assert!((test.improving_change + 0.5).abs() < 1e-12);
    for word in ["countdown", "pointers", "yes", "-0.3 %", "-50.0 %"] {
        assert!(test.sentence.contains(word), "{}", test.sentence);
    }
}

#[test]
fn the_quick_test_is_negative_everywhere_else() {
    let cases: [(&[f64], &[f64]); 4] = [
        // The first moves, down or up.
        (&[15.90, 15.0], &[0.016, 0.008]),
        (&[15.90, 16.5], &[0.016, 0.008]),
        // The second improves too little, or gets worse.
        (&[15.90, 15.86], &[0.016, 0.0135]),
        (&[15.90, 15.86], &[0.016, 0.030]),
    ];
    for (stuck, improving) in cases {
        let mut history = History::new();
        course(&mut history, "countdown", stuck, None);
        course(&mut history, "pointers", improving, None);
        let test = QuickTest::of(&history, "countdown", "pointers").unwrap();
        assert!(!test.positive, "{stuck:?} {improving:?}");
        assert!(test.sentence.contains("no:"), "{}", test.sentence);
    }
}

#[test]
fn the_quick_test_needs_two_epochs_of_both() {
    let mut history = History::new();
    course(&mut history, "countdown", &[15.90, 15.86], None);
    course(&mut history, "pointers", &[0.016], None);
    assert_eq!(QuickTest::of(&history, "countdown", "pointers"), None);
    assert_eq!(QuickTest::of(&history, "pointers", "countdown"), None);
    assert_eq!(QuickTest::of(&history, "countdown", "nothing"), None);
}

fn sample() -> History {
    let mut history = History::new();
    let constant = quantity::CONSTANT_LOSS;
    history.record(0, Split::Valid, "a, \"quoted\" task", constant, 0.1 + 0.2);
    for epoch in 1..=3 {
        history.record(
            epoch,
            Split::Train,
            "type",
            quantity::LOSS,
            1.0 / epoch as f64,
        );
        history.record(
            epoch,
            Split::Valid,
            "type",
            quantity::LOSS,
            f64::MIN_POSITIVE,
        );
        history.record(epoch, Split::Train, ALL_TASKS, quantity::OBJECTIVE, -1e300);
    }
    history
}

#[test]
fn a_history_survives_its_file_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.csv");
    let history = sample();
    history.write_csv(&file).unwrap();
    assert_eq!(History::read_csv(&file).unwrap(), history);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("epoch,split,task,quantity,value\n"),
        "{text}"
    );
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 1, "nothing else is left behind");
}

#[test]
fn values_that_are_not_finite_survive_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.csv");
    let mut history = History::new();
    let broken = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for (index, value) in broken.iter().enumerate() {
        history.record(index, Split::Valid, "type", quantity::LOSS, *value);
    }
    history.write_csv(&file).unwrap();
    let read = History::read_csv(&file).unwrap();
    let values: Vec<f64> = read.records().iter().map(|r| r.value).collect();
    assert!(values[0].is_nan());
    assert_eq!(values[1..], broken[1..]);
}

#[test]
fn a_bad_line_of_a_history_is_an_error_with_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.csv");
    let good = "epoch,split,task,quantity,value\n1,train,type,loss,0.5\n";
    let cases = [
        ("1,train,type,loss,much\n", 3),
        ("1,test,type,loss,0.5\n", 3),
        ("-1,train,type,loss,0.5\n", 3),
        ("1,train,type,loss\n", 3),
        ("1,train,type,loss,0.5\n1.5,train,type,loss,0.5\n", 4),
    ];
    for (bad, expected) in cases {
        std::fs::write(&file, format!("{good}{bad}")).unwrap();
        let error = History::read_csv(&file).unwrap_err();
        match &error {
            Error::Line { line, .. } => assert_eq!(*line, expected, "{bad}: {error}"),
            other => panic!("{bad}: {other:?}"),
        }
        assert!(error.to_string().contains("history.csv"), "{error}");
    }
    let error = History::read_csv(folder.path().join("missing.csv")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
}

#[test]
fn truncating_forgets_what_came_after() {
    let mut history = sample();
    history.truncate_after(2);
    assert_eq!(history.last_epoch(), 2);
    assert_eq!(history.records().len(), 1 + 2 * 3);
    assert_eq!(history.get(3, Split::Train, "type", quantity::LOSS), None);
    assert_eq!(
        history.get(2, Split::Train, "type", quantity::LOSS),
        Some(0.5)
    );
    history.truncate_after(0);
    assert_eq!(
        history.records().len(),
        1,
        "what is known before training stays"
    );
}

#[test]
fn a_record_of_the_same_place_is_replaced() {
    let mut history = sample();
    let count = history.records().len();
    history.record(2, Split::Train, "type", quantity::LOSS, 7.0);
    assert_eq!(history.records().len(), count);
    assert_eq!(
        history.get(2, Split::Train, "type", quantity::LOSS),
        Some(7.0)
    );
    let series = history.series(Split::Train, "type", quantity::LOSS);
    assert_eq!(series[..], [(1, 1.0), (2, 7.0), (3, 1.0 / 3.0)]);
    assert_eq!(
        history.last(Split::Train, "type", quantity::LOSS),
        Some(1.0 / 3.0)
    );
    assert_eq!(history.tasks(), ["a, \"quoted\" task", "type"]);
}
