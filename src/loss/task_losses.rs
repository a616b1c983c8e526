//! The raw losses of one step as one tensor, with the presence and the number of the labels of each task.

use burn::tensor::{Bool, DType, Device, Tensor};

use super::Labelled;
use crate::task::TaskSet;

/// The raw losses of all tasks for one batch: a `[K]` tensor attached to the graph, with the presence and the number of
/// the labels of each task.
///
/// Losses in half or double precision are cast to single precision, in which every strategy computes. The backward pass
/// casts the gradient back.
///
/// # Absent tasks
///
/// A task without labels in a batch contributes nothing to the objective, and no strategy changes its state for the
/// task. There are two ways to declare a task absent, with different effects on the head of the task:
///
/// * **known to the host** ([`from_options`](Self::from_options), [`NamedLosses::absent`], [`NamedLosses::labelled`]
///   with 0): the loss of the task is not part of the graph. The parameters that only this task uses have no gradient,
///   and an optimizer leaves them unchanged: no weight decay, no moments that shrink.
/// * **known to the device alone** ([`with_present`](Self::with_present), [`NamedLosses::masked`]): the gradient is
///   zero. An optimizer like Adam takes the zero for a gradient, so the head decays and its moments shrink. Nothing is
///   read from the device.
///
/// # Example
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use equipoise::loss::TaskLosses;
///
/// let device = Device::flex();
/// let age = Tensor::<1>::from_floats([3.5], &device);
/// let smiles = Tensor::<1>::from_floats([0.75], &device);
/// let losses = TaskLosses::new(vec![age, smiles]);
/// assert_eq!(losses.values().into_data().to_vec::<f32>().unwrap(), [3.5, 0.75]);
/// ```
#[derive(Clone, Debug)]
pub struct TaskLosses {
    values: Tensor<1>,
    /// The losses before concatenation, if they were given one by one.
    parts: Option<Vec<Option<Tensor<1>>>>,
    present: Option<Tensor<1, Bool>>,
    labels: Option<Tensor<1>>,
    /// The tasks that count by the samples of the batch while other tasks count by their labels. May be empty.
    by_samples: Vec<bool>,
    /// The tasks that the host knows to be absent.
    absent: Vec<bool>,
    /// The tasks that are present and have a finite loss. Computed once, because every part of a step reads it.
    active: Tensor<1, Bool>,
}

impl TaskLosses {
    /// Concatenates the losses of all tasks, one `[1]` tensor each, in the order of the [`TaskSet`].
    ///
    /// # Panics
    ///
    /// If the list is empty, or if a loss is not reduced to a single number.
    pub fn new(losses: Vec<Tensor<1>>) -> Self {
        assert!(
            !losses.is_empty(),
            "there is no loss: give one for each task"
        );
        losses.iter().enumerate().for_each(|(task, loss)| {
            check_single(&format!("the loss of task {task} (counted from 0)"), loss);
        });
        let losses: Vec<_> = losses.into_iter().map(single).collect();
        let mut all = Self::from_values(together(&losses));
        all.parts = Some(losses.into_iter().map(Some).collect());
        all
    }

    /// Creates the losses of all tasks from one tensor.
    ///
    /// # Shapes
    ///
    /// - values: `[K]`
    pub fn from_values(values: Tensor<1>) -> Self {
        let values = single(values);
        Self {
            active: values.clone().inner().is_finite(),
            absent: vec![false; values.dims()[0]],
            by_samples: Vec::new(),
            values,
            parts: None,
            present: None,
            labels: None,
        }
    }

