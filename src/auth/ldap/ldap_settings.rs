//! The settings of one directory.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use super::{ConnectionSettings, Dn, Filter, FilterTemplate, Preset, StateRule, SubjectId};
use crate::{
    identity::{BackendName, GroupName},
    users::Provisioning,
};

/// How a directory is reached, and which of its entries are whom. Two equal settings need one backend.
#[derive(Clone, Debug, PartialEq)]
pub struct LdapSettings {
    /// The configured name.
    pub name: BackendName,
    /// The kind of directory.
    pub preset: Preset,
    /// The servers, and the account as which the gateway searches.
    pub connection: ConnectionSettings,
    /// The root of the directory, in its normal form. It is the authority of the users' identities: a name that is
    /// pointed at a directory with another root inherits nobody.
    pub authority: Arc<str>,
    /// The users.
    pub users: UserSettings,
    /// The groups.
    pub groups: GroupSettings,
    /// How a user of the directory comes to an account.
    pub provisioning: Provisioning,
    /// The time between two checks of those who are signed in. Default 5 minutes.
    pub refresh: Duration,
    /// How long users stay signed in while the directory does not respond. Default 1 hour.
    pub grace: Duration,
}

/// Where users are, and what their attributes mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSettings {
    /// Where the search starts.
    pub base: Arc<str>,
    /// Which entry is meant by a name.
    pub filter: FilterTemplate,
    /// The filter as text, for `portcullis backend show`.
    pub filter_text: Arc<str>,
    /// The attribute with the user name.
    pub name: String,
    /// The attribute with the identifier that lasts.
    pub id: SubjectId,
    /// The attribute with the e-mail address.
    pub email: String,
    /// Whether the directory vouches for the addresses: only its administrators write them.
    pub email_verified: bool,
    /// The attribute with the name for people to read.
    pub full_name: String,
    /// Attributes for applications: our name, and the attribute of the entry.
    pub attributes: BTreeMap<String, String>,
    /// The attributes that say whether an account may be used.
    pub states: &'static [StateRule],
}

/// Where groups are, and which of ours they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// Where the search starts.
    pub base: Arc<str>,
    /// Which entries are groups.
    pub filter: Filter,
    /// The filter as text, for `portcullis backend show`.
    pub filter_text: Arc<str>,
    /// The attribute with the name of a group.
    pub name: String,
    /// The attribute of a group that lists its members.
    pub members: String,
    /// The kind of value in that attribute.
    pub member_form: MemberForm,
    /// Whether groups of groups count.
    pub nested: bool,
    /// Whether users have a primary group that does not list them.
    pub primary_group: bool,
    /// Our groups, by the names and DNs of theirs.
    pub map: GroupMap,
}

/// How a group names its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberForm {
    /// By their DN: `member`, `uniqueMember`.
    Dn,
    /// By the user name: `memberUid`.
    Name,
}

/// Our groups, by the names and DNs of theirs. A group that is not in it counts for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMap {
    by_name: BTreeMap<String, Vec<GroupName>>,
    /// By the normal form.
    by_dn: BTreeMap<String, Vec<GroupName>>,
}

impl LdapSettings {
    /// The default of `refresh`.
    pub const REFRESH: Duration = Duration::from_mins(5);
    /// The default of `grace`.
    pub const GRACE: Duration = Duration::from_hours(1);
}

impl MemberForm {
    /// The form of an attribute's values.
    pub fn of(attribute: &str) -> Self {
        if attribute.eq_ignore_ascii_case("memberUid") { Self::Name } else { Self::Dn }
    }
}

impl GroupMap {
    /// Adds a group by its name, in whatever case.
    pub fn add_name(&mut self, theirs: &str, ours: Vec<GroupName>) {
        self.by_name.entry(folded(theirs)).or_default().extend(ours);
    }

    /// Adds a group by its DN.
    pub fn add_dn(&mut self, theirs: &Dn, ours: Vec<GroupName>) {
        self.by_dn.entry(theirs.key()).or_default().extend(ours);
    }

    /// Whether no group of theirs means one of ours.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.by_dn.is_empty()
    }

    /// The names by which groups are mapped, in lower case.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Whether a group is mapped by a name alone, which several groups can have.
    pub fn has_name(&self, name: &str) -> bool {
        self.by_name.contains_key(&folded(name))
    }

    /// Our groups for one of theirs.
    pub(super) fn ours(&self, dn: &str, name: Option<&str>) -> Vec<GroupName> {
        let by_dn = Dn::parse(dn).ok().and_then(|dn| self.by_dn.get(&dn.key()));
        let by_name = name.and_then(|name| self.by_name.get(&folded(name)));
        let mut ours: Vec<GroupName> = by_dn.into_iter().chain(by_name).flatten().cloned().collect();
        ours.sort_unstable();
        ours.dedup();
        ours
    }
}

