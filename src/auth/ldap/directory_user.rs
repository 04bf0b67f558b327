//! An entry of a directory as a user.

use std::collections::BTreeMap;

use super::{AccountState, Dn, Entry, LdapSettings, UserSettings};
use crate::{
    clock::Timestamp,
    identity::{GroupName, IdentityPair, InvalidName, UserName},
    users::{SourceEmail, SourceProfile},
};

/// A user of a directory, as of one search.
#[derive(Clone, Debug)]
pub struct DirectoryUser {
    entry: Entry,
    /// How the gateway knows the user.
    pub pair: IdentityPair,
    /// The name as the directory has it.
    pub name_there: String,
    /// Whether the account may be used.
    pub state: AccountState,
}

/// Why an entry cannot be a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableEntry {
    /// The attribute of the identifier is missing or unusable; the gateway's account may not be allowed to read it.
    #[error("it has no usable `{0}`, by which the gateway would know the user")]
    NoId(String),
    /// The attribute of the name has no value that is text, or several.
    #[error("it has no usable `{0}`, or several of them")]
    NoName(String),
}

impl DirectoryUser {
    /// Reads an entry.
    pub(super) fn read(entry: Entry, settings: &LdapSettings, now: Timestamp) -> Result<Self, UnusableEntry> {
        let users = &settings.users;
        let subject =
            users.id.of(&entry).ok_or_else(|| UnusableEntry::NoId(users.id.attribute().to_owned()))?;
        let pair = IdentityPair {
            backend: settings.name.clone(),
            authority: settings.authority.clone(),
            subject: subject.into(),
        };
        if !pair.is_storable() {
            return Err(UnusableEntry::NoId(users.id.attribute().to_owned()));
        }
        let name_there =
            name_of(&entry, &users.name).ok_or_else(|| UnusableEntry::NoName(users.name.clone()))?;
        let state = AccountState::of(&entry, users.states, now);
        Ok(Self { entry, pair, name_there, state })
    }

    /// The attributes that [`DirectoryUser::read`] and the rest of this module need.
    pub(super) fn attributes(settings: &LdapSettings) -> Vec<String> {
        let UserSettings { name, id, email, full_name, attributes, states, .. } = &settings.users;
        let primary = [PRIMARY_GROUP_ID, OBJECT_SID];
        let mut wanted: Vec<String> = [name.as_str(), id.attribute(), email, full_name]
            .into_iter()
            .chain(attributes.values().map(String::as_str))
            .chain(states.iter().map(|rule| rule.attribute()))
            .chain(primary.into_iter().filter(|_| settings.groups.primary_group))
            .map(str::to_owned)
            .collect();
        wanted.sort_unstable();
        wanted.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
        wanted
    }

    /// The DN, as the server sent it.
    pub fn dn(&self) -> &str {
        self.entry.dn()
    }

    /// The user name, if the name in the directory can be one.
    pub fn name(&self) -> Result<UserName, InvalidName> {
        UserName::parse(&self.name_there)
    }

    /// The e-mail address; the first one in the alphabet, if there are several.
    pub fn email(&self, settings: &UserSettings) -> Option<&str> {
        self.entry.texts(&settings.email).filter(|address| !address.is_empty()).min()
    }

    /// The profile of the user at the directory, with these groups of ours; `None` if the name cannot be a user name.
    pub(super) fn profile(&self, settings: &LdapSettings, groups: Vec<GroupName>) -> Option<SourceProfile> {
        let users = &settings.users;
        let attribute = |(ours, theirs): (&String, &String)| {
            self.entry.texts(theirs).min().map(|value| (ours.clone(), value.to_owned()))
        };
        let attributes: BTreeMap<String, String> = users.attributes.iter().filter_map(attribute).collect();
        Some(SourceProfile {
            pair: self.pair.clone(),
            name: self.name().ok()?,
            email: self
                .email(users)
                .map(|address| SourceEmail { address: address.to_owned(), verified: users.email_verified }),
            full_name: self.entry.texts(&users.full_name).min().unwrap_or_default().to_owned(),
            groups,
            attributes,
        })
    }

    pub(super) fn entry(&self) -> &Entry {
        &self.entry
    }
}

/// The name. Of several values it is the one in the DN, which the directory keeps unique among its neighbours.
fn name_of(entry: &Entry, attribute: &str) -> Option<String> {
    if let Some(name) = entry.single_text(attribute) {
        return Some(name.to_owned()).filter(|name| !name.is_empty());
    }
    let dn = Dn::parse(entry.dn()).ok()?;
    let leaf = str::from_utf8(dn.leaf()?).ok()?;
    entry.texts(attribute).find(|value| *value == leaf).map(str::to_owned)
}

