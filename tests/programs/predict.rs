//! The program `predict` keeps its promises: a line for every window, the same from a file and from standard input,
//! files whole or not at all, and words about everything that cannot be. Only where it has been built: `cargo test`
//! does so, `cargo test --test predict` does not.
#![cfg(feature = "expansion")]

use crate::support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use equipoise::expansion::bars::Bars;
use equipoise::expansion::predictor::Predictor;
use equipoise::expansion::run;
use equipoise::expansion::run::ExpansionConfig;
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::train::Progress;
use support::program::{example, interrupt};

fn program() -> Option<PathBuf> {
    example("predict")
}

/// A folder with a run of one epoch in `run`, and its bars in `bars.csv`.
fn prepared() -> Option<(tempfile::TempDir, PathBuf, Bars)> {
    let program = program()?;
    let folder = tempfile::tempdir().unwrap();
    let mut config = ExpansionConfig::default();
    config.model.hidden = 4;
    config.data.max_samples = Some(12);
    config.train.epochs = 1;
    let config = config.resolved();
    let options = run::RunOptions {
        progress: Progress::Silent,
        ..Default::default()
    };
    let data = run::Data::load(&config).unwrap();
    let bars = data.valid.bars().clone();
    run::train(&config, data, folder.path().join("run"), options).unwrap();
    let mut text = String::from("timestamp,open,high,low,close\n");
    for (index, bar) in bars.bars().iter().enumerate() {
        let time = jiff::Timestamp::from_second(1_700_000_000 + 3600 * index as i64).unwrap();
        let line = format!(
            "{time},{},{},{},{}\n",
            bar.open, bar.high, bar.low, bar.close
        );
        text.push_str(&line);
    }
    std::fs::write(folder.path().join("bars.csv"), text).unwrap();
    Some((folder, program, bars))
}

