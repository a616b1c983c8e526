//! Writes a comparison as commands, one for each part, for a scheduler to run.

use std::ffi::OsString;

use equipoise::expansion::comparison::ComparisonConfig;

use crate::TERMINAL;

/// Prints the command of each part: this command with `--only PART` instead of `--plan`. The part comes first, because a
/// flag behind `--` would be a file.
pub fn print(config: &ComparisonConfig) {
    let arguments = std::env::args_os().filter(|argument| argument != "--plan");
    let words: Vec<String> = arguments.map(quoted).collect();
    let (program, rest) = words.split_first().expect("the name of the program");
    for part in config.parts() {
        let part = quoted(part.into());
        TERMINAL.line(&format!("{program} --only {part} {}", rest.join(" ")));
    }
}

/// Quotes a word for a POSIX shell, if it needs quotes.
fn quoted(word: OsString) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
