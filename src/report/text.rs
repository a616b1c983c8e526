//! Texts and numbers as they stand in a page: escaped, shortened, and with the digits that matter.

/// Returns a text for HTML, in an element or in an attribute. Control characters, which no document may hold, become `�`.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(printable(other)),
        }
    }
    escaped
}

/// White space of any kind is a space; what cannot be printed is `�`. Marks that turn the direction of writing would
/// reorder the text around them.
fn printable(c: char) -> char {
    match c {
        c if c.is_whitespace() => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// Returns a text for a drawing, which is escaped where it is written: printable, and at most `most` characters.
pub(crate) fn short(text: &str, most: usize) -> String {
    let mut shortened: String = text.chars().take(most).map(printable).collect();
    if text.chars().nth(most).is_some() {
        shortened.pop();
        shortened.push('…');
    }
    shortened
}

/// About how wide a text is in tenths of a unit, in the drawings' font; there is no font to ask.
pub(crate) fn width(text: &str) -> i32 {
    let of = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | '\'' | '|' | ' ' | 'f' | 't' | 'r' => 42,
        'm' | 'w' | 'M' | 'W' | '…' | '%' => 104,
        c if u32::from(c) > 0x1100 => 125,
        c if c.is_uppercase() => 86,
        _ => 72,
    };
    text.chars().map(of).sum()
}

/// Returns a number with four digits that matter.
pub(crate) fn number(value: f64) -> String {
    minus(crate::text::number(value))
}

/// Returns a skill in percent with half of its interval: `86 ± 2 %`.
pub(crate) fn spread(value: f64, margin: Option<f64>) -> String {
    let digits = |part: f64| if part.abs() < 0.0995 { 1 } else { 0 };
    if value < -9.995 {
        return "far below 0".into();
    }
    let size = minus(format!("{:.*}", digits(value), 100.0 * value));
    match margin {
        Some(margin) => format!("{size} ± {:.*} %", digits(margin), 100.0 * margin),
        None => format!("{size} %"),
    }
}

/// Returns the sign that is as wide as a digit.
pub(crate) fn minus(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// Returns a share of the whole: `48 %`.
pub(crate) fn percent(value: f64) -> String {
    if value.is_finite() && value.abs() < 1e4 {
        minus(format!("{:.0} %", 100.0 * value)).replace("−0 %", "0 %")
    } else {
        number(value)
    }
}

/// `1 epoch`, `3 epochs`.
pub(crate) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skill_stands_with_its_margin() {
        assert_eq!(spread(0.861, Some(0.0234)), "86 ± 2.3 %");
        assert_eq!(spread(-0.021, None), "−2.1 %");
        assert_eq!(spread(-4810.0, Some(14.0)), "far below 0");
    }

    #[test]
    fn a_text_cannot_leave_its_element() {
        assert_eq!(
            escape("<b>&\"'\u{0}\u{202e}\n"),
            "&lt;b&gt;&amp;&quot;&#39;\u{fffd}\u{fffd} "
        );
        assert_eq!(short("countdown", 6), "count…");
        assert_eq!(short("type", 6), "type");
    }
}
