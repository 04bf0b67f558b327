//! `[[backend]]` with `type = "oidc"`.

use super::*;
use crate::{
    auth::{
        BackendSettings,
        oidc::{Issuer, OidcSettings, SubjectRule},
    },
    users::Provisioning,
};

const APP: &str = "[groups]\neditors = []\n[[app]]\nupstream = \"builtin:whoami\"\n";
const LOCAL: &str = "[[backend]]\ntype = \"local\"\n";

fn whole(keys: &str) -> String {
    format!("{LOCAL}[[backend]]\ntype = \"oidc\"\n{keys}\n{APP}")
}

fn settings(keys: &str) -> OidcSettings {
    let loaded = parsed(&whole(keys));
    assert_eq!(loaded.warnings.len(), 0, "{keys}");
    match loaded.configuration.backends.as_slice() {
        [BackendSettings::Local, BackendSettings::Oidc(settings)] => (**settings).clone(),
        other => panic!("{other:?}"),
    }
}

/// The first diagnostic as people read it.
fn problem(keys: &str) -> String {
    let diagnostics = match parse(&whole(keys), Path::new("gateway.toml")) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics,
    };
    diagnostics.first().map(|diagnostic| diagnostic.render(Look::Plain)).unwrap_or_default()
}

#[test]
fn a_provider_needs_an_issuer_and_a_client() {
    let settings = settings("issuer = \"https://id.example.com\"\nclient_id = \"portcullis\"");
    assert_eq!((settings.name.as_str(), settings.title.as_str()), ("oidc", "oidc"));
    assert_eq!(settings.authority(), "https://id.example.com");
    assert_eq!(settings.scopes, ["openid", "email", "profile"]);
    assert_eq!((settings.provisioning, settings.logout), (Provisioning::Automatic, false));
}

#[test]
fn a_preset_gives_the_defaults_of_its_provider() {
    let google = settings("preset = \"google\"\nclient_id = \"a\"\nallow = { domain = \"Example.com\" }");
    assert_eq!(google.authority(), "https://accounts.google.com");
    assert_eq!((google.title.as_str(), google.allow.hosted_domain), ("Google", true));
    assert_eq!(
        (google.allow.domains.as_slice(), google.claims.groups),
        (&["example.com".to_owned()][..], None)
    );
    let tenant = "11111111-2222-3333-4444-555555555555";
    let one = settings(&format!("preset = \"entra\"\nclient_id = \"a\"\nallowed_tenants = {tenant:?}"));
    assert_eq!(one.authority(), format!("https://login.microsoftonline.com/{tenant}/v2.0"));
    assert_eq!((one.subject, one.claims.email_verified.as_str()), (SubjectRule::TenantAndObject, "xms_edov"));
    let other = "99999999-2222-3333-4444-555555555555";
    let two = settings(&format!(
        "preset = \"entra\"\nclient_id = \"a\"\nallowed_tenants = [{tenant:?}, {other:?}]"
    ));
    assert!(matches!(two.issuer, Issuer::Tenants { allowed, .. } if allowed == [tenant, other]));
}

