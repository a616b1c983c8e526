//! What every strategy promises for any losses: the weights it reports are the derivatives of its formula, the order of
//! the tasks does not matter, nothing becomes NaN, and a task that is absent or broken leaves no trace.

use crate::support;

use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Bool, Device, Tensor, TensorData};
use equipoise::expansion::model::ScalarCountdown;
use equipoise::loss::{Reduction, TaskLosses, huber};
use equipoise::weighting::{
    BatchStatistics, BuiltIn, GradientScale, GradientShare, LikelihoodForm, Manual, RunningMean,
    Strategy as Weighting, StrategyConfig, TaskValues, Uncertainty,
};
use equipoise::{Task, TaskKind, TaskSet};
use proptest::prelude::*;
use support::{
    Noise, assert_all_close, assert_close, devices, gradients, number, parameters, values,
};

/// K tasks of all kinds and sizes. The last is the scalar that the scalar-countdown strategy asks for.
fn many_tasks(count: usize) -> Vec<Task> {
    let kinds = [
        TaskKind::Classification,
        TaskKind::Regression,
        TaskKind::Binary,
    ];
    (0..count)
        .map(|index| {
            if index + 1 == count {
                Task::regression("countdown", 1)
            } else {
                Task::new(format!("task {index}"), kinds[index % 3], 1 + 7 * index)
            }
        })
        .collect()
}

fn named(tasks: &[Task], value: impl Fn(usize) -> f64) -> TaskValues {
    TaskValues::ByName(
        tasks
            .iter()
            .enumerate()
            .map(|(index, task)| (task.name().to_string(), value(index)))
            .collect(),
    )
}

/// Every strategy in every form, with different numbers for every task, given by name.
fn strategies(tasks: &[Task]) -> Vec<(&'static str, StrategyConfig)> {
    let weights = || named(tasks, |index| 0.1 + 0.3 * ((index * 5) % 7) as f64);
    let log_sigma = || named(tasks, |index| 0.4 - 0.2 * ((index * 3) % 5) as f64);
    let manual = || Manual::default().with_weights(weights());
    let learned = |form| {
        Uncertainty::default()
            .with_log_sigma(log_sigma())
            .with_form(form)
    };
    let statistics = || BatchStatistics::default().with_weights(weights());
    let scalar = |inner| StrategyConfig::new(ScalarCountdown::default().with_weighting(inner));
    vec![
        (
            "running mean",
            StrategyConfig::new(
                RunningMean::default()
                    .with_weights(weights())
                    .with_warmup(2),
            ),
        ),
        (
            "uncertainty",
            StrategyConfig::new(learned(LikelihoodForm::Uniform)),
        ),
        (
            "uncertainty, likelihood",
            StrategyConfig::new(learned(LikelihoodForm::Likelihood)),
        ),
        (
            "gradient scale",
            StrategyConfig::new(GradientScale::default().with_weights(weights())),
        ),
        (
            "scalar countdown, manual",
            scalar(StrategyConfig::new(manual())),
        ),
        (
            "scalar countdown, uncertainty",
            scalar(StrategyConfig::new(learned(LikelihoodForm::Uniform))),
        ),
        ("batch statistics", StrategyConfig::new(statistics())),
        (
            "batch statistics, not centered",
            StrategyConfig::new(statistics().with_center(false)),
        ),
        (
            "gradient share",
            StrategyConfig::new(GradientShare::default().with_weights(weights())),
        ),
        ("manual", StrategyConfig::new(manual())),
        (
            "manual, raw",
            StrategyConfig::new(manual().with_normalise(false)),
        ),
    ]
}

fn losses(values: &[f64], device: &Device) -> Tensor<1> {
    support::tensor(values, [values.len()], device)
}

/// A step without a graph: total and weights.
fn step(strategy: &Weighting, values_of_losses: &[f64], device: &Device) -> (f64, Vec<f64>) {
    let losses = TaskLosses::from_values(losses(values_of_losses, device));
    let objective = strategy.weigh(&losses);
    (number(&objective.total), values(&objective.weights))
}

/// Everything a strategy remembers, bit for bit.
fn memory(strategy: &Weighting) -> Vec<(String, Vec<u64>)> {
    let bits = |table: support::Table| table.values.iter().map(|v| v.to_bits()).collect();
    let all = parameters(strategy).into_iter();
    all.map(|(name, table)| (name, bits(table))).collect()
}

