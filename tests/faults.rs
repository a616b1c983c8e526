//! Killed processes, full and failing disks, lost power: after each, a run goes on to the numbers of an uninterrupted
//! run, or says why not, and no complete epoch is lost.
//!
//! A process of its own trains behind a library that counts its writes (`support/disk/shim.rs`). `EQUIPOISE_FAULTS`
//! divides by 1 what is otherwise thinned: `EQUIPOISE_FAULTS=all cargo test --release --test faults` tries every
//! operation with every fault.
#![cfg(all(feature = "expansion", feature = "flex", target_os = "linux"))]

#[path = "support/disk/mod.rs"]
mod disk;
mod support;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use burn::data::dataset::InMemDataset;
use burn::tensor::Device;
use disk::power::{Disk, Left};
use disk::{How, Operation, rules};
use equipoise::Result;
use equipoise::comparison::{Compare, Prepared};
use equipoise::history::History;
use equipoise::train::{Outcome, Schedule, TrainConfig, checkpoint};
use equipoise::weighting::StrategyConfig;
use support::tabular::{
    Network, Says, ToBatch, all, data, network, parameters, rows, strategy, trainer,
};

/// The variable that names the folder for the process that trains.
const FOLDER: &str = "EQUIPOISE_TEST_FOLDER";
/// The variable that names the folder for the process that compares.
const COMPARED: &str = "EQUIPOISE_TEST_COMPARED";
/// The exit code of a training that ended with an error in words.
const REFUSED: i32 = 3;
const EPOCHS: usize = 4;
/// The time that a training of milliseconds may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts or continues a run that keeps as few checkpoints as it may.
fn train(folder: &Path) -> Result<Outcome<Network>> {
    let device = Device::flex();
    let config = TrainConfig::default()
        .with_epochs(EPOCHS)
        .with_learning_rate(1e-2)
        .with_schedule(Schedule::Cosine)
        .with_keep_checkpoints(2);
    trainer(config, folder).new_or_resume().fit(
        network(Says::Nothing, &device),
        strategy(r#"{"strategy": "running-mean"}"#, &device),
        InMemDataset::new(rows(48, all)),
        InMemDataset::new(rows(24, all)),
        ToBatch,
        &device,
    )
}

/// What a run is compared by.
#[derive(Debug, PartialEq)]
struct Numbers {
    history: History,
    parameters: BTreeMap<String, Vec<f32>>,
}

fn numbers(outcome: &Outcome<Network>) -> Numbers {
    Numbers {
        history: outcome.history.clone(),
        parameters: parameters(&outcome.model.network),
    }
}

/// The numbers of the uninterrupted run.
fn uninterrupted() -> &'static Numbers {
    static NUMBERS: OnceLock<Numbers> = OnceLock::new();
    NUMBERS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        numbers(&train(folder.path()).unwrap())
    })
}

/// The process that trains: not a test, but the start of this program by the tests.
#[test]
fn trained_in_a_process_of_its_own() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let code = match train(Path::new(&folder)) {
        Ok(_) => 0,
        Err(error) => {
            eprintln!("error: {error}");
            REFUSED
        }
    };
    std::process::exit(code);
}

/// The process that compares strategies.
#[test]
fn compared_in_a_process_of_its_own() {
    let Some(folder) = std::env::var_os(COMPARED) else {
        return;
    };
    let device = Device::flex();
    let prepare = |_seed| {
        Ok(Prepared {
            network: network(Says::Nothing, &device),
            train: Box::new(data(rows(48, all), 16).shuffled()),
            valid: Box::new(data(rows(24, all), 24)),
            baselines: Vec::new(),
        })
    };
    let config = TrainConfig::default()
        .with_epochs(2)
        .with_learning_rate(1e-2);
    Compare::new(config, Path::new(&folder))
        .with_seeds(1)
        .with_strategy("upgrad", StrategyConfig::named("upgrad").unwrap())
        .run(prepare, &device)
        .unwrap();
}

#[test]
fn a_comparison_writes_whole_files_and_its_settings_first() {
    if disk::library().is_none() {
        return;
    }
    let (folder, run) = place();
    let log = folder.path().join("log");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "compared_in_a_process_of_its_own", "--nocapture"]);
    command.env(COMPARED, &run);
    disk::watch(&mut command, run.parent().unwrap(), Some(&log), None);
    let output = ended(&mut command, "a comparison");
    assert!(output.status.success(), "{}", said(&output));
    let log = disk::read(&log);
    rules::files_appear_whole(&log, |path| {
        path.file_name().is_some_and(|name| name == "lock")
    });
    rules::epochs_are_sealed_last(&log);
    rules::folders_are_safe_before_their_files(&log);
    rules::settings_are_safe_before_their_runs(&log, &run.join("comparison.json"));
}

