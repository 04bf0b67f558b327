//! Files of other programs: what each reader takes, and what it refuses, with the line.

use std::io::{self, Cursor, Read};

use data_encoding::BASE64;

use proptest::prelude::*;

use super::*;

const BCRYPT: &str = "$2b$05$HNb//kjuBpZcdCI8wIbrC.MA4gmNzmg0gY5O7d8bfim/KQA8YtYTC";
const SSHA: &str = "{SSHA}Ew8osdpZ2HxzNfejROZsubZKksB/j1FK";

fn read_text(text: &str) -> Result<(Format, ForeignUsers), String> {
    read(Cursor::new(text), None).map_err(|error| error.to_string())
}

/// The users, each in words, and the remarks.
fn users(text: &str, format: Format) -> (Vec<String>, Vec<String>) {
    let (found, read) = read_text(text).unwrap();
    assert_eq!(found, format);
    let shown = |user: &ForeignUser| {
        let password = match &user.password {
            ForeignPassword::None => "no password".to_owned(),
            ForeignPassword::Hash { scheme, is_weak, .. } => {
                format!("{scheme}{}", if *is_weak { " (weak)" } else { "" })
            }
            ForeignPassword::Unusable(unusable) => unusable.to_string(),
        };
        let mut words = vec![user.position.to_string(), user.name.clone(), password];
        words.extend([&user.email, &user.full_name].into_iter().filter(|text| !text.is_empty()).cloned());
        words.extend(user.groups.iter().map(|group| format!("in {group}")));
        words.extend(user.attributes.iter().map(|(key, value)| format!("{key}={value}")));
        words.extend((!user.active).then(|| "disabled".to_owned()));
        words.extend(user.superuser.then(|| "superuser".to_owned()));
        words.extend(user.must_change_password.then(|| "must change".to_owned()));
        words.join(", ")
    };
    (read.users.iter().map(shown).collect(), read.remarks)
}

fn refused(text: &str) -> String {
    read_text(text).map(|(format, users)| panic!("{format} {users:?}")).unwrap_err()
}

#[test]
fn htpasswd_names_des_crypt_and_plain_passwords() {
    let text = format!(
        "# people\nalice:{BCRYPT}\n\nbob:{{SHA}}WZWvVeifKjj/PQFxAkA2ADwIUVo=\r\ncarol:lXtAXt.tJtKqk\n\
         dave:secret\nerin:$apr1$MOe0UJzC$6RDUai.ITQltJgkctVUTN0:a remark"
    );
    let (users, remarks) = users(&text, Format::Htpasswd);
    assert_eq!(
        users,
        [
            "line 2, alice, bcrypt",
            "line 4, bob, weak digest (weak)",
            "line 5, carol, the hash is DES crypt, which compares the first 8 characters alone; have the user set a new password",
            "line 6, dave, this is a plain password or a hash of an unknown format",
            "line 7, erin, MD5-crypt",
        ]
    );
    assert!(remarks.is_empty());
    assert_eq!(refused("alice:x\nbob\n"), "line 2: expected a name, a colon and a hash");
}

