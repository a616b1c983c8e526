//! The losses in one pass, where blocks and threads matter: lengths around the block, sums over ten million elements,
//! masks across blocks, and the same bits for any number of threads. Formulas and extremes are in `losses.rs`.

use crate::support;

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use equipoise::loss::{Reduction, binary_cross_entropy_with_logits, cross_entropy, huber};
use support::{Noise, assert_close, number, tensor, values};

/// Lengths that end inside, at the end of, and just after a vector and a block.
const LENGTHS: [usize; 9] = [1, 15, 16, 17, 2047, 2048, 2049, 65_536, 70_001];

fn huber_of(residual: f64) -> f64 {
    if residual.abs() <= 1.0 {
        residual * residual / 2.0
    } else {
        residual.abs() - 0.5
    }
}

#[test]
fn every_length_gives_the_sum_and_every_derivative() {
    let device = Device::flex().autodiff();
    for length in LENGTHS {
        let residuals: Vec<f64> = (0..length).map(|i| (i % 7) as f64 * 0.5 - 1.5).collect();
        let leaf = tensor(&residuals, [length], &device).require_grad();
        let zeros = Tensor::zeros([length], &device);
        let loss = huber(leaf.clone(), zeros, 1.0, None, Reduction::Sum);
        let expected: f64 = residuals.iter().map(|r| huber_of(*r)).sum();
        assert_close("sum", number(&loss), expected, 1e-6, 0.0);
        let slopes = values(&leaf.grad(&loss.backward()).unwrap());
        let clamped: Vec<f64> = residuals.iter().map(|r| r.clamp(-1.0, 1.0)).collect();
        assert_eq!(slopes, clamped, "length {length}");
    }
}

#[test]
fn a_mask_across_blocks_counts_what_it_says() {
    let device = Device::flex().autodiff();
    for length in LENGTHS {
        let targets: Vec<f64> = (0..length)
            .map(|i| if i % 3 == 0 { f64::NAN } else { 1.0 })
            .collect();
        let counts: Vec<bool> = (0..length).map(|i| i % 3 != 0).collect();
        let counted = counts.iter().filter(|c| **c).count();
        let mask = Tensor::<1, Bool>::from_data(TensorData::new(counts, [length]), &device);
        let leaf = Tensor::<1>::zeros([length], &device).require_grad();
        let targets = tensor(&targets, [length], &device);
        let loss = binary_cross_entropy_with_logits(
            leaf.clone(),
            targets,
            1.0,
            Some(mask),
            Reduction::Mean,
        );
        let expected = if counted == 0 { 0.0 } else { 2f64.ln() };
        assert_close("mean", number(&loss), expected, 1e-6, 0.0);
        for (i, slope) in values(&leaf.grad(&loss.backward()).unwrap())
            .iter()
            .enumerate()
        {
            let expected = if i % 3 == 0 {
                0.0
            } else {
                -0.5 / counted as f64
            };
            assert_close("slope", *slope, expected, 1e-6, 0.0);
        }
    }
}

#[test]
fn sums_over_ten_million_elements_stay_exact() {
    let device = Device::flex();
    let length = 10_000_000;
    // A large offset and a small remainder: naive single precision loses the remainder.
    let mut noise = Noise::new(5);
    let cycle: Vec<f32> = (0..9973).map(|_| 40.0 + noise.draw() as f32).collect();
    let predictions: Vec<f32> = (0..length).map(|i| cycle[i % cycle.len()]).collect();
    let expected: f64 = predictions.iter().map(|p| huber_of(f64::from(*p))).sum();
    let predictions = Tensor::<1>::from_data(TensorData::new(predictions, [length]), &device);
    let zeros = Tensor::zeros([length], &device);
    let loss = huber(predictions, zeros, 1.0, None, Reduction::Sum);
    assert_close("sum", number(&loss), expected, 1e-6, 0.0);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let device = Device::flex().autodiff();
    let length = 300_001;
    let mut noise = Noise::new(6);
    let logits = tensor(&noise.many(3 * length), [length, 3], &device);
    let classes: Vec<i64> = (0..length as i64).map(|i| i % 3).collect();
    let classes = Tensor::<1, Int>::from_data(TensorData::new(classes, [length]), &device);
    let run = || {
        let leaf = logits.clone().require_grad();
        let loss = cross_entropy(leaf.clone(), classes.clone(), None, Reduction::Mean);
        let gradient = leaf.grad(&loss.backward()).unwrap();
        (loss.inner().into_data(), gradient.into_data())
    };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(run)
    };
    let (value, gradient) = on(1);
    for threads in [2, 3] {
        let (again, slopes) = on(threads);
        again.assert_eq(&value, true);
        slopes.assert_eq(&gradient, true);
    }
}

#[test]
fn targets_that_want_a_gradient_get_one() {
    let device = Device::flex().autodiff();
    let predictions = tensor(&[0.2, 3.0], [2], &device).require_grad();
    let targets = tensor(&[0.0, 0.0], [2], &device).require_grad();
    let loss = huber(
        predictions.clone(),
        targets.clone(),
        1.0,
        None,
        Reduction::Sum,
    );
    let gradients = loss.backward();
    let to_predictions = values(&predictions.grad(&gradients).unwrap());
    let to_targets = values(&targets.grad(&gradients).unwrap());
    for (a, b) in to_predictions.iter().zip(&to_targets) {
        assert_close("opposite", *a, -b, 1e-7, 0.0);
    }
}

/// Targets that want a gradient take the plain way, which is also the way of other backends.
#[test]
fn both_ways_have_the_same_derivative_where_the_formula_has_a_corner() {
    let device = Device::flex().autodiff();
    let targets = [0.0, 1.0, 0.3];
    let slopes = |tracked: bool| {
        let logits = Tensor::<1>::zeros([3], &device).require_grad();
        let targets = tensor(&targets, [3], &device).set_require_grad(tracked);
        let sum = Reduction::Sum;
        let loss = binary_cross_entropy_with_logits(logits.clone(), targets, 1.0, None, sum);
        values(&logits.grad(&loss.backward()).unwrap())
    };
    for slopes in [slopes(false), slopes(true)] {
        for (slope, target) in slopes.iter().zip(targets) {
            assert_close("slope at 0", *slope, 0.5 - target, 0.0, 1e-6);
        }
    }
}

#[test]
#[should_panic(expected = "a mask has the shape of what it masks")]
fn a_mask_of_another_shape_is_refused() {
    let device = Device::flex();
    let mask = Tensor::<2, Bool>::full([3, 2], true, &device);
    let zeros = Tensor::<2>::zeros([2, 3], &device);
    huber(zeros.clone(), zeros, 1.0, Some(mask), Reduction::Mean);
}

#[test]
#[should_panic(expected = "target 3 is no class of 3")]
fn a_class_that_does_not_exist_is_refused() {
    let device = Device::flex();
    let targets = Tensor::<1, Int>::from_ints([0, 3], &device);
    let logits = Tensor::<2>::zeros([2, 3], &device);
    cross_entropy(logits, targets, None, Reduction::Mean);
}
