//! A strategy's config survives JSON, and whatever is wrong with one is refused with an error that names it.

use burn::tensor::{Device, Tensor};
use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::model::ExpansionModelConfig;
use equipoise::expansion::model::{ScalarCountdown, strategy_table};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::loss::TaskLosses;
use equipoise::weighting::{
    BatchStatistics, BuiltIn, GradientScale, LikelihoodForm, Manual, RunningMean, StrategyConfig,
    TaskValues, Uncertainty,
};
use equipoise::{Error, Task, TaskSet};
use proptest::prelude::*;

fn tasks(countdown: usize) -> TaskSet {
    TaskSet::new([
        Task::classification("type", 3),
        Task::regression("pointers", 2),
        Task::binary("binary", 105),
        Task::regression("countdown", countdown),
    ])
    .unwrap()
}

/// What comes of a JSON config for four tasks with a scalar countdown.
fn made(json: &str) -> Result<(), Error> {
    strategy_table()
        .read(json)?
        .init(&tasks(1), &Device::default())
        .map(|_| ())
}

/// The config is refused, with every one of `words` in the message.
#[track_caller]
fn refused(json: &str, words: &[&str]) {
    let message = made(json).expect_err(json).to_string();
    for word in words {
        assert!(
            message.contains(word),
            "{json}: `{word}` is not in: {message}"
        );
    }
}

#[track_caller]
fn refused_config(config: &StrategyConfig, words: &[&str]) {
    let error = config
        .init(&tasks(1), &Device::default())
        .expect_err(&format!("{config:?}"));
    let message = error.to_string();
    for word in words {
        assert!(
            message.contains(word),
            "{config:?}: `{word}` is not in: {message}"
        );
    }
}

fn configs() -> Vec<StrategyConfig> {
    let weights = [("type", 0.125), ("pointers", 0.5)];
    let manual = Manual::default()
        .with_weights([1.0, 2.0, 3.0, 4.0])
        .with_normalise(false);
    let learned = Uncertainty::default()
        .with_log_sigma([("pointers", -0.3)])
        .with_form(LikelihoodForm::Likelihood);
    let scalar = ScalarCountdown::default();
    vec![
        StrategyConfig::new(
            RunningMean::default()
                .with_weights(weights)
                .with_momentum(0.9)
                .with_warmup(3),
        ),
        StrategyConfig::new(learned.clone()),
        StrategyConfig::new(GradientScale::default().with_weights(weights)),
        StrategyConfig::new(
            scalar
                .clone()
                .with_weighting(StrategyConfig::new(manual.clone())),
        ),
        StrategyConfig::new(scalar.with_weighting(StrategyConfig::new(learned))),
        StrategyConfig::new(
            BatchStatistics::default()
                .with_weights(weights)
                .with_center(false)
                .with_scale_by_elements(false),
        ),
        StrategyConfig::new(manual),
    ]
}

#[test]
fn every_strategy_survives_json() {
    for config in configs() {
        let json = config.to_json();
        assert_eq!(strategy_table().read(&json).unwrap(), config, "{json}");
        assert!(
            json.contains(&format!("\"strategy\": \"{}\"", config.name())),
            "{json}"
        );
        assert!(made(&json).is_ok(), "{json}");
    }
}

const NAMES: [&str; 7] = [
    "running-mean",
    "uncertainty",
    "gradient-scale",
    "scalar-countdown",
    "batch-statistics",
    "gradient-share",
    "manual",
];