#[test]
fn django_groups_are_found_by_key_and_by_natural_key() {
    let text = format!(
        r#"[
        {{"model": "auth.group", "pk": 7, "fields": {{"name": "Wiki Editors", "permissions": [1, 2, ["add_log", "admin", "log"]]}}}},
        {{"model": "auth.permission", "pk": 1, "fields": {{"name": "Can add log", "codename": "add_log"}}}},
        {{"model": "auth.user", "pk": 1, "fields": {{"password": "{BCRYPT}", "last_login": null, "is_superuser": true,
          "username": "alice", "first_name": "Alice", "last_name": "Liddell", "email": "alice@example.com",
          "is_staff": true, "is_active": true, "date_joined": "2026-01-01T00:00:00Z", "groups": [7], "user_permissions": [3]}}}},
        {{"model": "auth.user", "fields": {{"password": "!abc", "is_active": false, "username": "bob",
          "groups": [["staff"]], "user_permissions": []}}}},
        {{"model": "people.person", "pk": "4d6", "fields": {{"password": "", "email": "carol@example.com", "full_name": "Carol"}}}},
        {{"model": "sessions.session", "pk": "x", "fields": {{"session_data": "…"}}}}
        ]"#
    );
    let (users, remarks) = users(&text, Format::Django);
    assert_eq!(
        users,
        [
            "entry 3, alice, bcrypt, alice@example.com, Alice Liddell, in Wiki Editors, superuser",
            "entry 4, bob, no password, in staff, disabled",
            "entry 5, carol@example.com, no password, carol@example.com, Carol",
        ]
    );
    assert_eq!(remarks, ["4 permissions of Django's own models are left out"]);
    let lacking = r#"[{"model": "auth.user", "fields": {"username": "a", "password": "!", "groups": [9]}}]"#;
    assert!(refused(lacking).starts_with("entry 1: group 9 is not in the file"), "{}", refused(lacking));
}

#[test]
fn authelia_users_come_with_their_groups_and_extra_attributes() {
    let text = format!(
        "---\nusers:\n  john:\n    disabled: false\n    displayname: 'John Doe'\n    password: '{BCRYPT}'\n    \
         email: john@example.com\n    groups:\n      - admins\n      - dev\n    extra:\n      level: 3\n  \
         harry:\n    displayname: \"Harry\"\n    password: \"{{CRYPT}}$1$qa1.Kq3F$N15IucjaA/153zM4TEg2K0\"\n    disabled: true\n    groups: []\n"
    );
    let (users, _) = users(&text, Format::Authelia);
    assert_eq!(
        users,
        [
            "entry 1, john, bcrypt, john@example.com, John Doe, in admins, in dev, level=3",
            "entry 2, harry, MD5-crypt, Harry, disabled",
        ]
    );
}

#[test]
fn a_yaml_bomb_is_refused() {
    let mut text = "users:\n  a: &a0 {displayname: lol}\n".to_owned();
    for level in 1..30 {
        let line = format!("*a{}", level - 1);
        let items = vec![line; 6].join(",");
        text = format!("{text}  b{level}: &a{level} [{items}]\n");
    }
    let said = refused(&text);
    assert!(said.starts_with("line ") && said.contains("no users file of Authelia"), "{said}");
    let deep = format!("users:\n  a:\n    groups: {}", "[".repeat(100_000));
    assert!(refused(&deep).contains("no users file of Authelia"), "{}", refused(&deep));
}

#[test]
fn csv_columns_are_named_and_a_column_of_plain_passwords_is_refused() {
    let text = format!(
        "\u{feff}Username;email;full_name;groups;active;superuser;password_hash;attribute.team\r\n\
         alice;a@example.com;\"Liddell; Alice\";staff ops;yes;no;{BCRYPT};blue\r\n\
         bob;;;;no;1;;\r\n"
    );
    let (users, _) = users(&text, Format::Csv);
    assert_eq!(
        users,
        [
            "line 2, alice, bcrypt, a@example.com, Liddell; Alice, in staff, in ops, team=blue",
            "line 3, bob, no password, disabled, superuser",
        ]
    );
    for (text, said) in [
        ("name,password\na,b\n", "line 1: a column `password` would hold plain passwords"),
        ("name,colour\na,b\n", "line 1: there is no column \"colour\""),
        ("name,email,email\na,b,c\n", "line 1: the column \"email\" is there twice"),
        ("name,email\na,b\nc\n", "line 3: it has 1 cells, and the row of titles has 2"),
        ("name,active\na,perhaps\n", "line 2: \"perhaps\" is neither yes nor no"),
    ] {
        assert!(refused(text).starts_with(said), "{text}: {}", refused(text));
    }
}

