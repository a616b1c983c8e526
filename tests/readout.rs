//! The readout says what its plain definition says: `head.forward(dropout.forward(input))` for every head, and the mean
//! over time. Same values, same gradients, on every CPU backend; under one seed even with the same masks.
#![cfg(feature = "expansion")]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Gradients, Tensor, TensorData};
use equipoise::nn::{Dropout, Readout, readout};
use support::{Noise, assert_close, change_parameters, devices, tensor, values};

/// The random state of a device belongs to the whole program, so whoever draws from it does so alone.
static RANDOM: Mutex<()> = Mutex::new(());

/// A test that failed while it held the lock does not make the others fail.
fn alone() -> MutexGuard<'static, ()> {
    RANDOM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Heads with parameters that are the same every time.
fn heads<const N: usize>(width: usize, bias: bool, device: &Device) -> [Linear; N] {
    let _alone = alone();
    let mut noise = Noise::new(3);
    let config = LinearConfig::new(width, 1).with_bias(bias);
    [(); N].map(|_| {
        change_parameters(config.init(device), &mut |_, old| {
            noise.many(old.values.len())
        })
    })
}

fn input(shape: [usize; 3], device: &Device) -> Tensor<3> {
    let drawn = Noise::new(9).many(shape.iter().product());
    tensor(&drawn, shape, device)
}

fn quiet() -> Dropout {
    Dropout::new(0.0)
}

type Read<const N: usize> = fn(&Dropout, [&Linear; N], Tensor<3>) -> Readout<N>;

/// The definition.
fn plain<const N: usize>(dropout: &Dropout, heads: [&Linear; N], input: Tensor<3>) -> Readout<N> {
    let output = |head: &Linear| {
        let dropped = dropout.forward(input.clone());
        head.forward(dropped).squeeze_dim::<2>(2)
    };
    Readout {
        steps: heads.map(output),
        mean: input.mean_dim(1).squeeze_dim(1),
    }
}

/// Weights that differ everywhere, so that no two positions can be mixed up.
fn factors(like: &Tensor<2>, seed: u64) -> Tensor<2> {
    let drawn = Noise::new(seed).many(like.shape().num_elements());
    tensor(&drawn, like.dims(), &like.device()).cast(like.dtype())
}

/// A sum over everything that was read.
fn objective<const N: usize>(found: &Readout<N>) -> Tensor<1> {
    let mean = (found.mean.clone() * factors(&found.mean, 100)).sum();
    let steps = found.steps.iter().zip(101..);
    steps.fold(mean, |sum, (steps, seed)| {
        sum + (steps.clone() * factors(steps, seed)).sum()
    })
}

/// What was read, and the gradients of [`objective`], where there are any: of the input, then of each head's weight and
/// bias.
#[derive(Debug, PartialEq)]
struct Found {
    values: Vec<Vec<f64>>,
    gradients: Vec<Option<Vec<f64>>>,
}

fn gradient<const D: usize>(of: &Tensor<D>, gradients: &Gradients) -> Option<Vec<f64>> {
    of.grad(gradients).map(|gradient| values(&gradient))
}

fn run<const N: usize>(
    dropout: &Dropout,
    heads: &[Linear; N],
    input: &Tensor<3>,
    read: Read<N>,
) -> Found {
    let found = read(dropout, heads.each_ref(), input.clone());
    let mut read: Vec<Vec<f64>> = found.steps.iter().map(values).collect();
    read.push(values(&found.mean));
    let arrived = objective(&found).backward();
    let mut gradients = vec![gradient(input, &arrived)];
    for head in heads {
        gradients.push(gradient(&head.weight.val(), &arrived));
        let bias = head.bias.as_ref();
        gradients.push(bias.and_then(|bias| gradient(&bias.val(), &arrived)));
    }
    Found {
        values: read,
        gradients,
    }
}

/// A run whose random draws follow from a seed.
fn seeded<const N: usize>(
    seed: u64,
    dropout: &Dropout,
    heads: &[Linear; N],
    input: &Tensor<3>,
    read: Read<N>,
) -> Found {
    let _alone = alone();
    input.device().seed(seed);
    run(dropout, heads, input, read)
}

/// Relative to the largest of the expected: a fifth of what the project asks for.
const VALUES: f64 = 2e-6;
/// Likewise, a tenth.
const GRADIENTS: f64 = 1e-5;

#[track_caller]
fn assert_part(place: &str, found: &[f64], expected: &[f64], within: f64) {
    assert_eq!(found.len(), expected.len(), "{place}");
    let largest = expected.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert_close(place, *found, *expected, 0.0, within * largest);
    }
}

