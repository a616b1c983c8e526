//! The one call of a training step, under every strategy and for representations of every shape: its gradients are
//! those that separate backward passes give, what is absent does not move, and every task's gradient is apart from the
//! others.
#![cfg(feature = "expansion")]

mod support;

use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Distribution, FloatDType, Tensor};
use equipoise::loss::TaskLosses;
use equipoise::model::{Branches, Shared};
use equipoise::step;
use equipoise::weighting::{Needs, Strategy, StrategyConfig, StrategyTable};
use equipoise::{Task, TaskSet};
use support::{assert_all_close, values};

fn tasks() -> TaskSet {
    TaskSet::new(["a", "b", "c"].map(|name| Task::regression(name, 4))).unwrap()
}

/// A trunk of one matrix, a stage that two heads share, and a matrix for each head.
#[derive(Module, Debug)]
struct Network {
    trunk: Param<Tensor<2>>,
    stage: Param<Tensor<2>>,
    heads: [Param<Tensor<2>>; 3],
    weighting: Strategy,
}

const BATCH: usize = 6;
const INPUTS: usize = 5;
const WIDTH: usize = 24;

impl Network {
    fn new(config: &str, device: &Device) -> Self {
        device.seed(3);
        let matrix = |rows, columns| {
            let values = Tensor::random([rows, columns], Distribution::Normal(0.0, 0.4), device);
            Param::from_tensor(values)
        };
        Self {
            trunk: matrix(INPUTS, WIDTH),
            stage: matrix(WIDTH, WIDTH),
            heads: [matrix(WIDTH, 4), matrix(WIDTH, 4), matrix(WIDTH, 4)],
            weighting: StrategyConfig::from_json(config)
                .unwrap()
                .init(&tasks(), device)
                .unwrap(),
        }
    }

    fn represent(&self, device: &Device) -> Tensor<2> {
        let inputs: Vec<f64> = support::Noise::new(4).many(BATCH * INPUTS);
        let inputs = support::tensor(&inputs, [BATCH, INPUTS], device);
        inputs.matmul(self.trunk.val()).tanh()
    }

    /// Positive losses of different sizes; tasks 0 and 2 share a stage.
    fn losses(&self, shared: Branches<Tensor<2>>, absent: Option<usize>) -> TaskLosses {
        let device = self.trunk.val().device();
        let [a, c] = shared.map([0, 2], |x: Tensor<2>| x.matmul(self.stage.val()).tanh());
        let loss = |task: usize, shared: Tensor<2>| {
            let goal = [0.5, -2.0, 6.0][task];
            let found = shared.matmul(self.heads[task].val());
            (absent != Some(task)).then(|| (found - goal).square().mean())
        };
        let losses = vec![loss(0, a), loss(1, shared.of(1)), loss(2, c)];
        TaskLosses::from_options(losses, &device)
    }
}

/// The gradients of the parameters by name, without those of the strategy.
fn named(network: &Network, gradients: &GradientsParams) -> BTreeMap<String, Vec<f64>> {
    let mut found = BTreeMap::new();
    let mut put = |name: &str, param: &Param<Tensor<2>>| {
        if let Some(gradient) = gradients.get::<2>(param.id) {
            found.insert(name.to_string(), values(&gradient));
        }
    };
    put("trunk", &network.trunk);
    put("stage", &network.stage);
    for (head, name) in network.heads.iter().zip(["head a", "head b", "head c"]) {
        put(name, head);
    }
    found
}

/// The gradient of one raw loss at every parameter, by a backward pass of its own.
fn alone(network: &Network, task: usize, device: &Device) -> BTreeMap<String, Vec<f64>> {
    let losses = network.losses(Branches::together(network.represent(device), 3), None);
    let gradients = losses.values().narrow(0, task, 1).backward();
    named(network, &GradientsParams::from_grads(gradients, network))
}

fn weighted_sum(parts: &[(f64, &Vec<f64>)]) -> Vec<f64> {
    let mut sum = vec![0.0; parts[0].1.len()];
    for (weight, values) in parts {
        for (sum, value) in sum.iter_mut().zip(*values) {
            *sum += weight * value;
        }
    }
    sum
}

/// Settings for a strategy that has no default.
fn json(name: &str) -> String {
    match name {
        "soft-uncertainty" => r#"{"strategy": "soft-uncertainty", "temperature": 2.0}"#.into(),
        "required-elements" => {
            r#"{"strategy": "required-elements", "task": "b", "elements": 4}"#.into()
        }
        name => format!(r#"{{"strategy": "{name}"}}"#),
    }
}

fn table() -> impl Iterator<Item = &'static str> {
    StrategyTable::built_in().names()
}

