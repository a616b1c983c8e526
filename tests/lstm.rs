//! The LSTM in one and two directions, with lengths and states: PyTorch's values and gradients, by the kernel and by
//! plain tensor operations; a series in pieces is the series; readouts leave the padding out.
//!
//! The numbers are `f64` values in `fixtures/lstm.json`, by PyTorch 2.15.0 with single precision parameters and inputs:
//!
//! ```python
//! lstm = torch.nn.LSTM(F, H, L, batch_first=True, bidirectional=bi).double()
//! inp = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False) if padded else x
//! out, (hn, cn) = lstm(inp, (h, c))                # and pad_packed_sequence(out, batch_first=True, total_length=T)
//! loss = (out * fo).sum() + (hn * fh).sum() + (cn * fc).sum()
//! torch.autograd.grad(loss, [x, h, c] + list(lstm.parameters()))
//! ```
#![cfg(feature = "expansion")]

mod support;

use burn::module::{Lora, Module, ModuleMapper, Param};
use burn::nn::LinearConfig;
use burn::tensor::{DType, Device, Distribution, Tensor, TensorData};
use equipoise::nn::{
    BiLstm, BiLstmConfig, Dropout, Kernel, Lengths, Lstm, LstmConfig, LstmState, readout,
    readout_padded,
};
use serde_json::Value;
use support::{assert_all_close, change_parameters, devices, gradients, json, values};

/// Either layer.
trait Layer: Module {
    fn run(
        &self,
        input: Tensor<3>,
        state: Option<LstmState>,
        lengths: Option<&Lengths>,
    ) -> (Tensor<3>, LstmState);
}

impl Layer for Lstm {
    fn run(
        &self,
        input: Tensor<3>,
        state: Option<LstmState>,
        lengths: Option<&Lengths>,
    ) -> (Tensor<3>, LstmState) {
        self.forward_from(input, state, lengths)
    }
}

impl Layer for BiLstm {
    fn run(
        &self,
        input: Tensor<3>,
        state: Option<LstmState>,
        lengths: Option<&Lengths>,
    ) -> (Tensor<3>, LstmState) {
        self.forward_from(input, state, lengths)
    }
}

/// `layers.1.backward.weight_ih` is `weight_ih_l1_reverse`.
fn torch_name(path: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    let [_, layer, .., name] = parts.as_slice() else {
        panic!("{path} is no parameter of a layer");
    };
    let reverse = if parts.contains(&"backward") {
        "_reverse"
    } else {
        ""
    };
    format!("{name}_l{layer}{reverse}")
}

fn floats(value: &Value) -> Vec<f64> {
    let all = value.as_array().unwrap().iter();
    all.map(|value| value.as_f64().unwrap()).collect()
}

/// The sizes of the fixture.
struct Sizes {
    batch: usize,
    time: usize,
    features: usize,
    hidden: usize,
    layers: usize,
}

impl Sizes {
    fn of(file: &Value) -> Self {
        let size = |name: &str| file[name].as_u64().unwrap() as usize;
        Self {
            batch: size("batch"),
            time: size("time"),
            features: size("features"),
            hidden: size("hidden"),
            layers: size("layers"),
        }
    }
}

/// What a case is run on.
#[derive(Clone, Copy)]
struct Way {
    precision: DType,
    batch_first: bool,
    /// Relative; absolute a tenth of it.
    value: f64,
    gradient: f64,
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        for (precision, value, gradient) in [(DType::F32, 1e-5, 1e-4), (DType::F64, 1e-6, 1e-6)] {
            for batch_first in [true, false] {
                let way = Way {
                    precision,
                    batch_first,
                    value,
                    gradient,
                };
                check_cases(backend, way, &device, |_| true);
            }
        }
    }
}

/// The kernels for GPUs; a software driver serves.
#[cfg(feature = "wgpu")]
#[test]
fn values_and_gradients_on_wgpu_are_those_of_pytorch() {
    let device = Device::wgpu(burn::tensor::DeviceKind::DefaultDevice).autodiff();
    for batch_first in [true, false] {
        let way = Way {
            precision: DType::F32,
            batch_first,
            value: 1e-5,
            gradient: 1e-4,
        };
        check_cases("wgpu", way, &device, |_| true);
    }
}

