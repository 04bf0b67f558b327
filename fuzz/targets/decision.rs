//! Decisions: no path reaches a protected resource without the right user, however an upstream reads it.
//!
//! The first byte of the input chooses rules and user, the rest is the path.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use path_oracle::{Allow, Rules, Who, holds, policy};
use portcullis::access::Policy;

#[path = "../../tests/it/path_oracle.rs"]
mod path_oracle;
#[path = "../../tests/it/upstream_models.rs"]
mod upstream_models;

fuzz_target!(|input: &[u8]| {
    let Some((choice, path)) = input.split_first() else { return };
    let Ok(path) = std::str::from_utf8(path) else { return };
    // A fragment is refused before the path is read, at the bytes of the request.
    if path.contains('#') {
        return;
    }
    let who = [Who::Nobody, Who::Bob, Who::AliceOfStaff][usize::from(choice / 4) % 3];
    let (rules, policy) = &FILES[usize::from(choice % 4)];
    holds(policy, rules, who, path);
});

static FILES: LazyLock<[(Rules, Policy); 4]> = LazyLock::new(|| {
    let files: [&[(&str, Allow)]; 4] = [
        &[("/**", Allow::Anyone), ("/admin/**", Allow::Staff)],
        &[
            ("/**", Allow::Anyone),
            ("/admin/**", Allow::Staff),
            ("/admin/help", Allow::Anyone),
            ("/admin/*/x", Allow::SignedIn),
        ],
        &[("/pub/**", Allow::Anyone), ("/index.php/pub/**", Allow::Anyone), ("/pub/r.php", Allow::Staff)],
        &[
            ("/**", Allow::Anyone),
            ("/a/*", Allow::Staff),
            ("/a/b", Allow::Anyone),
            ("/a/b/", Allow::SignedIn),
            ("/A/b/**", Allow::Staff),
        ],
    ];
    files.map(|rules| {
        let rules: Rules = rules.iter().map(|(pattern, allow)| ((*pattern).to_owned(), *allow)).collect();
        let policy = policy(&rules);
        (rules, policy)
    })
});
