//! The plan of the house: which room may know which, and no file that knows itself by a detour. Read from the `use`
//! lines and the paths in the sources, tests left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

/// The rooms that each room may import. What is not here imports nothing.
const ARROWS: [(&str, &[&str]); 19] = [
    ("error", &["printable"]),
    ("task", &["error", "printable"]),
    ("atomic", &["error"]),
    // The numbers of the forms of files; who writes and reads a file imports it.
    ("format", &["error"]),
    ("history", &["error", "format"]),
    ("difference", &["error"]),
    ("loss", &["error", "gpu", "host", "task"]),
    ("nn", &["error", "gpu", "host"]),
    ("model", &["loss", "task"]),
    ("gradient", &["loss", "model"]),
    ("weighting", &["error", "loss", "task"]),
    ("step", &["gradient", "loss", "model", "weighting"]),
    (
        "diagnosis",
        &["atomic", "error", "format", "history", "printable", "text"],
    ),
    ("pytorch", &["atomic", "error", "format"]),
    (
        "report",
        &["atomic", "diagnosis", "error", "history", "text"],
    ),
    (
        "train",
        &[
            "atomic",
            "difference",
            "error",
            "format",
            "gpu",
            "gradient",
            "history",
            "host",
            "loss",
            "model",
            "printable",
            "quiet",
            "statistics",
            "step",
            "task",
            "text",
            "weighting",
        ],
    ),
    (
        "probe",
        &[
            "diagnosis",
            "error",
            "history",
            "model",
            "printable",
            "statistics",
            "task",
            "train",
            "weighting",
        ],
    ),
    (
        "comparison",
        &[
            "atomic",
            "diagnosis",
            "difference",
            "error",
            "format",
            "history",
            "model",
            "printable",
            "report",
            "statistics",
            "task",
            "train",
            "weighting",
        ],
    ),
    (
        "expansion",
        &[
            "atomic",
            "comparison",
            "diagnosis",
            "difference",
            "error",
            "format",
            "history",
            "loss",
            "model",
            "nn",
            "printable",
            "probe",
            "pytorch",
            "quiet",
            "report",
            "task",
            "train",
            "weighting",
        ],
    ),
];

/// The wings of `expansion` that each wing may import.
const WINGS: [(&str, &[&str]); 11] = [
    ("table", &[]),
    ("bars", &["table"]),
    ("label", &["bars", "table"]),
    ("feature", &["bars"]),
    ("window", &["bars", "label", "table"]),
    ("simulator", &["bars", "label", "window"]),
    ("model", &["bars", "feature", "label", "window"]),
    // The names of the inputs are those of the features.
    ("pytorch", &["feature", "label", "model"]),
    (
        "run",
        &[
            "bars",
            "feature",
            "label",
            "model",
            "pytorch",
            "simulator",
            "table",
            "window",
        ],
    ),
    ("predictor", &["bars", "feature", "label", "model", "run"]),
    ("comparison", &["label", "model", "run"]),
];

/// Floors that `expansion` may have.
const MOST_FLOORS: usize = 8;

/// Files that may import each other: a strategy may hold another one by its config, which looks it up in the table of
/// all strategies.
const CIRCLES: [&[&str]; 1] = [&["weighting::config", "weighting::rules", "weighting::table"]];

/// A file by the path of its module.
type Module = Vec<String>;

/// What a file says.
#[derive(Default)]
struct File {
    /// Paths that it names, `crate`, `self` and `super` taken out.
    names: Vec<Module>,
    /// Names that it hands on, and where they come from.
    handed_on: BTreeMap<String, Module>,
}

/// Collects the paths of a file.
struct Reader<'a> {
    module: &'a Module,
    all: &'a BTreeSet<Module>,
    file: File,
}

/// Whether something is there for tests alone.
fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = match &attribute.meta {
            syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string(),
            _ => return false,
        };
        text == "test" || text.starts_with("all (test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => &[],
    }
}

impl Reader<'_> {
    /// The whole path of what a path names, if it is in this crate.
    fn whole(&self, path: &[String]) -> Option<Module> {
        let mut base = self.module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                let mut module = base.clone();
                module.push(child.into());
                if !self.all.contains(&module) {
                    return None;
                }
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    fn tree(&mut self, before: &mut Vec<String>, tree: &UseTree, public: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(before, &path.tree, public);
                before.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(before, tree, public);
                }
            }
            UseTree::Name(name) => self.name(before, &name.ident.to_string(), None, public),
            UseTree::Rename(name) => {
                let as_what = name.rename.to_string();
                self.name(before, &name.ident.to_string(), Some(as_what), public);
            }
            UseTree::Glob(_) => self.name(before, "self", None, public),
        }
    }

    fn name(&mut self, before: &[String], name: &str, renamed: Option<String>, public: bool) {
        let mut path = before.to_vec();
        if name != "self" {
            path.push(name.into());
        }
        let Some(whole) = self.whole(&path) else {
            return;
        };
        if public {
            let name = renamed.unwrap_or_else(|| name.into());
            self.file.handed_on.insert(name, whole);
        } else {
            self.file.names.push(whole);
        }
    }
}

