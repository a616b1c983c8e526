//! Defines the table of names between the parts of a Burn module and those of a PyTorch module.

use super::selection::Selection;

/// The names that the parts of a Burn module have in PyTorch.
///
/// Only differences are listed: a part without a row has the name of its field in both. A row applies to everything
/// below its part, and the longest row that fits wins. The layers of Burn and of this crate need no rows of their own:
/// their parameters are found under the names and in the layout that PyTorch has for the same layer.
///
/// ```
/// use equipoise::pytorch::NameTable;
///
/// let names = NameTable::new()
///     .with("trunk", "encoder.0")
///     .with("heads.0", "kind_head")
///     .with_new("heads.1");
/// ```
#[derive(Clone, Debug, Default)]
pub struct NameTable {
    rows: Vec<Row>,
    new: Vec<String>,
    selection: Selection,
}

#[derive(Clone, Debug)]
struct Row {
    burn: String,
    torch: String,
    layer: usize,
}

impl NameTable {
    /// Creates an empty table: every part has the same name in Burn and in PyTorch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the PyTorch name of a part: the path of its fields and indices in Burn, such as `heads.0`, and its path in
    /// PyTorch. An empty path means the module itself.
    pub fn with(self, burn: impl Into<String>, torch: impl Into<String>) -> Self {
        self.with_layer(burn, torch, 0)
    }

    /// Adds the PyTorch name of a recurrent layer of Burn, which is one layer of an `nn.LSTM` or `nn.GRU` of several:
    /// layer 1 has the parameters `weight_ih_l1` and so on.
    pub fn with_layer(
        mut self,
        burn: impl Into<String>,
        torch: impl Into<String>,
        layer: usize,
    ) -> Self {
        self.rows.push(Row {
            burn: burn.into(),
            torch: torch.into(),
            layer,
        });
        self
    }

    /// Adds a part that the file does not have, such as a new head. It keeps its values, and is not exported.
    pub fn with_new(mut self, burn: impl Into<String>) -> Self {
        self.new.push(burn.into());
        self
    }

    /// Sets which tensors of a file are read.
    pub fn with_selection(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    pub(super) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Returns whether the parameter at the path keeps its values.
    pub(super) fn is_new(&self, path: &str) -> bool {
        self.new.iter().any(|part| below(part, path).is_some())
    }

    /// Returns the PyTorch name of the part at the path, and the number of its first layer.
    pub(super) fn torch(&self, path: &str) -> (String, usize) {
        let rows = self.rows.iter();
        let fitting = rows.filter_map(|row| Some((row, below(&row.burn, path)?)));
        let Some((row, rest)) = fitting.max_by_key(|(row, _)| row.burn.len()) else {
            return (path.into(), 0);
        };
        (joined(&row.torch, rest), row.layer)
    }

    /// Returns the first part that the table names and that no parameter is in.
    pub(super) fn unused<'p>(&self, paths: impl Iterator<Item = &'p str> + Clone) -> Option<&str> {
        let rows = self.rows.iter().map(|row| row.burn.as_str());
        let mut parts = rows.chain(self.new.iter().map(String::as_str));
        parts.find(|part| !paths.clone().any(|path| below(part, path).is_some()))
    }
}

/// Returns the rest of a path below a part, without the dot, or `None` if the path is not below it.
fn below<'p>(part: &str, path: &'p str) -> Option<&'p str> {
    if part.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(part)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix('.')
    }
}

/// Joins two paths with a dot. Either may be empty.
pub(super) fn joined(first: &str, second: &str) -> String {
    if first.is_empty() || second.is_empty() {
        format!("{first}{second}")
    } else {
        format!("{first}.{second}")
    }
}