#[track_caller]
fn assert_found(place: &str, found: &Found, expected: &Found) {
    let pairs = found.values.iter().zip(&expected.values);
    for (part, (found, expected)) in pairs.enumerate() {
        assert_part(&format!("{place}, value {part}"), found, expected, VALUES);
    }
    let pairs = found.gradients.iter().zip(&expected.gradients);
    for (part, pair) in pairs.enumerate() {
        let place = format!("{place}, gradient {part}");
        match pair {
            (Some(found), Some(expected)) => assert_part(&place, found, expected, GRADIENTS),
            (found, expected) => assert_eq!(found, expected, "{place}"),
        }
    }
}

/// Sizes below, at and above a vector; more steps than a piece of work; more samples than one; and enough for threads.
const SHAPES: [[usize; 3]; 9] = [
    [1, 1, 1],
    [2, 3, 15],
    [3, 2, 16],
    [2, 3, 17],
    [300, 1, 5],
    [2, 300, 7],
    [70, 4, 33],
    [3, 256, 8],
    [4, 105, 192],
];

fn agrees<const N: usize>(bias: bool, change: fn([Linear; N]) -> [Linear; N], tracked: bool) {
    for (backend, device) in devices() {
        let device = device.autodiff();
        for shape in SHAPES {
            let heads = change(heads::<N>(shape[2], bias, &device));
            let input = input(shape, &device).set_require_grad(tracked);
            let place = format!("{N} heads, {shape:?} on {backend}");
            let found = run(&quiet(), &heads, &input, readout);
            let expected = run(&quiet(), &heads, &input, plain);
            assert_eq!(found.gradients[0].is_some(), tracked, "{place}");
            assert_found(&place, &found, &expected);
        }
    }
}

fn agrees_for_all<const N: usize>() {
    agrees::<N>(true, |heads| heads, true);
    agrees::<N>(false, |heads| heads, true);
}

#[test]
fn any_number_of_heads_gives_the_values_and_gradients_of_the_definition() {
    agrees_for_all::<0>();
    agrees_for_all::<1>();
    agrees_for_all::<2>();
    agrees_for_all::<3>();
}

#[test]
fn heads_get_their_gradients_when_the_input_wants_none() {
    agrees::<1>(true, |heads| heads, false);
    agrees::<3>(false, |heads| heads, false);
}

#[test]
fn frozen_heads_get_none_and_the_input_its_whole_gradient() {
    agrees::<1>(true, |heads| heads.map(Linear::no_grad), true);
    let one_of_two: fn([Linear; 2]) -> [Linear; 2] = |[a, b]| [a.no_grad(), b];
    agrees::<2>(true, one_of_two, true);
    agrees::<2>(true, one_of_two, false);
}

#[test]
fn heads_with_and_without_bias_stand_beside_each_other() {
    agrees::<2>(true, |[a, b]| [Linear { bias: None, ..a }, b], true);
}

#[test]
fn without_autodiff_the_values_are_the_same_to_the_bit() {
    for (backend, device) in devices() {
        let tracked = device.clone().autodiff();
        for shape in SHAPES {
            let read = |device: &Device| {
                let heads = heads::<2>(shape[2], true, device);
                let found = readout(&quiet(), heads.each_ref(), input(shape, device));
                [&found.steps[0], &found.steps[1], &found.mean].map(values)
            };
            assert_eq!(read(&device), read(&tracked), "{shape:?} on {backend}");
        }
    }
}

/// Only a part of what was read is used, as by a model that leaves out a task.
#[test]
fn the_gradient_of_one_head_or_of_the_mean_alone_is_that_of_the_definition() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        let heads = heads::<2>(20, true, &device);
        let gradients = |part: usize, read: Read<2>| {
            let leaf = input([3, 7, 20], &device).require_grad();
            let found = read(&quiet(), heads.each_ref(), leaf.clone());
            let [first, second] = found.steps;
            let mut all = [first, second, found.mean].into_iter();
            let used = all.nth(part).unwrap();
            let arrived = (used.clone() * factors(&used, 100)).sum().backward();
            gradient(&leaf, &arrived).unwrap()
        };
        for part in 0..3 {
            let place = format!("part {part} on {backend}");
            let expected = gradients(part, plain);
            assert_part(&place, &gradients(part, readout), &expected, GRADIENTS);
        }
    }
}

