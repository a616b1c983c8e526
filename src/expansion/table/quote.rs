//! How a piece of the user's file appears inside an error message: on one line, and not longer than a line.

/// The longest excerpt of a value, in characters.
const VALUE: usize = 40;
/// The longest excerpt of a whole line, in characters.
const LINE: usize = 120;

/// Returns a value between backquotes.
pub(crate) fn value(text: &str) -> String {
    quoted(text, VALUE)
}

/// Returns a whole line between backquotes.
pub(crate) fn line(text: &str) -> String {
    quoted(text, LINE)
}

/// Control characters are escaped, so that a message cannot be broken up or recoloured by what is in a file.
fn quoted(text: &str, most: usize) -> String {
    let mut shown = String::new();
    let mut used = 0;
    for c in text.chars() {
        let piece = if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        };
        used += piece.chars().count();
        if used > most {
            shown.push_str("...");
            break;
        }
        shown.push_str(&piece);
    }
    format!("`{shown}`")
}