#[test]
fn gradients_are_the_weighted_sums_of_separate_passes() {
    let device = Device::flex().autodiff();
    for name in table() {
        for heads in ["raw", "weighted"] {
            let from_gram =
                StrategyTable::built_in().row(name).unwrap().needs() == Some(Needs::Gram);
            let mut config = json(name);
            if from_gram {
                config = config.replace('}', &format!(r#", "heads": "{heads}"}}"#));
            } else if heads == "raw" {
                continue;
            }
            let network = Network::new(&config, &device);
            let each: Vec<_> = (0..3).map(|task| alone(&network, task, &device)).collect();
            let found = step::backward(&network.weighting, network.represent(&device), |shared| {
                network.losses(shared, None)
            });
            assert!(found.weighed().flag.is_none(), "{name}");
            let weights = values(&found.weights());
            let gradients = named(&network, &found.gradients(&network));
            for parameter in ["trunk", "stage", "head a", "head b", "head c"] {
                let raw = heads == "raw" && from_gram && parameter != "trunk";
                let weight = |task: usize| if raw { 1.0 } else { weights[task] };
                let parts: Vec<_> = (0..3)
                    .filter_map(|task| Some((weight(task), each[task].get(parameter)?)))
                    .collect();
                let expected = weighted_sum(&parts);
                let largest = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
                let place = format!("{name}, heads {heads}, {parameter}");
                assert_all_close(
                    &place,
                    &gradients[parameter],
                    &expected,
                    0.0,
                    2e-5 * largest.max(1e-6),
                );
            }
        }
    }
}

#[test]
fn a_plain_step_is_a_step_written_by_hand_to_the_bit() {
    let device = Device::flex().autodiff();
    let network = Network::new(r#"{"strategy": "uncertainty"}"#, &device);
    let losses = network.losses(Branches::together(network.represent(&device), 3), None);
    let by_hand = network.weighting.weigh(&losses).total.backward();
    let by_hand = named(&network, &GradientsParams::from_grads(by_hand, &network));
    let found = step::backward(&network.weighting, network.represent(&device), |shared| {
        network.losses(shared, None)
    });
    assert_eq!(named(&network, &found.gradients(&network)), by_hand);
}

/// The gradient of a sum of squares of every part, weighted, against the same by hand.
fn check_shape<S: Shared>(representation: S, loss: impl Fn(&S, usize) -> Tensor<1>, place: &str) {
    let device = Device::flex().autodiff();
    let strategy = StrategyConfig::named("sum")
        .unwrap()
        .init(&tasks(), &device)
        .unwrap();
    let leaves: Vec<S> = (0..3).map(|_| representation.leaf()).collect();
    let total = (0..3)
        .map(|task| loss(&leaves[task], task))
        .reduce(|a, b| a + b)
        .unwrap();
    let mut gradients = total.backward();
    let found: Vec<S> = leaves
        .iter()
        .map(|leaf| leaf.take_gradient(&mut gradients))
        .collect();
    let gram = values(&S::gram(&found));
    // d/dx of sum (k + 1) x^2 is 2 (k + 1) x: the Gram matrix is 4 (i + 1) (j + 1) |x|^2.
    let square = gram[0] / 4.0;
    for (index, value) in gram.iter().enumerate() {
        let expected = 4.0 * ((index / 3 + 1) * (index % 3 + 1)) as f64 * square;
        support::assert_close(place, *value, expected, 1e-5, 0.0);
    }
    let _ = strategy;
    let combined = S::combine(
        found,
        Tensor::from_floats([1.0, 0.5, 0.0], &device.clone().inner()),
    );
    // 2 x + 0.5 * 4 x = 4 x, and x . 4 x = 4 |x|^2.
    let pulled = values(&representation.leaf().pull(combined))[0];
    support::assert_close(place, pulled, 4.0 * square, 1e-5, 0.0);
}

#[test]
fn representations_of_every_shape_keep_the_tasks_apart() {
    let device = Device::flex().autodiff();
    device.seed(9);
    let normal = Distribution::Normal(0.0, 1.0);
    let scaled = |task: usize| (task + 1) as f64;
    let (r1, r2) = (
        Tensor::<1>::random([7], normal, &device),
        Tensor::<2>::random([3, 5], normal, &device),
    );
    let r3 = Tensor::<3>::random([2, 4, 3], normal, &device);
    let r4 = Tensor::<4>::random([2, 3, 4, 2], normal, &device);
    check_shape(
        r1,
        |x, task| x.clone().square().sum() * scaled(task),
        "rank 1",
    );
    check_shape(
        r2.clone(),
        |x, task| x.clone().square().sum() * scaled(task),
        "rank 2",
    );
    check_shape(
        r3.clone(),
        |x, task| x.clone().square().sum() * scaled(task),
        "rank 3",
    );
    check_shape(
        r4.clone(),
        |x, task| x.clone().square().sum() * scaled(task),
        "rank 4",
    );
    let both = |(a, b): &(Tensor<2>, Tensor<4>), task: usize| {
        (a.clone().square().sum() + b.clone().square().sum()) * scaled(task)
    };
    check_shape((r2.clone(), r4.clone()), both, "a pair");
    let list = |parts: &Vec<Tensor<3>>, task: usize| {
        let squares = parts.iter().map(|part| part.clone().square().sum());
        squares.reduce(|a, b| a + b).unwrap() * scaled(task)
    };
    check_shape(vec![r3.clone(), r3.clone() * 2.0], list, "a vector");
    let array = |parts: &[Tensor<3>; 2], task: usize| {
        (parts[0].clone().square().sum() + parts[1].clone().square().sum()) * scaled(task)
    };
    check_shape([r3.clone(), r3 * 0.5], array, "an array");
}

#[test]
fn half_and_double_precision_are_taken() {
    let device = Device::flex().autodiff();
    for dtype in [FloatDType::F16, FloatDType::BF16, FloatDType::F64] {
        for name in table() {
            let strategy = StrategyConfig::from_json(&json(name)).unwrap();
            let strategy = strategy.init(&tasks(), &device).unwrap();
            let weights = Tensor::<2>::ones([2, 3], &device)
                .cast(dtype)
                .require_grad();
            let found = step::backward(&strategy, weights.clone() * 2.0, |shared| {
                let loss = |(task, x): (usize, Tensor<2>)| {
                    (x.narrow(1, task, 1) - 1.0).square().sum() * (task + 1) as f64
                };
                TaskLosses::new(shared.all().into_iter().enumerate().map(loss).collect())
            });
            let weights = values(&found.weights());
            assert!(
                weights.iter().all(|w| w.is_finite()),
                "{name} in {dtype:?}: {weights:?}"
            );
        }
    }
}

/// The head, its moments and the strategy's values of a task that the host knows to be absent stay as they are, under
/// an optimizer that would decay them.
#[test]
fn an_absent_task_moves_nothing_of_its_own() {
    let device = Device::flex().autodiff();
    for name in table() {
        let mut network = Network::new(&json(name), &device);
        let mut optimizer = AdamWConfig::new().with_weight_decay(0.1).init();
        for step_index in 0..6 {
            let absent = (step_index >= 3).then_some(1);
            let head = values(&network.heads[1].val());
            let learned = learned_of(&network.weighting, "b");
            let found = step::Pass::new(&network.weighting)
                .at(1, step_index)
                .audited(true)
                .backward(network.represent(&device), |shared| {
                    network.losses(shared, absent)
                });
            if absent.is_some() {
                assert_eq!(values(&found.weights())[1], 0.0, "{name}");
            }
            let gradients = found.gradients(&network);
            let entry = gradients.get::<2>(network.heads[1].id).is_some();
            assert_eq!(entry, absent.is_none(), "{name}");
            network = optimizer.step(1e-2, network, gradients);
            if absent.is_some() {
                assert_eq!(
                    values(&network.heads[1].val()),
                    head,
                    "{name}: the head moved"
                );
                assert_eq!(
                    learned_of(&network.weighting, "b"),
                    learned,
                    "{name}: it learned"
                );
            }
        }
    }
}

fn learned_of(strategy: &Strategy, task: &str) -> Vec<(String, Vec<f64>)> {
    let all = support::parameters(strategy).into_iter();
    all.filter(|(path, _)| path.ends_with(&format!(".{task}")))
        .map(|(path, table)| (path, table.values))
        .collect()
}

#[test]
fn a_step_without_any_label_has_no_gradient() {
    let device = Device::flex().autodiff();
    for name in table() {
        let network = Network::new(&json(name), &device);
        let found = step::backward(&network.weighting, network.represent(&device), |_| {
            TaskLosses::from_options(vec![None, None, None], &device)
        });
        assert_eq!(values(&found.weights()), [0.0; 3], "{name}");
        let gradients = named(&network, &found.gradients(&network));
        let still = gradients
            .values()
            .flatten()
            .all(|gradient| *gradient == 0.0);
        assert!(still, "{name}: {gradients:?}");
    }
}

#[test]
fn a_trunk_that_is_frozen_is_left_alone() {
    let device = Device::flex().autodiff();
    let network = Network::new(r#"{"strategy": "upgrad"}"#, &device);
    let representation = network.represent(&device).detach();
    let found = step::backward(&network.weighting, representation, |shared| {
        network.losses(shared, None)
    });
    let gradients = named(&network, &found.gradients(&network));
    assert!(!gradients.contains_key("trunk") && gradients.contains_key("head a"));
}

#[test]
#[should_panic(expected = "2 branches were asked for, but there are 3 tasks")]
fn another_number_of_branches_is_misuse() {
    let device = Device::flex().autodiff();
    let strategy = StrategyConfig::named("sum")
        .unwrap()
        .init(&tasks(), &device)
        .unwrap();
    step::backward(&strategy, Tensor::<2>::ones([1, 1], &device), |shared| {
        let [a, b] = shared.each();
        TaskLosses::new(vec![a.sum(), b.sum()])
    });
}

#[test]
#[should_panic(expected = "no loss was given for b: give it, or say that the task is absent")]
fn a_forgotten_loss_is_named() {
    let device = Device::flex();
    let one = || Tensor::ones([1], &device);
    let tasks = tasks();
    TaskLosses::by_name(&tasks, &device)
        .loss("a", one())
        .loss("c", one())
        .build();
}

#[test]
#[should_panic(expected = "task 3 has no branch: there are 3 tasks, counted from 0")]
fn a_stage_of_a_task_that_is_none_is_misuse() {
    let shared = Branches::together(Tensor::<2>::ones([1, 1], &Device::flex()), 3);
    shared.map([0, 3], |x| x);
}
