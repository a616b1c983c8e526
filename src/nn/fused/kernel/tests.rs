//! Tests the kernel with every instruction set of the machine against the formula in double precision.

use pulp::Arch;

use super::super::layout::Form;
use super::*;
use crate::host::instructions;

/// Returns varied numbers in [-1, 1], times `size`.
fn numbers(count: usize, seed: usize, size: f32) -> Vec<f32> {
    let at = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0;
    (0..count).map(|i| at(i) * size).collect()
}

/// Input, initial states and parameters in double precision.
type Doubles = (Vec<f64>, Vec<f64>, Vec<[Vec<f64>; 4]>);

/// Both directions, batch first, without final states.
const USUAL: Form = Form {
    directions: 2,
    batch_first: true,
    finals: false,
};

/// A layer, its input and the gradient of its output.
struct Case {
    layout: Layout,
    input: Vec<f32>,
    states: Vec<f32>,
    lengths: Option<Vec<usize>>,
    /// Input weights, recurrent weights, input bias and recurrent bias of every direction.
    parameters: Vec<[Vec<f32>; 4]>,
    output: Vec<f32>,
}

impl Case {
    /// Creates a case with zero initial states and sequences of one length.
    fn new(batch: usize, time: usize, features: usize, hidden: usize) -> Self {
        let mut case = Self::of(USUAL, [batch, time, features], hidden);
        case.states.fill(0.0);
        case
    }

    /// Creates a case with initial states that are not zero.
    fn of(form: Form, [batch, time, features]: [usize; 3], hidden: usize) -> Self {
        let layout = Layout::new(form, [batch, time, features], hidden);
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
            states: numbers(2 * batch * layout.width(), 11, 1.0),
            lengths: None,
            parameters: [1, 5].map(of).into_iter().take(form.directions).collect(),
            output: numbers(layout.output().into_iter().product(), 10, 1.0),
        }
    }

    /// Sets different lengths of the sequences, and NaN in the padding.
    fn padded(mut self) -> Self {
        let Layout {
            batch,
            time,
            features,
            ..
        } = self.layout;
        let lengths: Vec<usize> = (0..batch)
            .map(|sample| 1 + (sample * 5 + 2) % time)
            .collect();
        for (sample, length) in lengths.iter().enumerate() {
            for position in *length..time {
                let at = self.layout.input_at(sample, position);
                self.input[at..at + features].fill(f32::NAN);
            }
        }
        self.lengths = Some(lengths);
        self
    }

    fn weights(&self) -> Vec<Weights<'_>> {
        let parameters = self.parameters.iter();
        let weights = parameters.map(|[a, b, c, d]| Weights {
            input: a,
            recurrent: b,
            input_bias: c,
            recurrent_bias: d,
        });
        weights.collect()
    }

    fn sequences(&self) -> Sequences<'_> {
        Sequences {
            input: &self.input,
            states: &self.states,
            lengths: self.lengths.as_deref(),
        }
    }

    /// Returns the output and the gradients of the input, of the initial states, and of input weights, recurrent
    /// weights and bias of every direction.
    fn run(&self, arch: Arch) -> Vec<Vec<f32>> {
        let weights = self.weights();
        let (output, saved) = forward(arch, self.layout, self.sequences(), &weights, true);
        let (without, nothing) = forward(arch, self.layout, self.sequences(), &weights, false);
        assert_eq!(output, without, "keeping changes nothing");
        assert!(nothing.is_none());
        let wanted = Wanted {
            input: true,
            states: true,
            weights: true,
        };
        let found = backward(arch, saved.unwrap(), &self.output, &weights, wanted);
        let mut all = vec![output, found.input.unwrap(), found.states.unwrap()];
        for of in found.weights.unwrap() {
            all.extend([of.input, of.recurrent, of.bias]);
        }
        all
    }

    /// Computes the output by the formula, and its sum weighted by `self.output`. Returns the sum first.
    fn formula(&self, (input, states, parameters): &Doubles) -> (f64, Vec<f64>) {
        let Layout {
            batch,
            time,
            features,
            hidden,
            ..
        } = self.layout;
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let mut output = vec![0.0; self.output.len()];
        for (half, [ih, hh, b_ih, b_hh]) in parameters.iter().enumerate() {
            let reversed = half == 1;
            for sample in 0..batch {
                let begin = |which| &states[self.layout.state_at(which, sample, reversed)..];
                let [mut state, mut cell] = [0, 1].map(|which| begin(which)[..hidden].to_vec());
                let length = self
                    .lengths
                    .as_ref()
                    .map_or(time, |lengths| lengths[sample]);
                for s in 0..length {
                    let place = if reversed { length - 1 - s } else { s };
                    let x = &input[self.layout.input_at(sample, place)..][..features];
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
                    let to = self.layout.output_at(sample, place, reversed);
                    output[to..to + hidden].copy_from_slice(&states);
                    (state, cell) = (states, new);
                }
                if self.layout.form.finals {
                    for (which, values) in [state, cell].iter().enumerate() {
                        let to = self.layout.output_at(sample, time + which, reversed);
                        output[to..to + hidden].copy_from_slice(values);
                    }
                }
            }
        }
        let pairs = output.iter().zip(&self.output);
        (pairs.map(|(o, w)| o * f64::from(*w)).sum(), output)
    }

    fn double(&self) -> Doubles {
        let double = |values: &Vec<f32>| values.iter().map(|v| f64::from(*v)).collect();
        let parameters = self.parameters.iter();
        (
            double(&self.input),
            double(&self.states),
            parameters.map(|of| of.each_ref().map(double)).collect(),
        )
    }
}

