//! People of an OpenLDAP directory at the sign-in page, against a real `slapd`.

use std::{fs, time::Duration};

use data_encoding::BASE64;
use portcullis::{
    identity::UserName,
    users::{NewToken, TokenLimits},
};

use crate::support::{
    certificates::SelfSigned,
    client::{RawClient, plain_get},
    gateway::{TestGateway, password},
    process::{Workplace, text, until},
    slapd::{SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd},
    visitor::{Response, Visitor},
};

/// Shows the headers that an application gets; `/edit` needs a group.
const APPS: &str = "[[app]]\nupstream = \"builtin:whoami\"\n\
                    [[app.rule]]\npath = \"/edit/**\"\nallow = { group = \"editors\" }\n\
                    [[app.rule]]\npath = \"/admin/**\"\nallow = { group = \"admins\" }\n";
/// So long that no test waits for it.
const NEVER: &str = "refresh = \"10h\"\n";
/// So short that each test waits for it.
const NO_THROTTLE: &str = "[throttle]\nper_account = 100\nper_address = 1000\n";
const OFTEN: &str = "refresh = \"200ms\"\n";

#[test]
fn a_user_of_the_directory_signs_in_and_apps_get_name_address_and_groups() {
    let slapd = Slapd::start(&(people(&["alice", "bob"]) + &*group("Wiki Editors", &["alice"])));
    let urls = [(slapd.tls_url(), ""), (slapd.url(), "start_tls = true\n"), (slapd.url(), "")];
    for (url, keys) in urls {
        let groups = "groups = { \"wiki editors\" = [\"editors\", \"staff\"] }\n";
        let gateway =
            start(&slapd, &url, &format!("{NEVER}{keys}{groups}attributes = {{ team = \"ou\" }}\n"));
        let mut alice = Visitor::of(&gateway);
        alice.sign_in("alice", &secret("alice"));
        let page = alice.get("/").text();
        for expected in [
            "remote-user: alice",
            "remote-email: alice@example.test",
            "remote-name: Alice of the test",
            "remote-groups: editors,staff",
        ] {
            assert!(page.to_lowercase().contains(&expected.to_lowercase()), "{expected} over {url}:\n{page}");
        }
        assert_eq!(alice.get("/edit/").status, 200);
        let mut bob = Visitor::of(&gateway);
        bob.sign_in("bob", &secret("bob"));
        assert_eq!(bob.get("/edit/").status, 403);
        let mut mallory = Visitor::of(&gateway);
        assert_refused(&mallory.sign_in_to("/", "alice", &secret("bob")));
        assert_refused(&mallory.sign_in_to("/", "nobody", &secret("alice")));
    }
}

#[test]
fn a_password_that_is_empty_blank_or_has_a_nul_reaches_no_directory() {
    // With `bind_anon_dn`, slapd calls a bind without a password a success.
    let slapd = Slapd::start_with("allow bind_anon_dn", &people(&["alice"]));
    let gateway = start(&slapd, &slapd.url(), &format!("{NEVER}{NO_THROTTLE}"));
    let mut mallory = Visitor::of(&gateway);
    let nul = format!("{}\0", secret("alice"));
    let long = "x".repeat(2000);
    for password in ["", " ", "   \t", "\u{a0}", "\0", &nul, "\0secret", &long] {
        assert_refused(&mallory.sign_in_to("/", "alice", password));
    }
    let others = || slapd.all_binds() - slapd.binds(SERVICE);
    assert_eq!(others(), 0, "{}", slapd.log());
    // Somebody with a password is counted, so that the count above means something.
    assert_refused(&mallory.sign_in_to("/", "alice", "wrong"));
    assert_eq!((others(), slapd.binds("uid=alice,")), (1, 1));
}

#[test]
fn a_directory_with_another_certificate_gets_no_password() {
    let slapd = Slapd::start(&people(&["alice"]));
    let (tls, plain) = (slapd.tls_url(), slapd.url());
    // The certificate is made out to localhost and 127.0.0.1, and signed by an authority of its own.
    let other_name = tls.replace("localhost", "127.0.0.2");
    let foreign = SelfSigned::make(slapd.folder(), &["localhost"]);
    let foreign = format!("ca = \"{}\"\n", foreign.cert.display());
    let right = format!("ca = \"{}\"\n", slapd.authority().display());
    for (url, keys) in
        [(&other_name, &right), (&tls, &foreign), (&plain, &format!("{foreign}start_tls = true\n"))]
    {
        let section = backend(&slapd, &plain, &format!("{NEVER}{keys}")).replace(&plain, url);
        let gateway = TestGateway::start_with(&section, APPS);
        assert_eq!(Visitor::of(&gateway).sign_in_to("/", "alice", &secret("alice")).status, 503, "{url}");
    }
    assert_eq!(slapd.all_binds(), 0, "{}", slapd.log());
}

