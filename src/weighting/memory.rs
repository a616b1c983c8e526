//! Holds the memory of a strategy: values that are recorded by name.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::module::{
    Content, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param,
    ParamId,
};
use burn::tensor::{DType, Device, Int, Shape, Tensor};

use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// The named values of a strategy, which are recorded with the module.
///
/// A rule is plain data and never changes; all values that change from step to step are in the memory. There are five
/// kinds of slots, beside the memory of an inner rule:
///
/// | kind | stored | recorded | for |
/// |---|---|---|---|
/// | constant | on the device | no | values that follow from the settings: fixed weights |
/// | buffer | on the device | yes | running means |
/// | learned | on the device, with a gradient | yes, by task | log sigma |
/// | numbers | on the host | yes | values that a rule with a solver on the host keeps |
/// | integers | on the host | yes | steps, epochs, the state of a generator |
///
/// A clone is independent of its original. In a module's record each value has its own name, and a learned value its
/// name and the name of its task.
///
/// # Panics
///
/// Methods that read or set a slot panic if there is no slot of that name and kind: a rule must use the slots that
/// its own [`memory`](super::LossWeighting::memory) creates. Methods that add a slot panic if the name is taken.
#[derive(Debug)]
pub struct Memory {
    device: Device,
    slots: Vec<(&'static str, Slot)>,
}

#[derive(Debug)]
enum Slot {
    Constant(Tensor<1>),
    Buffer(Cell<Tensor<1>>),
    Learned(Vec<(Arc<str>, Param<Tensor<1>>)>),
    Numbers(Cell<Vec<f32>>),
    Integers(Cell<Vec<i32>>),
    Inner(Box<Memory>),
}

/// A value that can be set through a shared reference.
#[derive(Debug)]
struct Cell<T> {
    id: ParamId,
    value: Mutex<T>,
}

impl<T: Clone> Cell<T> {
    fn new(value: T) -> Self {
        Self {
            id: ParamId::new(),
            value: Mutex::new(value),
        }
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        // A value is replaced as a whole, so it is valid even after another thread has panicked.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self) -> T {
        self.lock().clone()
    }

    fn set(&self, value: T) {
        *self.lock() = value;
    }
}

impl<T: Clone> Clone for Cell<T> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            value: Mutex::new(self.get()),
        }
    }
}

impl Clone for Slot {
    fn clone(&self) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(value.clone()),
            Self::Buffer(cell) => Self::Buffer(cell.clone()),
            Self::Learned(values) => Self::Learned(values.clone()),
            Self::Numbers(cell) => Self::Numbers(cell.clone()),
            Self::Integers(cell) => Self::Integers(cell.clone()),
            Self::Inner(memory) => Self::Inner(memory.clone()),
        }
    }
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self {
            device: self.device.clone(),
            slots: self.slots.clone(),
        }
    }
}

impl Memory {
    /// Creates a memory without slots, whose values will be on `device`.
    pub fn new(device: &Device) -> Self {
        Self {
            device: device.clone(),
            slots: Vec::new(),
        }
    }

    #[cfg(feature = "train")]
    pub(super) fn device(&self) -> Device {
        self.device.clone()
    }

    fn with(mut self, name: &'static str, slot: Slot) -> Self {
        let taken = self.slots.iter().any(|(other, _)| *other == name);
        assert!(!taken, "a memory has two slots called `{name}`");
        self.slots.push((name, slot));
        self
    }

    /// Adds a constant, `[K]` or of any other length. A constant is not recorded.
    pub fn with_constant(self, name: &'static str, values: &[f64]) -> Self {
        let values = floats(values, &self.device);
        self.with(name, Slot::Constant(values))
    }

    /// Adds a buffer on the device that holds `values`.
    pub fn with_buffer(self, name: &'static str, values: &[f64]) -> Self {
        let values = floats(values, &self.device);
        self.with(name, Slot::Buffer(Cell::new(values)))
    }

    /// Adds a learned value for each task. Each value is a separate parameter, so the value of a task that the host
    /// knows to be absent gets no gradient, and an optimizer leaves it unchanged.
    ///
    /// # Panics
    ///
    /// If the number of values differs from the number of tasks.
    pub fn with_learned(self, name: &'static str, tasks: &TaskSet, values: &[f64]) -> Self {
        assert_eq!(values.len(), tasks.len(), "one value for each task");
        let parameter = |(name, value): (&str, &f64)| {
            let data: Param<Tensor<1>> = Param::from_data([*value as f32], &self.device);
            (Arc::from(name), data)
        };
        let learned = tasks.names().zip(values).map(parameter).collect();
        self.with(name, Slot::Learned(learned))
    }

