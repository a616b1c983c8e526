//! With PyTorch's parameters, the expansion model has PyTorch's outputs, losses and gradients.
//!
//! The numbers are the `f64` values in `fixtures/{small,small_scalar,full,full_scalar}`, produced by these lines of the
//! generator (dropouts are the identity; losses as in `golden_losses.rs`):
//!
//! ```python
//! h, (hn, cn) = self.lstm(x)                                       # nn.LSTM(bidirectional=True, batch_first=True)
//! feat = self.projection(h.mean(dim=1))                            # Sequential(Linear, ReLU)
//! cd = self.expansion_countdown_head(feat if self.scalar else h).squeeze(-1)
//! "type_logits": self.classifier(feat), "pointers": torch.sigmoid(self.pointer_head(feat)),
//! "binary_logits": self.expansion_binary_head(h).squeeze(-1), "countdown": cd
//! for k, v in list(L.items()) + [("uncertainty_total", tot)]:
//!     q = torch.autograd.grad(v, list(ps.values()) + [o["lstm_out"]], retain_graph=True, allow_unused=True)
//!     norm[n] = gv.norm().item()
//!     gr[f"{tag}.{k}.{n}"] = gv
//! ```
#![cfg(feature = "expansion")]

mod support;

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use equipoise::expansion::model::{ExpansionBatch, ExpansionModel};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::weighting::{BuiltIn, Strategy, Uncertainty};
use support::{
    Case, Table, assert_all_close, assert_close, devices, gradients, number, of_tasks, tables,
    torch_name, transposed, values,
};

const VALUE_REL: f64 = 1e-5;
const VALUE_ABS: f64 = 1e-6;
const GRADIENT_REL: f64 = 1e-4;
const GRADIENT_ABS: f64 = 1e-6;

/// The losses of the fixture in the order of the model's tasks, and the objective over them.
const LOSSES: [&str; 5] = ["type", "ptr", "binary", "countdown", "uncertainty_total"];

/// All four heads read one representation.
fn together(representation: Tensor<3>) -> Branches<Tensor<3>> {
    Branches::together(representation, 4)
}

fn check_outputs(case: &Case, backend: &str, device: &Device) {
    let model = case.model(device);
    let batch = case.batch(device);
    let representation = model.encode(batch.features.clone());
    let compare = |key: &str, found: Vec<f64>| {
        let expected = &case.io[&format!("f64.{key}")].values;
        let place = format!("{} on {backend}, {key}", case.name);
        assert_all_close(&place, &found, expected, VALUE_REL, VALUE_ABS);
    };
    if case.io.contains_key("f64.lstm_out") {
        compare("lstm_out", values(&representation));
    }
    compare("pooled", values(&representation.clone().mean_dim(1)));
    let output = model.heads(representation.clone());
    compare("type_logits", values(&output.kinds));
    compare("pointers", values(&output.pointers));
    compare("binary_logits", values(&output.binary));
    compare("countdown", values(&output.countdown));
    let losses = values(&model.task_losses(together(representation), &batch).values());
    for (loss, found) in LOSSES.iter().zip(losses) {
        let place = format!("{} on {backend}, loss {loss}", case.name);
        let expected = case.number(&["losses", loss]);
        assert_close(&place, found, expected, VALUE_REL, 0.0);
    }
}

/// The gradient of one loss at every parameter, under PyTorch's names, and at the representation.
fn gradients_of(case: &Case, loss: usize, device: &Device) -> BTreeMap<String, Table> {
    let device = device.clone().autodiff();
    let (model, batch) = (case.model(&device), case.batch(&device));
    let tasks = model.tasks().clone();
    let weighting = Uncertainty::default()
        .with_log_sigma([("pointers", -0.30)])
        .init(&tasks, &device)
        .unwrap();
    let backward =
        differentiated(&model, &weighting, model.represent(&batch), &batch, loss).backward();
    let mut found: BTreeMap<String, Table> = gradients(&model, &backward)
        .into_iter()
        .map(|(path, table)| as_torch(&path, table))
        .collect();
    if loss == 4 {
        let total = of_tasks(&gradients(&weighting, &backward), "log_sigma", &tasks);
        for (name, value) in LOSSES.iter().zip(total) {
            let table = Table {
                shape: vec![],
                values: vec![value],
            };
            found.insert(format!("log_sigma_{name}"), table);
        }
    }
    // A tensor inside a graph keeps no gradient, so what arrives at the representation is taken at a leaf.
    let leaf = model.represent(&batch).detach().require_grad();
    let backward = differentiated(&model, &weighting, leaf.clone(), &batch, loss).backward();
    let gradient = leaf.grad(&backward).unwrap();
    let table = Table {
        shape: gradient.dims().to_vec(),
        values: values(&gradient),
    };
    found.insert("lstm_out".into(), table);
    found
}

