//! The profile page through the front door: own fields of each type, activity, and the download of one's data.

use std::{fs, time::Duration};

use portcullis::{
    identity::UserName,
    users::{FactorName, NewToken, ShownTo, TokenLimits, TotpCode, UserChange},
};

use crate::support::{
    cookies::SESSION,
    gateway::{TestGateway, password},
    process::until,
    visitor::{Response, Visitor},
};

const FIELDS: &str = "\
[[user_field]]\nname = \"team\"\ntitle = \"Team\"\ntype = \"choice\"\nchoices = [\"red\", \"blue\"]\nrequired = true\neditable_by = \"user\"\n\
[[user_field]]\nname = \"desk\"\ntitle = \"Desk\"\ntype = \"number\"\neditable_by = \"user\"\n\
[[user_field]]\nname = \"born\"\ntitle = \"Born\"\ntype = \"date\"\neditable_by = \"user\"\n\
[[user_field]]\nname = \"motto\"\ntitle = \"Motto\"\neditable_by = \"user\"\n\
[[user_field]]\nname = \"rank\"\ntitle = \"Rank\"\neditable_by = \"admin\"\n";
const APP: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"\n\
                   identity = { X-User = \"username\", X-Team = { attribute = \"team\" } }";
const PROFILE: &str = "/.gateway/account/profile";
const DATA: &str = "/.gateway/account/data";

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

/// A gateway with alice, whose rank an operator has set.
fn gateway() -> TestGateway {
    let gateway = TestGateway::start_with(FIELDS, APP);
    gateway.add_user("alice", &[]);
    let change = UserChange {
        email: Some("alice@example.com".into()),
        attributes: [("rank".to_owned(), "captain".to_owned())].into(),
        ..UserChange::default()
    };
    gateway.users().update(&name("alice"), &change).unwrap();
    gateway
}

fn signed_in(gateway: &TestGateway) -> Visitor {
    let mut alice = Visitor::of(gateway);
    alice.sign_in("alice", &password("alice"));
    alice
}

fn save(visitor: &mut Visitor, values: &[(&str, &str)]) -> Response {
    let csrf = visitor.get(PROFILE).field("csrf");
    let fields: Vec<_> = [("csrf", &*csrf)].into_iter().chain(values.iter().copied()).collect();
    visitor.submit(PROFILE, &fields)
}

