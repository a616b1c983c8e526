//! Records the identity of a strategy together with its memory: the rule, its settings and the tasks.
//!
//! The slots of two strategies, or of one strategy over different tasks, can have equal names and shapes, so the
//! wrong record would load without an error. Every strategy therefore records its identity, and the record of another
//! strategy is refused by name.

use std::fmt;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::store::ModuleRecord;
use burn::tensor::{Device, Int, Shape, Tensor};

use super::at_path::AtPath;
use crate::error::{Error, Result};
use crate::task::TaskSet;

/// The identity of a strategy: its rule with all settings, and the names of its tasks.
///
/// Every record of a strategy contains its identity, so the record of another strategy is refused by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    rule: String,
    tasks: Vec<String>,
}

impl Identity {
    pub(super) fn new(rule: String, tasks: &TaskSet) -> Self {
        Self {
            rule,
            tasks: tasks.names().map(String::from).collect(),
        }
    }

    /// Returns the name of the rule's type, without its settings.
    pub(super) fn rule_name(&self) -> &str {
        let end = self.rule.find(|c: char| !c.is_alphanumeric() && c != '_');
        end.map_or(&self.rule, |end| &self.rule[..end])
    }

    /// Returns the rule and its settings in their `Debug` form.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Returns the names of the tasks, in order.
    pub fn tasks(&self) -> &[String] {
        &self.tasks
    }

    /// Returns the identity as text: a line for the rule and a line for each task.
    fn text(&self) -> String {
        let lines = std::iter::once(&self.rule).chain(&self.tasks);
        let lines: Vec<String> = lines.map(|line| line.replace('\n', " ")).collect();
        lines.join("\n")
    }

    fn from_text(text: &str) -> Self {
        let mut lines = text.lines().map(String::from);
        Self {
            rule: lines.next().unwrap_or_default(),
            tasks: lines.collect(),
        }
    }

    /// Reads the identity of the strategy in a record, or `None` if the record has no identity.
    ///
    /// `path` is the position of the strategy in the record: `["weighting"]` in a module with a field of that name.
    pub fn of_record(record: &ModuleRecord, path: &[&str]) -> Option<Self> {
        let nobody = Self {
            rule: String::new(),
            tasks: Vec::new(),
        };
        let mark = IdentityEntry::new(nobody, &Device::default());
        let place = path.iter().chain(&["identity"]);
        let record = record.clone().allow_partial(true).allow_unused(true);
        let found = AtPath::new(place, mark).try_load_record(record.validate(false));
        found.ok()?.module.foreign
    }

    /// Checks that the identity found in a record is the identity of this strategy.
    ///
    /// # Errors
    ///
    /// [`Error::Tasks`] with the added and the missing tasks if the tasks differ, [`Error::Setting`] if the rule or a
    /// setting differs, or if the record has no identity.
    pub fn check(&self, found: Option<&Self>) -> Result<()> {
        let Some(found) = found else {
            return Err(Error::setting(
                "weighting",
                "recorded in a form of an earlier version, or not at all",
                "recorded by this version: begin a new run from the network of this checkpoint",
            ));
        };
        if found.tasks != self.tasks {
            return Err(Error::Tasks {
                found: self.tasks.join(", "),
                expected: other_tasks(&self.tasks, &found.tasks),
            });
        }
        if found.rule != self.rule {
            let expected = format!(
                "{}, with which the record was made; continue with that strategy, or begin a new run from the network",
                found.rule
            );
            return Err(Error::setting("weighting", &self.rule, expected));
        }
        Ok(())
    }
}

fn other_tasks(own: &[String], recorded: &[String]) -> String {
    let not_in = |all: &[String], others: &[String]| {
        let names: Vec<&str> = all
            .iter()
            .filter(|name| !others.contains(name))
            .map(String::as_str)
            .collect();
        names.join(", ")
    };
    let (added, missing) = (not_in(own, recorded), not_in(recorded, own));
    let mut words = format!("the strategy was recorded over [{}]", recorded.join(", "));
    if !added.is_empty() {
        words += &format!("; added since: {added}");
    }
    if !missing.is_empty() {
        words += &format!("; missing now: {missing}");
    }
    if added.is_empty() && missing.is_empty() {
        words += ", the same ones in another order";
    }
    words
}

