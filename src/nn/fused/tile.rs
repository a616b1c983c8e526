//! Computes the inner product of every step: a few samples times a panel of weights, summed in registers.

use pulp::Simd;

/// Returns the maximum number of samples of a tile of `vectors` width, so that its sums fit the registers.
#[inline(always)]
pub(super) fn most_samples<S: Simd>(vectors: usize) -> usize {
    if S::REGISTER_COUNT >= 32 {
        6
    } else {
        (12 / vectors).min(6)
    }
}

/// Calls a function that is generic over the number of samples of a tile.
macro_rules! with_samples {
    ($samples:expr, $function:ident::<$simd:ident, _ $(, $more:tt)*>($($argument:expr),*)) => {
        match $samples {
            1 => $function::<$simd, 1 $(, $more)*>($($argument),*),
            2 => $function::<$simd, 2 $(, $more)*>($($argument),*),
            3 => $function::<$simd, 3 $(, $more)*>($($argument),*),
            4 => $function::<$simd, 4 $(, $more)*>($($argument),*),
            5 => $function::<$simd, 5 $(, $more)*>($($argument),*),
            _ => $function::<$simd, 6 $(, $more)*>($($argument),*),
        }
    };
}
pub(super) use with_samples;

/// The sums of `M` samples and `V` vectors.
pub(super) type Sums<S, const M: usize, const V: usize> = [[<S as Simd>::f32s; V]; M];

/// Adds `sum over k of rows[m][k] * panel[k]` for `count` factors. `rows` points to the first factor of the first
/// sample; the other samples follow at `stride`.
///
/// # Safety
///
/// `rows + m * stride` must be valid for reading `count` elements for every `m < M`, `panel` for `count * V` vectors.
#[inline(always)]
pub(super) unsafe fn accumulate<S: Simd, const M: usize, const V: usize>(
    simd: S,
    // By value: behind a reference, the compiler writes every sum to memory after every factor.
    mut sums: Sums<S, M, V>,
    rows: *const f32,
    stride: usize,
    panel: *const f32,
    count: usize,
) -> Sums<S, M, V> {
    for k in 0..count {
        let mut weights = [simd.splat_f32s(0.0); V];
        for (v, weight) in weights.iter_mut().enumerate() {
            // SAFETY: inside the panel, by the contract.
            *weight = unsafe { load::<S>(panel.add((k * V + v) * S::F32_LANES)) };
        }
        for (m, sums) in sums.iter_mut().enumerate() {
            // SAFETY: inside the row, by the contract.
            let factor = simd.splat_f32s(unsafe { *rows.add(m * stride + k) });
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = simd.mul_add_e_f32s(weight, factor, *sum);
            }
        }
    }
    sums
}

/// Loads a whole vector.
///
/// # Safety
///
/// `from` must be valid for reading as many elements as a vector has lanes.
#[inline(always)]
pub(super) unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    // SAFETY: by the contract; a vector is its lanes in order and any bits are floats.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

/// Stores a whole vector.
///
/// # Safety
///
/// `to` must be valid for writing as many elements as a vector has lanes.
#[inline(always)]
pub(super) unsafe fn store<S: Simd>(to: *mut f32, values: S::f32s) {
    // SAFETY: by the contract.
    unsafe { to.cast::<S::f32s>().write_unaligned(values) }
}

/// Loads the first `count` lanes of a vector. The other lanes are zero.
///
/// # Safety
///
/// `from` must be valid for reading `count` elements.
#[inline(always)]
pub(super) unsafe fn load_first<S: Simd>(simd: S, from: *const f32, count: usize) -> S::f32s {
    // SAFETY: by the contract.
    unsafe {
        if count >= S::F32_LANES {
            load::<S>(from)
        } else {
            simd.partial_load_f32s(std::slice::from_raw_parts(from, count))
        }
    }
}

/// Stores the first `count` lanes of a vector.
///
/// # Safety
///
/// `to` must be valid for writing `count` elements.
#[inline(always)]
pub(super) unsafe fn store_first<S: Simd>(simd: S, to: *mut f32, count: usize, values: S::f32s) {
    // SAFETY: by the contract; nobody else holds a reference to these elements while they are written.
    unsafe {
        if count >= S::F32_LANES {
            store::<S>(to, values);
        } else {
            simd.partial_store_f32s(std::slice::from_raw_parts_mut(to, count), values);
        }
    }
}