fn tasks_of(tasks: &[Task]) -> TaskSet {
    TaskSet::new(tasks.to_vec()).unwrap()
}

fn state(strategy: &Weighting, name: &str) -> Vec<f64> {
    let state = strategy.state();
    state.iter().find(|v| v.name() == name).unwrap().read()
}

/// The objective as a function of the raw losses.
type Formula = Box<dyn Fn(&[f64]) -> f64>;

/// The objective of the table in the documentation of `weighting`, written out in double precision, with everything
/// that counts as a constant for differentiation read from the strategy's state after the step.
fn formula(name: &str, strategy: &Weighting, tasks: &[Task]) -> Formula {
    let count = tasks.len();
    let weight = |index: usize| 0.1 + 0.3 * ((index * 5) % 7) as f64;
    let root = |index: usize| (tasks[index].elements() as f64).sqrt();
    let linear = |scales: Vec<f64>, offset: f64| -> Formula {
        Box::new(move |losses| {
            let terms = losses.iter().zip(&scales).map(|(loss, scale)| loss * scale);
            terms.sum::<f64>() + offset
        })
    };
    match name {
        "running mean" | "manual" | "scalar countdown, manual" => {
            let means = state(strategy, "running_mean");
            linear((0..count).map(|k| weight(k) / means[k]).collect(), 0.0)
        }
        "gradient scale" => {
            let means = state(strategy, "running_mean");
            linear(
                (0..count).map(|k| weight(k) * root(k) / means[k]).collect(),
                0.0,
            )
        }
        "gradient share" => {
            let norms = state(strategy, "mean_gradient_norm");
            let sum: f64 = (0..count).map(weight).sum();
            let scale = |k: usize| weight(k) / sum / if norms[k] > 0.0 { norms[k] } else { 1.0 };
            linear((0..count).map(scale).collect(), 0.0)
        }
        "manual, raw" => linear((0..count).map(weight).collect(), 0.0),
        "batch statistics" | "batch statistics, not centered" => {
            let (mean, std) = (
                state(strategy, "loss_mean")[0],
                state(strategy, "loss_std")[0],
            );
            let scales: Vec<f64> = (0..count).map(|k| weight(k) * root(k) / std).collect();
            let offset = match name {
                "batch statistics" => -mean * scales.iter().sum::<f64>(),
                _ => 0.0,
            };
            linear(scales, offset)
        }
        _ => {
            let sigma = state(strategy, "sigma");
            let likelihood = name == "uncertainty, likelihood";
            let factor = |k: usize| match tasks[k].kind() {
                TaskKind::Classification if likelihood => 1.0,
                _ => 0.5,
            };
            let scales = (0..count)
                .map(|k| factor(k) / (sigma[k] * sigma[k]))
                .collect();
            linear(scales, sigma.iter().map(|s| s.ln()).sum())
        }
    }
}

#[test]
fn effective_weights_are_the_derivatives_of_the_formula() {
    let tasks = many_tasks(5);
    let sequence = [
        [1.1, 0.016, 0.7, 15.9, 0.3],
        [0.9, 0.015, 0.6, 14.0, 0.28],
        [1.0, 0.012, 0.5, 13.0, 0.2],
        [0.8, 0.010, 0.4, 9.0, 0.25],
    ];
    for (backend, device) in devices() {
        let device = device.autodiff();
        for (name, config) in strategies(&tasks) {
            let strategy = config.init(&tasks_of(&tasks), &device).unwrap();
            for (index, row) in sequence.iter().enumerate() {
                let place = format!("{name} on {backend}, step {index}");
                // Gradients are of no matter to the others; the first step has none yet.
                if index > 0 {
                    let norms = row.map(|loss| loss * loss * index as f64);
                    support::observe(
                        &strategy,
                        support::tensor(&norms, [5], &device.clone().inner()),
                    );
                }
                let losses = losses(row, &device).require_grad();
                let objective = strategy.weigh(&TaskLosses::from_values(losses.clone()));
                let row = values(&losses);
                let formula = formula(name, &strategy, &tasks);
                let size: f64 = row
                    .iter()
                    .zip(values(&objective.weights))
                    .map(|(l, w)| l * w)
                    .sum();
                let total = number(&objective.total);
                assert_close(&place, total, formula(&row), 1e-5, 1e-6 * size);
                let reported = values(&objective.weights);
                let backward = objective.total.backward();
                let autodiff = values(&losses.grad(&backward).unwrap());
                for task in 0..row.len() {
                    let moved = |by: f64| {
                        let mut row = row.clone();
                        row[task] += by;
                        formula(&row)
                    };
                    let step = 1e-3 * row[task];
                    let differences = (moved(step) - moved(-step)) / (2.0 * step);
                    let place = format!("{place}, task {task}");
                    assert_close(&place, reported[task], differences, 1e-5, 0.0);
                    assert_close(&place, autodiff[task], differences, 1e-5, 0.0);
                }
            }
        }
    }
}