    /// Concatenates the losses of the tasks with labels in this batch, in the order of the [`TaskSet`].
    ///
    /// `None` stands for a task without labels. Its head gets no gradient.
    ///
    /// `device` is the device of the losses. If no task has labels, the result is on this device.
    ///
    /// # Panics
    ///
    /// If the list is empty, or if a loss is not reduced to a single number.
    pub fn from_options(losses: Vec<Option<Tensor<1>>>, device: &Device) -> Self {
        assert!(
            !losses.is_empty(),
            "there is no task: give an entry for each, `None` where it is absent"
        );
        losses.iter().enumerate().for_each(|(task, loss)| {
            let what = format!("the loss of task {task} (counted from 0)");
            loss.iter().for_each(|loss| check_single(&what, loss));
        });
        let parts: Vec<_> = losses.into_iter().map(|loss| loss.map(single)).collect();
        let absent: Vec<bool> = parts.iter().map(Option::is_none).collect();
        if !absent.contains(&true) {
            return Self::new(parts.into_iter().flatten().collect());
        }
        let value = |part: &Option<Tensor<1>>| match part {
            Some(loss) => loss.clone(),
            None => Tensor::zeros([1], (device, DType::F32)),
        };
        let values = Tensor::cat(parts.iter().map(value).collect(), 0);
        let present: Vec<bool> = absent.iter().map(|absent| !absent).collect();
        let present = Tensor::from_data(present.as_slice(), &device.clone().inner());
        let mut all = Self::from_values(values).with_present(present);
        all.parts = Some(parts);
        all.absent = absent;
        all
    }

