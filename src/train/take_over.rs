//! A trained network and strategy taken over by a network with other tasks: one added, one renamed, a head with another number of classes.

use std::fmt;
use std::path::Path;

use burn::module::{Flag, Module, ModuleDisplay, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::store::ModuleRecord;
use burn::tensor::{Bool, Device, Int, Tensor};

use super::step::MultiTask;
use super::{checkpoint, checksum};
use crate::error::{Error, Result};

/// What was taken over from a checkpoint, and what begins anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TakenOver {
    /// Tasks whose values in the strategy were taken over.
    pub tasks: Vec<String>,
    /// Parameters of the network that begin with the values they have: no parameter of their path and shape is in the checkpoint.
    pub anew: Vec<String>,
}

impl fmt::Display for TakenOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| match names {
            [] => "nothing".to_string(),
            names => names.join(", "),
        };
        write!(
            f,
            "the strategy goes on for {}; {} of the network begins anew",
            list(&self.tasks),
            list(&self.anew)
        )
    }
}

/// Takes over what a checkpoint holds for a network and a strategy with other tasks.
///
/// A parameter of the network is taken where the checkpoint has one of the same path and shape, and stays as it is otherwise: a head
/// that was added, or one with another number of classes. `renamed` has the old and the new names, of tasks and of fields of the
/// network: `[("price", "cost")]` takes the parameters of `network.price` for `network.cost`, and the values of the task `price`
/// for `cost`; a new field or task that is called `price` now begins anew. The optimizer of a run from here begins anew.
///
/// # Errors
///
/// [`Error::Checkpoint`] if the file cannot be read, does not match its checksum, is of another strategy, or holds nothing for this
/// network.
///
/// # Example
///
/// ```no_run
/// # use equipoise::model::MultiTaskModel;
/// # use equipoise::weighting::Strategy;
/// # fn continued<M: MultiTaskModel>(network: M, strategy: Strategy) -> equipoise::Result<()> {
/// use equipoise::train::{MultiTask, checkpoint, take_over};
///
/// let file = checkpoint::model_file("runs/two_tasks", checkpoint::best("runs/two_tasks")?);
/// let (model, taken) = take_over(MultiTask::new(network, strategy), file, &[])?;
/// println!("{taken}");
/// # Ok(())
/// # }
/// ```
pub fn take_over<M: Module + ModuleDisplay>(
    model: MultiTask<M>,
    file: impl AsRef<Path>,
    renamed: &[(&str, &str)],
) -> Result<(MultiTask<M>, TakenOver)> {
    let fail = |reason: String| Error::Checkpoint {
        path: file.as_ref().to_path_buf(),
        reason,
    };
    checksum::check(file.as_ref())?;
    let record: ModuleRecord =
        checkpoint::record(file.as_ref()).map_err(|error| fail(error.to_string()))?;
    let renamed: Vec<(String, String)> = renamed
        .iter()
        .map(|(old, new)| (old.to_string(), new.to_string()))
        .collect();
    let mut model = model;
    let tasks = model.weighting.adopt(&record, &["weighting"], &renamed);
    let tasks = tasks.map_err(|error| fail(error.to_string()))?;
    let lenient = record
        .allow_unused(true)
        .allow_partial(true)
        .validate(false);
    let found = Renamed {
        network: model.network,
        renamed,
        anew: Vec::new(),
        taken: 0,
    };
    let found = found.try_load_record(lenient);
    let found = found.map_err(|error| fail(error.to_string()))?;
    if found.taken == 0 {
        let reason =
            "holds no parameter of this network: none has the path and the shape of one of its own"
                .into();
        return Err(fail(reason));
    }
    model.network = found.network;
    let anew = found.anew;
    Ok((model, TakenOver { tasks, anew }))
}

/// Returns the name that a task or a field had in a record; `None` if that name now belongs to another.
fn old_name<'a>(renamed: &'a [(String, String)], name: &'a str) -> Option<&'a str> {
    let pair = renamed.iter().find(|(_, new)| new == name);
    match pair {
        Some((old, _)) => Some(old),
        None if renamed.iter().any(|(old, _)| old == name) => None,
        None => Some(name),
    }
}

/// A network at its place in a record, some of whose fields had other names there.
#[derive(Clone, Debug)]
struct Renamed<M> {
    network: M,
    renamed: Vec<(String, String)>,
    /// The paths of parameters that the record does not have.
    anew: Vec<String>,
    /// How many it has.
    taken: usize,
}

impl<M: Module> Module for Renamed<M> {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        self.network.visit(visitor);
    }

    fn map<T: ModuleMapper>(self, mapper: &mut T) -> Self {
        mapper.enter_module("network", "Renamed");
        let mut renaming = Renaming {
            mapper,
            renamed: &self.renamed,
            path: Vec::new(),
            anew: Vec::new(),
            taken: 0,
        };
        let network = self.network.map(&mut renaming);
        let Renaming { anew, taken, .. } = renaming;
        mapper.exit_module("network", "Renamed");
        Self {
            network,
            renamed: self.renamed,
            anew,
            taken,
        }
    }

    fn to_device(mut self, device: &Device) -> Self {
        self.network = self.network.to_device(device);
        self
    }

    fn fork(mut self, device: &Device) -> Self {
        self.network = self.network.fork(device);
        self
    }

    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        self.network.collect_devices(devices)
    }

    fn valid(&self) -> Self {
        Self {
            network: self.network.valid(),
            renamed: self.renamed.clone(),
            anew: self.anew.clone(),
            taken: self.taken,
        }
    }

    fn train(mut self) -> Self {
        self.network = self.network.train();
        self
    }

    fn materialize(mut self) -> Self {
        self.network = self.network.materialize();
        self
    }
}

/// Calls the fields of the network by the names they had, and notes which parameters the record has.
struct Renaming<'a, T> {
    mapper: &'a mut T,
    renamed: &'a [(String, String)],
    /// The modules that are open inside the network.
    path: Vec<String>,
    anew: Vec<String>,
    taken: usize,
}

/// No field has this name, so nothing in a record is found under it.
const NOWHERE: &str = "(renamed)";

impl<T> Renaming<'_, T> {
    fn old(&self, name: &str) -> String {
        let outermost = self.path.is_empty();
        let old = outermost.then(|| old_name(self.renamed, name).unwrap_or(NOWHERE));
        old.unwrap_or(name).to_string()
    }
}

impl<T: ModuleMapper> ModuleMapper for Renaming<'_, T> {
    fn enter_module(&mut self, name: &str, container: &str) {
        let old = self.old(name);
        self.mapper.enter_module(&old, container);
        self.path.push(name.into());
    }

    fn exit_module(&mut self, name: &str, container: &str) {
        self.path.pop();
        let old = self.old(name);
        self.mapper.exit_module(&old, container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // A parameter that the record has comes back with the id it was recorded with, whatever id it had here.
        let mut asked = param.clone();
        asked.id = ParamId::new();
        let fresh = asked.id;
        let answer = self.mapper.map_float(asked);
        if answer.id == fresh {
            self.anew.push(self.path.join("."));
            param
        } else {
            self.taken += 1;
            answer
        }
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        self.mapper.map_int(param)
    }

    fn map_bool<const D: usize>(
        &mut self,
        param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        self.mapper.map_bool(param)
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        self.mapper.map_flag(flag)
    }
}
