//! Client data: what is read has one reading.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::auth::webauthn::{Challenge, read_client_data};

fuzz_target!(|bytes: &[u8]| {
    if let Some((kind, origin)) = read_client_data(bytes) {
        let text = std::str::from_utf8(bytes).expect("client data are UTF-8");
        assert!(text.len() >= kind.len() + origin.len());
        // A byte behind the object that is no space makes it none.
        assert!(read_client_data(format!("{text}x").as_bytes()).is_none());
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(challenge) = Challenge::parse(text)
    {
        assert_eq!(challenge.to_text(), text, "a challenge has one spelling");
    }
});
