//! Attestation objects: whatever CBOR a browser sends is read within bounds or refused, and a key that is read can be stored.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::auth::webauthn::{PublicKey, read_attestation_object};

fuzz_target!(|bytes: &[u8]| {
    let is_read = read_attestation_object(bytes);
    let more = [bytes, &[0]].concat();
    assert!(!(is_read && read_attestation_object(&more)), "an object ends where it ends");
    if let Ok(key) = PublicKey::from_cose(bytes) {
        assert_eq!(key.as_cose(), bytes);
        assert_eq!(PublicKey::from_cose(key.as_cose()).as_ref(), Ok(&key));
    }
});