/// Where nothing is held constant, and where the running mean hardly moves, the objective itself can be differenced.
#[test]
fn effective_weights_are_finite_differences_of_the_total() {
    let tasks = many_tasks(4);
    let row = [1.1, 0.5, 0.7, 2.5];
    let still = RunningMean::default()
        .with_weights([0.1, 0.7, 0.15, 0.05])
        .with_warmup(1)
        .with_momentum(0.999_999);
    let mut all = strategies(&tasks);
    all.retain(|(name, _)| name.contains("uncertainty") || name.contains("raw"));
    all.push((
        "a running mean that stands still",
        StrategyConfig::new(still),
    ));
    for (backend, device) in devices() {
        for (name, config) in &all {
            let strategy = config.init(&tasks_of(&tasks), &device).unwrap();
            step(&strategy, &[0.9, 0.6, 0.5, 3.0], &device);
            let (_, weights) = step(&strategy, &row, &device);
            for task in 0..4 {
                let moved = |by: f64| {
                    let mut row = row;
                    row[task] += by;
                    step(&strategy, &row, &device).0
                };
                let differences = (moved(0.05) - moved(-0.05)) / 0.1;
                let place = format!("{name} on {backend}, task {task}");
                assert_close(&place, weights[task], differences, 1e-3, 1e-5);
            }
        }
    }
}

#[test]
fn batch_statistics_have_a_gradient() {
    let tasks = many_tasks(4);
    for (backend, device) in devices() {
        let device = device.autodiff();
        for (name, config) in strategies(&tasks) {
            if !name.starts_with("batch statistics") {
                continue;
            }
            let strategy = config.init(&tasks_of(&tasks), &device).unwrap();
            let losses = losses(&[1.1, 0.016, 0.7, 15.9], &device).require_grad();
            let objective = strategy.weigh(&TaskLosses::from_values(losses.clone()));
            let gradient = losses.grad(&objective.total.backward()).unwrap();
            assert!(
                values(&gradient).iter().all(|g| *g > 1e-3),
                "{name} on {backend}"
            );
        }
    }
}

#[test]
fn log_sigma_has_the_gradient_of_the_closed_form() {
    let tasks = many_tasks(4);
    let row = [1.1, 0.016, 0.7, 15.9];
    for (backend, device) in devices() {
        let device = device.autodiff();
        for form in [LikelihoodForm::Uniform, LikelihoodForm::Likelihood] {
            let start = [0.3, -0.3, 0.0, 1.0];
            let config = Uncertainty::default().with_log_sigma(start).with_form(form);
            let strategy = config.init(&tasks_of(&tasks), &device).unwrap();
            let losses = losses(&row, &device).require_grad();
            let backward = strategy
                .weigh(&TaskLosses::from_values(losses))
                .total
                .backward();
            let found = gradients(&strategy, &backward);
            let found = support::of_tasks(&found, "log_sigma", &tasks_of(&tasks));
            for task in 0..4 {
                let classification = tasks[task].kind() == TaskKind::Classification;
                let factor = match form {
                    LikelihoodForm::Likelihood if classification => 2.0,
                    _ => 1.0,
                };
                let expected = 1.0 - factor * row[task] / (2.0 * start[task]).exp();
                let place = format!("{form:?} on {backend}, task {task}");
                assert_close(&place, found[task], expected, 1e-5, 1e-6);
            }
        }
    }
}

