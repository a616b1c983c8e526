//! Networks of any size with parameters that look random, as a `.pt` and as a `.safetensors` file.

use std::collections::{BTreeMap, HashMap};

use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::model::ExpansionModelConfig;
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

use crate::support::{Noise, Table, quiet};
use crate::writer::TorchFile;

/// Tensors by name, with numbers that single precision holds exactly.
pub type Tables = BTreeMap<String, Table>;

/// The smallest network there is: 33 numbers in 18 tensors of the trunk and the heads, and four log sigmas.
pub fn smallest() -> ExpansionModelConfig {
    ExpansionModelConfig {
        features: 1,
        hidden: 1,
        projection: 1,
        ..quiet()
    }
}

/// Every tensor of the original network of these sizes, as its `state_dict()` lists them.
pub fn tables(config: &ExpansionModelConfig, seed: u64) -> Tables {
    let (hidden, width) = (config.hidden, 2 * config.hidden);
    let mut shapes = vec![
        ("log_sigma_ptr".to_string(), vec![]),
        ("log_sigma_type".to_string(), vec![]),
        ("log_sigma_binary".to_string(), vec![]),
        ("log_sigma_countdown".to_string(), vec![]),
    ];
    for layer in 0..config.layers {
        let input = if layer == 0 { config.features } else { width };
        for suffix in [format!("l{layer}"), format!("l{layer}_reverse")] {
            shapes.push((format!("lstm.weight_ih_{suffix}"), vec![4 * hidden, input]));
            shapes.push((format!("lstm.weight_hh_{suffix}"), vec![4 * hidden, hidden]));
            shapes.push((format!("lstm.bias_ih_{suffix}"), vec![4 * hidden]));
            shapes.push((format!("lstm.bias_hh_{suffix}"), vec![4 * hidden]));
        }
    }
    let countdown = match config.countdown {
        CountdownForm::PerBar => width,
        CountdownForm::Scalar => config.projection,
    };
    for (module, outputs, inputs) in [
        ("projection.0", config.projection, width),
        ("classifier.1", 3, config.projection),
        ("pointer_head.1", 2, config.projection),
        ("expansion_binary_head.1", 1, width),
        ("expansion_countdown_head.1", 1, countdown),
    ] {
        shapes.push((format!("{module}.weight"), vec![outputs, inputs]));
        shapes.push((format!("{module}.bias"), vec![outputs]));
    }
    let mut noise = Noise::new(seed);
    let draw = |(name, shape): (String, Vec<usize>)| {
        let count = shape.iter().product();
        let values = noise.many(count).into_iter();
        let values = values.map(|v| f64::from(0.3 * v as f32)).collect();
        (name, Table { shape, values })
    };
    shapes.into_iter().map(draw).collect()
}

/// The numbers of a table in single precision.
pub fn floats(table: &Table) -> Vec<u8> {
    let values = table.values.iter();
    values.flat_map(|v| (*v as f32).to_le_bytes()).collect()
}

pub fn torch_file(tables: &Tables) -> TorchFile {
    let mut file = TorchFile::default();
    for (name, table) in tables {
        file.add(name, &table.shape, "FloatStorage", floats(table));
    }
    file
}

pub fn safetensors_file(tables: &Tables) -> Vec<u8> {
    let bytes: Vec<_> = tables.values().map(floats).collect();
    let views = tables.iter().zip(&bytes).map(|((name, table), bytes)| {
        let view = TensorView::new(Dtype::F32, table.shape.clone(), bytes).unwrap();
        (name, view)
    });
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    serialize(views.collect::<Vec<_>>(), Some(metadata)).unwrap()
}
