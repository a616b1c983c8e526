//! Fits the uninformed predictors of all tasks side by side: one pass over the batches evaluates a trial of every task.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Gradients, Tensor};

use super::descent::Descent;
use super::measured::{BatchLosses, LossRows, WORTH};
use super::outline::{Form, Outline, hollow};
use super::parameters::{Own, Reached, floats, quiet, set};
use crate::error::{Error, Result};
use crate::loss::TaskLosses;
use crate::model::{Branches, MultiTaskModel, Shared};
use crate::train::data::{DataPass, Source};

/// The numbers of evaluations: coarse and fine on a few batches, and the last ones on all.
const COARSE_EVALUATIONS: usize = 60;
const FINE_EVALUATIONS: usize = 6;
const LAST_EVALUATIONS: usize = 24;
/// The numbers of the few batches, for constants and for position predictors, and the largest number of all batches for
/// position predictors. Position predictors have labels at every position, so fewer batches suffice.
const FEW: [usize; 2] = [1, 3];
const POSITION_BATCHES: usize = 12;
/// The relative decrease below which a loss counts as unchanged: on a few batches, and on all.
const FIRST_SMALL: f64 = 3e-3;
const LAST_SMALL: f64 = 1e-3;

/// A batch and a representation of its form.
struct Prepared<M: MultiTaskModel> {
    batch: M::Batch,
    shared: M::Shared,
}

/// The state of the fit of all predictors.
pub(super) struct Fit<M: MultiTaskModel> {
    network: M,
    device: Device,
    /// The device without autodiff.
    plain: Device,
    batches: Vec<Prepared<M>>,
    /// The form of the fitted representation; `None` if the representation is the network's output for a batch without
    /// inputs.
    outline: Option<Outline>,
    form: Form,
    own: Vec<Own>,
    descents: Vec<Descent>,
    /// The numbers of labels of every task in every batch.
    labels: Vec<Vec<f64>>,
}

impl<M: MultiTaskModel> Fit<M> {
    /// Prepares the fit; returns `None` if the samples are not the first dimension of the representation and the
    /// network offers no batch without inputs.
    pub(super) fn new(network: &M, batches: Vec<M::Batch>, device: &Device) -> Option<Self> {
        let network = quiet(network);
        let stripped = |batch: &M::Batch| network.without_inputs(batch);
        let offered = batches
            .first()
            .is_some_and(|batch| stripped(batch).is_some());
        let batches: Vec<M::Batch> = batches
            .into_iter()
            .map(|batch| stripped(&batch).unwrap_or(batch))
            .collect();
        // The layers before the representation are not fitted.
        let still = network.clone().no_grad();
        let (mut prepared, mut outline, mut means) = (Vec::new(), None, Vec::new());
        for batch in batches {
            let shared = still.represent(&batch);
            let own = Outline::of(&shared, M::samples(&batch));
            if prepared.is_empty() {
                means = own.as_ref().map_or(Vec::new(), |own| own.means(&shared));
                outline = own;
            } else {
                outline = outline.and_then(|before: Outline| before.joined(own?));
            }
            // The values of a batch without inputs may be needed; of other batches only the form is needed.
            let shared = if offered {
                shared.leaf()
            } else {
                hollow(&shared, device)
            };
            prepared.push(Prepared { batch, shared });
        }
        if outline.is_none() && !offered {
            return None;
        }
        let mut fit = Self {
            network,
            device: device.clone(),
            plain: device.clone().inner(),
            batches: prepared,
            outline,
            form: Form::Constant,
            own: Vec::new(),
            descents: Vec::new(),
            labels: Vec::new(),
        };
        fit.begin(means).then_some(fit)
    }

