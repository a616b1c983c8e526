//! Where PyTorch is installed, it takes our files with `strict=True` and computes the same.

use std::path::Path;
use std::process::Command;

use equipoise::expansion::pytorch::{Generation, PytorchCheckpoint, PytorchExport};

use crate::Scene;
use crate::support::{assert_all_close, devices, fixture, tables, tensor, values};

/// The original network as far as its parameters go, and a reader of safetensors in six lines.
const PROGRAM: &str = r#"
import json, sys
import torch
from torch import nn

class Network(nn.Module):
    def __init__(self, features, span):
        super().__init__()
        for name in ["ptr", "type", "binary", "countdown"]:
            setattr(self, "log_sigma_" + name, nn.Parameter(torch.zeros(())))
        self.lstm = nn.LSTM(features, 96, batch_first=True, bidirectional=True)
        self.projection = nn.Sequential(nn.Linear(192, 64), nn.ReLU())
        self.classifier = nn.Sequential(nn.Dropout(0.6), nn.Linear(64, 3))
        self.pointer_head = nn.Sequential(nn.Dropout(0.6), nn.Linear(64, 2))
        self.expansion_binary_head = nn.Sequential(nn.Dropout(0.6), nn.Linear(192, 1))
        self.expansion_countdown_head = nn.Sequential(nn.Dropout(0.6), nn.Linear(192, 1))
        if span:
            self.expansion_span_emission = self.expansion_binary_head
            self.log_sigma_span = self.log_sigma_binary

    def forward(self, x):
        h, _ = self.lstm(x)
        features = self.projection(h.mean(dim=1))
        return [
            self.classifier(features),
            torch.sigmoid(self.pointer_head(features)),
            self.expansion_binary_head(h),
            self.expansion_countdown_head(h),
        ]

def load(path):
    data = bytearray(open(path, "rb").read())
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    assert header.pop("__metadata__")["format"] == "pt"
    place = lambda e: dict(offset=8 + size + e["data_offsets"][0], count=(e["data_offsets"][1] - e["data_offsets"][0]) // 4)
    return {k: torch.frombuffer(data, dtype=torch.float32, **place(e)).reshape(e["shape"]) for k, e in header.items()}

path, features, span, source, out = sys.argv[1:]
network = Network(int(features), span == "span").eval()
network.load_state_dict(load(path), strict=True)
theirs = torch.load(source, weights_only=True)
theirs = theirs.get("model_state_dict", theirs)
assert all(torch.equal(value, theirs[name]) for name, value in network.state_dict().items())
x = torch.linspace(-1, 1, 2 * 105 * int(features)).reshape(2, 105, int(features))
with torch.no_grad():
    json.dump([y.flatten().tolist() for y in network(x)], open(out, "w"))
# And back: what it saves is read again.
torch.save({"epoch": 1, "model_state_dict": network.state_dict()}, out + ".pt")
"#;

/// A Python with PyTorch, if there is one.
fn python() -> Option<String> {
    let python = std::env::var("EQUIPOISE_PYTHON").unwrap_or("python3".into());
    let found = Command::new(&python).args(["-c", "import torch"]).output();
    found
        .is_ok_and(|output| output.status.success())
        .then_some(python)
}

fn check(python: &str, name: &str, generation: Generation) {
    let source = fixture(&format!("checkpoints/{name}.pt"));
    let checkpoint = PytorchCheckpoint::read(&source).unwrap();
    let features = checkpoint.config().features;
    let device = &devices()[0].1;
    let model = checkpoint.model(device).unwrap();
    let scene = Scene::new("net.safetensors");
    let out = scene.folder.path().join("out.json");
    let export = PytorchExport::new(&model).unwrap();
    let export = export.with_log_sigma(checkpoint.log_sigma().unwrap());
    export
        .with_generation(generation)
        .write(scene.path())
        .unwrap();
    let span = if generation == Generation::Span {
        "span"
    } else {
        "binary"
    };
    let text = |path: &Path| path.display().to_string();
    let finished = Command::new(python)
        .args([
            "-c",
            PROGRAM,
            &text(&scene.path()),
            &features.to_string(),
            span,
        ])
        .args([text(&source), text(&out)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&finished.stderr);
    assert!(finished.status.success(), "{name}: {said}");

    let theirs: Vec<Vec<f64>> = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    let count = 2 * 105 * features;
    let step = 2.0 / (count - 1) as f64;
    let input: Vec<f64> = (0..count).map(|i| -1.0 + step * i as f64).collect();
    let ours = model.forward(tensor(&input, [2, 105, features], device));
    let ours = [ours.kinds, ours.pointers, ours.binary, ours.countdown];
    for (head, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        let place = format!("{name}, head {head}");
        assert_all_close(&place, &values(ours), theirs, 1e-5, 1e-5);
    }
    let back = PytorchCheckpoint::read(scene.folder.path().join("out.json.pt")).unwrap();
    assert_eq!(back.generation(), generation);
    assert_eq!(back.log_sigma(), checkpoint.log_sigma());
}

#[test]
fn pytorch_takes_our_files_and_computes_the_same() {
    let Some(python) = python() else {
        println!(
            "skipped: no PyTorch in python3 or EQUIPOISE_PYTHON; the recorded outputs are compared elsewhere"
        );
        return;
    };
    check(&python, "compact_raw", Generation::Binary);
    check(&python, "compact_training", Generation::Span);
    assert!(tables("checkpoints/compact_raw.expected.safetensors").contains_key("input"));
}
