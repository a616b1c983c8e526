//! The raw losses are their formulas: value and gradient, at ordinary and at extreme inputs, with and without a mask.
//!
//! The formulas are written out again in double precision, and so are their derivatives; the derivatives are checked
//! against finite differences of the formulas, so that the two halves of this file cannot be wrong in the same way.

use crate::support;

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use equipoise::loss::{Reduction, binary_cross_entropy_with_logits, cross_entropy, huber};
use support::{Noise, assert_all_close, assert_close, devices, number, tensor, values};

const REL: f64 = 2e-6;
const ABS: f64 = 1e-7;

// The formulas.

fn huber_of(residual: f64, delta: f64) -> f64 {
    if residual.abs() <= delta {
        residual * residual / 2.0
    } else {
        delta * (residual.abs() - delta / 2.0)
    }
}

fn huber_slope(residual: f64, delta: f64) -> f64 {
    if residual.abs() <= delta {
        residual
    } else {
        delta * residual.signum()
    }
}

/// log(1 + e^x) without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        x.exp() / (1.0 + x.exp())
    }
}

fn binary_of(logit: f64, target: f64, positive: f64) -> f64 {
    positive * target * softplus(-logit) + (1.0 - target) * softplus(logit)
}

fn binary_slope(logit: f64, target: f64, positive: f64) -> f64 {
    let s = logistic(logit);
    positive * target * (s - 1.0) + (1.0 - target) * s
}

fn entropy_of(logits: &[f64], class: usize) -> f64 {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|x| (x - top).exp()).sum();
    top + sum.ln() - logits[class]
}

fn entropy_slope(logits: &[f64], class: usize, at: usize) -> f64 {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|x| (x - top).exp()).sum();
    (logits[at] - top).exp() / sum - f64::from(u8::from(at == class))
}

fn slope_by_differences(f: impl Fn(f64) -> f64, at: f64) -> f64 {
    let step = 1e-5;
    (f(at + step) - f(at - step)) / (2.0 * step)
}

#[test]
fn the_written_out_slopes_are_those_of_the_formulas() {
    let mut noise = Noise::new(1);
    for _ in 0..200 {
        let (x, y) = (4.0 * noise.draw(), noise.draw().abs());
        let found = slope_by_differences(|x| huber_of(x, 0.7), x);
        assert_close("huber", huber_slope(x, 0.7), found, 0.0, 1e-5);
        let found = slope_by_differences(|x| binary_of(x, y, 3.0), x);
        assert_close("binary", binary_slope(x, y, 3.0), found, 0.0, 1e-8);
        let logits = [x, 0.3, -1.1];
        for at in 0..3 {
            let moved = |v: f64| {
                let mut logits = logits;
                logits[at] = v;
                entropy_of(&logits, 1)
            };
            let found = slope_by_differences(moved, logits[at]);
            assert_close(
                "cross entropy",
                entropy_slope(&logits, 1, at),
                found,
                0.0,
                1e-8,
            );
        }
    }
}

/// Value and gradient of a loss of one matrix.
fn differentiate(
    inputs: &[f64],
    shape: [usize; 2],
    device: &Device,
    loss: impl FnOnce(Tensor<2>) -> Tensor<1>,
) -> (f64, Vec<f64>) {
    let device = device.clone().autodiff();
    let inputs = tensor(inputs, shape, &device).require_grad();
    let value = loss(inputs.clone());
    assert_eq!(value.dims(), [1]);
    let gradients = value.backward();
    (number(&value), values(&inputs.grad(&gradients).unwrap()))
}

fn mask_of(kept: &[bool], shape: [usize; 2], device: &Device) -> Tensor<2, Bool> {
    Tensor::from_data(TensorData::new(kept.to_vec(), shape), device)
}

/// The elements' values and slopes reduced on the host.
fn reduced(elements: &[(f64, f64)], kept: &[bool], reduction: Reduction) -> (f64, Vec<f64>) {
    let count = kept.iter().filter(|kept| **kept).count().max(1) as f64;
    let divisor = match reduction {
        Reduction::Mean => count,
        Reduction::Sum => 1.0,
    };
    let part = |(index, value): (usize, f64)| if kept[index] { value / divisor } else { 0.0 };
    let value = elements.iter().map(|e| e.0).enumerate().map(part).sum();
    let slopes = elements.iter().map(|e| e.1).enumerate().map(part).collect();
    (value, slopes)
}

fn compare(place: &str, found: (f64, Vec<f64>), expected: (f64, Vec<f64>)) {
    assert_close(&format!("{place}, value"), found.0, expected.0, REL, ABS);
    assert_all_close(
        &format!("{place}, gradient"),
        &found.1,
        &expected.1,
        REL,
        ABS,
    );
}

