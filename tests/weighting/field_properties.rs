//! What every strategy of the table promises, written once: the order of the tasks does not matter, an absent task is a
//! task less, nothing becomes NaN, a saved and loaded strategy goes on to the bit, a record of another is refused, and
//! JSON comes back.

use crate::support;

use burn::module::Module;
use burn::optim::{GradientsParams, SgdConfig};
use burn::store::ModuleRecord;
use burn::tensor::{Bool, Device, Tensor};
use equipoise::loss::{Gram, TaskLosses};
use equipoise::weighting::{Needs, Step, Strategy, StrategyConfig, StrategyTable, Weighed};
use equipoise::{Task, TaskSet};
use support::{Noise, assert_all_close, values};

/// Settings for what has no default, and a fixed order for what draws one.
fn json(name: &str) -> String {
    let settings = match name {
        "soft-uncertainty" => r#", "temperature": 2.0"#,
        "pcgrad" | "gradvac" => r#", "order": "ascending""#,
        // The past alone, so that nothing is drawn that matters.
        "relobralo" => r#", "lookback": 1.0"#,
        "required-elements" => r#", "task": "t0", "elements": 1"#,
        _ => "",
    };
    format!(r#"{{"strategy": "{name}"{settings}}}"#)
}

fn names() -> Vec<&'static str> {
    StrategyTable::built_in().names().collect()
}

/// Tasks `t0`, `t1`, ...
fn tasks(order: &[usize]) -> TaskSet {
    TaskSet::new(order.iter().map(|k| Task::regression(format!("t{k}"), 1))).unwrap()
}

fn made(name: &str, order: &[usize], device: &Device) -> Strategy {
    let config = StrategyConfig::from_json(&json(name)).unwrap();
    config.init(&tasks(order), device).unwrap()
}

/// Losses and gradients of one step, of four tasks.
struct Seen {
    losses: Vec<f64>,
    gradients: Vec<Vec<f64>>,
}

fn seen(step: usize) -> Seen {
    let mut noise = Noise::new(100 + step as u64);
    let losses = [1.1, 0.02, 6.0, 0.5];
    let falling = 1.0 - 0.03 * step as f64;
    Seen {
        losses: losses
            .iter()
            .map(|l| l * (falling + 0.1 * noise.draw()))
            .collect(),
        gradients: (0..4).map(|_| noise.many(9)).collect(),
    }
}

/// A step on the tasks of `order`, those in `absent` without labels.
fn weigh(
    strategy: &Strategy,
    seen: &Seen,
    order: &[usize],
    absent: &[usize],
    step: usize,
    device: &Device,
) -> Weighed {
    let pick: Vec<f64> = order.iter().map(|k| seen.losses[*k]).collect();
    let losses = TaskLosses::from_values(support::tensor(&pick, [order.len()], device));
    let present: Vec<bool> = order.iter().map(|k| !absent.contains(k)).collect();
    let present = Tensor::<1, Bool>::from_data(present.as_slice(), &device.clone().inner());
    let losses = losses.with_present(present);
    let row = |k: &usize| {
        if absent.contains(k) {
            vec![0.0; 9]
        } else {
            seen.gradients[*k].clone()
        }
    };
    let rows: Vec<f64> = order.iter().flat_map(row).collect();
    let rows = support::tensor(&rows, [order.len(), 9], &device.clone().inner());
    let gram = Gram::new(rows.clone().matmul(rows.transpose()));
    let gram = (strategy.needs() != Needs::Losses).then_some(&gram);
    let epoch = 1 + step / 3;
    strategy.weigh_step(&Step::new(&losses).with_gram(gram).at(epoch, step))
}

/// Whatever a rule looks at after a step.
fn after(strategy: &Strategy, seen: &Seen, order: &[usize], absent: &[usize], device: &Device) {
    let of = |factor: f64| {
        let loss = |k: &usize| seen.losses[*k] * (1.0 - factor * (*k + 1) as f64);
        let pick: Vec<f64> = order.iter().map(loss).collect();
        let present: Vec<bool> = order.iter().map(|k| !absent.contains(k)).collect();
        let present = Tensor::<1, Bool>::from_data(present.as_slice(), &device.clone().inner());
        TaskLosses::from_values(support::tensor(&pick, [order.len()], device)).with_present(present)
    };
    strategy.after_step(&of(0.0), &of(0.01));
}

