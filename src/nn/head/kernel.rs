//! The kernels of a head: the product of every row with the weights, and the backward pass.

use burn_cubecl::cubecl::{self, prelude::*};

/// Units that share a row.
const LANES: u32 = 32;

/// Rows of a cube.
pub(super) const ROWS: u32 = 8;

/// Units of a cube.
pub(super) const UNITS: u32 = LANES * ROWS;

/// Bytes of shared memory of a cube.
pub(super) const SHARED: usize = UNITS as usize * 4;

/// Columns of a cube in the backward pass.
pub(super) const COLUMNS: u32 = 64;

/// Returns whether the element at a position is kept: a mixer of 32-bit integers with good avalanche (C. Wellons,
/// *Prospecting for Hash Functions*, 2018) on the position and one half of the seed. The other half is mixed in between
/// the rounds. The function is the same as on the CPU.
#[cube]
fn keeps(position: u32, first: u32, second: u32, threshold: u32) -> bool {
    let mut x = position ^ first;
    x ^= x >> 16u32;
    x = (x * 0x7feb_352du32) ^ second;
    x ^= x >> 15u32;
    x *= 0x846c_a68bu32;
    (x ^ (x >> 16u32)) >= threshold
}

/// Returns one half of a head's seed, from a number that was drawn uniformly from [0, 1).
#[cube]
fn bits(drawn: f32) -> u32 {
    u32::cast_from(drawn * 16_777_216.0f32)
}

/// Computes one output for each row of `[rows, width]`.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn head_forward(
    input: &Tensor<f32>,
    weight: &Tensor<f32>,
    bias: ComptimeOption<&Tensor<f32>>,
    seeds: ComptimeOption<&Tensor<f32>>,
    output: &mut Tensor<f32>,
    rows: usize,
    width: usize,
    seed: usize,
    threshold: u32,
    scale: f32,
) {
    let lane = UNIT_POS_X as usize;
    let within = UNIT_POS_Y as usize;
    let row = CUBE_POS_X as usize * comptime!(ROWS as usize) + within;
    let lanes = comptime!(LANES as usize);
    let mut shared = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let mut sum = 0.0f32;
    if row < rows {
        let base = row * width;
        #[comptime]
        match &seeds {
            ComptimeOption::Some(seeds) => {
                let (first, second) = (bits(seeds[2 * seed]), bits(seeds[2 * seed + 1]));
                let mut at = lane;
                while at < width {
                    if keeps((base + at) as u32, first, second, threshold) {
                        sum += input[base + at] * weight[at];
                    }
                    at += lanes;
                }
                sum *= scale;
            }
            ComptimeOption::None => {
                let mut at = lane;
                while at < width {
                    sum += input[base + at] * weight[at];
                    at += lanes;
                }
            }
        }
    }
    let own = within * lanes + lane;
    shared[own] = sum;
    sync_cube();
    #[unroll]
    for halving in 1..=comptime!(LANES.trailing_zeros()) {
        let half = comptime!((LANES >> halving) as usize);
        if lane < half {
            let other = shared[own + half];
            shared[own] += other;
        }
        sync_cube();
    }
    if lane == 0 && row < rows {
        let mut found = shared[own];
        #[comptime]
        if let ComptimeOption::Some(bias) = &bias {
            found += bias[0];
        }
        output[row] = found;
    }
}

/// Computes the gradient of the input and, for every chunk of rows, its share of the gradient of the weights and, at
/// `aside`, of the bias, `[chunks, aside + 1]`. A unit iterates over the rows of a chunk at one column.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn head_backward(
    input: &Tensor<f32>,
    gradient: &Tensor<f32>,
    weight: &Tensor<f32>,
    seeds: ComptimeOption<&Tensor<f32>>,
    mut to_input: ComptimeOption<&mut Tensor<f32>>,
    partial: &mut Tensor<f32>,
    rows: usize,
    width: usize,
    chunk: usize,
    aside: usize,
    seed: usize,
    threshold: u32,
    scale: f32,
) {
    let column = CUBE_POS_X as usize * comptime!(COLUMNS as usize) + UNIT_POS_X as usize;
    let number = CUBE_POS_Y as usize;
    let start = number * chunk;
    let end = min(start + chunk, rows);
    if column < width {
        let own = weight[column];
        let mut sum = 0.0f32;
        #[comptime]
        match &seeds {
            ComptimeOption::Some(seeds) => {
                let (first, second) = (bits(seeds[2 * seed]), bits(seeds[2 * seed + 1]));
                for row in start..end {
                    let at = row * width + column;
                    let mut slope = 0.0f32;
                    if keeps(at as u32, first, second, threshold) {
                        slope = gradient[row] * scale;
                        sum += slope * input[at];
                    }
                    #[comptime]
                    if let ComptimeOption::Some(to_input) = &mut to_input {
                        to_input[at] = slope * own;
                    }
                }
            }
            ComptimeOption::None => {
                for row in start..end {
                    let at = row * width + column;
                    let slope = gradient[row];
                    sum += slope * input[at];
                    #[comptime]
                    if let ComptimeOption::Some(to_input) = &mut to_input {
                        to_input[at] = slope * own;
                    }
                }
            }
        }
        partial[number * (aside + 1) + column] = sum;
    } else if column == width {
        let mut sum = 0.0f32;
        for row in start..end {
            sum += gradient[row];
        }
        partial[number * (aside + 1) + aside] = sum;
    }
}
