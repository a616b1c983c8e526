//! Defines the training settings of a part: the trunk, a head, the strategy.

use std::collections::HashSet;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Settings of a part of the network or of the strategy that differ from the rest.
///
/// A part is named by its path: `network.trunk` is the field `trunk` of the network with everything in it,
/// `network.heads.0` the first element of its field `heads`, `weighting` the strategy. Where parts overlap, each
/// setting comes from the last part in the list that sets it.
///
/// # Example
///
/// ```
/// use equipoise::train::{PartConfig, TrainConfig};
///
/// let trunk = PartConfig::new("network.trunk").with_learning_rate(1e-4);
/// let config = TrainConfig::default().with_parts(vec![trunk, PartConfig::new("network.trunk.stem").frozen()]);
/// config.validate()?;
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartConfig {
    /// The path of the part: names of fields with dots between them.
    pub path: String,
    /// The learning rate, above 0 and at most 1; it follows the schedule of the run. Default `None`: the rate of the
    /// run.
    #[serde(default)]
    pub learning_rate: Option<f64>,
    /// The decoupled weight decay, not negative. Default `None`: the decay of the run.
    #[serde(default)]
    pub weight_decay: Option<f64>,
    /// The largest norm of the gradient of this part alone, positive; a larger gradient is scaled down to it. The part
    /// then does not count in the norm of the run's own clipping. Default `None`.
    #[serde(default)]
    pub clip_norm: Option<f64>,
    /// Whether the parameters of the part stay unchanged; `false` trains a part inside a frozen part. Running
    /// statistics in the part (batch normalisation) still change. Default `None`.
    #[serde(default)]
    pub frozen: Option<bool>,
}

impl PartConfig {
    /// Creates the settings of a part that is trained as the rest.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }

    /// Sets the learning rate.
    pub fn with_learning_rate(mut self, rate: f64) -> Self {
        self.learning_rate = Some(rate);
        self
    }

    /// Sets the weight decay.
    pub fn with_weight_decay(mut self, decay: f64) -> Self {
        self.weight_decay = Some(decay);
        self
    }

    /// Sets the largest norm of the gradient of the part, which is then clipped separately.
    pub fn with_clip_norm(mut self, norm: f64) -> Self {
        self.clip_norm = Some(norm);
        self
    }

    /// Leaves the parameters of the part unchanged.
    pub fn frozen(mut self) -> Self {
        self.frozen = Some(true);
        self
    }

    /// Trains the part although it is inside a frozen part.
    pub fn trained(mut self) -> Self {
        self.frozen = Some(false);
        self
    }

    /// Returns the parameters of the part, in the form that Burn's optimizers and schedules select by.
    pub(super) fn group(&self) -> ParamGroup {
        let path = self.path.replace('.', r"\.");
        ParamGroup::from_regex(format!(r"^{path}(\.|$)")).expect("the path was checked")
    }

    pub(super) fn holds(&self, parameter: &str) -> bool {
        let rest = parameter.strip_prefix(&self.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Checks the form of the path. Only the module can tell whether the part exists.
    pub(super) fn validate(&self) -> Result<()> {
        let plain = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '.';
        if self.path.is_empty() || !self.path.chars().all(plain) {
            let expected = "names of fields with dots between them, such as network.trunk";
            return Err(Error::setting("parts.path", &self.path, expected));
        }
        Ok(())
    }
}

/// Returns the path and the id of every parameter of a module.
pub(super) fn parameters<M: Module>(module: &M) -> Vec<(String, ParamId)> {
    let mut found = CollectParameters::default();
    module.visit(&mut found);
    let found = found.parameters.into_iter();
    found.map(|(path, id, _)| (path, id)).collect()
}

/// Checks that every part exists in the module.
///
/// # Errors
///
/// [`Error::Setting`] listing the parts that exist.
pub(super) fn check<M: Module>(parts: &[PartConfig], module: &M) -> Result<()> {
    let parameters = parameters(module);
    for part in parts {
        if !parameters.iter().any(|(path, _)| part.holds(path)) {
            let mut there: Vec<String> = Vec::new();
            for (path, _) in &parameters {
                let outer: Vec<&str> = path.split('.').take(2).collect();
                let outer = outer.join(".");
                if !there.contains(&outer) {
                    there.push(outer);
                }
            }
            let expected = format!("the path of a part; there are {}", there.join(", "));
            return Err(Error::setting("parts.path", &part.path, expected));
        }
    }
    Ok(())
}

/// Returns the trainable parameters that the frozen parts freeze.
pub(super) fn frozen<M: Module>(module: &M, parts: &[PartConfig]) -> HashSet<ParamId> {
    let of_part = |(path, id, trained): (String, ParamId, bool)| {
        let last = parts.iter().rev().filter(|part| part.holds(&path));
        let frozen = last.filter_map(|part| part.frozen).next();
        (trained && frozen == Some(true)).then_some(id)
    };
    let mut found = CollectParameters::default();
    module.visit(&mut found);
    found.parameters.into_iter().filter_map(of_part).collect()
}

/// Freezes parameters, or makes them trainable again.
pub(super) fn set_frozen<M: Module>(module: M, ids: &HashSet<ParamId>, frozen: bool) -> M {
    if ids.is_empty() {
        return module;
    }
    module.map(&mut Freeze { ids, frozen })
}

#[derive(Default)]
struct CollectParameters {
    path: Vec<String>,
    /// The path and the id of every parameter, and whether it is trained.
    parameters: Vec<(String, ParamId, bool)>,
}

impl ModuleVisitor for CollectParameters {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let trained = param.val().is_require_grad();
        self.parameters
            .push((self.path.join("."), param.id, trained));
    }
}

struct Freeze<'a> {
    ids: &'a HashSet<ParamId>,
    frozen: bool,
}

impl ModuleMapper for Freeze<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.ids.contains(&param.id) {
            param.set_require_grad(!self.frozen)
        } else {
            param
        }
    }
}