const SHAPE: [usize; 2] = [4, 6];
const REDUCTIONS: [Reduction; 2] = [Reduction::Mean, Reduction::Sum];

/// Every third element does not count.
fn some() -> Vec<bool> {
    (0..24).map(|index| index % 3 != 1).collect()
}

#[test]
fn huber_has_the_value_and_gradient_of_its_formula() {
    let mut noise = Noise::new(2);
    let predictions: Vec<f64> = noise
        .many(24)
        .iter()
        .map(|v| f64::from((3.0 * v) as f32))
        .collect();
    let targets: Vec<f64> = noise
        .many(24)
        .iter()
        .map(|v| f64::from(*v as f32))
        .collect();
    for (backend, device) in devices() {
        for delta in [0.08, 1.0] {
            let elements: Vec<_> = predictions
                .iter()
                .zip(&targets)
                .map(|(p, t)| (huber_of(p - t, delta), huber_slope(p - t, delta)))
                .collect();
            for (reduction, masked) in REDUCTIONS.iter().flat_map(|r| [(r, false), (r, true)]) {
                let kept = if masked { some() } else { vec![true; 24] };
                let found = differentiate(&predictions, SHAPE, &device, |input| {
                    let device = input.device();
                    let mask = masked.then(|| mask_of(&kept, SHAPE, &device));
                    huber(
                        input,
                        tensor(&targets, SHAPE, &device),
                        delta,
                        mask,
                        *reduction,
                    )
                });
                let place = format!("{backend}, delta {delta}, {reduction:?}, mask {masked}");
                compare(&place, found, reduced(&elements, &kept, *reduction));
            }
        }
    }
}

#[test]
fn binary_cross_entropy_has_the_value_and_gradient_of_its_formula() {
    let mut noise = Noise::new(3);
    let mut logits: Vec<f64> = noise
        .many(24)
        .iter()
        .map(|v| f64::from((6.0 * v) as f32))
        .collect();
    logits[..4].copy_from_slice(&[100.0, -100.0, 100.0, -100.0]);
    let mut targets: Vec<f64> = noise
        .many(24)
        .iter()
        .map(|v| f64::from(u8::from(*v > 0.3)))
        .collect();
    targets[..4].copy_from_slice(&[0.0, 1.0, 1.0, 0.0]);
    targets[5] = 0.25;
    for (backend, device) in devices() {
        for positive in [1.0, 13.5] {
            let elements: Vec<_> = logits
                .iter()
                .zip(&targets)
                .map(|(x, y)| (binary_of(*x, *y, positive), binary_slope(*x, *y, positive)))
                .collect();
            for (reduction, masked) in REDUCTIONS.iter().flat_map(|r| [(r, false), (r, true)]) {
                let kept = if masked { some() } else { vec![true; 24] };
                let found = differentiate(&logits, SHAPE, &device, |input| {
                    let device = input.device();
                    let mask = masked.then(|| mask_of(&kept, SHAPE, &device));
                    let targets = tensor(&targets, SHAPE, &device);
                    binary_cross_entropy_with_logits(input, targets, positive, mask, *reduction)
                });
                let place = format!("{backend}, weight {positive}, {reduction:?}, mask {masked}");
                compare(&place, found, reduced(&elements, &kept, *reduction));
            }
        }
    }
}

#[test]
fn the_positive_weight_multiplies_positives_alone() {
    for (_, device) in devices() {
        let loss = |target: f64, weight: f64| {
            let logits = tensor(&[0.4], [1, 1], &device);
            let targets = tensor(&[target], [1, 1], &device);
            let sum = Reduction::Sum;
            number(&binary_cross_entropy_with_logits(
                logits, targets, weight, None, sum,
            ))
        };
        assert_close("positive", loss(1.0, 5.0), 5.0 * loss(1.0, 1.0), REL, 0.0);
        assert_close("negative", loss(0.0, 5.0), loss(0.0, 1.0), REL, 0.0);
    }
}

fn entropy(
    logits: &[f64],
    classes: &[i64],
    kept: Option<&[bool]>,
    reduction: Reduction,
    device: &Device,
) -> (f64, Vec<f64>) {
    let rows = classes.len();
    differentiate(logits, [rows, logits.len() / rows], device, |input| {
        let device = input.device();
        let targets = TensorData::new(classes.to_vec(), [rows]);
        let targets = Tensor::<1, Int>::from_data(targets, &device);
        let mask = kept.map(|k| Tensor::from_data(TensorData::new(k.to_vec(), [rows]), &device));
        cross_entropy(input, targets, mask, reduction)
    })
}