fn command(program: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn output(program: &Path, folder: &Path, arguments: &[&str]) -> Output {
    command(program, folder, arguments).output().unwrap()
}

/// Changes a setting of the data in the config of the run.
fn set_data(folder: &Path, field: &str, value: serde_json::Value) {
    let file = folder.join("run/config.json");
    let config = std::fs::read_to_string(&file).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
    config["data"][field] = value;
    std::fs::write(&file, config.to_string()).unwrap();
}

/// With these bytes on standard input.
fn fed(program: &Path, folder: &Path, arguments: &[&str], bytes: &[u8]) -> Output {
    let mut command = command(program, folder, arguments);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || {
        // The program may have said what is wrong and gone.
        let _ = input.write_all(&bytes);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_line_for_every_window_from_a_file_and_from_standard_input() {
    let Some((folder, program, bars)) = prepared() else {
        return;
    };
    let file = output(
        &program,
        folder.path(),
        &["run", "bars.csv", "--stride", "7"],
    );
    assert!(file.status.success(), "{}", text(&file.stderr));
    let lines: Vec<String> = text(&file.stdout).lines().map(String::from).collect();
    assert_eq!(lines.len(), 1 + (bars.len() - 105) / 7 + 1);
    assert!(lines[0].starts_with("first,last,start,end,type,probability,agreement,"));
    // What the library says of the second window.
    let predictor = Predictor::from_run(folder.path().join("run")).unwrap();
    let found = predictor
        .windows(&bars, 7)
        .unwrap()
        .nth(1)
        .unwrap()
        .unwrap();
    let expected = format!(
        "7,111,{},{},{},",
        found.start(),
        found.end(),
        found.kind_name()
    );
    assert!(lines[2].starts_with(&expected), "{}", lines[2]);

    let bytes = std::fs::read(folder.path().join("bars.csv")).unwrap();
    let stream = fed(
        &program,
        folder.path(),
        &["run", "-", "--stride", "7"],
        &bytes,
    );
    assert!(stream.status.success(), "{}", text(&stream.stderr));
    assert_eq!(text(&stream.stdout), text(&file.stdout));

    // The stride of the run, and JSON by the name of the file.
    let arguments = ["run", "bars.csv", "--out", "found.jsonl", "--quiet"];
    let quiet = output(&program, folder.path(), &arguments);
    assert!(quiet.status.success() && quiet.stdout.is_empty() && quiet.stderr.is_empty());
    let lines = std::fs::read_to_string(folder.path().join("found.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // 116 windows from bars 0, 10, 20 and so on, and the window that ends with the last bar.
    assert_eq!(rows.len(), (bars.len() - 105) / 10 + 2);
    assert_eq!(rows[1]["first"], 10);
    assert_eq!(rows.last().unwrap()["last"], bars.len() - 1);
    let bytes = std::fs::read(folder.path().join("bars.csv")).unwrap();
    let arguments = ["run", "-", "--format", "jsonl"];
    let stream = fed(&program, folder.path(), &arguments, &bytes);
    assert_eq!(text(&stream.stdout), lines);
    // A checkpoint by its name says the same as its run, from wherever.
    for (place, name) in [
        (".", "run/checkpoint/model-1.bpk"),
        ("run/checkpoint", "model-1.bpk"),
    ] {
        let bars = folder.path().join("bars.csv");
        let arguments = [name, bars.to_str().unwrap(), "--format", "jsonl"];
        let named = output(&program, &folder.path().join(place), &arguments);
        assert_eq!(text(&named.stdout), lines);
    }
}

#[test]
fn every_window_is_answered_when_its_last_bar_is_there() {
    use std::io::{BufRead, BufReader};
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let mut command = command(&program, folder.path(), &["run", "-", "--stride", "1"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut output = BufReader::new(output).lines();
    let file = std::fs::read_to_string(folder.path().join("bars.csv")).unwrap();
    let mut lines = file.split_inclusive('\n');
    let first: String = lines.by_ref().take(1 + 105).collect();
    input.write_all(first.as_bytes()).unwrap();
    assert!(output.next().unwrap().unwrap().starts_with("first,"));
    assert!(output.next().unwrap().unwrap().starts_with("0,104,"));
    input.write_all(lines.next().unwrap().as_bytes()).unwrap();
    assert!(output.next().unwrap().unwrap().starts_with("1,105,"));
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    for arguments in [
        ["run", "bars.csv", "--format", "jsonl", "--stride", "1"],
        ["run", "bars.csv", "--format", "csv", "--stride", "1"],
    ] {
        let mut child = command(&program, folder.path(), &arguments)
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(!text(&output.stderr).contains("panicked"));
    }
}

#[test]
fn what_cannot_be_is_said_and_nothing_is_left_behind() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let path = folder.path();
    let bytes = std::fs::read(path.join("bars.csv")).unwrap();
    std::fs::write(path.join("few.csv"), &bytes[..2000]).unwrap();
    std::fs::copy(
        path.join("run/checkpoint/model-1.bpk"),
        path.join("model-1.bpk"),
    )
    .unwrap();
    let whole = std::fs::read(path.join("model-1.bpk")).unwrap();
    std::fs::write(path.join("cut.bpk"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(path.join("old.csv"), "as it was").unwrap();
    let row_cut_off = text(&bytes[..2000]).lines().count();
    for (arguments, expected) in [
        (
            vec!["none", "bars.csv"],
            "none: cannot be read for NETWORK".to_owned(),
        ),
        (vec![".", "bars.csv"], "holds no run".into()),
        (
            vec!["run", "none.csv"],
            "none.csv: cannot be read for BARS".into(),
        ),
        (
            vec!["run", "few.csv"],
            format!("few.csv, line {row_cut_off}: "),
        ),
        (
            vec!["run", "few.csv", "--skip-bad-rows"],
            "bars, but 105 are needed".into(),
        ),
        (
            vec!["run", "bars.csv", "--stride", "0"],
            "`data.stride` is 0".into(),
        ),
        (
            vec!["run", "bars.csv", "--epoch", "9"],
            "an epoch that the run has kept".into(),
        ),
        (
            vec!["model-1.bpk", "bars.csv"],
            "give them with --config".into(),
        ),
        (
            vec!["cut.bpk", "bars.csv", "--config", "run/config.json"],
            "checkpoint cut.bpk: ".into(),
        ),
        (
            vec!["run", "bars.csv", "--out", "run"],
            "run: is a folder".into(),
        ),
        (
            vec!["run", "bars.csv", "--out", "no/where.csv"],
            "cannot write no/where.csv".into(),
        ),
        (
            vec!["run", "bars.csv", "--out", "bars.csv"],
            "bars.csv: would be overwritten by --out".into(),
        ),
        (vec!["few.csv", "bars.csv"], "checkpoint few.csv".into()),
    ] {
        let mut arguments = arguments;
        if !arguments.contains(&"--out") {
            arguments.extend(["--out", "old.csv"]);
        }
        let output = output(&program, path, &arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        let last = said.lines().last().unwrap();
        assert!(
            last.starts_with("error: ") && last.contains(&expected),
            "{arguments:?}: {said}"
        );
        assert!(!said.contains("panicked"));
    }
    assert_eq!(
        std::fs::read_to_string(path.join("old.csv")).unwrap(),
        "as it was"
    );
    let left = std::fs::read_dir(path).unwrap();
    let left = left.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with(".predict-")
    });
    assert_eq!(left.count(), 0, "no temporary file");
}

/// What cannot be put in its place in one move is written where it is.
#[cfg(unix)]
#[test]
fn links_are_followed_and_devices_are_not_replaced() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let path = folder.path();
    std::fs::create_dir(path.join("far")).unwrap();
    std::fs::write(path.join("far/found.csv"), "old").unwrap();
    std::os::unix::fs::symlink("far/found.csv", path.join("link.csv")).unwrap();
    let linked = output(&program, path, &["run", "bars.csv", "--out", "link.csv"]);
    assert!(linked.status.success(), "{}", text(&linked.stderr));
    assert!(path.join("link.csv").is_symlink());
    let plain = output(&program, path, &["run", "bars.csv"]);
    let far = std::fs::read(path.join("far/found.csv")).unwrap();
    assert_eq!(text(&far), text(&plain.stdout));

    let null = output(&program, path, &["run", "bars.csv", "--out", "/dev/null"]);
    assert!(null.status.success(), "{}", text(&null.stderr));
    assert!(!Path::new("/dev/null").is_file());
    let full = output(&program, path, &["run", "bars.csv", "--out", "/dev/full"]);
    assert_eq!(full.status.code(), Some(1));
    assert!(text(&full.stderr).contains("cannot write /dev/full: No space left"));
}

/// A stream ends nowhere, so its file has every line at once.
#[test]
fn a_file_of_a_stream_grows_line_by_line() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let mut lines = std::fs::read_to_string(folder.path().join("bars.csv")).unwrap();
    lines.push_str("a bad row,1,2\n");
    let arguments = ["run", "-", "--out", "found.csv", "--stride", "20"];
    let bad = fed(&program, folder.path(), &arguments, lines.as_bytes());
    assert_eq!(bad.status.code(), Some(1), "{}", text(&bad.stderr));
    let kept = std::fs::read_to_string(folder.path().join("found.csv")).unwrap();
    let file = output(
        &program,
        folder.path(),
        &["run", "bars.csv", "--stride", "20"],
    );
    // All but the window of the last bar, which is known only where the input ends well.
    let file = text(&file.stdout);
    let (all, newest) = file.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(kept.trim_end(), all);
    assert!(newest.starts_with("1155,1259,"), "{newest}");
}

/// A table without rows is a table.
#[test]
fn windows_that_are_left_out_are_counted() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let arguments = ["run", "bars.csv", "--max-gap", "59m"];
    let file = output(&program, folder.path(), &arguments);
    assert!(file.status.success());
    assert_eq!(text(&file.stdout).lines().count(), 1);
    let said = text(&file.stderr);
    assert!(
        said.contains("windows that reach over a gap longer than 59m (--max-gap)"),
        "{said}"
    );
    let bytes = std::fs::read(folder.path().join("bars.csv")).unwrap();
    let stream = fed(
        &program,
        folder.path(),
        &["run", "-", "--max-gap", "59m"],
        &bytes,
    );
    assert!(
        text(&stream.stderr).contains("0 windows of 1260 bars\nleft out 117 windows"),
        "{}",
        text(&stream.stderr)
    );
}

#[test]
fn the_longest_gap_of_the_run_holds_unless_another_is_given() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let path = folder.path();
    set_data(path, "max_gap", "59m".into());
    let rows = |arguments: &[&str]| {
        let found = output(&program, path, arguments);
        assert!(found.status.success(), "{}", text(&found.stderr));
        text(&found.stdout).lines().count() - 1
    };
    assert_eq!(rows(&["run", "bars.csv"]), 0);
    assert!(rows(&["run", "bars.csv", "--max-gap", "60m"]) > 100);
}

/// What was chosen for the file of the training need not fit another.
#[test]
fn how_the_training_file_was_written_says_nothing_of_another() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let path = folder.path();
    let before = output(&program, path, &["run", "bars.csv"]);
    set_data(path, "decimal_mark", "comma".into());
    set_data(path, "skip_bad_rows", true.into());
    let after = output(&program, path, &["run", "bars.csv"]);
    assert!(after.status.success(), "{}", text(&after.stderr));
    assert_eq!(text(&after.stdout), text(&before.stdout));
    let mut bars = std::fs::read_to_string(path.join("bars.csv")).unwrap();
    bars.push_str("a bad row,1,2\n2024-06-01T00:00:00Z,1,1,1,1\n");
    std::fs::write(path.join("bad.csv"), bars).unwrap();
    let refused = output(&program, path, &["run", "bad.csv"]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("bad.csv, line 1262: "));
}

/// A limit on the size of files fails as a full disk does: the table fits into the buffer, and fails as it is flushed.
#[cfg(unix)]
#[test]
fn a_table_that_cannot_be_written_whole_is_not_left() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let path = folder.path();
    std::fs::write(path.join("found.csv"), "as it was").unwrap();
    let found = Command::new("sh")
        .current_dir(path)
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""])
        .arg(&program)
        .args(["run", "bars.csv", "--stride", "20", "--out", "found.csv"])
        .output()
        .unwrap();
    let told = text(&found.stderr);
    assert_eq!(found.status.code(), Some(1), "{told}");
    assert!(told.contains("found.csv"), "{told}");
    assert_eq!(std::fs::read(path.join("found.csv")).unwrap(), b"as it was");
    let names = std::fs::read_dir(path).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, ["bars.csv", "found.csv", "run"]);
}

