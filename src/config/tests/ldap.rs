//! `[[backend]]` of type `"ldap"`.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::{
    auth::{
        BackendSettings,
        ldap::{ConnectionSettings, LdapSettings, Preset},
    },
    users::Provisioning,
};

const APP: &str = "[groups]\neditors = []\nstaff = []\n[[app]]\nupstream = \"builtin:whoami\"\n";
const RIGHT: &str = "preset = \"openldap\"\nurl = \"ldaps://ldap.example.com\"\nca = \"ca.pem\"\n\
                     bind_dn = \"cn=gateway,dc=example,dc=com\"\nbind_password_file = \"password\"\n\
                     base = \"dc=Example, dc=com\"\n";

/// A folder with an authority and a password.
fn folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["ldap.example.com".to_owned()]).unwrap();
    fs::write(folder.path().join("ca.pem"), made.cert.pem()).unwrap();
    for (name, text, mode) in [
        ("password", "velvet turbine\n", 0o600),
        ("empty", "\n", 0o600),
        ("lines", "velvet\nturbine\n", 0o600),
        ("open", "velvet turbine", 0o604),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    folder
}

fn loaded(keys: &str) -> Result<Loaded, Vec<Diagnostic>> {
    let text = format!("[[backend]]\ntype = \"local\"\n[[backend]]\ntype = \"ldap\"\n{keys}\n{APP}");
    parse(&text, &folder().path().join("gateway.toml"))
}

/// The settings of a configuration without mistakes.
fn settings(keys: &str) -> LdapSettings {
    let loaded = loaded(keys).unwrap_or_else(|diagnostics| panic!("{}", ConfigError::Invalid(diagnostics)));
    match &loaded.configuration.backends[1] {
        BackendSettings::Ldap(settings) => LdapSettings::clone(settings),
        other => panic!("{other:?}"),
    }
}

/// The messages, each with its first line alone.
fn problems(keys: &str) -> Vec<String> {
    let diagnostics = match loaded(keys) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics,
    };
    let shown = |diagnostic: &Diagnostic| diagnostic.render(Look::Plain).lines().next().unwrap().to_owned();
    diagnostics.iter().map(shown).collect()
}

#[test]
fn a_directory_gets_the_values_of_its_preset() {
    let settings = settings(RIGHT);
    assert_eq!(problems(RIGHT), [""; 0]);
    assert_eq!((settings.name.as_str(), settings.preset), ("ldap", Preset::OpenLdap));
    assert_eq!(&*settings.authority, "dc=example,dc=com");
    assert_eq!(&*settings.users.base, "dc=Example, dc=com");
    assert_eq!(settings.users.id.attribute(), "entryUUID");
    assert_eq!(settings.provisioning, Provisioning::Automatic);
    assert_eq!((settings.refresh, settings.grace), (LdapSettings::REFRESH, LdapSettings::GRACE));
    let ConnectionSettings { start_tls, allow_plain, service, connections, .. } = settings.connection;
    assert_eq!((start_tls, allow_plain, connections), (false, false, 4));
    let service = service.unwrap();
    assert_eq!(&*service.bind_dn, "cn=gateway,dc=example,dc=com");
    assert_eq!(service.password, "velvet turbine".to_owned().into());
    assert!(!format!("{settings:?}", settings = self::settings(RIGHT)).contains("velvet"));
}

#[test]
fn a_branch_of_a_preset_is_put_before_the_base() {
    let settings = settings(&RIGHT.replace("openldap", "freeipa"));
    assert_eq!(&*settings.users.base, "cn=users,cn=accounts,dc=Example, dc=com");
    assert_eq!(&*settings.groups.base, "cn=groups,cn=accounts,dc=Example, dc=com");
}

#[test]
fn declared_values_replace_those_of_the_preset() {
    let keys = "name = \"company\"\nuser_base = \"ou=people,dc=example,dc=com\"\nuser_filter = \"(mail={name})\"\n\
                user_name = \"mail\"\nuser_id = \"objectGUID\"\nemail_verified = true\nattributes = { team = \"ou\" }\n\
                group_filter = \"(objectClass=posixGroup)\"\ngroup_members = \"memberUid\"\nnested = false\n\
                groups = { \"Wiki Editors\" = [\"editors\", \"staff\"], \"cn=a,dc=example,dc=com\" = \"staff\" }\n\
                provisioning = \"existing\"\nrefresh = \"1m\"\ngrace = \"0s\"\nconnections = 2\ntimeout = \"1s\"";
    let settings = settings(&format!("{RIGHT}{keys}"));
    assert_eq!(settings.name.as_str(), "company");
    assert_eq!(&*settings.users.base, "ou=people,dc=example,dc=com");
    assert_eq!((settings.users.name.as_str(), settings.users.email_verified), ("mail", true));
    assert_eq!(settings.users.attributes["team"], "ou");
    assert_eq!(settings.groups.members, "memberUid");
    assert_eq!(
        settings.groups.map.to_string(),
        "wiki editors = editors, staff; cn=a,dc=example,dc=com = staff"
    );
    assert_eq!(settings.provisioning, Provisioning::Existing);
    assert_eq!((settings.refresh, settings.grace), (Duration::from_mins(1), Duration::ZERO));
    assert_eq!(
        (settings.connection.connections, settings.connection.operation_timeout),
        (2, Duration::from_secs(1))
    );
    let listed = self::settings(&format!("{RIGHT}groups = [\"editors\"]"));
    assert_eq!(listed.groups.map.to_string(), "editors = editors");
}