    /// Finds the parameters and the labels of each task. Returns `false` if the network does not give one loss per
    /// task, which the first training step reports.
    fn begin(&mut self, means: Vec<f64>) -> bool {
        let tasks = self.network.tasks().len();
        // Without their own parameters, all trials equal the first guess.
        self.own = (0..tasks).map(|_| Own::default()).collect();
        self.descents = (0..tasks)
            .map(|_| Descent::new(means.clone(), FIRST_SMALL))
            .collect();
        let counts = self.all_counts();
        if counts.iter().any(|row| row.len() != tasks) {
            return false;
        }
        let mut reached = Reached::default();
        for task in 0..tasks {
            if let Some(batch) = counts.iter().position(|row| row[task] > 0.0) {
                let gradients = self.gradients_of(task, batch);
                if let Some(gradients) = gradients {
                    reached.add(&self.network, task, &gradients);
                }
            }
        }
        for task in 0..tasks {
            let own = reached.only_by(&self.network, task);
            let mut point = own.values(&self.network);
            point.extend_from_slice(&means);
            self.descents[task] = Descent::new(point, FIRST_SMALL);
            self.own[task] = own;
        }
        self.labels = counts;
        true
    }

    /// Returns the number of labels of a task in some batches.
    fn labelled(&self, task: usize, batches: &[usize]) -> f64 {
        batches.iter().map(|batch| self.labels[*batch][task]).sum()
    }

    /// Returns at most `most` batches, spread over all.
    fn some(&self, most: usize) -> Vec<usize> {
        let spacing = self.batches.len().div_ceil(most).max(1);
        (0..self.batches.len()).step_by(spacing).collect()
    }

    fn all_counts(&self) -> Vec<Vec<f64>> {
        let points = self.trials();
        let mut samples = Samples::new(self, &points, self.form, &self.device);
        let counts = |prepared: &Prepared<M>| {
            let branches = Branches::separate(samples.of(prepared));
            let losses = self.network.task_losses(branches, &prepared.batch);
            floats(losses.counts(M::samples(&prepared.batch)))
        };
        self.batches.iter().map(counts).collect()
    }

    /// Returns the gradients of one task's loss on one batch.
    fn gradients_of(&self, task: usize, batch: usize) -> Option<GradientsParams> {
        let points = self.trials();
        let prepared = &self.batches[batch];
        let branches = Samples::new(self, &points, self.form, &self.device).of(prepared);
        let losses = self
            .network
            .task_losses(Branches::separate(branches), &prepared.batch);
        let loss = losses.masked(&losses.active()).narrow(0, task, 1);
        // Takes the task's own part of the list, so that parameters of other tasks get no zero gradients.
        let loss = losses.part(task).cloned().unwrap_or(loss);
        loss.is_tracked()
            .then(|| GradientsParams::from_grads(loss.backward(), &self.network))
    }

    /// Fits the predictors with equal values at every position.
    pub(super) fn constants(&mut self) -> Fitted {
        self.descend(self.batches.len());
        self.fitted()
    }

    /// Fits the position predictors, starting from the constant predictors; returns `None` if there are no positions,
    /// or they help no task.
    pub(super) fn positions(&mut self) -> Option<Fitted> {
        let outline = self
            .outline
            .as_ref()
            .filter(|outline| outline.has_positions())?;
        for (descent, own) in self.descents.iter_mut().zip(&self.own) {
            let (head, sample) = descent.point().split_at(own.len());
            let mut point = head.to_vec();
            point.extend(outline.spread(sample));
            *descent = Descent::new(point, FIRST_SMALL);
        }
        self.form = Form::Position;
        let left = self.descend(POSITION_BATCHES);
        if left.len() == self.descents.len() {
            return None;
        }
        Some(self.fitted())
    }

    /// Returns whether a task has labels in the batches of the fit.
    pub(super) fn has_labels(&self, task: usize) -> bool {
        self.labels.iter().any(|labels| labels[task] > 0.0)
    }

    fn fitted(&self) -> Fitted {
        Fitted {
            form: self.form,
            points: self.descents.iter().map(|d| d.point().to_vec()).collect(),
            converged: self.descents.iter().map(Descent::has_converged).collect(),
        }
    }

