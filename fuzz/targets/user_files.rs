//! Files of users of other programs, of each format and of one that is guessed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::users::{
    PasswordHash,
    import::{Format, read},
};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, file)) = bytes.split_first() else { return };
    let format = Format::ALL.get(usize::from(choice % 8)).copied();
    if let Ok((found, users)) = read(file, format) {
        assert!(format.is_none_or(|format| format == found));
        assert!(users.users.len() <= file.len(), "a user takes a byte at least");
    }
    if let Ok(text) = std::str::from_utf8(file) {
        // A hash that costs too much is refused before it is computed.
        let _read = PasswordHash::of_another_program(text.trim()).is_ok();
    }
});