/// The identity as two entries of a record: the number of bytes, and the bytes.
#[derive(Clone, Debug)]
pub(super) struct IdentityEntry {
    own: Identity,
    /// The identity in the loaded record, if it differs.
    foreign: Option<Identity>,
    ids: [ParamId; 2],
    device: Device,
}

impl IdentityEntry {
    pub(super) fn new(own: Identity, device: &Device) -> Self {
        Self {
            own,
            foreign: None,
            ids: [ParamId::new(), ParamId::new()],
            device: device.clone(),
        }
    }

    pub(super) fn own(&self) -> &Identity {
        &self.own
    }

    pub(super) fn foreign(&self) -> Option<&Identity> {
        self.foreign.as_ref()
    }

    fn entries(&self) -> [Param<Tensor<1, Int>>; 2] {
        let text = self.own.text();
        let bytes: Vec<i32> = text.bytes().map(i32::from).collect();
        let length = vec![bytes.len() as i32];
        [
            entry(self.ids[0], length, &self.device),
            entry(self.ids[1], bytes, &self.device),
        ]
    }
}

fn entry(id: ParamId, values: Vec<i32>, device: &Device) -> Param<Tensor<1, Int>> {
    let shape = Shape::from([values.len()]);
    let make = move |device: &Device, _: bool| {
        Tensor::from_data(values.as_slice(), &device.clone().inner())
    };
    Param::uninitialized(id, make, device.clone().inner(), false, shape)
}

fn host(value: &Param<Tensor<1, Int>>) -> Vec<i32> {
    value.val().into_data().iter::<i32>().collect()
}

/// Returns the identity that a mapper supplies, or `None` if it supplies none.
fn mapped<M: ModuleMapper>(mapper: &mut M, device: &Device) -> Option<Identity> {
    let mut ask = |name: &str, like: Vec<i32>| {
        let fresh = ParamId::new();
        mapper.enter_module(name, "Identity");
        let answer = mapper.map_int(entry(fresh, like, device));
        mapper.exit_module(name, "Identity");
        (answer.id != fresh).then(|| host(&answer))
    };
    // The length is read first, because a tensor whose shape differs from the record is refused.
    let length = ask("length", vec![0])?;
    let length = usize::try_from(*length.first()?).ok()?;
    let bytes = ask("text", vec![0; length])?;
    let bytes: Option<Vec<u8>> = bytes.iter().map(|byte| u8::try_from(*byte).ok()).collect();
    let text = String::from_utf8(bytes?).ok()?;
    Some(Identity::from_text(&text))
}

impl Module for IdentityEntry {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for (name, entry) in ["length", "text"].into_iter().zip(self.entries()) {
            visitor.enter_module(name, "Identity");
            visitor.visit_int(&entry);
            visitor.exit_module(name, "Identity");
        }
    }

    fn map<M: ModuleMapper>(mut self, mapper: &mut M) -> Self {
        if let Some(found) = mapped(mapper, &self.device) {
            self.foreign = (found != self.own).then_some(found);
        }
        self
    }

    fn to_device(mut self, device: &Device) -> Self {
        self.device = device.clone();
        self
    }

    fn fork(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        devices
    }

    fn valid(&self) -> Self {
        self.clone()
    }

    fn train(self) -> Self {
        self
    }

    fn materialize(self) -> Self {
        self
    }
}

impl fmt::Display for IdentityEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.own.rule)
    }
}

impl burn::module::ModuleDisplayDefault for IdentityEntry {
    fn content(&self, content: burn::module::Content) -> Option<burn::module::Content> {
        content.add_formatted(&self.to_string()).optional()
    }
}

impl burn::module::ModuleDisplay for IdentityEntry {}
