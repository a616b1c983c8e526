//! Saves and loads checkpoints: finds the newest and the best one, and loads a network from one.
//!
//! A checkpoint of epoch N is three files in `checkpoint/`: `model-N.bpk`, `optim-N.bpk`, `scheduler-N.bpk`. Each file
//! is written to a temporary name and moved into place, so a run that is killed leaves the last complete checkpoint
//! usable. Each file has its checksum beside it, `model-N.bpk.crc32`. A file that does not match its checksum is
//! refused, a file without a checksum is accepted. `epoch-N.json` holds the checksums of the three files, so that a run
//! is resumed only from files that belong together.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleDisplay, ModuleMapper, ModuleVisitor, Param, ParamGroup};
use burn::optim::OptimizerRecord;
use burn::optim::lr_scheduler::LrSchedulerRecord;
use burn::store::{ModuleRecord, RecordError};
use burn::tensor::{Bytes, Tensor, TensorData};
use burn::train::checkpoint::{
    Checkpoint, Checkpointer, CheckpointerError, CheckpointingAction, CheckpointingStrategy,
};
use burn::train::metric::store::EventStoreClient;

use super::checksum;
use super::journal::Journal;
use super::saves::Saves;
use super::seal::{self, Seals};
use super::step::MultiTask;
use crate::atomic;
use crate::error::{Error, Result};
use crate::history::History;
use crate::quiet::{caught, words};

/// The parts of a checkpoint.
const PARTS: [&str; 3] = ["model", "optim", "scheduler"];

/// Returns the folder of the checkpoints of a run.
pub fn folder(run: impl AsRef<Path>) -> PathBuf {
    run.as_ref().join("checkpoint")
}

/// Returns the file of a checkpoint that holds the network and the strategy.
pub fn model_file(run: impl AsRef<Path>, epoch: usize) -> PathBuf {
    part_file(&folder(run), "model", epoch)
}

pub(super) fn part_file(folder: &Path, part: &str, epoch: usize) -> PathBuf {
    folder.join(format!("{part}-{epoch}.bpk"))
}

/// Returns the newest epoch with a complete checkpoint in the folder of a run. A checkpoint whose writing was
/// interrupted is not complete.
///
/// # Errors
///
/// [`Error::Checkpoint`] if there is no complete checkpoint.
pub fn latest(run: impl AsRef<Path>) -> Result<usize> {
    let folder = folder(&run);
    let complete = |epoch: &usize| {
        PARTS
            .iter()
            .all(|part| part_file(&folder, part, *epoch).is_file())
    };
    let files = std::fs::read_dir(&folder).map_err(|source| Error::Checkpoint {
        path: folder.clone(),
        reason: format!("cannot be read ({source}); a run that is resumed has checkpoints there"),
    })?;
    let files: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    let sealed: HashSet<usize> = files
        .iter()
        .filter_map(|file| seal::epoch_of(file))
        .collect();
    // A run of an earlier version has no seals.
    let whole = |epoch: &usize| complete(epoch) && (sealed.is_empty() || sealed.contains(epoch));
    let models = files.iter().filter_map(|file| epoch_of(file, "model"));
    models.filter(whole).max().ok_or_else(|| Error::Checkpoint {
        path: folder.clone(),
        reason:
            "no complete checkpoint; the run ended before its first epoch did, so start it anew"
                .into(),
    })
}

/// Returns the best epoch of a run according to its history, or the newest epoch if there is no history or it names no
/// best epoch.
///
/// # Errors
///
/// [`Error::Checkpoint`] if there is no complete checkpoint, or none of the best epoch; [`Error::File`] if the history
/// ends before the newest checkpoint; the errors of [`History::read_csv`].
pub fn best(run: impl AsRef<Path>) -> Result<usize> {
    let newest = latest(&run)?;
    let history = run.as_ref().join("history.csv");
    if !history.exists() {
        return Ok(newest);
    }
    let mut known = History::read_csv(&history)?;
    if known.last_epoch() < newest {
        let reason = format!(
            "ends with epoch {}, but there is a checkpoint of epoch {newest}: it is not whole, so it does not tell the best \
             epoch; choose the `epoch`",
            known.last_epoch()
        );
        return Err(Error::file(history, reason));
    }
    // The history of an epoch is written before its checkpoint.
    known.truncate_after(newest);
    let best = known.best_epoch().unwrap_or(newest);
    let file = model_file(&run, best);
    if file.is_file() {
        Ok(best)
    } else {
        Err(Error::Checkpoint {
            path: file,
            reason: format!(
                "is not there, though epoch {best} is the best in {}; choose another epoch, the newest is {newest}",
                history.display()
            ),
        })
    }
}

