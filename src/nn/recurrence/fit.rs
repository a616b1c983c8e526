//! Chooses the tiling of the recurrence for a device, or returns the reason why the kernels do not support it.

use std::fmt;

use crate::gpu::Limits;

/// The sizes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) batch: usize,
    pub(crate) time: usize,
    pub(crate) features: usize,
    pub(crate) hidden: usize,
    pub(crate) directions: usize,
    /// Whether half precision is requested.
    pub(crate) half: bool,
}

/// The tiling of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    /// Samples per cube: one of [`SAMPLES`].
    pub(crate) samples: usize,
    /// Samples per call, all or fewer.
    pub(crate) batch: usize,
    /// Positions per call, all or fewer.
    pub(crate) time: usize,
    /// Whether products and stored data are in half precision.
    pub(crate) half: bool,
}

/// The reason why a layer runs in the plain form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Too many hidden units: each needs a unit of the cube.
    Units { needed: usize, limit: usize },
    /// Too little shared memory for the deltas of a step.
    Shared { needed: usize, limit: usize },
    /// Too few buffers for the backward pass.
    Bindings { needed: usize, limit: usize },
    /// A buffer that is too small for the gates of one position of one sample, or for the weights.
    Buffer { needed: u64, limit: u64 },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Units { needed, limit } => write!(
                f,
                "{needed} hidden units, and the device runs {limit} units together"
            ),
            Self::Shared { needed, limit } => write!(
                f,
                "{needed} bytes of shared memory, and the device has {limit}"
            ),
            Self::Bindings { needed, limit } => {
                write!(
                    f,
                    "{needed} buffers in a kernel, and the device binds {limit}"
                )
            }
            Self::Buffer { needed, limit } => write!(
                f,
                "a buffer of {needed} bytes, and the device's largest has {limit}"
            ),
        }
    }
}

/// The possible numbers of samples per cube. Each number is a separate kernel to compile, so there are few.
pub(crate) const SAMPLES: [usize; 4] = [1, 2, 4, 8];

/// The number of multiprocessors assumed for a device that does not report it. With a larger number, a small device
/// would read the weights too often; with a smaller number, a large device would be idle.
const PROCESSORS: usize = 64;

/// The number of buffers of the largest kernel. CubeCL reserves one buffer of the device for shapes and sizes, and
/// reports the others.
const BINDINGS: usize = 7;

/// The maximum number of steps of a launch: a driver that also draws the screen aborts a launch of some seconds.
const STEPS: usize = 16_384;

/// Bytes of an element.
const BYTES: u64 = 4;

/// Chooses the samples per cube, and splits the batch, then the time, to the size of a buffer.
///
/// A cube has few samples as long as multiprocessors are idle, and more otherwise, because the weights are read once
/// for all samples of a cube.
///
/// # Errors
///
/// [`Unfit`] if the device cannot run the kernels at these sizes.
pub(crate) fn fit(limits: &Limits, sizes: &Sizes) -> Result<Fit, Unfit> {
    if sizes.hidden > limits.units {
        return Err(Unfit::Units {
            needed: sizes.hidden,
            limit: limits.units,
        });
    }
    if limits.bindings < BINDINGS {
        return Err(Unfit::Bindings {
            needed: BINDINGS,
            limit: limits.bindings,
        });
    }
    if shared(sizes.hidden, 1) > limits.shared {
        return Err(Unfit::Shared {
            needed: shared(sizes.hidden, 1),
            limit: limits.shared,
        });
    }
    let row = row(sizes);
    let most = limits.buffer.min(BYTES * u64::from(u32::MAX));
    if row.max(weights(sizes)) > most {
        return Err(Unfit::Buffer {
            needed: row.max(weights(sizes)),
            limit: most,
        });
    }
    // Two more positions for the final states.
    let rows = usize::try_from(most / row).unwrap_or(usize::MAX);
    let (batch, time) = match rows / (sizes.time + 2) {
        0 => (1, rows.saturating_sub(2).max(1).min(sizes.time)),
        batch => (batch.min(sizes.batch), sizes.time),
    };
    let time = time.min(STEPS);
    let samples = samples(limits, sizes, batch);
    Ok(Fit {
        samples,
        batch: batch.min(limits.cubes.saturating_mul(samples)),
        time,
        half: sizes.half && limits.half,
    })
}

fn samples(limits: &Limits, sizes: &Sizes, batch: usize) -> usize {
    let processors = limits.processors.unwrap_or(PROCESSORS);
    let fitting = SAMPLES
        .into_iter()
        .filter(|samples| shared(sizes.hidden, *samples) <= limits.shared);
    let cubes = |samples: usize| sizes.directions * batch.div_ceil(samples);
    let mut last = 1;
    for samples in fitting {
        last = samples;
        if cubes(samples) <= processors {
            break;
        }
    }
    last
}

/// Returns the bytes of shared memory of the backward pass, which needs more than the forward pass: the deltas of the
/// four gates, twice, so that one step is written while another is read.
fn shared(hidden: usize, samples: usize) -> usize {
    2 * 4 * hidden * samples * BYTES as usize
}

