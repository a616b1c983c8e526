//! The fused BiLSTM layer is the plain one: same values, same gradients, for any shape, on every CPU backend.

use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor, Tolerance};
use equipoise::nn::{BiLstm, BiLstmConfig};
use proptest::prelude::*;

fn devices() -> Vec<Device> {
    vec![
        Device::flex(),
        #[cfg(feature = "ndarray")]
        #[allow(deprecated)]
        Device::ndarray(),
    ]
}

/// Output, and the gradients of a weighted sum of it: of the input, then of every parameter.
fn run(lstm: &BiLstm, input: &Tensor<3>, fused: bool) -> Vec<Vec<f32>> {
    let input = input.clone().require_grad();
    let output = match fused {
        true => lstm.forward(input.clone()),
        false => lstm.forward_reference(input.clone()),
    };
    // Weights that differ everywhere, so that no two positions can be mixed up.
    let count = output.shape().num_elements();
    let factors: Vec<f32> = (0..count)
        .map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0)
        .collect();
    let factors =
        Tensor::<1>::from_floats(factors.as_slice(), &output.device()).reshape(output.dims());
    let gradients = (output.clone() * factors).sum().backward();
    let read1 = |tensor: Tensor<1>| tensor.into_data().try_into_vec::<f32>().unwrap();
    let mut found = vec![
        read1(output.reshape([-1])),
        read1(input.grad(&gradients).unwrap().reshape([-1])),
    ];
    for layer in 0..lstm.layers() {
        let (forward, backward) = lstm.weights(layer).unwrap();
        for weights in [forward, backward] {
            for matrix in [&weights.weight_ih, &weights.weight_hh] {
                found.push(read1(matrix.val().grad(&gradients).unwrap().reshape([-1])));
            }
            for bias in [&weights.bias_ih, &weights.bias_hh] {
                found.push(read1(bias.val().grad(&gradients).unwrap()));
            }
        }
    }
    found
}

fn assert_close(found: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let largest = expected.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
        let bound = if index == 0 { 2e-6 } else { 1e-5 } * largest;
        for (a, b) in found.iter().zip(expected) {
            assert!(
                (a - b).abs() <= bound,
                "part {index}: {a} is not {b} within {bound:e}"
            );
        }
    }
}

fn compare(batch: usize, time: usize, features: usize, hidden: usize, layers: usize) {
    for device in devices() {
        let device = device.autodiff();
        let lstm = BiLstmConfig::new(features, hidden)
            .with_layers(layers)
            .init(&device)
            .unwrap();
        let input = Tensor::random(
            [batch, time, features],
            Distribution::Normal(0.0, 1.5),
            &device,
        );
        assert_close(&run(&lstm, &input, true), &run(&lstm, &input, false));
    }
}

#[test]
fn agrees_with_plain_tensor_operations_at_the_size_of_the_expansion_model() {
    compare(3, 105, 12, 96, 1);
}

#[test]
fn agrees_when_layers_are_stacked() {
    compare(2, 9, 5, 7, 3);
}

#[test]
fn agrees_for_one_sample_one_step_and_one_unit() {
    compare(1, 1, 1, 1, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn agrees_for_any_shape(
        batch in 1usize..=40,
        time in 1usize..=40,
        features in 1usize..=20,
        hidden in 1usize..=70,
    ) {
        compare(batch, time, features, hidden, 1);
    }
}

#[test]
fn reads_inputs_that_are_not_contiguous() {
    let device = Device::flex();
    let lstm = BiLstmConfig::new(4, 6).init(&device).unwrap();
    let turned = Tensor::<3>::random([7, 3, 4], Distribution::Default, &device).swap_dims(0, 1);
    let straight = Tensor::from_data(turned.to_data(), &device);
    let expected = lstm.forward(straight).into_data();
    lstm.forward(turned).into_data().assert_eq(&expected, true);
}

#[test]
fn the_same_bits_every_time() {
    let device = Device::flex();
    let lstm = BiLstmConfig::new(12, 33).init(&device).unwrap();
    let input = Tensor::<3>::random([17, 50, 12], Distribution::Default, &device);
    let once = lstm.forward(input.clone()).into_data();
    for _ in 0..3 {
        lstm.forward(input.clone())
            .into_data()
            .assert_eq(&once, true);
    }
}

#[test]
fn without_autodiff_and_with_frozen_parameters_the_values_stay() {
    let device = Device::flex().autodiff();
    let lstm = BiLstmConfig::new(3, 5).init(&device).unwrap();
    let input = Tensor::<3>::random([2, 8, 3], Distribution::Default, &device);
    let tracked = lstm.forward(input.clone()).inner().into_data();
    let plain = lstm.valid().forward(input.clone().inner()).into_data();
    plain.assert_eq(&tracked, true);
    // Only the input is tracked: its gradient still arrives.
    let frozen = lstm.no_grad();
    let input = input.require_grad();
    let gradients = frozen.forward(input.clone()).sum().backward();
    let gradient = input.grad(&gradients).unwrap();
    assert!(gradient.abs().sum().into_scalar::<f32>() > 0.0);
}

#[test]
fn values_far_out_saturate_instead_of_overflowing() {
    let device = Device::flex();
    let lstm = BiLstmConfig::new(2, 3).init(&device).unwrap();
    let input = Tensor::<3>::full([1, 5, 2], 1e30, &device);
    let output = lstm.forward(input.clone());
    let expected = lstm.forward_reference(input);
    expected
        .into_data()
        .assert_approx_eq::<f32>(&output.into_data(), Tolerance::rel_abs(1e-5, 1e-6));
}

#[test]
#[should_panic(expected = "reads 12 features per step, the input has 13")]
fn an_input_of_another_width_is_refused() {
    let device = Device::flex();
    let lstm = BiLstmConfig::new(12, 4).init(&device).unwrap();
    lstm.forward(Tensor::zeros([1, 5, 13], &device));
}