/// Trains in a process of its own, with a fault.
fn process(folder: &Path, log: Option<&Path>, fault: Option<(u64, How)>) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "trained_in_a_process_of_its_own", "--nocapture"]);
    command.env(FOLDER, folder);
    disk::watch(&mut command, folder.parent().unwrap(), log, fault);
    ended(&mut command, &format!("{fault:?}"))
}

/// Waits for a process. A training that waits for a file that nobody writes would wait for ever.
fn ended(command: &mut Command, case: &str) -> Output {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{case}: still at work after {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().unwrap()
}

/// A folder for runs under its own name, and the place of a run in it, which is not there yet.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().canonicalize().unwrap().join("runs/run");
    std::fs::create_dir(run.parent().unwrap()).unwrap();
    (folder, run)
}

/// What a run writes when nothing goes wrong.
fn written() -> &'static [Operation] {
    static LOG: OnceLock<Vec<Operation>> = OnceLock::new();
    LOG.get_or_init(|| {
        let (folder, run) = place();
        let log = folder.path().join("log");
        let output = process(&run, Some(&log), None);
        assert!(output.status.success(), "{}", said(&output));
        disk::read(&log)
            .into_iter()
            .map(|operation| moved(operation, &run))
            .collect()
    })
}

/// The numbers of the operations that write the checkpoint of an epoch.
fn written_in(epoch: usize) -> Range<u64> {
    let of_epoch = |operation: &Operation| match operation {
        Operation::Create { path, .. } => path.to_string_lossy().contains(&format!("-{epoch}.bpk")),
        Operation::Rename { to, .. } => to.ends_with(format!("epoch-{epoch}.json")),
        _ => false,
    };
    let first = written().iter().position(of_epoch).unwrap() as u64;
    let last = written().iter().rposition(of_epoch).unwrap() as u64;
    first + 1..last + 2
}

/// The folder of the run in the log, and the one above, which the run does not make.
const RUN: &str = "/runs/run";
const RUNS: &str = "/runs";

/// Returns an operation in [`RUNS`] instead of the folder above `run`.
fn moved(operation: Operation, run: &Path) -> Operation {
    let above = run.parent().unwrap();
    let at = |path: PathBuf| match path.strip_prefix(above).unwrap() {
        // The folder itself, without a slash at its end.
        inside if inside.as_os_str().is_empty() => PathBuf::from(RUNS),
        inside => Path::new(RUNS).join(inside),
    };
    match operation {
        Operation::Create { path, empties } => Operation::Create {
            path: at(path),
            empties,
        },
        Operation::Write {
            path,
            at: place,
            bytes,
        } => Operation::Write {
            path: at(path),
            at: place,
            bytes,
        },
        Operation::Truncate { path, length } => Operation::Truncate {
            path: at(path),
            length,
        },
        Operation::Sync { path } => Operation::Sync { path: at(path) },
        Operation::Rename { from, to } => Operation::Rename {
            from: at(from),
            to: at(to),
        },
        Operation::Link { from, to } => Operation::Link {
            from: at(from),
            to: at(to),
        },
        Operation::Remove { path } => Operation::Remove { path: at(path) },
        Operation::Folder { path } => Operation::Folder { path: at(path) },
    }
}

/// Returns whether an error names a file of a run by itself, not only in what it cites from elsewhere.
fn names(error: &str, run: &Path) -> bool {
    let own = error.split('(').next().unwrap_or_default();
    own.contains(&run.display().to_string())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every how-manieth case is tried.
fn stride(thinned: usize) -> usize {
    match std::env::var("EQUIPOISE_FAULTS").as_deref() {
        Ok("all") => 1,
        _ => thinned,
    }
}

/// Calls `with` for each case, on two threads.
fn each<T: Sync>(cases: &[T], with: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    with(case);
                }
            });
        }
    });
}

/// The newest epoch that a folder has whole; 0 without one.
fn newest(run: &Path) -> usize {
    checkpoint::latest(run).unwrap_or(0)
}