    /// Descends on a few batches, which is cheap, and then on all. Returns the tasks that stay at the result of the few
    /// batches, because they are at a minimum there and the position does not help where a fit has the most to gain.
    fn descend(&mut self, most: usize) -> Vec<usize> {
        let few = FEW[usize::from(self.form == Form::Position)];
        let (few, all) = (self.some(few), self.some(most));
        let tasks = 0..self.descents.len();
        let (begun, rare): (Vec<usize>, Vec<usize>) =
            tasks.partition(|task| self.labelled(*task, &few) > 0.0);
        let starts = self.descend_on(&few, &begun, COARSE_EVALUATIONS);
        self.refine(&begun, LAST_SMALL);
        self.descend_on(&few, &begun, FINE_EVALUATIONS);
        let (begun, left): (Vec<usize>, Vec<usize>) = begun
            .into_iter()
            .partition(|task| self.form == Form::Constant || self.may_gain(*task, starts[*task]));
        self.refine(&begun, LAST_SMALL);
        self.descend_on(&all, &begun, LAST_EVALUATIONS);
        // Tasks with rare labels need all batches.
        let whole: Vec<usize> = (0..self.batches.len()).collect();
        self.descend_on(&whole, &rare, COARSE_EVALUATIONS);
        self.refine(&rare, LAST_SMALL);
        self.descend_on(&whole, &rare, LAST_EVALUATIONS);
        left
    }

    /// Returns whether the loss of a task is not yet at a minimum, or fell from its start by more than [`WORTH`].
    fn may_gain(&self, task: usize, start: f64) -> bool {
        let descent = &self.descents[task];
        let gain = descent.value().map_or(f64::NAN, |value| start - value);
        !descent.has_converged() || gain.is_nan() || gain > WORTH * start.abs()
    }

    fn refine(&mut self, tasks: &[usize], small: f64) {
        for task in tasks {
            self.descents[*task].refine(small);
        }
    }

    /// Evaluates trials of some tasks until all are done, at most `most` times. Returns the first value of each task;
    /// NaN if there is none.
    fn descend_on(&mut self, batches: &[usize], tasks: &[usize], most: usize) -> Vec<f64> {
        let mut starts = vec![f64::NAN; self.descents.len()];
        for round in 0..most {
            let going = |task: &&usize| {
                !self.descents[**task].is_done() && self.labelled(**task, batches) > 0.0
            };
            let going: Vec<usize> = tasks.iter().filter(going).copied().collect();
            if going.is_empty() {
                break;
            }
            for (task, (value, gradient)) in self.evaluate(&self.trials(), batches, &going) {
                if round == 0 {
                    starts[task] = value;
                }
                self.descents[task].tell(value, &gradient);
            }
        }
        starts
    }

    /// Returns the points at which the tasks are evaluated.
    fn trials(&self) -> Vec<Vec<f64>> {
        let trial = |descent: &Descent| {
            if descent.is_done() {
                descent.point().to_vec()
            } else {
                descent.trial().to_vec()
            }
        };
        self.descents.iter().map(trial).collect()
    }

