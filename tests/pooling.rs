//! Attention pooling by what it must agree with: without anything to attend to it is the mean over time.
#![cfg(feature = "expansion")]

mod support;

use std::collections::BTreeMap;

use burn::module::Module;
use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::model::{ExpansionModel, ExpansionModelConfig, Pooling};
use support::{
    Noise, assert_all_close, change_parameters, devices, parameters, quiet, tensor, values,
};

const WINDOW: usize = 15;
const HIDDEN: usize = 8;
const PROJECTION: usize = 6;

fn config(pooling: Pooling, countdown: CountdownForm) -> ExpansionModelConfig {
    ExpansionModelConfig {
        window: WINDOW,
        features: 5,
        hidden: HIDDEN,
        projection: PROJECTION,
        pooling,
        countdown,
        ..quiet()
    }
}

fn outputs(model: &ExpansionModel, noise: u64) -> Vec<Vec<f64>> {
    let (_, device) = devices().remove(0);
    let input = tensor(
        &Noise::new(noise).many(3 * WINDOW * 5),
        [3, WINDOW, 5],
        &device,
    );
    let output = model.forward(input);
    let all = [
        output.kinds,
        output.pointers,
        output.binary,
        output.countdown,
    ];
    all.iter().map(values).collect()
}

/// `[inputs, outputs]` row by row, as Burn keeps a linear layer's weight.
fn rows(table: &[f64], from: usize, to: usize) -> &[f64] {
    &table[from * PROJECTION..to * PROJECTION]
}

/// With logits that are all the same, the weighted mean is the mean and its place is the middle. The projection's rows
/// for them can then be added to those of the mean and to the bias.
#[test]
fn without_a_preference_it_is_the_mean() {
    let (_, device) = devices().remove(0);
    for form in [CountdownForm::PerBar, CountdownForm::Scalar] {
        let attentive = config(Pooling::Attention, form).init(&device).unwrap();
        let attentive = change_parameters(attentive, &mut |path, table| match path {
            "attention.weight" => vec![0.0; table.values.len()],
            _ => table.values.clone(),
        });
        let own: BTreeMap<_, _> = parameters(&attentive);
        let weight = &own["projection.weight"].values;
        let width = 2 * HIDDEN;
        assert_eq!(weight.len(), (2 * width + 1) * PROJECTION);
        let middle = (WINDOW as f64 - 1.0) / 2.0 / WINDOW as f64;
        let plain = config(Pooling::Mean, form).init(&device).unwrap();
        let plain = change_parameters(plain, &mut |path, _| match path {
            "projection.weight" => {
                let parts = rows(weight, 0, width)
                    .iter()
                    .zip(rows(weight, width, 2 * width));
                parts.map(|(a, b)| a + b).collect()
            }
            "projection.bias" => {
                let place = rows(weight, 2 * width, 2 * width + 1);
                let bias = own["projection.bias"].values.iter().zip(place);
                bias.map(|(bias, place)| bias + middle * place).collect()
            }
            _ => own[path].values.clone(),
        });
        for (found, expected) in outputs(&attentive, 3).iter().zip(&outputs(&plain, 3)) {
            assert_all_close("output", found, expected, 1e-5, 1e-6);
        }
    }
}

/// A bar that is attended to with all weight decides alone; the mask and the countdown do not change.
#[test]
fn a_preference_changes_what_is_pooled_and_nothing_else() {
    let (_, device) = devices().remove(0);
    let flat = config(Pooling::Attention, CountdownForm::PerBar)
        .init(&device)
        .unwrap();
    let sharp = change_parameters(flat.clone(), &mut |path, table| match path {
        "attention.weight" => table.values.iter().map(|value| 50.0 * value).collect(),
        _ => table.values.clone(),
    });
    let (flat, sharp) = (outputs(&flat, 4), outputs(&sharp, 4));
    assert_ne!(flat[0], sharp[0]);
    assert_ne!(flat[1], sharp[1]);
    assert_eq!(flat[2..], sharp[2..]);
}

/// A checkpoint of the plain network has no attention, and none is made up for it.
#[test]
fn the_plain_network_has_the_parameters_it_had() {
    let (_, device) = devices().remove(0);
    let names = |pooling| -> Vec<String> {
        let model = config(pooling, CountdownForm::PerBar)
            .init(&device)
            .unwrap();
        parameters(&model).into_keys().collect()
    };
    let plain = names(Pooling::Mean);
    let added: Vec<String> = names(Pooling::Attention)
        .into_iter()
        .filter(|name| !plain.contains(name))
        .collect();
    assert_eq!(added, ["attention.weight"]);
    let model = ExpansionModelConfig::default().init(&device).unwrap();
    assert_eq!(model.num_params() + 4, 97_547);
}