#[test]
fn sigma_descends_to_the_root_of_the_loss() {
    let tasks = many_tasks(4);
    let row = [2.0, 0.016, 0.7, 15.9];
    for (backend, device) in devices() {
        let device = device.autodiff();
        let mut strategy = Uncertainty::default()
            .init(&tasks_of(&tasks), &device)
            .unwrap();
        let mut descent = SgdConfig::new().init();
        for _ in 0..200 {
            let losses = TaskLosses::from_values(losses(&row, &device));
            let backward = strategy.weigh(&losses).total.backward();
            let moves = GradientsParams::from_grads(backward, &strategy);
            strategy = descent.step(0.1, strategy, moves);
        }
        let sigma = strategy.state()[0].read();
        let variance: Vec<f64> = sigma.iter().map(|s| s * s).collect();
        assert_all_close(backend, &variance, &row, 1e-4, 0.0);
        let objective = strategy.weigh(&TaskLosses::from_values(losses(&row, &device)));
        let weights: Vec<f64> = row.iter().map(|loss| 0.5 / loss).collect();
        assert_all_close(backend, &values(&objective.weights), &weights, 1e-4, 0.0);
    }
}

/// Losses over many orders of magnitude.
fn wide_losses(count: usize) -> impl proptest::strategy::Strategy<Value = Vec<f64>> {
    prop::collection::vec((-4.0..4.0).prop_map(|power| 10f64.powf(power)), count)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_permutation_of_the_tasks_permutes_the_weights(
        rows in prop::collection::vec(wide_losses(5), 4),
        order in Just(vec![0usize, 1, 2, 3, 4]).prop_shuffle(),
    ) {
        let tasks = many_tasks(5);
        let shuffled: Vec<Task> = order.iter().map(|index| tasks[*index].clone()).collect();
        for (backend, device) in devices() {
            for (name, config) in strategies(&tasks) {
                let one = config.init(&tasks_of(&tasks), &device).unwrap();
                let other = config.init(&tasks_of(&shuffled), &device).unwrap();
                for row in &rows {
                    let moved: Vec<f64> = order.iter().map(|index| row[*index]).collect();
                    let (total, weights) = step(&one, row, &device);
                    let (total_moved, weights_moved) = step(&other, &moved, &device);
                    let expected: Vec<f64> = order.iter().map(|index| weights[*index]).collect();
                    let place = format!("{name} on {backend}");
                    assert_all_close(&place, &weights_moved, &expected, 1e-5, 0.0);
                    let size: f64 = weights.iter().zip(row).map(|(w, l)| w * l).sum();
                    // The log sigmas that uncertainty adds are of order 1 and may cancel the rest: the rounding is
                    // theirs.
                    let added = f64::from(name.contains("uncertainty"));
                    assert_close(&place, total_moved, total, 1e-5, 1e-6 * (added + size));
                }
            }
        }
    }

    #[test]
    fn the_unit_of_a_loss_does_not_matter_to_the_running_mean(
        rows in prop::collection::vec(prop::collection::vec(0.1f64..10.0, 4), 15),
        task in 0usize..4,
        unit in prop::sample::select(vec![1e-3, 0.1, 7.0, 1e4]),
    ) {
        let tasks = many_tasks(4);
        for (backend, device) in devices() {
            for (name, config) in strategies(&tasks) {
                let normalising = ["running mean", "gradient scale", "manual", "scalar countdown, manual"];
                if !normalising.contains(&name) {
                    continue;
                }
                let plain = config.init(&tasks_of(&tasks), &device).unwrap();
                let scaled = config.init(&tasks_of(&tasks), &device).unwrap();
                for row in &rows {
                    let mut other = row.clone();
                    other[task] *= unit;
                    let (total, weights) = step(&plain, row, &device);
                    let (total_scaled, weights_scaled) = step(&scaled, &other, &device);
                    let place = format!("{name} on {backend}, unit {unit}");
                    assert_close(&place, total_scaled, total, 1e-5, 0.0);
                    let weight = weights_scaled[task] * unit;
                    assert_close(&place, weight, weights[task], 1e-5, 0.0);
                }
            }
        }
    }

    #[test]
    fn everything_stays_finite(
        rows in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![
                    1 => Just(0.0),
                    4 => (-12.0..12.0).prop_map(|power: f64| 10f64.powf(power)),
                ],
                4,
            ),
            14,
        ),
    ) {
        let tasks = many_tasks(4);
        for (backend, device) in devices() {
            let device = device.autodiff();
            for (name, config) in strategies(&tasks) {
                let strategy = config.init(&tasks_of(&tasks), &device).unwrap();
                for row in &rows {
                    let losses = losses(row, &device).require_grad();
                    let objective = strategy.weigh(&TaskLosses::from_values(losses.clone()));
                    let place = format!("{name} on {backend}, {row:?}");
                    let total = number(&objective.total);
                    prop_assert!(total.is_finite(), "{place}: {total}");
                    let weights = values(&objective.weights);
                    prop_assert!(weights.iter().all(|w| w.is_finite()), "{place}: {weights:?}");
                    let gradient = losses.grad(&objective.total.backward()).unwrap();
                    assert_all_close(&place, &values(&gradient), &weights, 1e-6, 0.0);
                    for value in strategy.state() {
                        let read = value.read();
                        prop_assert!(read.iter().all(|v| v.is_finite()), "{place}: {read:?}");
                    }
                }
            }
        }
    }
}

