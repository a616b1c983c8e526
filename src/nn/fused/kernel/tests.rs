//! The kernel on every set of instructions of the machine, against the formula in double precision.

use pulp::Arch;

use super::*;
use crate::host::instructions;

/// Numbers that differ everywhere, in [-1, 1], times `size`.
fn numbers(count: usize, seed: usize, size: f32) -> Vec<f32> {
    let at = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0;
    (0..count).map(|i| at(i) * size).collect()
}

/// Input and parameters in double precision.
type Doubles = (Vec<f64>, [[Vec<f64>; 4]; 2]);

/// A layer, its input and the gradient that arrives at its output.
struct Case {
    layout: Layout,
    input: Vec<f32>,
    /// Input weights, recurrent weights, input bias and recurrent bias of both directions.
    parameters: [[Vec<f32>; 4]; 2],
    output: Vec<f32>,
}

impl Case {
    fn new(batch: usize, time: usize, features: usize, hidden: usize) -> Self {
        let layout = Layout::new(batch, time, features, hidden);
        let sizes = [
            4 * hidden * features,
            4 * hidden * hidden,
            4 * hidden,
            4 * hidden,
        ];
        let size = 1.5 / (hidden as f32).sqrt();
        let of = |seed: usize| {
            let numbered = |part: usize| numbers(sizes[part], seed + part, size);
            std::array::from_fn(numbered)
        };
        Self {
            layout,
            input: numbers(batch * time * features, 9, 1.5),
            parameters: [of(1), of(5)],
            output: numbers(batch * time * 2 * hidden, 10, 1.0),
        }
    }

    fn weights(&self) -> [Weights<'_>; 2] {
        self.parameters.each_ref().map(|[a, b, c, d]| Weights {
            input: a,
            recurrent: b,
            input_bias: c,
            recurrent_bias: d,
        })
    }

    /// Output, gradient of the input, then of input weights, recurrent weights and bias of both directions.
    fn run(&self, arch: Arch) -> Vec<Vec<f32>> {
        let weights = self.weights();
        let (output, saved) = forward(arch, self.layout, &self.input, &weights, true);
        let (without, nothing) = forward(arch, self.layout, &self.input, &weights, false);
        assert_eq!(output, without, "keeping changes nothing");
        assert!(nothing.is_none());
        let wanted = Wanted {
            input: true,
            weights: true,
        };
        let found = backward(arch, saved.unwrap(), &self.output, &weights, wanted);
        let mut all = vec![output, found.input.unwrap()];
        for of in found.weights.unwrap() {
            all.extend([of.input, of.recurrent, of.bias]);
        }
        all
    }

    /// The output by the formula, weighted with `self.output` and summed, and the output itself.
    fn formula(&self, input: &[f64], parameters: &[[Vec<f64>; 4]; 2]) -> (f64, Vec<f64>) {
        let Layout {
            batch,
            time,
            features,
            hidden,
            ..
        } = self.layout;
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let mut output = vec![0.0; batch * time * 2 * hidden];
        for (half, [ih, hh, b_ih, b_hh]) in parameters.iter().enumerate() {
            for sample in 0..batch {
                let (mut state, mut cell) = (vec![0.0; hidden], vec![0.0; hidden]);
                for s in 0..time {
                    let place = self.layout.place(s, half == 1);
                    let x = &input[(sample * time + place) * features..][..features];
                    let gate = |gate: usize, unit: usize| -> f64 {
                        let row = gate * hidden + unit;
                        let inputs: f64 =
                            (0..features).map(|k| ih[row * features + k] * x[k]).sum();
                        let states: f64 =
                            (0..hidden).map(|k| hh[row * hidden + k] * state[k]).sum();
                        b_ih[row] + b_hh[row] + inputs + states
                    };
                    let new: Vec<f64> = (0..hidden)
                        .map(|unit| {
                            let kept = sigmoid(gate(1, unit)) * cell[unit];
                            kept + sigmoid(gate(0, unit)) * gate(2, unit).tanh()
                        })
                        .collect();
                    let states: Vec<f64> = (0..hidden)
                        .map(|unit| sigmoid(gate(3, unit)) * new[unit].tanh())
                        .collect();
                    let to = ((sample * time + place) * 2 + half) * hidden;
                    output[to..to + hidden].copy_from_slice(&states);
                    (state, cell) = (states, new);
                }
            }
        }
        let pairs = output.iter().zip(&self.output);
        (pairs.map(|(o, w)| o * f64::from(*w)).sum(), output)
    }

    fn double(&self) -> Doubles {
        let double = |values: &Vec<f32>| values.iter().map(|v| f64::from(*v)).collect();
        let parameters = self.parameters.each_ref();
        (
            double(&self.input),
            parameters.map(|of| of.each_ref().map(double)),
        )
    }
}

fn assert_close(found: f32, expected: f64, what: &str) {
    let bound = 2e-5 * expected.abs().max(0.1);
    let error = (f64::from(found) - expected).abs();
    assert!(error <= bound, "{what}: {found} for {expected}");
}

