//! Users of other programs: files that the real programs have written, taken over by the command line, and signed in through
//! the front door.

use std::{collections::BTreeMap, fs, process::Command};

use portcullis::{
    clock::Clock,
    identity::UserName,
    users::{Account, UserStore},
};
use serde_json::Value;

use crate::support::{
    accounts::{output_of, python, script},
    process::{Process, Workplace, mode, text},
};

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";

fn password(name: &str) -> String {
    format!("{name}: grüner Apfel")
}

fn account(it: &Workplace, name: &str) -> Account {
    let store = UserStore::open(&it.path("state/users.db"), Clock::system()).unwrap();
    store.find_by_name(&UserName::parse(name).unwrap()).unwrap().unwrap_or_else(|| panic!("no user {name}"))
}

fn names(it: &Workplace) -> Vec<String> {
    let store = UserStore::open(&it.path("state/users.db"), Clock::system()).unwrap();
    store.list().unwrap().iter().map(|account| account.user.name.to_string()).collect()
}

/// Signs in with the right password, after a wrong one, and looks at the hash before and after.
fn signs_in_and_is_argon2_afterwards(it: &Workplace, gateway: &Process, name: &str) {
    let hash = || account(it, name).password.unwrap().as_phc().to_owned();
    let before = hash();
    let mut visitor = gateway.visitor();
    let refused = visitor.sign_in_to("/", name, "grüner Apfel");
    assert_ne!(refused.status, 303, "{name}: a wrong password");
    assert_eq!(hash(), before, "{name}");
    visitor.sign_in(name, &password(name));
    let after = hash();
    if before.starts_with("$argon2id$") {
        assert_eq!(after, before, "{name}: it is stronger than the gateway's own");
    } else {
        assert!(after.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{name}: {after}");
    }
    gateway.visitor().sign_in(name, &password(name));
}

/// Imports a file; the report as JSON, and whether the command succeeded.
fn import(it: &Workplace, file: &str, options: &[&str]) -> (Value, bool, String) {
    let arguments: Vec<&str> =
        ["user", "import", file, "--json"].into_iter().chain(options.iter().copied()).collect();
    let output = it.run(&arguments, "");
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (report, output.status.success(), text(&output.stderr))
}

fn outcomes(report: &Value) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for user in report["users"].as_array().unwrap() {
        *counts.entry(user["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

fn counted<const N: usize>(counts: [(&str, usize); N]) -> BTreeMap<String, usize> {
    counts.into_iter().map(|(outcome, count)| (outcome.to_owned(), count)).collect()
}

#[test]
fn users_of_django_sign_in() {
    let it = Workplace::new("", WHOAMI);
    for options in [&[][..], &["--natural-foreign", "--natural-primary"]] {
        let dump = output_of(Command::new(python()).arg(script("dump.py")).args(options), "");
        fs::write(it.path("dump.json"), dump).unwrap();
        let (report, ok, err) = import(&it, "dump.json", &["--dry-run"]);
        // MD5 is weak, and one refusal stops all.
        assert!(!ok && err.contains("1 user cannot be taken over"), "{err}");
        assert_eq!(report["format"], "django");
        assert_eq!(report["problems"][0]["name"], "md5");
        assert_eq!(outcomes(&report), counted([("added", 9), ("refused", 1)]), "{report}");
    }
    let (report, ok, err) = import(&it, "dump.json", &["--weak"]);
    assert!(ok && report["done"] == true, "{err}");
    assert!(err.contains("no group Wiki-Editors is defined"), "{err}");
    let gateway = it.start();
    for name in ["pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "bcrypt", "scrypt"] {
        let imported = account(&it, name);
        assert_eq!(imported.user.email, format!("{name}@example.com"));
        assert_eq!(imported.user.full_name, format!("By {name}"));
        assert_eq!(
            imported.local_groups.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["Wiki-Editors"]
        );
        signs_in_and_is_argon2_afterwards(&it, &gateway, name);
    }
    assert!(account(&it, "md5").must_change_password);
    assert_eq!(account(&it, "unusable").password, None);
    assert!(!account(&it, "gone").active);
    assert!(!account(&it, "root").user.superuser, "without --superusers");
}

#[test]
fn users_of_htpasswd_sign_in() {
    let it = Workplace::new("", WHOAMI);
    let flags = [("bcrypt", "-B"), ("apr1", "-m"), ("sha256", "-2"), ("sha512", "-5")];
    let line = |name: &str, flag: &str| {
        output_of(Command::new("htpasswd").args(["-nb", flag, name, &password(name)]), "")
    };
    let good: String = flags.iter().map(|(name, flag)| line(name, flag)).collect();
    fs::write(it.path("htpasswd"), format!("{good}{}{}plain:secret\n", line("des", "-d"), line("sha", "-s")))
        .unwrap();
    let (report, ok, err) = import(&it, "htpasswd", &[]);
    assert!(!ok && report["done"] == false && names(&it).is_empty(), "{err}");
    let problems: Vec<String> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| {
            format!("{} {}", problem["name"].as_str().unwrap(), problem["problem"].as_str().unwrap())
        })
        .collect();
    assert!(problems[0].starts_with("des the hash is DES crypt"), "{problems:?}");
    assert!(
        problems[1].starts_with("sha the hash has no salt") && problems[1].contains("--weak"),
        "{problems:?}"
    );
    assert!(problems[2].starts_with("plain this is a plain password"), "{problems:?}");
    let (report, ok, err) = import(&it, "htpasswd", &["--skip", "--weak"]);
    assert!(ok, "{err}");
    assert_eq!(outcomes(&report), counted([("added", 5), ("refused", 2)]), "{report}");
    let gateway = it.start();
    for (name, _) in flags {
        signs_in_and_is_argon2_afterwards(&it, &gateway, name);
    }
    assert!(account(&it, "sha").must_change_password);
}

#[test]
fn users_of_shadow_sign_in() {
    let it = Workplace::new("", WHOAMI);
    let methods = [
        ("yescrypt", "yescrypt"),
        ("scrypt", "scrypt"),
        ("bcrypt", "bcrypt"),
        ("sha512", "sha512crypt"),
        ("sha256", "sha256crypt"),
        ("md5", "md5crypt"),
    ];
    let mut shadow = "root:*:19000:0:99999:7:::\n".to_owned();
    for (name, method) in methods {
        let hash = output_of(Command::new("mkpasswd").args(["-m", method, "-s"]), &password(name));
        shadow.push_str(&format!("{name}:{}:19000:0:99999:7:::\n", hash.trim()));
    }
    fs::write(it.path("shadow"), shadow).unwrap();
    let (report, ok, err) = import(&it, "shadow", &[]);
    assert!(ok, "{err}");
    assert_eq!(report["format"], "shadow");
    assert_eq!(report["remarks"][0], "1 accounts without a password, or locked, are left out");
    let gateway = it.start();
    for (name, _) in methods {
        signs_in_and_is_argon2_afterwards(&it, &gateway, name);
    }
}

#[test]
fn users_of_a_directory_sign_in() {
    let it = Workplace::new("", WHOAMI);
    let schemes: [(&str, &[&str]); 5] = [
        ("ssha", &["-h", "{SSHA}"]),
        ("crypt", &["-h", "{CRYPT}", "-c", "$6$%.16s"]),
        ("ssha512", &["-o", "module-load=pw-sha2", "-h", "{SSHA512}"]),
        ("ssha256", &["-o", "module-load=pw-sha2", "-h", "{SSHA256}"]),
        ("argon2", &["-o", "module-load=argon2", "-h", "{ARGON2}"]),
    ];
    let mut entries = "dn: dc=example,dc=com\nobjectClass: domain\ndc: example\n\n".to_owned();
    let mut members = String::new();
    for (name, arguments) in schemes {
        let mut command = Command::new("/usr/sbin/slappasswd");
        let hash = output_of(command.args(arguments).args(["-n", "-s", &password(name)]), "");
        let encoded = data_encoding::BASE64.encode(hash.as_bytes());
        let (first, rest) = encoded.split_at(20);
        entries.push_str(&format!(
            "dn: uid={name},dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: {name}\ncn: By {name}\nsn: {name}\n\
             mail: {name}@example.com\nuserPassword:: {first}\n {rest}\n\n"
        ));
        members.push_str(&format!("member: uid={name},dc=example,dc=com\n"));
    }
    entries.push_str(&format!(
        "dn: cn=staff,dc=example,dc=com\nobjectClass: groupOfNames\ncn: staff\n{members}"
    ));
    fs::write(it.path("people.ldif"), entries).unwrap();
    let (report, ok, err) = import(&it, "people.ldif", &[]);
    assert!(ok, "{err}");
    assert_eq!((&report["format"], &report["groups"][0]), (&"ldif".into(), &"staff".into()));
    let gateway = it.start();
    for (name, _) in schemes {
        signs_in_and_is_argon2_afterwards(&it, &gateway, name);
    }
}

#[test]
fn users_of_authelia_sign_in() {
    let it = Workplace::new("", WHOAMI);
    fs::write(it.path("users.yml"), output_of(Command::new(python()).arg(script("authelia.py")), ""))
        .unwrap();
    let (report, ok, err) = import(&it, "users.yml", &[]);
    assert!(ok, "{err}");
    assert_eq!((&report["format"], &report["groups"][0]), (&"authelia".into(), &"admins".into()));
    let gateway = it.start();
    for name in ["argon2", "sha512", "sha256", "legacy", "pbkdf2", "pbkdf2-sha256", "scrypt", "bcrypt"] {
        signs_in_and_is_argon2_afterwards(&it, &gateway, name);
    }
}

/// Users of this text with a hash that is quick to check.
fn csv(rows: &[&str]) -> String {
    format!("name,email,groups,superuser,active,password_hash\n{}\n", rows.join("\n"))
}

const SSHA: &str = "{SSHA}Ew8osdpZ2HxzNfejROZsubZKksB/j1FK";

#[test]
fn an_import_that_is_run_twice_changes_nothing_the_second_time() {
    let it = Workplace::new("", WHOAMI);
    let rows = [&*format!("alice,a@example.com,staff,no,yes,{SSHA}"), "bob,b@example.com,,yes,no,"];
    fs::write(it.path("users.csv"), csv(&rows)).unwrap();
    let (report, ok, err) = import(&it, "users.csv", &["--superusers"]);
    assert!(ok, "{err}");
    assert_eq!(outcomes(&report), counted([("added", 2)]));
    assert!(account(&it, "bob").user.superuser);
    let before = (account(&it, "alice"), account(&it, "bob"));
    for options in [&[][..], &["--superusers"], &["--superusers", "--overwrite"]] {
        let (report, ok, err) = import(&it, "users.csv", options);
        assert!(ok, "{err}");
        assert_eq!(outcomes(&report), counted([("kept", 2)]), "{options:?}: {report}");
        assert_eq!((account(&it, "alice"), account(&it, "bob")), before, "{options:?}");
    }
}

#[test]
fn an_import_overwrites_only_what_it_is_told_to() {
    let it = Workplace::new("[groups]\nstaff = []\nops = []", WHOAMI);
    it.run_well(
        &["user", "add", "alice", "--email", "old@example.com", "--group", "ops", "--superuser"],
        "velvet turbine oyster\n",
    );
    it.run_well(&["user", "disable", "alice"], "");
    let before = account(&it, "alice");
    fs::write(it.path("users.csv"), csv(&[&*format!("alice,new@example.com,staff,no,yes,{SSHA}")])).unwrap();
    let (report, ok, _) = import(&it, "users.csv", &[]);
    assert!(ok && outcomes(&report) == counted([("kept", 1)]), "{report}");
    assert_eq!(account(&it, "alice"), before);
    let (report, ok, _) = import(&it, "users.csv", &["--overwrite", "--dry-run"]);
    assert!(ok && outcomes(&report) == counted([("changed", 1)]), "{report}");
    assert_eq!(account(&it, "alice"), before);
    let (report, ok, _) = import(&it, "users.csv", &["--overwrite"]);
    assert!(ok && outcomes(&report) == counted([("changed", 1)]), "{report}");
    let after = account(&it, "alice");
    assert_eq!(after.user.email, "new@example.com");
    assert_eq!(after.local_groups.iter().map(ToString::to_string).collect::<Vec<_>>(), ["staff"]);
    assert_eq!(after.password.unwrap().as_phc(), SSHA);
    assert!(after.credential > before.credential, "sessions from before are over");
    assert!(after.user.superuser && !after.active, "nobody is enabled, and nobody loses rights");
}

#[test]
fn an_import_that_stops_in_the_middle_takes_over_nobody() {
    let it = Workplace::new("", WHOAMI);
    it.run_well(&["user", "add", "zoe", "--no-password"], "");
    let refused = [
        // Found out before anything is written.
        "bob,not an address,,,,",
        "Alice,,,,,",
        "bob,,,,,velvet turbine oyster",
        "b b,,,,,",
    ];
    for row in refused {
        fs::write(it.path("users.csv"), csv(&["alice,,,,,", "carol,,,,,", row])).unwrap();
        let (report, ok, err) = import(&it, "users.csv", &[]);
        assert!(!ok && report["done"] == false, "{row}: {err}");
        assert_eq!(report["problems"][0]["position"], "line 4", "{row}");
        assert_eq!(names(&it), ["zoe"], "{row}");
    }
    // Found out in the middle of the transaction: the second identity of one id.
    let pair = r#"{"backend": "entra", "authority": "https://idp.example.com", "subject": "1"}"#;
    let users = format!(
        r#"{{"format": "portcullis-users", "version": 1, "users": [
            {{"name": "alice", "identities": [{pair}]}}, {{"name": "bob", "identities": [{pair}]}}]}}"#
    );
    fs::write(it.path("users.json"), users).unwrap();
    let (_, ok, err) = import(&it, "users.json", &[]);
    assert!(!ok && err.contains("already belongs to user alice"), "{err}");
    assert_eq!(names(&it), ["zoe"]);
}