fn present(flags: [bool; 4], device: &Device) -> Tensor<1, Bool> {
    Tensor::from_data(TensorData::new(flags.to_vec(), [4]), device)
}

/// The buffers and parameters of one task.
fn memory_of(strategy: &Weighting, task: usize) -> Vec<u64> {
    memory(strategy)
        .into_iter()
        .filter(|(_, bits)| bits.len() > task && bits.len() > 1)
        .map(|(_, bits)| bits[task])
        .collect()
}

#[test]
fn an_absent_task_contributes_nothing_and_leaves_no_trace() {
    let tasks = many_tasks(4);
    let before = [
        [1.1, 0.5, 0.7, 15.9],
        [1.0, 0.4, 0.6, 14.0],
        [0.9, 0.45, 0.5, 12.0],
    ];
    for (backend, device) in devices() {
        let device = device.autodiff();
        for (name, config) in strategies(&tasks) {
            let mut answers = Vec::new();
            for hidden in [0.0, 3.0, f64::NAN, f64::INFINITY] {
                let place = format!("{name} on {backend}, hidden {hidden}");
                let strategy = config.init(&tasks_of(&tasks), &device).unwrap();
                for row in before {
                    step(&strategy, &row, &device);
                }
                let remembered = memory_of(&strategy, 1);
                let losses = losses(&[0.8, hidden, 0.4, 10.0], &device).require_grad();
                let given = TaskLosses::from_values(losses.clone())
                    .with_present(present([true, false, true, true], &device));
                let objective = strategy.weigh(&given);
                let (total, weights) = (number(&objective.total), values(&objective.weights));
                assert!(total.is_finite(), "{place}: {total}");
                assert_eq!(weights[1], 0.0, "{place}");
                assert!(
                    weights.iter().enumerate().all(|(k, w)| k == 1 || *w > 0.0),
                    "{place}"
                );
                let backward = objective.total.backward();
                let gradient = values(&losses.grad(&backward).unwrap());
                assert_all_close(&place, &gradient, &weights, 1e-6, 0.0);
                for (parameter, table) in gradients(&strategy, &backward) {
                    let gradient = table.values.get(1).copied().unwrap_or_default();
                    assert_eq!(gradient, 0.0, "{place}, {parameter}");
                }
                assert_eq!(memory_of(&strategy, 1), remembered, "{place}");
                let next = step(&strategy, &[0.7, 0.4, 0.3, 9.0], &device);
                answers.push((total.to_bits(), weights, next, memory(&strategy)));
            }
            for answer in &answers[1..] {
                assert_eq!(*answer, answers[0], "{name} on {backend}");
            }
        }
    }
}

/// The whole way from a batch without labels for a task: its loss is masked, the task is absent, and what both tasks
/// read gets the gradient of the other alone.
#[test]
fn masked_labels_of_nan_reach_neither_the_objective_nor_what_is_shared() {
    let tasks = many_tasks(2);
    for (backend, device) in devices() {
        let device = device.autodiff();
        for (name, config) in strategies(&tasks) {
            let strategy = config.init(&tasks_of(&tasks), &device).unwrap();
            let shared = support::tensor(&[0.5, -0.2], [1, 2], &device).require_grad();
            let loss = |target: f64, mask: Option<Tensor<2, Bool>>| {
                let target = support::tensor(&[target; 2], [1, 2], &device);
                huber(shared.clone(), target, 1.0, mask, Reduction::Mean)
            };
            let none = Tensor::from_data(TensorData::new(vec![false; 2], [1, 2]), &device);
            let present = Tensor::from_data(TensorData::new(vec![true, false], [2]), &device);
            let losses = vec![loss(1.0, None), loss(f64::NAN, Some(none))];
            let objective = strategy.weigh(&TaskLosses::new(losses).with_present(present));
            let weight = values(&objective.weights)[0];
            let gradient = values(&shared.grad(&objective.total.backward()).unwrap());
            let expected = [-0.5 * weight / 2.0, -weight / 2.0];
            assert_all_close(
                &format!("{name} on {backend}"),
                &gradient,
                &expected,
                1e-5,
                0.0,
            );
        }
    }
}

