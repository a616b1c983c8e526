//! Searches a pickle for dictionaries of tensors: the root, what it holds, and what that holds.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use super::archive::Archive;
use super::pickle::{Id, Pickle, PickleValue, Rebuilt};
use super::place::{Place, Step};
use super::state_dict::StateDict;
use super::stored::Stored;
use super::text::shown;
use super::whole_module::WholeModule;

/// The number of steps from the root to the deepest dictionary that is found.
const DEEPEST: usize = 2;

/// The largest number of dictionaries of tensors in a file.
const MOST_DICTIONARIES: usize = 1000;

/// What a pickle holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) dictionaries: Vec<StateDict>,
    pub(super) modules: Vec<WholeModule>,
}

/// A step as the number of its key, so that a long key costs no memory.
#[derive(Clone, Copy)]
enum Trail {
    Key(Id),
    Index(usize),
}

/// Returns the dictionaries of tensors and the whole modules. A value in several places is found in the first.
pub(super) fn search(path: &Path, archive: &Archive, pickle: &Pickle) -> Result<Found, String> {
    let mut found = Found::default();
    let mut seen = HashSet::from([pickle.root()]);
    let mut queue = VecDeque::from([(Vec::new(), pickle.root())]);
    while let Some((trail, id)) = queue.pop_front() {
        if let Some(class) = pickle.module_class(id) {
            let class = class.to_string();
            let place = place(pickle, &trail);
            found.modules.push(WholeModule { place, class });
            continue;
        }
        if let PickleValue::Dict(items) = pickle.value(id) {
            check_keys(pickle, items)?;
            if items.iter().any(|item| is_named_tensor(pickle, *item)) {
                let place = place(pickle, &trail);
                let mut dictionary = dictionary(archive, pickle, place, items)?;
                dictionary.path = path.to_path_buf();
                found.dictionaries.push(dictionary);
            }
        }
        if found.dictionaries.len() + found.modules.len() > MOST_DICTIONARIES {
            return Err(format!(
                "has more than {MOST_DICTIONARIES} dictionaries of tensors; save one of them alone"
            ));
        }
        if trail.len() < DEEPEST {
            for (step, child) in children(pickle, id) {
                let holds = matches!(
                    pickle.value(child),
                    PickleValue::Dict(_)
                        | PickleValue::List(_)
                        | PickleValue::Tuple(_)
                        | PickleValue::Object { .. }
                );
                if holds && seen.insert(child) {
                    let mut trail = trail.clone();
                    trail.push(step);
                    queue.push_back((trail, child));
                }
            }
        }
    }
    Ok(found)
}

fn children(pickle: &Pickle, id: Id) -> Vec<(Trail, Id)> {
    match pickle.value(id) {
        PickleValue::Dict(items) => (items.iter())
            .filter(|(key, _)| pickle.text(*key).is_some())
            .map(|(key, value)| (Trail::Key(*key), *value))
            .collect(),
        PickleValue::List(items) | PickleValue::Tuple(items) => (items.iter().enumerate())
            .map(|(index, value)| (Trail::Index(index), *value))
            .collect(),
        _ => Vec::new(),
    }
}

fn place(pickle: &Pickle, trail: &[Trail]) -> Place {
    let steps = trail.iter().map(|step| match step {
        Trail::Key(key) => Step::Key(pickle.text(*key).unwrap_or_default().into()),
        Trail::Index(index) => Step::Index(*index),
    });
    Place(steps.collect())
}

fn is_named_tensor(pickle: &Pickle, (key, value): (Id, Id)) -> bool {
    pickle.text(key).is_some() && matches!(pickle.value(value), PickleValue::Tensor(_))
}

/// Checks that no key occurs twice. Python would keep the last, and no writer makes such a pickle.
fn check_keys(pickle: &Pickle, items: &[(Id, Id)]) -> Result<(), String> {
    let mut keys = HashSet::new();
    for item in items {
        let Some(key) = pickle.text(item.0) else {
            continue;
        };
        if !keys.insert(key) {
            let key = shown(key);
            return Err(if is_named_tensor(pickle, *item) {
                format!("has two tensors called `{key}`")
            } else {
                format!("has `{key}` twice")
            });
        }
    }
    Ok(())
}

fn dictionary(
    archive: &Archive,
    pickle: &Pickle,
    place: Place,
    items: &[(Id, Id)],
) -> Result<StateDict, String> {
    let mut tensors = BTreeMap::new();
    let mut others = BTreeMap::new();
    for (key, value) in items {
        match (pickle.text(*key), pickle.value(*value)) {
            (Some(name), PickleValue::Tensor(tensor)) => {
                let tensor = stored(archive, pickle, tensor)
                    .map_err(|reason| format!("its tensor `{}` {reason}", shown(name)))?;
                tensors.insert(name.to_string(), tensor);
            }
            (Some(name), _) => {
                others.insert(name.to_string(), pickle.kind(*value));
            }
            (None, _) => {
                let key = format!("({})", pickle.kind(*key));
                others.insert(key, pickle.kind(*value));
            }
        }
    }
    Ok(StateDict {
        path: PathBuf::new(),
        place,
        tensors,
        others,
    })
}

/// Returns the tensor with the bytes of its storage. Checks that the storage has the announced length.
fn stored(archive: &Archive, pickle: &Pickle, tensor: &Rebuilt) -> Result<Stored, String> {
    let storage = tensor.storage;
    let key = pickle.text(storage.key).unwrap_or_default();
    let Some(bytes) = archive.storage(key) else {
        return Err(format!("lies in storage {}, which is missing", shown(key)));
    };
    if storage.count.checked_mul(storage.element.size()) != Some(bytes.len()) {
        return Err(format!(
            "lies in storage {} of {} {} elements, which has {} bytes",
            shown(key),
            storage.count,
            storage.element.name(),
            bytes.len()
        ));
    }
    Ok(Stored {
        element: storage.element,
        shape: tensor.shape.clone(),
        part: 0..bytes.len(),
        bytes,
        offset: tensor.offset,
        strides: tensor.strides.clone(),
    })
}
