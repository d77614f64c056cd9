//! See `tideover::fuzz::keys`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tideover::fuzz::keys(data));