fn check_cases(backend: &str, way: Way, device: &Device, wanted: fn(&Value) -> bool) {
    let file = json("lstm.json");
    let sizes = Sizes::of(&file);
    for case in file["cases"].as_array().unwrap() {
        if !wanted(case) {
            continue;
        }
        let place = format!(
            "{backend}, {:?}, batch first {}, two directions {}, lengths {}",
            way.precision, way.batch_first, case["bidirectional"], case["lengths"]
        );
        if case["bidirectional"].as_bool().unwrap() {
            let config = BiLstmConfig::new(sizes.features, sizes.hidden);
            let config = config.with_layers(sizes.layers);
            let config = config.with_batch_first(way.batch_first);
            let layer = config.init(device).unwrap();
            check(&place, layer, &sizes, case, way, device);
        } else {
            let config = LstmConfig::new(sizes.features, sizes.hidden);
            let config = config.with_layers(sizes.layers);
            let config = config.with_batch_first(way.batch_first);
            let layer = config.init(device).unwrap();
            check(&place, layer, &sizes, case, way, device);
        }
    }
}

fn check<L: Layer>(place: &str, layer: L, sizes: &Sizes, case: &Value, way: Way, device: &Device) {
    let layer = change_parameters(layer, &mut |path, _| {
        floats(&case["parameters"][torch_name(path)])
    });
    let layer = layer.map(&mut Precision(way.precision));
    let directions = if case["bidirectional"] == true { 2 } else { 1 };
    let states = [sizes.layers * directions, sizes.batch, sizes.hidden];
    let turned = |values: Tensor<3>| {
        if way.batch_first {
            values
        } else {
            values.swap_dims(0, 1)
        }
    };
    let read = |value: &Value, shape: [usize; 3]| {
        let data = TensorData::new(floats(value), shape);
        Tensor::<3>::from_data(data, (device, way.precision))
    };
    let input = read(&case["input"], [sizes.batch, sizes.time, sizes.features]).require_grad();
    let hidden = read(&case["hidden"], states).require_grad();
    let cell = read(&case["cell"], states).require_grad();
    let lengths = case["lengths"].as_array().map(|lengths| {
        let all = lengths
            .iter()
            .map(|length| length.as_u64().unwrap() as usize);
        let all: Vec<usize> = all.collect();
        Lengths::new(&all, sizes.time, device).with_batch_first(way.batch_first)
    });
    let state = LstmState::new(hidden.clone(), cell.clone());
    let (output, end) = layer.run(turned(input.clone()), Some(state), lengths.as_ref());

    let close = |name: &str, found: Vec<f64>, expected: &Value, within: f64| {
        let place = format!("{place}, {name}");
        assert_all_close(&place, &found, &floats(expected), within, within / 10.0);
    };
    let expected = &case["expected"];
    close(
        "output",
        values(&turned(output.clone())),
        &expected["output"],
        way.value,
    );
    close(
        "hidden",
        values(&end.hidden),
        &expected["hidden"],
        way.value,
    );
    close("cell", values(&end.cell), &expected["cell"], way.value);

    let factors = &case["factors"];
    let width = directions * sizes.hidden;
    let of_output = turned(read(&factors["output"], [sizes.batch, sizes.time, width]));
    let loss = (output * of_output).sum()
        + (end.hidden * read(&factors["hidden"], states)).sum()
        + (end.cell * read(&factors["cell"], states)).sum();
    let found = loss.backward();
    let expected = &case["gradients"];
    let at = |leaf: &Tensor<3>| leaf.grad(&found).unwrap();
    close(
        "to input",
        values(&at(&input)),
        &expected["input"],
        way.gradient,
    );
    close(
        "to hidden",
        values(&at(&hidden)),
        &expected["hidden"],
        way.gradient,
    );
    close(
        "to cell",
        values(&at(&cell)),
        &expected["cell"],
        way.gradient,
    );
    let of_parameters = gradients(&layer, &found);
    assert_eq!(
        of_parameters.len(),
        4 * directions * sizes.layers,
        "{place}"
    );
    for (path, table) in of_parameters {
        let name = torch_name(&path);
        close(&name, table.values, &expected[&name], way.gradient);
    }
}

