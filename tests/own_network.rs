//! The `Trainer` on a network that is not ours: accumulation, parts, several data sets, hooks, metrics, and what a
//! programmer gets wrong.
#![cfg(all(feature = "expansion", feature = "flex"))]

mod support;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::InMemDataset;
use burn::optim::SgdConfig;
use burn::optim::lr_scheduler::exponential::ExponentialLrSchedulerConfig;
use burn::tensor::{Device, Tensor};
use equipoise::history::{ALL_TASKS, Split, quantity};
use equipoise::loss::TaskLosses;
use equipoise::model::MultiTaskModel;
use equipoise::train::{
    Alternation, Data, DataPass, Mixture, Outcome, PartConfig, Source, TrainConfig, Trainer, Watch,
};
use equipoise::weighting::{Strategy, StrategyConfig};
use equipoise::{Error, Task, TaskSet};
use support::tabular::{
    Batch, INPUTS, Network, Row, Says, ToBatch, all, data, moved, network, parameters, rows,
    strategy, trainer,
};

/// One step of plain gradient descent with a rate of 1, over the rows in order.
fn one_step(says: Says, rows: Vec<Row>, size: usize, parts: usize, strategy_json: &str) -> Network {
    let (device, folder) = (Device::flex(), tempfile::tempdir().unwrap());
    let config = TrainConfig::default()
        .with_epochs(1)
        .with_learning_rate(1.0)
        .with_accumulate(parts);
    let valid = data(rows.clone(), 32);
    let outcome = trainer(config, folder.path())
        .with_optimizer(SgdConfig::new().init())
        .fit_sources(
            network(says, &device),
            strategy(strategy_json, &device),
            data(rows, size),
            valid,
            &device,
        )
        .unwrap();
    outcome.model.network
}

/// Weights that depend on nothing.
const FIXED: &str = r#"{"strategy": "manual", "weights": [0.5, 3.0], "normalise": false}"#;

/// Labels that lie differently in every quarter of 32 rows.
fn uneven(number: usize) -> (bool, bool) {
    (
        number % 8 != 3 || number < 8,
        number < 10 || number.is_multiple_of(5),
    )
}

#[test]
fn a_step_in_parts_has_the_gradients_of_the_whole() {
    for says in [Says::Nothing, Says::Masks, Says::Counts] {
        let labelled = if says == Says::Nothing { all } else { uneven };
        // Parts of 8, 8, 8 and 8, and of 12, 12 and 8.
        for (size, parts) in [(8, 4), (12, 3)] {
            let whole = one_step(says, rows(32, labelled), 32, 1, FIXED);
            let in_parts = one_step(says, rows(32, labelled), size, parts, FIXED);
            let before = network(says, &Device::flex());
            let gaps = moved(&whole, &in_parts);
            for (path, gap) in &gaps {
                assert!(
                    *gap < 1e-5,
                    "{says:?}, parts of {size}: {path} is off by {gap:e}"
                );
            }
            assert!(moved(&before, &whole).values().all(|moved| *moved > 1e-3));
        }
    }
}

/// The trunk is another matter: there the rule weighs every part by itself.
#[test]
fn heads_under_a_rule_from_gradients_get_the_gradients_of_the_whole() {
    let rule = r#"{"strategy": "upgrad"}"#;
    for says in [Says::Nothing, Says::Masks, Says::Counts] {
        let labelled = if says == Says::Nothing { all } else { uneven };
        let whole = one_step(says, rows(32, labelled), 32, 1, rule);
        let in_parts = one_step(says, rows(32, labelled), 8, 4, rule);
        for (path, gap) in moved(&whole, &in_parts) {
            if !path.starts_with("trunk") {
                assert!(gap < 1e-5, "{says:?}: {path} is off by {gap:e}");
            }
        }
    }
}

