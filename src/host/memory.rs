//! Memory for large results that is used again: a training step asks for the same tens of megabytes every time, and from
//! the system they come page by page. That took a third of a step of 32 samples (`perf stat`, two cores, 2026-11-22).
//!
//! Kernels take what their results are made of here, and give back what they consumed.

use std::sync::{Mutex, PoisonError};

/// Elements below which the allocator does well by itself.
const SMALL: usize = 1 << 14;
/// Elements that are held for the next use at most, 256 MiB.
const HELD: usize = 64 << 20;

static POOL: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// `len` elements of any value.
pub(crate) fn take(len: usize) -> Vec<f32> {
    match held(len) {
        Some(mut values) => {
            values.resize(len, 0.0);
            values
        }
        None => vec![0.0; len],
    }
}

/// Room for `len` elements and none in it, for results that are written once and not filled before.
pub(crate) fn room(len: usize) -> Vec<f32> {
    match held(len) {
        Some(mut values) => {
            values.clear();
            values
        }
        None => Vec::with_capacity(len),
    }
}

/// The smallest held memory that is large enough, but not much too large.
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

/// Holds memory for the next use. If there is too much, the oldest goes back to the system.
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

    /// For tests that say what is held, or fill it: all share the pool.
    pub(crate) fn alone() -> MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds memory full of what is no number, some of every size up to half a megabyte.
    pub(crate) fn spoil() {
        for power in SMALL.ilog2()..=17 {
            (0..8).for_each(|_| give(vec![f32::NAN; 1 << power]));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "fills much memory")]
    fn what_was_given_comes_back_in_the_length_asked_for() {
        let _alone = alone();
        // A size nobody else asks for, since all tests share the pool.
        let len = (1 << 20) + 77;
        let values = vec![1.0; len];
        let address = values.as_ptr();
        give(values);
        let again = take(len - 5000);
        assert_eq!((again.len(), again.as_ptr()), (len - 5000, address));
        give(again);
        let longer = take(len);
        assert_eq!((longer.len(), longer.as_ptr()), (len, address));
        // Much too large for this.
        give(longer);
        let shorter = take(len / 3);
        assert_ne!(shorter.as_ptr(), address);
    }

    #[test]
    fn no_more_is_held_than_stated() {
        let _alone = alone();
        // Only addresses: the memory is not touched.
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