/// Inputs and parameters that were turned and cut: the readout sees the values, not the memory.
#[test]
fn reads_inputs_and_weights_that_do_not_lie_in_order() {
    let turned: fn(Tensor<3>) -> Tensor<3> = |leaf| leaf.swap_dims(0, 1);
    let cut: fn(Tensor<3>) -> Tensor<3> = |leaf| leaf.narrow(0, 1, 3).narrow(1, 2, 4);
    let repeated: fn(Tensor<3>) -> Tensor<3> = |leaf| leaf.narrow(1, 0, 1).expand([5, 9, 18]);
    for (backend, device) in devices() {
        let device = device.autodiff();
        let heads = heads::<2>(18, true, &device).map(|head| {
            let wide = Tensor::cat(vec![head.weight.val().detach(); 3], 1)
                .narrow(1, 1, 1)
                .detach();
            Linear {
                weight: Param::from_tensor(wide),
                ..head
            }
        });
        for change in [turned, cut, repeated] {
            let gradients = |read: Read<2>| {
                let leaf = input([5, 7, 18], &device).require_grad();
                let found = read(&quiet(), heads.each_ref(), change(leaf.clone()));
                let arrived = objective(&found).backward();
                let to_weight = gradient(&heads[0].weight.val(), &arrived);
                (gradient(&leaf, &arrived).unwrap(), to_weight.unwrap())
            };
            let (to_leaf, to_weight) = gradients(readout);
            let expected = gradients(plain);
            assert_part(backend, &to_leaf, &expected.0, GRADIENTS);
            assert_part(backend, &to_weight, &expected.1, GRADIENTS);
        }
    }
}

#[test]
fn double_precision_falls_back_to_the_definition() {
    let device = Device::flex().autodiff();
    let head = heads::<1>(6, true, &device).map(|head| Linear {
        weight: head.weight.map(|weight| weight.cast(DType::F64).detach()),
        bias: head
            .bias
            .map(|b| b.map(|bias| bias.cast(DType::F64).detach())),
    });
    let drawn = TensorData::new(Noise::new(4).many(2 * 5 * 6), [2, 5, 6]);
    let input = Tensor::<3>::from_data(drawn, (&device, DType::F64)).require_grad();
    let found = run(&quiet(), &head, &input, readout);
    assert_eq!(found, run(&quiet(), &head, &input, plain));
}

const P: f64 = 0.4;

/// Both draw one mask after another from the same random state, so they can be held against each other.
#[test]
fn under_one_seed_dropout_is_that_of_the_definition() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        for shape in SHAPES {
            let heads = heads::<3>(shape[2], true, &device);
            let input = input(shape, &device).require_grad();
            let found = seeded(5, &Dropout::new(P), &heads, &input, readout);
            let expected = seeded(5, &Dropout::new(P), &heads, &input, plain);
            assert_found(&format!("{shape:?} on {backend}"), &found, &expected);
        }
    }
}

#[test]
fn dropout_follows_the_seed() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        let heads = heads::<2>(33, true, &device);
        let input = input([4, 9, 33], &device).require_grad();
        let at = |seed| seeded(seed, &Dropout::new(P), &heads, &input, readout);
        let (once, again, other) = (at(5), at(5), at(6));
        assert_eq!(once, again, "{backend}");
        assert_ne!(once.values[0], other.values[0], "{backend}");
        assert_eq!(once.values[2], other.values[2], "the mean, on {backend}");
        assert_ne!(once.gradients, other.gradients, "{backend}");
    }
}

/// A head that adds up what it is given.
fn adding(width: usize, device: &Device) -> Linear {
    let [head] = heads::<1>(width, false, device);
    let ones = |weight: Tensor<2>| weight.ones_like().set_require_grad(true);
    Linear {
        weight: head.weight.map(ones),
        ..head
    }
}

/// Five standard deviations of a share of `count` trials.
fn slack(p: f64, count: usize) -> f64 {
    5.0 * (p * (1.0 - p) / count as f64).sqrt()
}

/// With a single one in every step, the output of a head that adds up is what became of that element.
#[test]
fn the_share_of_dropped_elements_is_p_and_the_others_are_scaled() {
    let (batch, time, width) = (50, 100, 24);
    let count = batch * time;
    for (backend, device) in devices() {
        let device = device.autodiff();
        let head = adding(width, &device);
        let ones: Vec<f64> = (0..count * width)
            .map(|i| f64::from(u8::from(i % width == i / width * 7 % width)))
            .collect();
        let input = tensor(&ones, [batch, time, width], &device);
        for p in [0.1, 0.6] {
            let dropout = Dropout::new(p);
            let found = {
                let _alone = alone();
                device.seed(11);
                values(&readout(&dropout, [&head], input.clone()).steps[0])
            };
            let scale = f64::from((1.0 / (1.0 - p)) as f32);
            assert!(found.iter().all(|v| *v == 0.0 || *v == scale), "{backend}");
            let dropped = found.iter().filter(|v| **v == 0.0).count();
            let share = dropped as f64 / count as f64;
            assert_close(backend, share, p, 0.0, slack(p, count));
        }
    }
}

