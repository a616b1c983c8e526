//! The field's strategies from losses give the totals, weights and states of the published definitions, step after
//! step.
//!
//! The numbers are `fixtures/field/loss_sequences.json` in double precision: torchjd 0.18.0 where it has the strategy
//! (`GeometricMean`, `STCH`, `DWA`, `UW`, `IMTLL`, `FAMO`), LibMTL for the form of STCH with a nadir, and the papers'
//! formulas otherwise, by these lines:
//!
//! ```python
//! plain("uw_so_T2", lambda l: (torch.softmax(1 / l.detach() / 2.0, 0) * l).sum())
//! learned("uw_revised", lambda l: (l / (2 * sigma**2) + torch.log(1 + sigma**2)).sum(), sigma, 0.02)
//! w = e / (e.sum() + 1e-8)                                    # SoftAdapt, e = exp(0.1 (slope - slope.max()))
//! cov = np.sqrt(spread / t) / mean_ratio; w = cov / cov.sum()  # CoV
//! weights = torch.autograd.grad(total, losses)                # of every row
//! ```

use crate::support;

use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Tensor};
use equipoise::loss::TaskLosses;
use equipoise::weighting::{
    Cov, Dwa, Famo, GeometricMean, ImtlL, LogSum, RevisedUncertainty, SoftAdapt, SoftAdaptVariant,
    SoftUncertainty, Stch, Step, Strategy, StrategyConfig, Sum, TaskValues, Uncertainty,
};
use equipoise::{Task, TaskSet};
use serde_json::Value;
use support::{assert_all_close, assert_close, devices, gradients, json, number, of_tasks, values};

/// Single precision against double.
const REL: f64 = 1e-5;
/// Steps of an epoch in the fixture.
const STEPS: usize = 5;

fn tasks(count: usize) -> TaskSet {
    TaskSet::new((0..count).map(|index| Task::regression(format!("t{index}"), 1))).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    let all = value.as_array().unwrap().iter();
    all.map(|v| v.as_f64().unwrap()).collect()
}

fn sequences() -> Vec<(String, Value)> {
    let document = json("field/loss_sequences.json");
    let all = document["sequences"].as_object().unwrap();
    all.iter().map(|(n, s)| (n.clone(), s.clone())).collect()
}

fn losses(row: &[f64], device: &Device) -> Tensor<1> {
    support::tensor(row, [row.len()], device)
}

/// How a strategy is checked.
struct Check<'a> {
    key: &'a str,
    /// The strategy for a sequence.
    config: &'a dyn Fn(&Value) -> StrategyConfig,
    /// The learned value, what the fixture calls it relative to ours, and the rate of plain descent on ours.
    learned: Option<(&'a str, f64, f64)>,
    /// The totals too; the published code of one form leaves out a constant.
    totals: bool,
    rel: f64,
}

impl<'a> Check<'a> {
    fn new(key: &'a str, config: &'a dyn Fn(&Value) -> StrategyConfig) -> Self {
        Self {
            key,
            config,
            learned: None,
            totals: true,
            rel: REL,
        }
    }

    fn run(&self) {
        for (sequence, content) in sequences() {
            let results = &content["results"];
            let expected = match self.key.strip_prefix("libmtl.") {
                Some(key) => &results["libmtl"][key],
                None => &results[self.key],
            };
            for (backend, device) in devices() {
                let place = format!("{} over {sequence} on {backend}", self.key);
                self.play(&place, &content, expected, &device.autodiff());
            }
        }
    }