/// Checks that a new run would not overwrite a run in the folder. A run that ended before its first checkpoint does not
/// count.
///
/// # Errors
///
/// [`Error::File`] if there is a complete checkpoint.
pub fn check_free(run: impl AsRef<Path>) -> Result<()> {
    match latest(&run) {
        Ok(epoch) => Err(Error::file(
            run,
            format!(
                "holds a run already, up to epoch {epoch}; resume it, or choose another folder"
            ),
        )),
        Err(_) => Ok(()),
    }
}

/// Checks that the history of a run to resume has every epoch up to its checkpoint.
///
/// # Errors
///
/// [`Error::File`] naming the first epoch that is missing.
pub(super) fn check_whole(history: &History, file: &Path, epoch: usize) -> Result<()> {
    let there: HashSet<usize> = history.records().iter().map(|found| found.epoch).collect();
    match (1..=epoch).find(|epoch| !there.contains(epoch)) {
        None => Ok(()),
        Some(missing) => Err(Error::file(
            file,
            format!(
                "has no record of epoch {missing}, but the run goes on from its checkpoint of epoch {epoch}: bring the \
                 whole file back, or start a new run from the network of that checkpoint"
            ),
        )),
    }
}

/// Removes the files that a killed process left unfinished in the folder of a run. Only for the holder of its lock.
pub(super) fn remove_unfinished(run: &Path) {
    let folder = folder(run);
    for file in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        if is_unfinished(&file.path()) {
            // A file that stays is in nobody's way.
            let _ = std::fs::remove_file(file.path());
        }
    }
    atomic::remove_unfinished(&folder);
    atomic::remove_unfinished(run);
}

/// Returns whether a file is a part of a checkpoint that is not yet in its place: `.model-3.bpk`, or Burn's own
/// temporary file for it, `.model-3.bpk.PROCESS-NUMBER.tmp`.
fn is_unfinished(file: &Path) -> bool {
    let name = || file.file_name()?.to_str()?.strip_prefix('.');
    let Some((part, burns)) = name().and_then(|name| name.split_once(".bpk")) else {
        return false;
    };
    let ours = burns.is_empty() || (burns.starts_with('.') && burns.ends_with(".tmp"));
    let part = format!("{part}.bpk");
    ours && PARTS
        .iter()
        .any(|kind| epoch_of(Path::new(&part), kind).is_some())
}

/// Returns the epoch of a part of a checkpoint; `None` if the file is not of this part.
fn epoch_of(file: &Path, part: &str) -> Option<usize> {
    let name = file.file_name()?.to_str()?.strip_prefix(part)?;
    let epoch = name.strip_prefix('-')?.strip_suffix(".bpk")?;
    epoch.parse().ok()
}

/// Loads the network from a checkpoint, independent of the strategy it was trained under.
///
/// Parameters under a name of `restart` (the first part of their path in the network, such as `countdown`) stay
/// unchanged, for heads whose form has changed. Usually `restart` is empty.
///
/// # Errors
///
/// [`Error::Checkpoint`] if the file cannot be read, does not match its checksum, or its network has another shape; the
/// parameters that differ are named. [`Error::Io`] if the checksum cannot be read.
///
/// After an error the given network is unchanged, except for running statistics (batch normalisation), which all clones
/// of a module share: pass a network that was just built.
pub fn load_network<M: Module + ModuleDisplay>(
    network: M,
    file: impl AsRef<Path>,
    restart: &[&str],
) -> Result<M> {
    guarded(file.as_ref(), || {
        network_of(network, file.as_ref(), restart)
    })
}

