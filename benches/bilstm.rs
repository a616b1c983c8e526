//! The LSTM layers by themselves: the fused operation beside plain tensor operations, and with lengths, states, time first, and
//! one direction beside the usual.
//!
//! ```text
//! cargo bench --bench bilstm
//! ```
//!
//! T = 105, F = 12, H = 96. A name reads `bilstm/fused/forward+backward/backend/B=32`; the gradient is that of the sum of the
//! output, to the parameters. The lengths of `padded` are 53 to 105; `states` begins with a state and asks for the last.

mod support;

use burn::tensor::{Device, Distribution, Tensor};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise::nn::{BiLstm, BiLstmConfig, Lengths, Lstm, LstmConfig, LstmState};

const BATCHES: [usize; 3] = [8, 32, 128];
const TIME: usize = 105;
const HIDDEN: usize = 96;

/// What is measured; on a GPU `fused` and `plain` are the same operations.
const FORMS: [&str; 6] = [
    "fused",
    "plain",
    "padded",
    "states",
    "time-first",
    "one-direction",
];

/// A layer, its input and how it is called.
struct Case {
    both: BiLstm,
    one: Lstm,
    input: Tensor<3>,
    lengths: Lengths,
    state: LstmState,
    form: &'static str,
}

impl Case {
    fn new(form: &'static str, batch: usize, device: &Device) -> Self {
        let first = form != "time-first";
        let both = BiLstmConfig::new(12, HIDDEN).with_batch_first(first);
        let one = LstmConfig::new(12, HIDDEN);
        let shape = if first {
            [batch, TIME, 12]
        } else {
            [TIME, batch, 12]
        };
        let lengths: Vec<usize> = (0..batch).map(|at| TIME - (at * 37) % 53).collect();
        let state = Tensor::zeros([2, batch, HIDDEN], device);
        Self {
            both: both.init(device).expect("the sizes are positive"),
            one: one.init(device).expect("the sizes are positive"),
            input: Tensor::random(shape, Distribution::Normal(0.0, 1.0), device),
            lengths: Lengths::new(&lengths, TIME, device),
            state: LstmState::new(state.clone(), state),
            form,
        }
    }

    fn run(&self) -> Tensor<3> {
        let input = self.input.clone();
        match self.form {
            "plain" => self.both.forward_reference(input),
            "padded" => self.both.forward_padded(input, &self.lengths),
            "states" => {
                let begin = Some(self.state.clone());
                let (output, end) = self.both.forward_from(input, begin, None);
                // The end is part of the result, so its gradient is part of the pass.
                output + end.cell.sum().unsqueeze()
            }
            "one-direction" => self.one.forward(input),
            _ => self.both.forward(input),
        }
    }

    /// A parameter that the gradient is waited for.
    fn parameter(&self) -> Tensor<2> {
        match self.form {
            "one-direction" => self.one.weights(0).map(|weights| weights.weight_hh.val()),
            _ => self
                .both
                .weights(0)
                .map(|(weights, _)| weights.weight_hh.val()),
        }
        .expect("there is one layer")
    }
}

fn layers(criterion: &mut Criterion) {
    for (backend, device) in support::backends() {
        for form in FORMS {
            for batch in BATCHES {
                let id = |pass| {
                    BenchmarkId::new(format!("{form}/{pass}/{backend}"), format!("B={batch}"))
                };
                let mut group = criterion.benchmark_group("bilstm");
                let case = Case::new(form, batch, &device);
                group.bench_function(id("forward"), |bencher| {
                    bencher.iter(|| support::wait(case.run()));
                });
                let case = Case::new(form, batch, &device.clone().autodiff());
                let weight = case.parameter();
                group.bench_function(id("forward+backward"), |bencher| {
                    bencher.iter(|| {
                        let gradients = case.run().sum().backward();
                        support::wait(weight.grad(&gradients).expect("the output depends on it"));
                    });
                });
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = support::criterion();
    targets = layers
}
criterion_main!(benches);