#[test]
fn a_hostile_name_finds_its_own_entry_or_none() {
    let names = ["alice", "a\\+b", "ö", "o'neill"];
    let odd = ["Doe\\, John", "\\#x", "a\\2ab"];
    let slapd = Slapd::start(&people(&[&names[..], &odd].concat()));
    let gateway = start(&slapd, &slapd.url(), &format!("{NEVER}{NO_THROTTLE}"));
    let long = "(".repeat(256 << 10);
    let hostile = [
        "*",
        "a*",
        "al*",
        "ali*e",
        "*lice",
        ")(uid=*",
        "alice)(objectClass=*",
        "alice)(|(uid=*",
        "\\2a",
        "\\61lice",
        "(uid=alice)",
        "alice\0",
        "alice\\00",
        "{name}",
        "uid=alice,ou=people,dc=example,dc=test",
        "Doe, John",
        "#x",
        "Doe\\, John",
        "a*b",
        "",
        " ",
        &long[..1000],
    ];
    for name in hostile {
        let mut mallory = Visitor::of(&gateway);
        let response = mallory.sign_in_to("/", name, &secret("alice"));
        assert_refused(&response);
        assert_eq!(slapd.binds("uid=alice,"), 0, "{name:?} found another entry");
    }
    for name in ["alice", "a+b", "ö"] {
        let mut visitor = Visitor::of(&gateway);
        visitor.sign_in(name, &secret(name));
        let page = visitor.get("/").text();
        // A name with other letters is encoded in headers.
        let expected = name.replace('ö', "%C3%B6");
        assert!(page.contains(&expected), "{name}: {page}");
    }
    // The form does not take a quarter of a megabyte at all.
    let mut mallory = Visitor::of(&gateway);
    let csrf = mallory.get("/.gateway/login").field("csrf");
    let fields = [("csrf", &*csrf), ("next", "/"), ("username", &long), ("password", "x")];
    assert_eq!(mallory.submit("/.gateway/login", &fields).status, 413);
    // A name that is not UTF-8 on the wire.
    let raw = format!("csrf={csrf}&next=%2F&username=alice%ff%fe&password=x");
    let request = http::Request::post("/.gateway/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", mallory.origin())
        .body(raw)
        .unwrap();
    assert!(mallory.send(request).status.is_client_error());
}

#[test]
fn a_hostile_name_by_basic_finds_its_own_entry_or_none_and_the_metrics_count_by_backend() {
    let slapd = Slapd::start(&people(&["alice", "ö"]));
    let apps = "[[app]]\nupstream = \"builtin:whoami\"\nprograms = { basic = true }\n";
    let gateway =
        TestGateway::start_with(&backend(&slapd, &slapd.url(), &format!("{NEVER}{NO_THROTTLE}")), apps);
    let ask = |name: &str, password: &str| {
        let credential = BASE64.encode(format!("{name}:{password}").as_bytes());
        let request = http::Request::get("/").header("authorization", format!("Basic {credential}"));
        Visitor::of(&gateway).send(request.body(String::new()).unwrap())
    };
    for hostile in
        ["*", "al*", ")(uid=*", "alice)(objectClass=*", "\\2a", "\\61lice", "alice\0", "", " ", "{name}"]
    {
        assert_eq!(ask(hostile, &secret("alice")).status, 401, "{hostile:?}");
        assert_eq!(slapd.binds("uid=alice,"), 0, "{hostile:?} found another entry");
    }
    assert_eq!(ask("alice", "").status, 401);
    assert_eq!(slapd.binds("uid=alice,"), 0, "an empty password reaches no directory");
    for name in ["alice", "ö"] {
        assert_eq!(ask(name, &secret(name)).status, 200, "{name}");
    }
    assert_eq!(ask("alice", "wrong").status, 401);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &secret("alice"));
    let metrics = gateway.metrics();
    let count = |name: &str| {
        let line = format!("{name}{{backend=\"company\"}} ");
        let count = metrics.lines().find_map(|text| text.strip_prefix(&line));
        count.unwrap_or_else(|| panic!("no {line} in {metrics}")).parse::<u64>().unwrap()
    };
    assert_eq!(count("portcullis_backend_sign_ins_total"), 3, "two by Basic, one by the form");
    assert_eq!(count("portcullis_backend_sign_ins_failed_total"), 2, "an empty password and a wrong one");
}

#[test]
fn a_name_of_two_entries_is_refused_and_both_are_logged() {
    let twin = "dn: uid=alice,ou=more,dc=example,dc=test\nobjectClass: inetOrgPerson\nuid: alice\ncn: Other\nsn: O\n\
                userPassword: secret alice\n\n";
    let more = "dn: ou=more,dc=example,dc=test\nobjectClass: organizationalUnit\nou: more\n\n";
    let slapd = Slapd::start(&(people(&["alice"]) + more + twin));
    let place = Workplace::new(&backend(&slapd, &slapd.url(), NEVER), APPS);
    let gateway = place.start();
    let mut alice = gateway.visitor();
    assert_refused(&alice.sign_in_to("/", "alice", &secret("alice")));
    gateway.stdout.wait_for_text("ambiguous");
    let log = gateway.stderr.wait_for("the message", |log| log.contains("ambiguous").then(|| log.to_owned()));
    for dn in ["uid=alice,ou=people,dc=example,dc=test", "uid=alice,ou=more,dc=example,dc=test"] {
        assert!(log.contains(dn), "{dn}:\n{log}");
    }
    assert_eq!(slapd.binds("uid=alice,"), 0);
}