#[test]
fn values_are_those_of_the_formula_with_all_instructions() {
    // Tiles, vectors and blocks that end early, and ones that fit; for Miri what it does in minutes.
    let sizes: &[(usize, usize, usize, usize)] = match cfg!(miri) {
        true => &[(1, 3, 2, 1), (33, 2, 1, 2)],
        false => &[(1, 3, 2, 1), (7, 5, 3, 17), (3, 4, 1, 48), (41, 2, 5, 9)],
    };
    for &(batch, time, features, hidden) in sizes {
        let case = Case::new(batch, time, features, hidden);
        let (input, parameters) = case.double();
        let (_, expected) = case.formula(&input, &parameters);
        for arch in instructions() {
            let output = &case.run(arch)[0];
            for (found, expected) in output.iter().zip(&expected) {
                assert_close(*found, *expected, &format!("{arch:?}"));
            }
        }
    }
}

/// Central differences of the formula in double precision, for every element.
#[test]
#[cfg_attr(miri, ignore = "arithmetic on many numbers")]
fn gradients_are_finite_differences_of_the_formula_with_all_instructions() {
    let case = Case::new(3, 4, 2, 5);
    let runs: Vec<_> = instructions().iter().map(|arch| case.run(*arch)).collect();
    let (input, parameters) = case.double();
    let slope = |change: &dyn Fn(&mut Doubles, f64)| {
        let at = |step: f64| {
            let mut changed = (input.clone(), parameters.clone());
            change(&mut changed, step);
            case.formula(&changed.0, &changed.1).0
        };
        (at(1e-5) - at(-1e-5)) / 2e-5
    };
    for index in 0..input.len() {
        let expected = slope(&|all, step| all.0[index] += step);
        runs.iter()
            .for_each(|run| assert_close(run[1][index], expected, "input"));
    }
    for direction in 0..2 {
        // The kernel knows one gradient for both biases.
        for part in 0..3 {
            for index in 0..parameters[direction][part].len() {
                let expected = slope(&|all, step| all.1[direction][part][index] += step);
                let what = format!("direction {direction}, part {part}, element {index}");
                for run in &runs {
                    assert_close(run[2 + 3 * direction + part][index], expected, &what);
                }
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "arithmetic on many numbers")]
fn the_number_of_threads_changes_no_bit() {
    let case = Case::new(3 * BLOCK + 5, 6, 3, 20);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| case.run(Arch::new()))
    };
    let one = run(1);
    for threads in [2, 3, 8] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

#[test]
fn only_what_is_wanted_is_computed() {
    let case = Case::new(2, 3, 2, 4);
    let weights = case.weights();
    let all = case.run(Arch::new());
    for (input, parameters) in [(true, false), (false, true)] {
        let (_, saved) = forward(Arch::new(), case.layout, &case.input, &weights, true);
        let wanted = Wanted {
            input,
            weights: parameters,
        };
        let found = backward(Arch::new(), saved.unwrap(), &case.output, &weights, wanted);
        assert_eq!(found.input, input.then(|| all[1].clone()));
        assert_eq!(found.weights.is_some(), parameters);
        if let Some([of, _]) = found.weights {
            assert_eq!(of.recurrent, all[3]);
        }
    }
}

/// Panels of one to four vectors, tiles of every number of samples, units and rows with and without padding: the numbers
/// are those of the scalar instructions, which the tests above hold against the formula.
#[test]
fn all_instructions_agree_for_every_panel_and_tile() {
    let (units, samples): (&[usize], &[usize]) = match cfg!(miri) {
        true => (&[3, 17], &[2]),
        false => (
            &[1, 4, 8, 16, 24, 31, 40, 48, 64, 80, 130],
            &[1, 2, 3, 4, 5, 6, 7, 13],
        ),
    };
    for hidden in units {
        for batch in samples {
            let case = Case::new(*batch, 3, 15, *hidden);
            let expected = case.run(Arch::Scalar);
            for arch in instructions() {
                let found = case.run(arch);
                let what = format!("{hidden} units, {batch} samples, {arch:?}");
                for (found, expected) in found.concat().iter().zip(expected.concat()) {
                    assert_close(*found, f64::from(expected), &what);
                }
            }
        }
    }
}

/// Large enough that buffers come from what was given back. Of the padding of 33 units, vectors of sixteen write all, of
/// eight a part, and of one nothing; 48 units have none.
#[test]
#[cfg_attr(miri, ignore = "fills much memory")]
fn what_was_in_the_memory_before_changes_no_bit() {
    let _alone = memory::tests::alone();
    for hidden in [33, 48] {
        let case = Case::new(40, 30, 5, hidden);
        for arch in instructions() {
            let expected = case.run(arch);
            memory::tests::spoil();
            assert!(case.run(arch) == expected, "{hidden} units, {arch:?}");
        }
    }
}