/// Returns the bytes of one position of a sample in the largest tensor.
fn row(sizes: &Sizes) -> u64 {
    let gates = 4 * sizes.directions * sizes.hidden;
    BYTES * gates.max(sizes.features) as u64
}

/// Returns the bytes of the largest weights.
fn weights(sizes: &Sizes) -> u64 {
    let rows = (4 * sizes.directions * sizes.hidden) as u64;
    BYTES * rows * (sizes.hidden + 1).max(sizes.features) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guaranteed minimum of WebGPU.
    const WEB: Limits = Limits {
        units: 256,
        shared: 16 << 10,
        bindings: 7,
        buffer: 128 << 20,
        cubes: 65_535,
        half: false,
        processors: None,
    };

    const MODEL: Sizes = Sizes {
        batch: 32,
        time: 105,
        features: 12,
        hidden: 96,
        directions: 2,
        half: false,
    };

    #[test]
    fn a_small_batch_has_a_sample_a_cube() {
        let whole = Fit {
            samples: 1,
            batch: 32,
            time: 105,
            half: false,
        };
        assert_eq!(fit(&WEB, &MODEL), Ok(whole));
    }

    #[test]
    fn a_large_batch_shares_the_weights() {
        let limits = Limits {
            processors: Some(132),
            shared: 48 << 10,
            buffer: 4 << 30,
            ..WEB
        };
        for (batch, samples) in [(8, 1), (66, 1), (67, 2), (132, 2), (1024, 8), (100_000, 8)] {
            let sizes = Sizes { batch, ..MODEL };
            assert_eq!(fit(&limits, &sizes).unwrap().samples, samples, "{batch}");
        }
    }

    #[test]
    fn samples_are_limited_by_shared_memory() {
        let sizes = Sizes {
            batch: 300,
            ..MODEL
        };
        assert_eq!(fit(&WEB, &sizes).unwrap().samples, 4);
        let wide = Sizes {
            hidden: 256,
            ..sizes
        };
        assert_eq!(fit(&WEB, &wide).unwrap().samples, 2);
    }

    #[test]
    fn a_large_batch_is_cut_to_what_a_buffer_holds() {
        let sizes = Sizes {
            batch: 5000,
            ..MODEL
        };
        let fit = fit(&WEB, &sizes).unwrap();
        assert_eq!((fit.batch, fit.time), (408, 105));
        let bytes = |samples: u64| samples * 107 * 3072;
        assert!(bytes(408) <= WEB.buffer && bytes(409) > WEB.buffer);
    }

    #[test]
    fn a_long_sequence_is_cut_in_time() {
        let sizes = Sizes {
            time: 1_000_000,
            ..MODEL
        };
        let fit_of = |limits: &Limits| {
            let fit = fit(limits, &sizes).unwrap();
            (fit.batch, fit.time)
        };
        assert_eq!(fit_of(&WEB), (1, STEPS));
        let small = Limits {
            buffer: 1 << 20,
            ..WEB
        };
        assert_eq!(fit_of(&small), (1, (1 << 20) / 3072 - 2));
        // The limit holds for buffers of any size.
        let large = Limits {
            buffer: u64::MAX,
            ..WEB
        };
        assert_eq!(fit_of(&large).1, STEPS);
    }

    #[test]
    fn a_launch_has_no_more_cubes_than_the_device_takes() {
        let limits = Limits {
            buffer: u64::MAX,
            processors: Some(1),
            ..WEB
        };
        let sizes = Sizes {
            batch: 1_000_000,
            time: 1,
            hidden: 1,
            ..MODEL
        };
        let fit = fit(&limits, &sizes).unwrap();
        assert_eq!((fit.samples, fit.batch), (8, 8 * 65_535));
    }

    #[test]
    fn half_precision_needs_both_the_wish_and_the_device() {
        for (asked, there) in [(false, false), (false, true), (true, false), (true, true)] {
            let limits = Limits { half: there, ..WEB };
            let sizes = Sizes {
                half: asked,
                ..MODEL
            };
            assert_eq!(fit(&limits, &sizes).unwrap().half, asked && there);
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let unfit = |limits: Limits, sizes: Sizes| fit(&limits, &sizes).unwrap_err().to_string();
        let wide = Sizes {
            hidden: 257,
            ..MODEL
        };
        assert_eq!(
            unfit(WEB, wide),
            "257 hidden units, and the device runs 256 units together"
        );
        let little = Limits {
            shared: 3071,
            ..WEB
        };
        assert_eq!(
            unfit(little, MODEL),
            "3072 bytes of shared memory, and the device has 3071"
        );
        let few = Limits { bindings: 4, ..WEB };
        assert_eq!(
            unfit(few, MODEL),
            "7 buffers in a kernel, and the device binds 4"
        );
        let small = Limits {
            buffer: 1000,
            ..WEB
        };
        assert!(unfit(small, MODEL).starts_with("a buffer of "));
    }
}