/// Changes the precision of all parameters.
struct Precision(DType);

impl ModuleMapper for Precision {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|old| {
            let data = TensorData::new(values(&old), old.dims());
            let new = Tensor::from_data(data, (&old.device(), self.0));
            new.set_require_grad(old.is_require_grad())
        })
    }
}

fn normal(shape: [usize; 3], device: &Device) -> Tensor<3> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// A layer whose numbers of units and samples do not fit vectors and blocks.
fn layer(device: &Device) -> Lstm {
    device.seed(9);
    let config = LstmConfig::new(3, 19).with_layers(2);
    config.init(device).unwrap()
}

#[test]
fn a_series_in_pieces_is_the_series_to_the_bit() {
    for (backend, device) in devices() {
        let lstm = layer(&device);
        let series = normal([35, 12, 3], &device);
        let whole = values(&lstm.forward(series.clone()));
        let (mut state, mut pieces) = (None, Vec::new());
        for (start, count) in [(0, 5), (5, 1), (6, 6)] {
            let piece = series.clone().narrow(1, start, count);
            let (output, end) = lstm.forward_from(piece, state, None);
            pieces.push(output);
            state = Some(end);
        }
        assert_eq!(values(&Tensor::cat(pieces, 1)), whole, "{backend}");
        let state = state.unwrap();
        let last = lstm.forward(series).narrow(1, 11, 1).squeeze_dim::<2>(1);
        let top = state.hidden.narrow(0, 1, 1).squeeze_dim::<2>(0);
        assert_eq!(values(&top), values(&last), "{backend}");
    }
}

#[test]
fn gradients_go_through_a_state_unless_it_is_detached() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        let lstm = layer(&device);
        let series = normal([4, 12, 3], &device);
        let gradient = |detach: bool| {
            let first = series.clone().narrow(1, 0, 6).detach().require_grad();
            let rest = series.clone().narrow(1, 6, 6).detach();
            let (_, state) = lstm.forward_from(first.clone(), None, None);
            let state = if detach { state.detach() } else { state };
            let (output, _) = lstm.forward_from(rest, Some(state), None);
            first.grad(&output.square().sum().backward())
        };
        assert!(gradient(true).is_none(), "{backend}");
        let whole = series.clone().detach().require_grad();
        let loss = lstm.forward(whole.clone()).narrow(1, 6, 6).square().sum();
        let expected = whole.grad(&loss.backward()).unwrap().narrow(1, 0, 6);
        let found = values(&gradient(false).unwrap());
        assert_all_close(backend, &found, &values(&expected), 1e-5, 1e-7);
    }
}

/// With finals asked for or not, with zeros or nothing to begin with: the same bits.
#[test]
fn states_that_nobody_needs_change_no_bit() {
    for (backend, device) in devices() {
        device.seed(4);
        let lstm = BiLstmConfig::new(3, 19)
            .with_layers(2)
            .init(&device)
            .unwrap();
        let input = normal([33, 7, 3], &device);
        let expected = values(&lstm.forward(input.clone()));
        let (output, end) = lstm.forward_from(input.clone(), None, None);
        assert_eq!(values(&output), expected, "{backend}");
        let zeros = Tensor::zeros(end.hidden.dims(), &device);
        let state = LstmState::new(zeros.clone(), zeros);
        let (output, _) = lstm.forward_from(input.clone(), Some(state), None);
        assert_eq!(values(&output), expected, "{backend}");
        let lengths = Lengths::new(&[7; 33], 7, &device);
        let padded = lstm.forward_padded(input, &lengths);
        assert_eq!(values(&padded), expected, "{backend}");
    }
}

/// Several blocks of samples that end at different steps, more units than a vector has lanes, two layers, states and
/// lengths: values and all gradients of the kernel are those of the plain form in double precision.
#[test]
fn many_samples_are_those_of_the_plain_form_in_double_precision() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        device.seed(8);
        let config = LstmConfig::new(2, 17).with_layers(2);
        against_double(
            &format!("one, {backend}"),
            &config.init(&device).unwrap(),
            1,
        );
        let config = BiLstmConfig::new(2, 17).with_layers(2);
        against_double(
            &format!("two, {backend}"),
            &config.init(&device).unwrap(),
            2,
        );
    }
}

