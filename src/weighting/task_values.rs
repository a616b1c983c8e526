//! Reads numbers per task from a config, by name or as a list in the order of the tasks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::task::TaskSet;

/// The largest fixed weight, because weights are multiplied in single precision before they are used.
const LARGEST_WEIGHT: f64 = 1e30;

/// A number per task: `{"type": 0.1, "pointers": 0.7}` or `[0.1, 0.7]`.
///
/// By name, tasks without a number get the default of the setting, and a name that is not a task is refused. A list
/// needs one number for each task, in their order; an empty list gives every task the default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "something else than one number for each task, such as {\"type\": 0.1} or [0.1, 0.7]"
)]
pub enum TaskValues {
    /// Numbers in the order of the tasks.
    InOrder(Vec<f64>),
    /// Numbers by the name of the task.
    ByName(BTreeMap<String, f64>),
}

impl Default for TaskValues {
    fn default() -> Self {
        Self::ByName(BTreeMap::new())
    }
}

impl<const N: usize> From<[f64; N]> for TaskValues {
    fn from(values: [f64; N]) -> Self {
        Self::InOrder(values.to_vec())
    }
}

impl From<Vec<f64>> for TaskValues {
    fn from(values: Vec<f64>) -> Self {
        Self::InOrder(values)
    }
}

impl<const N: usize> From<[(&str, f64); N]> for TaskValues {
    fn from(values: [(&str, f64); N]) -> Self {
        Self::ByName(values.map(|(name, value)| (name.to_string(), value)).into())
    }
}

impl TaskValues {
    /// Returns a number for each of `tasks`, in order; tasks without a number get `default`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming `field` if a name is not a task, or the length of the list differs from the number
    /// of tasks.
    ///
    /// # Example
    ///
    /// ```
    /// use equipoise::weighting::TaskValues;
    /// use equipoise::{Task, TaskSet};
    ///
    /// let tasks = TaskSet::new([Task::regression("near", 1), Task::regression("far", 1)])?;
    /// let values = TaskValues::from([("far", 2.0)]);
    /// assert_eq!(values.resolve("weights", &tasks, 1.0)?, [1.0, 2.0]);
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn resolve(&self, field: &str, tasks: &TaskSet, default: f64) -> Result<Vec<f64>> {
        match self {
            Self::InOrder(values) if values.is_empty() => Ok(vec![default; tasks.len()]),
            Self::InOrder(values) if values.len() == tasks.len() => Ok(values.clone()),
            Self::InOrder(values) => Err(Error::setting(
                field,
                format!("a list of {} numbers", values.len()),
                format!(
                    "one number for each of the {} tasks: {}",
                    tasks.len(),
                    tasks.listing()
                ),
            )),
            Self::ByName(values) => {
                if let Some(name) = values.keys().find(|name| tasks.get(name).is_none()) {
                    return Err(Error::setting(
                        format!("{field}.{name}"),
                        "not a task",
                        format!("one of the tasks: {}", tasks.listing()),
                    ));
                }
                let value = |name| values.get(name).copied().unwrap_or(default);
                Ok(tasks.names().map(value).collect())
            }
        }
    }

    /// Calls [`resolve`](Self::resolve) and checks every number with `accept`, which `expected` describes.
    pub(super) fn resolve_checked(
        &self,
        field: &str,
        tasks: &TaskSet,
        default: f64,
        expected: &str,
        accept: impl Fn(f64) -> bool,
    ) -> Result<Vec<f64>> {
        let values = self.resolve(field, tasks, default)?;
        for (name, value) in tasks.names().zip(&values) {
            if !accept(*value) {
                return Err(Error::setting(format!("{field}.{name}"), value, expected));
            }
        }
        Ok(values)
    }

    /// Returns fixed weights `w_k sqrt(n_k)` with the elements `n_k` of each task.
    pub(super) fn scaled_by_elements(&self, tasks: &TaskSet) -> Result<Vec<f64>> {
        let weights = self.weights(tasks)?;
        let elements = tasks.iter().map(|task| task.elements() as f64);
        Ok(weights
            .iter()
            .zip(elements)
            .map(|(w, n)| w * n.sqrt())
            .collect())
    }

    /// Returns fixed weights: finite, not negative, not all zero. Default 1/K each.
    pub(super) fn weights(&self, tasks: &TaskSet) -> Result<Vec<f64>> {
        let equal = 1.0 / tasks.len() as f64;
        let weights = self.resolve_checked(
            "weights",
            tasks,
            equal,
            "a finite number that is not negative, up to 1e30",
            |w| (0.0..=LARGEST_WEIGHT).contains(&w),
        )?;
        if weights.iter().any(|w| *w as f32 > 0.0) {
            return Ok(weights);
        }
        let expected = "positive for at least one task";
        Err(Error::setting("weights", "zero for every task", expected))
    }
}
