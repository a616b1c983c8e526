//! Real files of the original program: a bare state dict of the older network, and a training checkpoint of the newer.
//!
//! `fixtures/checkpoints/*.pt` were written by `torch.save` of PyTorch 2.15; `*.expected.safetensors` hold an input and
//! what the original network makes of it in evaluation mode, in single precision.

use burn::tensor::Device;
use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::model::{ExpansionModel, ExpansionModelConfig, task_names};
use equipoise::expansion::predictor::{Predictor, WindowPrediction};
use equipoise::expansion::pytorch::{Generation, ImportConfig, PytorchCheckpoint};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::weighting::BuiltIn;
use equipoise::weighting::TaskValues;

use crate::networks::{safetensors_file, smallest, tables, torch_file};
use crate::support::{
    self, Table, assert_all_close, devices, fixture, load_torch, parameters, tensor, values,
};
use crate::{Scene, assert_says};

fn read(name: &str) -> PytorchCheckpoint {
    PytorchCheckpoint::read(fixture(&format!("checkpoints/{name}.pt"))).unwrap()
}

/// Compares every output with the recorded one.
fn check_outputs(name: &str, model: &ExpansionModel, device: &Device) {
    let expected = support::tables(&format!("checkpoints/{name}.expected.safetensors"));
    let input = &expected["input"];
    let [batch, time, features] = input.shape[..] else {
        panic!("the input has three dimensions")
    };
    let output = model.forward(tensor(&input.values, [batch, time, features], device));
    let logits = values(&output.binary);
    let probability = |logit: &f64| 1.0 / (1.0 + (-logit).exp());
    for (key, found) in [
        ("logits", values(&output.kinds)),
        ("pointers", values(&output.pointers)),
        ("expansion_binary", logits.iter().map(probability).collect()),
        ("expansion_binary_logits", logits),
        ("expansion_countdown", values(&output.countdown)),
    ] {
        let expected = &expected[&format!("out.{key}")].values;
        assert_all_close(&format!("{name}, {key}"), &found, expected, 1e-5, 1e-5);
    }
}

fn check(name: &str, features: usize, generation: Generation) {
    let checkpoint = read(name);
    let usual = ExpansionModelConfig::default();
    assert_eq!(
        *checkpoint.config(),
        ExpansionModelConfig { features, ..usual }
    );
    assert_eq!(checkpoint.generation(), generation);
    assert!(checkpoint.notes().is_empty(), "{:?}", checkpoint.notes());
    for (_, device) in devices() {
        check_outputs(name, &checkpoint.model(&device).unwrap(), &device);
    }
    let expected = support::tables(&format!("checkpoints/{name}.expected.safetensors"));
    let log_sigma = checkpoint.log_sigma().unwrap();
    for (task, key) in ["type", "ptr", "binary", "countdown"].iter().enumerate() {
        let sigma = f64::from(log_sigma[task]).exp();
        let expected = &expected[&format!("out.sigma_{key}")].values;
        assert_all_close(
            &format!("{name}, sigma {key}"),
            &[sigma],
            expected,
            1e-6,
            0.0,
        );
    }
    let device = &devices()[0].1;
    let tasks = checkpoint.config().tasks().unwrap();
    let strategy = checkpoint
        .uncertainty()
        .unwrap()
        .init(&tasks, device)
        .unwrap();
    let found = values(&strategy.memory().learned_values("log_sigma"));
    assert_eq!(found, log_sigma.map(f64::from), "the strategy starts there");
}

/// What `predict` does with such a file: its settings follow the file, and the answers are the network's.
#[test]
fn a_predictor_takes_the_file_as_it_is() {
    let simulator = Simulator::new(SimulatorConfig::default(), 5).unwrap();
    let bars = simulator.simulate_windows(4).bars;
    for (name, position) in [("compact_raw", false), ("compact_training", true)] {
        let file = fixture(&format!("checkpoints/{name}.pt"));
        let original = ExpansionConfig {
            model: ExpansionModelConfig::default(),
            ..ExpansionConfig::default()
        };
        let (config, notes) = original.follow_init(Some(&file)).unwrap();
        assert_eq!(config.data.position, position, "{notes:?}");
        let predictor = Predictor::from_checkpoint(&config, &file).unwrap();
        let network = Predictor::new(
            read(name).model(&Device::flex()).unwrap(),
            config.data.features(),
        );
        let all = |predictor: &Predictor| -> Vec<WindowPrediction> {
            let found = predictor.windows(&bars, 50).unwrap();
            found.map(|found| found.unwrap()).collect()
        };
        assert_eq!(all(&predictor), all(&network.unwrap()));
        // Seven in strides of 50, and the window of the last bar.
        assert_eq!(all(&predictor).len(), 8);
    }
}

#[test]
fn a_state_dict_gives_the_recorded_outputs() {
    check("compact_raw", 12, Generation::Binary);
}

