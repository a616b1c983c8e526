//! A padded batch gives each sequence what it gets alone: states, final states, means and gradients.
#![cfg(feature = "expansion")]

mod support;

use burn::tensor::{Device, Distribution, Tensor};
use equipoise::nn::{BiLstm, BiLstmConfig, Lengths};
use support::{assert_all_close, devices, values};

const LENGTHS: [usize; 4] = [9, 4, 1, 7];
const TIME: usize = 9;
const FEATURES: usize = 3;

fn layer(layers: usize, device: &Device) -> BiLstm {
    device.seed(5);
    let config = BiLstmConfig::new(FEATURES, 6).with_layers(layers);
    config.init(device).unwrap()
}

/// A batch with NaN in the padding, and each sequence alone.
fn batch(device: &Device) -> (Tensor<3>, Vec<Tensor<3>>) {
    let normal = Distribution::Normal(0.0, 1.0);
    let all = Tensor::<3>::random([LENGTHS.len(), TIME, FEATURES], normal, device);
    let alone = LENGTHS.iter().enumerate().map(|(at, length)| {
        let row = all.clone().narrow(0, at, 1);
        row.narrow(1, 0, *length)
    });
    let alone: Vec<Tensor<3>> = alone.collect();
    let padded = alone.iter().map(|sequence| {
        let [_, length, _] = sequence.dims();
        let rest = Tensor::full([1, TIME - length, FEATURES], f64::NAN, device);
        match length {
            TIME => sequence.clone(),
            _ => Tensor::cat(vec![sequence.clone(), rest], 1),
        }
    });
    (Tensor::cat(padded.collect(), 0), alone)
}

#[test]
fn a_padded_sequence_has_the_states_it_has_alone() {
    for (backend, device) in devices() {
        for layers in [1, 2] {
            let lstm = layer(layers, &device);
            let (padded, alone) = batch(&device);
            let lengths = Lengths::new(&LENGTHS, TIME, &device);
            let output = lstm.forward_padded(padded, &lengths);
            let (last, mean) = (lengths.last(output.clone()), lengths.mean(output.clone()));
            for (at, sequence) in alone.into_iter().enumerate() {
                let place = format!("sequence {at}, {layers} layers, {backend}");
                let own = lstm.forward(sequence);
                let [_, length, width] = own.dims();
                let row = output.clone().narrow(0, at, 1);
                let found = values(&row.clone().narrow(1, 0, length));
                assert_all_close(&place, &found, &values(&own), 0.0, 1e-6);
                if length < TIME {
                    let rest = values(&row.narrow(1, length, TIME - length));
                    assert!(rest.iter().all(|value| *value == 0.0), "{place}");
                }
                let forward = own.clone().narrow(1, length - 1, 1).narrow(2, 0, width / 2);
                let backward = own.clone().narrow(1, 0, 1).narrow(2, width / 2, width / 2);
                let ends = values(&Tensor::cat(vec![forward, backward], 2));
                let found = values(&last.clone().narrow(0, at, 1));
                assert_all_close(&format!("{place}, last"), &found, &ends, 0.0, 1e-6);
                let found = values(&mean.clone().narrow(0, at, 1));
                let own = values(&own.mean_dim(1));
                assert_all_close(&format!("{place}, mean"), &found, &own, 0.0, 1e-6);
            }
        }
    }
}

/// The gradients of the sum of squares of all states, at the inputs and at the weights.
#[test]
fn gradients_are_those_of_the_sequences_alone() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        let lstm = layer(2, &device);
        let (padded, alone) = batch(&device);
        let (padded, lengths) = (padded.require_grad(), Lengths::new(&LENGTHS, TIME, &device));
        let loss = lstm.forward_padded(padded.clone(), &lengths).square().sum();
        let gradients = loss.backward();
        let at = |weights: &burn::module::Param<Tensor<2>>, gradients: &_| {
            values(&weights.val().grad(gradients).unwrap())
        };
        let read = |gradients: &burn::tensor::Gradients| {
            let all = (0..2).flat_map(|layer| {
                let (forward, backward) = lstm.weights(layer).unwrap();
                [forward, backward].into_iter().flat_map(|weights| {
                    [
                        at(&weights.weight_ih, gradients),
                        at(&weights.weight_hh, gradients),
                    ]
                })
            });
            all.collect::<Vec<Vec<f64>>>()
        };
        let found = read(&gradients);
        let alone: Vec<Tensor<3>> = alone
            .into_iter()
            .map(|x| x.detach().require_grad())
            .collect();
        let each = alone.iter().map(|x| lstm.forward(x.clone()).square().sum());
        let sum = each.reduce(|sum, next| sum + next).unwrap();
        let own = sum.backward();
        for (found, expected) in found.iter().zip(read(&own)) {
            assert_all_close(backend, found, &expected, 1e-5, 1e-5);
        }
        let at_input = padded.grad(&gradients).unwrap();
        for (at, sequence) in alone.iter().enumerate() {
            let place = format!("input {at} on {backend}");
            let length = LENGTHS[at];
            let row = at_input.clone().narrow(0, at, 1);
            let found = values(&row.clone().narrow(1, 0, length));
            let expected = values(&sequence.grad(&own).unwrap());
            assert_all_close(&place, &found, &expected, 1e-5, 1e-6);
            if length < TIME {
                let rest = values(&row.narrow(1, length, TIME - length));
                assert!(rest.iter().all(|value| *value == 0.0), "{place}: {rest:?}");
            }
        }
    }
}

#[test]
fn without_padding_it_is_the_plain_layer() {
    for (backend, device) in devices() {
        let lstm = layer(1, &device);
        let normal = Distribution::Normal(0.0, 1.0);
        let input = Tensor::<3>::random([3, TIME, FEATURES], normal, &device);
        let lengths = Lengths::new(&[TIME; 3], TIME, &device);
        let found = values(&lstm.forward_padded(input.clone(), &lengths));
        assert_all_close(backend, &found, &values(&lstm.forward(input)), 0.0, 1e-6);
    }
}

#[test]
#[should_panic(expected = "sequence 1 has length 0, but it must be from 1 to the 9 positions")]
fn a_sequence_of_no_length_is_refused() {
    Lengths::new(&[3, 0], TIME, &Device::flex());
}

#[test]
#[should_panic(expected = "the lengths are of another batch")]
fn lengths_of_another_batch_are_refused() {
    let device = Device::flex();
    let lengths = Lengths::new(&[3, 2], 3, &device);
    layer(1, &device).forward_padded(Tensor::zeros([3, 3, FEATURES], &device), &lengths);
}