#[test]
fn learnable_values_move_by_their_gradient_over_the_whole_step() {
    let moved = |size: usize, parts: usize| {
        let (device, folder) = (Device::flex(), tempfile::tempdir().unwrap());
        // With an epsilon far above the gradients, AdamW moves by the gradient, not by its sign.
        let config = TrainConfig::default()
            .with_epochs(1)
            .with_accumulate(parts)
            .with_epsilon(10.0)
            .with_weighting_learning_rate(Some(1.0));
        let outcome = trainer(config, folder.path())
            .fit_sources(
                network(Says::Nothing, &device),
                strategy(r#"{"strategy": "uncertainty"}"#, &device),
                data(rows(32, all), size),
                data(rows(32, all), 32),
                &device,
            )
            .unwrap();
        let values = parameters(&outcome.model).into_iter();
        let learned = values.filter(|(path, _)| path.starts_with("weighting"));
        learned.flat_map(|(_, values)| values).collect::<Vec<f32>>()
    };
    let whole = moved(32, 1);
    assert!(
        whole.iter().any(|value| value.abs() > 1e-2),
        "nothing moved: {whole:?}"
    );
    let in_parts = moved(8, 4);
    assert_eq!(whole.len(), in_parts.len());
    for (whole, in_parts) in whole.iter().zip(&in_parts) {
        assert!(
            (whole - in_parts).abs() < 1e-4,
            "{in_parts} in parts, {whole} in one"
        );
    }
}

#[test]
fn a_part_in_which_a_task_has_no_label_counts_for_the_others() {
    // Signs in the first half alone.
    let labelled = |number| (true, number < 16);
    let whole = one_step(Says::Masks, rows(32, labelled), 32, 1, FIXED);
    for says in [Says::Masks, Says::Counts] {
        let in_parts = one_step(says, rows(32, labelled), 8, 4, FIXED);
        for (path, gap) in moved(&whole, &in_parts) {
            assert!(gap < 1e-5, "{says:?}: {path} is off by {gap:e}");
        }
    }
}

#[test]
fn labels_that_are_told_too_late_are_refused_with_what_to_do() {
    let labelled = |number| (true, number < 16);
    let run = || one_step(Says::Options, rows(32, labelled), 8, 4, FIXED);
    let message = message_of(run);
    assert!(
        message.contains("implement `MultiTaskModel::labels`"),
        "{message}"
    );
}

/// What a function panics with.
fn message_of<T>(run: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run))
        .err()
        .expect("it panics");
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast::<&str>().unwrap().to_string(),
    }
}

fn fit(trainer: Trainer<Network>, json: &str) -> equipoise::Result<Outcome<Network>> {
    let device = Device::flex();
    trainer.fit(
        network(Says::Nothing, &device),
        strategy(json, &device),
        InMemDataset::new(rows(64, all)),
        InMemDataset::new(rows(32, all)),
        ToBatch,
        &device,
    )
}

const SUM: &str = r#"{"strategy": "sum"}"#;

#[test]
fn parts_have_rates_and_norms_of_their_own_or_stay() {
    let device = Device::flex();
    let before = network(Says::Nothing, &device);
    let run = |parts: Vec<PartConfig>, clip: Option<f64>| {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainConfig::default()
            .with_epochs(1)
            .with_steps_per_epoch(Some(1))
            .with_learning_rate(0.1)
            .with_clip_norm(clip)
            .with_parts(parts);
        let trainer = trainer(config, folder.path()).with_optimizer(SgdConfig::new().init());
        moved(&before, &fit(trainer, SUM).unwrap().model.network)
    };
    let plain = run(Vec::new(), None);
    let parts = vec![
        PartConfig::new("network.trunk").frozen(),
        PartConfig::new("network.level").with_learning_rate(0.01),
    ];
    let found = run(parts, None);
    assert_eq!(found["trunk.weight"], 0.0);
    assert_eq!(found["sign.weight"], plain["sign.weight"]);
    let ratio = found["level.weight"] / plain["level.weight"];
    assert!((ratio - 0.1).abs() < 1e-4, "{ratio}");
    // The heads' norms are their own; the trunk's is that of the run.
    let heads = ["network.level", "network.sign"];
    let parts = heads.map(|head| PartConfig::new(head).with_clip_norm(1e-3));
    let found = run(parts.to_vec(), Some(1e-2));
    assert!(found["level.weight"] <= 1.001e-4 && found["level.weight"] > 1e-5);
    assert!(found["trunk.weight"] <= 1.001e-3 && found["trunk.weight"] > 1e-4);
}

