//! Diagnostics about certificates on disk.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

use super::super::{Diagnostic, Severity, parse};

/// Writes `NAME.pem` and `NAME.key`, valid from the first to the second year.
fn make(folder: &Path, name: &str, years: (i32, i32)) {
    let mut params = CertificateParams::new(vec!["wiki.example.com".to_owned()]).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), made.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

/// The diagnostics about a pair of files.
fn diagnostics_of(folder: &Path, cert: &str, key: &str) -> Vec<String> {
    let text = format!(
        "[[tls.certificate]]\ncert = \"{cert}\"\nkey = \"{key}\"\n[[app]]\nupstream = \"builtin:whoami\"\n"
    );
    said_of(folder, &text)
}

fn said_of(folder: &Path, text: &str) -> Vec<String> {
    let diagnostics = match parse(text, &folder.join("gateway.toml")) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics,
    };
    let text = |it: &Diagnostic| {
        let severity = if it.severity == Severity::Error { "error" } else { "warning" };
        format!("{severity} in line {}: {}", it.place.line, it.message)
            .replace(&format!("{}/", folder.display()), "")
    };
    diagnostics.iter().map(text).collect()
}

/// The diagnostics about a file of `upstream_ca`.
fn upstream_diagnostics(folder: &Path, host: &str, file: &str) -> Vec<String> {
    let text = format!("[[app]]\nupstream = \"https://{host}\"\nupstream_ca = \"{file}\"\n");
    said_of(folder, &text)
}

#[test]
fn an_upstream_s_own_certificate_that_has_expired_or_another_name_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "good", (2020, 4000));
    make(folder.path(), "old", (2020, 2021));
    let diagnostics_of = |host, file| upstream_diagnostics(folder.path(), host, file);
    assert!(diagnostics_of("wiki.example.com", "good.pem").is_empty());
    assert_eq!(diagnostics_of("wiki.example.com", "old.pem"), ["warning in line 3: old.pem has expired"]);
    for host in ["10.0.0.9", "nas.example.com"] {
        assert_eq!(
            diagnostics_of(host, "good.pem"),
            [format!("warning in line 3: good.pem is not made out to {host}")]
        );
    }
}

#[test]
fn a_file_of_authorities_is_made_out_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.path().join("ca.pem"), made.pem()).unwrap();
    assert!(upstream_diagnostics(folder.path(), "nas.example.com", "ca.pem").is_empty());
}

#[test]
fn valid_certificates_pass() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "good", (2020, 4000));
    assert!(diagnostics_of(folder.path(), "good.pem", "good.key").is_empty());
}

#[test]
fn certificates_with_dates_that_browsers_refuse_are_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "old", (2020, 2021));
    make(folder.path(), "future", (3990, 4000));
    assert_eq!(
        diagnostics_of(folder.path(), "old.pem", "old.key"),
        ["warning in line 2: old.pem has expired"]
    );
    assert_eq!(
        diagnostics_of(folder.path(), "future.pem", "future.key"),
        ["warning in line 2: future.pem is not valid yet"]
    );
}

#[test]
fn unusable_certificates_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "one", (2020, 4000));
    make(folder.path(), "other", (2020, 4000));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(folder.path().join("broken.pem"), broken).unwrap();
    let diagnostics_of = |cert, key| diagnostics_of(folder.path(), cert, key);
    assert_eq!(
        diagnostics_of("one.pem", "other.key"),
        ["error in line 3: other.key is not the key of one.pem"]
    );
    assert_eq!(diagnostics_of("one.pem", "one.pem"), ["error in line 3: one.pem holds no private key"]);
    assert_eq!(diagnostics_of("one.key", "one.key"), ["error in line 2: one.key holds no certificate"]);
    assert_eq!(
        diagnostics_of("one.pem", "no.key"),
        ["error in line 3: cannot read no.key: no such file or directory"]
    );
    assert_eq!(
        diagnostics_of("broken.pem", "one.key"),
        [
            "error in line 2: certificate 1 in broken.pem cannot be read: what is between its lines is no certificate"
        ]
    );
}

