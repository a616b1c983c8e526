//! Writes a network as a safetensors file under PyTorch's names.

use std::path::Path;

use super::inputs::{Inputs, KEY};
use super::names::{BINARY, Generation, LOG_SIGMA_BINARY, LOG_SIGMA_SPAN, LOG_SIGMAS, SPAN};
use super::parameters::{Parameters, parameters};
use crate::error::{Error, Result};
use crate::expansion::model::{ExpansionModel, Pooling};
use crate::pytorch::{HostTensor, write};
use crate::weighting::{LOG_SIGMA, Strategy};

/// The parameters of a network for PyTorch, written by [`write`](Self::write).
#[derive(Clone, Debug)]
pub struct PytorchExport {
    parameters: Parameters,
    features: usize,
    log_sigma: Option<[f32; 4]>,
    generation: Generation,
    inputs: Option<Inputs>,
}

impl PytorchExport {
    /// Creates an export and reads the parameters of the network from its device. The parameters of the countdown head
    /// are multiplied by the network's `countdown_scale`, because the original has no scale.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the network pools by attention, which the original lacks, [`Error::Training`] if the
    /// device cannot be read.
    pub fn new(network: &ExpansionModel) -> Result<Self> {
        if network.config().pooling != Pooling::Mean {
            let expected = "mean, or the network is not one that PyTorch's original could take";
            return Err(Error::setting("model.pooling", "attention", expected));
        }
        let parameters = parameters(network).map_err(unreadable)?;
        Ok(Self {
            parameters,
            features: network.config().features,
            log_sigma: None,
            generation: Generation::default(),
            inputs: None,
        })
    }

    /// Sets the generation of the network that will load the file. Default [`Generation::Binary`].
    pub fn with_generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// Sets what the inputs of the network are, which the file then tells.
    ///
    /// # Panics
    ///
    /// If the network has another number of inputs.
    pub fn with_inputs(mut self, inputs: Inputs) -> Self {
        let (found, expected) = (inputs.names().len(), self.features);
        assert_eq!(found, expected, "the network has {expected} inputs");
        self.inputs = Some(inputs);
        self
    }

    /// Returns what the inputs of the network are, or `None` if nobody has said so.
    pub fn inputs(&self) -> Option<&Inputs> {
        self.inputs.as_ref()
    }

    /// Sets log sigma of type, pointers, binary and countdown. The original network always has them, so PyTorch loads a
    /// file without them only with `strict=False`.
    pub fn with_log_sigma(mut self, log_sigma: [f32; 4]) -> Self {
        self.log_sigma = Some(log_sigma);
        self
    }

    /// Returns log sigma of type, pointers, binary and countdown, or `None` if none were set.
    pub fn log_sigma(&self) -> Option<[f32; 4]> {
        self.log_sigma
    }

    /// Sets the log sigmas that a strategy has learned. A strategy without log sigmas changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Tasks`] if the strategy does not have four tasks, [`Error::Training`] if the device cannot be read.
    pub fn with_learned(self, strategy: &Strategy) -> Result<Self> {
        let Some(values) = strategy.memory().find_learned(LOG_SIGMA) else {
            return Ok(self);
        };
        let values = values.try_into_vec_as::<f32>().map_err(unreadable)?;
        match <[f32; 4]>::try_from(values) {
            Ok(values) => Ok(self.with_log_sigma(values)),
            Err(values) => Err(Error::Tasks {
                found: format!("{} tasks of the strategy", values.len()),
                expected: "the network has four: type, pointers, binary, countdown".into(),
            }),
        }
    }

    /// Writes the file atomically: an error leaves no partial file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written, [`Error::Checkpoint`] if a parameter is not finite.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let inputs = self.inputs.iter();
        let metadata = inputs.map(|inputs| (KEY.to_string(), inputs.to_json()));
        write(path.as_ref(), &self.named(), metadata.collect())
    }

    /// Returns the tensors under all names of the generation.
    fn named(&self) -> Parameters {
        let mut named = self.parameters.clone();
        for ((name, _), value) in LOG_SIGMAS.iter().zip(self.log_sigma.iter().flatten()) {
            let table = HostTensor {
                shape: Vec::new(),
                numbers: vec![*value],
            };
            named.insert(name.to_string(), table);
        }
        if self.generation == Generation::Span {
            for (binary, span) in [
                (format!("{BINARY}.weight"), format!("{SPAN}.weight")),
                (format!("{BINARY}.bias"), format!("{SPAN}.bias")),
                (LOG_SIGMA_BINARY.to_string(), LOG_SIGMA_SPAN.to_string()),
            ] {
                if let Some(table) = named.get(&binary).cloned() {
                    named.insert(span, table);
                }
            }
        }
        named
    }
}

fn unreadable(error: burn::tensor::TensorReadError) -> Error {
    Error::Training {
        reason: format!("the device could not be read: {error}"),
    }
}