#[test]
fn shadow_leaves_out_accounts_that_are_locked() {
    let text = "root:*:19000:0:99999:7:::\ndaemon:!:19000:0:99999:7:::\n\
                alice:$y$j9T$kN0oIB9wuoaUdK90mnv/N1$knHUxieD9DBSEtWTC8fSQxfqKExa1y8xpI.SxDz8ym8:0:0:99999:7:::\n";
    let (users, remarks) = users(text, Format::Shadow);
    assert_eq!(users, ["line 3, alice, yescrypt, must change"]);
    assert_eq!(remarks, ["2 accounts without a password, or locked, are left out"]);
    assert!(refused("a:b:c:d:e:f:g:h:i\nalice:x\n").starts_with("line 2: expected nine fields"));
}

#[test]
fn ldif_persons_are_in_the_groups_that_name_them() {
    let text = format!(
        "version: 1\n\ndn: dc=example,dc=com\nobjectClass: domain\n\n# a person\n\
         dn: uid=alice,ou=People,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: alice\ncn: Alice Liddell\n\
         mail: alice@exam\n ple.com\nuserPassword:: {}\n\n\
         dn:: {}\nobjectClass: person\ncn: Zoë\nuserPassword: secret\nuserPassword: {SSHA}\nmemberOf: CN=Sales\\, East,OU=g\n\n\
         dn: cn=staff,ou=groups,dc=example,dc=com\nobjectClass: groupOfNames\ncn: staff\n\
         member: UID=Alice, ou=people,dc=example, dc=com\nmember: uid=gone,dc=example\n\n\
         dn: cn=ops,ou=groups,dc=example,dc=com\nobjectClass: posixGroup\ncn: ops\nmemberUid: alice\n",
        BASE64.encode(SSHA.as_bytes()),
        BASE64.encode("cn=Zoë,dc=example".as_bytes()),
    );
    let (users, remarks) = users(&text, Format::Ldif);
    assert_eq!(
        users,
        [
            "line 7, alice, salted digest, alice@example.com, Alice Liddell, in staff, in ops",
            "line 15, Zoë, salted digest, Zoë, in Sales, East",
        ]
    );
    assert_eq!(remarks, ["1 entries that are neither persons nor groups are left out"]);
    for (text, said) in [
        ("dn: cn=a\nchangetype: modify\n", "line 2: this is a file of changes"),
        ("dn: cn=a\njpegPhoto:< file:///etc/shadow\n", "line 2: values in other files are not read"),
        ("dn: cn=a\nnonsense\n", "line 2: expected an attribute and a value"),
        ("dn: cn=a\nuserPassword:: %%%\n", "line 2: the value is not base64"),
        ("version: 1\nuid: alice\n", "line 2: expected an entry"),
    ] {
        assert!(refused(text).starts_with(said), "{text}: {}", refused(text));
    }
}

#[test]
fn users_whom_a_directory_has_locked_come_disabled() {
    for (line, is_active) in [
        ("userAccountControl: 512", true),
        ("userAccountControl: 514", false),
        ("userAccountControl: 0x202", false),
        ("nsAccountLock: FALSE", true),
        ("nsAccountLock: TRUE", false),
        ("pwdAccountLockedTime: 20261130120000Z", true),
        ("pwdAccountLockedTime: 000001010000Z", false),
    ] {
        let text = format!("dn: uid=ada\nobjectClass: person\nuid: ada\n{line}\n");
        let (_, found) = read_text(&text).unwrap();
        assert_eq!(found.users.first().map(|user| user.active), Some(is_active), "{line}");
    }
}

