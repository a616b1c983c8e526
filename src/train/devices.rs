//! The devices that share the batches of a step.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};

use crate::error::{Error, Result};

/// The device that everything is on, and those that take batches beside it. Batches go round: the first of a step to the main
/// device, the next to the first of the others.
#[derive(Clone, Debug, Default)]
pub(super) struct Devices(
    /// None at all where there is one device, which is that of the batches.
    Vec<Device>,
);

impl Devices {
    pub(super) fn new(main: &Device, more: &[Device]) -> Self {
        if more.is_empty() {
            return Self::default();
        }
        let all = [main].into_iter().chain(more);
        Self(all.map(|device| device.clone().autodiff()).collect())
    }

    /// As many, all of them the main device: the same steps, one batch after another.
    pub(super) fn all_on_main(&self) -> Self {
        let main = self.0.first().into_iter();
        Self(main.cycle().take(self.0.len()).cloned().collect())
    }

    /// How many there are, at least 1.
    pub(super) fn len(&self) -> usize {
        self.0.len().max(1)
    }

    /// Returns the devices beside the main device.
    pub(super) fn others(&self) -> &[Device] {
        self.0.get(1..).unwrap_or_default()
    }

    /// Returns the copies of a network on the first so many devices, but for the main device, whose is the network itself.
    pub(super) fn copies<M: Module>(&self, network: &M, devices: usize) -> Vec<M> {
        let others = self.0.iter().take(devices).skip(1);
        let copy = |device: &Device| {
            if *device == self.0[0] {
                network.clone()
            } else {
                network.clone().fork(device)
            }
        };
        others.map(copy).collect()
    }

    /// Checks that the network can lie on several devices at a time.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] with the tensor that all copies of the network share.
    pub(super) fn check<M: Module>(&self, network: &M) -> Result<()> {
        let Some(main) = self.0.first() else {
            return Ok(());
        };
        let Some(other) = self.others().iter().find(|device| *device != main) else {
            return Ok(());
        };
        // Memory that copies share lies on the other device now; it is brought back before anybody is told.
        let _ = network.clone().fork(other);
        let mut visitor = NotOn {
            device: main,
            path: Vec::new(),
            found: None,
        };
        network.visit(&mut visitor);
        let found = visitor.found;
        let _ = network.clone().fork(main);
        match found {
            None => Ok(()),
            Some(path) => Err(Error::setting(
                "devices",
                self.len(),
                format!(
                    "one device for this network: `{path}` is memory that all copies of it share (running statistics, as of batch \
                     normalisation), so it cannot lie on two devices; a normalisation without such memory can (`LayerNorm`, \
                     `GroupNorm`)"
                ),
            )),
        }
    }
}

/// Finds the first tensor that is not on a device.
struct NotOn<'a> {
    device: &'a Device,
    path: Vec<String>,
    found: Option<String>,
}

impl ModuleVisitor for NotOn<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.found.is_none() && param.val().device() != *self.device {
            self.found = Some(self.path.join("."));
        }
    }
}
