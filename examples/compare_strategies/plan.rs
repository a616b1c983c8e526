//! Writes a comparison as commands, one for each part, for a scheduler to run.

use equipoise::expansion::comparison::ComparisonConfig;

use crate::TERMINAL;
use crate::shared::command::joined;

/// Prints the command of each part: this command with `--only PART` instead of `--plan`. The part comes first, because a
/// flag behind `--` would be a file.
pub fn print(config: &ComparisonConfig) {
    let arguments = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let mut words: Vec<String> = arguments.collect();
    let flags = words.iter().position(|word| word == "--");
    let flags = &words[..flags.unwrap_or(words.len())];
    // Behind `--` it would be a file.
    if let Some(plan) = flags.iter().position(|word| word == "--plan") {
        words.remove(plan);
    }
    words.splice(1..1, ["--only".into(), String::new()]);
    for part in config.parts() {
        words[2] = part;
        TERMINAL.line(&joined(&words));
    }
}
