//! Computes a step over parts of one batch on several devices. The batch is weighed once, as on one device.
//!
//! With `s_pk` the share of the labels of task k that lies in part p, the loss of the whole batch is `L_k = sum_p
//! s_pk L_pk`. The strategy weighs these losses on the main device, where its memory is, and `d objective / d L_k *
//! s_pk` is passed back to each part. Samples of different parts are different rows of the representation, so the
//! Gram matrix of the whole batch is `G_kl = sum_p s_pk s_pl G_pkl`.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Gradients, Tensor};

use super::{Forward, Pass, measure, of_module};
use crate::gradient::{BranchMeasurement, PendingAudit};
use crate::loss::{Gram, TaskLosses};
use crate::model::{Branches, Shared};
use crate::weighting::Weighed;

/// The forward pass of a part, before any weighting.
pub(crate) struct Portion<'a, S> {
    pub(crate) forward: Forward<S>,
    pub(crate) samples: usize,
    /// The number of labels of each task, `[K]` on the device of the part. If `None`, the losses give the numbers.
    pub(crate) labels: Option<Tensor<1>>,
    pub(crate) heads: &'a dyn Fn(Branches<S>) -> TaskLosses,
}

/// A weighed step over several parts, before the last of its backward passes.
pub(crate) struct PendingParts<S> {
    /// The raw losses of each part on the main device, off the graph.
    pub(crate) parts: Vec<TaskLosses>,
    /// The losses of the whole batch. A task whose loss is not finite in a part is inactive, as on one device.
    pub(crate) losses: TaskLosses,
    pub(crate) weighed: Weighed,
    pub(crate) measured: Option<BranchMeasurement>,
    /// The losses of the whole batch for the strategy, as a leaf; `None` if the weights follow from the Gram matrix.
    leaf: Option<Tensor<1>>,
    rest: Vec<Rest<S>>,
}

/// The remaining backward pass of a part.
struct Rest<S> {
    losses: TaskLosses,
    way: Way<S>,
}

/// The path by which the weights of the strategy reach a part.
#[allow(clippy::large_enum_variant)]
enum Way<S> {
    /// Through the losses of the part, with their shares, `[K]` on the main device.
    Losses(Tensor<1>),
    /// Through the gradients of the tasks.
    Branches(AtBranches<S>),
}

/// The gradients of the tasks, before weighting.
struct AtBranches<S> {
    representation: S,
    /// The gradients at the representation.
    branches: Vec<S>,
    /// The gradients of the heads, each with the task whose weight is still to be applied.
    of_heads: Vec<(Gradients, Option<usize>)>,
}

