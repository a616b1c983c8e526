//! Writes commands as a shell reads them.

/// Joins words to a command, with quotes where a shell needs them.
pub fn joined(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(" ")
}

fn quoted(word: &str) -> String {
    match cfg!(windows) {
        true if word.contains([' ', '"']) => format!("\"{}\"", word.replace('"', "\\\"")),
        true => word.into(),
        false => shlex::try_quote(word).map_or_else(|_| word.into(), |word| word.into_owned()),
    }
}