#[test]
fn outages_can_be_left_out_as_in_training() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let path = folder.path();
    let lines = std::fs::read_to_string(path.join("bars.csv")).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    // Bars 600 to 639 are missing; 105 windows of stride 1 reach over the hole, but one.
    let with_hole = [&lines[..601], &lines[641..]].concat().join("\n");
    std::fs::write(path.join("hole.csv"), with_hole).unwrap();
    let all = output(&program, path, &["run", "hole.csv", "--stride", "1"]);
    assert!(
        text(&all.stderr).contains("104 windows reach over one of 1 gaps"),
        "{}",
        text(&all.stderr)
    );
    let arguments = ["run", "hole.csv", "--stride", "1", "--skip-outages"];
    let some = output(&program, path, &arguments);
    assert!(some.status.success());
    let rows = |output: &Output| text(&output.stdout).lines().count();
    assert_eq!(rows(&all) - rows(&some), 104);
    let arguments = ["run", "-", "--skip-outages"];
    let stream = fed(&program, path, &arguments, b"");
    assert!(text(&stream.stderr).contains("give a limit with --max-gap"));
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_the_old_file_and_no_other() {
    let Some((folder, program, bars)) = prepared() else {
        return;
    };
    let path = folder.path();
    let mut long = String::from("open,high,low,close\n");
    for bar in bars.bars().iter().cycle().take(400_000) {
        long.push_str(&format!(
            "{},{},{},{}\n",
            bar.open, bar.high, bar.low, bar.close
        ));
    }
    std::fs::write(path.join("long.csv"), long).unwrap();
    std::fs::write(path.join("old.csv"), "as it was").unwrap();
    let arguments = ["run", "long.csv", "--stride", "1", "--out", "old.csv"];
    let child = command(&program, path, &arguments).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    interrupt(&child);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", text(&ended.stderr));
    assert!(
        text(&ended.stderr).contains("old.csv was not written"),
        "{}",
        text(&ended.stderr)
    );
    assert_eq!(
        std::fs::read_to_string(path.join("old.csv")).unwrap(),
        "as it was"
    );
    let hidden = std::fs::read_dir(path).unwrap().filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with('.')
    });
    assert_eq!(hidden.count(), 0);
}

