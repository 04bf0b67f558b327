//! Messages of a directory: no bytes make the reader panic or take much memory, and the pieces in which they come make no
//! difference.
//!
//! The first byte is the size of the pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::fuzzing;

fuzz_target!(|input: &[u8]| {
    let Some((size, bytes)) = input.split_first() else { return };
    let whole = fuzzing::ldap_messages(bytes, bytes.len());
    assert_eq!(fuzzing::ldap_messages(bytes, usize::from(*size)), whole, "pieces make no difference");
    // A refused message is not read, nor is anything behind it.
    if let (messages, Some(problem)) = &whole {
        let more = [bytes, &[0x30, 0x0c, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0]].concat();
        assert_eq!(fuzzing::ldap_messages(&more, more.len()), (messages.clone(), Some(*problem)));
    }
});