/// One step and plain descent on what is learned; the weights, and the strategy after it.
fn advance(
    strategy: Strategy,
    order: &[usize],
    absent: &[usize],
    step: usize,
    device: &Device,
) -> (Strategy, Vec<f64>) {
    let seen = seen(step);
    let weighed = weigh(&strategy, &seen, order, absent, step, device);
    let weights = values(&weighed.weights);
    let strategy = if weighed.total.is_tracked() {
        let moves = GradientsParams::from_grads(weighed.total.backward(), &strategy);
        SgdConfig::new().init().step(0.05, strategy, moves)
    } else {
        strategy
    };
    after(&strategy, &seen, order, absent, device);
    (strategy, weights)
}

const ALL: [usize; 4] = [0, 1, 2, 3];

#[test]
fn the_order_of_the_tasks_does_not_matter() {
    let device = Device::flex().autodiff();
    let other = [2, 0, 3, 1];
    for name in names() {
        // Its draws belong to places, and an order of meeting is one too.
        if ["random", "pcgrad", "gradvac"].contains(&name) {
            continue;
        }
        let (mut one, mut two) = (made(name, &ALL, &device), made(name, &other, &device));
        for step in 0..8 {
            let (next, weights) = advance(one, &ALL, &[], step, &device);
            one = next;
            let (next, moved) = advance(two, &other, &[], step, &device);
            two = next;
            let expected: Vec<f64> = other.iter().map(|k| weights[*k]).collect();
            let largest = weights.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
            assert_all_close(
                &format!("{name}, step {step}"),
                &moved,
                &expected,
                2e-4,
                1e-5 * largest,
            );
        }
    }
}

#[test]
fn an_absent_task_is_a_task_less() {
    let device = Device::flex().autodiff();
    let without = [0, 1, 3];
    for name in names() {
        if ["random", "pcgrad", "gradvac"].contains(&name) {
            continue;
        }
        let (mut one, mut two) = (made(name, &ALL, &device), made(name, &without, &device));
        // Fixed weights are 1/K where nothing is said, and K is the number of tasks there are.
        let fixed = one.intended().is_some() || name == "stch";
        let factor = if fixed && name != "gradient-share" {
            4.0 / 3.0
        } else {
            1.0
        };
        if name == "stch" || name == "gradient-share" {
            continue;
        }
        for step in 0..8 {
            let (next, weights) = advance(one, &ALL, &[2], step, &device);
            one = next;
            let (next, fewer) = advance(two, &without, &[], step, &device);
            two = next;
            assert_eq!(weights[2], 0.0, "{name}");
            let found: Vec<f64> = without.iter().map(|k| weights[*k] * factor).collect();
            let largest = fewer.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
            assert_all_close(
                &format!("{name}, step {step}"),
                &found,
                &fewer,
                2e-4,
                1e-5 * largest,
            );
        }
    }
}

#[test]
fn an_absence_leaves_the_memory_of_the_task_alone() {
    let device = Device::flex().autodiff();
    for name in names() {
        let mut strategy = made(name, &ALL, &device);
        for step in 0..3 {
            strategy = advance(strategy, &ALL, &[], step, &device).0;
        }
        let of_task = |strategy: &Strategy| -> Vec<(String, f64)> {
            let all = support::parameters(strategy).into_iter();
            all.filter(|(path, table)| table.values.len() == 4 && !path.contains("logits"))
                .map(|(path, table)| (path, table.values[2]))
                .collect()
        };
        // What FAMO learns moves with its own call, which is not made here. DWA closes an epoch for all tasks.
        if name == "dwa" {
            continue;
        }
        let before = of_task(&strategy);
        for step in 3..40 {
            weigh(&strategy, &seen(step), &ALL, &[2], step, &device);
        }
        assert_eq!(of_task(&strategy), before, "{name}");
    }
}