#[test]
fn a_part_of_a_frozen_one_can_be_trained_and_all_is_trained_again_later() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig::default().with_epochs(1).with_parts(vec![
        PartConfig::new("network").frozen(),
        PartConfig::new("network.level").trained(),
    ]);
    let before = network(Says::Nothing, &device);
    let outcome = fit(trainer(config, folder.path()), SUM).unwrap();
    let found = moved(&before, &outcome.model.network);
    assert!(found["level.weight"] > 0.0, "{found:?}");
    assert_eq!((found["trunk.weight"], found["sign.weight"]), (0.0, 0.0));
    // The network of that run, without parts.
    let second = tempfile::tempdir().unwrap();
    let frozen = outcome.best_network().unwrap();
    for network in [outcome.model.network, frozen] {
        let folder = second.path().join(if second.path().join("a").exists() {
            "b"
        } else {
            "a"
        });
        let config = TrainConfig::default().with_epochs(1);
        let (train, valid) = (data(rows(64, all), 32), data(rows(32, all), 32));
        let again = trainer(config, &folder)
            .fit_sources(
                network.clone(),
                strategy(SUM, &device),
                train,
                valid,
                &device,
            )
            .unwrap();
        let found = moved(&network, &again.model.network);
        assert!(found.values().all(|moved| *moved > 0.0), "{found:?}");
    }
}

/// The epoch with the smallest number.
fn smallest(outcome: &Outcome<Network>, task: &str, quantity: &str) -> Option<usize> {
    let series = outcome.history.series(Split::Valid, task, quantity);
    let smallest = series.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    smallest.map(|(epoch, _)| *epoch)
}

#[test]
fn another_watch_counts_from_the_first_epoch_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = |epochs: usize, watch: Option<Watch>| {
        let config = TrainConfig::default().with_epochs(epochs).with_watch(watch);
        let trainer = trainer(config, folder.path()).new_or_resume();
        fit(trainer.with_metric("sign/accuracy", Tensor::clone), SUM).unwrap()
    };
    run(2, Some(Watch::highest("sign", "accuracy")));
    let outcome = run(5, None);
    let relative = quantity::RELATIVE_LOSS;
    assert_eq!(outcome.best_epoch, smallest(&outcome, ALL_TASKS, relative));
    let outcome = run(6, Some(Watch::loss_of("level")));
    assert_eq!(
        outcome.best_epoch,
        smallest(&outcome, "level", quantity::LOSS)
    );
}

/// Each step is a batch of levels and one of signs: both are measured.
#[test]
fn an_audit_of_a_step_in_parts_sees_the_tasks_of_all_parts() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig::default()
        .with_epochs(1)
        .with_accumulate(2)
        .with_audit_every(Some(1));
    let outcome = Trainer::new(config, folder.path())
        .unwrap()
        .fit_sources(
            network(Says::Counts, &device),
            strategy(SUM, &device),
            mixture(Alternation::RoundRobin),
            data(rows(32, all), 32),
            &device,
        )
        .unwrap();
    for task in ["level", "sign"] {
        let norm = outcome
            .history
            .get(1, Split::Train, task, quantity::GRADIENT_NORM);
        assert!(norm.is_some_and(|norm| norm > 0.0), "{task}: {norm:?}");
    }
}

#[test]
#[should_panic(expected = "would replace `loss`")]
fn a_metric_does_not_replace_what_training_records() {
    let folder = tempfile::tempdir().unwrap();
    let _ = trainer(TrainConfig::default(), folder.path()).with_metric("sign/loss", Tensor::clone);
}

#[test]
fn a_part_that_is_not_there_is_refused_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig::default().with_parts(vec![PartConfig::new("trunk").frozen()]);
    let error = fit(trainer(config, folder.path()), SUM).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("`parts.path` is trunk"), "{message}");
    assert!(
        message.contains("network.trunk, network.level, network.sign"),
        "{message}"
    );
    assert!(
        !folder.path().join("checkpoint").exists(),
        "a run was begun"
    );
}

