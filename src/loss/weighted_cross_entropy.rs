//! Computes the cross entropy with class weights, label smoothing, ignored labels and sample weights.

use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Int, Tensor};
use serde::{Deserialize, Serialize};

use super::Labelled;
use super::cross_entropy::rows;
use crate::error::{Error, Result};

/// Settings of a [`CrossEntropy`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossEntropyConfig {
    /// The weight of each class, finite, not negative, not all 0. Default 1 each.
    pub class_weights: Option<Vec<f64>>,
    /// The part of each target that is spread over all classes, in [0, 1). Default 0.
    pub smoothing: f64,
    /// The target of samples without a label, such as -100. Default none.
    pub ignore_index: Option<i64>,
}

impl CrossEntropyConfig {
    /// Creates the settings of the plain cross entropy.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the weight of each class.
    pub fn with_class_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.class_weights = Some(weights.into());
        self
    }

    /// Sets the weight of each class so that all classes have an equal part in the loss.
    ///
    /// A class with `n_c` of the `N` samples has the weight `N / (C n_c)`, where `C` counts the classes with samples. A
    /// class without samples has weight 0. `counts` holds the number of samples of each class.
    pub fn with_balanced_classes(self, counts: &[usize]) -> Self {
        let all: usize = counts.iter().sum();
        let there = counts.iter().filter(|count| **count > 0).count();
        let weight = |count: &usize| match count {
            0 => 0.0,
            count => all as f64 / (there * count) as f64,
        };
        self.with_class_weights(counts.iter().map(weight).collect::<Vec<_>>())
    }

    /// Sets the part of each target that is spread over all classes.
    pub fn with_smoothing(mut self, smoothing: f64) -> Self {
        self.smoothing = smoothing;
        self
    }

    /// Sets the target of samples without a label.
    pub fn with_ignore_index(mut self, index: i64) -> Self {
        self.ignore_index = Some(index);
        self
    }

    /// Creates the loss on a device, with autodiff or without.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a weight or the smoothing is out of range.
    pub fn init(&self, device: &Device) -> Result<CrossEntropy> {
        self.check()?;
        let single = |weights: &[f64]| {
            let weights: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
            Tensor::from_floats(weights.as_slice(), &device.clone().inner())
        };
        Ok(CrossEntropy {
            class_weights: self.class_weights.as_deref().map(single),
            smoothing: self.smoothing,
            ignore_index: self.ignore_index,
        })
    }

    /// Checks the weights and the smoothing.
    ///
    /// # Errors
    ///
    /// As [`init`](Self::init).
    pub fn check(&self) -> Result<()> {
        if !(0.0..1.0).contains(&self.smoothing) {
            let expected = "at least 0 and below 1";
            return Err(Error::setting("smoothing", self.smoothing, expected));
        }
        let weights = self.class_weights.as_deref();
        if let Some(weights) = weights {
            let wrong = weights.iter().find(|w| !w.is_finite() || **w < 0.0);
            if let Some(wrong) = wrong {
                let expected = "a finite number that is not negative";
                return Err(Error::setting("class_weights", wrong, expected));
            }
            if weights.iter().all(|weight| *weight == 0.0) {
                let expected = "above 0 for one class at least";
                return Err(Error::setting("class_weights", "0 everywhere", expected));
            }
        }
        Ok(())
    }
}

/// The cross entropy between class logits and class indices, with weights.
///
/// ```text
/// l_i = -(1 - e) w_y log p_y - e / C sum_c w_c log p_c,   p = softmax(x_i)
/// L   = sum_i s_i l_i / sum_i s_i w_y
/// ```
///
/// with the logits `x`, the target class `y`, the class weights `w`, the smoothing `e`, the sample weights `s` and `C`
/// classes. The sums run over the samples whose target is not ignored. The mean is that of PyTorch's
/// `CrossEntropyLoss`.
///
/// # Example
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use equipoise::loss::CrossEntropyConfig;
///
/// let device = Device::flex();
/// let loss = CrossEntropyConfig::new()
///     .with_class_weights([1.0, 5.0])
///     .with_smoothing(0.1)
///     .with_ignore_index(-100)
///     .init(&device)?;
/// let (logits, targets) = (Tensor::<2>::zeros([3, 2], &device), Tensor::<1, Int>::from_ints([0, 1, -100], &device));
/// let found = loss.forward(logits, targets, None);
/// assert!((found.loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// assert_eq!(found.weight.into_scalar::<f32>(), 6.0);
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CrossEntropy {
    /// `[classes]`.
    class_weights: Option<Tensor<1>>,
    smoothing: f64,
    ignore_index: Option<i64>,
}