#[test]
fn a_training_checkpoint_gives_the_recorded_outputs() {
    check("compact_training", 13, Generation::Span);
}

#[test]
fn the_log_sigmas_are_filed_under_the_tasks() {
    // As Python prints them: `torch.load("compact_raw.pt")`.
    let TaskValues::ByName(found) = read("compact_raw").uncertainty().unwrap().log_sigma else {
        panic!("by name")
    };
    let expected = [
        (task_names::TYPE, -0.11826968193054199),
        (task_names::POINTERS, -0.15728317201137543),
        (task_names::BINARY, -0.0020123205613344908),
        (task_names::COUNTDOWN, -0.08454074710607529),
    ];
    assert_eq!(TaskValues::ByName(found), TaskValues::from(expected));
}

/// The parameters must be those that the tables give under the names that the other golden tests go by.
fn check_bits(bytes: &[u8], config: &ExpansionModelConfig, tables: &crate::networks::Tables) {
    let scene = Scene::new("net.pt");
    let checkpoint = scene.read(bytes).unwrap();
    assert_eq!(
        (checkpoint.config().layers, checkpoint.config().hidden),
        (config.layers, config.hidden)
    );
    assert_eq!(checkpoint.config().features, config.features);
    assert_eq!(checkpoint.config().projection, config.projection);
    assert_eq!(checkpoint.config().countdown, config.countdown);
    for (_, device) in devices() {
        let expected = load_torch(config.init(&device).unwrap(), tables);
        let found = checkpoint.model(&device).unwrap();
        assert_eq!(parameters(&found), parameters(&expected));
    }
}

#[test]
fn other_sizes_are_read_off_the_tensors() {
    for config in [
        ExpansionModelConfig {
            features: 11,
            hidden: 128,
            layers: 2,
            countdown: CountdownForm::Scalar,
            ..ExpansionModelConfig::default()
        },
        ExpansionModelConfig {
            features: 3,
            hidden: 5,
            layers: 3,
            projection: 7,
            ..ExpansionModelConfig::default()
        },
        smallest(),
    ] {
        let tables = tables(&config, 1);
        check_bits(&torch_file(&tables).write(), &config, &tables);
        check_bits(&safetensors_file(&tables), &config, &tables);
    }
}

#[test]
fn the_safetensors_of_the_other_golden_tests() {
    for name in ["small", "small_scalar", "full", "full_scalar"] {
        let case = support::Case::read(name);
        let import = ImportConfig::default().with_window(case.config.window);
        let file = fixture(&format!("{name}/weights.safetensors"));
        let checkpoint = PytorchCheckpoint::read_with(file, &import).unwrap();
        let device = &devices()[0].1;
        let found = checkpoint.model(device).unwrap();
        assert_eq!(found.config().window, case.config.window);
        assert_eq!(found.config().countdown, case.config.countdown);
        assert_eq!(
            parameters(&found),
            parameters(&case.model(device)),
            "{name}"
        );
        assert_eq!(checkpoint.log_sigma(), Some([0.0, -0.3, 0.0, 0.0]));
    }
}

#[test]
fn sizes_that_fit_both_forms_of_the_countdown_must_be_told() {
    let config = ExpansionModelConfig {
        hidden: 4,
        projection: 8,
        ..ExpansionModelConfig::default()
    };
    let scene = Scene::new("net.pt");
    std::fs::write(scene.path(), torch_file(&tables(&config, 2)).write()).unwrap();
    let error = PytorchCheckpoint::read(scene.path())
        .unwrap_err()
        .to_string();
    assert_says(
        &error,
        &["expansion_countdown_head.1.weight", "[1, 8]", "both forms"],
    );
    for form in [CountdownForm::PerBar, CountdownForm::Scalar] {
        let import = ImportConfig::default().with_countdown(form);
        let checkpoint = PytorchCheckpoint::read_with(scene.path(), &import).unwrap();
        assert_eq!(checkpoint.config().countdown, form);
    }
}