#[test]
fn a_name_alone_is_a_config() {
    for name in NAMES {
        let config = strategy_table()
            .read(&format!(r#"{{"strategy": "{name}"}}"#))
            .unwrap();
        assert_eq!(config.name(), name);
        assert!(config.init(&tasks(1), &Device::default()).is_ok(), "{name}");
    }
}

#[test]
fn an_unknown_field_is_refused_by_its_name() {
    for name in NAMES {
        refused(
            &format!(r#"{{"strategy": "{name}", "wieghts": [1]}}"#),
            &["wieghts"],
        );
    }
    let inner =
        r#"{"strategy": "scalar-countdown", "weighting": {"strategy": "manual", "moment": 1}}"#;
    refused(inner, &["moment"]);
}

#[test]
fn an_unknown_strategy_is_refused_with_those_there_are() {
    for json in [r#"{"strategy": "magic"}"#, r#"{"strategy": ""}"#] {
        refused(json, &NAMES);
    }
    refused(r#"{"strategy": "magic"}"#, &["magic"]);
    refused("{}", &["strategy"]);
    let inner = r#"{"strategy": "scalar-countdown", "weighting": {"strategy": "magic"}}"#;
    refused(inner, &["magic", "manual", "uncertainty"]);
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    for json in ["", "manual", r#"{"strategy": "manual""#, "[]", "null", "7"] {
        refused(json, &["weighting"]);
    }
    refused(r#"{"strategy": "manual""#, &["line 1"]);
}

/// Fixed weights as they stand in the configs of all strategies that have them.
fn with_weights(weights: &str) -> Vec<String> {
    let own = [
        "running-mean",
        "gradient-scale",
        "batch-statistics",
        "gradient-share",
        "manual",
    ]
    .map(|name| format!(r#"{{"strategy": "{name}", "weights": {weights}}}"#));
    let inner = format!(
        r#"{{"strategy": "scalar-countdown", "weighting": {{"strategy": "manual", "weights": {weights}}}}}"#
    );
    own.into_iter().chain([inner]).collect()
}

#[test]
fn weights_that_cannot_be_are_refused() {
    let cases: [(&str, &[&str]); 8] = [
        (
            r#"{"type": -0.5}"#,
            &["weights.type", "-0.5", "not negative"],
        ),
        (
            "[0.1, 0.2, -1e-9, 0.3]",
            &["weights.binary", "not negative"],
        ),
        ("[0, 0, 0, 0]", &["weights", "zero for every task"]),
        (
            r#"{"type": 0, "pointers": 0, "binary": 0, "countdown": 0.0}"#,
            &["weights", "zero for every task"],
        ),
        (
            "[0.1, 0.2]",
            &[
                "weights",
                "2 numbers",
                "4 tasks",
                "type, pointers, binary, countdown",
            ],
        ),
        ("[1, 1, 1, 1, 1]", &["weights", "5 numbers", "4 tasks"]),
        (
            r#"{"typ": 1}"#,
            &[
                "weights.typ",
                "not a task",
                "type, pointers, binary, countdown",
            ],
        ),
        (r#"{"type": 1e999}"#, &["weighting", "out of range"]),
    ];
    for (weights, words) in cases {
        for json in with_weights(weights) {
            refused(&json, words);
        }
    }
}

#[test]
fn a_value_of_a_wrong_type_is_refused_with_what_is_expected() {
    for weights in [r#""heavy""#, "3", r#"{"type": "much"}"#, "[[1]]", "true"] {
        for json in with_weights(weights) {
            refused(&json, &["number", "task"]);
        }
    }
    refused(
        r#"{"strategy": "manual", "normalise": "yes"}"#,
        &["yes", "boolean"],
    );
    refused(r#"{"strategy": "running-mean", "warmup": -1}"#, &["-1"]);
    refused(
        r#"{"strategy": "uncertainty", "form": "both"}"#,
        &["both", "uniform", "likelihood"],
    );
}

#[test]
fn weights_that_are_not_finite_are_refused_by_task() {
    for broken in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for values in [
            TaskValues::from([0.1, broken, 0.1, 0.1]),
            TaskValues::from([("pointers", broken)]),
        ] {
            let manual = || Manual::default().with_weights(values.clone());
            let inner = StrategyConfig::new(manual());
            let all = [
                StrategyConfig::new(RunningMean::default().with_weights(values.clone())),
                StrategyConfig::new(GradientScale::default().with_weights(values.clone())),
                StrategyConfig::new(BatchStatistics::default().with_weights(values.clone())),
                StrategyConfig::new(manual()),
                StrategyConfig::new(ScalarCountdown::default().with_weighting(inner)),
            ];
            for config in all {
                refused_config(&config, &["weights.pointers", "finite"]);
            }
        }
    }
}

#[test]
fn a_momentum_or_a_warmup_that_cannot_be_is_refused() {
    for name in ["running-mean", "gradient-scale", "manual"] {
        for momentum in ["1", "1.5", "-0.1"] {
            let json = format!(r#"{{"strategy": "{name}", "momentum": {momentum}}}"#);
            refused(&json, &["momentum", momentum, "below 1"]);
        }
        let json = format!(r#"{{"strategy": "{name}", "warmup": 0}}"#);
        refused(&json, &["warmup", "at least 1"]);
    }
    let config = RunningMean::default().with_momentum(f64::NAN);
    refused_config(&StrategyConfig::new(config), &["momentum", "NaN"]);
    // A momentum of 0 forgets everything, which is legal.
    assert!(made(r#"{"strategy": "running-mean", "momentum": 0}"#).is_ok());
}

#[test]
fn a_log_sigma_that_cannot_be_is_refused() {
    let cases: [(&str, &[&str]); 6] = [
        (
            r#"{"pointers": 50}"#,
            &["log_sigma.pointers", "50", "between -20 and 20"],
        ),
        ("[0, 0, -20.5, 0]", &["log_sigma.binary", "-20.5"]),
        (r#"{"pointers": 1e999}"#, &["weighting", "out of range"]),
        ("[0, 0, 0]", &["log_sigma", "3 numbers", "4 tasks"]),
        (r#"{"pointer": 0}"#, &["log_sigma.pointer", "not a task"]),
        ("[0, 0, 0, 0, 0]", &["log_sigma", "5 numbers"]),
    ];
    for (log_sigma, words) in cases {
        let own = format!(r#"{{"strategy": "uncertainty", "log_sigma": {log_sigma}}}"#);
        refused(&own, words);
        let inner = format!(r#"{{"strategy": "scalar-countdown", "weighting": {own}}}"#);
        refused(&inner, words);
    }
    for broken in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let config = Uncertainty::default().with_log_sigma([0.0, broken, 0.0, 0.0]);
        refused_config(
            &StrategyConfig::new(config),
            &["log_sigma.pointers", "finite"],
        );
    }
}

#[test]
fn a_countdown_at_every_bar_is_refused_under_the_scalar_countdown() {
    let config = StrategyConfig::new(ScalarCountdown::default());
    let error = config.init(&tasks(105), &Device::default()).unwrap_err();
    assert!(matches!(error, Error::Tasks { .. }));
    let message = error.to_string();
    for word in ["scalar-countdown", "`countdown`", "105", "scalar head"] {
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn choosing_the_scalar_countdown_gives_the_model_a_scalar_head() {
    let config = ExpansionConfig {
        weighting: ExpansionConfig::preset("scalar-countdown").unwrap(),
        ..ExpansionConfig::default()
    };
    assert_eq!(config.model.countdown, CountdownForm::PerBar);
    let message = config.validate().unwrap_err().to_string();
    assert!(message.contains("scalar-countdown"), "{message}");
    let resolved = config.resolved();
    assert_eq!(resolved.model.countdown, CountdownForm::Scalar);
    resolved.validate().unwrap();
    for name in ExpansionConfig::STRATEGIES {
        let weighting = ExpansionConfig::preset(name).unwrap();
        assert_eq!(weighting.name(), name);
        let config = ExpansionConfig {
            weighting,
            ..ExpansionConfig::default()
        };
        config.resolved().validate().unwrap();
    }
    let message = ExpansionConfig::preset("magic").unwrap_err().to_string();
    assert!(
        message.contains("magic")
            && ExpansionConfig::STRATEGIES
                .iter()
                .all(|name| message.contains(name))
    );
}

#[test]
fn a_missing_countdown_is_refused_under_the_scalar_countdown() {
    let tasks = TaskSet::new([Task::classification("type", 3)]).unwrap();
    let config = StrategyConfig::new(ScalarCountdown::default());
    let message = config
        .init(&tasks, &Device::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("`countdown`") && message.contains("[type]"),
        "{message}"
    );
    refused(
        r#"{"strategy": "scalar-countdown", "task": "timer"}"#,
        &["`timer`", "type, pointers, binary, countdown"],
    );
}

#[test]
fn fixed_weights_for_a_strategy_that_learns_them_are_refused() {
    let config = strategy_table()
        .read(r#"{"strategy": "uncertainty"}"#)
        .unwrap();
    let message = config
        .with_weights([1.0, 1.0, 1.0, 1.0])
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("weights") && message.contains("`uncertainty` has no fixed weights"),
        "{message}"
    );
    refused(
        r#"{"strategy": "uncertainty", "weights": [1, 1, 1, 1]}"#,
        &["weights"],
    );
}

#[test]
fn task_sets_that_cannot_be_are_refused() {
    let refused = |tasks: Vec<Task>, word: &str| {
        let message = TaskSet::new(tasks).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    };
    refused(vec![], "at least one");
    let twice = vec![Task::binary("inside", 3), Task::binary("inside", 4)];
    refused(twice, "`inside` occurs twice");
    refused(vec![Task::binary("", 3)], "needs a name");
    refused(vec![Task::binary("  ", 3)], "needs a name");
    refused(vec![Task::binary("inside", 0)], "`inside` has no elements");
}

#[test]
fn task_sets_are_checked_when_they_are_read() {
    let tasks = tasks(1);
    let json = serde_json::to_string(&tasks).unwrap();
    assert_eq!(serde_json::from_str::<TaskSet>(&json).unwrap(), tasks);
    let twice = json.replace("pointers", "type");
    let message = serde_json::from_str::<TaskSet>(&twice)
        .unwrap_err()
        .to_string();
    assert!(message.contains("`type` occurs twice"), "{message}");
    let unknown = json.replacen("\"elements\"", "\"size\"", 1);
    let message = serde_json::from_str::<TaskSet>(&unknown)
        .unwrap_err()
        .to_string();
    assert!(message.contains("size"), "{message}");
}

proptest! {
    #[test]
    fn any_weights_survive_json_to_the_bit(weights in prop::collection::vec(0.0f64..1e30, 1..9)) {
        let manual = Manual::default().with_weights(weights);
        let config = StrategyConfig::new(manual);
        prop_assert_eq!(strategy_table().read(&config.to_json()).unwrap(), config);
    }
}

#[test]
fn names_that_a_history_could_not_hold_are_refused() {
    for name in ["all", "a/b"] {
        let message = TaskSet::new([Task::regression(name, 1)])
            .unwrap_err()
            .to_string();
        assert!(message.contains(&format!("`{name}`")), "{message}");
    }
}

#[test]
fn sizes_that_no_memory_holds_are_refused_by_field() {
    type Change = fn(&mut ExpansionModelConfig);
    let cases: [(&str, Change); 4] = [
        ("hidden", |c| c.hidden = 10_000_000_000),
        ("layers", |c| c.layers = usize::MAX),
        ("projection", |c| c.projection = usize::MAX),
        ("window", |c| c.window = usize::MAX),
    ];
    for (field, change) in cases {
        let mut config = ExpansionModelConfig::default();
        change(&mut config);
        let message = config.init(&Device::default()).unwrap_err().to_string();
        assert!(message.contains(field), "{message}");
    }
}

#[test]
fn a_zero_loss_for_ever_breaks_nothing() {
    let device = Device::flex().autodiff();
    let tasks = TaskSet::new([Task::regression("a", 1), Task::regression("b", 1)]).unwrap();
    let config = Uncertainty::default().with_log_sigma([-20.0, 0.0]);
    let mut strategy = config.init(&tasks, &device).unwrap();
    let mut optimizer = burn::optim::SgdConfig::new().init();
    for _ in 0..40 {
        let losses = TaskLosses::from_values(Tensor::from_floats([0.0, 1.0], &device));
        let objective = strategy.weigh(&losses);
        let gradients = objective.total.backward();
        let gradients = burn::optim::GradientsParams::from_grads(gradients, &strategy);
        strategy = optimizer.step(1.0, strategy, gradients);
        assert!(objective.total.into_scalar::<f32>().is_finite());
    }
    let losses = TaskLosses::from_values(Tensor::from_floats([1e-6, 1.0], &device));
    assert!(
        strategy
            .weigh(&losses)
            .total
            .into_scalar::<f32>()
            .is_finite()
    );
}
