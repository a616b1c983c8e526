//! Every strategy gives the totals, effective weights and states that PyTorch gave, step after step.
//!
//! The numbers are the `f64` rows of `fixtures/strategies.json`, produced by these lines of its generator:
//!
//! ```python
//! # RunningMean (baseline; dims for fix2; other weights for fix5)
//! if self.step > self.wu: self.mean[k] = self.m * self.mean[k] + (1 - self.m) * v
//! else:                   self.mean[k] = (self.mean[k] * (self.step - 1) + v) / self.step
//! z = L[k] / self.mean[k] if self.mean[k] > 1e-8 else L[k]
//! if self.dims: z = z * math.sqrt(self.dims[k])
//! tot = tot + self.w[k] * z
//! # uncertainty_total (fix1), the parameters then moved by p -= 0.1 * grad
//! sg = torch.exp(ls[k]); tot = tot + (1.0 / (2.0 * sg ** 2)) * L[k] + torch.log(sg)
//! # BatchZ (fix4b; fix4c without center and dims)
//! z = (L[k] - mu) / sd if self.center else L[k] / sd      # sd = 1 where the population std <= 1e-8
//! # the weights of every row
//! g = torch.autograd.grad(tot, [L[k] for k in TASKS] + learn)
//! ```

use crate::support;

use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Tensor};
use equipoise::expansion::model::ScalarCountdown;
use equipoise::loss::TaskLosses;
use equipoise::weighting::{
    BatchStatistics, GradientScale, Manual, RunningMean, StateValue, Strategy, StrategyConfig,
    Uncertainty,
};
use equipoise::{Task, TaskSet};
use serde_json::Value;
use support::{
    assert_all_close, assert_close, devices, gradients, json, number, parameters, values,
};

const REL: f64 = 2e-5;
/// For sums that cancel: what is added is of size one or two, in single precision.
const ABS: f64 = 5e-7;
const TASKS: [&str; 4] = ["type", "ptr", "binary", "countdown"];

fn tasks(sequence: &str) -> TaskSet {
    let countdown = if sequence == "scalar" { 1 } else { 105 };
    TaskSet::new([
        Task::classification("type", 3),
        Task::regression("ptr", 2),
        Task::binary("binary", 105),
        Task::regression("countdown", countdown),
    ])
    .unwrap()
}

fn of_tasks(value: &Value) -> Vec<f64> {
    TASKS.map(|task| value[task].as_f64().unwrap()).to_vec()
}

/// The value called `name` in a strategy's state.
fn state(strategy: &Strategy, name: &str) -> Vec<f64> {
    let state = strategy.state();
    let named = |value: &&StateValue| value.name() == name;
    let value = state.iter().find(named);
    value.unwrap_or_else(|| panic!("no state {name}")).read()
}

fn log_sigma(strategy: &Strategy) -> Vec<f64> {
    support::of_tasks(&parameters(strategy), "log_sigma", strategy.tasks())
}

fn check_state(place: &str, strategy: &Strategy, expected: &Value) {
    let fields = expected.as_object().unwrap();
    for (field, expected) in fields {
        match field.as_str() {
            "running_mean" => {
                let found = state(strategy, "running_mean");
                assert_all_close(place, &found, &of_tasks(expected), REL, 0.0);
            }
            "log_sigma" => {
                let expected = of_tasks(expected);
                assert_all_close(place, &log_sigma(strategy), &expected, REL, 1e-6);
                let sigma: Vec<f64> = expected.iter().map(|s| s.exp()).collect();
                assert_all_close(place, &state(strategy, "sigma"), &sigma, REL, 0.0);
            }
            "mean" | "std" => {
                let found = state(strategy, &format!("loss_{field}"));
                let expected = expected.as_f64().unwrap();
                assert_all_close(place, &found, &[expected], REL, ABS);
            }
            "step" => {
                let counts = parameters(strategy);
                let (_, count) = counts.iter().find(|(n, _)| n.ends_with("count")).unwrap();
                assert_eq!(count.values, [expected.as_f64().unwrap(); 4], "{place}");
            }
            other => panic!("the fixture has a state {other} that nothing checks"),
        }
    }
}

/// Plays the rows of a fixture and compares everything after each.
fn check(name: &str, config: StrategyConfig) {
    let document = json("strategies.json");
    let expected = &document["strategies"][name];
    let sequence = expected["sequence"].as_str().unwrap();
    let rows = document["loss_sequences"][sequence].as_array().unwrap();
    let steps = expected["f64"].as_array().unwrap();
    assert_eq!(rows.len(), steps.len());
    for (backend, device) in devices() {
        play(
            &format!("{name} on {backend}"),
            &config,
            sequence,
            rows,
            steps,
            &device,
        );
    }
}

