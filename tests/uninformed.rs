//! The uninformed predictors that the trainer fits: against closed forms, for networks of other shapes, verdicts on
//! planted truths, and without any effect on the training.
#![cfg(all(feature = "flex", feature = "expansion"))]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::data::dataset::InMemDataset;
use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use equipoise::diagnosis::{Verdict, diagnose};
use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::model::baselines;
use equipoise::expansion::run;
use equipoise::expansion::run::ExpansionConfig;
use equipoise::history::{History, NoBaseline, Split, quantity};
use equipoise::loss::{Reduction, TaskLosses, cross_entropy, huber};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::{BatchBy, Progress, TrainConfig, Trainer};
use equipoise::weighting::StrategyConfig;
use equipoise::{Task, TaskSet};
use support::tabular::{self, Says};

/// Tests that draw from the device take turns: its generator is one for all.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One epoch of the expansion model over simulated windows, under a trainer that is not told its closed forms.
fn expansion(countdown: CountdownForm) -> (ExpansionConfig, run::Data, History) {
    let mut config = ExpansionConfig::default();
    config.data.max_samples = Some(1200);
    config.model.countdown = countdown;
    config.train.epochs = 1;
    let config = config.resolved();
    let data = run::Data::load(&config).unwrap();
    let device = Device::flex();
    let (network, strategy) = config.build(&device).unwrap();
    let batcher = config.batcher(data.train.bars());
    let folder = tempfile::tempdir().unwrap();
    let trainer = Trainer::new(config.train.clone(), folder.path()).unwrap();
    let (train, valid) = (data.train.clone(), data.valid.clone());
    let outcome = trainer
        .with_progress(Progress::Silent)
        .fit(network, strategy, train, valid, batcher, &device)
        .unwrap();
    (config, data, outcome.history)
}

#[test]
fn they_agree_with_the_closed_forms_of_the_expansion_model() {
    let _alone = alone();
    for form in [CountdownForm::PerBar, CountdownForm::Scalar] {
        let (config, data, history) = expansion(form);
        let valid = |expected: &equipoise::train::Baseline| expected.split == Split::Valid;
        for expected in baselines(&data.train, &data.valid, &config.model)
            .iter()
            .filter(|b| valid(b))
        {
            for (name, exact) in [
                (quantity::CONSTANT_LOSS, expected.constant),
                (quantity::POSITION_LOSS, expected.position),
            ] {
                let Some(exact) = exact else { continue };
                let found = history.get(0, Split::Valid, &expected.task, name).unwrap();
                let off = (found - exact).abs() / exact;
                assert!(
                    off < 0.02,
                    "{form:?} {} {name}: {found} instead of {exact}",
                    expected.task
                );
            }
        }
        // A pooled head knows nothing of positions.
        assert_eq!(
            history.get(0, Split::Valid, "type", quantity::POSITION_LOSS),
            None
        );
    }
}

/// A sample: inputs, and for each task a target.
#[derive(Clone, Debug)]
struct Sample {
    inputs: [f32; 4],
    noise: f32,
    easy: i64,
    far: f32,
}

#[derive(Clone, Debug)]
struct Planted {
    inputs: Tensor<2>,
    noise: Tensor<2>,
    easy: Tensor<1, Int>,
    far: Tensor<2>,
}

/// A network that may also be wrong about what it shows: its samples may not come first, and its heads may look at the
/// inputs.
#[derive(Module, Debug)]
struct Net {
    trunk: Linear,
    noise: Linear,
    easy: Linear,
    far: Linear,
    #[module(skip)]
    tasks: TaskSet,
    #[module(skip)]
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// The heads read the representation alone.
    Plain,
    /// `[features, batch]`.
    Turned,
    /// The same, but it offers batches without inputs.
    TurnedWithout,
    /// The head of `far` reads the inputs as well, and batches without inputs are offered.
    Skipping,
}

impl MultiTaskModel for Net {
    type Batch = Planted;
    type Shared = Tensor<2>;
    type Evaluation = ();

    fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    fn represent(&self, batch: &Planted) -> Tensor<2> {
        let shared = self.trunk.forward(batch.inputs.clone()).tanh();
        match self.form {
            Form::Turned | Form::TurnedWithout => shared.transpose(),
            _ => shared,
        }
    }

    fn task_losses(&self, shared: Branches<Tensor<2>>, batch: &Planted) -> TaskLosses {
        let turned = matches!(self.form, Form::Turned | Form::TurnedWithout);
        let [noise, easy, far] = shared
            .each()
            .map(|x| if turned { x.transpose() } else { x });
        let far = self.far.forward(far);
        let far = match self.form {
            Form::Skipping => far + batch.inputs.clone().narrow(1, 0, 1) * 1000.0,
            _ => far,
        };
        let mean = Reduction::Mean;
        TaskLosses::new(vec![
            huber(
                self.noise.forward(noise),
                batch.noise.clone(),
                1.0,
                None,
                mean,
            ),
            cross_entropy(self.easy.forward(easy), batch.easy.clone(), None, mean),
            huber(far, batch.far.clone(), 1.0, None, mean),
        ])
    }

