//! The filters that find users: by a typed name, and by identifiers for the refresh.

use super::{Filter, LdapSettings};

/// The entries that are meant by a typed name; `None` if no entry can be.
///
/// The name is a value of the filter, and never text of it. What is longer than every name, or has control characters,
/// is not asked for: Mallory sends 256 KiB of `(`.
pub(super) fn for_name(settings: &LdapSettings, typed_name: &str) -> Option<Filter> {
    let name = typed_name.trim();
    let fits = !name.is_empty() && name.len() <= MAX_TYPED && !name.contains(char::is_control);
    fits.then(|| settings.users.filter.fill(|_| name.as_bytes()))
}

/// The users with these identifiers, by the filter of the sign-in for any name: a user who has left the filter is not
/// found any more.
pub(super) fn for_subjects(settings: &LdapSettings, subjects: &[&str]) -> Filter {
    let ids = subjects.iter().filter_map(|subject| settings.users.id.filter(subject));
    Filter::And(vec![Filter::Or(ids.collect()), for_any_name(settings)])
}

/// The users that somebody could sign in as.
pub(super) fn for_any_name(settings: &LdapSettings) -> Filter {
    with_any_name(settings.users.filter.fill(|_| ANY_NAME))
}

/// The filter in which a comparison with [`ANY_NAME`] asks only whether the attribute is there.
fn with_any_name(filter: Filter) -> Filter {
    let all = |filters: Vec<Filter>| filters.into_iter().map(with_any_name).collect();
    let is_any = |value: &[u8]| value.windows(ANY_NAME.len()).any(|part| part == ANY_NAME);
    match filter {
        Filter::And(filters) => Filter::And(all(filters)),
        Filter::Or(filters) => Filter::Or(all(filters)),
        Filter::Not(filter) => Filter::Not(Box::new(with_any_name(*filter))),
        Filter::Equal(attribute, value)
        | Filter::Approximate(attribute, value)
        | Filter::GreaterOrEqual(attribute, value)
        | Filter::LessOrEqual(attribute, value)
        | Filter::Extensible { attribute: Some(attribute), value, .. }
            if is_any(&value) =>
        {
            Filter::Present(attribute)
        }
        Filter::Substrings { attribute, initial, any, last }
            if initial.iter().chain(&any).chain(&last).any(|part| is_any(part)) =>
        {
            Filter::Present(attribute)
        }
        other => other,
    }
}

/// A value that no operator writes into a filter.
const ANY_NAME: &[u8] = b"\0portcullis: any name\0";
/// Longer than names of users are, and than an address that stands for one.
const MAX_TYPED: usize = 256;

#[cfg(test)]
mod tests {
    use super::{
        super::{FilterTemplate, Preset, ldap_settings::sample},
        *,
    };

    fn text_filter(text: &str) -> Filter {
        FilterTemplate::parse(text, &[]).unwrap().fill(|_| b"")
    }

    #[test]
    fn a_typed_name_is_one_value_of_the_filter() {
        let settings = sample(Preset::OpenLdap);
        for name in ["alice", "*", "a*", ")(uid=*", "\\2a", "Doe, John", "#x", "a+b", "ö"] {
            let expected =
                Filter::And(vec![Filter::equal("objectClass", "inetOrgPerson"), Filter::equal("uid", name)]);
            assert_eq!(for_name(&settings, &format!(" {name}\t")), Some(expected), "{name}");
        }
        for name in ["", "  ", "a\0b", "a\nb", &"(".repeat(257), &"(".repeat(256 << 10)] {
            assert_eq!(for_name(&settings, name), None, "{name:.10}");
        }
    }

    #[test]
    fn the_refresh_asks_with_the_filter_of_the_sign_in_for_any_name() {
        let mut settings = sample(Preset::OpenLdap);
        let text = "(&(|(uid={name})(mail={name}*)(cn:dn:=x{name}))(!(ou=left))(cn=*))";
        settings.users.filter = FilterTemplate::parse(text, &["name"]).unwrap();
        let expected =
            text_filter("(&(|(entryUUID=1)(entryUUID=2))(&(|(uid=*)(mail=*)(cn=*))(!(ou=left))(cn=*)))");
        assert_eq!(for_subjects(&settings, &["1", "2"]), expected);
    }
}
