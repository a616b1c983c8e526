//! Writes texts that may come from a file or a user so that a terminal shows them and does not obey them.

use std::borrow::Cow;
use std::fmt;

/// The longest message, in characters. A longer one loses its middle: the place stands at its start, the remedy at its end.
const LONGEST: usize = 4000;
/// The characters of a long message that are kept at its end.
const END: usize = 1000;

/// Returns whether a character acts on a terminal instead of being shown: control characters and ends of lines, and marks
/// that reorder the text around them.
pub(crate) fn is_hidden(c: char) -> bool {
    let reorders = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    reorders || c.is_control()
}

/// Returns a text in which hidden characters are escaped as in Rust: `\n`, `\u{1b}`.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Returns the text of a message, [printable] and of bounded length. Every [`Error`](crate::Error) is written through it,
/// whatever it quotes.
pub(crate) fn message(text: fmt::Arguments<'_>) -> String {
    let text = text.to_string();
    let text = printable(&text);
    if text.chars().nth(LONGEST).is_none() {
        return text.into_owned();
    }
    let place = |found: Option<(usize, char)>| found.map_or(0, |(at, _)| at);
    let start = place(text.char_indices().nth(LONGEST - END));
    let end = place(text.char_indices().rev().nth(END - 1));
    let left_out = text[start..end].chars().count();
    format!(
        "{} [... {left_out} characters ...] {}",
        &text[..start],
        &text[end..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_a_terminal() {
        assert_eq!(
            printable("a\u{1b}[2Jb\nc\u{202e}\u{9b}\0"),
            "a\\u{1b}[2Jb\\nc\\u{202e}\\u{9b}\\u{0}"
        );
        assert!(matches!(printable("価格 ± 3 % `a`"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_long_message_keeps_both_ends() {
        let middle = "é".repeat(1_000_000);
        let text = message(format_args!("start {middle} end"));
        assert!(text.starts_with("start é") && text.ends_with("é end"));
        assert!(text.contains(" [... 996010 characters ...] "));
        let whole = "x".repeat(LONGEST);
        assert_eq!(message(format_args!("{whole}")), whole);
    }
}
