//! Defines a named value of a strategy, for the log.

use burn::tensor::Tensor;

/// A named value of a strategy, on the device until [`read`](StateValue::read).
#[derive(Clone, Debug)]
pub struct StateValue {
    name: &'static str,
    values: Tensor<1>,
    per_task: bool,
}

impl StateValue {
    /// Creates a quantity with one value for each task, `[K]`.
    pub fn per_task(name: &'static str, values: Tensor<1>) -> Self {
        Self {
            name,
            values: values.inner(),
            per_task: true,
        }
    }

    /// Creates a quantity with one value for the whole strategy, `[1]`.
    pub fn global(name: &'static str, value: Tensor<1>) -> Self {
        Self {
            name,
            values: value.inner(),
            per_task: false,
        }
    }

    /// Returns the quantity's name: `sigma`, `running_mean`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns whether there is one value for each task, in the order of the tasks.
    pub fn is_per_task(&self) -> bool {
        self.per_task
    }

    /// Returns the values, still on the device and off the graph, `[K]` or `[1]`.
    pub fn values(&self) -> Tensor<1> {
        self.values.clone()
    }

    /// Reads the values from the device, and waits for the device if necessary.
    pub fn read(&self) -> Vec<f64> {
        self.values.to_data().convert::<f64>().iter().collect()
    }
}
