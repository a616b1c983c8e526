//! Losses that are means over labels of different weight.
//!
//! The golden values are those of PyTorch 2.15.0 in double precision:
//!
//! ```text
//! x = torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True); y = torch.tensor([2, 0, -100, 1])
//! w = torch.tensor([1.0, 4.0, 0.5], dtype=torch.float64)
//! l = F.cross_entropy(x, y, weight=w, ignore_index=-100, label_smoothing=0.2); l.backward()
//! ```

use crate::support;

use burn::tensor::{Device, Distribution, Int, Tensor};
use equipoise::loss::{
    CrossEntropyConfig, Labelled, Reduction, TaskLosses, binary_cross_entropy_elements,
    binary_cross_entropy_with_logits, cross_entropy, huber, huber_elements,
};
use equipoise::{Task, TaskSet};
use support::{assert_all_close, assert_close, devices, number, values};

const LOGITS: [[f32; 3]; 4] = [
    [0.2, -1.0, 0.7],
    [2.0, 0.3, -0.4],
    [-0.6, 1.1, 0.9],
    [0.0, 0.5, -2.0],
];

const HARD: (f64, [f64; 12]) = (
    0.4778574788118263,
    [
        0.03081752390701898,
        0.009282059826260031,
        -0.040099583733279,
        -0.03903667492243512,
        0.026083828849274845,
        0.012952846073160282,
        0.0,
        0.0,
        0.0,
        0.2612277132963917,
        -0.2965810398646115,
        0.03535332656821984,
    ],
);

const SMOOTH: (f64, [f64; 12]) = (
    0.6787777980437955,
    [
        0.03513232453621698,
        -0.03425235675124977,
        -0.0008799677849672001,
        0.009002667135946914,
        -0.018053714827361164,
        0.00905104769141427,
        0.0,
        0.0,
        0.0,
        0.22080683223473718,
        -0.24626960903079376,
        0.025462776796056626,
    ],
);

fn config(smoothing: f64) -> CrossEntropyConfig {
    CrossEntropyConfig::new()
        .with_class_weights([1.0, 4.0, 0.5])
        .with_smoothing(smoothing)
        .with_ignore_index(-100)
}

#[test]
fn cross_entropy_with_weights_is_that_of_pytorch() {
    for (backend, device) in devices() {
        for (smoothing, (loss, gradient)) in [(0.0, HARD), (0.2, SMOOTH)] {
            let device = device.clone().autodiff();
            let logits = Tensor::<2>::from_data(LOGITS, &device).require_grad();
            let targets = Tensor::<1, Int>::from_data([2, 0, -100, 1], &device);
            let found = config(smoothing).init(&device).unwrap();
            let found = found.forward(logits.clone(), targets, None);
            let place = format!("smoothing {smoothing} on {backend}");
            assert_close(&place, values(&found.loss)[0], loss, 1e-6, 1e-7);
            // The weights of the targets: 0.5, 1 and 4.
            assert_eq!(values(&found.weight), [5.5], "{place}");
            let gradients = found.loss.backward();
            let at_logits = values(&logits.grad(&gradients).unwrap());
            assert_all_close(&place, &at_logits, &gradient, 1e-5, 1e-7);
        }
    }
}

#[test]
fn a_sample_of_weight_two_counts_as_two() {
    for (backend, device) in devices() {
        let loss = config(0.1).init(&device).unwrap();
        let logits = Tensor::<2>::from_data(LOGITS, &device);
        let targets = Tensor::<1, Int>::from_data([2, 0, -100, 1], &device);
        let weights = Tensor::from_floats([2.0, 1.0, 1.0, 0.0], &device);
        let weighted = loss.forward(logits, targets, Some(weights));
        let twice = Tensor::<2>::from_data([LOGITS[0], LOGITS[0], LOGITS[1]], &device);
        let targets = Tensor::<1, Int>::from_data([2, 2, 0], &device);
        let twice = loss.forward(twice, targets, None);
        let (found, expected) = (values(&weighted.loss)[0], values(&twice.loss)[0]);
        assert_close(backend, found, expected, 1e-6, 0.0);
        assert_eq!(values(&weighted.weight), values(&twice.weight));
    }
}

#[test]
fn what_does_not_count_may_hold_anything() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        let loss = config(0.1).init(&device).unwrap();
        let mut broken = LOGITS;
        broken[2] = [f32::NAN; 3];
        let logits = Tensor::<2>::from_data(broken, &device).require_grad();
        let targets = Tensor::<1, Int>::from_data([2, 0, -100, 1], &device);
        let found = loss.forward(logits.clone(), targets, None).loss;
        assert!(values(&found)[0].is_finite(), "{backend}");
        let gradients = found.backward();
        let at_logits = values(&logits.grad(&gradients).unwrap());
        assert!(at_logits.iter().all(|value| value.is_finite()), "{backend}");
        let none = Tensor::<1, Int>::from_data([-100, -100, -100, -100], &device);
        let found = loss.forward(Tensor::<2>::from_data(LOGITS, &device), none, None);
        let both = (values(&found.loss), values(&found.weight));
        assert_eq!(both, (vec![0.0], vec![0.0]), "{backend}");
    }
}