/// Only a file that nobody holds and that is older than a minute is taken for what a killed process left.
#[cfg(unix)]
#[test]
fn what_a_killed_prediction_left_is_removed_and_nothing_else() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let path = folder.path();
    let made = |name: &str, age: u64| {
        let file = std::fs::File::create(path.join(name)).unwrap();
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
        file.set_modified(then).unwrap();
        file
    };
    made(".predict-left", 120);
    made(".predict-young", 0);
    made(".other-left", 120);
    let held = made(".predict-held", 120);
    held.lock().unwrap();
    let found = output(&program, path, &["run", "bars.csv", "--out", "found.csv"]);
    assert!(found.status.success(), "{}", text(&found.stderr));
    let mut hidden: Vec<String> = std::fs::read_dir(path)
        .unwrap()
        .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with('.'))
        .collect();
    hidden.sort();
    assert_eq!(hidden, [".other-left", ".predict-held", ".predict-young"]);
}

#[test]
fn bad_lines_of_a_stream_are_named_or_passed_over() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let good = std::fs::read_to_string(folder.path().join("bars.csv")).unwrap();
    let mut lines: Vec<&str> = good.lines().collect();
    lines.insert(4, "2023-11-14T22:13:20Z,1,word,1,1");
    let bad = lines.join("\n");
    let refused = fed(&program, folder.path(), &["run", "-"], bad.as_bytes());
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains("error: standard input, line 5: column `high` is `word`"),
        "{said}"
    );

    let arguments = ["run", "-", "--skip-bad-rows"];
    let dropped = fed(&program, folder.path(), &arguments, bad.as_bytes());
    assert!(dropped.status.success());
    assert!(
        text(&dropped.stderr)
            .contains("dropped a row, and will drop others: standard input, line 5")
    );
    let plain = fed(&program, folder.path(), &arguments, good.as_bytes());
    assert_eq!(text(&dropped.stdout), text(&plain.stdout));

    let few = lines[..50].join("\n");
    let none = fed(&program, folder.path(), &arguments, few.as_bytes());
    assert_eq!(none.status.code(), Some(1));
    assert_eq!(text(&none.stdout).lines().count(), 1, "the header");
    let said = text(&none.stderr);
    assert!(
        said.contains("standard input: 48 bars, but 105 are needed"),
        "{said}"
    );
    assert!(said.contains("dropped 1 bad rows"), "{said}");
    let empty = fed(&program, folder.path(), &arguments, b"");
    assert_eq!(empty.status.code(), Some(1));
    assert!(text(&empty.stderr).contains("standard input: the file is empty"));
}

