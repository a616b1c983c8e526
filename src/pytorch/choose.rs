//! Chooses the dictionary of a file, and the prefix of its names, that fit a network.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::file::PytorchFile;
use super::remedy::Remedy;
use super::selection::Selection;
use super::state::State;
use super::state_dict::StateDict;
use super::text::{list, quoted, shown};

/// The largest number of dots in a prefix.
const MOST_DOTS: usize = 8;

/// The largest number of prefixes in a dictionary that are told apart by its other tensors.
const MOST_PREFIXES: usize = 1000;

/// The key of PyTorch's own tutorial, which goes without saying.
const USUAL: &str = "model_state_dict";

/// The names of a network's tensors.
pub(crate) struct Wanted<'a> {
    /// The tensors that every such network has, each under all its names.
    pub(crate) tensors: &'a [Vec<String>],
    /// Whether a network may have a tensor of this name.
    pub(crate) known: &'a dyn Fn(&str) -> bool,
}

/// A dictionary with a prefix behind which some of the wanted names are.
struct Fit<'f> {
    dictionary: &'f StateDict,
    prefix: &'f str,
    found: usize,
    /// Whether the dictionary has no tensors but those of the network and counters.
    exact: bool,
}

impl PytorchFile {
    /// Chooses the dictionary and the prefix that fit. If none fits whole, the best is returned, and the check of its
    /// names tells what is missing.
    pub(crate) fn choose<'f>(
        &'f self,
        wanted: &Wanted<'_>,
        selection: &'f Selection,
    ) -> Result<State, String> {
        let dictionaries = self.keyed(selection)?;
        let (whole, partial) = fits(&dictionaries, wanted, selection);
        if let Some(state) = self.only(whole)? {
            return Ok(state);
        }
        let unwrapped = dictionaries.iter();
        let unwrapped: Vec<StateDict> = unwrapped
            .filter_map(|dictionary| dictionary.unwrapped())
            .collect();
        let (whole, _) = fits(&unwrapped.iter().collect::<Vec<_>>(), wanted, selection);
        if let Some(mut state) = self.only(whole)? {
            state.notes.push(
                "took the names of wrappers, such as `module`, out of the names of its tensors"
                    .into(),
            );
            return Ok(state);
        }
        self.best(partial, &dictionaries, wanted, selection)
    }

    /// Returns the tensors of the only fit, of those without other tensors first, or `None` if there is no fit.
    fn only(&self, whole: Vec<Fit<'_>>) -> Result<Option<State>, String> {
        let (exact, loose): (Vec<_>, Vec<_>) = whole.into_iter().partition(|fit| fit.exact);
        for fits in [exact, loose] {
            match fits.as_slice() {
                [] => {}
                [fit] => return Ok(Some(self.state(fit))),
                _ => return Err(self.ambiguous(&fits)),
            }
        }
        Ok(None)
    }

    fn keyed<'f>(&'f self, selection: &Selection) -> Result<Vec<&'f StateDict>, String> {
        let all: Vec<&StateDict> = self.dictionaries.iter().collect();
        let Some(key) = &selection.key else {
            return Ok(all);
        };
        let found = all.iter().find(|dictionary| dictionary.key() == *key);
        match found {
            Some(found) => Ok(vec![*found]),
            None => Err(format!(
                "has no dictionary of tensors under `{}`, which `Selection::key` asks for; it has {}",
                shown(key),
                places(&all)
            )),
        }
    }

    /// Returns the best of several fits with something missing.
    fn best<'f>(
        &'f self,
        mut partial: Vec<Fit<'f>>,
        dictionaries: &[&'f StateDict],
        wanted: &Wanted<'_>,
        selection: &'f Selection,
    ) -> Result<State, String> {
        partial.sort_by_key(|fit| (std::cmp::Reverse(fit.found), fit.prefix.len()));
        match partial.as_slice() {
            [] => {
                if let Some(module) = self.modules.first() {
                    return Err(module.refusal(&Remedy::new(&self.path)));
                }
                let prefix = selection.full_prefix().unwrap_or_default();
                let [dictionary] = dictionaries else {
                    return Err(self.none_fits(dictionaries, wanted));
                };
                let fit = Fit {
                    dictionary,
                    prefix: &prefix,
                    found: 0,
                    exact: false,
                };
                Ok(self.state(&fit))
            }
            [first, second, ..]
                if first.found == second.found
                    && first.dictionary.place != second.dictionary.place =>
            {
                Err(self.none_fits(dictionaries, wanted))
            }
            [first, ..] => Ok(self.state(first)),
        }
    }

    fn none_fits(&self, dictionaries: &[&StateDict], wanted: &Wanted<'_>) -> String {
        let lacks = |dictionary: &&StateDict| {
            let has = |name: &String| {
                let mut names = dictionary.tensors.keys();
                names.any(|other| after_dots(other).any(|(_, rest)| rest == name))
            };
            let mut missing = wanted.tensors.iter();
            let missing = missing.find(|names| !names.iter().any(has));
            missing.map_or_else(
                || dictionary.place.words(),
                |names| format!("{} (no `{}`)", dictionary.place.words(), names[0]),
            )
        };
        format!(
            "has {} dictionaries of tensors, and none has all tensors of this network: {}",
            dictionaries.len(),
            list(dictionaries.iter().map(lacks), dictionaries.len())
        )
    }

    fn ambiguous(&self, fits: &[Fit<'_>]) -> String {
        let named = fits.iter().map(|fit| match fit.prefix {
            "" => fit.dictionary.place.words(),
            prefix => format!(
                "{} behind `{}`",
                fit.dictionary.place.words(),
                shown(prefix)
            ),
        });
        let [first, second, ..] = fits else {
            unreachable!("more than one")
        };
        let (field, value) = if first.dictionary.place == second.dictionary.place {
            ("prefix", first.prefix.to_string())
        } else {
            ("key", first.dictionary.key())
        };
        let remedy = Remedy::new(&self.path);
        let tensors = first.in_python(&remedy, self.calls_code);
        format!(
            "has the tensors of this network {} times: {}. Save one of them alone: `{}`, or choose with \
             `Selection::{field}`, such as `{}`",
            fits.len(),
            list(named, fits.len()),
            remedy.save(&tensors),
            shown(&value)
        )
    }

    /// Takes the dictionary of a fit apart, and notes how its names were changed.
    fn state(&self, fit: &Fit<'_>) -> State {
        let mut notes = Vec::new();
        let place = &fit.dictionary.place;
        if !place.0.is_empty() && place.key() != USUAL {
            notes.push(format!("took the tensors under {}", place.words()));
        }
        if !fit.prefix.is_empty() {
            let prefix = shown(fit.prefix);
            notes.push(format!("took `{prefix}` off the names of its tensors"));
        }
        if !self.passed_over.is_empty() {
            let names = self.passed_over.iter().map(|name| format!("`{name}`"));
            notes.push(format!(
                "passed over objects of {}",
                list(names, self.passed_over.len())
            ));
        }
        let remedy = Remedy::new(&self.path);
        let mut outside = BTreeMap::new();
        let mut tensors = BTreeMap::new();
        for (name, tensor) in &fit.dictionary.tensors {
            match name.strip_prefix(fit.prefix) {
                Some(rest) => tensors.insert(rest.to_string(), tensor.clone()),
                None => outside.insert(name.clone(), tensor.clone()),
            };
        }
        State {
            tensors,
            outside,
            others: fit.dictionary.others.clone(),
            prefix: fit.prefix.to_string(),
            notes,
            source: format!("{}{}", remedy.load(self.calls_code), place.subscripts()),
            path: self.path.clone(),
        }
    }
}

