//! The audit measures what it says: norms, shares and cosines of the tasks' gradients at the representation, known here
//! from the formula; and it leaves the training alone.
#![cfg(feature = "expansion")]

mod support;

use burn::module::{Module, Param};
use burn::tensor::{Bool, Device, Tensor};
use equipoise::gradient::{Audit, audit};
use equipoise::loss::TaskLosses;
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::{Task, TaskSet};
use support::devices;

/// Losses that are linear in the representation, so that every gradient is a vector one chooses: `L_k = <g_k, r> s_k`.
#[derive(Module, Debug)]
struct Linear {
    /// `[K, elements]`.
    #[module(skip)]
    gradients: Tensor<2>,
    /// The heads' own parameters, `[K]`.
    scales: Param<Tensor<1>>,
    #[module(skip)]
    tasks: TaskSet,
}

impl Linear {
    fn new<const K: usize, const N: usize>(gradients: [[f32; N]; K], device: &Device) -> Self {
        let names = (0..K).map(|k| Task::regression(format!("task {k}"), 1));
        Self {
            gradients: Tensor::from_floats(gradients, device),
            scales: Param::from_tensor(Tensor::ones([K], device)),
            tasks: TaskSet::new(names).unwrap(),
        }
    }
}

impl MultiTaskModel for Linear {
    type Batch = Option<Tensor<1, Bool>>;
    type Shared = Tensor<3>;
    type Evaluation = ();

    fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    fn represent(&self, _: &Self::Batch) -> Tensor<3> {
        unreachable!("the audit gets the representation")
    }

    fn task_losses(&self, shared: Branches<Tensor<3>>, present: &Self::Batch) -> TaskLosses {
        let elements = self.gradients.dims()[1];
        let rows = shared.all().into_iter().map(|x| x.reshape([1, elements]));
        let rows = Tensor::cat(rows.collect(), 0);
        let losses = (rows * self.gradients.clone()).sum_dim(1).squeeze_dim(1);
        let losses = TaskLosses::from_values(losses * self.scales.val());
        match present {
            Some(present) => losses.with_present(present.clone()),
            None => losses,
        }
    }

    fn samples(_: &Self::Batch) -> usize {
        1
    }
}

/// The representation `[1, 2, 2]` that all tests here read.
const VALUES: [[[f32; 2]; 2]; 1] = [[[0.5, -1.0], [2.0, 0.25]]];

fn run<const K: usize>(
    gradients: [[f32; 4]; K],
    weights: [f32; K],
    present: Option<[bool; K]>,
    device: &Device,
) -> Audit {
    let device = device.clone().autodiff();
    let model = Linear::new(gradients, &device);
    let present = present.map(|present| Tensor::from_data(present, &device));
    let values = Tensor::from_floats(VALUES, &device);
    let weights = Tensor::from_floats(weights, &device.clone().inner());
    audit(&model, values, &present, weights).read().unwrap()
}

#[track_caller]
fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!(
            (a - b).abs() <= 1e-6 * b.abs().max(1.0),
            "{found:?} is not {expected:?}"
        );
    }
}

#[test]
fn norms_shares_and_cosines_are_those_of_the_gradients() {
    let gradients = [
        [3.0, 4.0, 0.0, 0.0],
        [0.0, 0.0, 2.0, 0.0],
        [-6.0, -8.0, 0.0, 0.0],
    ];
    for (name, device) in devices() {
        let found = run(gradients, [1.0, 5.0, 0.5], None, &device);
        close(&found.norms, &[5.0, 2.0, 10.0]);
        close(&found.weighted_norms, &[5.0, 10.0, 5.0]);
        close(&found.shares, &[0.25, 0.5, 0.25]);
        close(
            &found.cosines.concat(),
            &[1.0, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0, 0.0, 1.0],
        );
        // One and the mean over two steps of 1.5 and 2.25.
        close(&[found.reach], &[1.0 + 3.75 / 2.0]);
        assert_eq!(found.samples, 1, "{name}");
    }
}

