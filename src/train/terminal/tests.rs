//! Tests the lines of an epoch for any numbers and tasks.

use std::time::Duration;

use console::{measure_text_width, strip_ansi_codes};
use proptest::prelude::*;

use super::{EpochFacts, EpochLines, NARROWEST, WIDTH};
use crate::history::{ALL_TASKS, History, Split, quantity};

const EXPANSION: [&str; 4] = ["type", "pointers", "binary", "countdown"];

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn facts(epoch: usize, seconds: f64) -> EpochFacts {
    EpochFacts {
        epoch,
        took: Duration::from_secs_f64(seconds),
        trained: Duration::from_secs_f64(0.75 * seconds),
        best: true,
    }
}

/// Creates a history in which every quantity of every task is `value`; the best constant reaches 1 if it is known.
fn history(tasks: &[String], epoch: usize, known: bool, value: impl Fn(usize) -> f64) -> History {
    let mut history = History::new();
    for (index, task) in tasks.iter().enumerate() {
        for split in [Split::Train, Split::Valid] {
            if known {
                history.record(0, split, task, quantity::CONSTANT_LOSS, 1.0);
                let skill = 1.0 - value(index);
                history.record(epoch, split, task, quantity::SKILL, skill);
            }
            for name in [quantity::LOSS, quantity::WEIGHT, quantity::GRADIENT_SHARE] {
                history.record(epoch, split, task, name, value(index));
            }
        }
    }
    for name in [
        quantity::LEARNING_RATE,
        quantity::STEPS,
        quantity::OBJECTIVE,
    ] {
        history.record(epoch, Split::Train, ALL_TASKS, name, value(0));
    }
    history
}

/// Returns all lines of an epoch in detail, including the heading.
fn everything(lines: &EpochLines, history: &History, facts: EpochFacts) -> Vec<String> {
    let mut all = vec![lines.legend()];
    all.extend(lines.heading());
    all.push(lines.line(history, facts));
    all.extend(lines.details(history, facts));
    all
}

#[test]
fn the_tasks_of_the_expansion_model_have_columns() {
    let tasks = names(&EXPANSION);
    let values = [0.9253, 1.0214, 1e-12, 124.45];
    let history = history(&tasks, 3, true, |task| values[task]);
    let lines = EpochLines::new(&tasks, 20, &history, (false, 100));
    let found = everything(&lines, &history, facts(3, 4.06)).join("\n");
    let expected = "\
validation losses; skill: 1 - loss / best constant's loss; *: best so far
                             type           pointers             binary          countdown
epoch     time       loss   skill       loss   skill       loss   skill       loss   skill
 3/20    4.1 s     0.9253    +7 %      1.021    -2 %  1.000e-12  +100 %      124.5 <-999 % *
      training     0.9253    +7 %      1.021    -2 %  1.000e-12  +100 %      124.5 <-999 %
        weight     0.9253              1.021          1.000e-12              124.5
gradient share       93 %              100 %                0 %              100 %
                learning rate 0.9253, 1 steps, 0.3039 steps/s, objective 0.9253";
    assert_eq!(found, expected);
}

#[test]
fn four_tasks_fit_into_eighty_columns() {
    let tasks = names(&EXPANSION);
    let values = [0.9253, 1.0214, 1e-12, 124.45];
    let history = history(&tasks, 3, true, |task| values[task]);
    let lines = EpochLines::new(&tasks, 20, &history, (false, 80));
    let mut found = lines.heading();
    found.push(lines.line(&history, facts(3, 4.06)));
    let expected = [
        "                          type        pointers          binary       countdown",
        "epoch     time     loss  skill     loss  skill     loss  skill     loss  skill",
        " 3/20    4.1 s   0.9253   +7 %    1.021   -2 %  1.0e-12 +100 %    124.5 <-99 % *",
    ];
    assert_eq!(found, expected);
    assert!(found.iter().all(|line| line.len() <= 80));
}

