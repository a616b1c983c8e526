//! Example programs, run as a user runs them.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// An example, where it has been built: `cargo test` does so, `cargo test --test NAME` does not.
pub fn example(name: &str) -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let program = test.parent()?.parent()?.join("examples").join(file);
    if !program.exists() {
        println!("skipped: {} has not been built", program.display());
        return None;
    }
    Some(program)
}

/// Standard output and standard error.
pub fn outputs(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Ctrl-C.
pub fn interrupt(child: &Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
}

/// How a program ends that nobody listens to.
pub fn unheard(command: &mut Command) -> ExitStatus {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    child.wait().unwrap()
}