    fn without_inputs(&self, batch: &Planted) -> Option<Planted> {
        let inputs = batch.inputs.zeros_like();
        let offers = matches!(self.form, Form::TurnedWithout | Form::Skipping);
        offers.then(|| Planted {
            inputs,
            ..batch.clone()
        })
    }

    fn samples(batch: &Planted) -> usize {
        batch.inputs.dims()[0]
    }
}

/// Numbers in [-1, 1) that look random.
fn scattered(seed: usize) -> f32 {
    let mut x = seed as u64 + 0x9e37_79b9_7f4a_7c15;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
}

/// `noise` is 50 and something that has nothing to do with the inputs, `easy` is which input is largest, `far` is 1000
/// times an input.
fn samples(count: usize, from: usize) -> Vec<Sample> {
    let sample = |number: usize| {
        let inputs: [f32; 4] = std::array::from_fn(|at| scattered(97 * number + 13 * at));
        let largest = (0..4)
            .max_by(|a, b| inputs[*a].total_cmp(&inputs[*b]))
            .unwrap();
        Sample {
            noise: 50.0 + scattered(1_000_003 + 31 * number),
            easy: largest as i64,
            far: 1000.0 * inputs[0],
            inputs,
        }
    };
    (from..from + count).map(sample).collect()
}

fn planted(samples: Vec<Sample>, device: &Device) -> Planted {
    let count = samples.len();
    let column = |value: fn(&Sample) -> f32| {
        let values: Vec<f32> = samples.iter().map(value).collect();
        Tensor::from_data(TensorData::new(values, [count, 1]), device)
    };
    let inputs: Vec<f32> = samples.iter().flat_map(|s| s.inputs).collect();
    let easy: Vec<i64> = samples.iter().map(|s| s.easy).collect();
    Planted {
        inputs: Tensor::from_data(TensorData::new(inputs, [count, 4]), device),
        noise: column(|s| s.noise),
        easy: Tensor::from_data(easy.as_slice(), device),
        far: column(|s| s.far),
    }
}

fn net(form: Form, device: &Device) -> Net {
    let linear = |inputs: usize, outputs: usize, turn: usize| {
        let values: Vec<f32> = (0..inputs * outputs)
            .map(|at| 0.5 * scattered(at + 7919 * turn))
            .collect();
        let mut linear = LinearConfig::new(inputs, outputs).init(device);
        linear.weight = Param::from_data(TensorData::new(values, [inputs, outputs]), device);
        linear.bias = Some(Param::from_data(
            TensorData::new(vec![0.0f32; outputs], [outputs]),
            device,
        ));
        linear
    };
    let tasks = [
        Task::regression("noise", 1),
        Task::classification("easy", 4),
        Task::regression("far", 1),
    ];
    Net {
        trunk: linear(4, 16, 1),
        noise: linear(16, 1, 2),
        easy: linear(16, 4, 3),
        far: linear(16, 1, 4),
        tasks: TaskSet::new(tasks).unwrap(),
        form,
    }
}