    /// Adds numbers on the host, stored in single precision, the precision of the record.
    pub fn with_numbers(self, name: &'static str, values: &[f64]) -> Self {
        let values = values.iter().map(|value| *value as f32).collect();
        self.with(name, Slot::Numbers(Cell::new(values)))
    }

    /// Adds integers on the host.
    pub fn with_integers(self, name: &'static str, values: &[i32]) -> Self {
        self.with(name, Slot::Integers(Cell::new(values.to_vec())))
    }

    /// Adds the memory of an inner rule.
    pub fn with_inner(self, name: &'static str, memory: Memory) -> Self {
        self.with(name, Slot::Inner(Box::new(memory)))
    }

    fn slot(&self, name: &str) -> &Slot {
        let found = self.slots.iter().find(|(other, _)| *other == name);
        match found {
            Some((_, slot)) => slot,
            None => panic!("the memory has no slot called `{name}`"),
        }
    }

    /// Returns a constant, on the device of `like`.
    pub fn constant(&self, name: &str, like: &Tensor<1>) -> Tensor<1> {
        match self.slot(name) {
            Slot::Constant(value) => on(value, like),
            _ => panic!("`{name}` is not a constant"),
        }
    }

    /// Returns a buffer, on its own device and off the graph.
    pub fn buffer(&self, name: &str) -> Tensor<1> {
        match self.slot(name) {
            Slot::Buffer(cell) => cell.get(),
            _ => panic!("`{name}` is not a buffer"),
        }
    }

    /// Returns a buffer, on the device of `like` and off the graph.
    pub fn buffer_on(&self, name: &str, like: &Tensor<1>) -> Tensor<1> {
        on(&self.buffer(name), like)
    }

    /// Sets a buffer.
    ///
    /// # Panics
    ///
    /// Also if the value has another length than the buffer, because a record cannot hold it.
    pub fn remember(&self, name: &str, value: Tensor<1>) {
        match self.slot(name) {
            Slot::Buffer(cell) => {
                let length = cell.lock().dims();
                assert_eq!(value.dims(), length, "`{name}` has another length");
                cell.set(value.inner());
            }
            _ => panic!("`{name}` is not a buffer"),
        }
    }

    /// Returns the learned values of all tasks, `[K]`, attached to the graph. The value of a task that the host knows
    /// to be absent is detached.
    pub fn learned(&self, name: &str, losses: &TaskLosses) -> Tensor<1> {
        let absent = losses.absent();
        let value = |(task, (_, value)): (usize, &(Arc<str>, Param<Tensor<1>>))| {
            let value = value.val();
            if absent.get(task).copied().unwrap_or(false) {
                value.detach()
            } else {
                value
            }
        };
        let all = self.learned_slot(name).iter().enumerate().map(value);
        Tensor::cat(all.collect(), 0)
    }

    /// Returns the learned values of all tasks, `[K]`, off the graph.
    pub fn learned_values(&self, name: &str) -> Tensor<1> {
        let values = self.learned_slot(name).iter();
        Tensor::cat(values.map(|(_, value)| value.val().inner()).collect(), 0)
    }

    /// Returns the learned values of this name, `[K]`, off the graph, from this memory or the memory of an inner
    /// rule. Returns `None` if there are none.
    pub fn find_learned(&self, name: &str) -> Option<Tensor<1>> {
        if self.has_learned(name) {
            return Some(self.learned_values(name));
        }
        self.slots.iter().find_map(|(_, slot)| match slot {
            Slot::Inner(memory) => memory.find_learned(name),
            _ => None,
        })
    }

    fn learned_slot(&self, name: &str) -> &[(Arc<str>, Param<Tensor<1>>)] {
        match self.slot(name) {
            Slot::Learned(values) => values,
            _ => panic!("`{name}` is not a learned value"),
        }
    }

