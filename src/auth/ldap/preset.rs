//! Presets: how each kind of directory names its users, groups and account states.
//!
//! `config` takes every value from here that the operator leaves out, and `portcullis backend show` prints the result. A
//! preset holds names only; the attributes are read in [`directory_user`](super::directory_user) and
//! [`account_state`](super::account_state).

use super::account_state::StateRule;

/// The kinds of directories that have a preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Active Directory, and Samba as a domain controller.
    ActiveDirectory,
    /// OpenLDAP with people as `inetOrgPerson`, as most installations have them.
    OpenLdap,
    /// FreeIPA, and Red Hat's IdM.
    FreeIpa,
    /// lldap.
    Lldap,
    /// The LDAP outpost of authentik.
    Authentik,
}

/// The values of a preset.
#[derive(Debug)]
pub struct PresetValues {
    /// The branch of the users, before the base; empty: the base itself.
    pub user_branch: &'static str,
    /// Which entry is meant by a typed name, `{name}`.
    pub user_filter: &'static str,
    /// The attribute with the user name.
    pub user_name: &'static str,
    /// The attribute with an identifier that is never given to another entry.
    pub user_id: &'static str,
    /// The attribute with the e-mail address.
    pub user_email: &'static str,
    /// The attribute with the name for people to read.
    pub user_full_name: &'static str,
    /// The branch of the groups, before the base; empty: the base itself.
    pub group_branch: &'static str,
    /// Which entries are groups.
    pub group_filter: &'static str,
    /// The attribute with the name of a group.
    pub group_name: &'static str,
    /// The attribute of a group that lists its members.
    pub group_members: &'static str,
    /// Whether members of a group that is a member of another group are members of that one.
    pub nested: bool,
    /// Whether each user has a primary group, which does not list the user as a member.
    pub primary_group: bool,
    /// The attributes that say whether an account may be used.
    pub states: &'static [StateRule],
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 5] =
        [Self::ActiveDirectory, Self::OpenLdap, Self::FreeIpa, Self::Lldap, Self::Authentik];

    /// The preset with this name in the configuration.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == name)
    }

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ActiveDirectory => "active-directory",
            Self::OpenLdap => "openldap",
            Self::FreeIpa => "freeipa",
            Self::Lldap => "lldap",
            Self::Authentik => "authentik",
        }
    }

    /// The values.
    pub fn values(self) -> &'static PresetValues {
        match self {
            Self::ActiveDirectory => &ACTIVE_DIRECTORY,
            Self::OpenLdap => &OPENLDAP,
            Self::FreeIpa => &FREEIPA,
            Self::Lldap => &LLDAP,
            Self::Authentik => &AUTHENTIK,
        }
    }
}

/// Computers are of the class `user`, too; `objectCategory` leaves them out.
static ACTIVE_DIRECTORY: PresetValues = PresetValues {
    user_branch: "",
    user_filter: "(&(objectCategory=person)(objectClass=user)(|(sAMAccountName={name})(userPrincipalName={name})))",
    user_name: "sAMAccountName",
    user_id: "objectGUID",
    user_email: "mail",
    user_full_name: "displayName",
    group_branch: "",
    group_filter: "(objectClass=group)",
    group_name: "cn",
    group_members: "member",
    nested: true,
    primary_group: true,
    states: &[StateRule::UserAccountControl, StateRule::AccountExpires, StateRule::PwdLastSet],
};

static OPENLDAP: PresetValues = PresetValues {
    user_branch: "",
    user_filter: "(&(objectClass=inetOrgPerson)(uid={name}))",
    user_name: "uid",
    user_id: "entryUUID",
    user_email: "mail",
    user_full_name: "cn",
    group_branch: "",
    group_filter: "(objectClass=groupOfNames)",
    group_name: "cn",
    group_members: "member",
    nested: true,
    primary_group: false,
    states: &[StateRule::PwdAccountLockedTime, StateRule::MustChangeIfTrue("pwdReset")],
};

/// Users that were deleted and preserved are outside of `cn=users,cn=accounts`.
static FREEIPA: PresetValues = PresetValues {
    user_branch: "cn=users,cn=accounts",
    user_filter: "(&(objectClass=posixAccount)(uid={name}))",
    user_name: "uid",
    user_id: "ipaUniqueID",
    user_email: "mail",
    user_full_name: "displayName",
    group_branch: "cn=groups,cn=accounts",
    group_filter: "(objectClass=groupOfNames)",
    group_name: "cn",
    group_members: "member",
    nested: true,
    primary_group: false,
    states: &[StateRule::DisabledIfTrue("nsAccountLock"), StateRule::ExpiresAt("krbPrincipalExpiration")],
};

static LLDAP: PresetValues = PresetValues {
    user_branch: "ou=people",
    user_filter: "(&(objectClass=person)(uid={name}))",
    user_name: "uid",
    user_id: "entryUUID",
    user_email: "mail",
    user_full_name: "cn",
    group_branch: "ou=groups",
    group_filter: "(objectClass=groupOfNames)",
    group_name: "cn",
    group_members: "member",
    nested: false,
    primary_group: false,
    states: &[],
};

/// `uid` is an identifier here, and `cn` the user name.
static AUTHENTIK: PresetValues = PresetValues {
    user_branch: "ou=users",
    user_filter: "(&(objectClass=user)(cn={name}))",
    user_name: "cn",
    user_id: "uid",
    user_email: "mail",
    user_full_name: "displayName",
    group_branch: "ou=groups",
    group_filter: "(objectClass=group)",
    group_name: "cn",
    group_members: "member",
    nested: false,
    primary_group: false,
    states: &[
        StateRule::DisabledIfFalse("ak-active"),
        StateRule::DisabledIfFalse("goauthentik-io-ldap-active"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_found_by_its_name() {
        for preset in Preset::ALL {
            assert_eq!(Preset::named(preset.as_str()), Some(preset));
            assert!(preset.values().user_filter.contains("{name}"), "{preset:?}");
        }
        assert_eq!(Preset::named("OpenLDAP"), None);
    }
}
