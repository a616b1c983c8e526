#![no_main]

use libfuzzer_sys::fuzz_target;

#[global_allocator]
static MEMORY: equipoise_fuzz::Memory = equipoise_fuzz::MEMORY;

fuzz_target!(|bytes: &[u8]| equipoise_fuzz::measured(&MEMORY, bytes, equipoise_fuzz::pickle));
