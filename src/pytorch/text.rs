//! Writes names, sizes and Python texts for messages.

/// Returns a name from a file for a message: escaped, at most 100 characters of it.
pub(crate) fn shown(name: &str) -> String {
    let short: String = name.chars().take(100).collect();
    short.escape_debug().to_string()
}

/// Returns the first few names as text, and the number of the others.
pub(crate) fn names<'n>(all: impl ExactSizeIterator<Item = &'n String>) -> String {
    let count = all.len();
    list(all.map(|name| format!("`{}`", shown(name))), count)
}

/// Returns the first few items as text, and the number of the others.
pub(crate) fn list(all: impl Iterator<Item = String>, count: usize) -> String {
    const SHOWN: usize = 5;
    let mut text: Vec<String> = all.take(SHOWN).collect();
    match count {
        0 => return "no tensors".into(),
        1..=SHOWN => {}
        _ => text.push(format!("{} more", count - SHOWN)),
    }
    text.join(", ")
}

/// Returns the sizes separated by commas: `3, 64`.
pub(crate) fn listed(sizes: &[usize]) -> String {
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    sizes.join(", ")
}

/// Returns a text as a literal of Python.
pub(super) fn quoted(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            c if c.is_control() => literal.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal + "\""
}