    /// Returns the mean loss and the gradient of some tasks at their points.
    fn evaluate(
        &self,
        points: &[Vec<f64>],
        batches: &[usize],
        tasks: &[usize],
    ) -> Vec<(usize, (f64, Vec<f64>))> {
        let network = self.with(points);
        let mut samples = Samples::new(self, points, self.form, &self.device);
        let mut sums = Sums::new(points.len());
        for prepared in batches.iter().map(|batch| &self.batches[*batch]) {
            let of_tasks = samples.of(prepared);
            let branch = |(task, shared): (usize, &M::Shared)| {
                if tasks.contains(&task) {
                    shared.leaf()
                } else {
                    shared.clone()
                }
            };
            let branches: Vec<M::Shared> = of_tasks.iter().enumerate().map(branch).collect();
            let losses = network.task_losses(Branches::separate(branches.clone()), &prepared.batch);
            let counts = losses.counts(M::samples(&prepared.batch));
            let Some(mut found) = sums.add(&losses, counts, tasks) else {
                continue;
            };
            if let Some(outline) = &self.outline {
                for task in tasks {
                    let gradient = branches[*task].take_gradient(&mut found);
                    sums.at_sample(*task, outline.gradient(&gradient, self.form));
                }
            }
            let found = GradientsParams::from_grads(found, &network);
            sums.gradients.accumulate(&network, found);
        }
        let Sums {
            values,
            at_samples,
            mut gradients,
        } = sums;
        let [losses, counts] = values.map_or_else(Default::default, |values| values.map(floats));
        let gradients = gradients.grads();
        let result = |task: &usize| {
            let count = counts[*task];
            // A loss that is not finite is not counted, and a mean over the rest does not justify a step.
            let value = if count < self.labelled(*task, batches) {
                f64::INFINITY
            } else {
                losses[*task] / count
            };
            let mut gradient = self.own[*task].gradients(&network, &gradients);
            let rest = points[*task].len() - gradient.len();
            if at_samples[*task].is_empty() {
                gradient.extend(vec![0.0; rest]);
            } else {
                gradient.extend_from_slice(&at_samples[*task]);
            }
            gradient.iter_mut().for_each(|part| *part /= count);
            (*task, (value, gradient))
        };
        tasks.iter().map(result).collect()
    }

    /// Returns the network with the parameters of every task set from its point.
    fn with(&self, points: &[Vec<f64>]) -> M {
        let pairs = points.iter().zip(&self.own);
        let values: Vec<&[f64]> = pairs.map(|(point, own)| &point[..own.len()]).collect();
        set(self.network.clone(), &self.own, &values)
    }

    /// Returns the losses of predictors on the batches of the fit, batch by batch.
    pub(super) fn fitted_losses(&self, fitted: &Fitted) -> Result<BatchLosses> {
        let network = self.with(&fitted.points);
        let mut samples = Samples::new(self, &fitted.points, fitted.form, &self.device);
        let mut rows = LossRows::default();
        for prepared in &self.batches {
            let branches = Branches::separate(samples.of(prepared));
            let losses = network.task_losses(branches, &prepared.batch);
            rows.add(&losses, M::samples(&prepared.batch));
        }
        rows.read()
    }

    /// Returns the losses of several predictors on all batches of a source, batch by batch.
    pub(super) fn losses_on<'a>(
        &'a self,
        source: &dyn Source<M::Batch>,
        fitted: &[&'a Fitted],
    ) -> Result<Vec<BatchLosses>> {
        // As in validation, without an autodiff graph.
        let device = &self.plain;
        let plain = |fitted: &&'a Fitted| {
            let samples = Samples::new(self, &fitted.points, fitted.form, device);
            (self.with(&fitted.points).valid(), samples)
        };
        let mut each: Vec<_> = fitted
            .iter()
            .map(|f| (plain(f), LossRows::default()))
            .collect();
        for batch in source.pass(DataPass::new(0, 1), 0, device) {
            let batch = batch.map_err(unreadable)?;
            let batch = self.network.without_inputs(&batch).unwrap_or(batch);
            let Some(((network, ..), _)) = each.first() else {
                break;
            };
            let shared = network.represent(&batch);
            let prepared = Prepared { batch, shared };
            for ((network, samples), rows) in &mut each {
                let branches = Branches::separate(samples.of(&prepared));
                let losses = network.task_losses(branches, &prepared.batch);
                rows.add(&losses, M::samples(&prepared.batch));
            }
        }
        each.into_iter().map(|(_, rows)| rows.read()).collect()
    }
}

/// The sizes of a representation, and one representation of this form for each task.
type Made<S> = (Vec<Vec<usize>>, Vec<S>);