#[test]
fn any_optimizer_and_schedule_resume_to_the_bit() {
    let run = |folder: &Path, epochs: usize| {
        let config = TrainConfig::default()
            .with_epochs(epochs)
            .with_batch_size(16)
            .with_parts(vec![
                PartConfig::new("network.trunk").with_learning_rate(0.02),
            ]);
        let schedule = ExponentialLrSchedulerConfig::new(0.05, 0.9).init().unwrap();
        let momentum = burn::optim::momentum::MomentumConfig::new();
        let trainer = trainer(config, folder)
            .with_optimizer(SgdConfig::new().with_momentum(Some(momentum)).init())
            .with_schedule(schedule)
            .new_or_resume();
        fit(trainer, r#"{"strategy": "uncertainty"}"#).unwrap()
    };
    let (whole, halves) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = run(whole.path(), 4);
    run(halves.path(), 2);
    let found = run(halves.path(), 4);
    assert_eq!(parameters(&found.model), parameters(&expected.model));
    let rate = |outcome: &Outcome<Network>, epoch| {
        let rate = quantity::LEARNING_RATE;
        outcome
            .history
            .get(epoch, Split::Train, ALL_TASKS, rate)
            .unwrap()
    };
    // Four steps an epoch.
    assert!((rate(&found, 4) / rate(&found, 3) - 0.9f64.powi(4)).abs() < 1e-6);
}

/// An optimizer would pass over the moments of another and begin anew.
#[test]
fn the_moments_of_another_optimizer_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let begun = |epochs: usize| {
        let config = TrainConfig::default().with_epochs(epochs);
        trainer(config, folder.path()).new_or_resume()
    };
    fit(begun(1), SUM).unwrap();
    let momentum = burn::optim::momentum::MomentumConfig::new();
    let sgd = SgdConfig::new().with_momentum(Some(momentum)).init();
    let error = fit(begun(2).with_optimizer(sgd), SUM).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("optim-1.bpk") && message.contains("does not hold the state of this run"),
        "{message}"
    );
    fit(begun(2), SUM).unwrap();
}

/// Levels in one data set, signs in another, three times as large.
fn mixture(alternation: Alternation) -> Mixture<Batch> {
    let levels = rows(32, |_| (true, false));
    let signs = rows(96, |_| (false, true));
    Mixture::new(alternation)
        .with("levels", data(levels, 8).shuffled())
        .with("signs", data(signs, 8).shuffled())
}

#[test]
fn several_data_sets_alternate_as_told() {
    let counted = |alternation: Alternation, pass: usize| {
        let mixture = mixture(alternation);
        let device = Device::flex();
        let batches = mixture.pass(DataPass::new(7, pass), 0, &device);
        let kinds: Vec<bool> = batches.map(|batch| batch.unwrap().counts[0] > 0).collect();
        assert_eq!(kinds.len(), mixture.batches());
        kinds
    };
    let levels = |kinds: &[bool]| kinds.iter().filter(|level| **level).count();
    let round_robin = counted(Alternation::RoundRobin, 1);
    assert_eq!((levels(&round_robin), round_robin.len()), (12, 24));
    assert!(round_robin.chunks(2).all(|pair| pair == [true, false]));
    let proportional = counted(Alternation::Proportional, 1);
    assert_eq!((levels(&proportional), proportional.len()), (4, 16));
    assert!(proportional.chunks(4).all(|four| levels(four) == 1));
    let tempered = counted(Alternation::Temperature(2.0), 1);
    // 16 times sqrt(4) over sqrt(4) + sqrt(12).
    assert_eq!((levels(&tempered), tempered.len()), (6, 16));
    // The small source still comes once, however small the temperature is.
    let cold = counted(Alternation::Temperature(0.01), 1);
    assert_eq!((levels(&cold), cold.len()), (1, 17));
    let numbers = counted(Alternation::Numbers(vec![1, 2]), 3);
    assert_eq!((levels(&numbers), numbers.len()), (1, 3));
}