#[test]
fn an_export_is_imported_elsewhere_with_its_hashes() {
    let (here, there) = (Workplace::new("", WHOAMI), Workplace::new("", WHOAMI));
    here.run_well(
        &["user", "add", "alice", "--email", "a@example.com", "--attribute", "team=blue"],
        "velvet turbine oyster\n",
    );
    here.run_well(&["user", "passwd", "alice", "--must-change"], "velvet turbine oyster\n");
    let shown = here.run_well(&["user", "export"], "");
    assert!(!shown.contains("argon2") && !shown.contains("password_hash"), "{shown}");
    assert!(!here.run(&["user", "export", "--with-hashes"], "").status.success(), "hashes need a file");
    here.run_well(&["user", "export", "--with-hashes", "--output", "export.json"], "");
    assert_eq!(mode(&here.path("export.json")), 0o600);
    let again = here.run(&["user", "export", "--output", "export.json"], "");
    assert!(!again.status.success(), "a file that is there stays");
    fs::copy(here.path("export.json"), there.path("export.json")).unwrap();
    let (report, ok, err) = import(&there, "export.json", &[]);
    assert!(ok && outcomes(&report) == counted([("added", 1)]), "{err}");
    let (before, after) = (account(&here, "alice"), account(&there, "alice"));
    assert_eq!((after.password, after.local_attributes), (before.password, before.local_attributes));
    assert!(after.must_change_password);
}

