//! Generates pairs of overlaid digits and their order, with one small generator of random numbers.
//!
//! The sets of images, the pairs and the order of an epoch depend on seeds alone, so another program can train on
//! identical batches.

use std::path::Path;

use burn::tensor::{Device, Int, Tensor, TensorData};
use equipoise::train::{Batches, DataPass, Source};
use equipoise::{Error, Result};

/// The number of pixels of a canvas, 12 by 12.
pub const PIXELS: usize = 144;
/// The number of pairs per batch.
const BATCH: usize = 64;
/// The smallest number of images, which are split into three sets.
const FEWEST: usize = 30;
/// The numbers of pairs of the training, validation and test data.
const COUNTS: [usize; 3] = [6000, 1000, 2000];

/// The generator SplitMix64, with its state.
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = self.0;
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Draws an integer below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (((self.next() >> 32) * n as u64) >> 32) as usize
    }

    /// Draws a number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 40) as f64 / f64::from(1 << 24)
    }

    pub fn shuffled(&mut self, n: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            let j = self.below(i + 1);
            all.swap(i, j);
        }
        all
    }
}

/// An image of 8 by 8 with values from 0 to 16, and its digit.
pub struct Image {
    digit: i64,
    pixels: Vec<u32>,
}

/// Reads images from a file: a header, then one line per image with its digit, a comma and 64 digits of base 17.
pub fn read(path: &Path) -> Result<Vec<Image>> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
        action: "read",
        path: path.into(),
        source,
    })?;
    let image = |(number, line): (usize, &str)| {
        let refused = || Error::Line {
            path: path.into(),
            line: number as u64 + 1,
            reason: "expected a digit, a comma and 64 digits of base 17".into(),
        };
        let (digit, pixels) = line.split_once(',').ok_or_else(refused)?;
        let digit = digit.parse().ok().filter(|digit| *digit < 10);
        let pixels: Option<Vec<u32>> = pixels.chars().map(|c| c.to_digit(17)).collect();
        let pixels = pixels.filter(|pixels| pixels.len() == 64);
        match (digit, pixels) {
            (Some(digit), Some(pixels)) => Ok(Image { digit, pixels }),
            _ => Err(refused()),
        }
    };
    let images: Vec<Image> = text
        .lines()
        .enumerate()
        .skip(1)
        .map(image)
        .collect::<Result<_>>()?;
    if images.len() < FEWEST {
        let reason = format!(
            "holds {} images, but at least {FEWEST} are needed",
            images.len()
        );
        return Err(Error::File {
            path: path.into(),
            reason,
        });
    }
    Ok(images)
}

/// The seven segments of each digit: top, upper left, upper right, middle, lower left, lower right, bottom.
const SEGMENTS: [[u8; 7]; 10] = [
    [1, 1, 1, 0, 1, 1, 1],
    [0, 0, 1, 0, 0, 1, 0],
    [1, 0, 1, 1, 1, 0, 1],
    [1, 0, 1, 1, 0, 1, 1],
    [0, 1, 1, 1, 0, 1, 0],
    [1, 1, 0, 1, 0, 1, 1],
    [1, 1, 0, 1, 1, 1, 1],
    [1, 0, 1, 0, 0, 1, 0],
    [1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 0, 1, 1],
];

/// Draws images: segments of random strength at a random position, with noise.
pub fn drawn(count: usize) -> Vec<Image> {
    let mut draws = SplitMix64(99);
    (0..count).map(|_| draw(&mut draws)).collect()
}

fn draw(draws: &mut SplitMix64) -> Image {
    let digit = draws.below(10);
    let (top, left) = (draws.below(2), draws.below(4));
    let mut pixels: Vec<u32> = (0..64).map(|_| draws.below(4) as u32).collect();
    let mut mark = |row: usize, column: usize, strength: u32| {
        pixels[(top + row) * 8 + left + column] = strength;
    };
    for (segment, lit) in SEGMENTS[digit].into_iter().enumerate() {
        let strength = 9 + draws.below(8) as u32;
        if lit == 0 {
            continue;
        }
        match segment {
            0 | 3 | 6 => (0..4).for_each(|column| mark(segment, column, strength)),
            1 | 2 => (0..4).for_each(|row| mark(row, 3 * (segment - 1), strength)),
            _ => (3..7).for_each(|row| mark(row, 3 * (segment - 4), strength)),
        }
    }
    let digit = digit as i64;
    Image { digit, pixels }
}