#[test]
fn spellings_of_a_name_are_one_account_and_one_counter() {
    let slapd = Slapd::start(&people(&["alice", "bob"]));
    let gateway = start(&slapd, &slapd.url(), &format!("{NEVER}[throttle]\nper_account = 3\n"));
    for spelling in ["alice", "ALICE", " alice ", "ａｌｉｃｅ"] {
        Visitor::of(&gateway).sign_in(spelling, &secret("alice"));
    }
    assert_eq!(gateway.users().list().unwrap().len(), 1);
    let mut mallory = Visitor::of(&gateway);
    for spelling in ["bob", "BOB", " Bob "] {
        assert_refused(&mallory.sign_in_to("/", spelling, "wrong"));
    }
    // No user with this name has signed in yet, so that the counter is that of the entry.
    assert_eq!(mallory.sign_in_to("/", "bOb", &secret("bob")).status, 429);
}

#[test]
fn a_stopped_directory_counts_no_failure_and_works_again_by_itself() {
    let mut slapd = Slapd::start(&people(&["alice"]));
    let gateway = start(&slapd, &slapd.url(), &format!("{OFTEN}[throttle]\nper_account = 2\n"));
    gateway.add_user("admin", &[]);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &secret("alice"));
    slapd.kill();
    let mut other = Visitor::of(&gateway);
    for _ in 0..3 {
        for password in [secret("alice"), "wrong".to_owned()] {
            assert_eq!(other.sign_in_to("/", "alice", &password).status, 503);
        }
    }
    Visitor::of(&gateway).sign_in("admin", &password("admin"));
    until("a refresh has failed", || gateway.counted(FAILED_REFRESHES) > 0);
    assert_eq!(alice.get("/").status, 200, "within the grace");
    slapd.start_again();
    until("the directory is asked again", || {
        let response = other.sign_in_to("/", "alice", &secret("alice"));
        assert!([303, 503].contains(&response.status.as_u16()), "{}", response.status);
        response.status == 303
    });
    assert_eq!(alice.get("/").status, 200);
}

#[test]
fn a_directory_that_does_not_respond_counts_no_failure_and_local_users_sign_in() {
    let slapd = Slapd::start(&people(&["alice"]));
    let keys =
        format!("{NEVER}timeout = \"300ms\"\nconnect_timeout = \"300ms\"\n[throttle]\nper_account = 2\n");
    let gateway = start(&slapd, &slapd.url(), &keys);
    gateway.add_user("admin", &[]);
    slapd.freeze();
    let mut visitor = Visitor::of(&gateway);
    for password in [secret("alice"), "wrong".to_owned(), "wrong".to_owned(), "wrong".to_owned()] {
        assert_eq!(visitor.sign_in_to("/", "alice", &password).status, 503);
    }
    assert_refused(&Visitor::of(&gateway).sign_in_to("/", "admin", "wrong"));
    Visitor::of(&gateway).sign_in("admin", &password("admin"));
    slapd.thaw();
    until("the directory is asked again", || {
        visitor.sign_in_to("/", "alice", &secret("alice")).status == 303
    });
}

#[test]
fn users_are_signed_out_when_the_directory_is_away_for_longer_than_the_grace() {
    let mut slapd = Slapd::start(&people(&["alice"]));
    let gateway = start(&slapd, &slapd.url(), &format!("{OFTEN}grace = \"30m\"\n"));
    gateway.add_user("admin", &[]);
    let (mut alice, mut admin) = (Visitor::of(&gateway), Visitor::of(&gateway));
    alice.sign_in("alice", &secret("alice"));
    admin.sign_in("admin", &password("admin"));
    slapd.kill();
    until("a refresh has failed", || gateway.counted(FAILED_REFRESHES) > 0);
    gateway.clock.advance(Duration::from_mins(29));
    let failed = gateway.counted(FAILED_REFRESHES);
    until("another refresh has failed", || gateway.counted(FAILED_REFRESHES) > failed + 1);
    assert_eq!(alice.get("/").status, 200);
    gateway.clock.advance(Duration::from_mins(2));
    until("alice is signed out", || alice.get("/").status == 303);
    assert_eq!(admin.get("/").status, 200, "a local user is not of the directory");
}

