//! The program `train_expansion` keeps its promises to whoever sits before it or calls it: what it says, where, and how
//! it ends. Only where it has been built: `cargo test` does so, `cargo test --test train_expansion` does not.

use crate::support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use equipoise::expansion::run::ExpansionConfig;
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::history::History;
use support::program::{example, interrupt, outputs, unheard};

fn program() -> Option<PathBuf> {
    example("train_expansion")
}

/// Small enough for many epochs a second.
fn tiny(epochs: usize) -> ExpansionConfig {
    let mut config = ExpansionConfig::default();
    config.data.max_samples = Some(40);
    config.model.hidden = 4;
    config.train.epochs = epochs;
    config.train.batch_size = 8;
    config
}

fn command(program: &Path, folder: &Path, epochs: usize, more: &[&str]) -> Command {
    tiny(epochs).write(folder.join("tiny.json")).unwrap();
    let mut command = Command::new(program);
    command
        .args(["--config", "tiny.json"])
        .args(more)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE");
    command
}

#[test]
fn results_go_to_one_output_and_progress_to_the_other() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let output = command(&program, folder.path(), 3, more).output().unwrap();
        assert!(output.status.success(), "{}", outputs(&output).1);
        outputs(&output)
    };
    let (results, progress) = run(&["--out", "a"]);
    assert!(results.contains("\ntask ") && results.contains("report       a/report.html"));
    assert!(progress.contains("  1/3 ") && !progress.contains("learning rate"));
    assert!(!results.contains("1/3 "));
    assert!(
        !(results + &progress).contains('\u{1b}'),
        "no terminal, no colours"
    );

    let (_, progress) = run(&["--out", "b", "--verbose"]);
    for expected in [
        "training",
        "weight",
        "gradient share",
        "learning rate",
        "steps/s",
    ] {
        assert!(progress.contains(expected), "no {expected} in {progress}");
    }
    let wide = progress.lines().find(|line| line.chars().count() > 100);
    assert_eq!(wide, None);

    let (results, progress) = run(&["--out", "c", "--quiet"]);
    assert_eq!(
        (results.as_str(), progress.as_str()),
        ("report       c/report.html\n", "")
    );
}

#[test]
fn colours_are_asked_for_or_refused() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (out, refused, coloured) in [("a", "", true), ("b", "1", false)] {
        let output = command(&program, folder.path(), 2, &["--out", out])
            .env("CLICOLOR_FORCE", "1")
            .env("NO_COLOR", refused)
            .output()
            .unwrap();
        let (results, progress) = outputs(&output);
        assert_eq!(results.contains("\u{1b}["), coloured, "{results}");
        assert_eq!(progress.contains("\u{1b}["), coloured, "{progress}");
    }
}

#[test]
fn json_of_a_strategy_that_is_wrong_is_said_of_its_flag() {
    let Some(program) = program() else { return };
    for (json, expected) in [
        (r#"{"strategy": "#, "EOF while parsing"),
        (r#"{"strategy": "maual"}"#, "`strategy` is maual"),
        (
            r#"{"strategy": "manual", "wieghts": [1]}"#,
            "unknown field `wieghts`",
        ),
    ] {
        let output = Command::new(&program)
            .args(["--strategy", json])
            .output()
            .unwrap();
        let (results, said) = outputs(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("for '--strategy <NAME|JSON>'") && said.contains(expected),
            "{said}"
        );
        assert_eq!(results, "");
    }
}

#[test]
fn files_that_are_not_there_are_called_by_their_purpose() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (
            &["--data", "no.csv"][..],
            "no.csv: cannot be read for --data",
        ),
        (&["--init", "no.bpk"], "expected a checkpoint's model-N.bpk"),
        (&["--init", "."], "(it is a folder)"),
        (&["--config", "no.json"], "expected settings in JSON"),
        (
            &["--config", "broken.json"],
            "--config takes settings in JSON",
        ),
        (&["--out", "no", "--resume"], "no: holds no run to resume"),
        (
            &["--out", "broken.json"],
            "is a file, but --out takes a folder",
        ),
        (&["--resume"], "runs: holds no run that can be resumed"),
    ] {
        std::fs::write(folder.path().join("broken.json"), "{").unwrap();
        let output = Command::new(&program)
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let (results, said) = outputs(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.starts_with("error: ") && said.contains(expected),
            "{said}"
        );
        assert_eq!(results, "");
        assert!(!folder.path().join("runs").exists());
    }
}