fn trained(form: Form, epochs: usize, valid: usize, baseline: bool) -> (History, Vec<f32>) {
    let device = Device::flex();
    let network = net(form, &device);
    let config = TrainConfig::default()
        .with_epochs(epochs)
        .with_learning_rate(0.02)
        .with_baseline(baseline);
    let strategy = StrategyConfig::from_json(r#"{"strategy": "sum"}"#).unwrap();
    let strategy = strategy.init(network.tasks(), &device).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let batcher = BatchBy(planted as fn(Vec<Sample>, &Device) -> Planted);
    let (train, valid) = (samples(600, 0), samples(valid, 5000));
    let trainer = Trainer::new(config, folder.path())
        .unwrap()
        .with_progress(Progress::Silent);
    let outcome = trainer
        .fit(
            network,
            strategy,
            InMemDataset::new(train),
            InMemDataset::new(valid),
            batcher,
            &device,
        )
        .unwrap();
    let weights = outcome
        .model
        .network
        .trunk
        .weight
        .val()
        .into_data()
        .try_to_vec()
        .unwrap();
    (outcome.history, weights)
}

fn verdicts(history: &History) -> Vec<Verdict> {
    diagnose(history)
        .iter()
        .map(|found| found.verdict)
        .collect()
}

/// Huber around the median of the noise, ln 4 less the surplus of a class, and Huber far from everything.
#[test]
fn planted_truths_are_told_from_each_other() {
    let _alone = alone();
    let (history, _) = trained(Form::Plain, 6, 400, true);
    let constant = |task| {
        history
            .get(0, Split::Valid, task, quantity::CONSTANT_LOSS)
            .unwrap()
    };
    // The mean of x^2 / 2 over [-1, 1) is 1 / 6; of |x| - 1 / 2 over [-1000, 1000) it is 499.5.
    for (task, exact, off) in [
        ("noise", 1.0 / 6.0, 0.02),
        ("easy", 4f64.ln(), 0.02),
        ("far", 499.5, 15.0),
    ] {
        let found = constant(task);
        assert!(
            (found - exact).abs() < off,
            "{task}: {found} instead of {exact}"
        );
    }
    let sentences: Vec<String> = diagnose(&history).into_iter().map(|d| d.sentence).collect();
    // The noise falls from 49 to 0.2, and is worth nothing; `easy` is learned within the first epoch.
    assert_eq!(
        verdicts(&history)[..2],
        [Verdict::OnlyMean, Verdict::Learned],
        "{sentences:#?}"
    );
    assert_ne!(verdicts(&history)[2], Verdict::Learned, "{sentences:#?}");
}

#[test]
fn thirty_samples_do_not_tell() {
    let _alone = alone();
    let (history, _) = trained(Form::Plain, 1, 30, true);
    let easy = &diagnose(&history)[1];
    assert_eq!(easy.verdict, Verdict::Undecided, "{}", easy.sentence);
}

#[test]
fn a_representation_without_samples_in_front_is_said_to_be_one() {
    let _alone = alone();
    let (history, _) = trained(Form::Turned, 2, 100, true);
    for task in ["noise", "easy", "far"] {
        let reason = history.get(0, Split::Valid, task, quantity::NO_BASELINE);
        assert_eq!(
            reason,
            Some(NoBaseline::NotTheSamples as u8 as f64),
            "{task}"
        );
    }
    assert_eq!(verdicts(&history), [Verdict::NoBaseline; 3]);
    let (history, _) = trained(Form::TurnedWithout, 2, 400, true);
    let found = history
        .get(0, Split::Valid, "easy", quantity::CONSTANT_LOSS)
        .unwrap();
    assert!((found - 4f64.ln()).abs() < 0.02, "{found}");
}

/// A head that reads the inputs beside the representation is told nothing by a batch without them.
#[test]
fn a_skip_connection_does_not_inform_the_baseline() {
    let _alone = alone();
    let (history, _) = trained(Form::Skipping, 2, 400, true);
    let found = history
        .get(0, Split::Valid, "far", quantity::CONSTANT_LOSS)
        .unwrap();
    assert!((found - 499.5).abs() < 15.0, "{found}");
    assert_eq!(verdicts(&history)[2], Verdict::Learned);
}

#[test]
fn the_training_is_the_same_with_and_without() {
    let _alone = alone();
    let (with, first) = trained(Form::Plain, 2, 100, true);
    let (without, second) = trained(Form::Plain, 2, 100, false);
    assert_eq!(first, second);
    let losses = |history: &History| {
        history
            .series(Split::Valid, "easy", quantity::LOSS)
            .to_vec()
    };
    assert_eq!(losses(&with), losses(&without));
    assert_eq!(
        without.get(0, Split::Valid, "easy", quantity::CONSTANT_LOSS),
        None
    );
    assert_eq!(verdicts(&without), [Verdict::NoBaseline; 3]);
    // And so is the baseline itself.
    let (again, _) = trained(Form::Plain, 2, 100, true);
    assert_eq!(with.records(), again.records());
}

/// One batch in forty has labels for the sign.
#[test]
fn a_task_with_rare_labels_has_a_baseline_of_its_own() {
    let _alone = alone();
    let device = Device::flex();
    let rare = |number: usize| (true, (number / 8).is_multiple_of(40));
    let (train, valid) = (tabular::rows(2560, rare), tabular::rows(640, tabular::all));
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig::default().with_epochs(1).with_batch_size(8);
    let outcome = tabular::trainer(config, folder.path())
        .fit_sources(
            tabular::network(Says::Options, &device),
            tabular::strategy(r#"{"strategy": "sum"}"#, &device),
            tabular::data(train, 8),
            tabular::data(valid, 32),
            &device,
        )
        .unwrap();
    let at = |name| outcome.history.get(0, Split::Valid, "sign", name);
    match at(quantity::CONSTANT_LOSS) {
        Some(found) => assert!((found - 2f64.ln()).abs() < 0.05, "{found}"),
        None => assert_eq!(
            at(quantity::NO_BASELINE),
            Some(NoBaseline::NoLabels as u8 as f64)
        ),
    }
}