#[test]
fn files_whose_parts_are_all_compared_with_each_other_are_refused() {
    let person = "dn: uid=ada\nobjectClass: person\nuid: ada\n";
    let groups: Vec<String> = (0..50_000)
        .map(|number| format!("\ndn: cn={number}\nobjectClass: posixGroup\ncn: {number}\nmemberUid: ada\n"))
        .collect();
    let refusal = refused(&(person.to_owned() + &groups.concat()));
    assert_eq!(refusal, "line 5005: user \"ada\" is in more than 1000 groups");
    let own: Vec<_> = (0..49_000).map(|number| format!("memberOf: cn={number}\n")).collect();
    assert!(refused(&(person.to_owned() + &own.concat())).contains("more than 1000 groups"));
    let columns: Vec<String> = (0..200_000).map(|number| format!("attribute.{number}")).collect();
    assert!(refused(&format!("name,{}\n", columns.join(","))).contains("more than 1000 columns"));
}

#[test]
fn a_format_is_told_by_its_content_or_not_at_all() {
    for text in ["", "\n\n", "hello\n", "a:b:c\n"] {
        assert!(refused(text).contains("cannot be told from its content"), "{text:?}: {}", refused(text));
    }
    assert_eq!("ldif".parse(), Ok(Format::Ldif));
    assert!("yaml".parse::<Format>().is_err());
}

/// `length` bytes of the same character.
struct Endless(u8, u64);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(usize::try_from(self.1).unwrap_or(usize::MAX));
        buffer[..count].fill(self.0);
        self.1 -= count as u64;
        Ok(count)
    }
}

#[test]
fn a_line_of_a_gibibyte_is_refused_after_its_first_part() {
    for format in Format::ALL {
        let error = read(Endless(b'a', 1 << 30), Some(format)).map(|_| panic!("{format}")).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("line 1: it has more than 65536 bytes") || said.contains("more than 16 MiB"),
            "{said}"
        );
    }
    assert!(read(Endless(b'[', 1 << 30), None).unwrap_err().to_string().contains("more than 16 MiB"));
}

#[test]
fn text_that_is_not_utf_8_is_refused_with_its_line() {
    for (format, bytes) in [
        (Format::Htpasswd, &b"alice:x\nb\xff:y\n"[..]),
        (Format::Ldif, b"dn: a\ncn: \xff\n"),
        (Format::Csv, b"name\n\xff\n"),
        (Format::Django, b"[\n\xff]"),
        (Format::Authelia, b"users:\n \xff"),
    ] {
        let error = read(bytes, Some(format)).map(|_| panic!("{format}")).unwrap_err();
        assert_eq!(error.to_string(), "line 2: it is not UTF-8 text", "{format}");
    }
}

#[test]
fn deep_and_long_json_is_refused() {
    assert!(refused(&"[".repeat(1_000_000)).contains("no dump of Django"));
    let many = format!(
        r#"[{{"model": "auth.user", "fields": {{"username": "a", "password": "!", "groups": [{}0]}}}}]"#,
        "0,".repeat(1000)
    );
    assert!(refused(&many).starts_with("line 1: this is no dump of Django"), "{}", refused(&many));
    assert!(
        refused("{\"format\": \"portcullis-users\", \"version\": 2, \"users\": []}").contains("in version 1")
    );
}

proptest! {
    /// No file makes a reader panic.
    #[test]
    fn any_file_is_read_or_refused(text in prop_oneof![
        "[\\PC\n\r\t]{0,200}",
        "(dn|uid|cn|member|objectClass|userPassword|version)(:|::|;x:) ?[a-zA-Z0-9=,\\\\ \n]{0,80}",
        "(name|username|email|groups)[,;\t](active|email)?\n[\\PC\n,;\"]{0,100}",
        "users:\n  [a-z]{1,3}:\n    [a-z&*!|>{}\\[\\], :\n-]{0,80}",
        "[\\[{]?[\"a-z:,{}\\[\\]0-9 ]{0,100}",
    ], format in prop::sample::select(Format::ALL.map(Some).into_iter().chain([None]).collect::<Vec<_>>())) {
        let _read = read(text.as_bytes(), format).is_ok();
    }
}
