//! See `tideover::fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tideover::fuzz::config(data));