    /// Creates a list of losses by the names of `tasks`, so that no loss can be swapped or forgotten.
    ///
    /// # Example
    ///
    /// ```
    /// use burn::tensor::{Bool, Device, Tensor};
    /// use equipoise::loss::TaskLosses;
    /// use equipoise::{Task, TaskSet};
    ///
    /// let device = Device::flex();
    /// let tasks = TaskSet::new([Task::regression("age", 1), Task::binary("smiles", 1), Task::binary("glasses", 1)])?;
    /// let mask: Tensor<1, Bool> = Tensor::from_data([true, false, true, true], &device);
    /// let losses = TaskLosses::by_name(&tasks, &device)
    ///     .masked("smiles", Tensor::from_floats([0.7], &device), mask)
    ///     .loss("age", Tensor::from_floats([3.5], &device))
    ///     .absent("glasses")
    ///     .build();
    /// assert_eq!(losses.values().into_data().to_vec::<f32>().unwrap(), [3.5, 0.7, 0.0]);
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn by_name<'a>(tasks: &'a TaskSet, device: &Device) -> NamedLosses<'a> {
        NamedLosses {
            tasks,
            device: device.clone(),
            entries: vec![None; tasks.len()],
        }
    }

    /// Sets which tasks have labels in this batch. Default all.
    ///
    /// The value of an absent task may be any number, NaN included. The operations that led to the value still get a
    /// gradient of zero times their derivative, which is NaN if the derivative is. If NaN marks missing labels, pass
    /// the loss function a mask as well.
    ///
    /// # Shapes
    ///
    /// - present: `[K]`
    ///
    /// # Panics
    ///
    /// If the length of `present` is not the number of tasks.
    pub fn with_present(mut self, present: Tensor<1, Bool>) -> Self {
        assert_eq!(
            present.dims(),
            self.values.dims(),
            "presence must be given for each task"
        );
        let present = present.inner();
        self.active = self.active.bool_and(present.clone());
        self.present = Some(match self.present.take() {
            Some(before) => before.bool_and(present),
            None => present,
        });
        self
    }

    /// Sets the number of labels that the loss of each task is a mean over. A task with 0 labels is absent.
    ///
    /// In means over an epoch, every batch counts by these numbers. By default, every task counts by the samples of the
    /// batch.
    ///
    /// # Shapes
    ///
    /// - labels: `[K]`, not negative
    ///
    /// # Panics
    ///
    /// If the length of `labels` is not the number of tasks.
    pub fn with_labels(mut self, labels: Tensor<1>) -> Self {
        assert_eq!(
            labels.dims(),
            self.values.dims(),
            "the labels must be counted for each task"
        );
        let labels = single(labels.inner());
        let present = labels.clone().greater_scalar(0.0);
        self.labels = Some(labels);
        self.with_present(present)
    }

    /// Returns the number of tasks, K.
    pub fn len(&self) -> usize {
        self.values.dims()[0]
    }

    /// Returns `false`: there is at least one task.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the raw losses as given, attached to the graph, `[K]`.
    pub fn values(&self) -> Tensor<1> {
        self.values.clone()
    }

    /// Returns the loss of one task as given. Returns `None` if the task is absent or if the losses came as one tensor.
    pub(crate) fn part(&self, task: usize) -> Option<&Tensor<1>> {
        self.parts.as_ref()?.get(task)?.as_ref()
    }

    /// Returns whether the losses were given one by one.
    pub(crate) fn has_parts(&self) -> bool {
        self.parts.is_some()
    }

    /// Returns which tasks have labels in this batch, `[K]`. Returns `None` if the presence was not set: all tasks have
    /// labels.
    pub fn present(&self) -> Option<Tensor<1, Bool>> {
        self.present.clone()
    }

    /// Returns the weight of this batch for each task in a mean over batches, `[K]`, off the graph.
    ///
    /// The weight is the number of labels if it is known, `samples` otherwise, and 0 for a task that is absent or whose
    /// loss is not finite.
    pub fn counts(&self, samples: usize) -> Tensor<1> {
        let active = self.active.clone().float().cast(DType::F32);
        let Some(labels) = &self.labels else {
            return active * samples as f64;
        };
        let labels = if self.by_samples.contains(&true) {
            let plain = self.values.device().inner();
            let by_samples = Tensor::from_data(self.by_samples.as_slice(), &plain);
            labels.clone().mask_fill(by_samples, samples as f64)
        } else {
            labels.clone()
        };
        active * labels
    }

    /// Returns for each task whether the host knows that it is absent.
    pub fn absent(&self) -> &[bool] {
        &self.absent
    }

    /// Returns the tasks that are present and have a finite loss, `[K]`, off the graph.
    pub fn active(&self) -> Tensor<1, Bool> {
        self.active.clone()
    }

    /// Returns the tasks that have labels but no finite loss, `[K]`.
    #[cfg(feature = "train")]
    pub(crate) fn non_finite(&self) -> Tensor<1, Bool> {
        let inactive = self.active.clone().bool_not();
        match &self.present {
            Some(present) => inactive.bool_and(present.clone()),
            None => inactive,
        }
    }

    /// Returns the losses with value and gradient of every inactive task set to zero, `[K]`, attached to the graph.
    pub fn masked(&self, active: &Tensor<1, Bool>) -> Tensor<1> {
        self.values
            .clone()
            .mask_fill(active.clone().bool_not(), 0.0)
    }

    /// Returns the loss of one task, `[1]`, set to zero like [`masked`](Self::masked), attached to the graph of this
    /// task alone. Returns `None` if [`part`](Self::part) does.
    #[cfg(feature = "train")]
    pub(crate) fn masked_part(&self, task: usize) -> Option<Tensor<1>> {
        let part = self.part(task)?.clone().reshape([1]);
        let inactive = self.active.clone().narrow(0, task, 1).bool_not();
        Some(part.mask_fill(inactive, 0.0))
    }

    /// Returns losses of equal value whose gradients are multiplied by one constant each, `[K]`.
    pub(crate) fn with_gradients_times(&self, factors: &Tensor<1>) -> Self {
        let factors = if self.values.is_autodiff() {
            Tensor::from_inner(factors.clone())
        } else {
            factors.clone()
        };
        let times = |loss: &Tensor<1>, factor: Tensor<1>| {
            let still = loss.clone().detach();
            still.clone() + (loss.clone() - still) * factor
        };
        let part = |(task, part): (usize, &Option<Tensor<1>>)| {
            let factor = factors.clone().narrow(0, task, 1);
            part.as_ref().map(|loss| times(loss, factor))
        };
        let parts = self.parts.as_ref();
        Self {
            values: times(&self.values, factors.clone()),
            parts: parts.map(|parts| parts.iter().enumerate().map(part).collect()),
            ..self.clone()
        }
    }

    /// Returns whether the number of labels or the presence of tasks was set.
    #[cfg(feature = "train")]
    pub(crate) fn tells_labels(&self) -> bool {
        self.labels.is_some() || self.present.is_some()
    }

    /// Computes the means over all labels from the losses of several parts of a batch, each a mean over its labels. Off
    /// the graph.
    ///
    /// `counts` holds the [`counts`](Self::counts) of each part, `[K]` each.
    ///
    /// # Panics
    ///
    /// If `parts` is empty.
    #[cfg(feature = "train")]
    pub(crate) fn joined(parts: &[Self], counts: &[Tensor<1>]) -> Self {
        let each = parts.iter().zip(counts);
        let sum = |terms: &mut dyn Iterator<Item = Tensor<1>>| {
            terms
                .reduce(|sum, term| sum + term)
                .expect("there is a part")
        };
        let labels = sum(&mut counts.iter().cloned());
        let sums = sum(&mut each.map(|(part, counts)| {
            let inactive = part.active.clone().bool_not();
            part.values.clone().inner().mask_fill(inactive, 0.0) * counts.clone()
        }));
        let absent = (0..parts[0].len()).map(|task| parts.iter().all(|part| part.absent[task]));
        let mut all = Self::from_values(sums / labels.clone().clamp_min(1e-30));
        all.absent = absent.collect();
        all.with_labels(labels)
    }

    /// Returns the losses times one constant each, `[K]`. The presence of the tasks is unchanged.
    pub(crate) fn scaled(&self, by: &Tensor<1>) -> Self {
        let by = if self.values.is_autodiff() {
            Tensor::from_inner(by.clone())
        } else {
            by.clone()
        };
        Self {
            values: self.values.clone() * by,
            parts: None,
            ..self.clone()
        }
    }

    /// Returns the losses on another device, off the graph.
    #[cfg(feature = "train")]
    pub(crate) fn on(&self, device: &Device) -> Self {
        let device = device.clone().inner();
        if self.values.device().inner() == device {
            return self.detached();
        }
        // Float tensors move between all backends, boolean tensors do not.
        let mask = |mask: &Tensor<1, Bool>| {
            let numbers = mask.clone().float().to_device(&device);
            numbers.greater_elem(0.5)
        };
        Self {
            values: self.values.clone().inner().to_device(&device),
            parts: None,
            present: self.present.as_ref().map(mask),
            labels: self.labels.clone().map(|labels| labels.to_device(&device)),
            by_samples: self.by_samples.clone(),
            absent: self.absent.clone(),
            active: mask(&self.active),
        }
    }

    /// Returns losses with other values. The presence of the tasks is unchanged.
    #[cfg(feature = "train")]
    pub(crate) fn with_values(&self, values: Tensor<1>) -> Self {
        Self {
            values,
            parts: None,
            ..self.clone()
        }
    }

    /// Returns the losses off the graph.
    pub fn detached(&self) -> Self {
        Self {
            values: self.values.clone().inner(),
            parts: None,
            ..self.clone()
        }
    }
}