#[test]
fn nothing_becomes_nan() {
    let device = Device::flex().autodiff();
    let mut noise = Noise::new(5);
    for name in names() {
        let strategy = made(name, &ALL, &device);
        for step in 0..30 {
            let power = |noise: &mut Noise, range: f64| 10f64.powf(range * noise.draw());
            let losses = (0..4).map(|_| power(&mut noise, 9.0)).collect();
            let gradients = (0..4).map(|_| {
                let scale = power(&mut noise, 8.0);
                noise.many(9).into_iter().map(|v| v * scale).collect()
            });
            let mut seen = Seen {
                losses,
                gradients: gradients.collect(),
            };
            match step % 6 {
                1 => seen.losses[1] = 0.0,
                2 => seen.losses[3] = -2.5,
                3 => seen.gradients[0] = vec![0.0; 9],
                4 => seen.gradients[1] = seen.gradients[2].clone(),
                5 => seen.losses[0] = f64::NAN,
                _ => {}
            }
            let weighed = weigh(&strategy, &seen, &ALL, &[], step, &device);
            let weights = values(&weighed.weights);
            let place = format!("{name}, step {step}: {weights:?}");
            assert!(weights.iter().all(|w| w.is_finite()), "{place}");
            let total = support::number(&weighed.total);
            assert!(
                total.is_finite() || weights.iter().any(|w| w.abs() > 1e25),
                "{place}, total {total}"
            );
            for value in strategy.state() {
                assert!(
                    value.read().iter().all(|v| v.is_finite()),
                    "{place}, {}",
                    value.name()
                );
            }
        }
    }
}

#[test]
fn a_loaded_strategy_goes_on_to_the_bit() {
    let device = Device::flex().autodiff();
    let folder = tempfile::tempdir().unwrap();
    for name in names() {
        let mut strategy = made(name, &ALL, &device);
        for step in 0..7 {
            strategy = advance(strategy, &ALL, &[], step, &device).0;
        }
        let file = folder.path().join(format!("{name}.bpk"));
        strategy.clone().into_record().save(&file).unwrap();
        let record = ModuleRecord::load(&file).unwrap();
        let fresh = made(name, &ALL, &device);
        fresh.check_record(&record, &[]).unwrap();
        let mut loaded = fresh.try_load_record(record).unwrap();
        for step in 7..12 {
            let (next, weights) = advance(strategy, &ALL, &[], step, &device);
            strategy = next;
            let (next, again) = advance(loaded, &ALL, &[], step, &device);
            loaded = next;
            let bits = |values: Vec<f64>| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(again), bits(weights), "{name}, step {step}");
        }
    }
}

#[test]
fn a_record_of_another_strategy_or_of_other_tasks_is_refused_by_name() {
    let device = Device::flex();
    let own = made("running-mean", &ALL, &device);
    // The same slots with the same shapes.
    let other = made("gradient-scale", &ALL, &device).into_record();
    let message = own.check_record(&other, &[]).unwrap_err().to_string();
    assert!(message.contains("GradientScale"), "{message}");
    let fewer = made("running-mean", &[0, 1, 2], &device).into_record();
    let message = own.check_record(&fewer, &[]).unwrap_err().to_string();
    assert!(message.contains("added since: t3"), "{message}");
    let renamed = made("running-mean", &[0, 1, 2, 7], &device).into_record();
    let message = own.check_record(&renamed, &[]).unwrap_err().to_string();
    assert!(
        message.contains("added since: t3") && message.contains("missing now: t7"),
        "{message}"
    );
    let turned = made("running-mean", &[1, 0, 2, 3], &device).into_record();
    let message = own.check_record(&turned, &[]).unwrap_err().to_string();
    assert!(message.contains("another order"), "{message}");
    // Loaded all the same, it says so before it weighs.
    let loaded = own.try_load_record(other).unwrap();
    let losses = TaskLosses::from_values(Tensor::ones([4], &device));
    let weigh = std::panic::AssertUnwindSafe(|| drop(loaded.weigh(&losses)));
    let panic = std::panic::catch_unwind(weigh).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("record of another strategy"), "{message}");
}