#[test]
fn a_user_who_leaves_the_directory_is_signed_out() {
    let slapd = Slapd::start(&(people(&["alice", "bob", "carol", "dora", "eve"]) + LEFT));
    let gateway = start(
        &slapd,
        &slapd.url(),
        &format!(
            "{OFTEN}user_base = \"ou=people,dc=example,dc=test\"\nuser_filter = \"(&(objectClass=inetOrgPerson)(uid={{name}})(!(employeeType=left)))\"\n"
        ),
    );
    let mut visitors = ["alice", "bob", "carol", "dora", "eve"].map(|name| {
        let mut visitor = Visitor::of(&gateway);
        visitor.sign_in(name, &secret(name));
        visitor
    });
    let [alice, bob, carol, dora, eve] = &mut visitors;
    slapd.remove("uid=alice,ou=people,dc=example,dc=test");
    slapd.modify("dn: uid=bob,ou=people,dc=example,dc=test\nchangetype: modify\nadd: employeeType\nemployeeType: left\n");
    slapd.modify("dn: uid=carol,ou=people,dc=example,dc=test\nchangetype: modrdn\nnewrdn: uid=carol\ndeleteoldrdn: 0\nnewsuperior: ou=left,dc=example,dc=test\n");
    slapd.modify("dn: uid=dora,ou=people,dc=example,dc=test\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n");
    for (who, visitor) in [("removed", alice), ("filtered", bob), ("moved", carol), ("locked", dora)] {
        until(&format!("who was {who} is signed out"), || visitor.get("/").status == 303);
    }
    assert_eq!(eve.get("/").status, 200);
    // None of them comes in again.
    for name in ["alice", "bob", "carol", "dora"] {
        assert_refused(&Visitor::of(&gateway).sign_in_to("/", name, &secret(name)));
    }
    assert_eq!(gateway.counted(ENDED_USERS), 4);
}

/// Mallory may write an attribute of her own that the gateway reads. What she writes there must not keep the gateway from
/// looking up the others.
#[test]
fn an_entry_that_cannot_be_read_ends_its_user_alone() {
    let slapd = Slapd::start(&people(&["alice", "bob", "mallory"]));
    let keys = format!("{OFTEN}attributes = {{ note = \"description\" }}\n");
    let gateway = start(&slapd, &slapd.url(), &keys);
    let [mut alice, mut bob, mut mallory] = ["alice", "bob", "mallory"].map(|name| {
        let mut visitor = Visitor::of(&gateway);
        visitor.sign_in(name, &secret(name));
        visitor
    });
    slapd.modify(&format!(
        "dn: uid=mallory,ou=people,{SUFFIX}\nchangetype: modify\nadd: description\ndescription: {}\n",
        "x".repeat(80_000)
    ));
    until("mallory is signed out", || mallory.get("/").status == 303);
    slapd.remove(&format!("uid=alice,ou=people,{SUFFIX}"));
    until("alice is signed out", || alice.get("/").status == 303);
    assert_eq!(bob.get("/").status, 200);
}

#[test]
fn a_group_that_is_taken_away_or_given_in_the_directory_holds_after_the_refresh() {
    let slapd = Slapd::start(&(people(&["alice", "bob"]) + &*group("Wiki Editors", &["alice"])));
    let gateway =
        start(&slapd, &slapd.url(), &format!("{OFTEN}groups = {{ \"Wiki Editors\" = \"editors\" }}\n"));
    let (mut alice, mut bob) = (Visitor::of(&gateway), Visitor::of(&gateway));
    alice.sign_in("alice", &secret("alice"));
    bob.sign_in("bob", &secret("bob"));
    assert_eq!((alice.get("/edit/").status.as_u16(), bob.get("/edit/").status.as_u16()), (200, 403));
    slapd.modify(
        "dn: cn=Wiki Editors,ou=groups,dc=example,dc=test\nchangetype: modify\nreplace: member\n\
         member: uid=bob,ou=people,dc=example,dc=test\n",
    );
    until("alice has lost the group", || alice.get("/edit/").status == 403);
    until("bob has the group", || bob.get("/edit/").status == 200);
    assert_eq!(alice.get("/").status, 200, "and is still signed in");
}

/// The session of its owner is over for long, and nobody signs in: the directory is asked about the owner of a token all
/// the same.
#[test]
fn a_token_ends_and_comes_back_with_its_owner_in_the_directory() {
    let slapd = Slapd::start(&(people(&["alice", "bob"]) + &*group("Wiki Editors", &["alice", "bob"])));
    let keys = format!("{OFTEN}groups = {{ \"Wiki Editors\" = \"editors\" }}\n");
    let apps = APPS.replacen("[[app]]\n", "[[app]]\nprograms = { tokens = true }\n", 1);
    let gateway = TestGateway::start_with(&backend(&slapd, &slapd.url(), &keys), &apps);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &secret("alice"));
    let expires = gateway.clock.now() + Duration::from_hours(30 * 24);
    let new = NewToken { name: "backup".to_owned(), expires, limits: TokenLimits::default() };
    let token = gateway.users().add_token(&name("alice"), &new).unwrap().1;
    let authorization = format!("Authorization: Bearer {}\r\n", token.expose());
    let status = |path| RawClient::connect(&gateway).get(path, &authorization).status;
    until("the token is known", || status("/edit/") == 200);
    gateway.clock.advance(Duration::from_hours(25));
    assert_eq!((alice.get("/").status.as_u16(), status("/edit/")), (303, 200));

    slapd.modify(
        "dn: cn=Wiki Editors,ou=groups,dc=example,dc=test\nchangetype: modify\ndelete: member\n\
         member: uid=alice,ou=people,dc=example,dc=test\n",
    );
    until("the group has ended", || status("/edit/") == 403);
    assert_eq!(status("/"), 200);
    let lock = |change: &str| {
        let of_alice = "dn: uid=alice,ou=people,dc=example,dc=test\nchangetype: modify\n";
        slapd.modify(&format!("{of_alice}{change}"));
    };
    lock("add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n");
    until("the owner is disabled", || status("/") == 401);
    lock("delete: pwdAccountLockedTime\n");
    until("the owner is enabled", || status("/") == 200);
    assert_eq!(alice.get("/").status, 303, "no session comes back");
}