fn against_double<L: Layer>(place: &str, layer: &L, directions: usize) {
    let device = layer.devices()[0].clone().autodiff();
    let (batch, time) = (35, 6);
    let input = normal([batch, time, 2], &device);
    let states = [(); 2].map(|_| normal([2 * directions, batch, 17], &device));
    let lengths: Vec<usize> = (0..batch).map(|at| 1 + (at * 5) % time).collect();
    let lengths = Lengths::new(&lengths, time, &device);
    let run = |precision: DType| {
        let layer = layer.clone().map(&mut Precision(precision));
        let cast = |tensor: &Tensor<3>| {
            let data = TensorData::new(values(tensor), tensor.dims());
            Tensor::<3>::from_data(data, (&device, precision)).require_grad()
        };
        let leaves = [cast(&input), cast(&states[0]), cast(&states[1])];
        let [input, hidden, cell] = leaves.clone();
        let state = LstmState::new(hidden, cell);
        let (output, end) = layer.run(input, Some(state), Some(&lengths));
        // Slopes that differ everywhere.
        let loss = |tensor: &Tensor<3>| (tensor.clone() * 2.0 + 0.3).powi_scalar(3).sum();
        let found = (loss(&output) + loss(&end.hidden) + loss(&end.cell)).backward();
        let mut all = vec![values(&output), values(&end.hidden), values(&end.cell)];
        all.extend(
            leaves
                .iter()
                .map(|leaf| values(&leaf.grad(&found).unwrap())),
        );
        all.extend(
            gradients(&layer, &found)
                .into_values()
                .map(|table| table.values),
        );
        all
    };
    let (found, expected) = (run(DType::F32), run(DType::F64));
    assert_eq!(found.len(), 6 + 4 * 2 * directions, "{place}");
    for (part, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let largest = expected
            .iter()
            .fold(0.0f64, |most, value| most.max(value.abs()));
        let place = format!("{place}, part {part}");
        assert!(largest > 0.0, "{place}");
        assert_all_close(&place, found, expected, 0.0, 2e-5 * largest);
    }
}

/// Only a state is tracked, or only one parameter, or only an end state is in the loss.
#[test]
fn gradients_arrive_alone() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        let lstm = layer(&device);
        let input = normal([20, 5, 3], &device);
        let zeros = || Tensor::<3>::zeros([2, 20, 19], &device);
        let run = |lstm: &Lstm| {
            let cell = zeros().require_grad();
            let state = LstmState::new(zeros(), cell.clone());
            let (_, end) = lstm.forward_from(input.clone(), Some(state), None);
            (cell, end.cell.square().sum().backward())
        };
        let (cell, all) = run(&lstm);
        let to_cell = values(&cell.grad(&all).unwrap());
        assert!(to_cell.iter().any(|value| *value != 0.0), "{backend}");
        let (cell, alone) = run(&lstm.clone().no_grad());
        assert_eq!(values(&cell.grad(&alone).unwrap()), to_cell, "{backend}");
        let recurrent = |lstm: &Lstm| lstm.weights(1).unwrap().weight_hh.val();
        let expected = values(&recurrent(&lstm).grad(&all).unwrap());
        let one = lstm.clone().map(&mut OnlyRecurrent);
        let found = values(&recurrent(&one).grad(&run(&one).1).unwrap());
        assert_eq!(found, expected, "{backend}");
        let bias = one.weights(0).unwrap().bias_ih.val();
        assert!(bias.grad(&run(&one).1).is_none(), "{backend}");
    }
}

/// Freezes all but square matrices.
struct OnlyRecurrent;

impl ModuleMapper for OnlyRecurrent {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let dims = param.dims();
        let recurrent = D == 2 && dims[0] == 4 * 19 && dims[1] == 19;
        param.set_require_grad(recurrent)
    }
}

