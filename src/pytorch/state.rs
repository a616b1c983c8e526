//! Checks the chosen tensors of a file against the names and shapes of a network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::pickle::Element;
use super::remedy::Remedy;
use super::selection::Selection;
use super::stored::Stored;
use super::text::{list, listed, names, quoted, shown};

/// The tensors of one dictionary, without the prefix of their names.
pub(crate) struct State {
    pub(crate) tensors: BTreeMap<String, Stored>,
    /// The tensors without the prefix.
    pub(super) outside: BTreeMap<String, Stored>,
    /// The kinds of the entries that are no tensors, under their whole names.
    pub(super) others: BTreeMap<String, String>,
    pub(super) prefix: String,
    pub(crate) notes: Vec<String>,
    /// The expression of Python for the dictionary.
    pub(super) source: String,
    pub(super) path: PathBuf,
}

impl State {
    /// Checks that every expected tensor is there with its shape, and no other. Counters and what the selection leaves
    /// out are taken away, with a note.
    pub(crate) fn check(
        &mut self,
        expected: &[(String, Vec<usize>)],
        selection: &Selection,
    ) -> Result<(), String> {
        let mut faults = self.missing(expected);
        faults.extend(self.misshapen(expected));
        let foreign = self.take_surplus(expected, selection);
        if !foreign.is_empty() {
            faults.push(self.unexpected(&foreign));
        }
        if faults.is_empty() {
            self.notes.extend(self.conversions());
            Ok(())
        } else {
            Err(faults.join("; "))
        }
    }

    fn missing(&self, expected: &[(String, Vec<usize>)]) -> Vec<String> {
        let missing = expected.iter();
        let missing: Vec<_> = missing
            .filter(|(name, _)| !self.tensors.contains_key(name))
            .collect();
        let objects = missing.iter().filter_map(|(name, _)| {
            let whole = format!("{}{name}", self.prefix);
            let kind = self.others.get(&whole)?;
            let name = shown(&whole);
            Some(format!(
                "has {kind} under `{name}` where a tensor should be"
            ))
        });
        let objects: Vec<String> = objects.take(3).collect();
        if !objects.is_empty() {
            return objects;
        }
        let with_shape = |(name, shape): &&(String, Vec<usize>)| {
            format!("`{}` of shape [{}]", shown(name), listed(shape))
        };
        match missing.as_slice() {
            [] => Vec::new(),
            [(name, shape)] => vec![format!(
                "has no tensor `{}`{}, expected one of shape [{}]",
                shown(name),
                self.behind(),
                listed(shape)
            )],
            all => vec![format!(
                "has no tensors {}{}; it has {}",
                list(all.iter().map(with_shape), all.len()),
                self.behind(),
                names(self.tensors.keys())
            )],
        }
    }

    /// Returns where the names were looked up, if not as they are.
    fn behind(&self) -> String {
        match self.prefix.as_str() {
            "" => String::new(),
            prefix => format!(" behind the prefix `{}`", shown(prefix)),
        }
    }

    fn misshapen(&self, expected: &[(String, Vec<usize>)]) -> Vec<String> {
        let wrong = expected.iter().filter_map(|(name, shape)| {
            let found = &self.tensors.get(name)?.shape;
            let expected = format!("[{}]", listed(shape));
            (found != shape).then(|| mismatch(name, found, &expected))
        });
        let wrong: Vec<String> = wrong.collect();
        match wrong.len() {
            0 => Vec::new(),
            count => vec![list(wrong.into_iter(), count)],
        }
    }