/// The first inputs of every batch of levels tell whether a pass through the small set is one: every row once.
#[test]
fn a_data_set_goes_on_where_the_epoch_before_left_it() {
    let mixture = mixture(Alternation::Numbers(vec![3, 1]));
    let device = Device::flex();
    let inputs = |pass| {
        let batches = mixture.pass(DataPass::new(7, pass), 0, &device);
        let levels = batches
            .map(Result::unwrap)
            .filter(|batch| batch.counts[0] > 0);
        levels.flat_map(|batch| batch.inputs.into_data().try_to_vec::<f32>().unwrap())
    };
    // 32 rows are four batches of 8: three in the first pass, one in the second.
    let seen: Vec<f32> = inputs(1).chain(inputs(2)).take(32 * INPUTS).collect();
    let mut seen: Vec<String> = seen.chunks(INPUTS).map(|row| format!("{row:?}")).collect();
    seen.sort();
    let mut expected: Vec<String> = rows(32, all)
        .iter()
        .map(|row| format!("{:?}", row.inputs))
        .collect();
    expected.sort();
    assert_eq!(seen, expected);
    // The middle of a pass is the rest of the whole of it.
    let tail = mixture
        .pass(DataPass::new(7, 2), 2, &device)
        .map(Result::unwrap);
    let tail: Vec<_> = tail.map(|batch| batch.inputs.into_data()).collect();
    let whole = mixture
        .pass(DataPass::new(7, 2), 0, &device)
        .map(Result::unwrap);
    let whole: Vec<_> = whole.map(|batch| batch.inputs.into_data()).collect();
    assert_eq!(tail, whole[2..]);
}