#[test]
fn a_directory_that_cannot_be_meant_is_an_error() {
    let without =
        |key: &str| -> String { RIGHT.split_inclusive('\n').filter(|line| !line.starts_with(key)).collect() };
    let with = |line: &str| format!("{RIGHT}{line}");
    let replaced = |key: &str, line: &str| format!("{}{line}", without(key));
    for (keys, expected) in [
        (without("preset"), "error: this directory has no `preset`"),
        (replaced("preset", "preset = \"openldp\""), "error: `preset` cannot be \"openldp\""),
        (without("url"), "error: this directory has no `url`"),
        (replaced("url", "url = []"), "error: this directory has an empty list of servers"),
        (
            replaced("url", "url = \"ldap.example.com\""),
            "error: \"ldap.example.com\" is no URL of a directory",
        ),
        (replaced("url", "url = \"ldaps://cn=a:secret@ldap\""), "error: this is no URL of a directory"),
        (without("base"), "error: this directory has no `base`"),
        (replaced("base", "base = \"example.com\""), "error: `base` cannot be \"example.com\""),
        (replaced("base", "base = \"\""), "error: `base` is empty"),
        (without("bind_password_file"), "error: the account of the gateway has no `bind_password_file`"),
        (without("bind_dn"), "error: there is a password, and no account that it belongs to"),
        (replaced("bind_dn", "bind_dn = \"gateway\""), "error: `bind_dn` cannot be \"gateway\""),
        (
            with("bind_password = \"x\""),
            "error: unknown key `bind_password` in `[[backend]]` of type \"ldap\"",
        ),
        (with("user_filter = \"(uid=alice)\""), "error: `user_filter` has no `{name}`"),
        (with("user_filter = \"uid={name}\""), "error: `user_filter` is no filter"),
        (with("user_filter = \"(uid={user})\""), "error: `user_filter` is no filter"),
        (with("group_filter = \"(member={name})\""), "error: `group_filter` is no filter"),
        (with("user_base = \"ou=people,dc=other\""), "error: `user_base` is outside of `base`"),
        (with("group_base = \"ou=groups\""), "error: `group_base` is outside of `base`"),
        (with("user_email = \"e mail\""), "error: \"e mail\" is no name of an attribute"),
        (with("attributes = \"ou\""), "error: expected a table for `attributes`, found a string"),
        (with("groups = { Admins = \"admins\" }"), "error: group \"admins\" is not defined"),
        (with("provisioning = \"always\""), "error: `provisioning` cannot be \"always\""),
        (with("refresh = \"0s\""), "error: `refresh` must be longer than zero"),
        (with("connections = 9"), "error: `connections` is out of range"),
        (
            RIGHT.replace("ldaps://", "ldap://").replace("ca = \"ca.pem\"\n", ""),
            "error: passwords go to ldap://ldap.example.com:389 without TLS",
        ),
    ] {
        assert_eq!(problems(&keys), [expected], "{keys}");
    }
    for (file, expected) in [("empty", "empty holds no secret"), ("lines", "lines holds no secret")] {
        let said = problems(&RIGHT.replace("\"password\"", &format!("\"{file}\"")));
        assert!(said.len() == 1 && said[0].ends_with(expected), "{said:?}");
    }
    let said = problems(&RIGHT.replace("\"password\"", "\"missing\""));
    assert!(said[0].contains("missing: no such file or directory"), "{said:?}");
    let anonymous = without("bind").replace("openldap", "active-directory");
    assert_eq!(problems(&anonymous), ["error: Active Directory lets nobody search without an account"]);
    assert_eq!(problems(&without("bind")), [""; 0]);
}

#[test]
fn a_doubtful_directory_is_a_warning() {
    let plain = |url: &str| RIGHT.replace("ldaps://ldap.example.com", url).replace("ca = \"ca.pem\"\n", "");
    assert_eq!(problems(&plain("ldap://127.0.0.1")), [""; 0]);
    assert_eq!(problems(&plain("ldapi://%2Frun%2Fldapi")), [""; 0]);
    assert_eq!(
        problems(&format!("{}insecure = true", plain("ldap://ldap.example.com"))),
        ["warning: passwords go to ldap://ldap.example.com:389 without TLS"]
    );
    assert_eq!(
        problems(&format!("{RIGHT}start_tls = true")),
        ["warning: `start_tls` has no effect: no `url` begins with `ldap://`"]
    );
    assert_eq!(
        problems(&RIGHT.replace("ldaps://ldap.example.com", "ldap://127.0.0.1")),
        ["warning: `ca` has no effect: no connection to this directory uses TLS"]
    );
    let said = problems(&RIGHT.replace("\"password\"", "\"open\""));
    assert!(
        said.len() == 1 && said[0].starts_with("warning: every user of this machine can read"),
        "{said:?}"
    );
}

#[test]
fn active_directory_takes_short_names_of_its_accounts() {
    for name in ["gateway@example.com", "EXAMPLE\\\\gateway"] {
        let keys =
            RIGHT.replace("openldap", "active-directory").replace("cn=gateway,dc=example,dc=com", name);
        assert_eq!(problems(&keys), [""; 0], "{name}");
    }
}
