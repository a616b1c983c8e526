//! Reads a checkpoint and checks all of it before use.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use super::import_config::ImportConfig;
use super::inputs::{Inputs, KEY};
use super::layout::{one_binary_head, sizes};
use super::names::{Generation, LOG_SIGMAS, common_tensors, may_have, network_tensors};
use super::parameters::{Parameters, with_parameters};
use crate::error::{Error, Result};
use crate::expansion::label::CountdownForm;
use crate::expansion::model::{ExpansionModel, ExpansionModelConfig, task_names};
use crate::pytorch::{PytorchFile, Wanted};
use crate::weighting::Uncertainty;

/// The largest absolute value of a log sigma that the strategy accepts.
const LARGEST_LOG_SIGMA: f32 = 20.0;

/// A checkpoint of the original network, completely read and checked.
#[derive(Clone, Debug)]
pub struct PytorchCheckpoint {
    path: PathBuf,
    config: ExpansionModelConfig,
    generation: Generation,
    parameters: Parameters,
    log_sigma: Option<[f32; 4]>,
    inputs: Option<Inputs>,
    notes: Vec<String>,
}

impl PytorchCheckpoint {
    /// Reads a `.pt` or `.safetensors` file of a network over windows of 105 bars.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Checkpoint`] if it is damaged, is larger than 4 GiB, names
    /// code, or does not fit this network; then the error names the tensor, what was found and what was
    /// expected.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::read_with(path, &ImportConfig::default())
    }

    /// Reads a file as [`read`](Self::read) does, with settings for the facts that the tensors do not determine.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_with(path: impl AsRef<Path>, config: &ImportConfig) -> Result<Self> {
        let path = path.as_ref();
        let file = PytorchFile::read(path)?;
        Self::of_file(&file, config).map_err(|reason| Error::Checkpoint {
            path: path.to_path_buf(),
            reason,
        })
    }

    fn of_file(file: &PytorchFile, import: &ImportConfig) -> Result<Self, String> {
        let common = common_tensors();
        let wanted = Wanted {
            tensors: &common,
            known: &|name| may_have(&common, name),
        };
        let mut state = file.choose(&wanted, &import.selection)?;
        let generation = one_binary_head(&mut state.tensors)?;
        let config = sizes(&state.tensors, import)?;
        let mut expected = network_tensors(&config);
        let sigmas = LOG_SIGMAS.map(|(name, _)| (name.to_string(), Vec::new()));
        let with_sigmas = sigmas
            .iter()
            .any(|(name, _)| state.tensors.contains_key(name));
        if with_sigmas {
            expected.extend(sigmas);
        }
        state.check(&expected, &import.selection)?;
        let inputs = file.metadata(KEY).and_then(Inputs::from_json);
        if let Some(inputs) = &inputs
            && inputs.names().len() != config.features
        {
            return Err(format!(
                "says that its network reads {}, but the network reads {} features",
                inputs.names().join(", "),
                config.features
            ));
        }
        let mut parameters = state.numbers(&expected)?;
        let log_sigma = if with_sigmas {
            Some(log_sigmas(&mut parameters)?)
        } else {
            None
        };
        Ok(Self {
            path: file.path().to_path_buf(),
            config,
            generation,
            parameters,
            log_sigma,
            inputs,
            notes: state.notes,
        })
    }

    /// Returns the config of the network: its sizes from the file, every other setting as in the original network.
    pub fn config(&self) -> &ExpansionModelConfig {
        &self.config
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the generation of the network, inferred from the names in the file.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Returns log sigma of type, pointers, binary and countdown, or `None` if the file has none.
    pub fn log_sigma(&self) -> Option<[f32; 4]> {
        self.log_sigma
    }

    /// Returns what the inputs of the network are, or `None` if the file does not tell: only a file of
    /// [`export_run`](crate::expansion::run::export_run) does, until PyTorch saves it again.
    pub fn inputs(&self) -> Option<&Inputs> {
        self.inputs.as_ref()
    }

    /// Returns the strategy that continues from the log sigmas of the file, or `None` if the file has none.
    pub fn uncertainty(&self) -> Option<Uncertainty> {
        let values = self.log_sigma?.map(f64::from);
        let names = LOG_SIGMAS.map(|(_, task)| task);
        let named = std::array::from_fn::<_, 4, _>(|task| (names[task], values[task]));
        Some(Uncertainty::default().with_log_sigma(named))
    }

    /// Returns one sentence per conversion of tensors or of their names; empty if nothing was converted.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Builds the network on `device`, with the parameters of the file.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the window is out of range.
    pub fn model(&self, device: &Device) -> Result<ExpansionModel> {
        let network = self.config.init(device)?;
        Ok(with_parameters(network, &self.parameters, &[]))
    }

    /// Loads the parameters of the file into a network of the same sizes. Other settings, such as dropout, stay
    /// unchanged. The parameters of the countdown head are divided by the network's `countdown_scale`, so that the
    /// outputs are those of the file's network.
    ///
    /// The heads of the tasks in `restart`, `type` or `countdown`, stay unchanged, and may have another number of types
    /// or another form than the head of the file. Usually `restart` is empty.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first size that differs.
    pub fn load_into(&self, network: ExpansionModel, restart: &[&str]) -> Result<ExpansionModel> {
        self.check_sizes(network.config(), restart)?;
        Ok(with_parameters(network, &self.parameters, restart))
    }

    /// Checks that the sizes of a network are those of the file, but for the heads of the tasks in `restart`.
    pub(crate) fn check_sizes(
        &self,
        config: &ExpansionModelConfig,
        restart: &[&str],
    ) -> Result<()> {
        let file = &self.config;
        for (field, found, expected) in [
            ("model.features", config.features, file.features),
            ("model.hidden", config.hidden, file.hidden),
            ("model.layers", config.layers, file.layers),
            ("model.projection", config.projection, file.projection),
        ] {
            if found != expected {
                let path = self.path.display();
                let expected = format!("{expected} to start from {path}, whose network has that");
                return Err(Error::setting(field, found, expected));
            }
        }
        if config.pooling != file.pooling {
            let path = self.path.display();
            let expected = format!("mean to start from {path}, whose network has no attention");
            return Err(Error::setting("model.pooling", "attention", expected));
        }
        let (found, types) = (config.types.len(), file.types.len());
        if found != types && !restart.contains(&task_names::TYPE) {
            let path = self.path.display();
            let expected =
                format!("{types} names to start from {path}, whose network has as many types");
            let found = format!("a list of {found}");
            return Err(Error::setting("model.types", found, expected));
        }
        if config.countdown != file.countdown && !restart.contains(&task_names::COUNTDOWN) {
            let expected = format!(
                "{} to start from {}, whose network has that",
                form(file.countdown),
                self.path.display()
            );
            let found = form(config.countdown);
            return Err(Error::setting("model.countdown", found, expected));
        }
        Ok(())
    }
}

/// Returns the name of the form in a config.
fn form(countdown: CountdownForm) -> &'static str {
    match countdown {
        CountdownForm::PerBar => "per-bar",
        CountdownForm::Scalar => "scalar",
    }
}

fn log_sigmas(parameters: &mut Parameters) -> Result<[f32; 4], String> {
    let mut values = [0.0; 4];
    for (value, (name, _)) in values.iter_mut().zip(LOG_SIGMAS) {
        *value = match parameters.remove(name) {
            Some(table) => table.numbers[0],
            None => unreachable!("{name} was there"),
        };
        if value.abs() > LARGEST_LOG_SIGMA {
            return Err(format!(
                "its tensor `{name}` holds {value}, expected a number between -20 and 20"
            ));
        }
    }
    Ok(values)
}
