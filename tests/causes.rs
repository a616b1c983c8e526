//! The causes a diagnosis finds, each on a history made to show it and nothing else, and two at once.

use std::collections::BTreeMap;

use equipoise::diagnosis::{Cause, Confidence, TaskDiagnosis, Verdict, diagnose};
use equipoise::history::{ALL_TASKS, History, Split, quantity};

const EPOCHS: usize = 10;

/// A history of two or more tasks over ten epochs, all audited, in which nothing is wrong but what a test makes so.
struct Story {
    numbers: BTreeMap<(usize, Split, String, String), f64>,
    tasks: Vec<&'static str>,
}

impl Story {
    /// Every task learns: its losses fall to a third, its share is what was meant, nobody works against anybody.
    fn healthy(tasks: &[&'static str]) -> Self {
        let mut story = Self {
            numbers: BTreeMap::new(),
            tasks: tasks.to_vec(),
        };
        for epoch in 1..=EPOCHS {
            story.all(epoch, quantity::STEPS, 50.0);
            story.all(epoch, quantity::LEARNING_RATE, 1e-3);
            story.all(epoch, quantity::REACH, 20.0);
            story.all(epoch, quantity::OBJECTIVE, 1.0);
        }
        for task in tasks {
            story.losses(task, |epoch| 1.0 - 0.067 * epoch as f64, 1.0);
            story.each(task, quantity::GRADIENT_SHARE, 1.0 / tasks.len() as f64);
            story.each(task, quantity::WEIGHT, 1.0);
        }
        for (index, task) in tasks.iter().enumerate() {
            for other in &tasks[index + 1..] {
                story.each(task, &quantity::cosine_with(other), 0.01);
            }
        }
        story
    }

    fn put(&mut self, epoch: usize, split: Split, task: &str, quantity: &str, value: f64) {
        let name = (epoch, split, task.into(), quantity.into());
        self.numbers.insert(name, value);
    }

    fn history(&self) -> History {
        let mut history = History::new();
        for ((epoch, split, task, quantity), value) in &self.numbers {
            history.record(*epoch, *split, task, quantity, *value);
        }
        history
    }

    fn all(&mut self, epoch: usize, quantity: &str, value: f64) {
        self.put(epoch, Split::Train, ALL_TASKS, quantity, value);
    }

    /// The same value in every epoch.
    fn each(&mut self, task: &str, quantity: &str, value: f64) {
        self.over_time(task, quantity, |_| value);
    }

    fn over_time(&mut self, task: &str, quantity: &str, value: impl Fn(usize) -> f64) {
        for epoch in 1..=EPOCHS {
            self.put(epoch, Split::Train, task, quantity, value(epoch));
        }
    }

    /// Losses on both splits, and the best constant's.
    fn losses(&mut self, task: &str, loss: impl Fn(usize) -> f64, constant: f64) {
        for split in [Split::Train, Split::Valid] {
            let name = quantity::CONSTANT_LOSS;
            self.put(0, split, task, name, constant);
            self.split_losses(split, task, &loss, constant);
        }
    }

    fn split_losses(
        &mut self,
        split: Split,
        task: &str,
        loss: impl Fn(usize) -> f64,
        constant: f64,
    ) {
        for epoch in 1..=EPOCHS {
            let loss = loss(epoch);
            self.put(epoch, split, task, quantity::LOSS, loss);
            let skill = 1.0 - loss / constant;
            self.put(epoch, split, task, quantity::SKILL, skill);
            self.put(epoch, split, task, quantity::SKILL_MARGIN, 0.01);
        }
    }

    /// A task that stands where its mean is.
    fn stands(&mut self, task: &str) {
        self.losses(task, |epoch| 1.0 - 0.001 * epoch as f64, 1.0);
    }

    fn shares(&mut self, shares: &[f64]) {
        for (task, share) in self.tasks.clone().iter().zip(shares) {
            self.each(task, quantity::GRADIENT_SHARE, *share);
        }
    }

    fn intended(&mut self, shares: &[f64]) {
        for (task, share) in self.tasks.clone().iter().zip(shares) {
            let name = quantity::INTENDED_SHARE;
            self.put(0, Split::Train, task, name, *share);
        }
    }

    fn size(&mut self, task: &str, size: f64) {
        let name = quantity::TARGET_SIZE;
        self.put(0, Split::Valid, task, name, size);
    }

    fn ends_after(&mut self, epoch: usize) {
        self.numbers.retain(|(e, ..), _| *e <= epoch);
    }

    #[track_caller]
    fn of(&self, task: &str) -> TaskDiagnosis {
        let mut all = diagnose(&self.history()).into_iter();
        all.find(|d| d.task == task).expect("it has losses")
    }

    /// Every other task learned and needs no explanation.
    #[track_caller]
    fn others_are_fine(&self, task: &str) {
        for other in self.tasks.iter().filter(|other| **other != task) {
            let diagnosis = self.of(other);
            assert_eq!(
                diagnosis.verdict,
                Verdict::Learned,
                "{}",
                diagnosis.sentence
            );
            assert_eq!(diagnosis.findings, [], "{other}");
        }
    }
}

#[track_caller]
fn causes(diagnosis: &TaskDiagnosis) -> Vec<Cause> {
    let findings = diagnosis.findings.iter();
    findings.map(|finding| finding.cause.clone()).collect()
}

#[track_caller]
fn says(diagnosis: &TaskDiagnosis, words: &[&str]) {
    for word in words {
        let sentence = &diagnosis.sentence;
        assert!(sentence.contains(word), "`{word}` is not in: {sentence}");
    }
}

const FOUR: [&str; 4] = ["type", "pointers", "binary", "countdown"];

#[test]
fn where_nothing_is_wrong_nothing_is_found() {
    let story = Story::healthy(&FOUR);
    story.others_are_fine("");
}

#[test]
fn starved() {
    let mut story = Story::healthy(&FOUR);
    story.stands("countdown");
    story.intended(&[0.1, 0.7, 0.1, 0.1]);
    story.shares(&[0.40, 0.30, 0.285, 0.015]);
    let diagnosis = story.of("countdown");
    assert_eq!(diagnosis.verdict, Verdict::OnlyMean);
    assert_eq!(causes(&diagnosis), [Cause::Starved]);
    assert_eq!(diagnosis.findings[0].confidence, Confidence::Medium);
    assert_eq!(
        diagnosis.label(),
        "no better than a constant; it may be: starved"
    );
    says(
        &diagnosis,
        &[
            "It may be: it is starved",
            "1.5 %",
            "10 % was meant",
            "let a probe measure the cause",
        ],
    );
    story.others_are_fine("countdown");
}

#[test]
fn a_task_that_has_its_share_is_not_starved_however_still_it_stands() {
    let mut story = Story::healthy(&FOUR);
    story.stands("countdown");
    let diagnosis = story.of("countdown");
    assert_eq!(diagnosis.verdict, Verdict::OnlyMean);
    assert_eq!(causes(&diagnosis), []);
    says(
        &diagnosis,
        &["No cause shows in the gradients", "25 %", "let a probe"],
    );
}

#[test]
fn dominated() {
    let mut story = Story::healthy(&FOUR);
    // It moves, so it is not starved.
    story.losses("countdown", |epoch| 1.3 - 0.03 * epoch as f64, 1.0);
    story.shares(&[0.05, 0.05, 0.8, 0.10]);
    let diagnosis = story.of("countdown");
    assert_eq!(causes(&diagnosis), [Cause::DominatedBy("binary".into())]);
    says(
        &diagnosis,
        &["binary dominates", "80 %", "let a probe measure"],
    );
    story.others_are_fine("countdown");
}

#[test]
fn a_task_that_was_meant_to_have_most_does_not_dominate() {
    let mut story = Story::healthy(&FOUR);
    story.losses("countdown", |epoch| 1.3 - 0.03 * epoch as f64, 1.0);
    story.intended(&[0.05, 0.05, 0.8, 0.10]);
    story.shares(&[0.05, 0.05, 0.8, 0.10]);
    assert_eq!(causes(&story.of("countdown")), []);
}

#[test]
fn in_conflict() {
    let mut story = Story::healthy(&["type", "countdown"]);
    story.losses("countdown", |epoch| 1.3 - 0.03 * epoch as f64, 1.0);
    story.shares(&[0.55, 0.45]);
    story.each("type", &quantity::cosine_with("countdown"), -0.5);
    let diagnosis = story.of("countdown");
    assert_eq!(causes(&diagnosis), [Cause::InConflictWith("type".into())]);
    assert_eq!(diagnosis.findings[0].confidence, Confidence::Medium);
    says(&diagnosis, &["pulls against type", "-0.50"]);
    // The stronger one learns, so there is nothing to explain.
    story.others_are_fine("countdown");
}

#[test]
fn cosines_near_zero_are_no_conflict() {
    let mut story = Story::healthy(&["type", "countdown"]);
    story.losses("countdown", |epoch| 1.3 - 0.03 * epoch as f64, 1.0);
    story.shares(&[0.55, 0.45]);
    story.each("type", &quantity::cosine_with("countdown"), -0.04);
    assert_eq!(causes(&story.of("countdown")), []);
}

/// 500 steps of 1e-3 move a head by 10 where a step of 1 moves it by 20.
#[test]
fn out_of_reach() {
    let mut story = Story::healthy(&FOUR);
    story.stands("countdown");
    story.size("countdown", 45.0);
    let diagnosis = story.of("countdown");
    assert_eq!(causes(&diagnosis), [Cause::OutOfReach]);
    assert_eq!(diagnosis.findings[0].confidence, Confidence::Medium);
    says(
        &diagnosis,
        &[
            "about 45.00 from zero",
            "500 steps",
            "by 10.00 at most",
            "at least 2250 steps",
            "multiply the output of countdown's head by 32",
        ],
    );
    story.size("countdown", 9.0);
    assert_eq!(causes(&story.of("countdown")), []);
    // A task that got there was in reach, whatever the estimate says.
    story.size("type", 45.0);
    story.others_are_fine("countdown");
}

/// A factor would not help a head whose targets are of size one.
#[test]
fn out_of_reach_for_want_of_steps_alone() {
    let mut story = Story::healthy(&FOUR);
    story.stands("countdown");
    story.size("countdown", 0.9);
    story.each(ALL_TASKS, quantity::STEPS, 1.0);
    let diagnosis = story.of("countdown");
    assert_eq!(causes(&diagnosis), [Cause::OutOfReach]);
    says(
        &diagnosis,
        &[
            "10 steps",
            "learning rate of countdown's own parameters by 5",
        ],
    );
    assert!(
        !diagnosis.sentence.contains("multiply the output"),
        "{}",
        diagnosis.sentence
    );
}

#[test]
fn weight_running_away_upwards() {
    let mut story = Story::healthy(&FOUR);
    story.losses(
        "pointers",
        |epoch| {
            if epoch < 3 {
                0.99
            } else {
                0.99 + 0.001 * epoch as f64
            }
        },
        1.0,
    );
    story.over_time("pointers", quantity::WEIGHT, |epoch| {
        2f64.powi(epoch as i32)
    });
    for epoch in 1..=EPOCHS {
        story.all(epoch, quantity::OBJECTIVE, 1.0 - 0.5 * epoch as f64);
    }
    let diagnosis = story.of("pointers");
    assert_eq!(causes(&diagnosis), [Cause::WeightRunningAway]);
    assert_eq!(diagnosis.findings[0].confidence, Confidence::Medium);
    says(
        &diagnosis,
        &[
            "from 2.000 to 1024.0",
            "objective is -4.000",
            "let a probe measure the cause",
        ],
    );
    story.others_are_fine("pointers");
}

#[test]
fn weight_running_away_downwards() {
    let mut story = Story::healthy(&FOUR);
    story.losses("countdown", |_| 0.99, 1.0);
    story.over_time("countdown", quantity::WEIGHT, |epoch| {
        0.5f64.powi(epoch as i32)
    });
    let diagnosis = story.of("countdown");
    assert_eq!(causes(&diagnosis), [Cause::WeightRunningAway]);
    says(&diagnosis, &["its weight runs away", "let a probe"]);
}

/// Uncertainty weighting weighs by the inverse of the loss: a weight that grows because the loss falls does what it
/// should.
#[test]
fn a_weight_that_grows_while_the_loss_gets_better_does_not_run_away() {
    let mut story = Story::healthy(&FOUR);
    story.losses("pointers", |epoch| 0.5f64.powi(epoch as i32), 1.0);
    story.over_time("pointers", quantity::WEIGHT, |epoch| {
        2f64.powi(epoch as i32)
    });
    story.others_are_fine("");
}

#[test]
fn overfitted() {
    let mut story = Story::healthy(&FOUR);
    story.split_losses(Split::Valid, "type", |epoch| 0.9 + 0.05 * epoch as f64, 1.0);
    let diagnosis = story.of("type");
    assert_eq!(diagnosis.verdict, Verdict::Overfitted);
    assert_eq!(causes(&diagnosis), []);
    says(
        &diagnosis,
        &[
            "67 % below",
            "40 ± 1.0 % above",
            "0.9500 after epoch 1",
            "more training data",
        ],
    );
    story.others_are_fine("type");
}

#[test]
fn only_its_position() {
    let mut story = Story::healthy(&FOUR);
    story.each("countdown", "unused", 0.0);
    for epoch in 1..=EPOCHS {
        let name = quantity::SKILL_OVER_POSITION;
        story.put(epoch, Split::Valid, "countdown", name, 0.01);
        let name = quantity::SKILL_OVER_POSITION_MARGIN;
        story.put(epoch, Split::Valid, "countdown", name, 0.02);
    }
    let diagnosis = story.of("countdown");
    assert_eq!(diagnosis.verdict, Verdict::OnlyPosition);
    says(
        &diagnosis,
        &[
            "knows only its position",
            "67 ± 1.0 % below the best constant",
            "1.0 ± 2.0 % below the best guess",
        ],
    );
    story.others_are_fine("countdown");
}

#[test]
fn two_causes_at_once() {
    let mut story = Story::healthy(&FOUR);
    story.stands("countdown");
    story.size("countdown", 15.0);
    story.shares(&[0.06, 0.06, 0.87, 0.01]);
    let diagnosis = story.of("countdown");
    let mut found = causes(&diagnosis);
    found.retain(|cause| *cause != Cause::DominatedBy("binary".into()));
    // What is surest comes first: 15 against 10 is not far, 1 % against 25 % is.
    assert_eq!(found, [Cause::Starved, Cause::OutOfReach]);
    assert!(diagnosis.has(|cause| *cause == Cause::DominatedBy("binary".into())));
    assert_eq!(
        diagnosis.label(),
        "no better than a constant; it may be: starved, dominated by binary; perhaps: out of the optimizer's reach"
    );
    story.others_are_fine("countdown");
}

#[test]
fn conflict_and_reach_at_once() {
    let mut story = Story::healthy(&["type", "countdown"]);
    story.stands("countdown");
    story.size("countdown", 100.0);
    story.shares(&[0.7, 0.3]);
    story.each("type", &quantity::cosine_with("countdown"), -0.2);
    let diagnosis = story.of("countdown");
    assert_eq!(
        causes(&diagnosis),
        [Cause::OutOfReach, Cause::InConflictWith("type".into())]
    );
    says(&diagnosis, &["It may be: ", "Perhaps: "]);
}

#[test]
fn a_short_history_makes_no_one_certain() {
    let mut story = Story::healthy(&FOUR);
    story.stands("countdown");
    story.shares(&[0.33, 0.33, 0.33, 0.01]);
    story.ends_after(2);
    // The others have not fallen far enough yet to say that they improved.
    assert_eq!(causes(&story.of("countdown")), []);
    story.losses("type", |epoch| 1.0 / epoch as f64, 1.0);
    story.ends_after(2);
    let diagnosis = story.of("countdown");
    assert_eq!(causes(&diagnosis), [Cause::Starved]);
    assert_eq!(diagnosis.findings[0].confidence, Confidence::Low);
}

#[test]
fn an_empty_history_has_no_verdicts_and_an_odd_one_does_not_panic() {
    assert_eq!(diagnose(&History::new()), []);
    let mut history = History::new();
    for epoch in [3, 9] {
        for value in [f64::NAN, f64::INFINITY] {
            history.record(epoch, Split::Valid, "a", quantity::LOSS, 0.0);
            history.record(epoch, Split::Valid, "b", quantity::LOSS, value);
            history.record(epoch, Split::Train, "a", quantity::WEIGHT, value);
            history.record(epoch, Split::Train, "a", quantity::GRADIENT_SHARE, value);
            history.record(epoch, Split::Train, ALL_TASKS, quantity::REACH, value);
            history.record(epoch, Split::Train, "a", &quantity::cosine_with("b"), value);
        }
    }
    let [_, b] = &diagnose(&history)[..] else {
        panic!("two tasks");
    };
    assert_eq!(b.verdict, Verdict::Diverged);
}

/// 64 tasks over 100 epochs have tens of thousands of records; looking through all of them for each number took
/// seconds.
#[test]
fn many_tasks_take_no_time() {
    let names: Vec<String> = (0..64).map(|task| format!("task {task}")).collect();
    let mut history = History::new();
    for epoch in 1..=100 {
        for (index, task) in names.iter().enumerate() {
            history.record(epoch, Split::Valid, task, quantity::LOSS, 1.0);
            for other in names.iter().skip(index + 1).step_by(8) {
                history.record(
                    epoch,
                    Split::Train,
                    task,
                    &quantity::cosine_with(other),
                    0.1,
                );
            }
        }
    }
    let began = std::time::Instant::now();
    assert_eq!(diagnose(&history).len(), 64);
    // A tenth of a second in release; the bound leaves room for a slow machine in the dev profile.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}