/// A parameter that is computed anew each time it is read.
#[test]
fn parameters_with_low_rank_adapters_are_trained() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        let lstm = layer(&device).apply_lora(Lora::new(2, 4.0));
        let input = normal([4, 5, 3], &device);
        let found = lstm.forward(input).square().sum().backward();
        let of_parameters = gradients(&lstm, &found);
        let moved = of_parameters.values();
        let moved = moved.filter(|table| table.values.iter().any(|value| *value != 0.0));
        assert!(moved.count() > 0, "{backend}");
    }
}

const LENGTHS: [usize; 4] = [9, 4, 1, 7];

/// Sequences with NaN in their padding, and each alone.
fn padded(device: &Device) -> (Tensor<3>, Vec<Tensor<3>>) {
    let all = normal([LENGTHS.len(), 9, 6], device);
    let alone = LENGTHS.iter().enumerate();
    let alone = alone.map(|(at, length)| all.clone().narrow(0, at, 1).narrow(1, 0, *length));
    let mask = Lengths::new(&LENGTHS, 9, device).mask().bool_not();
    let mask = mask.unsqueeze_dim::<3>(2).expand(all.dims());
    (all.clone().mask_fill(mask, f64::NAN), alone.collect())
}

#[test]
fn readouts_leave_the_padding_out() {
    for (backend, device) in devices() {
        let (padded, alone) = padded(&device);
        for batch_first in [true, false] {
            let lengths = Lengths::new(&LENGTHS, 9, &device).with_batch_first(batch_first);
            let input = if batch_first {
                padded.clone()
            } else {
                padded.clone().swap_dims(0, 1)
            };
            type Whole = fn(Tensor<3>) -> Tensor<2>;
            let end: Whole = |sequence| {
                let [_, time, _] = sequence.dims();
                sequence.narrow(1, time - 1, 1).squeeze_dim(1)
            };
            let max: Whole = |sequence| sequence.max_dim(1).squeeze_dim(1);
            let mean: Whole = |sequence| sequence.mean_dim(1).squeeze_dim(1);
            let last: Whole = |sequence| {
                let [_, time, _] = sequence.dims();
                let forward = sequence.clone().narrow(1, time - 1, 1).narrow(2, 0, 3);
                let backward = sequence.narrow(1, 0, 1).narrow(2, 3, 3);
                Tensor::cat(vec![forward, backward], 2).squeeze_dim(1)
            };
            let readouts = [
                ("at_end", lengths.at_end(input.clone()), end),
                ("max", lengths.max(input.clone()), max),
                ("mean", lengths.mean(input.clone()), mean),
                ("last", lengths.last(input.clone()), last),
            ];
            for (name, found, own) in readouts {
                let place = format!("{name}, {backend}, batch first {batch_first}");
                let expected = alone.iter().map(|sequence| own(sequence.clone()));
                let expected = Tensor::cat(expected.collect(), 0);
                assert_all_close(&place, &values(&found), &values(&expected), 1e-6, 1e-7);
            }
        }
    }
}

#[test]
fn a_padded_readout_is_that_of_each_sequence_alone() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        let (padded, alone) = padded(&device);
        let lengths = Lengths::new(&LENGTHS, 9, &device);
        let heads = [(); 2].map(|_| LinearConfig::new(6, 1).init(&device));
        let (heads, dropout) = ([&heads[0], &heads[1]], Dropout::new(0.0));
        let leaf = padded.detach().require_grad();
        let found = readout_padded(&dropout, heads, leaf.clone(), &lengths);
        let loss = |steps: &[Tensor<2>; 2], mean: &Tensor<2>| {
            let steps = steps.iter().map(|steps| steps.clone().square().sum());
            steps.reduce(|sum, next| sum + next).unwrap() + mean.clone().square().sum()
        };
        let together = loss(&found.steps, &found.mean).backward();
        let gradient = leaf.grad(&together).unwrap();
        for (at, sequence) in alone.into_iter().enumerate() {
            let place = format!("sequence {at} on {backend}");
            let length = LENGTHS[at];
            let sequence = sequence.detach().require_grad();
            let own = readout(&dropout, heads, sequence.clone());
            for (found, own) in found.steps.iter().zip(&own.steps) {
                let row = found.clone().narrow(0, at, 1);
                let present = values(&row.clone().narrow(1, 0, length));
                assert_all_close(&place, &present, &values(own), 1e-5, 1e-6);
                if length < 9 {
                    let rest = values(&row.narrow(1, length, 9 - length));
                    assert!(rest.iter().all(|value| *value == 0.0), "{place}");
                }
            }
            let mean = values(&found.mean.clone().narrow(0, at, 1));
            assert_all_close(&place, &mean, &values(&own.mean), 1e-5, 1e-6);
            let alone = sequence.grad(&loss(&own.steps, &own.mean).backward());
            let row = gradient.clone().narrow(0, at, 1);
            let present = values(&row.clone().narrow(1, 0, length));
            assert_all_close(&place, &present, &values(&alone.unwrap()), 1e-5, 1e-6);
            if length < 9 {
                let rest = values(&row.narrow(1, length, 9 - length));
                assert!(rest.iter().all(|value| *value == 0.0), "{place}");
            }
        }
    }
}