    /// Takes away what is not expected. Returns the whole names of the tensors that may not be left out.
    fn take_surplus(
        &mut self,
        expected: &[(String, Vec<usize>)],
        selection: &Selection,
    ) -> Vec<String> {
        let known: BTreeSet<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
        let prefix = &self.prefix;
        let unknown = self
            .tensors
            .extract_if(.., |name, _| !known.contains(name.as_str()));
        let unknown = unknown.map(|(name, tensor)| (format!("{prefix}{name}"), tensor));
        let mut surplus: BTreeMap<String, Stored> = unknown.collect();
        surplus.append(&mut self.outside);
        let (mut counters, mut left_out, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        for (name, tensor) in surplus {
            let short = name.strip_prefix(prefix.as_str()).unwrap_or(&name);
            if selection.leaves_out(&name) || selection.leaves_out(short) {
                left_out.push(name);
            } else if tensor.is_counter() {
                counters.push(name);
            } else {
                foreign.push(name);
            }
        }
        let entries = self.others.iter();
        let entries: Vec<String> = entries
            .map(|(name, kind)| format!("`{}` ({kind})", shown(name)))
            .collect();
        if !counters.is_empty() {
            self.notes
                .push(format!("left out counters: {}", names(counters.iter())));
        }
        if !left_out.is_empty() {
            let names = names(left_out.iter());
            self.notes.push(format!("left out, as asked for: {names}"));
        }
        if !entries.is_empty() {
            let count = entries.len();
            let entries = list(entries.into_iter(), count);
            self.notes
                .push(format!("left out what is no tensor: {entries}"));
        }
        foreign
    }

    /// Returns the refusal of tensors that the network does not have, with two ways to leave them out.
    fn unexpected(&self, foreign: &[String]) -> String {
        let starts: BTreeSet<&str> = foreign.iter().map(|name| start(name)).collect();
        let kept = self
            .tensors
            .keys()
            .map(|name| format!("{}{name}", self.prefix));
        let kept: BTreeSet<String> = kept.map(|name| start(&name).to_string()).collect();
        let apart = starts.iter().all(|start| !kept.contains(*start)) && starts.len() <= 5;
        let named = names(foreign.iter());
        let fault = format!("has tensors that this network does not have: {named}");
        let condition = if apart {
            let starts: Vec<String> = starts.iter().map(|start| quoted(start)).collect();
            format!("k.split(\".\")[0] not in [{}]", starts.join(", "))
        } else if foreign.len() <= 5 {
            let all: Vec<String> = foreign.iter().map(|name| quoted(name)).collect();
            format!("k not in [{}]", all.join(", "))
        } else {
            return format!(
                "{fault}. If they are not needed, name them, or the starts of their names up to a dot, in \
                 `Selection::leave_out`"
            );
        };
        let remedy = Remedy::new(&self.path);
        let rest = format!(
            "{{k: v for k, v in {}.items() if {condition}}}",
            self.source
        );
        format!(
            "{fault}. If they are not needed, save the rest: `{}`, or name them in `Selection::leave_out`",
            remedy.save(&rest)
        )
    }

    /// Returns the line of Python that saves the tensors as copies, each with memory of its own.
    pub(super) fn cloned(&self) -> String {
        let source = &self.source;
        let copies = format!("{{k: v.clone() for k, v in {source}.items() if torch.is_tensor(v)}}");
        Remedy::new(&self.path).save(&copies)
    }

    /// Returns a sentence for each type that was converted to single precision.
    fn conversions(&self) -> Vec<String> {
        let sentence = |element: Element| {
            let tensors = self.tensors.values();
            let count = tensors.filter(|tensor| tensor.element == element).count();
            let rounded = if element == Element::F64 {
                ", rounded"
            } else {
                ""
            };
            let plural = if count == 1 { "" } else { "s" };
            (count > 0).then(|| {
                format!(
                    "converted {count} tensor{plural} from {} to float32{rounded}",
                    element.name()
                )
            })
        };
        [Element::F64, Element::F16, Element::Bf16]
            .into_iter()
            .filter_map(sentence)
            .collect()
    }
}

/// Returns the name up to its first dot.
fn start(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// Returns the refusal of a shape.
pub(crate) fn mismatch(name: &str, found: &[usize], expected: &str) -> String {
    let name = shown(name);
    let found = listed(found);
    format!("its tensor `{name}` has the shape [{found}], expected {expected}")
}
