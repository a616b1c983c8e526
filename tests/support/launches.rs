//! Counts the kernels that a piece of work launches on a GPU.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use burn_cubecl::cubecl::config::{TypeNameFormatLevel, type_name_format};
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};

#[derive(Default)]
struct Counts(Mutex<BTreeMap<&'static str, usize>>);

impl LaunchObserver for Counts {
    fn launched(&self, kernel: &'static str) {
        *self.0.lock().unwrap().entry(kernel).or_default() += 1;
    }
}

/// Who counts: an observer sees the launches of the whole process, so there is one at a time, and other work on the
/// device waits as well.
static ALONE: Mutex<()> = Mutex::new(());

/// Waits until no other test of this process works on the device. Hold the result for as long as the test does.
pub fn alone() -> MutexGuard<'static, ()> {
    ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The launches of a piece of work by the name of the kernel. The work must wait for its own end.
pub fn of(work: impl FnOnce()) -> BTreeMap<String, usize> {
    let watch = Watch::start();
    work();
    watch.so_far()
}

/// Counts until it is dropped.
pub struct Watch {
    counts: Arc<Counts>,
    _watching: LaunchObservation,
}

impl Watch {
    pub fn start() -> Self {
        let counts = Arc::new(Counts::default());
        Self {
            _watching: LaunchObservation::new(counts.clone()),
            counts,
        }
    }

    /// The launches since the beginning by the name of the kernel.
    pub fn so_far(&self) -> BTreeMap<String, usize> {
        let found = self.counts.0.lock().unwrap();
        let mut named = BTreeMap::new();
        for (name, count) in found.iter() {
            let short = type_name_format(name, TypeNameFormatLevel::Short);
            *named.entry(short).or_default() += count;
        }
        named
    }
}

/// All launches together, with a table of them where it helps.
pub fn total(counts: &BTreeMap<String, usize>) -> usize {
    counts.values().sum()
}
