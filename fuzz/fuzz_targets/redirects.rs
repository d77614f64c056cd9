//! See `tideover::fuzz::redirects`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tideover::fuzz::redirects(data));