fn differentiated(
    model: &ExpansionModel,
    weighting: &Strategy,
    representation: Tensor<3>,
    batch: &ExpansionBatch,
    loss: usize,
) -> Tensor<1> {
    let losses = model.task_losses(together(representation), batch);
    match loss {
        4 => weighting.weigh(&losses).total,
        task => losses.values().narrow(0, task, 1),
    }
}

fn as_torch(path: &str, table: Table) -> (String, Table) {
    let (name, transpose) = torch_name(path);
    if !transpose {
        return (name, table);
    }
    let [rows, columns] = table.shape[..] else {
        panic!("{name} is no matrix")
    };
    let table = Table {
        shape: vec![columns, rows],
        values: transposed(&table.values, rows, columns),
    };
    (name, table)
}

fn check_total(case: &Case, backend: &str, device: &Device) {
    let (model, batch) = (case.model(device), case.batch(device));
    let weighting = Uncertainty::default()
        .with_log_sigma([("pointers", -0.30)])
        .init(model.tasks(), device)
        .unwrap();
    let losses = model.task_losses(together(model.represent(&batch)), &batch);
    let total = number(&weighting.weigh(&losses).total);
    let expected = case.number(&["uncertainty_total"]);
    let place = format!("{} on {backend}, uncertainty total", case.name);
    assert_close(&place, total, expected, VALUE_REL, 0.0);
}

/// Every value of every gradient.
fn check_gradients(case: &Case, backend: &str, device: &Device) {
    let expected = tables(&format!("{}/gradients.safetensors", case.name));
    let mut compared = 0;
    for (index, loss) in LOSSES.iter().enumerate() {
        for (name, found) in gradients_of(case, index, device) {
            let key = format!("f64.{loss}.{name}");
            let table = &expected[&key];
            assert_eq!(found.shape, table.shape, "{key}");
            let place = format!("{} on {backend}, {key}", case.name);
            let (rel, abs) = (GRADIENT_REL, GRADIENT_ABS);
            assert_all_close(&place, &found.values, &table.values, rel, abs);
            compared += 1;
        }
    }
    let stored = expected
        .keys()
        .filter(|key| key.starts_with("f64."))
        .count();
    assert_eq!(compared, stored, "every stored gradient has been compared");
}

/// The norms of the gradients, where the gradients themselves are too large to keep.
fn check_norms(case: &Case, backend: &str, device: &Device) {
    for (index, loss) in LOSSES.iter().enumerate() {
        let found = gradients_of(case, index, device);
        let expected = case.expected["f64"]["gradient_l2_norms"][loss]
            .as_object()
            .unwrap();
        assert_eq!(found.len(), expected.len(), "{loss}");
        for (name, table) in found {
            let norm = table.values.iter().map(|v| v * v).sum::<f64>().sqrt();
            let place = format!("{} on {backend}, d {loss} / d {name}", case.name);
            let expected = expected[&name].as_f64().unwrap();
            assert_close(&place, norm, expected, GRADIENT_REL, GRADIENT_ABS);
        }
    }
}

fn check_values(name: &'static str) {
    let case = Case::read(name);
    for (backend, device) in devices() {
        check_outputs(&case, backend, &device);
        check_total(&case, backend, &device);
    }
}

#[test]
fn small_outputs_and_losses() {
    check_values("small");
}

#[test]
fn small_scalar_outputs_and_losses() {
    check_values("small_scalar");
}

#[test]
fn full_outputs_and_losses() {
    check_values("full");
}

#[test]
fn full_scalar_outputs_and_losses() {
    check_values("full_scalar");
}

#[test]
fn small_gradients() {
    let case = Case::read("small");
    for (backend, device) in devices() {
        check_gradients(&case, backend, &device);
    }
}

#[test]
fn small_scalar_gradients() {
    let case = Case::read("small_scalar");
    for (backend, device) in devices() {
        check_gradients(&case, backend, &device);
    }
}

#[test]
fn full_gradient_norms() {
    let case = Case::read("full");
    for (backend, device) in devices() {
        check_norms(&case, backend, &device);
    }
}

#[test]
fn full_scalar_gradient_norms() {
    let case = Case::read("full_scalar");
    for (backend, device) in devices() {
        check_norms(&case, backend, &device);
    }
}

/// The kernels for GPUs; a software driver serves. `lstm.rs` has more than one layer.
#[cfg(feature = "wgpu")]
#[test]
fn small_models_on_wgpu() {
    let device = Device::wgpu(burn::tensor::DeviceKind::DefaultDevice);
    for name in ["small", "small_scalar"] {
        let case = Case::read(name);
        check_outputs(&case, "wgpu", &device);
        check_total(&case, "wgpu", &device);
        check_gradients(&case, "wgpu", &device);
    }
}