/// Returns every form: one and two directions, batch and time first, with and without final states, padded or not.
fn forms(sequences: [usize; 3], hidden: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for directions in [1, 2] {
        for batch_first in [true, false] {
            for finals in [true, false] {
                let form = Form {
                    directions,
                    batch_first,
                    finals,
                };
                let case = || Case::of(form, sequences, hidden);
                cases.extend([case(), case().padded()]);
            }
        }
    }
    cases
}

fn assert_close(found: f32, expected: f64, what: &str) {
    let bound = 2e-5 * expected.abs().max(0.1);
    let error = (f64::from(found) - expected).abs();
    assert!(error <= bound, "{what}: {found} for {expected}");
}

#[test]
fn values_are_those_of_the_formula_with_all_instructions() {
    // Tiles, vectors and blocks that end early, and others that fit; for Miri only sizes that take minutes.
    let sizes: &[(usize, usize, usize, usize)] = if cfg!(miri) {
        &[(1, 3, 2, 1), (33, 2, 1, 2)]
    } else {
        &[(1, 3, 2, 1), (7, 5, 3, 17), (3, 4, 1, 48), (41, 2, 5, 9)]
    };
    for &(batch, time, features, hidden) in sizes {
        for case in forms([batch, time, features], hidden) {
            let (_, expected) = case.formula(&case.double());
            for arch in instructions() {
                let output = &case.run(arch)[0];
                assert_eq!(output.len(), expected.len());
                for (found, expected) in output.iter().zip(&expected) {
                    assert_close(*found, *expected, &format!("{arch:?}, {:?}", case.layout));
                }
            }
        }
    }
}

/// Compares with central differences of the formula in double precision, for every element.
#[test]
#[cfg_attr(miri, ignore = "arithmetic on many numbers")]
fn gradients_are_finite_differences_of_the_formula_with_all_instructions() {
    for case in forms([3, 4, 2], 5) {
        let slopes = slopes(&case);
        for arch in instructions() {
            let found = &case.run(arch)[1..];
            assert_eq!(found.len(), slopes.len());
            for (part, (found, expected)) in found.iter().zip(&slopes).enumerate() {
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(expected) {
                    let what = format!("part {part}, {arch:?}, {:?}", case.layout);
                    assert_close(*found, *expected, &what);
                }
            }
        }
    }
}

/// Computes the slopes of the formula in the order of [`Case::run`], zero in the padding.
fn slopes(case: &Case) -> Vec<Vec<f64>> {
    let doubles = case.double();
    // The kernel computes one gradient for both biases.
    let mut parts: Vec<(usize, usize)> = vec![(0, 0), (1, 0)];
    parts.extend((0..case.parameters.len()).flat_map(|of| (0..3).map(move |part| (2 + of, part))));
    let slope = |(of, part), index: usize| {
        let at = |step: f64| {
            let mut changed = doubles.clone();
            let values = element(&mut changed, of, part);
            if values[index].is_nan() {
                0.0
            } else {
                values[index] += step;
                case.formula(&changed).0
            }
        };
        (at(1e-5) - at(-1e-5)) / 2e-5
    };
    let of_part = |&(of, part): &(usize, usize)| {
        let count = element(&mut doubles.clone(), of, part).len();
        (0..count).map(|index| slope((of, part), index)).collect()
    };
    parts.iter().map(of_part).collect()
}

/// Returns the input, the initial states, or a parameter of a direction.
fn element(doubles: &mut Doubles, of: usize, part: usize) -> &mut Vec<f64> {
    match of {
        0 => &mut doubles.0,
        1 => &mut doubles.1,
        direction => &mut doubles.2[direction - 2][part],
    }
}

