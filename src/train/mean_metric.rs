//! Computes a metric from one function: the mean of its values over the validation data.

use std::sync::Arc;

use burn::tensor::{DType, Tensor, TensorReadError};
use burn::train::metric::{Adaptor, Metric, MetricMetadata, MetricName, SerializedEntry};

use super::journal::Journal;
use super::output::StepOutput;
use crate::history::{ALL_TASKS, Split};

/// The evaluation of a validation batch by the network.
pub(super) struct Evaluated<E>(Option<E>);

impl<E: Clone> Adaptor<Evaluated<E>> for StepOutput<E> {
    fn adapt(&self) -> Evaluated<E> {
        Evaluated(self.evaluation.clone())
    }
}

/// Returns the values of a batch, one per sample or per label.
pub(super) type ValuesOf<E> = Arc<dyn Fn(&E) -> Tensor<1> + Send + Sync>;

/// A metric that sums on the device and reads the sum once at the end of an epoch.
pub(super) struct MeanMetric<E> {
    /// The name, `task/quantity`.
    name: String,
    values: ValuesOf<E>,
    journal: Journal,
    sum: Option<Tensor<1>>,
    count: usize,
}

impl<E> MeanMetric<E> {
    pub(super) fn new(name: String, values: ValuesOf<E>, journal: Journal) -> Self {
        Self {
            name,
            values,
            journal,
            sum: None,
            count: 0,
        }
    }
}

impl<E> Clone for MeanMetric<E> {
    fn clone(&self) -> Self {
        let (name, values) = (self.name.clone(), self.values.clone());
        Self {
            sum: self.sum.clone(),
            count: self.count,
            ..Self::new(name, values, self.journal.clone())
        }
    }
}

impl<E: Clone + Send + 'static> Metric for MeanMetric<E> {
    type Input = Evaluated<E>;

    fn name(&self) -> MetricName {
        Arc::new(self.name.clone())
    }

    fn update(
        &mut self,
        item: &Evaluated<E>,
        _metadata: &MetricMetadata,
    ) -> Result<SerializedEntry, TensorReadError> {
        if let Some(evaluation) = &item.0 {
            let values = (self.values)(evaluation);
            self.count += values.dims()[0];
            let sum = values.cast(DType::F32).sum();
            self.sum = Some(match self.sum.take() {
                Some(before) => before + sum,
                None => sum,
            });
        }
        Ok(SerializedEntry::not_available(None))
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        if let Some(sum) = &self.sum
            && self.count > 0
        {
            let sum = sum.clone().try_into_vec_as::<f32>()?[0];
            let mean = f64::from(sum) / self.count as f64;
            let (task, quantity) = self.name.split_once('/').unwrap_or((ALL_TASKS, &self.name));
            let mut entries = self.journal.lock();
            let epoch = entries.epoch;
            entries
                .history
                .record(epoch, Split::Valid, task, quantity, mean);
        }
        Ok(SerializedEntry::not_available(None))
    }

    fn clear(&mut self) {
        self.sum = None;
        self.count = 0;
    }
}
