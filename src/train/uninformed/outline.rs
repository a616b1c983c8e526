//! Describes the form of a representation over several batches, and builds the sample that replaces all samples.

use burn::tensor::{Device, Tensor};

use crate::model::{OneSample, Shared};

/// The dimensions along which the values of a sample may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The last dimension only.
    Constant,
    /// All dimensions.
    Position,
}

/// The sizes of every part without the samples, the largest over all batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outline(Vec<Vec<usize>>);

impl Outline {
    /// Returns the sizes of one representation; `None` if its first dimension is not the samples.
    pub(super) fn of<S: Shared>(shared: &S, samples: usize) -> Option<Self> {
        let parts = shared.sizes();
        let sampled = |sizes: &Vec<usize>| sizes.first() == Some(&samples);
        let known = !parts.is_empty() && parts.iter().all(sampled);
        known.then(|| Self(parts.iter().map(|sizes| sizes[1..].to_vec()).collect()))
    }

    /// Returns the larger size in every dimension; `None` if the parts do not correspond.
    pub(super) fn joined(self, other: Self) -> Option<Self> {
        let pairs = || self.0.iter().zip(&other.0);
        let alike = self.0.len() == other.0.len() && pairs().all(|(a, b)| a.len() == b.len());
        let longer =
            |(a, b): (&Vec<usize>, &Vec<usize>)| a.iter().zip(b).map(|(a, b)| *a.max(b)).collect();
        alike.then(|| Self(pairs().map(longer).collect()))
    }

    /// Returns whether any part has positions.
    pub(super) fn has_positions(&self) -> bool {
        self.0.iter().any(|sizes| positions(sizes) > 1)
    }

    /// Returns the number of values of a sample.
    pub(super) fn len(&self, form: Form) -> usize {
        self.0.iter().map(|sizes| size(&kept(sizes, form))).sum()
    }

    /// Returns the means over samples and positions, flat: the first guess of a constant sample.
    pub(super) fn means<S: Shared>(&self, shared: &S) -> Vec<f64> {
        let parts = shared.sample_means().into_iter().zip(shared.sizes());
        let mean = |(values, sizes): (Tensor<1>, Vec<usize>)| {
            let last = sizes[1..].last().copied().unwrap_or(1);
            let rows = values.dims()[0] / last.max(1);
            super::parameters::floats(values.reshape([rows, last]).mean_dim(0).reshape([last]))
        };
        parts.flat_map(mean).collect()
    }

    /// Repeats a constant sample at every position.
    pub(super) fn spread(&self, constant: &[f64]) -> Vec<f64> {
        let mut rest = constant;
        let mut values = Vec::with_capacity(self.len(Form::Position));
        for sizes in &self.0 {
            let (part, after) = rest.split_at(size(&kept(sizes, Form::Constant)));
            (0..positions(sizes)).for_each(|_| values.extend_from_slice(part));
            rest = after;
        }
        values
    }

    /// Returns the values as a sample to repeat.
    pub(super) fn sample(&self, values: &[f64], form: Form, device: &Device) -> OneSample {
        let mut rest = values;
        let part = |sizes: &Vec<usize>| {
            let kept = kept(sizes, form);
            let (part, after) = rest.split_at(size(&kept));
            rest = after;
            let part: Vec<f32> = part.iter().map(|value| *value as f32).collect();
            (Tensor::from_floats(part.as_slice(), device), kept)
        };
        OneSample::new(self.0.iter().map(part).collect())
    }

    /// Returns the gradient of a sample from the gradient of the representation that repeats it.
    pub(super) fn gradient<S: Shared>(&self, gradient: &S, form: Form) -> Vec<f64> {
        let parts = gradient.sample_means().into_iter().zip(gradient.sizes());
        let mut sums = Vec::with_capacity(self.len(form));
        for ((means, sizes), whole) in parts.zip(&self.0) {
            let samples = sizes[0] as f64;
            let mut values = super::parameters::floats(means);
            values.iter_mut().for_each(|value| *value *= samples);
            sums.extend(gathered(&values, &sizes[1..], &kept(whole, form)));
        }
        sums
    }
}

/// Returns the sizes of the independent values.
fn kept(sizes: &[usize], form: Form) -> Vec<usize> {
    let mut kept = sizes.to_vec();
    if form == Form::Constant
        && let Some((_, positions)) = kept.split_last_mut()
    {
        positions.fill(1);
    }
    kept
}

/// Sums values into other sizes: a dimension of length 1 takes all places, and places past the end go to the last
/// place.
fn gathered(values: &[f64], sizes: &[usize], kept: &[usize]) -> Vec<f64> {
    if sizes == kept {
        return values.to_vec();
    }
    let mut sums = vec![0.0; size(kept)];
    let mut place = vec![0; sizes.len()];
    for value in values {
        let target = place
            .iter()
            .zip(kept)
            .fold(0, |at, (place, kept)| at * kept + (*place).min(kept - 1));
        sums[target] += value;
        for at in (0..place.len()).rev() {
            place[at] += 1;
            if place[at] < sizes[at] {
                break;
            }
            place[at] = 0;
        }
    }
    sums
}

fn size(sizes: &[usize]) -> usize {
    sizes.iter().product()
}

/// Returns the number of positions of a part: the dimensions between the samples and the last.
fn positions(sizes: &[usize]) -> usize {
    match sizes.split_last() {
        Some((_, positions)) => size(positions),
        None => 1,
    }
}

/// Returns a representation of equal form that is zero everywhere and takes almost no memory.
pub(super) fn hollow<S: Shared>(shared: &S, device: &Device) -> S {
    let part = |sizes: Vec<usize>| (Tensor::zeros([1], device), vec![1; sizes.len() - 1]);
    let parts = shared.sizes().into_iter().map(part).collect();
    shared.repeated(&mut OneSample::new(parts))
}