#[test]
fn two_data_sets_resume_to_the_bit_and_count_only_where_a_task_is() {
    let run = |folder: &Path, epochs: usize, resume: bool| {
        let device = Device::flex();
        let config = TrainConfig::default()
            .with_epochs(epochs)
            .with_steps_per_epoch(Some(5))
            .with_learning_rate(1e-2);
        let mut trainer = trainer(config, folder);
        if resume {
            trainer = trainer.resume(true);
        }
        trainer
            .fit_sources(
                network(Says::Options, &device),
                strategy(r#"{"strategy": "uncertainty"}"#, &device),
                mixture(Alternation::RoundRobin),
                data(rows(64, all), 32),
                &device,
            )
            .unwrap()
    };
    let (whole, halves) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = run(whole.path(), 5, false);
    run(halves.path(), 2, false);
    let found = run(halves.path(), 5, true);
    assert_eq!(parameters(&found.model), parameters(&expected.model));
    assert_eq!(found.history, expected.history);
    let steps = found
        .history
        .get(1, Split::Train, ALL_TASKS, quantity::STEPS);
    assert_eq!(steps, Some(5.0));
    let weight = found
        .history
        .get(1, Split::Train, "level", quantity::WEIGHT)
        .unwrap();
    // exp(-2 s) / 2 with s near 0: the mean over all steps would be near a quarter.
    assert!((0.4..0.6).contains(&weight), "{weight}");
}

#[test]
fn samples_are_drawn_by_class_and_by_weight() {
    let rows = rows(90, all);
    let classes: Vec<usize> = (0..90).map(|row| usize::from(row < 9)).collect();
    let rare: Vec<[f32; INPUTS]> = rows[..9].iter().map(|row| row.inputs).collect();
    let balanced = data(rows.clone(), 10).balanced(&classes).unwrap();
    let share = |source: &Data<Row, Batch>, pass: usize| {
        let batches = source.pass(DataPass::new(3, pass), 0, &Device::flex());
        let drawn = batches.flat_map(|batch| {
            let inputs: Vec<f32> = batch.unwrap().inputs.into_data().try_to_vec().unwrap();
            inputs
                .chunks(INPUTS)
                .map(<[f32]>::to_vec)
                .collect::<Vec<_>>()
        });
        let drawn: Vec<Vec<f32>> = drawn.collect();
        let of_rare = drawn
            .iter()
            .filter(|row| rare.iter().any(|rare| rare == row.as_slice()));
        of_rare.count() as f64 / drawn.len() as f64
    };
    let mean = (1..=20).map(|pass| share(&balanced, pass)).sum::<f64>() / 20.0;
    // 1,800 draws: one standard deviation is 0.012.
    assert!((mean - 0.5).abs() < 0.05, "{mean}");
    let never: Vec<f64> = (0..90).map(|row| f64::from(u8::from(row >= 9))).collect();
    assert_eq!(
        share(&data(rows.clone(), 10).weighted(&never).unwrap(), 1),
        0.0
    );
    for (weights, words) in [
        (vec![1.0; 3], "a list of 3"),
        (vec![0.0; 90], "0 everywhere"),
        (vec![f64::NAN; 90], "NaN"),
    ] {
        let error = data(rows.clone(), 10).weighted(&weights).err().unwrap();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn rules_of_alternation_that_do_not_fit_are_refused() {
    let device = Device::flex();
    for (alternation, words) in [
        (Alternation::Temperature(0.0), "`temperature` is 0"),
        (Alternation::Numbers(vec![1]), "for each of levels, signs"),
        (Alternation::Numbers(vec![1, 0]), "at least 1"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let error = trainer(TrainConfig::default(), folder.path())
            .fit_sources(
                network(Says::Options, &device),
                strategy(SUM, &device),
                mixture(alternation),
                data(rows(8, all), 8),
                &device,
            )
            .unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn hooks_see_the_run_and_can_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Mutex::new((Vec::new(), None)));
    let (steps, epochs) = (seen.clone(), seen.clone());
    let config = TrainConfig::default().with_epochs(9).with_batch_size(16);
    let trainer = trainer(config, folder.path())
        .on_step(move |step| {
            let losses: Vec<f32> = step.losses.into_data().try_to_vec().unwrap();
            assert!(losses.len() == 2 && step.weights.dims() == [2]);
            steps.lock().unwrap().0.push((step.epoch, step.step));
            ControlFlow::Continue(())
        })
        .on_epoch(move |epoch| {
            assert_eq!(epoch.history.last_epoch(), epoch.epoch);
            epochs.lock().unwrap().1 = Some(parameters(epoch.model));
            match epoch.epoch {
                2 => ControlFlow::Break("two are enough".into()),
                _ => ControlFlow::Continue(()),
            }
        });
    let outcome = fit(trainer, SUM).unwrap();
    assert_eq!(outcome.stopped.as_deref(), Some("two are enough"));
    assert_eq!(outcome.history.last_epoch(), 2);
    let seen = seen.lock().unwrap();
    let expected: Vec<_> = (1..=8).map(|step| (1 + (step - 1) / 4, step)).collect();
    assert_eq!(seen.0, expected);
    assert_eq!(seen.1.as_ref(), Some(&parameters(&outcome.model)));
}

#[test]
fn a_step_can_end_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig::default().with_epochs(9).with_batch_size(16);
    let trainer = trainer(config, folder.path()).on_step(|step| match step.step {
        6 => ControlFlow::Break("six steps".into()),
        _ => ControlFlow::Continue(()),
    });
    let outcome = fit(trainer, SUM).unwrap();
    assert_eq!(outcome.stopped.as_deref(), Some("six steps"));
    assert_eq!(outcome.history.last_epoch(), 1, "the second epoch is lost");
}

#[test]
fn a_metric_of_ones_own_chooses_the_best_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig::default()
        .with_epochs(12)
        .with_learning_rate(3e-2)
        .with_patience(Some(3))
        .with_watch(Some(Watch::highest("sign", "accuracy")));
    let trainer = trainer(config, folder.path()).with_metric("sign/accuracy", Tensor::clone);
    let outcome = fit(trainer, SUM).unwrap();
    let series = outcome.history.series(Split::Valid, "sign", "accuracy");
    let best = series.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let first = series.iter().find(|(_, value)| *value == best).unwrap().0;
    assert_eq!(outcome.best_epoch, Some(first));
    if let Some(stopped) = &outcome.stopped {
        assert_eq!(stopped, "no better sign/accuracy for 3 epochs");
    }
    // The network of that epoch, on the rows of the validation data.
    let network = outcome.best_network().unwrap();
    let batch = ToBatch.batch(rows(32, all), &Device::flex());
    let found = network.evaluate(network.represent(&batch), &batch).unwrap();
    let accuracy = found.mean().into_scalar::<f32>();
    assert!(
        (f64::from(accuracy) - best).abs() < 1e-6,
        "{accuracy}, expected {best}"
    );
}

#[test]
fn the_loss_of_one_task_can_choose_the_best_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig::default()
        .with_epochs(6)
        .with_watch(Some(Watch::loss_of("level")));
    let outcome = fit(trainer(config, folder.path()), SUM).unwrap();
    assert_eq!(
        outcome.best_epoch,
        smallest(&outcome, "level", quantity::LOSS)
    );
}

#[test]
fn a_number_that_nobody_records_is_not_watched_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let watch = Watch::highest("sign", "acuracy");
    let config = TrainConfig::default()
        .with_epochs(2)
        .with_watch(Some(watch));
    let trainer = trainer(config, folder.path()).with_metric("sign/accuracy", Tensor::clone);
    let message = fit(trainer, SUM).unwrap_err().to_string();
    assert!(message.contains("`watch` is sign/acuracy"), "{message}");
    assert!(message.contains("sign/accuracy"), "{message}");
}

