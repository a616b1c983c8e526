//! Lists the parameters of a Burn module with their places in PyTorch.

use std::collections::BTreeMap;
use std::fmt::Write;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::layers::{Step, TorchPlace, burn_path, torch_place};
use super::names::NameTable;
use crate::error::{Error, Result};

/// The parameters of a module, by their paths in Burn.
#[derive(Debug)]
pub(crate) struct Entries {
    pub(super) places: BTreeMap<String, TorchPlace>,
    /// The PyTorch tensors with their shapes in PyTorch.
    pub(super) tensors: BTreeMap<String, Vec<usize>>,
    /// Whether the module has running statistics.
    pub(super) running: bool,
}

impl Entries {
    /// Lists the parameters of a module.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the table names a part that the module does not have, gives one name to two tensors, or if
    /// a layer has no counterpart in PyTorch.
    pub(crate) fn of<M: Module>(module: &M, names: &NameTable) -> Result<Self> {
        let mut walk = Walk::default();
        module.visit(&mut walk);
        let paths = walk.found.iter().map(|found| found.path.as_str());
        if let Some(part) = names.unused(paths.clone()) {
            let expected = format!("a part of the module, which has {}", some(paths));
            return Err(Error::setting("names", format!("`{part}`"), expected));
        }
        let found = walk.found.iter().filter(|found| !names.is_new(&found.path));
        let mut entries = Self {
            places: BTreeMap::new(),
            tensors: BTreeMap::new(),
            running: false,
        };
        let mut parts: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for found in found {
            let place = torch_place(&found.steps, names);
            entries.running |=
                found.path.ends_with(".running_mean") || found.path == "running_mean";
            entries.add(found, &place, &mut parts)?;
            entries.places.insert(found.path.clone(), place);
        }
        entries.check_parts(&parts)?;
        check_reset(module, &walk)?;
        Ok(entries)
    }

    /// Returns the names and shapes of the tensors in PyTorch.
    pub(crate) fn expected(&self) -> Vec<(String, Vec<usize>)> {
        let tensors = self.tensors.iter();
        tensors
            .map(|(name, shape)| (name.clone(), shape.clone()))
            .collect()
    }

    fn add(
        &mut self,
        found: &Found,
        place: &TorchPlace,
        parts: &mut BTreeMap<String, Vec<usize>>,
    ) -> Result<()> {
        let mut shape = found.shape.clone();
        if place.transposed && !found.as_in_torch {
            shape.reverse();
        }
        let mut fits = true;
        match place.part {
            Some((index, count)) => {
                shape[0] *= count;
                let seen = parts.entry(place.name.clone()).or_default();
                fits = seen.is_empty() || self.tensors.get(&place.name) == Some(&shape);
                seen.push(index);
            }
            None if self.tensors.contains_key(&place.name) => fits = false,
            None => {}
        }
        if !fits {
            let expected = "different for each part of the module, as the tensors are in PyTorch";
            let name = format!("`{}` also for `{}`", place.name, found.path);
            return Err(Error::setting("names", name, expected));
        }
        self.tensors.insert(place.name.clone(), shape);
        Ok(())
    }

    /// Checks that every tensor of several parts has all of them, once.
    fn check_parts(&self, parts: &BTreeMap<String, Vec<usize>>) -> Result<()> {
        for (path, place) in &self.places {
            let (Some((_, count)), Some(seen)) = (place.part, parts.get(&place.name)) else {
                continue;
            };
            let mut seen = seen.clone();
            seen.sort_unstable();
            if !seen.into_iter().eq(0..count) {
                let name = &place.name;
                let expected = format!(
                    "a layer with {count} parts in `{name}`, as PyTorch has them: no coupled gates, and one name for each layer"
                );
                return Err(Error::setting("names", format!("`{path}`"), expected));
            }
        }
        Ok(())
    }
}

/// Returns the first few parts of paths, without the parameters.
fn some<'p>(paths: impl Iterator<Item = &'p str>) -> String {
    let parts = paths.map(|path| path.rsplit_once('.').map_or(path, |(part, _)| part));
    let mut parts: Vec<&str> = parts.collect();
    parts.dedup();
    let shown: Vec<String> = parts
        .iter()
        .take(12)
        .map(|part| format!("`{part}`"))
        .collect();
    let more = if parts.len() > 12 { " and more" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// A parameter of the module.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: String,
    pub(super) steps: Vec<Step>,
    shape: Vec<usize>,
    /// Whether the shape is that of a `LinearLayout::Col` weight before its first use, which is PyTorch's.
    as_in_torch: bool,
}

/// Follows the path to each parameter.
#[derive(Debug, Default)]
pub(super) struct Trail(pub(super) Vec<Step>);

impl Trail {
    pub(super) fn enter(&mut self, field: &str, container: &str) {
        self.0.push(Step {
            field: field.into(),
            container: container.into(),
        });
    }

    pub(super) fn exit(&mut self) {
        self.0.pop();
    }

    pub(super) fn path(&self) -> String {
        burn_path(&self.0)
    }
}

#[derive(Debug, Default)]
struct Walk {
    trail: Trail,
    found: Vec<Found>,
}

impl ModuleVisitor for Walk {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.trail.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.trail.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // The shape is known before the first value is drawn.
        self.found.push(Found {
            path: self.trail.path(),
            steps: self.trail.0.clone(),
            shape: param.lazy_shape().to_vec(),
            as_in_torch: !param.is_initialized() && is_turned(param),
        });
    }
}

/// Returns whether a parameter turns the matrices that are loaded into it, as the weight of a linear layer with
/// `LinearLayout::Col` does.
pub(super) fn is_turned<const D: usize>(param: &Param<Tensor<D>>) -> bool {
    if D != 2 {
        return false;
    }
    let mut shape = [1; D];
    shape[D - 1] = 2;
    let probe = Tensor::zeros(shape, &param.lazy_device());
    let loaded = param.clone().transform_for_load(probe, param.id);
    loaded.val().dims() != shape
}

/// Checks that a GRU computes as PyTorch's does. The setting is no parameter, so only the `Debug` form tells it.
fn check_reset<M: Module>(module: &M, walk: &Walk) -> Result<()> {
    let gru = walk.found.iter().find(|found| {
        let mut containers = found.steps.iter().map(|step| step.container.as_str());
        containers.any(|container| container == "Struct:Gru")
    });
    let Some(gru) = gru else { return Ok(()) };
    let mut search = Search::default();
    // A search cannot fail.
    let _ = write!(search, "{module:?}");
    if search.found {
        let expected = "with `reset_after`, which PyTorch's GRU has";
        return Err(Error::setting(
            "names",
            format!("`{}` of a GRU", gru.path),
            expected,
        ));
    }
    Ok(())
}

/// Looks for the setting in text that is never kept.
#[derive(Default)]
struct Search {
    after_name: bool,
    found: bool,
}

impl Write for Search {
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        // The name of a field, the colon and its value come in pieces.
        match piece {
            "reset_after" => self.after_name = true,
            ": " => {}
            value => {
                self.found |= self.after_name && value == "false";
                self.after_name = false;
            }
        }
        Ok(())
    }
}