#[test]
fn json_comes_back_and_what_is_unknown_is_refused() {
    for name in names() {
        let config = StrategyConfig::from_json(&json(name)).unwrap();
        assert_eq!(
            StrategyConfig::from_json(&config.to_json()).unwrap(),
            config,
            "{name}"
        );
        let unknown = json(name).replace('}', r#", "no_such_field": 1}"#);
        let message = StrategyConfig::from_json(&unknown).unwrap_err().to_string();
        assert!(message.contains("no_such_field"), "{name}: {message}");
    }
    for (json, field) in [
        (r#"{"strategy": "sum", "heads": "raw"}"#, "heads"),
        (r#"{"strategy": "upgrad", "heads": "half"}"#, "heads"),
        (r#"{"strategy": "upgrad", "rescale": 1}"#, "rescale"),
        (r#"{"strategy": "soft-uncertainty"}"#, "temperature"),
    ] {
        let message = StrategyConfig::from_json(json).unwrap_err().to_string();
        assert!(message.contains(field), "{json}: {message}");
    }
    let device = Device::flex();
    for (json, field) in [
        (r#"{"strategy": "cagrad", "c": -1.0}"#, "c"),
        (r#"{"strategy": "fair-grad", "alpha": 0.0}"#, "alpha"),
        (r#"{"strategy": "momentum", "momentum": 1.0}"#, "momentum"),
        (
            r#"{"strategy": "momentum", "weighting": {"strategy": "uncertainty"}}"#,
            "weighting",
        ),
        (r#"{"strategy": "gradvac", "beta": 0.0}"#, "beta"),
        (r#"{"strategy": "dwa", "temperature": 0.0}"#, "temperature"),
    ] {
        let config = StrategyConfig::from_json(json).unwrap();
        let message = config.init(&tasks(&ALL), &device).unwrap_err().to_string();
        assert!(message.contains(field), "{json}: {message}");
    }
}

/// What is recorded of a strategy is the same in every process: no address, no order of a hash.
#[test]
fn an_identity_is_made_of_names_and_settings() {
    let device = Device::flex();
    let strategy = made("momentum", &ALL, &device);
    let rule = strategy.identity().rule().to_string();
    assert_eq!(
        rule,
        r#"Momentum { momentum: 0.9, weighting: {"strategy":"upgrad"} }"#
    );
    for name in names() {
        let rule = made(name, &ALL, &device).identity().rule().to_string();
        assert!(!rule.contains("0x"), "{name}: {rule}");
    }
}

#[test]
fn a_rescaled_combination_is_as_long_as_the_mean() {
    let device = Device::flex();
    for name in names() {
        let rule = StrategyConfig::from_json(&json(name)).unwrap();
        if rule.rule().needs() != Needs::Gram
            || ["imtl", "momentum", "normalised", "grad-norm"].contains(&name)
        {
            continue;
        }
        let strategy = rule.with_rescale(true).init(&tasks(&ALL), &device).unwrap();
        let seen = seen(0);
        let losses = TaskLosses::from_values(support::tensor(&seen.losses, [4], &device));
        let rows = support::tensor(&seen.gradients.concat(), [4, 9], &device);
        let gram = Gram::new(rows.clone().matmul(rows.transpose()));
        let step = Step::new(&losses)
            .with_gram(Some(&gram))
            .rescaled(strategy.rescale());
        let weights = values(&strategy.weigh_step(&step).weights);
        let length = |weights: &[f64]| -> f64 {
            let sum = |column: usize| -> f64 {
                (0..4).map(|k| weights[k] * seen.gradients[k][column]).sum()
            };
            (0..9).map(|column| sum(column).powi(2)).sum::<f64>().sqrt()
        };
        support::assert_close(name, length(&weights), length(&[0.25; 4]), 1e-5, 0.0);
    }
}