impl Fit<'_> {
    /// Returns the expression of Python for the tensors under their names without the prefix.
    fn in_python(&self, remedy: &Remedy<'_>, code: bool) -> String {
        let source = format!(
            "{}{}",
            remedy.load(code),
            self.dictionary.place.subscripts()
        );
        if self.prefix.is_empty() {
            return source;
        }
        let prefix = quoted(self.prefix);
        format!(
            "{{k.removeprefix({prefix}): v for k, v in {source}.items() if k.startswith({prefix})}}"
        )
    }
}

fn places(dictionaries: &[&StateDict]) -> String {
    let words = dictionaries
        .iter()
        .map(|dictionary| dictionary.place.words());
    list(words, dictionaries.len())
}

/// Returns the ways to split a name into a prefix and a rest, the empty prefix first.
fn after_dots(name: &str) -> impl Iterator<Item = (&str, &str)> {
    let dots = name.match_indices('.').take(MOST_DOTS);
    let ends = std::iter::once(0).chain(dots.map(|(at, _)| at + 1));
    ends.map(|end| name.split_at(end))
}

/// Returns the fits that have all wanted tensors, and the others.
fn fits<'f>(
    dictionaries: &[&'f StateDict],
    wanted: &Wanted<'_>,
    selection: &Selection,
) -> (Vec<Fit<'f>>, Vec<Fit<'f>>) {
    let all = dictionaries.iter();
    all.flat_map(|dictionary| fits_of(dictionary, wanted, selection))
        .partition(|fit| fit.found == wanted.tensors.len())
}

/// Returns every prefix behind which the dictionary has a wanted name.
fn fits_of<'f>(
    dictionary: &'f StateDict,
    wanted: &Wanted<'_>,
    selection: &Selection,
) -> Vec<Fit<'f>> {
    let slots = wanted.tensors.iter().enumerate();
    let slots: HashMap<&str, usize> = slots
        .flat_map(|(slot, names)| names.iter().map(move |name| (name.as_str(), slot)))
        .collect();
    let mut found: BTreeMap<&str, HashSet<usize>> = BTreeMap::new();
    for name in dictionary.tensors.keys().chain(dictionary.others.keys()) {
        for (prefix, rest) in after_dots(name) {
            if let Some(slot) = slots.get(rest) {
                found.entry(prefix).or_default().insert(*slot);
            }
        }
    }
    let only = selection.full_prefix();
    let chosen = |prefix: &str| only.as_ref().is_none_or(|only| only == prefix);
    found.retain(|prefix, _| chosen(prefix));
    // With so many prefixes none is exact, and to look would take their number times that of the tensors.
    let few = found.len() <= MOST_PREFIXES;
    let fit = |(prefix, slots): (&'f str, HashSet<usize>)| Fit {
        dictionary,
        prefix,
        found: slots.len(),
        exact: few
            && slots.len() == wanted.tensors.len()
            && dictionary.tensors.iter().all(|(name, tensor)| {
                let short = name.strip_prefix(prefix);
                short.is_some_and(wanted.known)
                    || tensor.is_counter()
                    || selection.leaves_out(name)
                    || short.is_some_and(|short| selection.leaves_out(short))
            }),
    };
    found.into_iter().map(fit).collect()
}
