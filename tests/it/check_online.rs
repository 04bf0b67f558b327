//! `portcullis check --online`: every configured backend is asked, and the exit status says whether all of them work.

use crate::support::{
    ldap_server::{BASE, LdapServer, Person, SERVICE_DN, SERVICE_PASSWORD},
    process::Workplace,
    slapd::write_private,
};

const APPS: &str = "[[app]]\nupstream = \"builtin:whoami\"\n";

fn place(url: &str, base: &str) -> Workplace {
    let place = Workplace::empty();
    write_private(&place.path("service-password"), SERVICE_PASSWORD);
    let backends = format!(
        "[[backend]]\ntype = \"local\"\n\
         [[backend]]\ntype = \"ldap\"\nname = \"company\"\npreset = \"openldap\"\nurl = \"{url}\"\nbase = \"{base}\"\n\
         bind_dn = \"{SERVICE_DN}\"\nbind_password_file = \"service-password\"\ntimeout = \"2s\"\n",
    );
    place.write(&Workplace::configuration(&backends, APPS));
    place
}

/// Exit status and standard output of `portcullis check` with these arguments.
fn check(place: &Workplace, arguments: &[&str]) -> (Option<i32>, String) {
    let output = place.command(&[&["check"], arguments].concat()).output().expect("the command");
    (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn check_online_asks_the_directory_and_is_content_with_one_that_works() {
    let server = LdapServer::start([Person::new("alice", "directory-secret")]);
    let place = place(&server.url(), BASE);
    let (status, text) = check(&place, &["--online"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("backend company (ldap)") && text.contains("connection: ok"), "{text}");
    assert!(text.contains("users: ok"), "{text}");
    assert!(!text.contains(SERVICE_PASSWORD), "{text}");
}

#[test]
fn check_without_online_asks_nobody() {
    let mut server = LdapServer::start([]);
    let place = place(&server.url(), BASE);
    server.stop();
    let asked = server.accepted();
    assert_eq!(check(&place, &[]).0, Some(0));
    assert_eq!(server.accepted(), asked);
}

#[test]
fn check_online_fails_for_a_directory_that_does_not_answer() {
    let mut server = LdapServer::start([]);
    let place = place(&server.url(), BASE);
    server.stop();
    let (status, text) = check(&place, &["--online"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("connection: FAILED"), "{text}");
}

#[test]
fn check_online_fails_for_a_refused_service_account_and_for_a_base_without_users() {
    let server = LdapServer::start([Person::new("alice", "directory-secret")]);
    let place_of_other_base = place(&server.url(), "ou=nowhere,dc=example,dc=net");
    let (status, text) = check(&place_of_other_base, &["--online"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("users: FAILED"), "{text}");

    let place = place(&server.url(), BASE);
    write_private(&place.path("service-password"), "an-old-password");
    let (status, text) = check(&place, &["--online"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("connection: FAILED") && text.contains("help: "), "{text}");
    assert!(!text.contains("an-old-password"), "{text}");
}

#[test]
fn check_online_fails_for_a_provider_whose_metadata_cannot_be_read() {
    let place = Workplace::empty();
    write_private(&place.path("secret"), "a-client-secret");
    let backends = "[[backend]]\ntype = \"local\"\n[[backend]]\ntype = \"oidc\"\nname = \"corp\"\n\
                    issuer = \"https://127.0.0.1:1/\"\nclient_id = \"portcullis\"\nclient_secret_file = \"secret\"\n\
                    provisioning = \"existing\"\n";
    place.write(&Workplace::configuration(backends, APPS));
    let (status, text) = check(&place, &["--online"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("backend corp (oidc)") && text.contains("FAILED"), "{text}");
    assert!(!text.contains("a-client-secret"), "{text}");
}