impl<'a> Visit<'a> for Reader<'_> {
    fn visit_item(&mut self, item: &'a Item) {
        if !for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        let public = !matches!(item.vis, Visibility::Inherited);
        self.tree(&mut Vec::new(), &item.tree, public);
    }

    // `pub(in crate::room)` names a room without knowing anything of it.
    fn visit_visibility(&mut self, _: &'a Visibility) {}

    fn visit_path(&mut self, path: &'a syn::Path) {
        let parts = path.segments.iter().map(|part| part.ident.to_string());
        let parts: Vec<String> = parts.collect();
        if parts.len() > 1
            && ["crate", "super"].contains(&parts[0].as_str())
            && let Some(whole) = self.whole(&parts)
        {
            self.file.names.push(whole);
        }
        visit::visit_path(self, path);
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The files of the crate, and the files that each of them imports.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let module = |path: &PathBuf| -> Module {
        let path = path.strip_prefix(&root).unwrap().with_extension("");
        let parts = path.iter().map(|part| part.to_string_lossy().into_owned());
        parts
            .filter(|part| part != "mod" && part != "lib")
            .collect()
    };
    let all: BTreeSet<Module> = paths.iter().map(module).collect();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let parsed = syn::parse_file(&text).unwrap();
        let module = module(path);
        let mut reader = Reader {
            module: &module,
            all: &all,
            file: File::default(),
        };
        reader.visit_file(&parsed);
        let file = reader.file;
        (module, file)
    };
    let files: BTreeMap<Module, File> = paths.iter().map(read).collect();
    let of = |(module, file): (&Module, &File)| {
        let found = file
            .names
            .iter()
            .filter_map(|name| home(&files, name.clone()));
        let others = found.filter(|found| found != module && !found.is_empty());
        (module.clone(), others.collect())
    };
    files.iter().map(of).collect()
}

/// The file that a path leads to in the end, over names that are handed on.
fn home(files: &BTreeMap<Module, File>, mut path: Module) -> Option<Module> {
    for _ in 0..8 {
        let file = (0..=path.len())
            .rev()
            .map(|length| path[..length].to_vec())
            .find(|module| files.contains_key(module))?;
        let next = path
            .get(file.len())
            .and_then(|name| files[&file].handed_on.get(name));
        match next {
            Some(next) => path = next.clone(),
            None => return Some(file),
        }
    }
    None
}

/// Groups of files that reach each other.
fn circles(imports: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Vec<String>> {
    let reached = |from: &Module| {
        let mut found = BTreeSet::new();
        let mut next = vec![from];
        while let Some(module) = next.pop() {
            for other in imports.get(module).into_iter().flatten() {
                if found.insert(other) {
                    next.push(other);
                }
            }
        }
        found
    };
    let reached: BTreeMap<&Module, _> = imports.keys().map(|from| (from, reached(from))).collect();
    let group = |module: &Module| {
        let with = reached[module].iter().filter(|other| {
            let back = reached.get(**other);
            back.is_some_and(|back| back.contains(module))
        });
        with.map(|other| other.join("::")).collect::<Vec<_>>()
    };
    let groups = imports.keys().map(group);
    groups.filter(|group| !group.is_empty()).collect()
}

#[test]
fn no_file_knows_itself_by_a_detour() {
    let found = circles(&imports());
    let allowed: BTreeSet<Vec<String>> = CIRCLES
        .iter()
        .map(|circle| circle.iter().map(ToString::to_string).collect())
        .collect();
    assert_eq!(found, allowed);
}

/// Compares the arrows between some parts of the house with those that are allowed.
fn compare(arrows: &BTreeMap<(String, String), String>, allowed: &[(&str, &[&str])]) {
    let may = |from: &str, to: &str| {
        let row = allowed.iter().find(|(part, _)| *part == from);
        row.is_some_and(|(_, others)| others.contains(&to))
    };
    let wrong = arrows.iter().filter(|((from, to), _)| !may(from, to));
    let wrong: Vec<&String> = wrong.map(|(_, files)| files).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // A plan that allows what nobody does is no plan.
    for (from, others) in allowed {
        for to in *others {
            let arrow = (from.to_string(), to.to_string());
            assert!(
                arrows.contains_key(&arrow),
                "nothing in `{from}` imports `{to}` any more"
            );
        }
    }
}

/// The arrows between the parts below a module, each with the two files of an example.
fn arrows(below: &[&str]) -> BTreeMap<(String, String), String> {
    let part = |module: &Module| {
        let inside = module.len() > below.len() && module.iter().zip(below).all(|(a, b)| a == b);
        inside.then(|| module[below.len()].clone())
    };
    let mut arrows = BTreeMap::new();
    for (module, others) in imports() {
        for other in &others {
            if let (Some(from), Some(to)) = (part(&module), part(other))
                && from != to
            {
                let files = format!("{} -> {}", module.join("::"), other.join("::"));
                arrows.insert((from, to), files);
            }
        }
    }
    arrows
}

#[test]
fn rooms_know_only_the_rooms_below() {
    compare(&arrows(&[]), &ARROWS);
}

#[test]
fn wings_know_only_the_wings_below() {
    compare(&arrows(&["expansion"]), &WINGS);
    let mut floors: BTreeMap<&str, usize> = BTreeMap::new();
    for (wing, below) in WINGS {
        let highest = below.iter().map(|other| floors[other]).max();
        floors.insert(wing, highest.unwrap_or(0) + 1);
    }
    assert!(
        floors.values().all(|floor| *floor <= MOST_FLOORS),
        "{floors:?}"
    );
}
