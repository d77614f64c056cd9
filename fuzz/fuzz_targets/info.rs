//! See `tideover::fuzz::info`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tideover::fuzz::info(data));
