#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| teal_engine::fuzzing::limits(text));
