//! Texts and numbers as they stand in a page: escaped, shortened, and with the digits that matter.

/// A text for HTML, in an element or in an attribute. Control characters, which no document may hold, become `�`.
pub(super) fn escape(text: &str) -> String {
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

/// A text for a drawing, whose backend escapes by itself: printable, and at most `most` characters.
pub(super) fn short(text: &str, most: usize) -> String {
    let mut shortened: String = text.chars().take(most).map(printable).collect();
    if text.chars().nth(most).is_some() {
        shortened.pop();
        shortened.push('…');
    }
    shortened
}

/// About how wide a text is in tenths of a unit, in the drawings' font; there is no font to ask.
pub(super) fn width(text: &str) -> i32 {
    let of = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | '\'' | '|' | ' ' | 'f' | 't' | 'r' => 42,
        'm' | 'w' | 'M' | 'W' | '…' | '%' => 104,
        c if u32::from(c) > 0x1100 => 125,
        c if c.is_uppercase() => 86,
        _ => 72,
    };
    text.chars().map(of).sum()
}

/// A number with four digits that matter: `0.00067`, `15.84`, `3.2e-9`, `not a number`.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    match () {
        () if value.is_nan() => "not a number".into(),
        () if value.is_infinite() && value > 0.0 => "infinite".into(),
        () if value.is_infinite() => "minus infinite".into(),
        () if value == 0.0 => "0".into(),
        () if !(1e-5..1e6).contains(&size) => minus(format!("{value:.2e}")),
        () => {
            let digits = (3 - size.log10().floor() as i32).clamp(0, 7) as usize;
            minus(trim(format!("{value:.digits$}")))
        }
    }
}

/// Zeros behind the point that say nothing more than where the rounding was.
fn trim(text: String) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').into(),
        false => text,
    }
}

/// The sign that is as wide as a digit.
pub(super) fn minus(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// A share of the whole: `48 %`.
pub(super) fn percent(value: f64) -> String {
    match value.is_finite() && value.abs() < 1e4 {
        true => minus(format!("{:.0} %", 100.0 * value)).replace("−0 %", "0 %"),
        false => number(value),
    }
}

/// `1 epoch`, `3 epochs`.
pub(super) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_and_stay_short() {
        let cases = [
            (0.0, "0"),
            (15.8432, "15.84"),
            (0.000671, "0.000671"),
            (336.40664, "336.4"),
            (123456.0, "123456"),
            (1e30, "1.00e30"),
            (-2.5e-30, "−2.50e-30"),
            (0.5, "0.5"),
            (f64::NAN, "not a number"),
            (f64::NEG_INFINITY, "minus infinite"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
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
