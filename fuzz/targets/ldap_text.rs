//! Filters that an operator writes and names of entries that a directory sends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::auth::ldap::{Dn, Filter, FilterTemplate, escape_dn_value};

fuzz_target!(|text: &str| {
    match FilterTemplate::parse(text, &["name", "dn"]) {
        Ok(template) => {
            let (mut one, other) = (template.fill(|_| b"*)(uid=*"), template.fill(|_| b""));
            blank_out(&mut one);
            let mut blank = other;
            blank_out(&mut blank);
            assert_eq!(one, blank, "a value changes no filter");
        }
        Err(wrong) => assert!(text.is_char_boundary(wrong.at)),
    }
    if let Ok(dn) = Dn::parse(text) {
        let key = dn.key();
        assert_eq!(Dn::parse(&key).map(|dn| dn.key()), Ok(key), "a key is a spelling of its name");
        assert!(dn.is_within(&dn));
    }
    let escaped = format!("cn={},dc=example", escape_dn_value(text));
    let dn = Dn::parse(&escaped).expect("an escaped value is one");
    assert_eq!(dn.leaf(), Some(text.as_bytes()));
    assert!(dn.is_within(&Dn::parse("dc=example").expect("a name")));
});

/// Takes all values out.
fn blank_out(filter: &mut Filter) {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => filters.iter_mut().for_each(blank_out),
        Filter::Not(filter) => blank_out(filter),
        Filter::Present(_) => {}
        Filter::Substrings { initial, any, last, .. } => {
            initial.iter_mut().chain(any).chain(last).for_each(Vec::clear);
        }
        Filter::Equal(_, value)
        | Filter::GreaterOrEqual(_, value)
        | Filter::LessOrEqual(_, value)
        | Filter::Approximate(_, value)
        | Filter::Extensible { value, .. } => value.clear(),
    }
}
