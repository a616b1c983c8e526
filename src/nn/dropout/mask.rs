//! Computes the mask of dropout from a seed and the position of the element, so that a mask is never stored and can be
//! computed again in the backward pass.
//!
//! The function is a mixer of 32-bit integers with good avalanche (C. Wellons, *Prospecting for Hash Functions*, 2018)
//! on the position and one half of the seed. The other half is mixed in between the rounds.

/// A dropout mask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::nn) struct Mask {
    threshold: u32,
    /// The factor of the elements that are kept.
    pub(in crate::nn) scale: f32,
    seed: [u32; 2],
}

impl Mask {
    /// Creates a mask with the probability `p` of a zero, in [0, 1).
    pub(in crate::nn) fn new(p: f64, seed: u64) -> Self {
        Self {
            threshold: (p * f64::from(u32::MAX)) as u32,
            scale: (1.0 / (1.0 - p)) as f32,
            seed: [seed as u32, (seed >> 32) as u32],
        }
    }

    /// Returns whether the element at a position is kept.
    #[inline(always)]
    pub(in crate::nn) fn keeps(self, position: u32) -> bool {
        let mut x = position ^ self.seed[0];
        x ^= x >> 16;
        x = x.wrapping_mul(0x7feb_352d) ^ self.seed[1];
        x ^= x >> 15;
        x = x.wrapping_mul(0x846c_a68b);
        x ^ (x >> 16) >= self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: u32 = 1_000_000;

    fn mask(p: f64, seed: u64) -> Vec<bool> {
        let mask = Mask::new(p, seed);
        (0..COUNT).map(|position| mask.keeps(position)).collect()
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn the_share_of_zeros_is_p() {
        for (p, seed) in [(0.0, 9), (0.1, 3), (0.3, 1 << 40), (0.6, 77), (0.95, 12345)] {
            let zeros = mask(p, seed).iter().filter(|keeps| !**keeps).count();
            let share = zeros as f64 / f64::from(COUNT);
            // Five standard deviations of a binomial share.
            let slack = 5.0 * (p * (1.0 - p) / f64::from(COUNT)).sqrt();
            assert!((share - p).abs() <= slack, "{share} for {p}");
        }
    }

    /// The first half of the seed is mixed in before both rounds, so masks are independent if their first halves are
    /// neighbours, and for any two drawn seeds.
    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn neighbours_and_seeds_are_independent() {
        let first = mask(0.5, 10);
        let drawn = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & 0x00ff_ffff_00ff_ffff;
        let seeds = [11, 8, 10 + (1 << 23), 0].into_iter();
        let seeds = seeds.chain((1..12).map(drawn));
        let mut shares: Vec<f64> = seeds
            .map(|seed| agreement(&first, &mask(0.5, seed)))
            .collect();
        for distance in [1, 2, 16, 192, 8192] {
            let (later, earlier) = (&first[distance..], &first[..first.len() - distance]);
            shares.push(agreement(later, earlier));
        }
        for share in shares {
            assert!((share - 0.5).abs() < 2.5e-3, "{share}");
        }
    }

    /// Rows of a sequence, not only single elements, must look random: counts of zeros in rows of 192.
    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn counts_in_rows_vary_as_they_should() {
        let mask = mask(0.6, 4242);
        let counts: Vec<f64> = mask
            .chunks_exact(192)
            .map(|row| row.iter().filter(|keeps| !**keeps).count() as f64)
            .collect();
        let mean = counts.iter().sum::<f64>() / counts.len() as f64;
        let variance = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / counts.len() as f64;
        let expected = 192.0 * 0.6 * 0.4;
        assert!(
            (variance / expected - 1.0).abs() < 0.07,
            "{variance} for {expected}"
        );
    }

    fn agreement(a: &[bool], b: &[bool]) -> f64 {
        a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64
    }
}
