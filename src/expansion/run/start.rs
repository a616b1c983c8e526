//! Builds the network of a config, new or from a checkpoint of this crate or of PyTorch.

use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};

use super::config::{DataConfig, ExpansionConfig};
#[cfg(feature = "pytorch")]
use super::follow::follow;
use super::init_selection::InitSelection;
use super::same_features::same_features;
use crate::error::{Error, Result};
#[cfg(feature = "pytorch")]
use crate::expansion::label::CountdownForm;
use crate::expansion::model::{ExpansionModel, ExpansionModelConfig};
#[cfg(feature = "pytorch")]
use crate::expansion::pytorch::{ImportConfig, PytorchCheckpoint};
use crate::train::checkpoint;
use crate::weighting::Strategy;

impl ExpansionConfig {
    /// Builds a new network and strategy. The seed of the config fixes the initial values of the network.
    ///
    /// # Errors
    ///
    /// As [`ExpansionConfig::validate`].
    pub fn build(&self, device: &Device) -> Result<(ExpansionModel, Strategy)> {
        device.seed(self.train.seed);
        let network = self.model.init(device)?;
        network.visit(&mut Draw);
        let weighting = self.weighting.init(&self.model.tasks()?, device)?;
        Ok((network, weighting))
    }
}

/// Reads every parameter. Burn draws the initial values of a parameter at its first access, by which time other draws
/// may have advanced the random state.
struct Draw;

impl ModuleVisitor for Draw {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        param.val();
    }
}

impl ExpansionConfig {
    /// Fits a config to the file that a run starts from ([`RunOptions::init`](super::train::RunOptions::init)), and
    /// returns it with one sentence per change.
    ///
    /// * Checkpoint of a run: if the config has the default network, it gets the network and the features of the run. A
    ///   `model.window` other than the default stays, and so do types of one's own, whose head starts anew.
    /// * PyTorch file: sizes of the model that have their defaults in the config are taken from the file, and so are
    ///   the features, the form of the countdown and the start of log sigma. Of a file that does not tell its features
    ///   the note says what its inputs behind the twelfth are taken for.
    ///
    /// # Errors
    ///
    /// As [`of_run`](Self::of_run) and `PytorchCheckpoint::read`; [`Error::Setting`] naming a size that differs from
    /// the file, and both values; [`Error::Checkpoint`] for a PyTorch file in a program without the feature `pytorch`.
    pub fn follow_init(self, file: Option<&Path>) -> Result<(ExpansionConfig, Vec<String>)> {
        self.follow_init_with(file, &InitSelection::default())
    }

    /// Fits a config to the file that a run starts from, as [`follow_init`](Self::follow_init), with a choice among the
    /// networks of a PyTorch file ([`RunOptions::init_selection`](super::train::RunOptions::init_selection)).
    ///
    /// # Errors
    ///
    /// As [`follow_init`](Self::follow_init); [`Error::Setting`] if something is chosen in a file that is no PyTorch
    /// file.
    pub fn follow_init_with(
        self,
        file: Option<&Path>,
        selection: &InitSelection,
    ) -> Result<(ExpansionConfig, Vec<String>)> {
        match file {
            #[cfg(feature = "pytorch")]
            Some(file) if is_pytorch(file) => {
                let checkpoint = pytorch_checkpoint(file, self.model.countdown, selection)?;
                follow(self, &checkpoint)
            }
            #[cfg(not(feature = "pytorch"))]
            Some(file) if is_pytorch(file) => Err(without_pytorch(file)),
            Some(file) => {
                selection.check_unused(file)?;
                follow_run(self, file)
            }
            None => Ok((self, Vec::new())),
        }
    }
}

impl ExpansionConfig {
    /// Returns the config of the run that a checkpoint belongs to, or `None` if the file is not in the folder of a run.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Config`] if the run has a config that cannot be read.
    pub fn of_run(checkpoint: impl AsRef<Path>) -> Result<Option<ExpansionConfig>> {
        // A bare file name has no parent folder.
        let Ok(place) = checkpoint.as_ref().canonicalize() else {
            return Ok(None);
        };
        let folder = place.parent().and_then(Path::parent);
        let file = folder.map(|run| run.join("config.json"));
        let file = file.filter(|file| file.exists());
        file.map(ExpansionConfig::read).transpose()
    }
}

