//! Brings the weights of a PyTorch model into a Burn model of your own, and takes them back.
//!
//! The model in PyTorch, saved with `torch.save(model.state_dict(), "network.pt")`:
//!
//! ```python
//! class Network(nn.Module):
//!     def __init__(self):
//!         super().__init__()
//!         self.encoder = nn.LSTM(4, 16, batch_first=True, bidirectional=True)
//!         self.norm = nn.LayerNorm(32)
//!         self.kind = nn.Sequential(nn.Dropout(0.2), nn.Linear(32, 3))
//!         self.size = nn.Linear(32, 1)
//! ```
//!
//! ```text
//! cargo run --release --features pytorch --example 11_pytorch_own_model -- network.pt
//! ```
//!
//! Without a file, the program first writes one with random weights.

use std::path::PathBuf;

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor};
use equipoise::nn::{BiLstm, BiLstmConfig};
use equipoise::pytorch::{self, NameTable};

#[derive(Module, Debug)]
struct Network {
    trunk: BiLstm,
    norm: LayerNorm,
    heads: [Linear; 2],
}

impl Network {
    fn new(device: &Device) -> Result<Self, equipoise::Error> {
        let head = |outputs| LinearConfig::new(32, outputs).init(device);
        Ok(Self {
            trunk: BiLstmConfig::new(4, 16).init(device)?,
            norm: LayerNormConfig::new(32).init(device),
            heads: [head(3), head(1)],
        })
    }

    fn forward(&self, input: Tensor<3>) -> [Tensor<3>; 2] {
        let shared = self.norm.forward(self.trunk.forward(input));
        [0, 1].map(|head: usize| self.heads[head].forward(shared.clone()))
    }
}

fn main() -> Result<(), equipoise::Error> {
    let device = Device::flex();
    // The norm has the same name in both.
    let names = NameTable::new()
        .with("trunk", "encoder")
        .with("heads.0", "kind.1")
        .with("heads.1", "size");

    let file = match std::env::args().nth(1) {
        Some(file) => PathBuf::from(file),
        None => {
            let file = std::env::temp_dir().join("own_model.safetensors");
            pytorch::save(&Network::new(&device)?, &file, &names)?;
            file
        }
    };
    let loaded = pytorch::load(Network::new(&device)?, &file, &names)?;
    println!(
        "{} parameters from {}",
        loaded.module.num_params(),
        file.display()
    );
    for note in &loaded.notes {
        println!("note: {note}");
    }

    let input = Tensor::random([2, 10, 4], Distribution::Default, &device);
    let [kind, size] = loaded.module.forward(input);
    println!("kind {:?}, size {:?}", kind.dims(), size.dims());

    // After further training, back to PyTorch: load_state_dict(safetensors.torch.load_file("back.safetensors")).
    let back = file.with_file_name("back.safetensors");
    pytorch::save(&loaded.module, &back, &names)?;
    println!("written: {}", back.display());
    Ok(())
}