/// `wiki editors = editors, staff; cn=admins,dc=example = admins`.
impl fmt::Display for GroupMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (theirs, ours)) in self.by_name.iter().chain(&self.by_dn).enumerate() {
            let ours: Vec<&str> = ours.iter().map(GroupName::as_str).collect();
            write!(f, "{}{theirs} = {}", if number == 0 { "" } else { "; " }, ours.join(", "))?;
        }
        Ok(())
    }
}

/// Directories compare the names of groups without regard to case and to blanks around them.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Settings with the values of a preset, and the group `Wiki Editors` as `editors`.
#[cfg(test)]
pub(super) fn sample(preset: Preset) -> LdapSettings {
    use super::{Authorities, LdapUrl};
    let values = preset.values();
    let mut map = GroupMap::default();
    map.add_name("Wiki Editors", vec![GroupName::parse("editors").unwrap()]);
    LdapSettings {
        name: BackendName::parse("company").unwrap(),
        preset,
        connection: ConnectionSettings {
            urls: vec![LdapUrl::parse("ldap://localhost").unwrap()],
            start_tls: false,
            allow_plain: false,
            authorities: Authorities::default(),
            service: None,
            connections: ConnectionSettings::CONNECTIONS,
            connect_timeout: ConnectionSettings::CONNECT_TIMEOUT,
            operation_timeout: ConnectionSettings::OPERATION_TIMEOUT,
        },
        authority: "dc=example".into(),
        users: UserSettings {
            base: "dc=example".into(),
            filter: FilterTemplate::parse(values.user_filter, &["name"]).unwrap(),
            filter_text: values.user_filter.into(),
            name: values.user_name.to_owned(),
            id: SubjectId::in_attribute(values.user_id),
            email: values.user_email.to_owned(),
            email_verified: false,
            full_name: values.user_full_name.to_owned(),
            attributes: BTreeMap::new(),
            states: values.states,
        },
        groups: GroupSettings {
            base: "dc=example".into(),
            filter: FilterTemplate::parse(values.group_filter, &[]).unwrap().fill(|_| b""),
            filter_text: values.group_filter.into(),
            name: values.group_name.to_owned(),
            members: values.group_members.to_owned(),
            member_form: MemberForm::of(values.group_members),
            nested: values.nested,
            primary_group: values.primary_group,
            map,
        },
        provisioning: Provisioning::Automatic,
        refresh: LdapSettings::REFRESH,
        grace: LdapSettings::GRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_mapped_by_name_and_by_dn() {
        let ours = |names: &[&str]| -> Vec<GroupName> {
            names.iter().map(|name| GroupName::parse(name).unwrap()).collect()
        };
        let mut map = GroupMap::default();
        assert!(map.is_empty());
        map.add_name("Wiki Editors", ours(&["editors", "staff"]));
        map.add_dn(&Dn::parse("cn=admins, ou=groups, dc=example").unwrap(), ours(&["admins", "staff"]));
        for (dn, name, expected) in [
            ("cn=x,dc=example", Some("wiki editors "), &["editors", "staff"][..]),
            ("cn=x,dc=example", Some("Wiki Editors2"), &[]),
            ("cn=x,dc=example", None, &[]),
            ("CN=Admins,OU=Groups,DC=Example", Some("Admins"), &["admins", "staff"]),
            ("cn=admins,ou=elsewhere,dc=example", Some("admins"), &[]),
            ("cn=admins,ou=groups,dc=example", Some("Wiki Editors"), &["admins", "editors", "staff"]),
            ("no dn", Some("Wiki Editors"), &["editors", "staff"]),
        ] {
            assert_eq!(map.ours(dn, name), ours(expected), "{dn} {name:?}");
        }
    }

    #[test]
    fn member_uid_names_members_by_their_name() {
        assert_eq!(MemberForm::of("memberuid"), MemberForm::Name);
        assert_eq!(MemberForm::of("member"), MemberForm::Dn);
        assert_eq!(MemberForm::of("uniqueMember"), MemberForm::Dn);
    }
}
