//! Formats texts and numbers for the page.

/// Escapes a text for an HTML element or attribute. Control characters are invalid in a document and become `�`.
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

/// Replaces white space by a space, and control characters and direction marks by `�`. Direction marks would reorder
/// the text around them.
fn printable(c: char) -> char {
    match c {
        c if c.is_whitespace() => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// Shortens a text for a drawing to at most `most` printable characters, without escaping.
pub(crate) fn short(text: &str, most: usize) -> String {
    let mut shortened: String = text.chars().take(most).map(printable).collect();
    if text.chars().nth(most).is_some() {
        shortened.pop();
        shortened.push('…');
    }
    shortened
}

/// Estimates the width of a text in the drawings' font, in tenths of a unit.
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

/// Formats a number with about four significant digits.
pub(crate) fn number(value: f64) -> String {
    minus(crate::text::number(value))
}

/// Formats a skill in percent with half of its 95 % interval: `86 ± 2.3 %`.
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

/// Replaces a leading hyphen by a minus sign, which is as wide as a digit.
pub(crate) fn minus(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// Formats a part of a whole in percent without decimals: `48 %`.
pub(crate) fn percent(value: f64) -> String {
    if value.is_finite() && value.abs() < 1e4 {
        minus(format!("{:.0} %", 100.0 * value)).replace("−0 %", "0 %")
    } else {
        number(value)
    }
}

/// Formats a count with its noun: `1 epoch`, `3 epochs`.
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