/// Takes the network of the run if the config has the default network.
fn follow_run(mut config: ExpansionConfig, file: &Path) -> Result<(ExpansionConfig, Vec<String>)> {
    let Some(run) = ExpansionConfig::of_run(file)? else {
        return Ok((config, Vec::new()));
    };
    let usual = ExpansionConfig::default().model;
    let mut unsaid = config.model.clone();
    unsaid.window = usual.window;
    // Types of one's own need only a head of their own. The weights of the types are no part of the network.
    unsaid.types.clone_from(&usual.types);
    unsaid.class_weights.clone_from(&usual.class_weights);
    if unsaid != usual || config.model == run.model {
        let sizes = |model: &ExpansionModelConfig| (model.hidden, model.layers, model.projection);
        // A network of other sizes is refused when it is loaded, with the sizes.
        if sizes(&config.model) == sizes(&run.model) {
            same_features(&config, &run.data, file)?;
        }
        return Ok((config, Vec::new()));
    }
    let asked = std::mem::replace(&mut config.model, run.model);
    config.model.class_weights = asked.class_weights;
    // No parameter depends on the window, so a window that the config chooses stays.
    if asked.window != usual.window {
        config.model.window = asked.window;
    }
    config.take_types(asked.types, &run.data);
    (config.data.position, config.data.moves) = (run.data.position, run.data.moves);
    config.data.features_from = run.data.features_from;
    let note = format!(
        "the network and its features are those of the run of {}",
        file.display()
    );
    // The simulator's windows follow the network's.
    Ok((config.resolved(), vec![note]))
}

impl ExpansionConfig {
    /// Sets the types that the config asks for where the network would have the types of a run, with their further
    /// names: types of one's own, or the types of the rule for bars that the rule labels.
    fn take_types(&mut self, asked: Vec<String>, run: &DataConfig) {
        let usual = asked == ExpansionModelConfig::default().types;
        if usual && self.data.marks.is_some() {
            if self.data.classes.is_empty() {
                self.data.classes.clone_from(&run.classes);
            }
        } else {
            self.model.types = asked;
        }
    }
}

/// Returns whether the file has one of the usual extensions of PyTorch files.
pub(crate) fn is_pytorch(file: &Path) -> bool {
    let extension = file.extension().unwrap_or_default().to_ascii_lowercase();
    ["pt", "pth", "ckpt", "bin", "tar", "safetensors"]
        .iter()
        .any(|known| extension == *known)
}

#[cfg(not(feature = "pytorch"))]
pub(super) fn without_pytorch(file: &Path) -> Error {
    Error::Checkpoint {
        path: file.to_path_buf(),
        reason: "is a PyTorch file, which this program was built without; build it with Cargo's feature `pytorch`"
            .into(),
    }
}

#[cfg(feature = "pytorch")]
pub(super) fn pytorch_checkpoint(
    file: &Path,
    countdown: CountdownForm,
    selection: &InitSelection,
) -> Result<PytorchCheckpoint> {
    let import = ImportConfig::default()
        .with_countdown(countdown)
        .with_selection(selection.selection());
    PytorchCheckpoint::read_with(file, &import)
}

impl ExpansionConfig {
    /// Returns the trained network of a checkpoint, with every parameter from the file.
    ///
    /// The file is `model-N.bpk` of a run, or with the feature `pytorch` a `.pt` or `.safetensors` file, to which
    /// [`follow_init`](Self::follow_init) fits a config. Unlike at the start of a training, no head is reset.
    ///
    /// # Errors
    ///
    /// As [`ExpansionConfig::validate`]; [`Error::Checkpoint`] or [`Error::Setting`] if the file cannot be read, its
    /// network has another shape than the config, or a parameter is not finite.
    pub fn trained_network(
        &self,
        file: impl AsRef<Path>,
        device: &Device,
    ) -> Result<ExpansionModel> {
        self.validate()?;
        let file = file.as_ref();
        // Not seeded: every parameter comes from the file, and other threads may be drawing random numbers.
        let network = match is_pytorch(file) {
            #[cfg(feature = "pytorch")]
            true => {
                let selection = InitSelection::default();
                let checkpoint = pytorch_checkpoint(file, self.model.countdown, &selection)?;
                let network = with_types_of(&checkpoint, &self.model).init(device)?;
                checkpoint.load_into(network, &[])?
            }
            #[cfg(not(feature = "pytorch"))]
            true => return Err(without_pytorch(file)),
            false => checkpoint::load_network(self.model.init(device)?, file, &[])?,
        };
        check_finite(&network, file)?;
        Ok(network)
    }
}

/// Returns the config with the types of a PyTorch file if it has the default types. The file holds no names, so the
/// types of another number are named by their classes.
#[cfg(feature = "pytorch")]
fn with_types_of(
    checkpoint: &PytorchCheckpoint,
    config: &ExpansionModelConfig,
) -> ExpansionModelConfig {
    let mut config = config.clone();
    if config.types == ExpansionModelConfig::default().types {
        config.types.clone_from(&checkpoint.config().types);
    }
    config
}

fn check_finite(network: &ExpansionModel, file: &Path) -> Result<()> {
    let mut search = NotFinite::default();
    network.visit(&mut search);
    match search.found {
        None => Ok(()),
        Some(name) => Err(Error::Checkpoint {
            path: file.to_path_buf(),
            reason: format!(
                "its parameter `{name}` is not finite: the training diverged or the file is damaged; \
                 take the checkpoint of another epoch"
            ),
        }),
    }
}

/// The first parameter with a value that is not finite.
#[derive(Default)]
struct NotFinite {
    path: Vec<String>,
    found: Option<String>,
}

impl ModuleVisitor for NotFinite {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data();
        if self.found.is_none() && !data.iter::<f32>().all(f32::is_finite) {
            self.found = Some(self.path.join("."));
        }
    }
}