#[test]
fn groups_of_groups_count_and_cycles_and_many_members_end() {
    let many: Vec<String> = (0..3000).map(|number| format!("member{number}")).collect();
    let mut members: Vec<&str> = many.iter().map(String::as_str).collect();
    members.push("alice");
    let entries = people(&["alice", "bob"])
        + &*group("many", &members)
        + &*group_of_dns("inner", &[&dn("alice")])
        + &*group_of_dns("middle", &[&group_dn("inner")])
        + &*group_of_dns("outer", &[&group_dn("middle"), &group_dn("top")])
        + &*group_of_dns("top", &[&group_dn("outer")]);
    let slapd = Slapd::start(&entries);
    let groups = "groups = { many = \"staff\", top = \"admins\", outer = \"editors\" }\n";
    let gateway = start(&slapd, &slapd.url(), &format!("{NEVER}{groups}"));
    let (mut alice, mut bob) = (Visitor::of(&gateway), Visitor::of(&gateway));
    alice.sign_in("alice", &secret("alice"));
    bob.sign_in("bob", &secret("bob"));
    let page = alice.get("/").text();
    assert!(page.contains("admins,editors,staff"), "{page}");
    assert_eq!((alice.get("/admin/").status.as_u16(), bob.get("/admin/").status.as_u16()), (200, 403));
    gateway.reload(&backend(&slapd, &slapd.url(), &format!("{NEVER}{groups}nested = false\n")), APPS);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &secret("alice"));
    assert_eq!(alice.get("/admin/").status, 403, "only groups that list the user");
}

#[test]
fn a_group_that_is_mapped_by_its_dn_is_not_another_of_the_same_name() {
    // Mallory may make groups in a branch of her own.
    let own = "dn: ou=mallory,dc=example,dc=test\nobjectClass: organizationalUnit\nou: mallory\n\n\
               dn: cn=admins,ou=mallory,dc=example,dc=test\nobjectClass: groupOfNames\ncn: admins\n\
               member: uid=mallory,ou=people,dc=example,dc=test\n\n";
    let slapd = Slapd::start(&(people(&["alice", "mallory"]) + &*group("admins", &["alice"]) + own));
    let groups = "groups = { \"CN=admins, OU=groups, DC=example, DC=test\" = \"admins\" }\n";
    let gateway = start(&slapd, &slapd.url(), &format!("{NEVER}{groups}"));
    for (name, expected) in [("alice", 200), ("mallory", 403)] {
        let mut visitor = Visitor::of(&gateway);
        visitor.sign_in(name, &secret(name));
        assert_eq!(visitor.get("/admin/").status, expected, "{name}");
    }
    let place = Workplace::new(&backend(&slapd, &slapd.url(), "groups = { admins = \"admins\" }\n"), APPS);
    let report = place.command(&["backend", "test", "company"]).output().unwrap();
    let report = text(&report.stdout);
    assert!(report.contains("several groups have one name"), "{report}");
    assert!(report.contains("cn=admins,ou=mallory,dc=example,dc=test"), "{report}");
}

#[test]
fn a_local_account_wins_over_the_directory() {
    let slapd = Slapd::start(&people(&["alice", "bob", "carol"]));
    let gateway = start(&slapd, &slapd.url(), OFTEN);
    gateway.add_user("carol", &[]);
    // The name of a local user stays that user's, whatever the directory says.
    assert_refused(&Visitor::of(&gateway).sign_in_to("/", "carol", &secret("carol")));
    Visitor::of(&gateway).sign_in("carol", &password("carol"));
    assert_eq!(slapd.binds("uid=carol,"), 0);
    // A user who is disabled here is out, and stays out.
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &secret("alice"));
    gateway.users().set_active(&name("alice"), false).unwrap();
    until("alice is out", || alice.get("/").status == 303);
    assert_refused(&Visitor::of(&gateway).sign_in_to("/", "alice", &secret("alice")));
    // A user of the directory has no password here that could be set.
    let mut bob = Visitor::of(&gateway);
    bob.sign_in("bob", &secret("bob"));
    assert!(gateway.users().find_by_name(&name("bob")).unwrap().unwrap().password.is_none());
}

