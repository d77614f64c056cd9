//! See `tideover::fuzz::inline`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tideover::fuzz::inline(data));