fn network_of<M: Module + ModuleDisplay>(network: M, path: &Path, restart: &[&str]) -> Result<M> {
    let fail = |reason: String| Error::Checkpoint {
        path: path.to_path_buf(),
        reason,
    };
    checksum::check(path)?;
    check_format(path)?;
    let record: ModuleRecord =
        record(path).map_err(|error| fail(format!("{error}; expected a model-N.bpk of a run")))?;
    let whole = NetworkAlone {
        network: network.clone(),
    };
    let strict = |record: ModuleRecord| whole.clone().try_load_record(record.allow_unused(true));
    if restart.is_empty() {
        let loaded = strict(record).map_err(|error| fail(misfit(&error)))?;
        return Ok(loaded.network);
    }
    if let Some(name) = left_alone(&whole, &record, restart) {
        let restart = restart.join("`, `");
        let reason = format!("its `{name}` has another shape, not only `{restart}`");
        return Err(fail(reason));
    }
    let mut loaded = lenient(&whole, &record).map_err(|error| fail(error.to_string()))?;
    for name in restart {
        let group = ParamGroup::from_predicate(format!("network.{name}."));
        let fresh = whole.clone().into_record_group(group).allow_partial(true);
        let restarted = loaded.try_load_record(fresh);
        loaded = restarted.map_err(|error| fail(error.to_string()))?;
    }
    Ok(loaded.network)
}

/// Loads the network and the strategy from a checkpoint.
///
/// # Errors
///
/// [`Error::Checkpoint`] if the file cannot be read, does not match its checksum, or holds another network or strategy;
/// [`Error::Io`] if the checksum cannot be read.
pub fn load_model<M: Module + ModuleDisplay>(
    model: MultiTask<M>,
    file: impl AsRef<Path>,
) -> Result<MultiTask<M>> {
    guarded(file.as_ref(), || model_of(model, file.as_ref()))
}

fn model_of<M: Module + ModuleDisplay>(model: MultiTask<M>, path: &Path) -> Result<MultiTask<M>> {
    let fail = |reason: String| Error::Checkpoint {
        path: path.to_path_buf(),
        reason,
    };
    checksum::check(path)?;
    check_format(path)?;
    let record: ModuleRecord = record(path).map_err(|error| fail(error.to_string()))?;
    let own = model.weighting.check_record(&record, &["weighting"]);
    own.map_err(|error| fail(error.to_string()))?;
    let loaded = model.try_load_record(record);
    loaded.map_err(|error| fail(error.to_string()))
}

/// Checks that no later version wrote the checkpoint of a network, if its seal is beside it.
fn check_format(model: &Path) -> Result<()> {
    let folder = model.parent().unwrap_or(Path::new(""));
    epoch_of(model, "model").map_or(Ok(()), |epoch| seal::check_format(folder, epoch))
}

/// Loads from a file. A tensor of another kind of number makes Burn panic, which becomes an error about the file.
pub(super) fn guarded<T>(file: &Path, load: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(load).unwrap_or_else(|panic| {
        Err(Error::Checkpoint {
            path: file.to_path_buf(),
            reason: format!(
                "is damaged, or a tensor in it is of another kind than the network's: {}; take another epoch",
                words(panic.as_ref())
            ),
        })
    })
}

/// Shortens an error that may list dozens of tensors to the first one.
fn misfit(error: &RecordError) -> String {
    let text = error.to_string();
    let mut each = text.split("\", \"");
    let first = each.next().unwrap_or_default();
    let more = match each.count() {
        0 => String::new(),
        more => format!("\" ... and {more} more"),
    };
    format!("is not of a network of these settings; give those of its own run. {first}{more}")
}

/// The module of a run without its strategy, for loading the network only.
#[derive(Module, Debug)]
struct NetworkAlone<M: Module> {
    network: M,
}

/// Loads the parameters that fit and leaves the rest unchanged.
fn lenient<M: Module>(module: &M, record: &ModuleRecord) -> Result<M, RecordError> {
    let record = record.clone().allow_unused(true).validate(false);
    module.clone().try_load_record(record)
}