    /// Returns whether the memory, or the memory of an inner rule, has learned values.
    pub fn learns(&self) -> bool {
        self.slots.iter().any(|(_, slot)| match slot {
            Slot::Learned(_) => true,
            Slot::Inner(memory) => memory.learns(),
            _ => false,
        })
    }

    /// Returns whether there is a learned value of this name. Memories of inner rules are not searched.
    pub fn has_learned(&self, name: &str) -> bool {
        let named =
            |(other, slot): &(&str, Slot)| *other == name && matches!(slot, Slot::Learned(_));
        self.slots.iter().any(named)
    }

    /// Returns numbers from the host.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        match self.slot(name) {
            Slot::Numbers(cell) => cell.lock().iter().map(|value| f64::from(*value)).collect(),
            _ => panic!("`{name}` is not a slot of numbers"),
        }
    }

    /// Sets numbers on the host, rounded to single precision, so that a step after loading a record sees equal
    /// numbers.
    ///
    /// # Panics
    ///
    /// Also if the number of values changes.
    pub fn set_numbers(&self, name: &str, values: &[f64]) {
        match self.slot(name) {
            Slot::Numbers(cell) => {
                assert_eq!(
                    values.len(),
                    cell.lock().len(),
                    "`{name}` has another length"
                );
                cell.set(values.iter().map(|value| *value as f32).collect());
            }
            _ => panic!("`{name}` is not a slot of numbers"),
        }
    }

    /// Returns integers from the host.
    pub fn integers(&self, name: &str) -> Vec<i32> {
        match self.slot(name) {
            Slot::Integers(cell) => cell.get(),
            _ => panic!("`{name}` is not a slot of integers"),
        }
    }

    /// Sets integers on the host.
    ///
    /// # Panics
    ///
    /// Also if the number of values changes.
    pub fn set_integers(&self, name: &str, values: &[i32]) {
        match self.slot(name) {
            Slot::Integers(cell) => {
                assert_eq!(
                    values.len(),
                    cell.lock().len(),
                    "`{name}` has another length"
                );
                cell.set(values.to_vec());
            }
            _ => panic!("`{name}` is not a slot of integers"),
        }
    }

    /// Returns the memory of an inner rule.
    pub fn inner(&self, name: &str) -> &Memory {
        match self.slot(name) {
            Slot::Inner(memory) => memory,
            _ => panic!("`{name}` is not the memory of a rule inside"),
        }
    }
}

/// The position of each task among the tasks of an old record; `None` for a new task.
#[cfg(feature = "train")]
pub(super) struct OldTasks<'a> {
    pub(super) positions: &'a [Option<usize>],
    /// The number of tasks in the old record.
    pub(super) count: usize,
}

#[cfg(feature = "train")]
impl OldTasks<'_> {
    /// Merges the values of one slot, `[K]` or `[K * K]`: old values for tasks of the old record, initial values for
    /// new tasks. Any other slot is copied whole if its length is unchanged.
    fn merged<T: Clone>(&self, old: &[T], new: &[T]) -> Vec<T> {
        let (tasks, count) = (self.positions.len(), self.count);
        if old.len() == count && new.len() == tasks {
            let of = |(position, new): (&Option<usize>, &T)| {
                position.map_or_else(|| new.clone(), |position| old[position].clone())
            };
            return self.positions.iter().zip(new).map(of).collect();
        }
        if old.len() == count * count && new.len() == tasks * tasks {
            let of = |at: usize| match (self.positions[at / tasks], self.positions[at % tasks]) {
                (Some(row), Some(column)) => old[row * count + column].clone(),
                _ => new[at].clone(),
            };
            return (0..new.len()).map(of).collect();
        }
        if old.len() == new.len() {
            old.to_vec()
        } else {
            new.to_vec()
        }
    }
}