/// The losses of one batch by the names of their tasks, created by [`TaskLosses::by_name`].
#[derive(Clone, Debug)]
pub struct NamedLosses<'a> {
    tasks: &'a TaskSet,
    device: Device,
    entries: Vec<Option<Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    loss: Option<Tensor<1>>,
    labels: Labels,
}

#[derive(Clone, Debug)]
enum Labels {
    All,
    Counted(usize),
    Masked(Box<Tensor<1>>),
}

impl NamedLosses<'_> {
    /// Adds the loss of a task with labels for every sample, `[1]`.
    ///
    /// # Panics
    ///
    /// If there is no task of this name, if its loss was already added, or if the loss is not reduced to a single
    /// number. This holds for every method that adds a task.
    pub fn loss(self, task: &str, loss: Tensor<1>) -> Self {
        self.entry(task, Some(loss), Labels::All)
    }

    /// Marks a task as absent: it has no labels in this batch.
    pub fn absent(self, task: &str) -> Self {
        self.entry(task, None, Labels::Counted(0))
    }

    /// Adds the loss of a task, `[1]`, or marks the task as absent if `loss` is `None`.
    pub fn optional(self, task: &str, loss: Option<Tensor<1>>) -> Self {
        match loss {
            Some(loss) => self.loss(task, loss),
            None => self.absent(task),
        }
    }

    /// Adds the loss of a task that is a mean over `labels` labels, counted on the host when the batch was made.
    ///
    /// With 0 labels, the task is absent and the loss is not used.
    pub fn labelled(self, task: &str, loss: Tensor<1>, labels: usize) -> Self {
        let loss = (labels > 0).then_some(loss);
        self.entry(task, loss, Labels::Counted(labels))
    }

    /// Adds the loss of a task that is a mean over the elements where `mask` is true.
    ///
    /// Nothing is read from the device, so with an empty mask the head gets a gradient of zero, whereas with
    /// [`labelled`](Self::labelled) and 0 it gets no gradient.
    pub fn masked<const D: usize>(
        self,
        task: &str,
        loss: Tensor<1>,
        mask: Tensor<D, Bool>,
    ) -> Self {
        let labels = mask.inner().float().sum();
        self.entry(task, Some(loss), Labels::Masked(Box::new(labels)))
    }

    /// Adds the loss of a task that is a weighted mean over labels.
    ///
    /// As with [`masked`](Self::masked), the head gets a gradient of zero from a batch without labels.
    pub fn weighted(self, task: &str, labelled: Labelled) -> Self {
        let weight = Labels::Masked(Box::new(labelled.weight));
        self.entry(task, Some(labelled.loss), weight)
    }

    fn entry(mut self, task: &str, loss: Option<Tensor<1>>, labels: Labels) -> Self {
        let Some(position) = self.tasks.position(task) else {
            panic!(
                "`{task}` is not a task; the tasks are {}",
                self.tasks.listing()
            )
        };
        if let Some(loss) = &loss {
            check_single(&format!("the loss of `{task}`"), loss);
        }
        let place = &mut self.entries[position];
        assert!(place.is_none(), "the loss of `{task}` was given twice");
        *place = Some(Entry { loss, labels });
        self
    }

    /// Concatenates the losses in the order of the tasks.
    ///
    /// # Panics
    ///
    /// If a task is missing. A task without labels must be marked as [`absent`](Self::absent).
    pub fn build(self) -> TaskLosses {
        let names = self.tasks.names();
        let missing: Vec<&str> = names
            .zip(&self.entries)
            .filter_map(|(name, entry)| entry.is_none().then_some(name))
            .collect();
        assert!(
            missing.is_empty(),
            "no loss was given for {}: give it, or say that the task is absent from this batch",
            missing.join(", ")
        );
        let (losses, labels): (Vec<_>, Vec<_>) = self
            .entries
            .into_iter()
            .flatten()
            .map(|entry| (entry.loss, entry.labels))
            .unzip();
        let losses = TaskLosses::from_options(losses, &self.device);
        let told = |labels: &Labels| !matches!(labels, Labels::All | Labels::Counted(0));
        if !labels.iter().any(told) {
            // The absent tasks are known already; the number of samples is passed to `counts`.
            return losses;
        }
        let plain = self.device.inner();
        let by_samples = labels.iter().map(|labels| matches!(labels, Labels::All));
        let by_samples: Vec<bool> = by_samples.collect();
        let count = |labels: Labels| match labels {
            Labels::All => Tensor::from_data([1.0f32], &plain),
            Labels::Counted(count) => Tensor::from_data([count as f32], &plain),
            Labels::Masked(count) => single(*count),
        };
        let labels = Tensor::cat(labels.into_iter().map(count).collect(), 0);
        let mut losses = losses.with_labels(labels);
        losses.by_samples = by_samples;
        losses
    }
}

fn check_single(what: &str, loss: &Tensor<1>) {
    let [numbers] = loss.dims();
    assert!(
        numbers == 1,
        "{what} has {numbers} numbers instead of one: reduce it to its mean, and give the losses of several tasks one by one"
    );
}

/// Concatenates losses, `[K]`.
fn together(losses: &[Tensor<1>]) -> Tensor<1> {
    #[cfg(feature = "gpu-kernels")]
    if let Some(all) = super::gpu::together(losses) {
        return all;
    }
    Tensor::cat(losses.to_vec(), 0)
}

/// Casts a loss to single precision.
fn single(loss: Tensor<1>) -> Tensor<1> {
    if loss.dtype() == DType::F32 {
        loss
    } else {
        loss.cast(DType::F32)
    }
}
