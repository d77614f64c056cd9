//! See `tideover::fuzz::replies`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tideover::fuzz::replies(data));
