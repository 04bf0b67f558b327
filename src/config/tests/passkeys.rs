//! `[accounts.passkeys]`.

use std::{fs, path::Path};

use super::super::{ConfigError, Look, parse};
use crate::portal::{AuthenticatorNames, PasskeySettings};

fn read(text: &str) -> Result<Option<PasskeySettings>, String> {
    match parse(text, Path::new("gateway.toml")) {
        Ok(loaded) => Ok(loaded.configuration.accounts.passkeys),
        Err(diagnostics) => Err(ConfigError::Invalid(diagnostics).render(Look::Plain)),
    }
}

fn apps(hosts: &[&str]) -> String {
    let app = |host: &&str| {
        format!("[[app]]\nname = \"{host}\"\nhost = \"{host}\"\nupstream = \"builtin:whoami\"\n")
    };
    hosts.iter().map(app).collect()
}

const PORTAL: &str = "[portal]\nhost = \"login.example.com\"\n";

#[test]
fn a_portal_host_has_passkeys_for_the_second_factor() {
    let wiki = apps(&["wiki.example.com"]);
    let settings = read(&format!("{PORTAL}{wiki}")).unwrap().unwrap();
    assert_eq!(
        settings,
        PasskeySettings {
            rp_id: "login.example.com".into(),
            hosts: vec!["login.example.com".into()],
            related_hosts: Vec::new(),
            first_factor: false,
            authenticators: AuthenticatorNames::default(),
        }
    );
    let wider = format!("{PORTAL}[accounts.passkeys]\nrp_id = \"example.com\"\nfirst_factor = true\n{wiki}");
    let settings = read(&wider).unwrap().unwrap();
    assert_eq!((&*settings.rp_id, settings.first_factor), ("example.com", true));
}

#[test]
fn there_are_none_where_nobody_has_asked_for_them() {
    let wiki = apps(&["wiki.example.com"]);
    for text in [
        wiki.clone(),
        "[[app]]\nupstream = \"builtin:whoami\"\n".to_owned(),
        format!("{PORTAL}[accounts.passkeys]\nenabled = false\n{wiki}"),
        format!("{PORTAL}[accounts]\nsecond_factor = \"off\"\n{wiki}"),
        format!("[portal]\nhost = \"192.0.2.1\"\n{wiki}"),
    ] {
        assert_eq!(read(&text), Ok(None), "{text}");
    }
}

#[test]
fn without_a_portal_host_all_hosts_share_one_name() {
    let section = "[accounts.passkeys]\nrp_id = \"example.com\"\n";
    let hosts = apps(&["wiki.example.com", "blog.example.com", "example.com"]);
    let settings = read(&format!("{section}{hosts}")).unwrap().unwrap();
    assert_eq!(settings.hosts, ["blog.example.com", "example.com", "wiki.example.com"].map(Box::from));
    let elsewhere = apps(&["wiki.example.com", "wiki.example.net"]);
    let related = format!("{section}related_hosts = [\"wiki.example.net\"]\n{elsewhere}");
    assert_eq!(read(&related).unwrap().unwrap().related_hosts, ["wiki.example.net"].map(Box::from));
}

#[test]
fn a_name_that_cannot_work_is_refused_at_its_place() {
    let wiki = apps(&["wiki.example.com"]);
    let any = "[[app]]\nupstream = \"builtin:whoami\"\n";
    for (text, message) in [
        (format!("[accounts.passkeys]\nfirst_factor = true\n{wiki}"), "this gateway has none"),
        (format!("[accounts.passkeys]\nrp_id = \"example.com\"\n{any}"), "an app serves every host"),
        (format!("[accounts.passkeys]\nrp_id = \"example.net\"\n{wiki}"), "`example.net` is no parent of it"),
        (format!("[accounts.passkeys]\nrp_id = \"ample.com\"\n{wiki}"), "`ample.com` is no parent of it"),
        (format!("[accounts.passkeys]\nrp_id = \"a.wiki.example.com\"\n{wiki}"), "is no parent of it"),
        (format!("[accounts.passkeys]\nrp_id = \"com\"\n{wiki}"), "no passkeys for `com` as a whole"),
        (format!("[accounts.passkeys]\nrp_id = \"192.0.2.1\"\n{wiki}"), "cannot be bound to the address"),
        (format!("[accounts.passkeys]\nrp_id = \"https://example.com\"\n{wiki}"), "it has a scheme"),
        (format!("{PORTAL}[accounts.passkeys]\nrp_id = \"wiki.example.com\"\n{wiki}"), "is no parent of it"),
        (
            format!("[accounts.passkeys]\nrp_id = \"example.com\"\n{}", apps(&["192.0.2.1"])),
            "can have no passkeys",
        ),
        (
            format!(
                "[accounts.passkeys]\nrp_id = \"example.com\"\nrelated_hosts = [\"wiki.example.com\"]\n{wiki}"
            ),
            "is at or below `example.com` anyway",
        ),
        (
            format!(
                "[accounts.passkeys]\nrp_id = \"example.com\"\nrelated_hosts = [\"example.net\"]\n{wiki}"
            ),
            "nobody signs in on `example.net`",
        ),
        (
            format!(
                "[accounts]\nsecond_factor = \"off\"\n[accounts.passkeys]\nrp_id = \"example.com\"\n{wiki}"
            ),
            "lets nobody add one",
        ),
        (format!("[accounts.passkeys]\nrpid = \"example.com\"\n{wiki}"), "unknown key `rpid`"),
    ] {
        let said = read(&text).unwrap_err();
        assert!(said.contains(message) && said.contains("gateway.toml:"), "{text}\n{said}");
    }
}

#[test]
fn the_names_of_authenticators_are_read_from_a_file_and_its_mistakes_have_their_place_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let names = folder.path().join("names.json");
    let wiki = apps(&["wiki.example.com"]);
    let text = format!("{PORTAL}[accounts.passkeys]\nauthenticators = \"names.json\"\n{wiki}");
    let said = || match parse(&text, &file) {
        Ok(loaded) => {
            let settings = loaded.configuration.accounts.passkeys.unwrap();
            assert_ne!(settings.authenticators, AuthenticatorNames::default());
            String::new()
        }
        Err(diagnostics) => ConfigError::Invalid(diagnostics).render(Look::Plain),
    };
    let missing = said();
    assert!(missing.contains("names.json: ") && missing.contains("gateway.toml:4:18"), "{missing}");
    for (content, message, place) in [
        (&b"{\"x\": {\"name\": \"X\"}}"[..], "this is no AAGUID", "names.json:1:2"),
        (b"{\n  \"x\"", "EOF", "names.json:2:"),
        (b"\xff", "not UTF-8 text", "gateway.toml:4:18"),
    ] {
        fs::write(&names, content).unwrap();
        let said = said();
        assert!(said.contains(message) && said.contains(place) && said.contains("help:"), "{said}");
    }
    fs::write(&names, "{\"00000000-0000-0000-0000-000000000001\": {\"name\": \"Badge\"}}").unwrap();
    assert_eq!(said(), "");
}