#[test]
fn many_tasks_are_a_mean_and_the_worst() {
    let tasks: Vec<String> = (1..=12).map(|n| format!("task {n}")).collect();
    let known = history(&tasks, 2, true, |task| if task == 4 { 1.5 } else { 0.5 });
    let lines = EpochLines::new(&tasks, 20, &known, (false, 100));
    assert_eq!(lines.heading(), ["epoch     time  mean skill  worst task"]);
    let line = lines.line(&known, facts(2, 70.0));
    assert_eq!(line, " 2/20   70.0 s       +42 %  task 5 1.500 (-50 %) *");
    assert_eq!(lines.details(&known, facts(2, 70.0)).len(), 13);

    let mut unknown = history(&tasks, 1, false, |_| 2.0);
    for (index, task) in tasks.iter().enumerate() {
        let loss = if index == 0 { f64::NAN } else { 1.0 };
        unknown.record(2, Split::Valid, task, quantity::LOSS, loss);
    }
    let lines = EpochLines::new(&tasks, 20, &unknown, (false, 100));
    assert!(lines.legend().contains("gain: 1 - loss / first loss"));
    let line = lines.line(&unknown, facts(2, 70.0));
    assert_eq!(line, " 2/20   70.0 s        NaN  task 1 NaN (NaN) *");
}

#[test]
fn tasks_without_a_trivial_predictor_have_no_skill() {
    let tasks = names(&["price", "a name that is longer than any number"]);
    let history = history(&tasks, 1, false, |_| 0.25);
    let lines = EpochLines::new(&tasks, 1, &history, (false, 100));
    let [top, bottom] = &lines.heading()[..] else {
        panic!("two lines")
    };
    assert!(top.ends_with("price  a name that is longer than any number"));
    assert!(!bottom.contains("skill") && !lines.legend().contains("skill"));
    assert!(!lines.line(&history, facts(1, 1.0)).contains('%'));
}

#[test]
fn a_task_without_labels_has_a_dash() {
    let tasks = names(&EXPANSION);
    let history = history(&tasks[..3], 1, true, |_| 0.25);
    let lines = EpochLines::new(&tasks, 1, &history, (false, 100));
    let line = lines.line(&history, facts(1, 1.0));
    assert!(line.ends_with("-         *"), "{line}");
    let nothing = EpochLines::new(&vec!["x".into(); 30], 1, &History::new(), (false, 100));
    let line = nothing.line(&History::new(), facts(1, 1.0));
    assert!(line.contains("no task has a validation loss"), "{line}");
}

#[test]
fn colours_add_nothing_but_colour() {
    let tasks = names(&EXPANSION);
    for value in [0.5, 0.99, 1.5] {
        let history = history(&tasks, 1, true, |_| value);
        let all = |coloured| {
            let lines = EpochLines::new(&tasks, 1, &history, (coloured, 100));
            everything(&lines, &history, facts(1, 1.0)).join("\n")
        };
        let (plain, coloured) = (all(false), all(true));
        assert_eq!(strip_ansi_codes(&coloured), plain);
        assert_eq!(
            coloured.contains("\u{1b}[32m"),
            value == 0.5,
            "green is skill"
        );
        assert_eq!(
            coloured.contains("\u{1b}[31m"),
            value == 1.5,
            "red is below none"
        );
    }
}

proptest! {
    /// Four tasks and 9999 epochs always have columns; no line is too wide for any tasks and numbers.
    #[test]
    fn no_line_is_too_wide(
        bits in prop::collection::vec(any::<u64>(), 1..12),
        long in "[a-z価 ]{1,60}",
        usual in any::<bool>(),
        known in any::<bool>(),
        epochs in prop_oneof![1_usize..10_000, any::<usize>()],
        nanos in any::<u64>(),
        columns in prop_oneof![80_usize..=100, Just(0), Just(usize::MAX)],
    ) {
        let tasks = if usual {
names(&EXPANSION)
} else {
(0..bits.len()).map(|n| format!("{long}{n}")).collect()
};
        let value = |task: usize| f64::from_bits(bits[task % bits.len()]);
        let history = history(&tasks, epochs, known, value);
        let lines = EpochLines::new(&tasks, epochs, &history, (true, columns));
        let mut facts = facts(epochs, 1.0);
        facts.took = Duration::from_nanos(nanos);
        facts.trained = facts.took / 2;
        // Unrealistically many epochs have their own width.
        let most = if epochs < 10_000 { columns.clamp(NARROWEST, WIDTH) } else { WIDTH };
        for line in everything(&lines, &history, facts) {
            prop_assert!(measure_text_width(&line) <= most, "{line}");
        }
        if usual && epochs < 10_000 && columns >= WIDTH {
            prop_assert_eq!(lines.heading().len(), 2);
        }
    }
}