#[test]
fn a_mistake_in_a_provider_is_explained() {
    let id = "client_id = \"portcullis\"\n";
    let with = |keys: &str| format!("{id}issuer = \"https://id.example.com\"\n{keys}");
    for (keys, message, help) in [
        (id.to_owned(), "this provider has no `issuer`", "issuer = \"https://id.example.com\""),
        ("issuer = \"https://id.example.com\"".to_owned(), "no `client_id`", "register the gateway"),
        (format!("{id}issuer = \"http://id.example.com\""), "`issuer` cannot be this", "`insecure = true`"),
        (
            format!("{id}issuer = \"http://id.example.com\"\ninsecure = true"),
            "`issuer` cannot be this",
            "on this machine",
        ),
        (
            format!("{id}issuer = \"https://id.example.com/.well-known/openid-configuration\""),
            "`issuer` cannot be this",
            "issuer = \"https://id.example.com\"",
        ),
        (
            format!("{id}preset = \"entra\"\nissuer = \"https://login.microsoftonline.com/common/v2.0\""),
            "`issuer` cannot be this",
            "allowed_tenants",
        ),
        (
            format!("{id}preset = \"entra\"\nallowed_tenants = \"contoso\""),
            "is no id of a tenant",
            "36 hexadecimal",
        ),
        (format!("{id}preset = \"entra\"\nallowed_tenants = []"), "no `issuer`", "allowed_tenants"),
        (with("allowed_tenants = \"x\""), "`allowed_tenants` is for Microsoft Entra", "preset"),
        (
            format!("{id}preset = \"github\""),
            "GitHub does not speak OpenID Connect",
            "Keycloak, authentik or dex",
        ),
        (with("preset = \"googl\""), "`preset` cannot be \"googl\"", "did you mean \"google\"?"),
        (
            format!("{id}preset = \"google\""),
            "everybody with an account at this provider would come in",
            "allow = ",
        ),
        (with("scopes = [\"email\"]"), "`scopes` lacks \"openid\"", "add \"openid\""),
        (with("scopes = \"openid email\""), "\"openid email\" is no scope", "by itself"),
        (with("algorithms = \"HS256\""), "cannot be signed by \"HS256\"", "RS256"),
        (with("client_auth = \"basic\""), "no secret to authenticate with", "client_secret_file"),
        (with("client_secret_file = \"missing\""), "cannot read missing", "in one line"),
        (with("groups = { a = \"unknown\" }"), "group \"unknown\" is not defined", "define it"),
        (with("groups = [\"editors\"]"), "expected a table", "theirs, then ours"),
        (with("allow = { domain = \"@example.com\" }"), "no domain of e-mail addresses", "behind the `@`"),
        (with("allow = { domain = [] }"), "`domain` is an empty list", "at least one"),
        (with("allow = { groups = \"a\" }"), "unknown key `groups`", "did you mean `group`?"),
        (with("claims = { groups = \"/\" }"), "no name of a claim", "/realm_access/roles"),
        (with("title = \"\""), "no text for a button", "40 characters"),
        (with("adopt = \"email\""), "`adopt` cannot be \"email\"", "verified-email"),
        (with("provisioning = \"auto\""), "`provisioning` cannot be \"auto\"", "automatic"),
        (with("client_secret = \"…\""), "unknown key `client_secret`", "client_secret_file"),
        (with("ca = \"missing.pem\""), "cannot read missing.pem", ""),
    ] {
        let shown = problem(&keys);
        assert!(shown.contains(message) && shown.contains(help), "{keys}:\n{shown}");
    }
}

#[test]
fn a_secret_is_one_line_of_a_file_and_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    let keys = "issuer = \"https://id.example.com\"\nclient_id = \"a\"\nclient_secret_file = \"secret\"";
    let load = || parse(&whole(keys), &folder.path().join("gateway.toml"));
    for wrong in ["", "\n", "two\nlines\n", "a\0b", &"x".repeat(5000)] {
        std::fs::write(&secret, wrong).unwrap();
        let problems = load().unwrap_err();
        let shown = ConfigError::Invalid(problems).render(Look::Plain);
        assert!(shown.contains("holds no secret"), "{wrong:.20?}: {shown}");
        assert!(!shown.contains("two"), "{shown}");
    }
    std::fs::write(&secret, "hunter2 with blanks\r\n").unwrap();
    let loaded = load().unwrap();
    assert!(!format!("{:?}", loaded.configuration.backends).contains("hunter2"));
    // A file that is written anew is another provider: a reload uses the new secret.
    std::fs::write(&secret, "another\n").unwrap();
    assert_ne!(load().unwrap().configuration.backends, loaded.configuration.backends);
}