/// Which network of a PyTorch file is meant is said with flags, and in vain of any other file.
#[test]
fn a_network_in_a_file_is_chosen_by_flags() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model-1.bpk"), "").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        let output = command.args(arguments).current_dir(folder.path()).output();
        let output = output.unwrap();
        (output.status.code(), outputs(&output).1)
    };
    for (flag, value, field) in [
        ("--init-key", "ema", "key"),
        ("--init-prefix", "student.", "prefix"),
        ("--init-without", "criterion,scale", "leave_out"),
    ] {
        let (code, said) = run(&[flag, value]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("--init <FILE>"), "{said}");
        let (code, said) = run(&["--init", "model-1.bpk", flag, value]);
        assert_eq!(code, Some(1), "{said}");
        let expected = format!(
            "`Selection::{field}` ({flag} {value}) is {}",
            value.replace(',', ", ")
        );
        assert!(said.contains(&expected), "no {expected} in: {said}");
        assert!(said.contains("model-1.bpk is no PyTorch file"), "{said}");
    }
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn a_run_ends_with_a_probe_and_a_finished_one_is_probed() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--out", "run", "--probe"];
    let output = command(&program, folder.path(), 1, &arguments)
        .output()
        .unwrap();
    let (results, said) = outputs(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("probe: nothing changed, 4 forks"), "{said}");
    assert!(
        results.contains("Measured: ") || results.contains("Nothing that was tried"),
        "{results}"
    );
    let file = folder.path().join("run/probe.csv");
    let first = std::fs::read(&file).unwrap();
    let again = Command::new(&program)
        .args(["--resume", "--out", "run", "--probe"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let (_, said) = outputs(&again);
    assert!(said.contains("nothing is left to train"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), first);
}

/// A resumed run that saw other bars or labels would be two runs in one history.
#[test]
fn a_run_is_resumed_with_the_files_it_began_with() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let simulator = Simulator::new(SimulatorConfig::default(), 1).unwrap();
    let bars = simulator.simulate_windows(12).bars;
    let write = |name: &str, rows: usize| {
        let rows = bars.bars()[..rows].iter();
        let rows: Vec<String> = rows
            .map(|bar| format!("{},{},{},{}", bar.open, bar.high, bar.low, bar.close))
            .collect();
        let text = format!("open,high,low,close\n{}\n", rows.join("\n"));
        std::fs::write(place(name), text).unwrap();
    };
    write("bars.csv", 1260);
    let begin = command(
        &program,
        folder.path(),
        1,
        &["--data", "bars.csv", "--out", "run"],
    )
    .output()
    .unwrap();
    assert!(begin.status.success(), "{}", outputs(&begin).1);
    let resume = || {
        let arguments = ["--resume", "--out", "run", "--epochs", "2"];
        let output = Command::new(&program)
            .args(arguments)
            .current_dir(folder.path())
            .output();
        output.unwrap()
    };
    write("bars.csv", 1259);
    let changed = resume();
    assert_eq!(changed.status.code(), Some(1));
    let said = outputs(&changed).1;
    assert!(
        said.contains("`data_file.bytes` is ") && said.contains("bring it back"),
        "{said}"
    );
    write("bars.csv", 1260);
    let same = resume();
    assert!(same.status.success(), "{}", outputs(&same).1);
    // The same bytes in another place are the same bars.
    std::fs::rename(place("bars.csv"), place("moved.csv")).unwrap();
    let moved = Command::new(&program)
        .args(["--resume", "--out", "run", "--epochs", "3"])
        .args(["--data", "moved.csv"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(moved.status.success(), "{}", outputs(&moved).1);
    let other = Command::new(&program)
        .args(["--resume", "--out", "run", "--epochs", "3", "--lr", "0.1"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = outputs(&other).1;
    assert!(
        said.contains("`train.learning_rate` (--lr 0.1) is 0.1, but it must be 0.003"),
        "{said}"
    );

    std::fs::write(place("list.json"), "[]").unwrap();
    let list = Command::new(&program)
        .args(["--config", "list.json", "--out", "list"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = outputs(&list).1;
    assert!(said.contains("list.json: expected an object"), "{said}");
}

/// Files of several instruments, in windows of another length.
#[test]
fn several_files_are_several_instruments() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, seed: u64, windows: usize| {
        let simulator = Simulator::new(SimulatorConfig::default(), seed).unwrap();
        let bars = simulator.simulate_windows(windows).bars;
        let rows = bars.bars().iter().enumerate();
        let rows: Vec<String> = rows
            .map(|(index, bar)| {
                let time = 1_700_000_000 + 60 * index;
                format!("{time},{},{},{},{}", bar.open, bar.high, bar.low, bar.close)
            })
            .collect();
        let text = format!("time,open,high,low,close\n{}\n", rows.join("\n"));
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("one.csv", 1, 6);
    write("two.csv", 2, 5);
    let run = |more: &[&str]| {
        let arguments = [&["--data", "one.csv", "two.csv"], more].concat();
        let output = command(&program, folder.path(), 1, &arguments)
            .output()
            .unwrap();
        (output.status.success(), outputs(&output))
    };
    let (success, (results, said)) = run(&["--out", "run", "--window", "30"]);
    assert!(success, "{said}");
    assert!(said.contains("read 630 bars from one.csv"), "{said}");
    assert!(
        said.contains("at least 30 bars apart in every instrument"),
        "{said}"
    );
    let table: Vec<&str> = results
        .lines()
        .skip_while(|line| !line.starts_with("instrument "))
        .take(3)
        .collect();
    let names: Vec<&str> = table
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(names, ["instrument", "one", "two"], "{results}");
    let page = std::fs::read_to_string(folder.path().join("run/report.html")).unwrap();
    assert!(page.contains("<h2>Instruments</h2>") && page.contains("one, bars "));
    let config = ExpansionConfig::read(folder.path().join("run/config.json")).unwrap();
    assert_eq!(
        (config.model.window, config.data.path.unwrap().paths().len()),
        (30, 2)
    );

    // A pattern is those files, and a run is resumed only with all of them as they were.
    let resume = || {
        let mut resume = Command::new(&program);
        resume.args([
            "--resume", "--out", "run", "--epochs", "2", "--data", "*.csv",
        ]);
        let output = resume.current_dir(folder.path()).output().unwrap();
        (output.status.success(), outputs(&output).1)
    };
    write("two.csv", 3, 5);
    let (success, said) = resume();
    assert!(
        !success && said.contains("`data_files") && said.contains("bring it back"),
        "{said}"
    );
    write("two.csv", 2, 5);
    let (success, said) = resume();
    assert!(success, "{said}");

    let (success, (_, said)) = run(&["--out", "no", "--data", "none*.csv"]);
    assert!(
        !success && said.contains("none*.csv: no file matches this pattern"),
        "{said}"
    );
    let (success, (_, said)) = run(&["--out", "no", "--window", "400"]);
    assert!(!success, "{said}");
    assert!(
        said.contains("`model.window` (--window 400) 400")
            && said.contains("the longest series has 630"),
        "{said}"
    );
}

#[test]
fn a_run_that_fails_leaves_a_report_of_it() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    // A head whose output is multiplied by this has a loss that single precision cannot hold.
    let mut config = tiny(2);
    config.model.countdown_scale = 3e38;
    config.train.learning_rate = 1.0;
    config.write(folder.path().join("wild.json")).unwrap();
    let output = Command::new(&program)
        .args(["--config", "wild.json", "--out", "out"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let (results, said) = outputs(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: the loss of task `"), "{said}");
    assert!(said.contains("was not finite in epoch 1"), "{said}");
    assert!(
        results.contains("report       out/report.html"),
        "{results}"
    );
    let page = std::fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    assert!(page.contains("failed") && page.contains("was not finite in epoch 1"));
}

/// A reader that leaves at once, as `head` may, does not hurt the run.
#[cfg(unix)]
#[test]
fn nobody_has_to_listen() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    assert!(unheard(&mut command(&program, folder.path(), 2, &["--out", "out"])).success());
    assert!(folder.path().join("out/report.html").exists());
}

#[cfg(unix)]
mod signals {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Child, ChildStderr};

    use super::*;

    /// Starts a long run, sends the signal when a line of standard error has `trigger` in it, and waits for its end:
    /// the exit code and the rest of standard error.
    fn interrupted(child: &mut Command, signal: &str, trigger: &str) -> (Option<i32>, String) {
        let (mut child, mut said) = started(child, trigger);
        let id = child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        (child.wait().unwrap().code(), rest)
    }

    fn last_epoch(run: &Path) -> usize {
        let history = History::read_csv(run.join("history.csv")).unwrap();
        history.last_epoch()
    }

    #[test]
    fn ctrl_c_leaves_a_report_and_a_command_that_continues() {
        let Some(program) = program() else { return };
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("it's a run");
        let out = ["--out", "it's a run"];
        for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
            let _ = std::fs::remove_dir_all(&run);
            let mut first = command(&program, folder.path(), 100_000, &out);
            let (found, said) = interrupted(&mut first, signal, "    2/100000 ");
            assert_eq!(found, Some(code), "{said}");
            assert!(run.join("report.html").exists());
            let kept = last_epoch(&run);
            assert!(kept >= 1);
            let expected = format!("epoch {kept} is the last that is kept");
            assert!(said.contains(&expected), "{said}");

            let command = said.lines().find(|line| line.contains("--resume")).unwrap();
            let mut shell = Command::new("sh");
            let again = format!("exec {command}");
            shell.args(["-c", &again]).current_dir(folder.path());
            // When an epoch is said, the one before it is kept for sure.
            let next = format!("{:>6}/100000 ", kept + 2);
            let (found, said) = interrupted(&mut shell, signal, &next);
            assert_eq!(found, Some(code), "{said}");
            assert!(last_epoch(&run) > kept, "{said}");
        }
    }

    /// Starts a long run and waits for a word of it.
    fn started(child: &mut Command, trigger: &str) -> (Child, BufReader<ChildStderr>) {
        let mut child = child
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains(trigger) {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "no {trigger}");
        }
        (child, said)
    }

    /// Two trainings in one folder would write one history; a run in training may be read.
    #[test]
    fn a_run_in_training_is_left_alone() {
        let Some(program) = program() else { return };
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("runs/uncertainty-1");
        let (mut first, _said) = started(
            &mut command(&program, folder.path(), 100_000, &[]),
            "    2/100000 ",
        );
        let out = Path::new("runs").join("uncertainty-1");
        let out = out.to_str().unwrap();
        let process = format!("process {} (for ", first.id());
        for (arguments, expected) in [
            (&["--out", out][..], "is at work in this folder"),
            (&["--out", out, "--resume"], "is at work in this folder"),
            (&["--out", out, "--resume", "--probe"], "is at work in"),
            (&["--resume"], "the newest run, which --resume without"),
        ] {
            let output = Command::new(&program)
                .args(arguments)
                .current_dir(folder.path())
                .output()
                .unwrap();
            let said = outputs(&output).1;
            assert_eq!(output.status.code(), Some(1), "{said}");
            for expected in [expected, &process, out] {
                assert!(said.contains(expected), "no {expected} in: {said}");
            }
        }
        let listed = Command::new(&program)
            .arg("--list")
            .current_dir(folder.path())
            .output();
        assert!(outputs(&listed.unwrap()).0.contains("of 100000 epochs"));
        // Whoever has no time to clean up holds nothing.
        first.kill().unwrap();
        first.wait().unwrap();
        let kept = last_epoch(&run);
        let (code, said) = interrupted(
            Command::new(&program)
                .arg("--resume")
                .current_dir(folder.path()),
            "-INT",
            &format!("{:>6}/100000 ", kept + 1),
        );
        assert_eq!(code, Some(130), "{said}");
        assert!(last_epoch(&run) >= kept);
    }

    #[test]
    fn in_the_first_epoch_there_is_nothing_to_continue() {
        let Some(program) = program() else { return };
        let folder = tempfile::tempdir().unwrap();
        let mut config = tiny(100);
        // One epoch takes minutes.
        config.data.max_samples = Some(20_000);
        config.train.batch_size = 1;
        config.write(folder.path().join("long.json")).unwrap();
        let mut run = Command::new(&program);
        run.args(["--config", "long.json", "--out", "out"])
            .current_dir(folder.path());
        // The history is begun after the handler is set.
        let (code, said) = once_there(&mut run, &folder.path().join("out/history.csv"));
        assert_eq!(code, Some(130), "{said}");
        assert!(
            said.contains("interrupted before the first epoch was finished"),
            "{said}"
        );
        assert!(!said.contains("--resume"), "{said}");
        assert!(folder.path().join("out/report.html").exists());
        assert_eq!(last_epoch(&folder.path().join("out")), 0);
    }

    /// Interrupts once a file is there.
    fn once_there(command: &mut Command, file: &Path) -> (Option<i32>, String) {
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let began = std::time::Instant::now();
        while !file.exists() && began.elapsed().as_secs() < 60 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        (output.status.code(), outputs(&output).1)
    }
}

/// Programs that begin at the same time find folders of their own.
#[test]
fn no_two_runs_get_the_same_name() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<_> = (0..4)
        .map(|_| {
            let mut one = command(&program, folder.path(), 1, &["--quiet"]);
            one.stdout(Stdio::piped()).stderr(Stdio::piped());
            one.spawn().unwrap()
        })
        .collect();
    let mut reports = Vec::new();
    for one in all {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", outputs(&output).1);
        reports.push(outputs(&output).0);
    }
    reports.sort();
    for (number, report) in (1..).zip(&reports) {
        let name = format!("uncertainty-{number}");
        assert!(report.contains(&name), "{reports:?}");
        assert!(
            folder
                .path()
                .join("runs")
                .join(name)
                .join("report.html")
                .exists()
        );
    }
}

/// The file is a plain word, the newest run is continued without its name, and the runs of a folder are listed.
#[test]
fn a_file_is_named_and_the_newest_run_is_found() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("open,high,low,close\n");
    for row in 0..1300_i32 {
        let price = 100.0 + f64::from(row % 37);
        text += &format!("{price},{},{},{}\n", price + 2.0, price - 2.0, price + 1.0);
    }
    std::fs::write(folder.path().join("bars.csv"), text).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        let output = command.args(arguments).current_dir(folder.path()).output();
        output.unwrap()
    };
    let none = run(&["--resume"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(
        outputs(&none)
            .1
            .contains("runs: holds no run that can be resumed")
    );
    let none = run(&["--list"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(outputs(&none).1.contains("runs"), "{}", outputs(&none).1);

    let begin = |more: &[&str]| {
        let whole = command(&program, folder.path(), 1, more).output().unwrap();
        assert!(whole.status.success(), "{}", outputs(&whole).1);
    };
    begin(&["bars.csv"]);
    begin(&[]);
    let (_, said) = outputs(&run(&["--resume", "--epochs", "2"]));
    let second = Path::new("runs").join("uncertainty-2");
    assert!(said.contains(&second.display().to_string()), "{said}");
    let (listed, said) = outputs(&run(&["--list"]));
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed} {said}");
    assert!(
        lines[0].contains("uncertainty on bars.csv, 1 of 1 epochs; type "),
        "{listed}"
    );
    assert!(
        lines[1].contains("on simulated bars, 2 of 2 epochs; type "),
        "{listed}"
    );

    let both = run(&["bars.csv", "--data", "bars.csv"]);
    assert_eq!(both.status.code(), Some(2), "one name or the other");
    let missing = run(&["../no bars.csv"]);
    let said = outputs(&missing).1;
    assert!(
        said.contains("../no bars.csv: cannot be read for BARS"),
        "{said}"
    );
    let zero = run(&["--epochs=0"]);
    let said = outputs(&zero).1;
    assert!(said.contains("`train.epochs` (--epochs 0) is 0"), "{said}");
    let rate = run(&["--lr", "-0.0010"]);
    let said = outputs(&rate).1;
    assert!(
        said.contains("`train.learning_rate` (--lr -0.0010) is -0.001"),
        "{said}"
    );
}