#[test]
fn a_renamed_user_keeps_the_account_and_a_new_one_with_the_name_gets_nothing() {
    let slapd = Slapd::start(&people(&["alice"]));
    let gateway = start(&slapd, &slapd.url(), OFTEN);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &secret("alice"));
    let id = gateway.users().find_by_name(&name("alice")).unwrap().unwrap().user.id;
    slapd.modify("dn: uid=alice,ou=people,dc=example,dc=test\nchangetype: modrdn\nnewrdn: uid=alicia\ndeleteoldrdn: 1\n");
    let refreshed = gateway.counted(REFRESHED_USERS);
    until("the refresh has seen the new name", || gateway.counted(REFRESHED_USERS) > refreshed + 1);
    assert_eq!(alice.get("/").status, 200, "the session goes on");
    let mut alicia = Visitor::of(&gateway);
    alicia.sign_in("alicia", &secret("alice"));
    assert!(alicia.get("/").text().contains("alice"), "the account keeps its name");
    // Somebody new gets the old name.
    slapd.add(&person("alice"));
    assert_refused(&Visitor::of(&gateway).sign_in_to("/", "alice", &secret("alice")));
    let users = gateway.users().list().unwrap();
    assert_eq!(users.iter().map(|account| account.user.id).collect::<Vec<_>>(), [id]);
}

#[test]
fn the_name_of_a_removed_user_is_given_to_nobody_by_a_directory() {
    let slapd = Slapd::start(&people(&["alice", "bob"]));
    let gateway = start(&slapd, &slapd.url(), OFTEN);
    for who in ["alice", "bob"] {
        Visitor::of(&gateway).sign_in(who, &secret(who));
    }
    gateway.users().remove(&name("alice")).unwrap();
    assert_refused(&Visitor::of(&gateway).sign_in_to("/", "alice", &secret("alice")));
    // Somebody new under her name.
    slapd.modify("dn: uid=alice,ou=people,dc=example,dc=test\nchangetype: delete\n");
    slapd.add(&person("alice"));
    assert_refused(&Visitor::of(&gateway).sign_in_to("/", "alice", &secret("alice")));
    assert!(gateway.users().find_by_name(&name("alice")).unwrap().is_none());
    Visitor::of(&gateway).sign_in("bob", &secret("bob"));
}

#[test]
fn somebody_who_asked_to_stay_signed_in_does_so_after_the_step_of_required_fields() {
    const FIELDS_STEP: &str = "/.gateway/login/profile";
    let slapd = Slapd::start(&people(&["alice"]));
    let limits = "lifetime = \"24h\"\nidle_timeout = \"24h\"\n";
    let section = backend(&slapd, &slapd.url(), NEVER)
        .replace(limits, &format!("{limits}remember_lifetime = \"30d\"\n"));
    let field = "[[user_field]]\nname = \"desk\"\nrequired = true\neditable_by = \"user\"\n";
    let gateway = TestGateway::start_with(&format!("{section}{field}"), APPS);
    for (remember, is_signed_in) in [("yes", true), ("", false)] {
        let mut alice = Visitor::of(&gateway);
        let (csrf, right) = (alice.get("/.gateway/login?next=/page").field("csrf"), secret("alice"));
        let fields =
            [("csrf", csrf.as_str()), ("next", "/page"), ("username", "alice"), ("password", &right)];
        let proved = alice.submit("/.gateway/login", &[&fields[..], &[("remember", remember)]].concat());
        if remember.is_empty() {
            assert_eq!(proved.location(), "/page", "it is asked once");
        } else {
            assert_eq!(proved.location(), FIELDS_STEP, "{}", proved.text());
            let csrf = alice.get(FIELDS_STEP).field("csrf");
            let done = alice.submit(FIELDS_STEP, &[("csrf", &csrf), ("field.desk", "12")]);
            assert_eq!(done.location(), "/page", "{}", done.text());
        }
        assert_eq!(alice.get("/").status, 200);
        gateway.clock.advance(Duration::from_hours(48));
        assert_eq!(alice.get("/").status == 200, is_signed_in, "{remember:?}");
    }
}

#[test]
fn other_presets_read_entries_that_are_shaped_like_theirs() {
    for (preset, base, entries, name, state) in [
        ("freeipa", "cn=users,cn=accounts,dc=example,dc=test", FREEIPA, "ipa", "nsAccountLock: TRUE"),
        ("lldap", "ou=people,dc=example,dc=test", LLDAP, "lldap", ""),
        ("authentik", "ou=users,dc=example,dc=test", AUTHENTIK, "ak", "ak-active: false"),
    ] {
        let slapd = Slapd::start_with(ATTRIBUTES, entries);
        let keys = format!("{OFTEN}groups = {{ \"Wiki Editors\" = \"editors\" }}\n");
        let section = backend(&slapd, &slapd.url(), &keys).replace("\"openldap\"", &format!("\"{preset}\""));
        let gateway = TestGateway::start_with(&section, APPS);
        let mut visitor = Visitor::of(&gateway);
        visitor.sign_in(name, &secret(name));
        assert_eq!(visitor.get("/edit/").status, 200, "{preset}");
        if state.is_empty() {
            continue;
        }
        let attribute = state.split(':').next().unwrap();
        let rdn = if preset == "authentik" { "cn" } else { "uid" };
        slapd
            .modify(&format!("dn: {rdn}={name},{base}\nchangetype: modify\nreplace: {attribute}\n{state}\n"));
        until("who is disabled there is signed out", || visitor.get("/").status == 303);
        assert_refused(&Visitor::of(&gateway).sign_in_to("/", name, &secret(name)));
    }
}