/// Checks that a run goes on from `epoch`, or a later one, to the numbers of the uninterrupted run.
#[track_caller]
fn goes_on(run: &Path, epoch: usize, case: &str) {
    let found = newest(run);
    assert!(
        found >= epoch,
        "{case}: epoch {epoch} is lost, the newest is {found}"
    );
    let outcome = train(run).unwrap_or_else(|error| panic!("{case}: refused: {error}"));
    assert_eq!(numbers(&outcome), *uninterrupted(), "{case}");
    let left: Vec<String> = [run.to_path_buf(), checkpoint::folder(run)]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with('.') || name.ends_with(".tmp"))
        .collect();
    assert!(left.is_empty(), "{case}: left behind: {left:?}");
}

#[test]
fn files_appear_whole_and_epochs_are_sealed_last() {
    if disk::library().is_none() {
        return;
    }
    rules::files_appear_whole(written(), |path| path == Path::new(RUN).join("lock"));
    rules::epochs_are_sealed_last(written());
}

#[test]
fn a_run_goes_on_wherever_it_was_killed() {
    if disk::library().is_none() {
        return;
    }
    let thinned = stride(9);
    let cases: Vec<(u64, How)> = (1..=written().len())
        .flat_map(|at| [(at, How::Kill), (at, How::Half)])
        .enumerate()
        .filter(|(number, _)| number % thinned == 0)
        .map(|(_, (at, how))| (at as u64, how))
        .collect();
    each(&cases, |&(at, how)| {
        let (_folder, run) = place();
        let output = process(&run, None, Some((at, how)));
        assert_eq!(
            output.status.code(),
            None,
            "{at} {how:?}: {}",
            said(&output)
        );
        goes_on(
            &run,
            newest(&run),
            &format!("killed at operation {at}, {how:?}"),
        );
    });
    println!(
        "killed at {} of {} moments",
        cases.len(),
        2 * written().len()
    );
}

/// Makes a finished run whose last epoch lost a file, and whose other files, seal and checksums are of something else.
fn with_remains(run: &Path) {
    train(run).unwrap();
    let folder = checkpoint::folder(run);
    let zeros = "00000000";
    let last = |part: &str| folder.join(format!("{part}-{EPOCHS}.bpk"));
    for part in ["model", "optim", "scheduler"] {
        std::fs::write(last(part).with_extension("bpk.crc32"), zeros).unwrap();
    }
    let seal = folder.join(format!("epoch-{EPOCHS}.json"));
    let mut sums: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&seal).unwrap()).unwrap();
    for (name, value) in sums.as_object_mut().unwrap() {
        if name != "format" {
            *value = zeros.into();
        }
    }
    std::fs::write(&seal, sums.to_string()).unwrap();
    std::fs::remove_file(last("model")).unwrap();
}

/// What is left of an epoch is removed before it is written again: an old seal would tie new files to old ones.
#[test]
fn an_epoch_is_written_again_over_its_remains() {
    if disk::library().is_none() {
        return;
    }
    let (folder, run) = place();
    with_remains(&run);
    assert_eq!(newest(&run), EPOCHS - 1);
    let log = folder.path().join("log");
    assert!(process(&run, Some(&log), None).status.success());
    let log = disk::read(&log);
    let mut checksums: Vec<PathBuf> = ["model", "optim", "scheduler"]
        .map(|part| checkpoint::folder(&run).join(format!("{part}-{EPOCHS}.bpk.crc32")))
        .into();
    for operation in &log {
        match operation {
            Operation::Remove { path } => checksums.retain(|old| old != path),
            Operation::Rename { to, .. } => {
                let mut old = to.clone().into_os_string();
                old.push(".crc32");
                let beside = checksums.iter().any(|checksum| *checksum == *old);
                assert!(!beside, "an old checksum beside {}", to.display());
            }
            _ => {}
        }
    }
    let written_again = |operation: &Operation| match operation {
        Operation::Rename { to, .. } => to.extension().is_some_and(|end| end == "bpk"),
        _ => false,
    };
    let first = log.iter().position(written_again).unwrap();
    let cases: Vec<usize> = (first..log.len()).step_by(stride(5)).collect();
    each(&cases, |&at| {
        let (_folder, run) = place();
        with_remains(&run);
        process(&run, None, Some((at as u64 + 1, How::Kill)));
        goes_on(&run, EPOCHS - 1, &format!("killed at operation {at}"));
    });
    println!("killed at {} of {} moments", cases.len(), log.len() - first);
}