/// `key=value` of each attribute of alice.
fn attributes(gateway: &TestGateway) -> Vec<String> {
    let alice = gateway.users().find_by_name(&name("alice")).unwrap().unwrap();
    alice.user.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

#[test]
fn a_user_sets_fields_of_each_type_and_an_application_gets_them() {
    let gateway = gateway();
    let mut alice = signed_in(&gateway);
    let page = alice.get(PROFILE).text();
    for input in [
        "<select id=\"field.team\" name=\"field.team\" required",
        "name=\"field.desk\" type=\"text\" value=\"\" inputmode=\"decimal\"",
        "name=\"field.born\" type=\"date\"",
        "name=\"field.motto\" type=\"text\"",
        "<input id=\"field.rank\" type=\"text\" value=\"captain\" readonly",
    ] {
        assert!(page.contains(input), "{input}: {page}");
    }
    let values = [
        ("full_name", "Alice Äpfel"),
        ("field.team", "blue"),
        ("field.desk", "-1.5"),
        ("field.born", "1990-02-28"),
        ("field.motto", "“<b>” & 'so' on 🦆"),
        ("field.rank", "admiral"),
        ("rank", "admiral"),
        ("superuser", "1"),
    ];
    assert_eq!(save(&mut alice, &values).location(), PROFILE);
    let expected = ["born=1990-02-28", "desk=-1.5", "motto=“<b>” & 'so' on 🦆", "rank=captain", "team=blue"];
    assert_eq!(attributes(&gateway), expected);
    let page = alice.get(PROFILE).text();
    assert!(
        page.contains("<option value=\"blue\" selected>") && page.contains("value=\"1990-02-28\""),
        "{page}"
    );
    assert!(page.contains("“&lt;b&gt;” &amp; &#x27;so&#x27; on 🦆") && !page.contains("<b>”"), "{page}");
    let shown = alice.get("/page").text();
    assert!(shown.to_lowercase().contains("x-team: blue"), "{shown}");
    // An empty value takes the attribute away.
    let values = [("full_name", ""), ("field.team", "red")];
    assert_eq!(save(&mut alice, &values).location(), PROFILE);
    assert_eq!(attributes(&gateway), ["rank=captain", "team=red"]);
}

#[test]
fn unfit_values_are_refused_all_at_once_and_change_nothing() {
    let gateway = gateway();
    let mut alice = signed_in(&gateway);
    assert_eq!(save(&mut alice, &[("field.team", "red"), ("field.motto", "before")]).status, 303);
    let before = attributes(&gateway);
    let long = "x".repeat(1025);
    for (values, problems) in [
        (
            &[
                ("field.team", "green"),
                ("field.desk", "1e5"),
                ("field.born", "2026-02-30"),
                ("field.motto", &*long),
            ][..],
            &[
                "Team: please choose",
                "Desk: please enter a number",
                "Born: please enter a day",
                "Motto: please enter one line",
            ][..],
        ),
        (&[("field.team", "")], &["Team: please enter a value."]),
        (&[], &["Team: please enter a value."]),
        (
            &[("field.team", "red"), ("field.motto", "a\r\nRemote-User: root")],
            &["Motto: please enter one line"],
        ),
        (&[("field.team", "red"), ("field.motto", "a\0b")], &["Motto: please enter one line"]),
        (&[("field.team", "red"), ("full_name", "a\nb")], &["A full name has at most 200 characters"]),
        (&[("field.team", "red"), ("field.desk", "٣")], &["Desk: please enter a number"]),
        (&[("field.team", "red"), ("field.born", "30.11.2026")], &["Born: please enter a day"]),
    ] {
        let response = save(&mut alice, values);
        assert_eq!(response.status, 422, "{values:?}");
        let page = response.text();
        for problem in problems {
            assert!(page.contains(problem), "{problem}: {page}");
        }
        assert_eq!(attributes(&gateway), before, "{values:?}");
    }
    // A field twice, another site's form, and no form at all.
    let csrf = alice.get(PROFILE).field("csrf");
    let twice = [("csrf", &*csrf), ("field.team", "red"), ("field.team", "blue")];
    assert_eq!(alice.submit(PROFILE, &twice).status, 400);
    let fields = [("csrf", &*csrf), ("field.team", "blue")];
    let elsewhere = [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")];
    assert_eq!(alice.submit_with(PROFILE, &fields, &elsewhere).status, 403);
    assert_eq!(alice.submit(PROFILE, &[("csrf", "x"), ("field.team", "blue")]).status, 403);
    gateway.add_user("eve", &[]);
    let mut eve = Visitor::of(&gateway);
    eve.sign_in("eve", &password("eve"));
    assert_eq!(eve.submit(PROFILE, &fields).status, 403, "alice's form in another session");
    assert_eq!(attributes(&gateway), before);
}

#[test]
fn the_activity_page_shows_what_happened_to_this_account() {
    let gateway = gateway();
    let mut alice = signed_in(&gateway);
    save(&mut alice, &[("field.team", "red")]);
    gateway.add_user("eve", &[]);
    let mut eve = Visitor::of(&gateway);
    eve.sign_in("eve", &password("eve"));
    let mut page = String::new();
    until("the operator's change is noted", || {
        page = alice.get("/.gateway/account/activity").text();
        page.contains("Account made by an administrator")
    });
    for text in ["Signed in", "Profile changed", "127.0.0.1"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert_eq!(page.matches("Signed in<").count(), 1, "{page}");
    let mut stranger = Visitor::of(&gateway);
    assert_eq!(stranger.get("/.gateway/account/activity").status, 303);
}

#[test]
fn the_data_are_downloaded_after_a_fresh_proof_alone_and_hold_no_secret() {
    let gateway = gateway();
    let mut alice = signed_in(&gateway);
    save(&mut alice, &[("full_name", "Alice A"), ("field.team", "red")]);
    let mut store = gateway.users();
    let account = store.find_by_name(&name("alice")).unwrap().unwrap();
    let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: "test" };
    let shown = store.start_totp(shown_to).unwrap();
    let code = shown.secret.code_at(gateway.clock.now()).unwrap();
    let phone = FactorName::parse("My phone").unwrap();
    let code = TotpCode::parse(&code);
    let enrolled = store.enrol_totp(shown_to, &shown.sealed, &phone, code.as_ref()).unwrap().unwrap();
    let expires = gateway.clock.now() + Duration::from_hours(24);
    let new = NewToken { name: "Backup".into(), expires, limits: TokenLimits::default() };
    let (_, token) = store.add_token(&name("alice"), &new).unwrap();
    let directory = &gateway.shared.directory;
    until("the gateway knows of factor and token", || {
        directory.cached(account.user.id).is_none_or(|account| !account.tokens.is_empty())
    });
    let before = alice.get(PROFILE).field("csrf");
    let download = |visitor: &mut Visitor, csrf: &str| visitor.submit(DATA, &[("csrf", csrf)]);
    assert_eq!(alice.get(DATA).status, 405, "a link cannot ask for it");
    // The sign-in was a moment ago, but without the factor that the account has.
    let response = download(&mut alice, &before);
    let confirm = response.location().to_owned();
    assert!(confirm.starts_with("/.gateway/confirm"), "{} {}", response.status, response.text());
    let form = alice.get(&confirm);
    let (csrf, next) = (form.field("csrf"), form.field("next"));
    gateway.clock.advance(Duration::from_secs(30));
    let code = shown.secret.code_at(gateway.clock.now()).unwrap();
    let response = alice.submit(&confirm, &[("csrf", &*csrf), ("next", &*next), ("code", &*code)]);
    assert_eq!(response.status, 303, "{}", response.text());

    let csrf = alice.get(PROFILE).field("csrf");
    let elsewhere = [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")];
    for (what, response) in [
        ("a stranger", download(&mut Visitor::of(&gateway), &csrf)),
        ("a form of before the proof", download(&mut alice, &before)),
        ("another site", alice.submit_with(DATA, &[("csrf", &*csrf)], &elsewhere)),
    ] {
        assert!(
            response.status != 200 && !response.text().contains("captain"),
            "{what}: {}",
            response.text()
        );
    }
    let response = download(&mut alice, &csrf);
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-disposition"), "attachment; filename=\"account.json\"");
    assert_eq!(
        (response.header("content-type"), response.header("cache-control")),
        ("application/json", "no-store")
    );
    let text = response.text();
    let data: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(data["account"]["user_name"], "alice");
    assert_eq!(data["account"]["full_name"], "Alice A");
    assert_eq!(data["account"]["attributes"], serde_json::json!({ "rank": "captain", "team": "red" }));
    assert_eq!(data["second_factors"][0]["name"], "My phone");
    assert_eq!(data["recovery_codes_left"], 10);
    assert_eq!(data["api_tokens"][0]["name"], "Backup");
    assert_eq!(data["sessions"].as_array().unwrap().len(), 1);
    let what: Vec<_> =
        data["activity"].as_array().unwrap().iter().map(|it| it["what"].as_str().unwrap()).collect();
    assert!(what.contains(&"signed-in") && what.contains(&"profile-changed"), "{what:?}");

    let folder = gateway.folder().join("state");
    let mut secrets = vec![
        password("alice"),
        alice.cookies[SESSION].clone(),
        csrf.clone(),
        token.expose().to_owned(),
        shown.secret.to_groups().replace(' ', ""),
        fs::read_to_string(folder.join("secret.key")).unwrap().trim().to_owned(),
        "$argon2".to_owned(),
        "password_hash".to_owned(),
    ];
    for code in enrolled.codes.unwrap().iter() {
        let groups = code.to_groups();
        secrets.extend([groups.to_string(), groups.replace('-', "")]);
    }
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "{secret} is in {text}");
    }

    let is_key = |window: &[u8]| window.iter().all(u8::is_ascii_hexdigit);
    assert!(!text.as_bytes().windows(64).any(is_key), "the key of a session or a hash: {text}");

    gateway.clock.advance(Duration::from_mins(11));
    let late = download(&mut alice, &csrf);
    assert!(late.location().starts_with("/.gateway/confirm"), "{} {}", late.status, late.text());
    assert!(!late.text().contains("captain"), "{}", late.text());
}
