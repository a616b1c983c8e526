//! Chooses the instruction set of the CPU kernels: the best of the processor, or a set that is forced for a test.
//!
//! `EQUIPOISE_INSTRUCTIONS` forces one of `scalar`, `avx2`, `avx512` and `neon` for the whole process. The variable is
//! read once, at the first kernel. It is meant for tests: every set is correct, and no other is faster than the best
//! one. Burn's own operations and the matrix products of `gemm` choose for themselves.

use std::sync::OnceLock;

use pulp::Arch;

/// The variable that forces a set.
const VARIABLE: &str = "EQUIPOISE_INSTRUCTIONS";
/// The sets that have a name, whether or not this processor has them.
const NAMES: [&str; 4] = ["scalar", "avx2", "avx512", "neon"];

/// Returns the instruction set of the kernels.
///
/// # Panics
///
/// If `EQUIPOISE_INSTRUCTIONS` names a set that is unknown, or that the processor lacks: a test of that set would
/// otherwise test another one.
pub(crate) fn arch() -> Arch {
    static CHOSEN: OnceLock<Arch> = OnceLock::new();
    #[cfg(test)]
    if let Some(forced) = tests::FORCED.get() {
        tests::USED.set(tests::USED.get() + 1);
        return forced;
    }
    *CHOSEN.get_or_init(|| match std::env::var(VARIABLE) {
        Ok(name) if !name.is_empty() => forced(&name).unwrap_or_else(|reason| panic!("{reason}")),
        _ => Arch::new(),
    })
}

/// Returns the set of a name, or the reason why it cannot be used.
fn forced(name: &str) -> Result<Arch, String> {
    let of_name = |(known, arch): (&str, Arch)| (known == name).then_some(arch);
    let missing = || {
        if NAMES.contains(&name) {
            format!("{VARIABLE} is {name}, but this processor has no such instructions")
        } else {
            format!("{VARIABLE} is {name}, expected one of {}", NAMES.join(", "))
        }
    };
    instructions()
        .into_iter()
        .find_map(of_name)
        .ok_or_else(missing)
}

/// Returns every instruction set that both this processor and the kernels support, by name.
pub(crate) fn instructions() -> Vec<(&'static str, Arch)> {
    let mut all = vec![(NAMES[0], Arch::Scalar)];
    #[cfg(target_arch = "x86_64")]
    {
        all.extend(pulp::x86::V3::try_new().map(|set| (NAMES[1], Arch::V3(set))));
        all.extend(pulp::x86::V4::try_new().map(|set| (NAMES[2], Arch::V4(set))));
    }
    #[cfg(target_arch = "aarch64")]
    all.extend(pulp::aarch64::Neon::try_new().map(|set| (NAMES[3], Arch::Neon(set))));
    all
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use pulp::{Simd, WithSimd};

    use super::*;

    thread_local! {
        /// The set that [`each`] forces on this thread.
        pub(super) static FORCED: Cell<Option<Arch>> = const { Cell::new(None) };
        /// How often the forced set was asked for.
        pub(super) static USED: Cell<usize> = const { Cell::new(0) };
    }

    /// The sets that a processor of this kind may have.
    const OF_THIS_KIND: &[&str] = if cfg!(target_arch = "x86_64") {
        &["scalar", "avx2", "avx512"]
    } else if cfg!(target_arch = "aarch64") {
        &["scalar", "neon"]
    } else {
        &["scalar"]
    };

    /// Calls `work` with the name of every instruction set of this processor, forced on this thread, and checks that the
    /// kernels have asked for it. A set that the processor lacks is printed.
    pub(crate) fn each(mut work: impl FnMut(&str)) {
        let there = instructions();
        for name in OF_THIS_KIND {
            let Some((_, arch)) = there.iter().find(|(known, _)| known == name) else {
                println!("skipped: this processor has no {name}");
                continue;
            };
            FORCED.set(Some(*arch));
            USED.set(0);
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(name)));
            FORCED.set(None);
            if let Err(panic) = done {
                eprintln!("with the instructions {name}:");
                std::panic::resume_unwind(panic);
            }
            assert!(USED.get() > 0, "no kernel has asked for {name}");
        }
    }

    struct Lanes;

    impl WithSimd for Lanes {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }

    /// A set that is forced is the set that runs: its vectors have its number of lanes.
    #[test]
    fn every_set_has_its_own_vectors() {
        each(|name| {
            let lanes = arch().dispatch(Lanes);
            let expected = [("scalar", 1), ("avx2", 8), ("avx512", 16), ("neon", 4)];
            assert!(
                expected.contains(&(name, lanes)),
                "{name} has {lanes} lanes"
            );
        });
    }

    #[test]
    fn a_set_that_cannot_be_used_is_refused_by_name() {
        for (name, words) in [
            (
                "avx3",
                "EQUIPOISE_INSTRUCTIONS is avx3, expected one of scalar, avx2, avx512, neon",
            ),
            (
                if cfg!(target_arch = "aarch64") {
                    "avx2"
                } else {
                    "neon"
                },
                "but this processor has no such instructions",
            ),
        ] {
            let refused = forced(name).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
        assert!(matches!(forced("scalar"), Ok(Arch::Scalar)));
    }

    /// Without the variable, the best set runs; with it, the set of its name.
    #[test]
    fn the_variable_decides() {
        let expected = match std::env::var(VARIABLE) {
            Ok(name) if !name.is_empty() => name,
            _ => instructions().last().unwrap().0.to_owned(),
        };
        println!("instructions of the kernels: {expected}");
        let lanes = forced(&expected).unwrap().dispatch(Lanes);
        assert_eq!(arch().dispatch(Lanes), lanes);
    }
}