#[test]
fn element_losses_have_the_means_of_the_plain_losses() {
    for (backend, device) in devices() {
        let found = Tensor::<2>::from_data([[0.3, -2.0], [4.0, 0.1]], &device);
        let wanted = Tensor::<2>::from_data([[0.0, 1.0], [1.0, 0.0]], &device);
        let mask =
            Tensor::<2, burn::tensor::Bool>::from_data([[true, true], [true, false]], &device);
        let weights = mask.clone().float();
        let plain = huber(
            found.clone(),
            wanted.clone(),
            0.7,
            Some(mask.clone()),
            Reduction::Mean,
        );
        let elements = huber_elements(found.clone(), wanted.clone(), 0.7);
        let labelled = Labelled::mean(elements, weights.clone());
        let place = format!("huber on {backend}");
        assert_close(
            &place,
            values(&labelled.loss)[0],
            values(&plain)[0],
            1e-6,
            0.0,
        );
        let plain = binary_cross_entropy_with_logits(
            found.clone(),
            wanted.clone(),
            3.0,
            Some(mask),
            Reduction::Mean,
        );
        let elements = binary_cross_entropy_elements(found, wanted, 3.0);
        let labelled = Labelled::mean(elements.clone(), weights);
        let place = format!("bce on {backend}");
        assert_close(
            &place,
            values(&labelled.loss)[0],
            values(&plain)[0],
            1e-6,
            0.0,
        );
        assert_eq!(values(&labelled.weight), [3.0]);
        // The first sample alone.
        let by_sample =
            Labelled::by_sample(elements.clone(), Tensor::from_floats([1.0, 0.0], &device));
        let first = values(&elements.narrow(0, 0, 1).mean())[0];
        assert_close(&place, values(&by_sample.loss)[0], first, 1e-6, 0.0);
    }
}

#[test]
fn a_batch_counts_by_the_weights_of_its_labels() {
    let device = Device::flex();
    let tasks = TaskSet::new([Task::classification("kind", 3), Task::regression("size", 1)]);
    let tasks = tasks.unwrap();
    let logits = Tensor::<2>::from_data(LOGITS, &device);
    let targets = Tensor::<1, Int>::from_data([2, 0, -100, 1], &device);
    let loss = config(0.0).init(&device).unwrap();
    let losses = TaskLosses::by_name(&tasks, &device)
        .loss("size", Tensor::from_floats([2.0], &device))
        .weighted("kind", loss.forward(logits, targets, None))
        .build();
    assert_eq!(values(&losses.counts(4)), [5.5, 4.0]);
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let device = Device::flex();
    for (config, words) in [
        (config(1.0), "`smoothing` is 1"),
        (
            config(0.0).with_class_weights([1.0, -1.0]),
            "`class_weights` is -1",
        ),
        (config(0.0).with_class_weights([0.0, 0.0]), "0 everywhere"),
    ] {
        let message = config.init(&device).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    let balanced = CrossEntropyConfig::new().with_balanced_classes(&[90, 10, 0]);
    let weights = balanced.class_weights.unwrap();
    assert_all_close("balanced", &weights, &[100.0 / 180.0, 5.0, 0.0], 1e-12, 0.0);
}

/// A class at every position is a row for every position, whichever of the two losses computes it.
#[test]
fn classes_at_every_position_are_rows() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        let drawn = Distribution::Normal(0.0, 1.0);
        let logits = Tensor::<3>::random([2, 3, 4], drawn, &device).require_grad();
        let rows = logits.clone().reshape([6, 4]);
        let targets = Tensor::<2, Int>::from_ints([[0, 3, 1], [2, 2, -100]], &device);
        let of_rows = targets.clone().reshape([6]);
        let mask = targets.clone().not_equal_elem(-100);
        let clean = targets.clone().clamp_min(0);
        let (own, row_mask) = (clean.clone().reshape([6]), mask.clone().reshape([6]));

        let plain = cross_entropy(logits.clone(), clean, Some(mask), Reduction::Mean);
        let expected = cross_entropy(rows.clone(), own, Some(row_mask), Reduction::Mean);
        assert_close(backend, number(&plain), number(&expected), 1e-6, 0.0);

        let loss = CrossEntropyConfig::new().with_ignore_index(-100);
        let loss = loss.init(&device).unwrap();
        let found = loss.forward(logits.clone(), targets.clone(), None);
        assert_close(backend, number(&found.loss), number(&expected), 1e-6, 0.0);
        assert_eq!(number(&found.weight), 5.0, "{backend}");
        let weights = Tensor::<2>::from_data([[1.0, 0.5, 2.0], [0.0, 1.0, 7.0]], &device);
        let own = weights.clone().reshape([6]);
        let found = loss.forward(logits.clone(), targets, Some(weights));
        let expected = loss.forward(rows, of_rows, Some(own));
        assert_close(
            backend,
            number(&found.loss),
            number(&expected.loss),
            1e-6,
            0.0,
        );
        let gradient = logits.grad(&found.loss.backward()).unwrap();
        assert_eq!(gradient.dims(), [2, 3, 4], "{backend}");
    }
}

#[test]
#[should_panic(
    expected = "one target for each row of logits: logits are [2, 3, 4], targets [2, 4]"
)]
fn targets_of_another_shape_are_refused() {
    let device = Device::flex();
    let targets = Tensor::<2, Int>::zeros([2, 4], &device);
    cross_entropy(
        Tensor::<3>::zeros([2, 3, 4], &device),
        targets,
        None,
        Reduction::Mean,
    );
}