#[cfg(feature = "train")]
impl Memory {
    /// Copies the values of the common tasks from a memory of the same rule over other tasks.
    pub(super) fn adopt(&mut self, old: &Memory, tasks: &OldTasks<'_>) {
        let device = self.device.clone();
        for (name, slot) in &mut self.slots {
            let Some((_, before)) = old.slots.iter().find(|(other, _)| other == name) else {
                continue;
            };
            match (slot, before) {
                (Slot::Buffer(own), Slot::Buffer(before)) => {
                    let read = |value: Tensor<1>| -> Vec<f64> {
                        let numbers: Vec<f32> = value.into_data().iter().collect();
                        numbers.into_iter().map(f64::from).collect()
                    };
                    let values = tasks.merged(&read(before.get()), &read(own.get()));
                    own.set(floats(&values, &device));
                }
                (Slot::Learned(own), Slot::Learned(before)) => {
                    for ((_, value), position) in own.iter_mut().zip(tasks.positions) {
                        if let Some(position) = position {
                            let taken = before[*position].1.val().into_data();
                            *value = value.clone().map(|old| {
                                let tracked = old.is_require_grad();
                                Tensor::from_data(taken, &old.device()).set_require_grad(tracked)
                            });
                        }
                    }
                }
                (Slot::Numbers(own), Slot::Numbers(before)) => {
                    own.set(tasks.merged(&before.get(), &own.get()));
                }
                (Slot::Integers(own), Slot::Integers(before)) => {
                    own.set(tasks.merged(&before.get(), &own.get()));
                }
                (Slot::Inner(own), Slot::Inner(before)) => own.adopt(before, tasks),
                _ => {}
            }
        }
    }
}

/// Returns values in single precision on the device without autodiff.
fn floats(values: &[f64], device: &Device) -> Tensor<1> {
    let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
    Tensor::from_data(values.as_slice(), (&device.clone().inner(), DType::F32))
}

/// Returns `value` on the device of `like` without autodiff, with no copy if it is there already.
fn on(value: &Tensor<1>, like: &Tensor<1>) -> Tensor<1> {
    let device = like.device().inner();
    if value.device() == device {
        value.clone()
    } else {
        value.clone().to_device(&device)
    }
}

/// Returns host values as a parameter that is created on first access.
fn floats_parameter(id: ParamId, values: Vec<f32>, device: &Device) -> Param<Tensor<1>> {
    let shape = Shape::from([values.len()]);
    let plain = device.clone().inner();
    let make = move |device: &Device, _| {
        Tensor::from_data(values.as_slice(), (&device.clone().inner(), DType::F32))
    };
    Param::uninitialized(id, make, plain, false, shape)
}

fn integers_parameter(id: ParamId, values: Vec<i32>, device: &Device) -> Param<Tensor<1, Int>> {
    let shape = Shape::from([values.len()]);
    let plain = device.clone().inner();
    let make = move |device: &Device, _: bool| {
        Tensor::from_data(values.as_slice(), &device.clone().inner())
    };
    Param::uninitialized(id, make, plain, false, shape)
}

/// Returns the new host values if a mapper replaced them, recognised by the id: a value from a record never has the
/// id that was just drawn. Reading the values themselves would wait for the device in every step of an optimizer.
fn replaced_floats(fresh: ParamId, mapped: &Param<Tensor<1>>) -> Option<Vec<f32>> {
    let data = (mapped.id != fresh).then(|| mapped.val().into_data())?;
    Some(data.iter::<f32>().collect())
}

impl Module for Memory {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for (name, slot) in &self.slots {
            visitor.enter_module(name, "Memory");
            match slot {
                Slot::Constant(_) => {}
                Slot::Buffer(cell) => visitor.visit_float(&Param::initialized(cell.id, cell.get())),
                Slot::Learned(values) => {
                    for (task, value) in values {
                        visitor.enter_module(task, "Memory");
                        visitor.visit_float(value);
                        visitor.exit_module(task, "Memory");
                    }
                }
                Slot::Numbers(cell) => {
                    visitor.visit_float(&floats_parameter(cell.id, cell.get(), &self.device));
                }
                Slot::Integers(cell) => {
                    visitor.visit_int(&integers_parameter(cell.id, cell.get(), &self.device));
                }
                Slot::Inner(memory) => memory.visit(visitor),
            }
            visitor.exit_module(name, "Memory");
        }
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let device = self.device.clone();
        let slots = self.slots.into_iter().map(|(name, slot)| {
            mapper.enter_module(name, "Memory");
            let slot = slot.map(mapper, &device);
            mapper.exit_module(name, "Memory");
            (name, slot)
        });
        Self {
            slots: slots.collect(),
            device: self.device,
        }
    }

    fn to_device(self, device: &Device) -> Self {
        self.moved(device, |value| value.to_device(device))
    }

    fn fork(self, device: &Device) -> Self {
        self.moved(device, |value| value.fork(device))
    }

    fn collect_devices(&self, mut devices: Vec<Device>) -> Vec<Device> {
        for (_, slot) in &self.slots {
            devices = match slot {
                Slot::Learned(values) => values
                    .iter()
                    .fold(devices, |all, (_, value)| value.collect_devices(all)),
                Slot::Inner(memory) => memory.collect_devices(devices),
                _ => devices,
            };
        }
        devices
    }

    fn valid(&self) -> Self {
        let mut copy = self.clone();
        copy.each_learned(|value| value.valid());
        copy
    }

    fn train(mut self) -> Self {
        self.each_learned(Module::train);
        self
    }

    fn materialize(mut self) -> Self {
        self.each_learned(Module::materialize);
        self
    }
}