/// Without the damaged certificate, only clients that know it from elsewhere could connect.
#[test]
fn a_damaged_certificate_in_a_chain_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["own", "intermediate"] {
        make(folder.path(), name, (2020, 4000));
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let (own, intermediate) = (read("own.pem"), read("intermediate.pem"));
    let said_of_chain = |chain: &str| {
        std::fs::write(folder.path().join("chain.pem"), chain).unwrap();
        diagnostics_of(folder.path(), "chain.pem", "own.key")
    };
    let refused = |chain: String, number: usize, why: &str| {
        let expected = format!("error in line 2: certificate {number} in chain.pem cannot be read: {why}");
        let found = said_of_chain(&chain);
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}, not {expected}");
    };
    assert!(said_of_chain(&format!("{own}{intermediate}")).is_empty());
    assert!(said_of_chain(&format!("Subject: own\n{own}\r\n# the authority\n{intermediate}")).is_empty());
    let (half, rest) = intermediate.split_at(intermediate.len() / 2);
    let replaced = |with: &str| format!("{half}{with}{}", rest.split_at(with.len()).1);
    refused(format!("{own}{}", replaced("!!!!")), 2, "it is not Base64");
    refused(format!("{own}{half}"), 2, "the line that ends it is missing");
    let not_its_own = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    refused(format!("{own}{not_its_own}"), 2, "what is between its lines is no certificate");
    refused(format!("{}{own}", replaced("!!!!")), 1, "it is not Base64");
    // The authorities of an upstream are read the same way.
    std::fs::write(folder.path().join("chain.pem"), format!("{own}{not_its_own}")).unwrap();
    let text = "[[app]]\nupstream = \"https://app.example.com\"\nupstream_ca = \"chain.pem\"\n";
    let diagnostics = parse(text, &folder.path().join("gateway.toml")).unwrap_err();
    assert!(diagnostics[0].message.starts_with("certificate 2 in "), "{}", diagnostics[0].message);
}

#[test]
fn a_host_that_no_certificate_covers_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    for (name, names) in [("one", ["wiki.example.com", "192.0.2.1"]), ("wild", ["*.example.org", "::1"])] {
        let params = CertificateParams::new(names.map(str::to_owned)).unwrap();
        let key = KeyPair::generate().unwrap();
        std::fs::write(folder.path().join(format!("{name}.pem")), params.self_signed(&key).unwrap().pem())
            .unwrap();
        std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let certificate =
        |name: &str| format!("[[tls.certificate]]\ncert = \"{name}.pem\"\nkey = \"{name}.key\"\n");
    let warned = |certificates: &str, host: &str| {
        let text = format!("{certificates}[[app]]\nhost = \"{host}\"\nupstream = \"builtin:whoami\"\n");
        let warnings = parse(&text, &folder.path().join("gateway.toml")).unwrap().warnings;
        warnings.iter().any(|it| it.message == format!("no certificate is for \"{host}\""))
    };
    let both = certificate("one") + &certificate("wild");
    for (certificates, host, is_warned) in [
        (&both, "wiki.example.com", false),
        (&both, "WIKI.example.com.", false),
        (&both, "a.example.org", false),
        (&both, "192.0.2.1", false),
        (&both, "[::1]", false),
        (&both, "shop.example.com", true),
        (&both, "example.org", true),
        (&both, "a.b.example.org", true),
        (&both, "192.0.2.2", true),
        (&certificate("one"), "a.example.org", true),
        // The self-signed certificate covers every host.
        (&String::new(), "shop.example.com", false),
    ] {
        assert_eq!(warned(certificates, host), is_warned, "{host}");
    }
}

/// The certificate of a proxy counts for nobody, so that nobody would be served.
#[test]
fn a_required_client_certificate_behind_a_proxy_of_this_machine_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let said = |https: &str, proxies: &str, used: &str| {
        let text = format!(
            "[server]\n{https}\ntrusted_proxies = [{proxies}]\n[[tls.client_ca]]\ncert = \"ca.pem\"\n\
             [[tls.client_ca.user]]\nemail = \"*@example.com\"\n\
             [[app]]\nhost = \"wiki.example.com\"\nupstream = \"builtin:whoami\"\nclient_certificate = \"{used}\"\n"
        );
        said_of(folder.path(), &text)
    };
    let error = "error in line 11: no request could reach this app: it requires a certificate that no client can show";
    let (local, both) = ("https = \"127.0.0.1:8443\"", "https = [\"127.0.0.1:8443\", \"[::1]:8443\"]");
    assert_eq!(said(local, "\"127.0.0.1\"", "required"), [error]);
    assert_eq!(said(both, "\"127.0.0.0/8\", \"::1\"", "required"), [error]);
    assert_eq!(said("https = \"127.0.0.2:8443\"", "\"127.0.0.1\"", "required"), [error]);
    for (https, proxies, used) in [
        (local, "\"127.0.0.1\"", "optional"),
        (local, "", "required"),
        (local, "\"192.0.2.1\"", "required"),
        (both, "\"127.0.0.1\"", "required"),
        ("https = \"0.0.0.0:8443\"", "\"127.0.0.1\"", "required"),
        ("https = [\"127.0.0.1:8443\", \"192.0.2.1:8443\"]", "\"127.0.0.1\"", "required"),
        ("", "\"127.0.0.1\"", "required"),
    ] {
        assert_eq!(said(https, proxies, used), [""; 0], "{https} {proxies} {used}");
    }
}