/// The representations that repeat the sample of each task, reused for batches of equal form.
struct Samples<'a, M: MultiTaskModel> {
    fit: &'a Fit<M>,
    points: &'a [Vec<f64>],
    form: Form,
    device: &'a Device,
    made: Option<Made<M::Shared>>,
}

impl<'a, M: MultiTaskModel> Samples<'a, M> {
    fn new(fit: &'a Fit<M>, points: &'a [Vec<f64>], form: Form, device: &'a Device) -> Self {
        Self {
            fit,
            points,
            form,
            device,
            made: None,
        }
    }

    /// Returns the representation of every task for a batch.
    fn of(&mut self, prepared: &Prepared<M>) -> Vec<M::Shared> {
        let Some(outline) = &self.fit.outline else {
            return self
                .points
                .iter()
                .map(|_| prepared.shared.clone())
                .collect();
        };
        let sizes = prepared.shared.sizes();
        if let Some((of, made)) = &self.made
            && *of == sizes
        {
            return made.clone();
        }
        let repeated = |(point, own): (&Vec<f64>, &Own)| {
            let mut sample = outline.sample(&point[own.len()..], self.form, self.device);
            prepared.shared.repeated(&mut sample)
        };
        let made: Vec<M::Shared> = self
            .points
            .iter()
            .zip(&self.fit.own)
            .map(repeated)
            .collect();
        self.made = Some((sizes, made.clone()));
        made
    }
}

/// Sums over a pass over the batches.
struct Sums<M> {
    /// Losses times labels, and labels, on the device.
    values: Option<[Tensor<1>; 2]>,
    /// Gradients at the samples of the tasks.
    at_samples: Vec<Vec<f64>>,
    gradients: GradientsAccumulator<M>,
}

impl<M: Module> Sums<M> {
    fn new(tasks: usize) -> Self {
        Self {
            values: None,
            at_samples: vec![Vec::new(); tasks],
            gradients: GradientsAccumulator::new(),
        }
    }

    /// Adds losses and returns the gradients of the sum over the labels of some tasks, if there are any.
    fn add(
        &mut self,
        losses: &TaskLosses,
        counts: Tensor<1>,
        tasks: &[usize],
    ) -> Option<Gradients> {
        let masked = losses.masked(&losses.active());
        let new = [masked.clone().inner() * counts.clone(), counts.clone()];
        self.values = Some(match self.values.take() {
            Some([a, b]) => {
                let [c, d] = new;
                [a + c, b + d]
            }
            None => new,
        });
        let counts = Tensor::from_inner(counts);
        // If the losses are separate, the backward pass leaves out the heads of the other tasks.
        let some = tasks.iter().filter_map(|task| {
            let loss = losses.masked_part(*task)?;
            Some(loss * counts.clone().narrow(0, *task, 1))
        });
        let sum = if losses.has_parts() {
            some.reduce(|a, b| a + b)?
        } else {
            (masked * counts).sum()
        };
        sum.is_tracked().then(|| sum.backward())
    }

    fn at_sample(&mut self, task: usize, gradient: Vec<f64>) {
        let sum = &mut self.at_samples[task];
        if sum.is_empty() {
            *sum = gradient;
        } else {
            sum.iter_mut()
                .zip(gradient)
                .for_each(|(sum, new)| *sum += new);
        }
    }
}

/// The predictors of all tasks.
pub(super) struct Fitted {
    form: Form,
    points: Vec<Vec<f64>>,
    converged: Vec<bool>,
}

impl Fitted {
    /// Returns whether the fit of a task's predictor converged.
    pub(super) fn has_converged(&self, task: usize) -> bool {
        self.converged[task]
    }
}

/// Returns the error for data that could not be read.
pub(super) fn unreadable(error: burn::data::dataset::DatasetError) -> Error {
    Error::Training {
        reason: error.to_string(),
    }
}
