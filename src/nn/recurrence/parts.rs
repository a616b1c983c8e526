//! Runs a layer in as many calls as its buffers require, usually one.

use burn::tensor::Tensor;

use super::fit::Fit;
use super::{Call, Directions, Work};
use crate::nn::layer::{Ends, Layer, Stack};

/// Computes one layer of the stack, and its final states if `ends`.
pub(crate) fn forward(
    stack: &Stack<'_>,
    layer: Layer<'_>,
    input: Tensor<3>,
    begin: Option<Ends>,
    ends: bool,
    fit: Fit,
) -> (Tensor<3>, Option<Ends>) {
    let (input, counts) = match stack.lengths {
        None => (input, None),
        // The weight gradients are products over all positions, and the padding may hold NaN.
        Some(lengths) => {
            let counts = lengths.counts(&input.device());
            (lengths.fill(input, 0.0), Some(counts))
        }
    };
    let parts = Parts {
        layer,
        batch_first: stack.batch_first,
        ends,
        fit,
    };
    let work = Work {
        input,
        begin,
        counts,
    };
    parts.over_batch(work)
}

struct Parts<'a> {
    layer: Layer<'a>,
    batch_first: bool,
    ends: bool,
    fit: Fit,
}

impl<'a> Parts<'a> {
    fn over_batch(&self, work: Work) -> (Tensor<3>, Option<Ends>) {
        let at = usize::from(!self.batch_first);
        let batch = work.input.dims()[at];
        if batch <= self.fit.batch {
            return self.over_time(work);
        }
        let starts = (0..batch).step_by(self.fit.batch);
        let parts = starts.map(|start| {
            let count = self.fit.batch.min(batch - start);
            self.over_time(Work {
                input: work.input.clone().narrow(at, start, count),
                begin: work
                    .begin
                    .clone()
                    .map(|begin| begin.narrow(2, start, count)),
                counts: work
                    .counts
                    .clone()
                    .map(|counts| counts.narrow(0, start, count)),
            })
        });
        let (outputs, ends): (Vec<_>, Vec<_>) = parts.unzip();
        (Tensor::cat(outputs, at), join(ends, 2))
    }

    fn over_time(&self, work: Work) -> (Tensor<3>, Option<Ends>) {
        let time = work.input.dims()[usize::from(self.batch_first)];
        if time <= self.fit.time {
            return self.call(Directions::All, self.ends).run(work);
        }
        let directions = match self.layer.backward {
            None => vec![Directions::Forward],
            Some(_) => vec![Directions::Forward, Directions::Backward],
        };
        let halves = directions.into_iter().enumerate();
        let halves = halves.map(|(index, direction)| {
            let begin = work.begin.clone().map(|begin| begin.narrow(1, index, 1));
            let (input, counts) = (work.input.clone(), work.counts.clone());
            self.one_direction(
                direction,
                Work {
                    input,
                    begin,
                    counts,
                },
            )
        });
        let (outputs, ends): (Vec<_>, Vec<_>) = halves.unzip();
        (Tensor::cat(outputs, 2), join(ends, 1).filter(|_| self.ends))
    }

    /// Runs the pieces in the order of the direction's steps, each from the final states of the piece before.
    fn one_direction(&self, directions: Directions, work: Work) -> (Tensor<3>, Option<Ends>) {
        let at = usize::from(self.batch_first);
        let time = work.input.dims()[at];
        let mut starts: Vec<usize> = (0..time).step_by(self.fit.time).collect();
        if directions == Directions::Backward {
            starts.reverse();
        }
        let mut begin = work.begin;
        let mut outputs = Vec::new();
        for start in starts {
            let count = self.fit.time.min(time - start);
            let counts = work.counts.clone().map(|counts| {
                let inside = counts - start as f64;
                inside.clamp(0.0, count as f64)
            });
            let piece = Work {
                input: work.input.clone().narrow(at, start, count),
                begin,
                counts,
            };
            let (output, end) = self.call(directions, true).run(piece);
            outputs.push(output);
            begin = end;
        }
        if directions == Directions::Backward {
            outputs.reverse();
        }
        (Tensor::cat(outputs, at), begin)
    }

    fn call(&self, directions: Directions, ends: bool) -> Call<'a> {
        Call {
            layer: self.layer,
            directions,
            batch_first: self.batch_first,
            samples: self.fit.samples,
            half: self.fit.half,
            ends,
        }
    }
}

fn join(ends: Vec<Option<Ends>>, dim: usize) -> Option<Ends> {
    let ends: Option<Vec<Ends>> = ends.into_iter().collect();
    ends.map(|ends| Tensor::cat(ends, dim))
}

/// Tests with smaller buffers than those of the device.
#[cfg(all(test, feature = "wgpu"))]
mod tests {
    use burn::tensor::{Device, DeviceKind, Distribution, Tolerance};

    use super::*;
    use crate::nn::{BiLstm, BiLstmConfig, Dropout, Lengths};

    const HIDDEN: usize = 3;

    /// Returns output, final states and gradient of the input.
    fn found(
        lstm: &BiLstm,
        input: &Tensor<3>,
        begin: Option<Ends>,
        lengths: Option<&Lengths>,
        fit: Fit,
    ) -> [Vec<f32>; 3] {
        let input = input.clone().require_grad();
        let (forward, backward) = lstm.weights(0).expect("there is a layer");
        let layer = Layer {
            forward,
            backward: Some(backward),
        };
        let dropout = Dropout::new(0.0);
        let stack = Stack {
            layers: vec![layer],
            dropout: &dropout,
            batch_first: true,
            half: false,
            lengths,
        };
        let (output, ends) = super::forward(&stack, layer, input.clone(), begin, true, fit);
        let ends = ends.expect("they were asked for");
        let loss = output.clone().square().sum() + (ends.clone() * 0.5).sum();
        let graph = loss.backward();
        let numbers = |data: burn::tensor::TensorData| data.try_to_vec().expect("they are floats");
        [
            numbers(output.into_data()),
            numbers(ends.into_data()),
            numbers(input.grad(&graph).expect("it was asked for").into_data()),
        ]
    }

    #[test]
    fn parts_are_the_whole() {
        let device = Device::wgpu(DeviceKind::DefaultDevice).autodiff();
        let (batch, time) = (5, 7);
        let lstm = BiLstmConfig::new(2, HIDDEN)
            .init(&device)
            .expect("it is valid");
        let normal = Distribution::Normal(0.0, 1.0);
        let input = Tensor::<3>::random([batch, time, 2], normal, &device);
        let begin = Tensor::<4>::random([2, 2, batch, HIDDEN], normal, &device);
        let lengths = Lengths::new(&[7, 3, 1, 4, 6], time, &device);
        let fit = |batch: usize, time: usize| Fit {
            samples: 2,
            batch,
            time,
            half: false,
        };
        for begin in [None, Some(begin)] {
            for lengths in [None, Some(&lengths)] {
                let of = |fit: Fit| found(&lstm, &input, begin.clone(), lengths, fit);
                let whole = of(fit(batch, time));
                for cut in [fit(2, time), fit(1, 3), fit(1, 1)] {
                    for (part, whole) in of(cut).into_iter().zip(&whole) {
                        let (part, whole) = (data(part), data(whole.clone()));
                        part.assert_approx_eq::<f32>(&whole, Tolerance::absolute(1e-5));
                    }
                }
            }
        }
    }

    fn data(values: Vec<f32>) -> burn::tensor::TensorData {
        let count = values.len();
        burn::tensor::TensorData::new(values, [count])
    }
}