impl Slot {
    fn map<M: ModuleMapper>(self, mapper: &mut M, device: &Device) -> Self {
        match self {
            Self::Constant(_) => self,
            Self::Buffer(cell) => {
                let mapped = mapper.map_float(Param::initialized(cell.id, cell.get()));
                let (id, value, _) = mapped.consume();
                // An optimizer must not move a buffer, whatever a mapper does to parameters.
                let value = value.set_require_grad(false).inner();
                Self::Buffer(Cell {
                    id,
                    value: Mutex::new(value),
                })
            }
            Self::Learned(values) => Self::Learned(
                values
                    .into_iter()
                    .map(|(task, value)| {
                        mapper.enter_module(&task, "Memory");
                        let value = mapper.map_float(value);
                        mapper.exit_module(&task, "Memory");
                        (task, value)
                    })
                    .collect(),
            ),
            Self::Numbers(cell) => {
                let fresh = ParamId::new();
                let mapped = mapper.map_float(floats_parameter(fresh, cell.get(), device));
                if let Some(values) = replaced_floats(fresh, &mapped) {
                    cell.set(values);
                }
                Self::Numbers(cell)
            }
            Self::Integers(cell) => {
                let fresh = ParamId::new();
                let mapped = mapper.map_int(integers_parameter(fresh, cell.get(), device));
                if mapped.id != fresh {
                    cell.set(mapped.val().into_data().iter::<i32>().collect());
                }
                Self::Integers(cell)
            }
            Self::Inner(memory) => Self::Inner(Box::new(memory.map(mapper))),
        }
    }
}

impl Memory {
    fn moved(
        self,
        device: &Device,
        learned: impl Fn(Param<Tensor<1>>) -> Param<Tensor<1>> + Copy,
    ) -> Self {
        let plain = device.clone().inner();
        let moved = |slot| match slot {
            Slot::Constant(value) => Slot::Constant(value.to_device(&plain)),
            Slot::Buffer(cell) => {
                cell.set(cell.get().to_device(&plain));
                Slot::Buffer(cell)
            }
            Slot::Learned(values) => {
                let all = values.into_iter();
                Slot::Learned(all.map(|(task, value)| (task, learned(value))).collect())
            }
            Slot::Inner(memory) => Slot::Inner(Box::new(memory.moved_inner(device, learned))),
            host => host,
        };
        let slots = self.slots.into_iter();
        Self {
            slots: slots.map(|(name, slot)| (name, moved(slot))).collect(),
            device: device.clone(),
        }
    }

    /// Calls [`moved`](Self::moved) for an inner memory, so that the types of closures do not recurse.
    fn moved_inner(
        self,
        device: &Device,
        learned: impl Fn(Param<Tensor<1>>) -> Param<Tensor<1>> + Copy,
    ) -> Self {
        self.moved(device, learned)
    }

    fn each_learned(&mut self, change: impl Fn(Param<Tensor<1>>) -> Param<Tensor<1>> + Copy) {
        for (_, slot) in &mut self.slots {
            match slot {
                Slot::Learned(values) => {
                    let old = std::mem::take(values);
                    let new = old.into_iter().map(|(task, value)| (task, change(value)));
                    values.extend(new);
                }
                Slot::Inner(memory) => memory.each_learned(change),
                _ => {}
            }
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.slots.iter().map(|(name, _)| *name).collect();
        write!(formatter, "Memory({})", names.join(", "))
    }
}

impl ModuleDisplayDefault for Memory {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&self.to_string()).optional()
    }
}

impl ModuleDisplay for Memory {}
