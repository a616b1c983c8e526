//! Formats commands for a shell.

use std::path::Path;

use equipoise::train::Progress;

use crate::shared::command::joined;

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