#[test]
fn the_values_of_each_preset_are_shown() {
    for (preset, expected) in [
        (
            "active-directory",
            ["objectGUID", "sAMAccountName", "userAccountControl, accountExpires, pwdLastSet"],
        ),
        ("openldap", ["entryUUID", "uid", "pwdAccountLockedTime, pwdReset"]),
        ("freeipa", ["ipaUniqueID", "uid", "nsAccountLock, krbPrincipalExpiration"]),
        ("lldap", ["entryUUID", "uid", ""]),
        ("authentik", ["uid", "cn", "ak-active, goauthentik-io-ldap-active"]),
    ] {
        let place = Workplace::empty();
        fs::write(place.path("password"), SERVICE_PASSWORD).unwrap();
        place.write(&format!(
            "[groups]\neditors = []\nadmins = []\n[[backend]]\ntype = \"local\"\n\
             [[backend]]\ntype = \"ldap\"\nname = \"company\"\npreset = \"{preset}\"\n\
             url = \"ldap://127.0.0.1\"\nbind_dn = \"cn=gateway,dc=example,dc=com\"\nbind_password_file = \"password\"\n\
             base = \"dc=example,dc=com\"\n{APPS}"
        ));
        let output = place.command(&["backend", "show", "company", "--json"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let values =
            ["user_id", "user_name", "account states"].map(|key| shown[key].as_str().unwrap().to_owned());
        assert_eq!(values, expected.map(str::to_owned), "{preset}");
        assert!(shown["user_filter"].as_str().unwrap().contains("{name}"), "{shown}");
    }
}

#[test]
fn no_password_of_the_service_or_a_user_is_written_anywhere() {
    let slapd = Slapd::start(&people(&["alice"]));
    let place = Workplace::new(&backend(&slapd, &slapd.url(), OFTEN), APPS);
    let mut command = place.command(&[]);
    command.env("PORTCULLIS_LOG", "trace");
    let gateway = place.start_command(command);
    let mut alice = gateway.visitor();
    let mut pages = alice.sign_in_to("/", "alice", "another velvet secret").text();
    alice.sign_in("alice", &secret("alice"));
    for page in ["/", "/.gateway/account", "/nowhere"] {
        pages += &alice.get(page).text();
    }
    let metrics = plain_get(gateway.status, "/metrics");
    let mut written = vec![pages, metrics];
    for arguments in [
        &["backend", "test", "company", "--user", "alice"][..],
        &["backend", "test", "company", "--json"],
        &["backend", "show", "company"],
        &["backend", "list"],
        &["check"],
    ] {
        let output = place.command(arguments).output().unwrap();
        written.extend([text(&output.stdout), text(&output.stderr)]);
    }
    let (_, out, err) = gateway.stop();
    written.extend([out, err]);
    for text in &written {
        for secret in [SERVICE_PASSWORD, &secret("alice"), "another velvet secret"] {
            assert!(!text.contains(secret), "{secret:?} in:\n{text}");
        }
    }
}

fn start(slapd: &Slapd, url: &str, keys: &str) -> TestGateway {
    TestGateway::start_with(&backend(slapd, url, keys), APPS)
}

/// The sections of a gateway with the local backend and this directory; `keys` end the section of the directory.
fn backend(slapd: &Slapd, url: &str, keys: &str) -> String {
    let uses_tls = url.starts_with("ldaps") || keys.contains("start_tls");
    let ca = if uses_tls && !keys.contains("ca = ") {
        format!("ca = \"{}\"\n", slapd.authority().display())
    } else {
        String::new()
    };
    format!(
        "[session]\nlifetime = \"24h\"\nidle_timeout = \"24h\"\n\
         [groups]\neditors = []\nstaff = []\nadmins = []\n\
         [[backend]]\ntype = \"local\"\n\
         [[backend]]\ntype = \"ldap\"\nname = \"company\"\npreset = \"openldap\"\nurl = \"{url}\"\n{ca}\
         bind_dn = \"{SERVICE}\"\nbind_password_file = \"{}\"\nbase = \"{SUFFIX}\"\n{keys}",
        slapd.password_file().display()
    )
}

#[track_caller]
fn assert_refused(response: &Response) {
    let page = response.text();
    assert!(
        response.status == 401 || response.status == 400 || response.status == 403,
        "{}\n{page}",
        response.status
    );
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn secret(name: &str) -> String {
    format!("secret {}", unescaped(name))
}

/// The value of a name that is escaped as in a DN.
fn unescaped(name: &str) -> String {
    name.replace("\\2a", "*").replace('\\', "")
}

fn dn(name: &str) -> String {
    format!("uid={name},ou=people,{SUFFIX}")
}

fn group_dn(name: &str) -> String {
    format!("cn={name},ou=groups,{SUFFIX}")
}

/// The branches and these users.
fn people(names: &[&str]) -> String {
    BRANCHES.to_owned() + &*names.iter().map(|name| person(name)).collect::<String>()
}

/// One user; `name` is escaped as in a DN.
fn person(name: &str) -> String {
    let plain = unescaped(name);
    format!(
        "dn: uid={name},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {plain}\ncn: {} of the test\nsn: Test\n\
         mail: {}@example.test\nou: blue\nuserPassword: {}\n\n",
        capitalised(&plain),
        plain.replace([',', ' ', '*', '#'], ""),
        secret(name)
    )
}

fn capitalised(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// A group of these users.
fn group(name: &str, members: &[&str]) -> String {
    let members: Vec<String> = members.iter().map(|member| dn(member)).collect();
    group_of_dns(name, &members.iter().map(String::as_str).collect::<Vec<_>>())
}

fn group_of_dns(name: &str, members: &[&str]) -> String {
    let members: Vec<String> = members.iter().map(|member| format!("member: {member}\n")).collect();
    format!("dn: {}\nobjectClass: groupOfNames\ncn: {name}\n{}\n", group_dn(name), members.concat())
}

const BRANCHES: &str = "dn: ou=people,dc=example,dc=test\nobjectClass: organizationalUnit\nou: people\n\n\
                        dn: ou=groups,dc=example,dc=test\nobjectClass: organizationalUnit\nou: groups\n\n";
/// The branch of those who have left.
const LEFT: &str = "dn: ou=left,dc=example,dc=test\nobjectClass: organizationalUnit\nou: left\n\n";

const FAILED_REFRESHES: &str = "portcullis_directory_refreshes_failed_total{backend=\"company\"}";
const REFRESHED_USERS: &str = "portcullis_directory_users_refreshed_total{backend=\"company\"}";
const ENDED_USERS: &str = "portcullis_directory_users_signed_out_total{backend=\"company\"}";

/// Attributes of other directories, for a server that does not know them.
const ATTRIBUTES: &str = "\
attributetype ( 1.3.6.1.4.1.32473.1.1 NAME 'ipaUniqueID' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.32473.1.2 NAME 'nsAccountLock' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.32473.1.3 NAME 'krbPrincipalExpiration' EQUALITY generalizedTimeMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 )
attributetype ( 1.3.6.1.4.1.32473.1.4 NAME 'ak-active' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.32473.2.1 NAME 'user' SUP top AUXILIARY )
objectclass ( 1.3.6.1.4.1.32473.2.2 NAME 'group' SUP top AUXILIARY )";

/// Users and groups lie below `cn=accounts`; a preserved user is elsewhere.
const FREEIPA: &str = "\
dn: cn=accounts,dc=example,dc=test
objectClass: organizationalRole
cn: accounts

dn: cn=users,cn=accounts,dc=example,dc=test
objectClass: organizationalRole
cn: users

dn: cn=groups,cn=accounts,dc=example,dc=test
objectClass: organizationalRole
cn: groups

dn: uid=ipa,cn=users,cn=accounts,dc=example,dc=test
objectClass: inetOrgPerson
objectClass: posixAccount
objectClass: extensibleObject
uid: ipa
cn: Ipa User
displayName: Ipa User
sn: User
uidNumber: 1000
gidNumber: 1000
homeDirectory: /home/ipa
ipaUniqueID: 5e2f9a6c-8ef0-11ee-a9f1-525400d5a2b1
nsAccountLock: FALSE
krbPrincipalExpiration: 20991231235959Z
userPassword: secret ipa

dn: cn=Wiki Editors,cn=groups,cn=accounts,dc=example,dc=test
objectClass: groupOfNames
cn: Wiki Editors
member: uid=ipa,cn=users,cn=accounts,dc=example,dc=test

";

const LLDAP: &str = "\
dn: ou=people,dc=example,dc=test
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=test
objectClass: organizationalUnit
ou: groups

dn: uid=lldap,ou=people,dc=example,dc=test
objectClass: inetOrgPerson
uid: lldap
cn: Lldap User
sn: User
mail: lldap@example.test
userPassword: secret lldap

dn: cn=Wiki Editors,ou=groups,dc=example,dc=test
objectClass: groupOfNames
cn: Wiki Editors
member: uid=lldap,ou=people,dc=example,dc=test

";

/// `uid` is an identifier, and `cn` the name.
const AUTHENTIK: &str = "\
dn: ou=users,dc=example,dc=test
objectClass: organizationalUnit
ou: users

dn: ou=groups,dc=example,dc=test
objectClass: organizationalUnit
ou: groups

dn: cn=ak,ou=users,dc=example,dc=test
objectClass: inetOrgPerson
objectClass: user
objectClass: extensibleObject
cn: ak
uid: 2ff1a8d2b1f54c8ab1d6c9d5e7c1a9be
displayName: Ak User
sn: User
ak-active: true
userPassword: secret ak

dn: cn=Wiki Editors,ou=groups,dc=example,dc=test
objectClass: groupOfNames
objectClass: group
cn: Wiki Editors
member: cn=ak,ou=users,dc=example,dc=test

";