pub(super) const PRIMARY_GROUP_ID: &str = "primaryGroupID";
pub(super) const OBJECT_SID: &str = "objectSid";

#[cfg(test)]
mod tests {
    use super::{
        super::{Attribute, Preset, ldap_settings::sample},
        *,
    };

    const NOW: Timestamp = Timestamp::from_millis(1_796_018_177_000);

    fn entry(dn: &str, attributes: &[(&str, &[&str])]) -> Entry {
        let attribute = |(name, values): &(&str, &[&str])| Attribute {
            name: (*name).to_owned(),
            values: values.iter().map(|value| value.as_bytes().into()).collect(),
        };
        Entry::new(dn.to_owned(), attributes.iter().map(attribute).collect())
    }

    #[test]
    fn an_entry_becomes_a_profile() {
        let mut settings = sample(Preset::OpenLdap);
        settings.users.attributes = [("team", "ou"), ("room", "roomNumber")]
            .map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned()))
            .into();
        let entry = entry(
            "uid=Alice,dc=example",
            &[
                ("UID", &["Alice"]),
                ("entryuuid", &["624A8524-80ce-1041-9641-99f1ba71340b"]),
                ("mail", &["b@example.com", "a@example.com"]),
                ("cn", &["Alice Ä"]),
                ("ou", &["blue"]),
            ],
        );
        let user = DirectoryUser::read(entry, &settings, NOW).unwrap();
        let editors = GroupName::parse("editors").unwrap();
        let profile = user.profile(&settings, vec![editors.clone()]).unwrap();
        assert_eq!(profile.pair.subject.as_ref(), "624a8524-80ce-1041-9641-99f1ba71340b");
        assert_eq!(profile.pair.authority.as_ref(), "dc=example");
        assert_eq!(profile.name.as_str(), "alice");
        assert_eq!(
            profile.email.map(|email| (email.address, email.verified)),
            Some(("a@example.com".into(), false))
        );
        assert_eq!(profile.full_name, "Alice Ä");
        assert_eq!(profile.groups, [editors]);
        assert_eq!(profile.attributes, BTreeMap::from([("team".to_owned(), "blue".to_owned())]));
    }

    #[test]
    fn an_entry_without_an_identifier_or_a_name_is_no_user() {
        let settings = sample(Preset::OpenLdap);
        let id: (&str, &[&str]) = ("entryUUID", &["624a8524-80ce-1041-9641-99f1ba71340b"]);
        let no_id = UnusableEntry::NoId("entryUUID".to_owned());
        let no_name = UnusableEntry::NoName("uid".to_owned());
        for (dn, attributes, expected) in [
            ("uid=a,dc=example", &[("uid", &["a"][..])][..], Err(no_id)),
            ("uid=a,dc=example", &[id], Err(no_name.clone())),
            ("uid=a,dc=example", &[id, ("uid", &[""])], Err(no_name.clone())),
            ("uid=a,dc=example", &[id, ("uid", &["a"])], Ok("a")),
            ("uid=b,dc=example", &[id, ("uid", &["a", "b"])], Ok("b")),
            ("cn=x,dc=example", &[id, ("uid", &["a", "b"])], Err(no_name)),
        ] {
            let read = DirectoryUser::read(entry(dn, attributes), &settings, NOW);
            assert_eq!(read.map(|user| user.name_there), expected.map(str::to_owned), "{dn} {attributes:?}");
        }
    }

    #[test]
    fn a_name_that_can_be_no_user_name_gives_no_profile() {
        let settings = sample(Preset::OpenLdap);
        let entry = entry(r"uid=Doe\, John,dc=example", &[("uid", &["Doe, John"]), ("entryUUID", &["1"])]);
        let user = DirectoryUser::read(entry, &settings, NOW).unwrap();
        assert!(user.name().is_err());
        assert_eq!(user.profile(&settings, Vec::new()), None);
    }

    #[test]
    fn the_attributes_that_are_read_are_asked_for_once() {
        let attributes = DirectoryUser::attributes(&sample(Preset::ActiveDirectory));
        let expected = [
            "accountExpires",
            "displayName",
            "mail",
            "objectGUID",
            "objectSid",
            "primaryGroupID",
            "pwdLastSet",
            "sAMAccountName",
            "userAccountControl",
        ];
        assert_eq!(attributes, expected);
    }
}
