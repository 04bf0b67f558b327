//! Forms: the fields are those that another parser reads, and no field occurs twice.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use portcullis::fuzzing;

fuzz_target!(|input: &[u8]| {
    let Some(fields) = fuzzing::form_fields(input) else { return };
    let elsewhere: Vec<(String, String)> = form_urlencoded::parse(input).into_owned().collect();
    assert_eq!(fields, elsewhere, "another reader reads it alike");
    assert!(fields.len() <= 32);
    let names: BTreeSet<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), fields.len(), "no field twice");
    let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    assert_eq!(
        fuzzing::form_fields(written.as_bytes()),
        Some(fields),
        "what was read can be written and read again"
    );
});
