//! Draws the random numbers of a strategy, with the state of the generator in its memory.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::Memory;

const SLOT: &str = "draws";

/// Adds the state of a generator to a memory: the number of steps that have drawn.
pub(super) fn slot(memory: Memory) -> Memory {
    memory.with_integers(SLOT, &[0, 0])
}

/// Returns the generator of this step, and advances the state to the next step.
///
/// Every step has its own stream, so its numbers do not depend on the count of numbers drawn in earlier steps.
pub(super) fn next(seed: u64, memory: &Memory) -> ChaCha8Rng {
    let state = memory.integers(SLOT);
    // Recorded integers may have 32 bits and a sign on a GPU.
    let [low, high] = [state[0], state[1]].map(|part| u64::from(part.unsigned_abs()));
    let steps = low | (high << 31);
    let after = steps + 1;
    let parts = [after & 0x7fff_ffff, (after >> 31) & 0x7fff_ffff];
    memory.set_integers(SLOT, &parts.map(|part| part as i32));
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(steps);
    generator
}
