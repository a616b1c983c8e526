//! The raw losses of one step, as one tensor, and which tasks had labels, and how many.

use burn::tensor::{Bool, DType, Device, Tensor};

use super::Labelled;
use crate::task::TaskSet;

/// The raw losses of all tasks for one batch: a `[K]` tensor attached to the graph, which tasks had labels, and how many.
///
/// Losses of half or double precision are cast to single precision, which every strategy computes in; the gradient is
/// cast back on its way.
///
/// # Absent tasks
///
/// A task without labels in a batch contributes nothing to the objective, and no strategy's state moves for it. There are
/// two ways to say so, and they differ in what happens to the task's head:
///
/// * **known to the host** ([`from_options`](Self::from_options), [`NamedLosses::absent`], [`NamedLosses::labelled`] with 0): the task's loss is
///   not part of the graph, so the parameters that only this task uses have no gradient at all, and an optimizer
///   leaves them as they are: no weight decay, no moments that shrink.
/// * **known to the device alone** ([`with_present`](Self::with_present), [`NamedLosses::masked`]): the gradient is zero, which an
///   optimizer of Adam's kind takes for a gradient, so the head decays and its moments shrink. Nothing is read from the
///   device for it.
#[derive(Clone, Debug)]
pub struct TaskLosses {
    values: Tensor<1>,
    /// The losses before they were put together, where they were given one by one.
    parts: Option<Vec<Option<Tensor<1>>>>,
    present: Option<Tensor<1, Bool>>,
    labels: Option<Tensor<1>>,
    /// Tasks that count by the samples of the batch though others count by their labels.
    by_samples: Vec<bool>,
    /// Tasks the host knows to be absent.
    absent: Vec<bool>,
    /// Present and finite; found once, because every part of a step asks.
    active: Tensor<1, Bool>,
}

impl TaskLosses {
    /// Puts together the losses of all tasks, one `[1]` tensor each, in the order of the [`TaskSet`].
    ///
    /// # Panics
    ///
    /// If there is none, or one is not reduced to a single number.
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

    /// Takes the losses of all tasks as one tensor.
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

    /// Puts together the losses of the tasks that have labels in this batch, in the order of the [`TaskSet`]; `None` is a
    /// task that has none. Its head gets no gradient at all.
    ///
    /// `device` is that of the losses; it decides where the result lies if no task has labels.
    ///
    /// # Panics
    ///
    /// If the list is empty, or a loss is not reduced to a single number.
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

    /// Begins a list of losses by the names of `tasks`, so that none can be swapped or forgotten.
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

    /// Says which tasks have labels in this batch; without it, all have.
    ///
    /// The value of an absent task may be anything, NaN included. What led to that value still gets a gradient of zero times
    /// its own derivative, which is NaN where the derivative is: give the loss function a mask as well if missing labels
    /// are marked by NaN.
    ///
    /// # Shapes
    ///
    /// - present: `[K]`
    ///
    /// # Panics
    ///
    /// If `present` has another length than the losses.
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

    /// Says how many labels each task's loss is a mean over; a task with none is absent.
    ///
    /// Means over an epoch count every batch by them. Without it, every task counts by the samples of the batch.
    ///
    /// # Shapes
    ///
    /// - labels: `[K]`, not negative
    ///
    /// # Panics
    ///
    /// If `labels` has another length than the losses.
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

    /// The number of tasks, K.
    pub fn len(&self) -> usize {
        self.values.dims()[0]
    }

    /// Never true: there is at least one task.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the raw losses as given, attached to the graph, `[K]`.
    pub fn values(&self) -> Tensor<1> {
        self.values.clone()
    }

    /// Returns the loss of one task as it was given; `None` where the task is absent or the losses came as one tensor.
    pub(crate) fn part(&self, task: usize) -> Option<&Tensor<1>> {
        self.parts.as_ref()?.get(task)?.as_ref()
    }

    /// Whether the losses were given one by one.
    pub(crate) fn has_parts(&self) -> bool {
        self.parts.is_some()
    }

    /// Returns the tasks that have labels in this batch, `[K]`, if not all have.
    pub fn present(&self) -> Option<Tensor<1, Bool>> {
        self.present.clone()
    }

    /// Returns what each task counts by in a mean over batches, `[K]`, off the graph: its labels where they were counted, and
    /// `samples` where not; 0 for a task that is absent or whose loss is not finite.
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

    /// Tells for each task whether the host knows it to be absent.
    pub fn absent(&self) -> &[bool] {
        &self.absent
    }

    /// Returns the tasks that count in this step, `[K]`: present and with a finite loss. Off the graph.
    pub fn active(&self) -> Tensor<1, Bool> {
        self.active.clone()
    }

    /// Returns the tasks whose loss is not finite though they have labels, `[K]`.
    #[cfg(feature = "train")]
    pub(crate) fn non_finite(&self) -> Tensor<1, Bool> {
        let inactive = self.active.clone().bool_not();
        match &self.present {
            Some(present) => inactive.bool_and(present.clone()),
            None => inactive,
        }
    }

