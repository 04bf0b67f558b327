//! The files in the documentation and the file of the repository are valid.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use http::Method;

use super::super::{ConfigError, Configuration, load, parse};
use crate::{
    access::{Outcome, rule_on},
    clock::Timestamp,
    identity::{GroupName, Identity, Proofs, User, UserId, UserName},
    request::{ClientAddr, Target},
};

#[test]
fn every_example_of_the_reference_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let text = include_str!("../../../docs/configuration.md");
    let blocks = toml_blocks(text);
    assert!(blocks.len() > 10, "{} blocks found", blocks.len());
    for (line, block) in blocks {
        // Most blocks show one section; an app completes the file.
        let whole = if block.contains("[[app]]") {
            block
        } else {
            format!("{block}\n[[app]]\nupstream = \"builtin:whoami\"\n")
        };
        if let Err(diagnostics) = parse(&whole, &folder.path().join("gateway.toml")) {
            panic!("docs/configuration.md:{line}:\n{}", ConfigError::Invalid(diagnostics));
        }
    }
}

#[test]
fn every_example_of_a_provider_can_be_used() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("secrets")).unwrap();
    let text = include_str!("../../../docs/backends.md");
    let mut examples = 0;
    for (line, block) in toml_blocks(text) {
        if !block.contains("type = \"oidc\"") {
            continue;
        }
        for secret in block.split("\"secrets/").skip(1).filter_map(|rest| rest.split('"').next()) {
            let path = folder.path().join("secrets").join(secret);
            std::fs::write(&path, "a secret\n").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let groups = "[groups]\neditors = []\nstaff = []\nadmins = []\n";
        let app = "[[app]]\nupstream = \"builtin:whoami\"\n";
        let whole = format!("{groups}[[backend]]\ntype = \"local\"\n{block}\n{app}");
        match parse(&whole, &folder.path().join("gateway.toml")) {
            Ok(loaded) => assert_eq!(loaded.warnings.len(), 0, "docs/backends.md:{line}"),
            Err(diagnostics) => panic!("docs/backends.md:{line}:\n{}", ConfigError::Invalid(diagnostics)),
        }
        examples += 1;
    }
    assert!(examples > 5, "{examples} examples found");
}

#[test]
fn every_example_of_the_guides_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    std::fs::write(folder.path().join("logo.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    for (name, text, least) in [
        ("README.md", include_str!("../../../README.md"), 1),
        ("docs/accounts.md", include_str!("../../../docs/accounts.md"), 2),
        ("docs/assertion.md", include_str!("../../../docs/assertion.md"), 2),
        ("docs/client-certificates.md", include_str!("../../../docs/client-certificates.md"), 1),
        ("docs/forward-auth.md", include_str!("../../../docs/forward-auth.md"), 1),
        ("docs/install.md", include_str!("../../../docs/install.md"), 1),
        ("docs/languages.md", include_str!("../../../docs/languages.md"), 1),
        ("docs/portal.md", include_str!("../../../docs/portal.md"), 1),
        ("docs/programs.md", include_str!("../../../docs/programs.md"), 1),
        ("docs/sessions.md", include_str!("../../../docs/sessions.md"), 1),
    ] {
        let blocks = toml_blocks(text);
        assert!(blocks.len() >= least, "{name}: {} blocks found", blocks.len());
        for (line, block) in blocks {
            let app = "[[app]]\nhost = \"wiki.example.com\"\nupstream = \"builtin:whoami\"\n";
            let whole = if block.contains("[[app]]") { block } else { format!("{block}\n{app}") };
            if let Err(diagnostics) = parse(&whole, &folder.path().join("gateway.toml")) {
                panic!("{name}:{line}:\n{}", ConfigError::Invalid(diagnostics));
            }
        }
    }
}

#[test]
fn the_reference_names_every_key() {
    let text =
        concat!(include_str!("../../../docs/configuration.md"), include_str!("../../../docs/backends.md"));
    for section in super::super::keys::SECTIONS {
        for key in section.keys {
            assert!(
                text.contains(&format!("`{key}`")) || text.contains(&format!("[{key}]")),
                "{key} is not documented"
            );
        }
    }
}

#[test]
fn the_file_of_the_repository_can_be_used_without_a_warning() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway.toml");
    let loaded = load(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.warnings.len(), 0);
    let server = &loaded.configuration.server;
    assert!(server.https.iter().chain(&server.status).all(|address| address.ip().is_loopback()));
}

#[test]
fn the_table_of_the_worked_example_is_what_happens() {
    let text = include_str!("../../../docs/configuration.md");
    let blocks = toml_blocks(text);
    let example = blocks.last().map(|(_, block)| block.as_str()).unwrap();
    let configuration = parse(example, Path::new("gateway.toml")).unwrap().configuration;
    let people = [
        (Identity::Anonymous, "192.0.2.1"),
        (person("alice", &["editors"]), "10.1.2.3"),
        (person("bob", &["staff"]), "10.1.2.3"),
        (person("carol", &[]), "192.0.2.1"),
    ];
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| `GET ") || line.starts_with("| `POST "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 9);
    for row in rows {
        let decided: Vec<&str> =
            people.iter().map(|(who, from)| decided(&configuration, row[0], who, from)).collect();
        assert_eq!(decided, row[2..], "{}", row[0]);
    }
}

fn person(name: &str, groups: &[&str]) -> Identity {
    Identity::User(Arc::new(User {
        id: UserId(1),
        name: UserName::parse(name).unwrap(),
        email: String::new(),
        full_name: String::new(),
        superuser: false,
        groups: groups.iter().map(|name| GroupName::parse(name).unwrap()).collect(),
        permissions: Vec::new(),
        attributes: BTreeMap::new(),
    }))
}

fn decided(configuration: &Configuration, request: &str, who: &Identity, from: &str) -> &'static str {
    let (method, path) = request.trim_matches('`').split_once(' ').unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let url = format!("https://wiki.example.com{path}");
    let target = Target::described(&method, &url, ClientAddr::Known(from.parse().unwrap())).unwrap();
    let app = configuration.policy.route(&target).unwrap();
    match rule_on(&configuration.policy, app, who, &Proofs::default(), Timestamp::from_millis(0), &target)
        .outcome
    {
        Outcome::Allow => "yes",
        Outcome::StepUp(_) => "confirm",
        Outcome::Challenge => "sign in",
        Outcome::Deny => "no",
    }
}

/// The blocks that start with ```` ```toml ````, each with its first line.
fn toml_blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line) {
            (None, "```toml") => open = Some((index + 1, String::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, block)), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

/// The files that the examples name.
fn make_certificates(folder: &Path) {
    std::fs::create_dir(folder.join("secrets")).unwrap();
    std::fs::write(folder.join("secrets/ldap"), "of the service\n").unwrap();
    let folder = folder.join("certs");
    std::fs::create_dir(&folder).unwrap();
    for name in ["wiki", "grafana", "internal-ca", "nas", "prometheus"] {
        let made = rcgen::generate_simple_self_signed(vec![format!("{name}.example.com")]).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), made.cert.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
    }
    let mut people = rcgen::CertificateParams::new(Vec::new()).unwrap();
    people.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    people.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    let people = rcgen::CertifiedIssuer::self_signed(people, rcgen::KeyPair::generate().unwrap()).unwrap();
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2020, 1, 1),
        next_update: rcgen::date_time_ymd(2100, 1, 1),
        crl_number: rcgen::SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    std::fs::write(folder.join("people-ca.pem"), people.pem()).unwrap();
    std::fs::write(folder.join("people-ca.crl"), list.signed_by(&people).unwrap().pem().unwrap()).unwrap();
}
