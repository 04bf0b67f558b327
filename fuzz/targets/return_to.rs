//! `next`: the browser stays on this host, even if the path is decoded several times.
#![no_main]

use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use portcullis::portal::ReturnTo;
use url::Url;

fuzz_target!(|asked: &str| {
    let chosen = ReturnTo::parse(asked);
    assert!(chosen.as_str() == asked || chosen.as_str() == "/", "taken as it is, or not at all");
    assert_eq!(ReturnTo::parse(chosen.as_str()), chosen);

    let page = Url::parse("https://gateway.example/.gateway/login?next=x").expect("a URL");
    let mut reading = chosen.as_str().to_owned();
    for _ in 0..4 {
        let landed = page.join(&reading).unwrap_or_else(|error| panic!("{reading:?}: {error}"));
        assert_eq!(landed.origin(), page.origin(), "{asked:?} leads to {landed}");
        assert!(landed.username().is_empty() && landed.password().is_none(), "{landed}");
        let path = landed.path().to_lowercase();
        let leads_nowhere = path.strip_prefix("/.gateway/").is_some_and(|page| !page.starts_with("account"));
        assert!(!leads_nowhere, "{asked:?} leads to {landed}");
        let path = reading.split(['?', '#']).next().unwrap_or_default();
        reading = percent_decode_str(path).decode_utf8_lossy().into_owned();
    }

    // The sign-in page passes it on unchanged.
    let login = page.join(&chosen.login_location()).expect("a URL");
    assert_eq!((login.origin(), login.path()), (page.origin(), "/.gateway/login"));
    let carried = login.query_pairs().find(|(name, _)| name == "next").map(|(_, next)| next.into_owned());
    assert_eq!(carried.unwrap_or_else(|| "/".to_owned()), chosen.as_str());
});
