//! Manages the devices that share the batches of a step.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};

use crate::error::{Error, Result};

/// The main device and the devices that take batches beside it. The first batch of a step is on the main device, the
/// second on the first of the other devices, and so on.
#[derive(Clone, Debug, Default)]
pub(super) struct Devices(
    /// Empty if there is one device, the device of the batches.
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

    /// Returns as many entries, all of them the main device: equal steps, one batch after another.
    pub(super) fn all_on_main(&self) -> Self {
        let main = self.0.first().into_iter();
        Self(main.cycle().take(self.0.len()).cloned().collect())
    }

    /// Returns the number of devices, at least 1.
    pub(super) fn len(&self) -> usize {
        self.0.len().max(1)
    }

    /// Returns the devices beside the main device.
    pub(super) fn others(&self) -> &[Device] {
        self.0.get(1..).unwrap_or_default()
    }

    /// Returns copies of a network on the first `devices` devices except the main device, which uses the network
    /// itself.
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

    /// Checks that the network can be on several devices at the same time.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the tensor that all copies of the network share.
    pub(super) fn check<M: Module>(&self, network: &M) -> Result<()> {
        let Some(main) = self.0.first() else {
            return Ok(());
        };
        let Some(other) = self.others().iter().find(|device| *device != main) else {
            return Ok(());
        };
        // The fork moves shared memory to the other device; it is moved back before the check returns.
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

/// Finds the first tensor that is not on `device`.
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
