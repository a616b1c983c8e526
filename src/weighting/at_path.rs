//! Reads one part of a module from its position in a record.

use burn::module::{Module, ModuleMapper, ModuleVisitor};
use burn::tensor::Device;

/// A module under a path of names, such as the memory or the identity of a strategy in a larger module.
#[derive(Clone, Debug)]
pub(super) struct AtPath<M> {
    path: Vec<String>,
    pub(super) module: M,
}

impl<M: Module> AtPath<M> {
    pub(super) fn new<'a>(path: impl Iterator<Item = &'a &'a str>, module: M) -> Self {
        let path = path.map(|part| part.to_string()).collect();
        Self { path, module }
    }
}

impl<M: Module> Module for AtPath<M> {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        self.path
            .iter()
            .for_each(|part| visitor.enter_module(part, "AtPath"));
        self.module.visit(visitor);
        let back = self.path.iter().rev();
        back.for_each(|part| visitor.exit_module(part, "AtPath"));
    }

    fn map<T: ModuleMapper>(self, mapper: &mut T) -> Self {
        let Self { path, module } = self;
        path.iter()
            .for_each(|part| mapper.enter_module(part, "AtPath"));
        let module = module.map(mapper);
        let back = path.iter().rev();
        back.for_each(|part| mapper.exit_module(part, "AtPath"));
        Self { path, module }
    }

    fn to_device(mut self, device: &Device) -> Self {
        self.module = self.module.to_device(device);
        self
    }

    fn fork(mut self, device: &Device) -> Self {
        self.module = self.module.fork(device);
        self
    }

    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        self.module.collect_devices(devices)
    }

    fn valid(&self) -> Self {
        Self {
            path: self.path.clone(),
            module: self.module.valid(),
        }
    }

    fn train(mut self) -> Self {
        self.module = self.module.train();
        self
    }

    fn materialize(mut self) -> Self {
        self.module = self.module.materialize();
        self
    }
}