/// A sequence in a padded batch has, to the bit, the states it has alone.
#[test]
fn a_padded_sequence_is_the_sequence_alone() {
    for directions in [1, 2] {
        let form = Form {
            directions,
            batch_first: true,
            finals: true,
        };
        let case = Case::of(form, [9, 7, 3], 17).padded();
        let (together, _) = forward(
            Arch::new(),
            case.layout,
            case.sequences(),
            &case.weights(),
            false,
        );
        for (sample, length) in case.lengths.clone().unwrap().into_iter().enumerate() {
            let layout = Layout::new(form, [1, length, 3], 17);
            let width = layout.width();
            let states: Vec<f32> = [0, 1]
                .iter()
                .flat_map(|which| {
                    &case.states[case.layout.state_at(*which, sample, false)..][..width]
                })
                .copied()
                .collect();
            let alone = Sequences {
                input: &case.input[case.layout.input_at(sample, 0)..][..length * 3],
                states: &states,
                lengths: None,
            };
            let (alone, _) = forward(Arch::new(), layout, alone, &case.weights(), false);
            let of = |position: usize| {
                &together[case.layout.output_at(sample, position, false)..][..width]
            };
            let (outputs, finals) = alone.split_at(length * width);
            for (position, expected) in outputs.chunks(width).enumerate() {
                assert_eq!(
                    of(position),
                    expected,
                    "sample {sample}, position {position}"
                );
            }
            for position in length..7 {
                assert!(of(position).iter().all(|value| *value == 0.0));
            }
            assert_eq!([of(7), of(8)].concat(), finals, "sample {sample}");
        }
    }
}

/// Time first gives the bits of batch first in another order.
#[test]
fn time_first_changes_no_bit() {
    let [by_batch, by_time] = [true, false].map(|batch_first| Form {
        directions: 2,
        batch_first,
        finals: true,
    });
    let case = Case::of(by_batch, [5, 6, 3], 9);
    let mut turned = Case::of(by_time, [5, 6, 3], 9);
    for sample in 0..5 {
        for position in 0..8 {
            let copy = |to: &mut Vec<f32>, from: &Vec<f32>, at: [usize; 2], count: usize| {
                to[at[0]..at[0] + count].copy_from_slice(&from[at[1]..at[1] + count]);
            };
            let [a, b] =
                [&turned, &case].map(|case| case.layout.output_at(sample, position, false));
            copy(&mut turned.output, &case.output, [a, b], 18);
            if position < 6 {
                let [a, b] = [&turned, &case].map(|case| case.layout.input_at(sample, position));
                copy(&mut turned.input, &case.input, [a, b], 3);
            }
        }
    }
    let (straight, turned_round) = (case.run(Arch::new()), turned.run(Arch::new()));
    assert_eq!(straight[2..], turned_round[2..]);
    for sample in 0..5 {
        for position in 0..8 {
            let [a, b] =
                [&turned, &case].map(|case| case.layout.output_at(sample, position, false));
            assert_eq!(turned_round[0][a..a + 18], straight[0][b..b + 18]);
            if position < 6 {
                let [a, b] = [&turned, &case].map(|case| case.layout.input_at(sample, position));
                assert_eq!(turned_round[1][a..a + 3], straight[1][b..b + 3]);
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
    for only in 0..3 {
        let wanted = Wanted {
            input: only == 0,
            states: only == 1,
            weights: only == 2,
        };
        let (_, saved) = forward(Arch::new(), case.layout, case.sequences(), &weights, true);
        let found = backward(Arch::new(), saved.unwrap(), &case.output, &weights, wanted);
        assert_eq!(found.input, wanted.input.then(|| all[1].clone()));
        assert_eq!(found.states, wanted.states.then(|| all[2].clone()));
        assert_eq!(found.weights.is_some(), wanted.weights);
        if let Some([of, _]) = found.weights.as_deref() {
            assert_eq!(of.recurrent, all[4]);
        }
    }
}

/// Panels of one to four vectors, tiles of every number of samples, units and rows with and without padding: the
/// numbers are those of the scalar instructions, which the tests above compare with the formula.
#[test]
fn all_instructions_agree_for_every_panel_and_tile() {
    let (units, samples): (&[usize], &[usize]) = if cfg!(miri) {
        (&[3, 17], &[2])
    } else {
        (
            &[
                1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 33, 40, 48, 64, 80, 130,
            ],
            &[1, 2, 3, 4, 5, 6, 7, 13],
        )
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

/// The sizes are large enough that buffers come from the pool. Vectors of sixteen write all of the padding of 33 units,
/// vectors of eight a part, and vectors of one nothing; 48 units have no padding.
#[test]
#[cfg_attr(miri, ignore = "fills much memory")]
fn what_was_in_the_memory_before_changes_no_bit() {
    let _alone = memory::tests::alone();
    for hidden in [33, 48] {
        let form = Form {
            finals: true,
            ..USUAL
        };
        let cases = [
            Case::new(40, 30, 5, hidden),
            Case::of(form, [40, 30, 5], hidden).padded(),
        ];
        for case in cases {
            for arch in instructions() {
                let expected = case.run(arch);
                memory::tests::spoil();
                assert!(case.run(arch) == expected, "{hidden} units, {arch:?}");
            }
        }
    }
}
