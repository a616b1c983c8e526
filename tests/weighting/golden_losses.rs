//! The raw losses of PyTorch's outputs are PyTorch's losses.
//!
//! The numbers are `f64.losses` of `fixtures/*/expected.json`, produced by these lines of the generator from the
//! outputs and targets that stand in `io.safetensors`:
//!
//! ```python
//! "type": F.cross_entropy(o["type_logits"], y["target_type"]),
//! "ptr": F.huber_loss(o["pointers"], y["target_ptr"], delta=PTR_DELTA),             # 0.08
//! "binary": F.binary_cross_entropy_with_logits(o["binary_logits"], y["target_binary"]),
//! "countdown": F.huber_loss(o["countdown"], y["target_countdown"], delta=CD_DELTA), # 1.0
//! ```

use crate::support;

use equipoise::loss::{Reduction, binary_cross_entropy_with_logits, cross_entropy, huber};
use support::{Case, assert_close, devices, number, tensor};

const REL: f64 = 1e-5;

fn check(name: &'static str) {
    let case = Case::read(name);
    for (backend, device) in devices() {
        let matrix = |key: &str| {
            let table = &case.io[key];
            let rows = table.shape[0];
            tensor(&table.values, [rows, table.values.len() / rows], &device)
        };
        let batch = case.batch(&device);
        let mean = Reduction::Mean;
        let losses = [
            (
                "type",
                cross_entropy(matrix("f64.type_logits"), batch.kinds, None, mean),
            ),
            (
                "ptr",
                huber(matrix("f64.pointers"), batch.pointers, 0.08, None, mean),
            ),
            (
                "binary",
                binary_cross_entropy_with_logits(
                    matrix("f64.binary_logits"),
                    batch.binary,
                    1.0,
                    None,
                    mean,
                ),
            ),
            (
                "countdown",
                huber(matrix("f64.countdown"), batch.countdown, 1.0, None, mean),
            ),
        ];
        for (loss, value) in losses {
            let place = format!("{name} on {backend}, {loss}");
            let expected = case.number(&["losses", loss]);
            assert_close(&place, number(&value), expected, REL, 0.0);
        }
    }
}

#[test]
fn small() {
    check("small");
}

#[test]
fn small_with_a_scalar_countdown() {
    check("small_scalar");
}

#[test]
fn full() {
    check("full");
}

#[test]
fn full_with_a_scalar_countdown() {
    check("full_scalar");
}