impl Pass<'_> {
    /// Weighs the parts of one batch as a whole. The first part is on the main device.
    ///
    /// # Panics
    ///
    /// If `portions` is empty.
    pub(crate) fn weigh_parts<S: Shared>(&self, portions: Vec<Portion<'_, S>>) -> PendingParts<S> {
        let main = portions[0].forward.losses.values().device().inner();
        let of = |portion: &Portion<'_, S>| portion.forward.losses.on(&main);
        let parts: Vec<TaskLosses> = portions.iter().map(of).collect();
        let counts = parts.iter().zip(&portions);
        let counts: Vec<Tensor<1>> = counts
            .map(|(losses, portion)| match &portion.labels {
                Some(labels) => {
                    let inactive = losses.active().bool_not();
                    labels.clone().to_device(&main).mask_fill(inactive, 0.0)
                }
                None => losses.counts(portion.samples),
            })
            .collect();
        let broken = parts.iter().map(TaskLosses::non_finite);
        let broken = broken.reduce(|a, b| a.bool_or(b)).expect("there is a part");
        let losses = TaskLosses::joined(&parts, &counts).with_present(broken.bool_not());
        let all = counts.iter().cloned().reduce(|sum, next| sum + next);
        let all = all.expect("there is a part").clamp_min(1e-30);
        let shares = counts.into_iter().map(|counts| counts / all.clone());
        let shares: Vec<Tensor<1>> = shares.collect();
        if portions[0].forward.leaves.is_empty() {
            self.parts_together(portions, shares, parts, losses)
        } else {
            self.separate_parts(portions, shares, parts, losses)
        }
    }

    fn parts_together<S: Shared>(
        &self,
        portions: Vec<Portion<'_, S>>,
        shares: Vec<Tensor<1>>,
        parts: Vec<TaskLosses>,
        losses: TaskLosses,
    ) -> PendingParts<S> {
        let measured = self
            .audited
            .then(|| self.measured(&portions, &shares, &losses));
        let leaf = Tensor::from_inner(losses.values()).require_grad();
        let seen = self.shared(&losses.with_values(leaf.clone()));
        let gram = measured.as_ref().map(|measured| &measured.gram);
        let weighed = self.strategy.weigh_step(&self.seen(&seen, gram));
        let rest = portions.into_iter().zip(shares);
        let rest = rest.map(|(portion, shares)| Rest {
            losses: portion.forward.losses,
            way: Way::Losses(shares),
        });
        PendingParts {
            rest: rest.collect(),
            leaf: Some(leaf),
            parts,
            losses,
            weighed,
            measured,
        }
    }

    /// Returns the gradients of the tasks at the representation of the whole batch.
    fn measured<S: Shared>(
        &self,
        portions: &[Portion<'_, S>],
        shares: &[Tensor<1>],
        losses: &TaskLosses,
    ) -> BranchMeasurement {
        let main = shares[0].device();
        let tasks = self.strategy.tasks().len();
        let of = |portion: &Portion<'_, S>| {
            measure(&portion.forward.representation, tasks, portion.heads)
        };
        let each: Vec<BranchMeasurement> = portions.iter().map(of).collect();
        let grams = each.iter().zip(shares);
        let grams = grams.map(|(found, shares)| {
            let gram = found.gram.on(&main).scaled(shares);
            gram.without(&shares.clone().equal_elem(0.0))
        });
        BranchMeasurement {
            gram: Gram::sum(grams),
            active: losses.active(),
            reach: Some(reach(portions, &main)),
        }
    }

    fn separate_parts<S: Shared>(
        &self,
        portions: Vec<Portion<'_, S>>,
        shares: Vec<Tensor<1>>,
        parts: Vec<TaskLosses>,
        losses: TaskLosses,
    ) -> PendingParts<S> {
        let main = shares[0].device();
        let reach = self.audited.then(|| reach(&portions, &main));
        // The shares are sent to their devices before the backward passes, so that no transfer waits for them.
        let shares = shares.into_iter().zip(&portions).map(|(shares, portion)| {
            let shares = match &self.shares {
                Some(of_step) => shares * of_step.clone(),
                None => shares,
            };
            shares.to_device(&portion.forward.losses.values().device().inner())
        });
        let shares: Vec<Tensor<1>> = shares.collect();
        let (mut rest, mut grams) = (Vec::new(), Vec::new());
        for (portion, shares) in portions.into_iter().zip(shares) {
            let Forward {
                representation,
                leaves,
                losses,
            } = portion.forward;
            let shared = losses.with_gradients_times(&shares);
            let (branches, of_heads) = self.through_heads(&leaves, &shared);
            let gram = Gram::new(S::gram(&branches));
            grams.push(gram.without(&shares.equal_elem(0.0)));
            rest.push(Rest {
                losses,
                way: Way::Branches(AtBranches {
                    representation,
                    branches,
                    of_heads,
                }),
            });
        }
        let grams = grams.into_iter().map(|gram| gram.on(&main));
        let gram = self.of_own_means(Gram::sum(grams));
        let weighed = self.strategy.weigh_step(&self.seen(&losses, Some(&gram)));
        let measured = BranchMeasurement {
            gram,
            active: losses.active(),
            reach,
        };
        PendingParts {
            leaf: None,
            measured: Some(measured),
            rest,
            parts,
            losses,
            weighed,
        }
    }
}