#[test]
fn a_run_begins_or_goes_on_in_one_call() {
    let folder = tempfile::tempdir().unwrap();
    for epochs in [1, 3] {
        let config = TrainConfig::default().with_epochs(epochs);
        let outcome = fit(trainer(config, folder.path()).new_or_resume(), SUM).unwrap();
        assert_eq!(outcome.history.last_epoch(), epochs);
    }
}

#[test]
fn a_forgotten_loss_and_a_strategy_of_other_tasks_are_named() {
    let device = Device::flex();
    let run = |network: Network, strategy: Strategy| {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainConfig::default().with_epochs(1);
        let trainer = trainer(config, folder.path());
        let (train, valid) = (data(rows(8, all), 8), data(rows(8, all), 8));
        trainer.fit_sources(network, strategy, train, valid, &device)
    };
    let too_few = || run(network(Says::TooFew, &device), strategy(SUM, &device));
    let message = message_of(too_few);
    assert!(
        message.contains("1 losses were given, but there are 2 tasks"),
        "{message}"
    );
    let others = TaskSet::new([Task::binary("sign", 1), Task::regression("level", 1)]).unwrap();
    let swapped = StrategyConfig::from_json(SUM)
        .unwrap()
        .init(&others, &device)
        .unwrap();
    let message = message_of(|| run(network(Says::Nothing, &device), swapped));
    assert!(message.contains("made for the tasks"), "{message}");
    let per_sample = || TaskLosses::new(vec![Tensor::<1>::zeros([8], &device)]);
    let message = message_of(per_sample);
    assert!(
        message.contains("has 8 numbers instead of one: reduce it"),
        "{message}"
    );
}

#[test]
fn the_debug_form_of_an_error_keeps_its_advice() {
    let error = Error::NonFiniteLoss {
        task: "level".into(),
        epoch: 3,
        count: 2,
        steps: 25,
    };
    assert_eq!(format!("{error:?}"), error.to_string());
}

#[test]
fn a_run_is_resumed_with_the_settings_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let begun = || TrainConfig::default().with_epochs(3).with_seed(4);
    fit(trainer(begun(), folder.path()), SUM).unwrap();
    let resumed = |config: TrainConfig| fit(trainer(config, folder.path()).resume(true), SUM);
    let history = std::fs::read(folder.path().join("history.csv")).unwrap();
    for (config, words) in [
        (
            begun().with_epochs(4).with_learning_rate(0.5),
            "`learning_rate` is 0.5, but it must be 0.001, as in the run that is resumed",
        ),
        (begun().with_epochs(4).with_seed(5), "`seed` is 5"),
        (
            begun().with_epochs(2),
            "`epochs` is 2, but it must be at least 3",
        ),
    ] {
        let error = resumed(config).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    // What was refused has changed nothing.
    assert_eq!(
        std::fs::read(folder.path().join("history.csv")).unwrap(),
        history
    );
    let longer = begun().with_epochs(4).with_patience(Some(9));
    assert_eq!(resumed(longer).unwrap().history.last_epoch(), 4);
}

#[test]
fn nothing_to_validate_on_is_refused() {
    let (device, folder) = (Device::flex(), tempfile::tempdir().unwrap());
    let error = trainer(TrainConfig::default(), &folder.path().join("run"))
        .fit_sources(
            network(Says::Nothing, &device),
            strategy(SUM, &device),
            data(rows(32, all), 8),
            data(Vec::new(), 8),
            &device,
        )
        .unwrap_err()
        .to_string();
    assert!(error.contains("`validation samples` is 0"), "{error}");
    assert!(!folder.path().join("run").exists());
}