#[test]
fn cross_entropy_has_the_value_and_gradient_of_its_formula() {
    let mut noise = Noise::new(4);
    let mut logits: Vec<f64> = noise
        .many(15)
        .iter()
        .map(|v| f64::from((4.0 * v) as f32))
        .collect();
    logits[..3].copy_from_slice(&[100.0, -100.0, 0.0]);
    logits[3..6].copy_from_slice(&[100.0, -100.0, 0.0]);
    let classes = [0i64, 1, 2, 0, 1];
    let all = [true; 5];
    let some = [true, true, false, true, false];
    for (backend, device) in devices() {
        for reduction in REDUCTIONS {
            for (kept, masked) in [(all, false), (some, true)] {
                let count = kept.iter().filter(|k| **k).count() as f64;
                let divisor = if reduction == Reduction::Mean {
                    count
                } else {
                    1.0
                };
                let row = |index: usize| &logits[3 * index..3 * index + 3];
                let scale = |index: usize| if kept[index] { 1.0 / divisor } else { 0.0 };
                let value = (0..5)
                    .map(|i| scale(i) * entropy_of(row(i), classes[i] as usize))
                    .sum();
                let slopes = (0..15)
                    .map(|i| {
                        let (r, c) = (i / 3, i % 3);
                        scale(r) * entropy_slope(row(r), classes[r] as usize, c)
                    })
                    .collect();
                let mask = masked.then_some(&kept[..]);
                let found = entropy(&logits, &classes, mask, reduction, &device);
                let place = format!("{backend}, {reduction:?}, mask {masked}");
                compare(&place, found, (value, slopes));
            }
        }
    }
}

#[test]
fn extreme_logits_keep_value_and_gradient() {
    for (backend, device) in devices() {
        let (value, gradient) = differentiate(&[100.0, -100.0], [1, 2], &device, |input| {
            let targets = tensor(&[0.0, 1.0], [1, 2], &input.device());
            binary_cross_entropy_with_logits(input, targets, 1.0, None, Reduction::Sum)
        });
        assert_close(&format!("binary on {backend}"), value, 200.0, 1e-6, 0.0);
        assert_all_close(backend, &gradient, &[1.0, -1.0], 1e-6, 0.0);
        let (value, gradient) = entropy(&[100.0, -100.0, 0.0], &[1], None, Reduction::Sum, &device);
        assert_close(
            &format!("cross entropy on {backend}"),
            value,
            200.0,
            1e-6,
            0.0,
        );
        assert_all_close(backend, &gradient, &[1.0, -1.0, 0.0], 1e-6, 1e-30);
        let (value, gradient) = differentiate(&[100.0, -100.0], [1, 2], &device, |input| {
            let targets = tensor(&[0.0, 0.0], [1, 2], &input.device());
            huber(input, targets, 1.0, None, Reduction::Sum)
        });
        assert_close(&format!("huber on {backend}"), value, 199.0, 1e-6, 0.0);
        assert_all_close(backend, &gradient, &[1.0, -1.0], 1e-6, 0.0);
    }
}