/// What two heads that add up do to ones: each element's factor is its gradient, since every output counts once.
fn masks(dropout: &Dropout, ones: &Tensor<3>) -> (Readout<2>, [Vec<f64>; 2]) {
    let device = ones.device();
    let [_, _, width] = ones.dims();
    let (a, b) = (adding(width, &device), adding(width, &device));
    let _alone = alone();
    let mask = |head: usize| {
        device.seed(13);
        let leaf = ones.clone().require_grad();
        let found = readout(dropout, [&a, &b], leaf.clone());
        let arrived = found.steps[head].clone().sum().backward();
        (found, gradient(&leaf, &arrived).unwrap())
    };
    let ((found, first), (_, second)) = (mask(0), mask(1));
    (found, [first, second])
}

#[test]
fn every_head_has_a_mask_of_its_own_and_its_gradient_goes_where_its_values_went() {
    let (batch, time, width) = (20, 50, 40);
    let count = batch * time * width;
    for (backend, device) in devices() {
        let device = device.autodiff();
        let ones = Tensor::ones([batch, time, width], &device);
        let (found, masks) = masks(&Dropout::new(P), &ones);
        for (steps, mask) in found.steps.iter().zip(&masks) {
            let dropped = mask.iter().filter(|v| **v == 0.0).count() as f64;
            assert_close(backend, dropped / count as f64, P, 0.0, slack(P, count));
            let sums: Vec<f64> = mask.chunks(width).map(|step| step.iter().sum()).collect();
            assert_part(backend, &values(steps), &sums, VALUES);
        }
        let pairs = masks[0].iter().zip(&masks[1]);
        let same = pairs.filter(|(a, b)| a == b).count() as f64 / count as f64;
        let by_chance = P * P + (1.0 - P) * (1.0 - P);
        assert_close(backend, same, by_chance, 0.0, slack(by_chance, count));
    }
}

#[test]
fn dropout_keeps_the_expectation_and_leaves_the_mean_over_time_alone() {
    let (batch, time, width) = (50, 100, 40);
    for (backend, device) in devices() {
        let device = device.autodiff();
        let ones = Tensor::ones([batch, time, width], &device);
        for p in [0.1, 0.6, 0.9] {
            let (found, _) = masks(&Dropout::new(p), &ones);
            for steps in &found.steps {
                let sums = values(steps);
                let mean = sums.iter().sum::<f64>() / (sums.len() * width) as f64;
                let slack = slack(p, sums.len() * width) / (1.0 - p);
                assert_close(backend, mean, 1.0, 0.0, slack);
            }
            let means = values(&found.mean);
            assert!(means.iter().all(|mean| *mean == 1.0), "{backend}");
        }
    }
}

#[test]
fn dropout_is_off_without_autodiff_in_inference_and_when_frozen() {
    for (backend, device) in devices() {
        let tracked = device.clone().autodiff();
        let with = |dropout: &Dropout, device: &Device| {
            let heads = heads::<1>(30, true, device);
            let found = readout(dropout, [&heads[0]], input([3, 5, 30], device));
            values(&found.steps[0])
        };
        let (dropout, expected) = (Dropout::new(0.9), with(&quiet(), &device));
        assert_eq!(with(&dropout, &device), expected, "{backend}");
        assert_eq!(with(&dropout.valid(), &tracked), expected, "{backend}");
        assert_eq!(
            with(&dropout.clone().freeze(), &tracked),
            expected,
            "{backend}"
        );
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        let heads = heads::<3>(192, true, &device);
        // Many times what one thread does alone.
        let input = input([13, 105, 192], &device).require_grad();
        let on = |threads: usize, p: f64| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let run = || seeded(2, &Dropout::new(p), &heads, &input, readout);
            pool.build().unwrap().install(run)
        };
        for p in [0.0, P] {
            let one = on(1, p);
            for threads in [2, 3] {
                assert!(on(threads, p) == one, "{threads} threads on {backend}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "a head over 12 elements with one output")]
fn a_head_of_another_width_is_refused() {
    let device = Device::flex();
    let heads = heads::<1>(13, true, &device);
    readout(&quiet(), [&heads[0]], Tensor::zeros([2, 5, 12], &device));
}

#[test]
#[should_panic(expected = "a head over 12 elements with one output")]
fn a_head_with_two_outputs_is_refused() {
    let device = Device::flex();
    let head = LinearConfig::new(12, 2).init(&device);
    readout(&quiet(), [&head], Tensor::zeros([2, 5, 12], &device));
}
