//! Loads a checkpoint into a network with other tasks: one added, one renamed, a head with another number of classes.

use std::fmt;
use std::path::Path;

use burn::module::{Flag, Module, ModuleDisplay, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::store::ModuleRecord;
use burn::tensor::{Bool, Device, Int, Tensor};

use super::step::MultiTask;
use super::{checkpoint, checksum};
use crate::error::{Error, Result};

/// The result of [`take_over`]: what was loaded from the checkpoint, and what keeps its initial values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TakenOver {
    /// The tasks whose values in the strategy were loaded.
    pub tasks: Vec<String>,
    /// The paths of the network's parameters that keep their initial values, because the checkpoint has no parameter of
    /// the same path and shape.
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

/// Loads the matching parameters of a checkpoint into a network and a strategy with other tasks.
///
/// A parameter of the network is loaded if the checkpoint has a parameter of the same path and shape, and stays
/// unchanged otherwise, such as an added head or a head with another number of classes. `renamed` lists pairs of old
/// and new names, of tasks and of fields of the network: `[("price", "cost")]` loads the parameters of `network.price`
/// into `network.cost`, and the values of the task `price` into the task `cost`; a new field or task called `price`
/// then starts from scratch. A run from the result starts with a fresh optimizer.
///
/// # Errors
///
/// [`Error::Checkpoint`] if the file cannot be read, does not match its checksum, holds another strategy, or holds no
/// parameter of this network.
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
    let found = checkpoint::guarded(file.as_ref(), || {
        let found = found.try_load_record(lenient);
        found.map_err(|error| fail(error.to_string()))
    })?;
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

/// Returns the name of a task or a field in the record; `None` if this name now belongs to another task or field.
fn old_name<'a>(renamed: &'a [(String, String)], name: &'a str) -> Option<&'a str> {
    let pair = renamed.iter().find(|(_, new)| new == name);
    match pair {
        Some((old, _)) => Some(old),
        None if renamed.iter().any(|(old, _)| old == name) => None,
        None => Some(name),
    }
}

/// A network with the field names of a record, some of which differ from its own.
#[derive(Clone, Debug)]
struct Renamed<M> {
    network: M,
    renamed: Vec<(String, String)>,
    /// The paths of the parameters that the record lacks.
    anew: Vec<String>,
    /// The number of parameters that the record has.
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

/// Passes the old names of fields to the inner mapper, and counts which parameters the record has.
struct Renaming<'a, T> {
    mapper: &'a mut T,
    renamed: &'a [(String, String)],
    /// The open modules inside the network.
    path: Vec<String>,
    anew: Vec<String>,
    taken: usize,
}

/// A name that no field has, so no entry of a record matches it.
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
        // A parameter found in the record returns with its recorded id, so a changed id shows that it was found.
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
