//! Trains runs in parallel, each in its own process, because Burn's random numbers on a CPU come from one state per
//! process.
//!
//! A child is this program with `--one-run`. It reads its run as a line of JSON from standard input and stops when the
//! input ends, so it ends with its parent in every case. Its output goes to `log.txt` in the folder of the run.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use equipoise::expansion::comparison::{Job, JobState};
use equipoise::{Error, Result};

use crate::progress::Progress;

/// The time between two checks of the children.
const PAUSE: Duration = Duration::from_millis(50);
/// The time that a child has to stop, which it does after a step.
const GRACE: Duration = Duration::from_secs(10);
/// The number of lines repeated from the log of a failed run.
const LAST_LINES: usize = 3;

/// The processes that train the runs.
pub struct ProcessPool {
    /// The largest number of parallel runs.
    pub jobs: usize,
    /// The number of times Ctrl-C was pressed.
    pub interrupts: Arc<AtomicUsize>,
    /// The display of the progress.
    pub progress: Progress,
}

/// A run that failed and the end of its log.
pub struct Failure {
    /// The name of the run.
    pub name: String,
    /// The last lines of the log.
    pub words: String,
}

struct Working<'a> {
    job: &'a Job,
    child: Child,
    began: Instant,
}

impl ProcessPool {
    /// Trains all unfinished runs; a failed run does not stop the others. Returns the failures, or `None` after Ctrl-C.
    pub fn work(&mut self, jobs: &[Job]) -> Result<Option<Vec<Failure>>> {
        let mut waiting = Vec::new();
        for job in jobs {
            match job.state()? {
                JobState::Finished => self.progress.spare_run(job),
                JobState::Interrupted(epoch) => {
                    self.progress.spare_epochs(epoch);
                    waiting.push(job);
                }
                JobState::New => waiting.push(job),
            }
        }
        waiting.reverse();
        let (mut working, mut failures) = (Vec::new(), Vec::new());
        while !(waiting.is_empty() && working.is_empty()) {
            if self.interrupts() > 0 {
                self.stop(working)?;
                return Ok(None);
            }
            while working.len() < self.jobs
                && let Some(job) = waiting.pop()
            {
                working.push(self.start(job)?);
            }
            self.progress
                .show(working.iter().map(|w: &Working<'_>| w.job));
            std::thread::sleep(PAUSE);
            failures.extend(self.collect(&mut working)?);
        }
        Ok(Some(failures))
    }

    fn interrupts(&self) -> usize {
        self.interrupts.load(Ordering::Relaxed)
    }

    fn start<'a>(&self, job: &'a Job) -> Result<Working<'a>> {
        std::fs::create_dir_all(&job.folder).map_err(Error::io("create", &job.folder))?;
        let path = job.folder.join("log.txt");
        let log = File::options().create(true).append(true).open(&path);
        let log = log.map_err(Error::io("write", &path))?;
        let second = log.try_clone().map_err(Error::io("write", &path))?;
        let program = std::env::current_exe().map_err(Error::io("find", "this program"))?;
        let mut command = Command::new(&program);
        command.arg("--one-run").stdin(Stdio::piped());
        command.stdout(second).stderr(log);
        // In parallel, more threads than cores would only wait for each other.
        if self.jobs > 1 && std::env::var_os("RAYON_NUM_THREADS").is_none() {
            command.env("RAYON_NUM_THREADS", "1");
        }
        let mut child = command.spawn().map_err(Error::io("start", &program))?;
        let description = serde_json::to_string(job).expect("a run is valid JSON");
        if let Some(input) = &mut child.stdin {
            // If the child has already ended, its exit status shows it.
            let _ = writeln!(input, "{description}");
        }
        let began = Instant::now();
        Ok(Working { job, child, began })
    }

    /// Removes the children that have ended, and returns their failures.
    fn collect(&mut self, working: &mut Vec<Working<'_>>) -> Result<Vec<Failure>> {
        let mut failures = Vec::new();
        let mut index = 0;
        while index < working.len() {
            let ended = working[index].child.try_wait();
            let Some(status) = ended.map_err(Error::io("wait for", &working[index].job.folder))?
            else {
                index += 1;
                continue;
            };
            let Working { job, began, .. } = working.remove(index);
            // The exit status alone does not show whether the last write was lost.
            let finished = status.success() && job.state()? == JobState::Finished;
            let failure = (!finished).then(|| failure(job, status));
            self.progress.ended(job, began.elapsed(), failure.as_ref());
            failures.extend(failure);
        }
        Ok(failures)
    }

    /// Closes the input of the children, which asks them to stop, and kills those that do not stop in time.
    fn stop(&self, mut working: Vec<Working<'_>>) -> Result<()> {
        for Working { child, .. } in &mut working {
            drop(child.stdin.take());
        }
        let began = Instant::now();
        for Working { child, job, .. } in &mut working {
            let fail = |error| Error::io("stop the run in", &job.folder)(error);
            while child.try_wait().map_err(fail)?.is_none() {
                if began.elapsed() > GRACE || self.interrupts() > 1 {
                    // Checkpoints are written atomically, so only the current epoch is lost.
                    let _ = child.kill();
                    let _ = child.wait();
                }
                std::thread::sleep(PAUSE);
            }
        }
        Ok(())
    }
}

fn failure(job: &Job, status: ExitStatus) -> Failure {
    let last = last_lines(&job.folder.join("log.txt"));
    let words = if last.is_empty() {
        status.to_string()
    } else {
        last
    };
    Failure {
        name: job.name.clone(),
        words,
    }
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