fn play(
    name: &str,
    config: &StrategyConfig,
    sequence: &str,
    rows: &[Value],
    steps: &[Value],
    device: &Device,
) {
    let device = device.clone().autodiff();
    let mut strategy = config.init(&tasks(sequence), &device).unwrap();
    for (index, (row, expected)) in rows.iter().zip(steps).enumerate() {
        let place = |what: &str| format!("{name}, step {}, {what}", index + 1);
        let row: Vec<f32> = serde_json::from_value(row.clone()).unwrap();
        let losses = Tensor::<1>::from_floats(row.as_slice(), &device).require_grad();
        let objective = strategy.weigh(&TaskLosses::from_values(losses.clone()));
        let total = expected["total"].as_f64().unwrap();
        assert_close(&place("total"), number(&objective.total), total, REL, ABS);
        let weights = of_tasks(&expected["weights"]);
        let reported = values(&objective.weights);
        assert_all_close(&place("reported weights"), &reported, &weights, REL, 0.0);
        let backward = objective.total.backward();
        let derivative = values(&losses.grad(&backward).unwrap());
        assert_all_close(
            &place("d total / d losses"),
            &derivative,
            &weights,
            REL,
            0.0,
        );
        if let Some(gradient) = expected.get("grad_log_sigma") {
            let found = gradients(&strategy, &backward);
            let found = support::of_tasks(&found, "log_sigma", strategy.tasks());
            let place = place("d total / d log sigma");
            assert_all_close(&place, &found, &of_tasks(gradient), REL, 1e-6);
            let moves = GradientsParams::from_grads(backward, &strategy);
            let mut descent = SgdConfig::new().init();
            strategy = descent.step(0.1, strategy, moves);
        }
        check_state(&place("state"), &strategy, &expected["state"]);
    }
}

fn baseline() -> StrategyConfig {
    StrategyConfig::new(RunningMean::default().with_weights([0.1, 0.7, 0.1, 0.1]))
}

fn uncertainty() -> Uncertainty {
    Uncertainty::default().with_log_sigma([("ptr", -0.30)])
}

fn sqrt_n() -> StrategyConfig {
    StrategyConfig::new(GradientScale::default().with_weights([0.1, 0.7, 0.1, 0.1]))
}

fn batch_z() -> BatchStatistics {
    BatchStatistics::default().with_weights([0.1, 0.7, 0.1, 0.1])
}

fn scalar(weighting: StrategyConfig) -> StrategyConfig {
    StrategyConfig::new(ScalarCountdown::default().with_weighting(weighting))
}

#[test]
fn running_mean() {
    check("baseline", baseline());
}

#[test]
fn running_mean_with_a_loss_of_zero() {
    check("baseline@edge_zero_ptr", baseline());
}

#[test]
fn running_mean_is_normalised_manual_with_the_same_weights() {
    let manual = Manual::default().with_weights([0.1, 0.7, 0.1, 0.1]);
    check("baseline", StrategyConfig::new(manual));
}

#[test]
fn uncertainty_with_plain_descent() {
    check("fix1_uncertainty", StrategyConfig::new(uncertainty()));
}

#[test]
fn gradient_scale() {
    check("fix2_sqrt_n", sqrt_n());
}

#[test]
fn gradient_scale_with_a_loss_of_zero() {
    check("fix2_sqrt_n@edge_zero_ptr", sqrt_n());
}

#[test]
fn scalar_countdown_with_fixed_weights() {
    let manual = Manual::default().with_weights([0.1, 0.7, 0.1, 0.1]);
    check("fix3_scalar_manual", scalar(StrategyConfig::new(manual)));
}

#[test]
fn scalar_countdown_with_learned_weights() {
    check(
        "fix3_scalar_uncertainty",
        scalar(StrategyConfig::new(uncertainty())),
    );
}

#[test]
fn batch_statistics() {
    check("fix4b_batch_z", StrategyConfig::new(batch_z()));
}

#[test]
fn batch_statistics_of_equal_losses() {
    check(
        "fix4b_batch_z@edge_all_equal",
        StrategyConfig::new(batch_z()),
    );
}

#[test]
fn batch_statistics_without_center_and_elements() {
    let config = batch_z().with_center(false).with_scale_by_elements(false);
    check("fix4c_batch_std", StrategyConfig::new(config));
}

#[test]
fn manual() {
    let config = Manual::default().with_weights([0.1, 0.6, 0.1, 0.2]);
    check("fix5_manual", StrategyConfig::new(config));
}

#[test]
fn plain_sum() {
    let config = Manual::default()
        .with_weights([1.0; 4])
        .with_normalise(false);
    check("raw_sum", StrategyConfig::new(config));
}

#[test]
fn every_strategy_of_the_fixture_is_checked_or_known_to_be_missing() {
    let checked = [
        "baseline",
        "baseline@edge_zero_ptr",
        "fix1_uncertainty",
        "fix2_sqrt_n",
        "fix2_sqrt_n@edge_zero_ptr",
        "fix3_scalar_manual",
        "fix3_scalar_uncertainty",
        "fix4b_batch_z",
        "fix4b_batch_z@edge_all_equal",
        "fix4c_batch_std",
        "fix5_manual",
        "raw_sum",
    ];
    // Not in the first release.
    let missing = ["dwa", "imtl_l"];
    let document = json("strategies.json");
    for name in document["strategies"].as_object().unwrap().keys() {
        let name = name.as_str();
        assert!(
            checked.contains(&name) || missing.contains(&name),
            "{name} is not checked"
        );
    }
}