#[test]
fn a_step_without_any_label_is_a_step_of_zero() {
    let tasks = many_tasks(4);
    for (backend, device) in devices() {
        for (name, config) in strategies(&tasks) {
            let strategy = config.init(&tasks_of(&tasks), &device).unwrap();
            step(&strategy, &[1.1, 0.5, 0.7, 15.9], &device);
            let remembered: Vec<_> = (0..4).map(|task| memory_of(&strategy, task)).collect();
            let given = TaskLosses::from_values(losses(&[f64::NAN; 4], &device))
                .with_present(present([false; 4], &device));
            let objective = strategy.weigh(&given);
            assert_eq!(number(&objective.total), 0.0, "{name} on {backend}");
            assert_eq!(values(&objective.weights), [0.0; 4], "{name} on {backend}");
            let after: Vec<_> = (0..4).map(|task| memory_of(&strategy, task)).collect();
            assert_eq!(after, remembered, "{name} on {backend}");
        }
    }
}

#[test]
fn a_loss_that_is_not_finite_never_enters_the_state() {
    let tasks = many_tasks(4);
    for (backend, device) in devices() {
        for (name, config) in strategies(&tasks) {
            for broken in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let place = format!("{name} on {backend}, {broken}");
                let strategy = config.init(&tasks_of(&tasks), &device).unwrap();
                // The very first step is the one in which a mean would take the loss as it is.
                for row in [
                    [1.1, broken, 0.7, 15.9],
                    [1.0, 0.4, 0.6, 14.0],
                    [0.9, broken, 0.5, 9.0],
                ] {
                    let (total, weights) = step(&strategy, &row, &device);
                    assert!(total.is_finite(), "{place}: {total}");
                    assert_eq!(
                        weights[1] == 0.0,
                        !row[1].is_finite(),
                        "{place}: {weights:?}"
                    );
                    for value in strategy.state() {
                        assert!(
                            value.read().iter().all(|v| v.is_finite()),
                            "{place}, {value:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn any_number_of_tasks_from_1_to_64() {
    let mut noise = Noise::new(6);
    for (backend, device) in devices() {
        let device = device.autodiff();
        for count in 1..=64 {
            let tasks = many_tasks(count);
            for (name, config) in strategies(&tasks) {
                let place = format!("{count} tasks, {name} on {backend}");
                let strategy = config.init(&tasks_of(&tasks), &device).unwrap();
                for _ in 0..2 {
                    let row: Vec<f64> = noise.many(count).iter().map(|v| 1.5 + v).collect();
                    let losses = losses(&row, &device).require_grad();
                    let objective = strategy.weigh(&TaskLosses::from_values(losses.clone()));
                    let (total, weights) = (number(&objective.total), values(&objective.weights));
                    assert!(total.is_finite(), "{place}");
                    assert_eq!(weights.len(), count, "{place}");
                    assert!(weights.iter().all(|w| w.is_finite() && *w > 0.0), "{place}");
                    let gradient = losses.grad(&objective.total.backward()).unwrap();
                    assert_all_close(&place, &values(&gradient), &weights, 1e-6, 0.0);
                }
            }
        }
    }
}

#[test]
fn losses_of_another_number_of_tasks_are_misuse() {
    let tasks = many_tasks(4);
    let device = Device::default();
    for (name, config) in strategies(&tasks) {
        let strategy = config.init(&tasks_of(&tasks), &device).unwrap();
        for count in [3, 5] {
            let losses = TaskLosses::from_values(losses(&vec![1.0; count], &device));
            let weigh = std::panic::AssertUnwindSafe(|| drop(strategy.weigh(&losses)));
            let panic = std::panic::catch_unwind(weigh).expect_err(name);
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .unwrap_or_default();
            let expected = format!("{count} losses were given, but there are 4 tasks");
            assert!(message.contains(&expected), "{name}: {message}");
        }
    }
}