/// Returns the first parameter outside every `network.{restart}` that a lenient load leaves unchanged. A record does
/// not list these parameters, but they are the ones that keep the values from before the load, so two loads with different fills
/// differ there.
fn left_alone<M: Module>(module: &M, record: &ModuleRecord, restart: &[&str]) -> Option<String> {
    let after = |before: f64| {
        let filled = module.clone().map(&mut FillParameters(before));
        let mut values = CollectValues::default();
        lenient(&filled, record).ok()?.visit(&mut values);
        Some(values.found)
    };
    let (zeros, ones) = (after(0.0)?, after(1.0)?);
    let restarted: Vec<String> = restart
        .iter()
        .map(|name| format!("network.{name}."))
        .collect();
    let stays = |path: &str| restarted.iter().any(|prefix| path.starts_with(prefix));
    zeros
        .into_iter()
        .zip(ones)
        .find(|((path, zero), (_, one))| !stays(path) && zero != one)
        .map(|((path, _), _)| path)
}

struct FillParameters(f64);

impl ModuleMapper for FillParameters {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|old| {
            old.full_like(self.0)
                .set_require_grad(old.is_require_grad())
        })
    }
}

#[derive(Default)]
struct CollectValues {
    path: Vec<String>,
    found: Vec<(String, TensorData)>,
}

impl ModuleVisitor for CollectValues {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found
            .push((self.path.join("."), param.val().to_data()));
    }
}

/// Writes one part of the checkpoints, completely or not at all.
pub(super) struct WholeFiles {
    folder: PathBuf,
    part: &'static str,
    saves: Saves,
    seals: Seals,
    journal: Journal,
}

impl WholeFiles {
    /// Returns the writers of the three parts, which seal an epoch together.
    pub(super) fn of_parts(run: &Path, saves: &Saves, journal: &Journal) -> [Self; 3] {
        let seals = Seals::default();
        PARTS.map(|part| Self {
            folder: folder(run),
            part,
            saves: saves.clone(),
            seals: seals.clone(),
            journal: journal.clone(),
        })
    }

    fn file(&self, epoch: usize) -> PathBuf {
        part_file(&self.folder, self.part, epoch)
    }

    fn write(&self, epoch: usize, record: impl Checkpoint) -> Result<()> {
        self.seals.begin(epoch);
        let file = self.file(epoch);
        // Burn appends its extension to a name with another extension, so the temporary name keeps it. It syncs the file.
        let unfinished = self.folder.join(format!(".{}-{epoch}.bpk", self.part));
        record.save(unfinished.clone()).map_err(|error| {
            let reason = format!(
                "cannot be written ({error}); resume the run when it can, from the epoch before"
            );
            Error::Checkpoint {
                path: file.clone(),
                reason,
            }
        })?;
        // Removed first, so that a checksum never stands beside another file than its own.
        remove(&seal::file(&self.folder, epoch))?;
        remove(&checksum::beside(&file))?;
        atomic::move_into_place(&unfinished, &file).map_err(Error::io("write", &file))?;
        let sum = checksum::write(&file)?;
        self.seals
            .add(&self.folder, epoch, (self.part, sum), &PARTS)?;
        self.remove_discarded()
    }

    /// Removes the parts of old epochs, as far as the newest epoch is complete.
    fn remove_discarded(&self) -> Result<()> {
        for (part, epoch) in self.seals.discarded() {
            let file = part_file(&self.folder, part, epoch);
            remove(&seal::file(&self.folder, epoch))?;
            remove(&checksum::beside(&file))?;
            remove(&file)?;
        }
        Ok(())
    }

    /// Keeps an error for the caller of the training, since Burn passes on its text alone.
    fn fail(&self, error: Error) -> CheckpointerError {
        let text = error.to_string();
        self.journal.lock().failure.get_or_insert(error);
        CheckpointerError::Unknown(text)
    }
}

impl<R: Checkpoint> Checkpointer<R> for WholeFiles {
    fn save(&self, epoch: usize, record: R) -> Result<(), CheckpointerError> {
        let _writing = self.saves.write();
        self.write(epoch, record).map_err(|error| self.fail(error))
    }

    fn delete(&self, epoch: usize) -> Result<(), CheckpointerError> {
        self.seals.discard(self.part, epoch);
        self.remove_discarded().map_err(|error| self.fail(error))
    }

