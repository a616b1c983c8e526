//! Loads the network that a run starts from, and chooses the heads that start anew.

use std::io::Write;
use std::path::Path;

use super::config::ExpansionConfig;
use super::init_selection::InitSelection;
use super::start::is_pytorch;
#[cfg(feature = "pytorch")]
use super::start::pytorch_checkpoint;
#[cfg(not(feature = "pytorch"))]
use super::start::without_pytorch;
use crate::error::Result;
use crate::expansion::model::{ExpansionModel, task_names};
use crate::printable::printable;
use crate::train::{Progress, checkpoint};

/// The name of the type's head among the parts of the network. The countdown's head has the name of its task.
const CLASSIFIER: &str = "classifier";

/// Returns the network of a checkpoint of any strategy. A head of other types or of another form of the countdown starts
/// from new values, which a line tells.
pub(crate) fn init_from(
    network: ExpansionModel,
    file: &Path,
    selection: &InitSelection,
    progress: Progress,
) -> Result<ExpansionModel> {
    #[cfg(feature = "pytorch")]
    if is_pytorch(file) {
        return init_from_pytorch(network, file, selection, progress);
    }
    #[cfg(not(feature = "pytorch"))]
    if is_pytorch(file) {
        return Err(without_pytorch(file));
    }
    selection.check_unused(file)?;
    let countdown = task_names::COUNTDOWN;
    let choices: [&[&str]; 4] = [&[], &[countdown], &[CLASSIFIER], &[CLASSIFIER, countdown]];
    let run = ExpansionConfig::of_run(file).ok().flatten();
    // Types of the same number but of other names would fit the head, and would be other types.
    let others = run.is_some_and(|run| run.model.types != network.config().types);
    let mut first = None;
    for heads in choices {
        if others && !heads.contains(&CLASSIFIER) {
            continue;
        }
        match checkpoint::load_network(network.clone(), file, heads) {
            Ok(network) => {
                tell_restarts(heads, file, progress);
                return Ok(network);
            }
            Err(error) => first.get_or_insert(error),
        };
    }
    // The error without a new head, or with the fewest.
    Err(first.expect("a choice was tried"))
}

/// Returns the network of a PyTorch file. A head of another number of types or of another form of the countdown starts
/// from new values.
#[cfg(feature = "pytorch")]
fn init_from_pytorch(
    network: ExpansionModel,
    file: &Path,
    selection: &InitSelection,
    progress: Progress,
) -> Result<ExpansionModel> {
    let config = network.config();
    let checkpoint = pytorch_checkpoint(file, config.countdown, selection)?;
    for note in checkpoint.notes() {
        tell(progress, &format!("{}: {note}", file.display()));
    }
    let mut heads = Vec::new();
    if checkpoint.config().types.len() != config.types.len() {
        heads.push(task_names::TYPE);
    }
    if checkpoint.config().countdown != config.countdown {
        heads.push(task_names::COUNTDOWN);
    }
    let network = checkpoint.load_into(network, &heads)?;
    tell_restarts(&heads, file, progress);
    Ok(network)
}

/// Says which heads start anew.
fn tell_restarts(heads: &[&str], file: &Path, progress: Progress) {
    let file = file.display();
    for head in heads {
        let line = if *head == task_names::COUNTDOWN {
            format!("{file}: its countdown head has another form, so that head starts anew")
        } else {
            format!("{file}: its network has other types, so the head of the type starts anew")
        };
        tell(progress, &line);
    }
}

fn tell(progress: Progress, line: &str) {
    if progress != Progress::Silent {
        // Standard error may be closed.
        let _ = writeln!(std::io::stderr(), "{}", printable(line));
    }
}