#[test]
fn configs_have_defaults_and_refuse_what_cannot_be() {
    let config: LstmConfig = serde_json::from_str(r#"{"input": 3, "hidden": 4}"#).unwrap();
    assert_eq!(config, LstmConfig::new(3, 4));
    let config: BiLstmConfig =
        serde_json::from_str(r#"{"input": 3, "hidden": 4, "batch_first": false}"#).unwrap();
    assert_eq!(config, BiLstmConfig::new(3, 4).with_batch_first(false));
    for (config, field) in [
        (LstmConfig::new(0, 4), "input"),
        (LstmConfig::new(3, 0), "hidden"),
        (LstmConfig::new(3, 4).with_layers(0), "layers"),
        (LstmConfig::new(3, 4).with_dropout(1.0), "dropout"),
    ] {
        let message = config.validate().unwrap_err().to_string();
        assert!(message.contains(field), "{message}");
    }
}

#[test]
#[should_panic(
    expected = "`hidden` of the initial state has the shape [1, 4, 19], but the layer needs [layers * directions, batch, hidden] = [2, 4, 19]"
)]
fn a_state_of_another_shape_is_refused() {
    let device = Device::flex();
    let zeros = Tensor::zeros([1, 4, 19], &device);
    let state = LstmState::new(zeros.clone(), zeros);
    layer(&device).forward_from(normal([4, 2, 3], &device), Some(state), None);
}

#[test]
#[should_panic(expected = "`hidden` of the initial state and the input differ in precision")]
fn a_state_of_another_precision_is_refused() {
    let device = Device::flex();
    let zeros = Tensor::<3>::zeros([2, 4, 19], (&device, DType::F64));
    let state = LstmState::new(zeros.clone(), zeros);
    layer(&device).forward_from(normal([4, 2, 3], &device), Some(state), None);
}

#[test]
#[should_panic(expected = "needs a sequence and a position at least, the input is [4, 0, 3]")]
fn no_position_is_refused() {
    let device = Device::flex();
    layer(&device).forward_from(Tensor::zeros([4, 0, 3], &device), None, None);
}

#[test]
#[should_panic(expected = "7 features are not the states of two directions")]
fn an_odd_number_of_features_is_not_two_directions() {
    let device = Device::flex();
    Lengths::new(&[2, 1], 2, &device).last(normal([2, 2, 7], &device));
}

#[test]
#[should_panic(expected = "differ in which of batch and time comes first")]
fn lengths_in_another_order_are_refused() {
    let device = Device::flex();
    let lengths = Lengths::new(&[2, 1], 2, &device).with_batch_first(false);
    layer(&device).forward_padded(normal([2, 2, 3], &device), &lengths);
}

/// What [`BiLstm::kernel`] tells is what computes: no kernel where a parameter is in double precision.
#[test]
fn weights_in_double_precision_have_no_kernel() {
    for (backend, device) in devices() {
        let single = BiLstmConfig::new(3, 4).init(&device).unwrap();
        let double = single.clone().map(&mut Precision(DType::F64));
        assert!(
            !matches!(single.kernel([2, 5, 3], &device), Kernel::Plain(_)),
            "{backend}"
        );
        let Kernel::Plain(why) = double.kernel([2, 5, 3], &device) else {
            panic!("{backend}: a kernel for double precision");
        };
        assert!(why.contains("single precision"), "{why}");
    }
}