#[test]
fn a_target_of_nan_under_the_mask_contributes_nothing() {
    let inputs = [0.5, -2.0, 1.5, 0.1];
    let kept = [true, false, true, false];
    for (backend, device) in devices() {
        for reduction in REDUCTIONS {
            let run = |hidden: f64, which: usize| {
                differentiate(&inputs, [2, 2], &device, |input| {
                    let device = input.device();
                    let targets = tensor(&[1.0, hidden, 0.0, hidden], [2, 2], &device);
                    let mask = Some(mask_of(&kept, [2, 2], &device));
                    match which {
                        0 => huber(input, targets, 1.0, mask, reduction),
                        _ => binary_cross_entropy_with_logits(input, targets, 2.0, mask, reduction),
                    }
                })
            };
            for which in 0..2 {
                let clean = run(0.0, which);
                assert!(clean.0 > 0.0 && clean.1[0] != 0.0 && clean.1[2] != 0.0);
                assert_eq!((clean.1[1], clean.1[3]), (0.0, 0.0), "{backend}");
                for hidden in [f64::NAN, f64::INFINITY] {
                    assert_eq!(
                        run(hidden, which),
                        clean,
                        "{backend}, {hidden}, loss {which}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_logit_of_nan_under_the_mask_contributes_nothing() {
    for (backend, device) in devices() {
        let kept = [true, false];
        for hidden in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for which in 0..2 {
                let (value, gradient) = differentiate(&[0.5, hidden], [1, 2], &device, |input| {
                    let device = input.device();
                    let targets = tensor(&[1.0, 1.0], [1, 2], &device);
                    let mask = Some(mask_of(&kept, [1, 2], &device));
                    match which {
                        0 => huber(input, targets, 1.0, mask, Reduction::Mean),
                        _ => binary_cross_entropy_with_logits(
                            input,
                            targets,
                            1.0,
                            mask,
                            Reduction::Mean,
                        ),
                    }
                });
                let place = format!("{backend}, {hidden}, loss {which}");
                assert!(value.is_finite() && value > 0.0, "{place}: {value}");
                assert!(gradient[0].is_finite() && gradient[0] != 0.0, "{place}");
                assert_eq!(gradient[1], 0.0, "{place}");
            }
            let logits = [0.5, 0.1, hidden, hidden];
            let (value, gradient) =
                entropy(&logits, &[0, 1], Some(&kept), Reduction::Mean, &device);
            assert!(
                value.is_finite() && value > 0.0,
                "{backend}, {hidden}: {value}"
            );
            assert!(
                gradient[0].is_finite() && gradient[0] != 0.0,
                "{backend}, {hidden}"
            );
            assert_eq!(gradient[2..], [0.0, 0.0], "{backend}, {hidden}");
        }
    }
}

#[test]
fn a_mean_over_nothing_is_zero() {
    for (backend, device) in devices() {
        let none = [false; 4];
        for reduction in REDUCTIONS {
            for which in 0..2 {
                let found = differentiate(&[0.5, -2.0, 1.5, 0.1], [2, 2], &device, |input| {
                    let device = input.device();
                    let targets = tensor(&[f64::NAN; 4], [2, 2], &device);
                    let mask = Some(mask_of(&none, [2, 2], &device));
                    match which {
                        0 => huber(input, targets, 1.0, mask, reduction),
                        _ => binary_cross_entropy_with_logits(input, targets, 2.0, mask, reduction),
                    }
                });
                assert_eq!(found, (0.0, vec![0.0; 4]), "{backend}, loss {which}");
            }
            let found = entropy(&[1.0, 2.0], &[0], Some(&[false]), reduction, &device);
            assert_eq!(found, (0.0, vec![0.0; 2]), "{backend}, cross entropy");
        }
    }
}

#[test]
fn the_derivative_is_that_of_finite_differences() {
    let mut noise = Noise::new(5);
    let inputs: Vec<f64> = noise.many(12).iter().map(|v| 3.0 * v).collect();
    let targets: Vec<f64> = noise.many(12).iter().map(|v| v.abs()).collect();
    let direction: Vec<f64> = noise.many(12);
    let shape = [4, 3];
    let step = 1e-2;
    for (backend, device) in devices() {
        let losses: [(&str, &dyn Fn(Tensor<2>) -> Tensor<1>); 3] = [
            ("huber", &|input| {
                let targets = tensor(&targets, shape, &input.device());
                huber(input, targets, 0.8, None, Reduction::Sum)
            }),
            ("binary", &|input| {
                let targets = tensor(&targets, shape, &input.device());
                binary_cross_entropy_with_logits(input, targets, 3.0, None, Reduction::Sum)
            }),
            ("cross entropy", &|input| {
                let classes = TensorData::new(vec![0i64, 2, 1, 1], [4]);
                let classes = Tensor::<1, Int>::from_data(classes, &input.device());
                cross_entropy(input, classes, None, Reduction::Sum)
            }),
        ];
        for (name, loss) in losses {
            let (_, gradient) = differentiate(&inputs, shape, &device, loss);
            let along: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let moved = |by: f64| {
                let inputs: Vec<f64> = inputs
                    .iter()
                    .zip(&direction)
                    .map(|(x, d)| x + by * d)
                    .collect();
                number(&loss(tensor(&inputs, shape, &device)))
            };
            let differences = (moved(step) - moved(-step)) / (2.0 * step);
            assert_close(
                &format!("{name} on {backend}"),
                differences,
                along,
                2e-3,
                1e-4,
            );
        }
    }
}

#[test]
#[should_panic(expected = "the Huber delta must be a positive finite number, not 0")]
fn a_delta_of_zero_is_refused() {
    let device = Device::default();
    let x = tensor(&[0.0], [1, 1], &device);
    huber(x.clone(), x, 0.0, None, Reduction::Mean);
}

#[test]
#[should_panic(expected = "the positive weight must be a positive finite number, not NaN")]
fn a_positive_weight_of_nan_is_refused() {
    let device = Device::default();
    let x = tensor(&[0.0], [1, 1], &device);
    binary_cross_entropy_with_logits(x.clone(), x, f64::NAN, None, Reduction::Mean);
}