    fn restore(&self, epoch: usize) -> Result<R, CheckpointerError> {
        record(&self.file(epoch)).map_err(CheckpointerError::IOError)
    }
}

/// Reads a whole record. Burn's own reader leaves the values in the file until a device needs them, which on a GPU can
/// be after the file is deleted.
pub(super) fn record<R: Checkpoint>(file: &Path) -> std::io::Result<R> {
    let bytes = std::fs::read(file)?;
    let later = later_burn(&bytes);
    R::checkpoint_from_bytes(Bytes::from_bytes_vec(bytes))
        .map_err(|error| std::io::Error::other(later.unwrap_or_else(|| error.to_string())))
}

/// Says that a later version of Burn wrote a file, by the number in its head: Burn's own message lacks it. The head is
/// four bytes that name the form, then two with its number.
fn later_burn(bytes: &[u8]) -> Option<String> {
    const NEWEST: u16 = 1;
    let number = u16::from_le_bytes(bytes.get(4..6)?.try_into().ok()?);
    (number > NEWEST).then(|| {
        format!(
            "was written by a later version of Burn (its format {number}; this version reads up to {NEWEST}): update \
             equipoise, or take a checkpoint that this version has written"
        )
    })
}

/// Removes a file if it exists.
fn remove(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", file)(error))
        }
        _ => Ok(()),
    }
}

/// A checkpoint that was read and checked before any part of it is used.
pub(super) struct Loaded {
    pub(super) model: ModuleRecord,
    pub(super) optimizer: OptimizerRecord,
    pub(super) scheduler: LrSchedulerRecord,
}

/// Reads all parts of a checkpoint.
pub(super) fn load(run: &Path, epoch: usize) -> Result<Loaded> {
    let folder = folder(run);
    Ok(Loaded {
        model: read(&folder, "model", epoch)?,
        optimizer: read(&folder, "optim", epoch)?,
        scheduler: read(&folder, "scheduler", epoch)?,
    })
}

fn read<R: Checkpoint>(folder: &Path, part: &str, epoch: usize) -> Result<R> {
    let path = part_file(folder, part, epoch);
    checksum::check(&path)?;
    seal::check(folder, epoch, part, &path)?;
    record(&path).map_err(|error| Error::Checkpoint {
        path,
        reason: error.to_string(),
    })
}

/// Keeps the last checkpoints and the best one.
pub(super) struct LastAndBest {
    pub(super) journal: Journal,
    pub(super) keep: usize,
    pub(super) run: PathBuf,
    pub(super) saves: Saves,
}

impl CheckpointingStrategy for LastAndBest {
    fn checkpointing(
        &mut self,
        epoch: usize,
        _store: &EventStoreClient,
    ) -> Vec<CheckpointingAction> {
        let best = self.journal.lock().best_epoch();
        // The network, the optimizer and the schedule.
        self.saves.announce(3);
        let mut actions = vec![CheckpointingAction::Save];
        let old = |kept: &usize| kept.saturating_add(self.keep) <= epoch && Some(*kept) != best;
        let Ok(files) = std::fs::read_dir(folder(&self.run)) else {
            return actions;
        };
        // A killed process may have left any part of an epoch.
        let of_part = |file: PathBuf| PARTS.iter().find_map(|part| epoch_of(&file, part));
        let there = files.filter_map(|file| of_part(file.ok()?.path()));
        let there: BTreeSet<usize> = there.filter(old).collect();
        actions.extend(there.into_iter().map(CheckpointingAction::Delete));
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Task, TaskSet};

    /// Three threads write the parts, and each may fail; the first is the cause, the others may follow from it.
    #[test]
    fn the_first_error_of_a_checkpoint_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = TaskSet::new([Task::regression("a", 1)]).unwrap();
        let history = folder.path().join("history.csv");
        let journal = Journal::new(tasks, History::new(), history);
        let [model, optim, _] = WholeFiles::of_parts(folder.path(), &Saves::default(), &journal);
        model.fail(Error::file("first", "the disk is full"));
        optim.fail(Error::file("second", "the disk is full"));
        let kept = journal.lock().failure.take();
        let kept = kept.expect("an error").to_string();
        assert!(kept.starts_with("first"), "{kept}");
    }
}
