//! The matrix products of the expansion model alone, the floor under a training step and inference.
//!
//! One direction of the recurrent layer on each thread, as the layer itself has it: the inputs of all steps at once, the
//! state of each step, and in a training step the way back through each step and the gradients of both weights. Without
//! gates, heads, losses, dropout and optimizer. `gemm` packs its operands in every call; whoever packs weights once can be
//! a little faster.

use gemm::Parallelism;

/// The sizes of the recurrent layer.
#[derive(Clone, Copy)]
pub struct Sizes {
    /// Windows.
    pub batch: usize,
    /// Bars in a window.
    pub time: usize,
    /// Features of a bar.
    pub features: usize,
    /// Hidden units in each direction.
    pub hidden: usize,
}

/// The operands of the products, one set for each direction.
pub struct Floor {
    sizes: Sizes,
    directions: [Direction; 2],
}

struct Direction {
    inputs: Vec<f32>,
    of_inputs: Vec<f32>,
    of_states: Vec<f32>,
    state: Vec<f32>,
    gates: Vec<f32>,
    states: Vec<f32>,
    back: Vec<f32>,
    of_inputs_gradient: Vec<f32>,
    of_states_gradient: Vec<f32>,
}

impl Floor {
    /// Fills the operands with small numbers; none is subnormal, which would be slow.
    pub fn new(sizes: Sizes) -> Self {
        let direction = || {
            let Sizes {
                batch,
                time,
                features,
                hidden,
            } = sizes;
            let filled =
                |count: usize| (0..count).map(|at| 0.01 + (at % 7) as f32 * 0.01).collect();
            let zeros = |count: usize| vec![0.0; count];
            Direction {
                inputs: filled(batch * time * features),
                of_inputs: filled(features * 4 * hidden),
                of_states: filled(hidden * 4 * hidden),
                state: filled(batch * hidden),
                gates: zeros(batch * time * 4 * hidden),
                states: filled(batch * time * hidden),
                back: zeros(batch * hidden),
                of_inputs_gradient: zeros(features * 4 * hidden),
                of_states_gradient: zeros(hidden * 4 * hidden),
            }
        };
        Self {
            sizes,
            directions: [direction(), direction()],
        }
    }

    /// Does the products of inference.
    pub fn inference(&mut self) {
        self.both(|direction, sizes| direction.forward(sizes));
    }

    /// Does the products of a training step.
    pub fn training_step(&mut self) {
        self.both(|direction, sizes| {
            direction.forward(sizes);
            direction.backward(sizes);
        });
    }

    fn both(&mut self, does: impl Fn(&mut Direction, Sizes) + Sync) {
        let sizes = self.sizes;
        let [first, second] = &mut self.directions;
        rayon::join(|| does(first, sizes), || does(second, sizes));
    }
}

impl Direction {
    fn forward(
        &mut self,
        Sizes {
            batch,
            time,
            features,
            hidden,
        }: Sizes,
    ) {
        let wide = 4 * hidden;
        product(
            (&self.inputs, false),
            (&self.of_inputs, false),
            &mut self.gates,
            [batch * time, wide, features],
        );
        for gates in self.gates.chunks_exact_mut(batch * wide) {
            product(
                (&self.state, false),
                (&self.of_states, false),
                gates,
                [batch, wide, hidden],
            );
        }
    }

    fn backward(
        &mut self,
        Sizes {
            batch,
            time,
            features,
            hidden,
        }: Sizes,
    ) {
        let wide = 4 * hidden;
        for gates in self.gates.chunks_exact(batch * wide) {
            product(
                (gates, false),
                (&self.of_states, true),
                &mut self.back,
                [batch, hidden, wide],
            );
        }
        let all = batch * time;
        product(
            (&self.inputs, true),
            (&self.gates, false),
            &mut self.of_inputs_gradient,
            [features, wide, all],
        );
        product(
            (&self.states, true),
            (&self.gates, false),
            &mut self.of_states_gradient,
            [hidden, wide, all],
        );
    }
}

/// Writes a product of two matrices, row after row, either of them transposed, with `[rows, columns, inner]` of the
/// product.
fn product(
    (left, turned): (&[f32], bool),
    (right, turned_right): (&[f32], bool),
    out: &mut [f32],
    [rows, columns, inner]: [usize; 3],
) {
    assert!(
        left.len() == rows * inner && right.len() == inner * columns && out.len() == rows * columns
    );
    let (left_column, left_row) = if turned { (rows, 1) } else { (1, inner) };
    let (right_column, right_row) = if turned_right {
        (inner, 1)
    } else {
        (1, columns)
    };
    // SAFETY: the sizes are those of the slices, and the output is borrowed mutably, so it overlaps neither input.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            columns as isize,
            false,
            left.as_ptr(),
            left_column as isize,
            left_row as isize,
            right.as_ptr(),
            right_column as isize,
            right_row as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