/// What the predictions are worth is said with them.
#[test]
fn the_verdicts_of_the_run_are_told() {
    let Some((folder, program, _)) = prepared() else {
        return;
    };
    let run = output(&program, folder.path(), &["run", "bars.csv"]);
    let said = text(&run.stderr);
    assert!(run.status.success(), "{said}");
    let expected = "the best epoch; the verdicts of its run, on validation data at epoch 1: type ";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("it was trained on simulated bars"), "{said}");
    let quiet = output(&program, folder.path(), &["run", "bars.csv", "--quiet"]);
    assert_eq!(text(&quiet.stderr), "");

    let listed = output(&program, folder.path(), &["--list", "."]);
    let expected = "uncertainty on simulated bars, 1 of 1 epochs; type ";
    assert!(
        text(&listed.stdout).contains(expected),
        "{}",
        text(&listed.stdout)
    );
    let nothing = output(&program, folder.path(), &[]);
    assert_eq!(nothing.status.code(), Some(2));
}

/// A network of several instruments, and files with several of them, each named.
#[test]
fn one_instrument_of_several_is_predicted() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let simulator = Simulator::new(SimulatorConfig::default(), 1).unwrap();
    let bars = simulator.simulate_windows(8).bars;
    let half = bars.len() / 2;
    let rows = |first: usize, symbol: &str| {
        let rows = bars.bars()[first..first + half].iter().enumerate();
        let rows = rows.map(|(index, bar)| {
            let time = 1_700_000_000 + 60 * index;
            let symbol = if symbol.is_empty() {
                String::new()
            } else {
                format!("{symbol},")
            };
            format!(
                "{time},{symbol}{},{},{},{}\n",
                bar.open, bar.high, bar.low, bar.close
            )
        });
        rows.collect::<String>()
    };
    let (one, two) = (rows(0, "ONE"), rows(half, "TWO"));
    std::fs::write(
        place("both.csv"),
        format!("time,symbol,open,high,low,close\n{one}{two}"),
    )
    .unwrap();
    let alone = rows(half, "");
    std::fs::write(
        place("two.csv"),
        format!("time,open,high,low,close\n{alone}"),
    )
    .unwrap();
    let mut config = ExpansionConfig::default();
    config.data.path = Some(place("both.csv").into());
    config.data.instrument = Some(run::Names::new(["ONE", "TWO"]));
    config.model.window = 30;
    config.model.hidden = 4;
    config.train.epochs = 1;
    let config = config.resolved();
    let options = run::RunOptions {
        progress: Progress::Silent,
        ..Default::default()
    };
    run::train(
        &config,
        run::Data::load(&config).unwrap(),
        place("run"),
        options,
    )
    .unwrap();

    let predict = |more: &[&str]| {
        let found = output(&program, folder.path(), &[&["run"], more].concat());
        (
            found.status.success(),
            text(&found.stdout),
            text(&found.stderr),
        )
    };
    let (success, chosen, said) = predict(&["both.csv", "--instrument", "TWO"]);
    assert!(success, "{said}");
    let (success, by_itself, said) = predict(&["two.csv"]);
    assert!(success, "{said}");
    assert!(
        said.contains("the run has the instruments ONE, TWO, which are left aside"),
        "{said}"
    );
    assert_eq!(chosen, by_itself);
    assert_eq!(chosen.lines().count(), 1 + (half - 30).div_ceil(10) + 1);
    for (arguments, expected) in [
        (&["both.csv"][..], &["ONE", "TWO", "--instrument"][..]),
        (&["both.csv", "--instrument", "SIX"], &["SIX", "ONE", "TWO"]),
        (
            &["both.csv", "--instrument", "ONE", "--instrument", "TWO"],
            &[
                "--instrument",
                "one instrument; call the program once for each",
            ],
        ),
    ] {
        let (success, found, said) = predict(arguments);
        // The header is written before the file is read.
        assert!(!success && found.lines().count() <= 1, "{found}");
        for expected in expected {
            assert!(said.contains(expected), "no {expected} in: {said}");
        }
    }
}