/// The pairs of the training, validation and test data. No image is in more than one of the three.
pub struct Sets {
    pub train: Pairs,
    pub valid: Pairs,
    pub test: Pairs,
}

/// Canvases and their digits.
#[derive(Clone)]
pub struct Pairs {
    canvases: Vec<[f32; PIXELS]>,
    digits: Vec<[i64; 2]>,
}

impl Sets {
    /// Overlays images, with the fraction `share` of the usual number of pairs.
    pub fn new(images: &[Image], share: f64) -> Self {
        let order = SplitMix64(1).shuffled(images.len());
        // 1,797 images are split into 1,100, 297 and 400.
        let (train, rest) = order.split_at(images.len() * 1100 / 1797);
        let (valid, test) = rest.split_at(images.len() * 297 / 1797);
        let pairs = |set: usize, sources: &[usize]| {
            let count = ((COUNTS[set] as f64 * share) as usize).max(BATCH);
            Pairs::new(images, sources, 2 + set as u64, count)
        };
        Self {
            train: pairs(0, train),
            valid: pairs(1, valid),
            test: pairs(2, test),
        }
    }
}

impl Pairs {
    fn new(images: &[Image], sources: &[usize], seed: u64, count: usize) -> Self {
        let mut draws = SplitMix64(seed);
        let mut pairs = Self {
            canvases: Vec::new(),
            digits: Vec::new(),
        };
        for _ in 0..count {
            let both = [0; 2].map(|_| &images[sources[draws.below(sources.len())]]);
            let left = (draws.below(3), draws.below(2));
            let right = (2 + draws.below(3), 3 + draws.below(2));
            let mut canvas = [0f32; PIXELS];
            for (image, (row, column)) in both.into_iter().zip([left, right]) {
                for (i, value) in image.pixels.iter().enumerate() {
                    let at = (row + i / 8) * 12 + column + i % 8;
                    canvas[at] = canvas[at].max(*value as f32 / 16.0);
                }
            }
            pairs.canvases.push(canvas);
            pairs.digits.push(both.map(|image| image.digit));
        }
        pairs
    }

    fn len(&self) -> usize {
        self.canvases.len()
    }

    fn batch(&self, chosen: &[usize], device: &Device) -> Batch {
        let count = chosen.len();
        let canvases: Vec<f32> = chosen.iter().flat_map(|at| self.canvases[*at]).collect();
        let digits = [0, 1].map(|side| {
            let digits: Vec<i64> = chosen.iter().map(|at| self.digits[*at][side]).collect();
            Tensor::from_data(TensorData::new(digits, [count]), device)
        });
        Batch {
            canvases: Tensor::from_data(TensorData::new(canvases, [count, 1, 12, 12]), device),
            digits,
        }
    }
}

/// Canvases, `[batch, 1, 12, 12]`, and the left and the right digits, `[batch]`.
#[derive(Clone, Debug)]
pub struct Batch {
    pub canvases: Tensor<4>,
    pub digits: [Tensor<1, Int>; 2],
}

/// A source of batches. With a seed the pairs are shuffled and an incomplete last batch is left out; without, all pairs
/// come in order.
pub struct InBatches {
    pub pairs: Pairs,
    pub seed: Option<u64>,
}

impl Source<Batch> for InBatches {
    fn samples(&self) -> usize {
        self.pairs.len()
    }

    fn batches(&self) -> usize {
        match self.seed {
            Some(_) => self.pairs.len() / BATCH,
            None => self.pairs.len().div_ceil(BATCH),
        }
    }

    fn pass(&self, pass: DataPass, from: usize, device: &Device) -> Batches<'_, Batch> {
        let order = match self.seed {
            Some(seed) => {
                let seed = 1000 * (seed + 1) + pass.number() as u64 - 1;
                SplitMix64(seed).shuffled(self.pairs.len())
            }
            None => (0..self.pairs.len()).collect(),
        };
        let device = device.clone();
        let batch = move |number: usize| {
            let end = ((number + 1) * BATCH).min(order.len());
            Ok(self.pairs.batch(&order[number * BATCH..end], &device))
        };
        Box::new((from..self.batches()).map(batch))
    }
}
