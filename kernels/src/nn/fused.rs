//! The LSTM.

#[path = "../../../src/nn/fused/backward.rs"]
mod backward;
#[path = "../../../src/nn/fused/buffer.rs"]
mod buffer;
#[path = "../../../src/nn/fused/forward.rs"]
mod forward;
#[path = "../../../src/nn/fused/kernel.rs"]
mod kernel;
#[path = "../../../src/nn/fused/layout.rs"]
mod layout;
#[path = "../../../src/nn/fused/matmul.rs"]
mod matmul;
#[path = "../../../src/nn/fused/packing.rs"]
mod packing;
#[path = "../../../src/nn/fused/products.rs"]
mod products;
#[path = "../../../src/nn/fused/tile.rs"]
mod tile;
