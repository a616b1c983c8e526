//! Formats commands for a shell.

use std::path::Path;

use equipoise::train::Progress;

/// Returns the command that resumes a run with this program.
pub fn resume(out: &Path, progress: Progress) -> String {
    let program = std::env::args_os().next();
    let program = program.map_or("train_expansion".into(), |name| {
        name.to_string_lossy().into_owned()
    });
    let out = out.to_string_lossy().into_owned();
    let mut words = vec![program, "--out".into(), out, "--resume".into()];
    match progress {
        Progress::Silent => words.push("--quiet".into()),
        Progress::Verbose => words.push("--verbose".into()),
        Progress::Auto | Progress::Lines => (),
    }
    joined(&words)
}

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
