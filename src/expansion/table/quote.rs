//! Quotes excerpts of a user's file in error messages, shortened and on one line.

/// The longest excerpt of a value, in characters.
const VALUE: usize = 40;
/// The longest excerpt of a whole line, in characters.
const LINE: usize = 120;

/// Returns a value between backquotes, at most 40 characters.
pub(crate) fn value(text: &str) -> String {
    quoted(text, VALUE)
}

/// Returns a whole line between backquotes, at most 120 characters.
pub(crate) fn line(text: &str) -> String {
    quoted(text, LINE)
}

/// Quotes a text of at most `most` characters. Control characters are escaped, so that a file cannot break up or
/// recolour a message.
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
