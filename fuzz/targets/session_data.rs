//! Session data: an application receives the pairs that it stored.
//!
//! Lines of the input that start with `-` delete keys, all others set pairs.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use portcullis::session::{AppData, DataChange, MAX_DATA_BYTES};

fuzz_target!(|input: &[u8]| {
    let lines = || input.split(|byte| *byte == b'\n');
    let set = lines().filter(|line| !line.starts_with(b"-"));
    let delete = lines().filter_map(|line| line.strip_prefix(b"-"));
    let Ok(change) = DataChange::parse(set.clone(), delete) else { return };

    // Another reader of forms reads the pairs alike; commas between them are separators of lines.
    let joined: Vec<Vec<u8>> =
        set.flat_map(|line| line.split(|byte| *byte == b',').map(|one| one.trim_ascii().to_vec())).collect();
    let elsewhere: Vec<(String, String)> = form_urlencoded::parse(&joined.join(&b'&')).into_owned().collect();
    let read: Vec<(String, String)> =
        change.set.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    assert_eq!(read, elsewhere);
    for text in read.iter().flat_map(|(key, value)| [key, value]) {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    assert!(read.iter().all(|(key, _)| !key.is_empty()) && change.delete.iter().all(|key| !key.is_empty()));

    let expected: BTreeMap<String, String> = read.into_iter().collect();
    let Ok(stored) = AppData::default().with(change) else { return };
    let pairs: BTreeMap<String, String> =
        stored.pairs().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    assert_eq!(pairs, expected);
    let sent = stored.encode();
    assert!(sent.len() <= MAX_DATA_BYTES && sent.bytes().all(|byte| byte.is_ascii_graphic()), "{sent}");
    let again =
        DataChange::parse([sent.as_bytes()].into_iter(), [].into_iter()).expect("what we send, we read");
    assert_eq!(AppData::default().with(again), Ok(stored));
});