/// Returns the mean over samples of the reach of all parts, `[1]`.
fn reach<S: Shared>(portions: &[Portion<'_, S>], main: &Device) -> Tensor<1> {
    let all: usize = portions.iter().map(|portion| portion.samples).sum();
    let of = |portion: &Portion<'_, S>| {
        let share = portion.samples as f64 / all.max(1) as f64;
        portion.forward.representation.reach().to_device(main) * share
    };
    let sum = portions.iter().map(of).reduce(|sum, next| sum + next);
    sum.expect("there is a part")
}

impl<S: Shared> PendingParts<S> {
    /// Runs the backward pass of the strategy and of every part. `networks` are the copies on the devices of the
    /// parts, in order; `module` holds the network on the main device and the strategy.
    pub(crate) fn backward<M: Module, T: Module>(
        self,
        networks: &[&M],
        module: &T,
    ) -> GradientsParams {
        let main = self.losses.values().device();
        let total = &self.weighed.total;
        let of_strategy = total.is_tracked().then(|| total.backward());
        let of_losses = self.leaf.as_ref().zip(of_strategy.as_ref());
        let of_losses = of_losses.and_then(|(leaf, gradients)| leaf.grad(gradients));
        let factors = self.rest.iter().map(|rest| {
            let factors = match &rest.way {
                Way::Losses(shares) => of_losses.clone()? * shares.clone(),
                Way::Branches(_) => self.weighed.weights.clone(),
            };
            Some(factors.to_device(&rest.losses.active().device()))
        });
        let factors: Vec<Option<Tensor<1>>> = factors.collect();
        // All backward passes are started before the first gradient is moved, so that the devices run in parallel.
        let parts = self.rest.into_iter().zip(factors).zip(networks);
        let found = parts.flat_map(|((rest, factors), network)| {
            let found = factors.map(|factors| rest.backward(factors));
            let found = found.unwrap_or_default().into_iter();
            found.map(|found| (of_module(found, *network), *network))
        });
        let found: Vec<(GradientsParams, &M)> = found.collect();
        let mut sum = GradientsAccumulator::new();
        if let Some(gradients) = of_strategy {
            sum.accumulate(module, of_module((gradients, None), module));
        }
        for (gradients, network) in found {
            sum.accumulate(module, gradients.to_device(&main, network));
        }
        sum.grads()
    }
}

impl<S: Shared> Rest<S> {
    /// Runs the backward pass of a part. `factors` multiply the losses or the tasks' gradients, `[K]` on the device
    /// of the part.
    fn backward(self, factors: Tensor<1>) -> Vec<(Gradients, Option<Tensor<1>>)> {
        let active = self.losses.active();
        let mut found = Vec::new();
        let mut differentiate = |number: Tensor<1>| {
            if number.is_tracked() {
                found.push((number.backward(), None));
            }
        };
        match self.way {
            Way::Losses(_) => {
                let losses = self.losses.masked(&active);
                differentiate((losses * Tensor::from_inner(factors)).sum());
            }
            Way::Branches(at) => {
                let weights = factors.mask_fill(active.bool_not(), 0.0);
                let combined = S::combine(at.branches, weights.clone());
                differentiate(at.representation.pull(combined));
                let factor = |task| weights.clone().narrow(0, task, 1);
                let of_heads = at.of_heads.into_iter();
                found.extend(of_heads.map(|(gradients, task)| (gradients, task.map(factor))));
            }
        }
        found
    }
}

impl<S> PendingParts<S> {
    /// Returns the measurement of the gradients in an audited step.
    pub(crate) fn audit(&self) -> Option<PendingAudit> {
        let measured = self.measured.clone()?;
        measured.weighted(self.weighed.weights.clone())
    }
}