    fn play(&self, place: &str, content: &Value, expected: &Value, device: &Device) {
        let rows = content["losses"].as_array().unwrap();
        let tasks = tasks(floats(&rows[0]).len());
        let mut strategy = (self.config)(content).init(&tasks, device).unwrap();
        for (step, (row, expected)) in rows.iter().zip(expected.as_array().unwrap()).enumerate() {
            let place = format!("{place}, step {step}");
            let leaf = losses(&floats(row), device).require_grad();
            let given = TaskLosses::from_values(leaf.clone());
            let weighed = strategy.weigh_step(&Step::new(&given).at(1 + step / STEPS, step));
            let weights = floats(&expected["weights"]);
            // What is near nothing beside the others is compared with them.
            let largest = weights.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
            assert_all_close(
                &place,
                &values(&weighed.weights),
                &weights,
                self.rel,
                1e-7 * largest,
            );
            if let Some(total) = expected["total"].as_f64().filter(|_| self.totals) {
                assert_close(
                    &place,
                    number(&weighed.total),
                    total,
                    1e-5,
                    2e-6 * total.abs().max(1.0),
                );
            }
            let backward = weighed.total.backward();
            let derivative = values(&leaf.grad(&backward).unwrap());
            assert_all_close(&place, &derivative, &weights, self.rel, 1e-7 * largest);
            if let Some((name, factor, rate)) = self.learned {
                let found = gradients(&strategy, &backward);
                let found = of_tasks(&found, name, &tasks);
                let slopes: Vec<f64> = floats(&expected["state_gradient"]);
                let slopes: Vec<f64> = slopes.iter().map(|slope| slope * factor).collect();
                assert_all_close(&place, &found, &slopes, 1e-5, 2e-6);
                let moves = GradientsParams::from_grads(backward, &strategy);
                strategy = SgdConfig::new().init().step(rate, strategy, moves);
            }
        }
    }
}

#[test]
fn the_sum() {
    Check::new("sum", &|_| Sum::default().into()).run();
}

#[test]
fn the_sum_of_logarithms() {
    Check::new("log_sum", &|_| LogSum::default().into()).run();
}

#[test]
fn the_geometric_mean() {
    Check::new("geometric_mean", &|_| GeometricMean::default().into()).run();
}

#[test]
fn smooth_tchebycheff() {
    for (key, smoothness) in [("stch_mu_1.0", 1.0), ("stch_mu_0.1", 0.1)] {
        let config = |_: &Value| {
            StrategyConfig::new(Stch {
                smoothness,
                ..Stch::default()
            })
        };
        Check::new(key, &config).run();
    }
    let weighted = |content: &Value| {
        let parameters = &content["results"]["stch_weighted_parameters"];
        StrategyConfig::new(Stch {
            smoothness: parameters["mu"].as_f64().unwrap(),
            weights: TaskValues::from(floats(&parameters["weights"])),
            ideal: TaskValues::from(floats(&parameters["reference"])),
            warmup_epochs: 0,
        })
    };
    Check::new("stch_weighted", &weighted).run();
}

#[test]
fn smooth_tchebycheff_with_a_nadir() {
    for (key, smoothness) in [("libmtl.STCH", 1.0), ("libmtl.STCH_mu_0.1", 0.1)] {
        // Its epochs are counted from 0 and the warm-up is epoch 1, the second.
        let config = |_: &Value| {
            StrategyConfig::new(Stch {
                smoothness,
                warmup_epochs: 2,
                ..Stch::default()
            })
        };
        let mut check = Check::new(key, &config);
        check.totals = false;
        // A softmax of differences of logarithms over mu.
        check.rel = 2e-5;
        check.run();
    }
}

#[test]
fn soft_uncertainty() {
    for (key, temperature) in [("uw_so_T2", 2.0), ("uw_so_T20", 20.0)] {
        let config = |_: &Value| SoftUncertainty::new(temperature).into();
        let mut check = Check::new(key, &config);
        // The exponent is up to a hundred, so that its rounding is seen.
        check.rel = 1e-4;
        check.run();
    }
}

#[test]
fn dynamic_weight_average() {
    Check::new("dwa", &|_| Dwa::default().into()).run();
}

#[test]
fn uncertainty_follows_the_path_of_the_logarithm_of_the_variance() {
    let config = |_: &Value| Uncertainty::default().into();
    let mut check = Check::new("uw", &config);
    // s = 2 log sigma: twice the slope, and a quarter of the rate for the same path.
    check.learned = Some(("log_sigma", 2.0, 0.025));
    check.run();
}

#[test]
fn revised_uncertainty() {
    let config = |_: &Value| RevisedUncertainty::default().into();
    let mut check = Check::new("uw_revised", &config);
    check.learned = Some(("c", 1.0, 0.02));
    check.run();
}

#[test]
fn imtl_l() {
    let config = |_: &Value| ImtlL::default().into();
    let mut check = Check::new("imtl_l", &config);
    check.learned = Some(("log_scale", 1.0, 0.02));
    check.run();
}

