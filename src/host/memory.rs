//! A pool of memory for large results. Every training step needs the same tens of megabytes, and the system provides
//! them page by page, which took a third of a step of 32 samples (`perf stat`, two cores, 2026-11-22).
//!
//! Kernels take the memory of their results from the pool, and give back the memory of consumed tensors.

use std::sync::{Mutex, PoisonError};

/// Elements below which the pool is not used.
const SMALL: usize = 1 << 14;
/// The maximum number of elements in the pool, 256 MiB.
const HELD: usize = 64 << 20;

static POOL: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Takes `len` elements of any value.
pub(crate) fn take(len: usize) -> Vec<f32> {
    match held(len) {
        Some(mut values) => {
            values.resize(len, 0.0);
            values
        }
        None => vec![0.0; len],
    }
}

/// Takes an empty vector with room for `len` elements, for results that are written once and not filled before.
pub(crate) fn room(len: usize) -> Vec<f32> {
    match held(len) {
        Some(mut values) => {
            values.clear();
            values
        }
        None => Vec::with_capacity(len),
    }
}

/// Takes the smallest vector of the pool that has room for `len` elements, and for at most about twice as many.
fn held(len: usize) -> Option<Vec<f32>> {
    if len < SMALL {
        return None;
    }
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = |held: &Vec<f32>| held.capacity() >= len && held.capacity() / 2 <= len;
    let sizes = pool.iter().enumerate().filter(|(_, held)| fits(held));
    let (best, _) = sizes.min_by_key(|(_, held)| held.capacity())?;
    Some(pool.remove(best))
}

/// Puts memory into the pool. If the pool is full, the oldest memory is freed.
pub(crate) fn give(values: Vec<f32>) {
    if values.capacity() < SMALL {
        return;
    }
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    pool.push(values);
    while pool.iter().map(Vec::capacity).sum::<usize>() > HELD {
        pool.remove(0);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::MutexGuard;

    use super::*;

    static ALONE: Mutex<()> = Mutex::new(());

    /// Locks the pool for a test that checks or fills it, because all tests share the pool.
    pub(crate) fn alone() -> MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills the pool with NaN, in vectors of every size up to half a megabyte.
    pub(crate) fn spoil() {
        for power in SMALL.ilog2()..=17 {
            (0..8).for_each(|_| give(vec![f32::NAN; 1 << power]));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "fills much memory")]
    fn what_was_given_comes_back_in_the_length_asked_for() {
        let _alone = alone();
        // A size that no other test uses, because all tests share the pool.
        let len = (1 << 20) + 77;
        let values = vec![1.0; len];
        let address = values.as_ptr();
        give(values);
        let again = take(len - 5000);
        assert_eq!((again.len(), again.as_ptr()), (len - 5000, address));
        give(again);
        let longer = take(len);
        assert_eq!((longer.len(), longer.as_ptr()), (len, address));
        // The memory is more than twice as large as needed.
        give(longer);
        let shorter = take(len / 3);
        assert_ne!(shorter.as_ptr(), address);
    }

    #[test]
    fn no_more_is_held_than_stated() {
        let _alone = alone();
        // The memory is reserved but not touched.
        for _ in 0..6 {
            give(Vec::with_capacity(HELD / 4));
        }
        let held: usize = POOL.lock().unwrap().iter().map(Vec::capacity).sum();
        assert!(held <= HELD);
    }

    #[test]
    #[cfg_attr(miri, ignore = "fills much memory")]
    fn spoiled_memory_is_what_is_taken_next() {
        let _alone = alone();
        spoil();
        let values = take(1 << 17);
        assert!(values.iter().all(|v| v.is_nan()));
    }
}