impl CrossEntropy {
    /// Computes the loss of a batch.
    ///
    /// # Shapes
    ///
    /// - logits: `[..., classes]`, such as `[batch, classes]`, or `[batch, time, classes]` for a class at every
    ///   position
    /// - targets: `[...]`, each in `0..classes` or the ignored target
    /// - weights: `[...]`, of each target, not negative
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, or if the number of class weights is not the number of classes. A target outside the
    /// classes panics on backends that check.
    pub fn forward<const D: usize, const T: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<T, Int>,
        weights: Option<Tensor<T>>,
    ) -> Labelled {
        if let Some(weights) = &weights {
            let (found, wanted) = (weights.dims(), targets.dims());
            assert_eq!(found, wanted, "a weight is needed for each target");
        }
        let (logits, targets) = rows(logits, targets);
        let weights = weights.map(|weights| weights.reshape(targets.dims()));
        self.of_rows(logits, targets, weights)
    }

    fn of_rows(
        &self,
        logits: Tensor<2>,
        targets: Tensor<1, Int>,
        sample_weights: Option<Tensor<1>>,
    ) -> Labelled {
        let [batch, classes] = logits.dims();
        // The weights are in single precision.
        let logits = logits.cast(DType::F32);
        let device = logits.device().inner();
        let plain = targets.clone().inner();
        let ignored = self
            .ignore_index
            .map(|index| plain.clone().equal_elem(index));
        let fill = |targets: Tensor<1, Int>| match &ignored {
            Some(ignored) => targets.mask_fill(ignored.clone(), 0),
            None => targets,
        };
        let (targets, plain) = (fill(targets), fill(plain));
        let class_weights = match &self.class_weights {
            Some(weights) => weights.clone().to_device(&device),
            None => Tensor::ones([classes], (&device, DType::F32)),
        };
        assert_eq!(
            class_weights.dims(),
            [classes],
            "a weight is needed for each class"
        );
        let of_samples = match sample_weights {
            Some(weights) => weights.inner().cast(DType::F32),
            None => Tensor::ones([batch], (&device, DType::F32)),
        };
        let of_samples = match &ignored {
            Some(ignored) => of_samples.mask_fill(ignored.clone(), 0.0),
            None => of_samples,
        };
        let of_targets = class_weights.clone().gather(0, plain);
        let weight = (of_samples.clone() * of_targets.clone())
            .sum()
            .cast(DType::F32);
        // Rows of weight 0 may hold any number, NaN included.
        let without = of_samples.clone().equal_elem(0.0).reshape([batch, 1]);
        let logits = logits.mask_fill(without.expand([batch, classes]), 0.0);
        let tracked = logits.is_autodiff();
        let attach = |values: Tensor<1>| {
            if tracked {
                Tensor::from_inner(values)
            } else {
                values
            }
        };
        let logs = log_softmax(logits, 1);
        let chosen = logs.clone().gather(1, targets.reshape([batch, 1]));
        let hard = chosen.reshape([batch]).neg() * attach(of_targets);
        let losses = if self.smoothing > 0.0 {
            let weights = attach(class_weights).reshape([1, classes]);
            let soft = (logs * weights).sum_dim(1).reshape([batch]).neg();
            hard * (1.0 - self.smoothing) + soft * (self.smoothing / classes as f64)
        } else {
            hard
        };
        Labelled::from_sum((losses * attach(of_samples)).sum(), weight)
    }
}