#[test]
fn the_sign_of_a_weight_does_not_matter_for_a_share() {
    let gradients = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]];
    let found = run(gradients, [-3.0, 1.0], None, &devices()[0].1);
    close(&found.shares, &[0.75, 0.25]);
}

#[test]
fn a_task_without_labels_has_no_gradient() {
    let gradients = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]];
    let present = Some([true, false]);
    let found = run(gradients, [1.0; 2], present, &devices()[0].1);
    close(&found.norms, &[1.0, 0.0]);
    assert_eq!(found.measured, [1, 0]);
    close(&found.shares, &[1.0, 0.0]);
    close(&found.cosines.concat(), &[1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn without_any_gradient_nobody_has_a_share() {
    let found = run([[0.0; 4]; 2], [1.0; 2], None, &devices()[0].1);
    close(&found.shares, &[0.0, 0.0]);
    close(&found.cosines.concat(), &[0.0; 4]);
}

#[test]
fn gradients_of_any_size_that_training_meets_keep_their_angles() {
    for size in [1e-15f32, 1e-6, 1e6, 1e15] {
        let gradients = [[3.0, 4.0, 0.0, 0.0], [4.0, 3.0, 0.0, 0.0]].map(|g| g.map(|v| v * size));
        let found = run(gradients, [1.0; 2], None, &devices()[0].1);
        close(&[found.cosines[0][1], found.shares[0]], &[0.96, 0.5]);
        close(&[found.norms[0] / f64::from(size)], &[5.0]);
    }
}

#[test]
fn measurements_of_several_steps_give_their_mean() {
    let device = devices()[0].1.clone().autodiff();
    let sample = |length: f32, weight: f32| {
        let model = Linear::new([[length, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]], &device);
        let weights = Tensor::from_floats([weight, 1.0], &device.clone().inner());
        audit(&model, Tensor::from_floats(VALUES, &device), &None, weights)
    };
    let found = sample(1.0, 1.0).plus(sample(3.0, 1.0)).read().unwrap();
    close(&found.norms, &[2.0, 1.0]);
    // The mean of the shares, not the share of the means.
    close(&found.shares, &[(0.5 + 0.75) / 2.0, (0.5 + 0.25) / 2.0]);
    assert_eq!(found.samples, 2);
}

/// Sums over half a million elements stay exact enough to tell an angle of a hundredth.
#[test]
fn long_representations_lose_nothing() {
    let device = devices()[0].1.clone().autodiff();
    let elements = 32 * 105 * 192;
    let first: Vec<f32> = (0..elements)
        .map(|i| ((i * 7919) % 1009) as f32 / 504.0 - 1.0)
        .collect();
    let second: Vec<f32> = (0..elements)
        .map(|i| ((i * 104_729) % 997) as f32 / 498.0 - 1.0)
        .collect();
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    let expected = dot(&first, &second) / (dot(&first, &first) * dot(&second, &second)).sqrt();
    let rows = Tensor::<1>::from_floats([first.clone(), second].concat().as_slice(), &device);
    let model = Linear {
        gradients: rows.reshape([2, elements]),
        ..Linear::new([[0.0; 4]; 2], &device)
    };
    let values = Tensor::zeros([32, 105, 192], &device);
    let found = audit(&model, values, &None, Tensor::ones([2], &device.inner()));
    let found = found.read().unwrap();
    assert!(
        (found.cosines[0][1] - expected).abs() < 1e-5,
        "{} for {expected}",
        found.cosines[0][1]
    );
    let norm = dot(&first, &first).sqrt();
    assert!((found.norms[0] / norm - 1.0).abs() < 1e-5);
}

#[test]
#[should_panic(expected = "one weight for each task")]
fn another_number_of_weights_is_refused() {
    let device = devices()[0].1.clone().autodiff();
    let model = Linear::new([[0.0; 4]; 2], &device);
    audit(
        &model,
        Tensor::from_floats(VALUES, &device),
        &None,
        Tensor::ones([3], &device),
    );
}