#[test]
fn other_precisions_are_converted_and_said() {
    let tables = tables(&smallest(), 3);
    // Numbers that half precision holds, so that nothing is rounded: of bfloat16 the upper half of the bits.
    let exact = |table: &Table| -> Vec<f32> {
        let rounded = |v: &f64| f32::from_bits((*v as f32).to_bits() & 0xffff_0000);
        table.values.iter().map(rounded).collect()
    };
    type Encode = fn(f32) -> Vec<u8>;
    let double: Encode = |v| f64::from(v).to_le_bytes().to_vec();
    let brain: Encode = |v| v.to_le_bytes()[2..].to_vec();
    // 0.3 is the largest, so a half of 2^-2 and 7 bits holds every one down to 2^-7; smaller ones become zero here.
    let half: Encode = |v| {
        let bits = v.to_bits();
        let exponent = (bits >> 23 & 0xff) as i32 - 127 + 15;
        let bits = if exponent > 0 {
            (bits >> 16 & 0x8000) | (exponent as u32) << 10 | (bits >> 13 & 0x3ff)
        } else {
            0
        };
        (bits as u16).to_le_bytes().to_vec()
    };
    for (storage, name, encode) in [
        ("DoubleStorage", "float64", double),
        ("BFloat16Storage", "bfloat16", brain),
        ("HalfStorage", "float16", half),
    ] {
        let mut file = torch_file(&tables);
        let mut expected = tables.clone();
        let changed = "classifier.1.weight";
        file.view(changed).storage = storage;
        let values = exact(&tables[changed]);
        *file.bytes(changed) = values.iter().flat_map(|v| encode(*v)).collect();
        expected.get_mut(changed).unwrap().values = values.into_iter().map(f64::from).collect();
        check_bits(&file.write(), &smallest(), &expected);
        let notes = Scene::new("net.pt").read(&file.write()).unwrap();
        assert_eq!(notes.notes().len(), 1);
        assert_says(&notes.notes()[0], &["1 tensor ", name, "float32"]);
    }
}

#[test]
fn views_are_read_as_views() {
    let config = ExpansionModelConfig {
        features: 2,
        hidden: 3,
        projection: 5,
        ..smallest()
    };
    let tables = tables(&config, 4);
    // Kept column by column, as `weight.t()` of a contiguous tensor would be.
    let mut transposed = torch_file(&tables);
    let name = "projection.0.weight";
    let columns = support::transposed(&tables[name].values, 5, 6);
    *transposed.bytes(name) = columns
        .iter()
        .flat_map(|v| (*v as f32).to_le_bytes())
        .collect();
    transposed.view(name).strides = vec![1, 5];
    check_bits(&transposed.write(), &config, &tables);
    // Two tensors in one storage, one after the other, as `nn.LSTM.flatten_parameters` leaves them.
    let mut shared = torch_file(&tables);
    let (first, second) = ("lstm.bias_ih_l0", "lstm.bias_hh_l0");
    let both = [shared.bytes(first).clone(), shared.bytes(second).clone()].concat();
    *shared.bytes(first) = both;
    let key = shared.view(first).key.clone();
    shared.view(first).count = 24;
    *shared.view(second) = writer::View {
        offset: 12,
        count: 24,
        key,
        ..shared.view(second).clone()
    };
    check_bits(&shared.write(), &config, &tables);
}

use crate::writer;

#[test]
fn the_prefix_of_a_wrapper_is_taken_off() {
    let tables = tables(&smallest(), 5);
    let prefixed = |prefix: &str| {
        let rename = |(name, table): (&String, &Table)| (format!("{prefix}{name}"), table.clone());
        tables.iter().map(rename).collect()
    };
    for prefix in ["module.", "_orig_mod.", "module._orig_mod."] {
        let bytes = torch_file(&prefixed(prefix)).write();
        check_bits(&bytes, &smallest(), &tables);
        let checkpoint = Scene::new("net.pt").read(&bytes).unwrap();
        assert_says(&checkpoint.notes().join(" "), &[&prefix[..7]]);
    }
    let mut half: crate::networks::Tables = prefixed("module.");
    let table = half.remove("module.classifier.1.bias").unwrap();
    half.insert("classifier.1.bias".into(), table);
    let refusal = Scene::new("net.pt").refusal(&torch_file(&half).write());
    assert_says(
        &refusal,
        &[
            "no tensor `classifier.1.bias` behind the prefix `module.`",
            "does not have: `classifier.1.bias`",
        ],
    );
}

#[test]
fn the_binary_head_under_either_name() {
    let config = smallest();
    let tables = tables(&config, 6);
    let mut span = tables.clone();
    for (binary, other) in [
        (
            "expansion_binary_head.1.weight",
            "expansion_span_emission.1.weight",
        ),
        (
            "expansion_binary_head.1.bias",
            "expansion_span_emission.1.bias",
        ),
        ("log_sigma_binary", "log_sigma_span"),
    ] {
        let table = span.remove(binary).unwrap();
        span.insert(other.into(), table);
    }
    check_bits(&torch_file(&span).write(), &config, &tables);
    let scene = Scene::new("net.pt");
    let checkpoint = scene.read(&torch_file(&span).write()).unwrap();
    assert_eq!(checkpoint.generation(), Generation::Span);
    span.extend(tables.clone());
    check_bits(&torch_file(&span).write(), &config, &tables);
    span.get_mut("expansion_span_emission.1.bias")
        .unwrap()
        .values[0] += 0.25;
    let refusal = scene.refusal(&torch_file(&span).write());
    assert_says(
        &refusal,
        &[
            "expansion_span_emission.1.bias",
            "expansion_binary_head.1.bias",
            "differ",
        ],
    );
}