#[test]
fn hostile_files_are_named_with_their_line_and_change_nothing() {
    let it = Workplace::new("", WHOAMI);
    let costly = "pbkdf2_sha256$2000000000$salt$P/snQ7rthXnzxSny1U+zZr+soqCyIJUVMdm1XM4eALE=";
    for (file, content, said) in [
        ("long", "a".repeat(70_000) + ":x\n", "long: line 1: it has more than 65536 bytes"),
        ("costly", format!("alice:{costly}\n"), "1 user cannot be taken over"),
        ("bomb", "users:\n  a: &a {displayname: x}\n  b: *a\n".to_owned(), "no users file of Authelia"),
        ("deep", "[".repeat(100_000), "no dump of Django"),
        ("steering", "\u{1b}[2J\u{1b}:x\n".to_owned(), "1 user cannot be taken over"),
    ] {
        fs::write(it.path(file), content).unwrap();
        let output = it.run(
            &[
                "user",
                "import",
                file,
                "--format",
                match file {
                    "bomb" => "authelia",
                    "deep" => "django",
                    _ => "htpasswd",
                },
            ],
            "",
        );
        let err = text(&output.stderr);
        assert!(!output.status.success() && err.contains(said), "{file}: {err}");
        assert!(!text(&output.stdout).contains('\u{1b}'), "{file}");
        assert!(names(&it).is_empty(), "{file}");
    }
    // A gibibyte that takes no room on the disk.
    let huge = fs::File::create(it.path("huge")).unwrap();
    huge.set_len(1 << 30).unwrap();
    for format in ["django", "htpasswd", "authelia", "csv", "shadow", "ldif", "portcullis"] {
        let output = it.run(&["user", "import", "huge", "--format", format], "");
        let err = text(&output.stderr);
        assert!(err.contains("more than 65536 bytes") || err.contains("more than 16 MiB"), "{format}: {err}");
    }
}

#[test]
fn a_file_is_read_from_standard_input() {
    let it = Workplace::new("", WHOAMI);
    let output = it.run(
        &["user", "import", "-"],
        "carol:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n",
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(names(&it), ["carol"]);
}