#[test]
fn a_disk_that_fails_is_an_error_in_words_and_nothing_is_lost() {
    if disk::library().is_none() {
        return;
    }
    let thinned = stride(11);
    // A disk that is full while the second epoch is written, and the third follows at once, must not cost the first.
    let second = written_in(2);
    let cases: Vec<(u64, How)> = (1..=written().len())
        .flat_map(|at| [How::Error, How::Full, How::ReadOnly].map(|how| (at as u64, how)))
        .enumerate()
        .filter(|(number, (at, how))| {
            number % thinned == 0 || (*how == How::Full && second.contains(at) && at % 3 == 0)
        })
        .map(|(_, case)| case)
        .collect();
    each(&cases, |&(at, how)| {
        let (folder, run) = place();
        let log = folder.path().join("log");
        let output = process(&run, Some(&log), Some((at, how)));
        let (text, case) = (said(&output), format!("{how:?} at operation {at}"));
        assert!(!text.contains("panicked"), "{case}: {text}");
        match output.status.code() {
            Some(0) => assert_eq!(newest(&run), EPOCHS, "{case}: an error was not told"),
            Some(REFUSED) => {
                assert!(names(&text, &run), "{case}: no path in: {text}");
            }
            other => panic!("{case}: {other:?}: {text}"),
        }
        goes_on(&run, promised(&disk::read(&log), &run).0, &case);
    });
    println!("{} of {} faults", cases.len(), 3 * written().len());
}

#[test]
fn a_folder_that_vanishes_is_an_error_in_words() {
    if disk::library().is_none() {
        return;
    }
    let thinned = stride(23);
    let cases: Vec<u64> = (1..=written().len() as u64).step_by(thinned).collect();
    each(&cases, |&at| {
        let (_folder, run) = place();
        let output = process(&run, None, Some((at, How::Gone)));
        let (text, case) = (said(&output), format!("gone at operation {at}"));
        assert!(!text.contains("panicked"), "{case}: {text}");
        if output.status.code() == Some(REFUSED) {
            assert!(names(&text, &run), "{case}: no path in: {text}");
        }
        let gone = run
            .parent()
            .unwrap()
            .with_file_name("runs.gone")
            .join("run");
        // What the folder held is whole, under its new name.
        if gone.join("history.csv").exists() {
            History::read_csv(gone.join("history.csv"))
                .unwrap_or_else(|error| panic!("{case}: {error}"));
        }
        goes_on(&gone, newest(&gone), &case);
    });
}

/// The newest epoch whose seal is safe, and the disk after a log.
fn promised(log: &[Operation], run: &Path) -> (usize, Disk) {
    let mut disk = Disk::default();
    let mut epoch = 0;
    for operation in log {
        disk.apply(operation);
        epoch = epoch.max(safe_epoch(&disk, run));
    }
    (epoch, disk)
}

fn safe_epoch(disk: &Disk, run: &Path) -> usize {
    let seal = |epoch: &usize| run.join(format!("checkpoint/epoch-{epoch}.json"));
    let safe = (1..=EPOCHS).filter(|epoch| disk.holds(&seal(epoch)));
    safe.max().unwrap_or(0)
}

#[test]
fn no_complete_epoch_is_lost_with_the_power() {
    if disk::library().is_none() {
        return;
    }
    let run = Path::new(RUN);
    let (mut disk, mut epoch, mut cases) = (Disk::default(), 0, Vec::new());
    for (number, operation) in written().iter().enumerate() {
        disk.apply(operation);
        epoch = epoch.max(safe_epoch(&disk, run));
        let seed = 0x9e37_79b9_7f4a_7c15u64.wrapping_mul(number as u64 + 1);
        for left in [Left::Safe, Left::Names, Left::Contents, Left::Drawn(seed)] {
            cases.push((number + 1, left, epoch, disk.clone()));
        }
    }
    assert_eq!(
        epoch, EPOCHS,
        "the last epoch is not safe at the end of a run"
    );
    let thinned = stride(5);
    let cases: Vec<_> = cases.into_iter().step_by(thinned).collect();
    each(&cases, |(at, left, epoch, disk)| {
        let (_folder, place) = place();
        disk.write(Path::new(RUNS), place.parent().unwrap(), *left);
        goes_on(
            &place,
            *epoch,
            &format!("power lost after operation {at}, {left:?}"),
        );
    });
    println!("{} states of the disk", cases.len());
}
