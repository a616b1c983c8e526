//! Models of any form from PyTorch's files and back: the layout of every layer against values by PyTorch or by hand,
//! the table of names, and errors that name what is missing, surplus and of another shape.
//!
//! `fixtures/lstm.json` holds values of `torch.nn.LSTM`; the program is in `lstm.rs`. The other expected values follow
//! from the formulas in PyTorch's documentation, computed here in double precision.

#![cfg(all(feature = "expansion", feature = "pytorch"))]

#[path = "../support/mod.rs"]
mod support;

mod layers;
mod names;
mod recurrent;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use burn::tensor::Device;
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

use support::{Noise, Table, devices};

type Tables = BTreeMap<String, Table>;

/// A folder with one file of tensors.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("net.safetensors")
    }

    /// Writes these tensors.
    fn with(tables: &Tables) -> Self {
        let scene = Self::new();
        let bytes: Vec<Vec<u8>> = (tables.values())
            .map(|table| {
                let values = table.values.iter();
                values.flat_map(|v| (*v as f32).to_le_bytes()).collect()
            })
            .collect();
        let views = tables.iter().zip(&bytes).map(|((name, table), bytes)| {
            let view = TensorView::new(Dtype::F32, table.shape.clone(), bytes);
            (name, view.unwrap())
        });
        let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
        let file = serialize(views.collect::<Vec<_>>(), Some(metadata)).unwrap();
        std::fs::write(scene.path(), file).unwrap();
        scene
    }
}

/// Tensors with numbers that look random.
fn drawn(shapes: &[(&str, &[usize])], seed: u64) -> Tables {
    let mut noise = Noise::new(seed);
    let draw = |(name, shape): &(&str, &[usize])| {
        let values = noise.many(shape.iter().product());
        let values = values.into_iter().map(|v| f64::from(v as f32)).collect();
        let shape = shape.to_vec();
        (name.to_string(), Table { shape, values })
    };
    shapes.iter().map(draw).collect()
}

fn floats(value: &serde_json::Value) -> Vec<f64> {
    let all = value.as_array().unwrap().iter();
    all.map(|value| value.as_f64().unwrap()).collect()
}

fn device() -> Device {
    devices()[0].1.clone()
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// `row(weights, r) . vector`.
fn product(weights: &Table, row: usize, vector: &[f64]) -> f64 {
    let width = weights.shape[1];
    let row = &weights.values[row * width..][..width];
    row.iter().zip(vector).map(|(a, b)| a * b).sum()
}