    /// Returns the losses with every inactive task's value and gradient set to zero, `[K]`, attached to the graph.
    pub fn masked(&self, active: &Tensor<1, Bool>) -> Tensor<1> {
        self.values
            .clone()
            .mask_fill(active.clone().bool_not(), 0.0)
    }

    /// Returns the loss of one task, `[1]`, as [`masked`](Self::masked) does, attached to what leads to this task alone; `None` where
    /// [`part`](Self::part) has none.
    #[cfg(feature = "train")]
    pub(crate) fn masked_part(&self, task: usize) -> Option<Tensor<1>> {
        let part = self.part(task)?.clone().reshape([1]);
        let inactive = self.active.clone().narrow(0, task, 1).bool_not();
        Some(part.mask_fill(inactive, 0.0))
    }

    /// Returns the same losses whose gradients are multiplied by a constant each, `[K]`.
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

    /// Whether anything was said of labels: how many, or that a task has none.
    #[cfg(feature = "train")]
    pub(crate) fn tells_labels(&self) -> bool {
        self.labels.is_some() || self.present.is_some()
    }

    /// Puts together the losses of several parts of a batch, each a mean over its labels: the means over all labels. Off the graph.
    ///
    /// `counts` are those of [`counts`](Self::counts), `[K]` for each part.
    ///
    /// # Panics
    ///
    /// If there is no part.
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

    /// Returns the losses times a constant each, `[K]`, with the same tasks present.
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

    /// Returns the same losses as plain numbers on another device.
    #[cfg(feature = "train")]
    pub(crate) fn on(&self, device: &Device) -> Self {
        let device = device.clone().inner();
        if self.values.device().inner() == device {
            return self.detached();
        }
        // Numbers move between all backends, truths do not.
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

    /// Returns losses of other values with the same tasks present.
    #[cfg(feature = "train")]
    pub(crate) fn with_values(&self, values: Tensor<1>) -> Self {
        Self {
            values,
            parts: None,
            ..self.clone()
        }
    }

    /// Returns the same losses as plain numbers, off the graph.
    pub fn detached(&self) -> Self {
        Self {
            values: self.values.clone().inner(),
            parts: None,
            ..self.clone()
        }
    }
}

/// Losses given by the names of their tasks; [`TaskLosses::by_name`] begins such a list.
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
    /// Gives the loss of a task that has labels for every sample, `[1]`.
    ///
    /// # Panics
    ///
    /// If there is no such task, it was given before, or its loss is not reduced to a single number; so do the other methods.
    pub fn loss(self, task: &str, loss: Tensor<1>) -> Self {
        self.entry(task, Some(loss), Labels::All)
    }

    /// Says that a task has no labels in this batch.
    pub fn absent(self, task: &str) -> Self {
        self.entry(task, None, Labels::Counted(0))
    }

    /// Gives the loss of a task, or says that it has no labels in this batch.
    pub fn optional(self, task: &str, loss: Option<Tensor<1>>) -> Self {
        match loss {
            Some(loss) => self.loss(task, loss),
            None => self.absent(task),
        }
    }

    /// Gives the loss of a task that is a mean over `labels` labels, counted when the batch was made. With 0 the task is
    /// absent and the loss is not used.
    pub fn labelled(self, task: &str, loss: Tensor<1>, labels: usize) -> Self {
        let loss = (labels > 0).then_some(loss);
        self.entry(task, loss, Labels::Counted(labels))
    }

    /// Gives the loss of a task that is a mean over the elements where `mask` is true. Nothing is read from the device, so
    /// a mask without any label leaves the head a gradient of zero; [`labelled`](Self::labelled) leaves it none.
    pub fn masked<const D: usize>(
        self,
        task: &str,
        loss: Tensor<1>,
        mask: Tensor<D, Bool>,
    ) -> Self {
        let labels = mask.inner().float().sum();
        self.entry(task, Some(loss), Labels::Masked(Box::new(labels)))
    }

    /// Gives the loss of a task that is a mean over labels of different weight. As with masks, a batch without any label leaves the
    /// head a gradient of zero.
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

    /// Puts the losses together in the order of the tasks.
    ///
    /// # Panics
    ///
    /// If a task was not given; say that it is [`absent`](Self::absent) if it has no labels.
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
            // Which tasks are absent is known already, and how many samples there are is the batch's to say.
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

/// Losses one behind the other, `[K]`.
fn together(losses: &[Tensor<1>]) -> Tensor<1> {
    #[cfg(feature = "gpu-kernels")]
    if let Some(all) = super::gpu::together(losses) {
        return all;
    }
    Tensor::cat(losses.to_vec(), 0)
}

/// A loss in single precision.
fn single(loss: Tensor<1>) -> Tensor<1> {
    if loss.dtype() == DType::F32 {
        loss
    } else {
        loss.cast(DType::F32)
    }
}
