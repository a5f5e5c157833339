#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| teal_engine::fuzzing::traefik(bytes));