#[test]
fn softadapt_in_all_variants() {
    for (key, variant) in [
        ("softadapt_original", SoftAdaptVariant::Original),
        ("softadapt_normalized", SoftAdaptVariant::Normalized),
        ("softadapt_loss_weighted", SoftAdaptVariant::LossWeighted),
    ] {
        let config = |_: &Value| {
            StrategyConfig::new(SoftAdapt {
                variant,
                ..SoftAdapt::default()
            })
        };
        Check::new(key, &config).run();
    }
}

#[test]
fn coefficient_of_variation() {
    let config = |_: &Value| Cov::default().into();
    let mut check = Check::new("cov_weighting", &config);
    // Deviations of ratios near 1: most digits cancel.
    check.rel = 3e-4;
    check.run();
}

fn check_famo(key: &str, config: &dyn Fn(&Value) -> StrategyConfig) {
    for (sequence, content) in sequences() {
        for (backend, device) in devices() {
            let place = format!("{key} over {sequence} on {backend}");
            let expected = content["results"][key].as_array().unwrap();
            let before = content["losses"].as_array().unwrap();
            let after = content["losses_after"].as_array().unwrap();
            let tasks = tasks(floats(&before[0]).len());
            let strategy = config(&content).init(&tasks, &device).unwrap();
            for (step, expected) in expected.iter().enumerate() {
                let place = format!("{place}, step {step}");
                let logits = values(&strategy.memory().buffer("logits"));
                assert_all_close(&place, &logits, &floats(&expected["logits"]), 0.0, 1e-4);
                let given =
                    |rows: &[Value]| TaskLosses::from_values(losses(&floats(&rows[step]), &device));
                let weighed = strategy.weigh(&given(before));
                let weights = floats(&expected["weights"]);
                assert_all_close(&place, &values(&weighed.weights), &weights, 3e-4, 0.0);
                let total = expected["total"].as_f64().unwrap();
                assert_close(&place, number(&weighed.total), total, 1e-3, 1e-5);
                strategy.after_step(&given(before), &given(after));
            }
            let last = floats(&expected.last().unwrap()["logits_after"]);
            let logits = values(&strategy.memory().buffer("logits"));
            assert_all_close(&place, &logits, &last, 0.0, 1e-4);
        }
    }
}

#[test]
fn famo_in_both_phases() {
    check_famo("famo", &|_| Famo::default().into());
    check_famo("famo_min_losses", &|content: &Value| {
        let parameters = &content["results"]["famo_min_losses_parameters"];
        StrategyConfig::new(Famo {
            gamma: 0.0,
            minima: TaskValues::from(floats(&parameters["min_losses"])),
            ..Famo::default()
        })
    });
}

/// The weights of a run of random draws, a row a step.
fn random_weights(json: &str, tasks_of: usize, steps: usize) -> Vec<Vec<f64>> {
    let device = Device::flex();
    let config = StrategyConfig::from_json(json).unwrap();
    let strategy: Strategy = config.init(&tasks(tasks_of), &device).unwrap();
    let row = losses(&vec![1.0; tasks_of], &device);
    let step = |_| {
        values(
            &strategy
                .weigh(&TaskLosses::from_values(row.clone()))
                .weights,
        )
    };
    (0..steps).map(step).collect()
}

#[test]
fn random_weights_have_the_moments_of_a_softmax_of_normals() {
    let document = json("field/loss_sequences.json");
    for (name, expected) in document["rlw_statistics"].as_object().unwrap() {
        let count: usize = name.trim_start_matches('k').parse().unwrap();
        let [mean, std] = ["mean", "std"].map(|key| expected[key].as_f64().unwrap());
        let rows = random_weights(r#"{"strategy": "random", "seed": 7}"#, count, 4000);
        let of_first: Vec<f64> = rows.iter().map(|row| row[0]).collect();
        let found = of_first.iter().sum::<f64>() / of_first.len() as f64;
        let variance = of_first.iter().map(|w| (w - found).powi(2)).sum::<f64>() / 4000.0;
        // Four standard errors of a mean over 4,000 draws.
        assert_close("mean", found, mean, 0.0, 4.0 * std / 4000f64.sqrt());
        assert_close("deviation", variance.sqrt(), std, 0.06, 0.0);
        let sums = rows.iter().map(|row| row.iter().sum::<f64>());
        assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-6));
    }
}
