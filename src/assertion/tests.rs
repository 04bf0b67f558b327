//! Keys over time, claims, and what a cached assertion is worth.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use data_encoding::BASE64URL_NOPAD;
use http::HeaderName;
use serde_json::Value;

use super::{
    Asserted, AssertionCache, AssertionSettings, Assertions, ClaimValue, KeyFolder, KeyFolderSettings,
    key_set::{KEPT, LEAD, MAX_AGE},
};
use crate::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, GroupName, Proof, ProofMethod, Proofs, User, UserId, UserName},
    users::Account,
};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn folder(path: &std::path::Path, rotate_every: Option<Duration>) -> KeyFolderSettings {
    KeyFolderSettings { folder: path.to_owned(), rotate_every }
}

fn kids(jwks: &str) -> Vec<String> {
    let jwks: Value = serde_json::from_str(jwks).unwrap();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn account(id: i64, name: &str, groups: &[&str]) -> Arc<Account> {
    let user = User {
        id: UserId(id),
        name: UserName::parse(name).unwrap(),
        email: format!("{name}@example.com"),
        full_name: String::new(),
        superuser: false,
        groups: groups.iter().map(|name| GroupName::parse(name).unwrap()).collect(),
        permissions: Vec::new(),
        attributes: BTreeMap::from([("team".into(), "blue".into()), ("long".into(), "x".repeat(10_000))]),
    };
    Arc::new(Account::of_user(Arc::new(user), CredentialVersion(1)))
}

fn settings(audience: &str) -> Arc<AssertionSettings> {
    Arc::new(AssertionSettings {
        issuer: "https://login.example.com".into(),
        audience: audience.into(),
        header: HeaderName::from_static("portcullis-assertion"),
        bearer: true,
        claims: vec![
            ("roles".into(), ClaimValue::Groups),
            ("team".into(), ClaimValue::Attribute("team".into())),
        ],
    })
}

struct Signer {
    assertions: Arc<Assertions>,
    cache: AssertionCache,
    clock: Clock,
    folder_guard: tempfile::TempDir,
}

impl Signer {
    fn new() -> Self {
        let (clock, temporary) = (Clock::manual(START), tempfile::tempdir().unwrap());
        let assertions = Assertions::new(clock.clone());
        assertions.use_folder(Some(folder(temporary.path(), None))).unwrap();
        Self { assertions, cache: AssertionCache::default(), clock, folder_guard: temporary }
    }

    fn sign(
        &self,
        app: usize,
        settings: &Arc<AssertionSettings>,
        account: &Arc<Account>,
        proofs: &Proofs,
    ) -> String {
        let asserted = Asserted { account, session: None, proofs };
        let fields =
            self.assertions.fields(&self.cache, (app, settings), &asserted, self.clock.now()).unwrap();
        assert_eq!(fields[1].1.to_str().unwrap(), format!("Bearer {}", fields[0].1.to_str().unwrap()));
        assert!(!format!("{fields:?}").contains(fields[0].1.to_str().unwrap()), "a value is shown");
        fields[0].1.to_str().unwrap().to_owned()
    }
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

#[test]
fn an_assertion_is_signed_once_for_one_user_app_account_and_proofs() {
    let signer = Signer::new();
    let (wiki, other) = (settings("wiki"), settings("other"));
    let (alice, bob) = (account(1, "alice", &["staff"]), account(2, "bob", &[]));
    let password = Proofs::password(START);
    let first = signer.sign(0, &wiki, &alice, &password);
    assert_eq!(signer.sign(0, &wiki, &alice, &password), first);
    let both = password.with(Proof { method: ProofMethod::Totp, at: START });
    let changed = account(1, "alice", &[]);
    for (what, app, settings, account, proofs) in [
        ("user", 0, &wiki, &bob, &password),
        ("app", 1, &other, &alice, &password),
        // A reload may give another app the number.
        ("settings", 0, &other, &alice, &password),
        ("account", 0, &wiki, &changed, &password),
        ("proofs", 0, &wiki, &alice, &both),
    ] {
        // The newest entry differs in this alone.
        let before = signer.sign(0, &wiki, &alice, &password);
        assert_ne!(signer.sign(app, settings, account, proofs), before, "another {what}");
    }
    for _ in 0..3 {
        assert_eq!(claims(&signer.sign(0, &wiki, &bob, &password))["preferred_username"], "bob");
        assert_eq!(claims(&signer.sign(0, &wiki, &alice, &password))["preferred_username"], "alice");
    }
    let again = signer.sign(0, &wiki, &alice, &password);
    signer.clock.advance(Duration::from_secs(149));
    assert_eq!(signer.sign(0, &wiki, &alice, &password), again);
    signer.clock.advance(Duration::from_secs(2));
    let later = signer.sign(0, &wiki, &alice, &password);
    assert_ne!(later, again, "after half its life");
    let earlier = Asserted { account: &alice, session: None, proofs: &password };
    let at = signer.clock.now() - Duration::from_secs(10);
    let fields = signer.assertions.fields(&signer.cache, (0, &wiki), &earlier, at).unwrap();
    assert_ne!(fields[0].1.to_str().unwrap(), later, "a clock that was set back makes a new one");
}

#[test]
fn claims_name_the_user_the_app_and_the_proofs() {
    let signer = Signer::new();
    let proofs =
        Proofs::password(START - Duration::from_mins(1)).with(Proof { method: ProofMethod::Totp, at: START });
    let claims = claims(&signer.sign(0, &settings("wiki"), &account(7, "alice", &["ops", "staff"]), &proofs));
    let seconds = START.as_millis() / 1000;
    for (name, value) in [
        ("iss", Value::from("https://login.example.com")),
        ("aud", "wiki".into()),
        ("sub", "7".into()),
        ("name", "alice".into()),
        ("email", "alice@example.com".into()),
        ("email_verified", false.into()),
        ("iat", seconds.into()),
        ("exp", (seconds + 300).into()),
        ("nbf", (seconds - 30).into()),
        ("auth_time", seconds.into()),
        ("groups", vec!["ops", "staff"].into()),
        ("roles", vec!["ops", "staff"].into()),
        ("team", "blue".into()),
        ("amr", vec!["mfa", "otp", "pwd"].into()),
    ] {
        assert_eq!(claims[name], value, "{name} in {claims}");
    }
    assert!(claims["jti"].as_str().unwrap().len() >= 22 && claims.get("sid").is_none(), "{claims}");
}

/// J-7.
#[test]
fn an_assertion_fits_into_a_header_field_and_says_if_groups_are_missing() {
    let signer = Signer::new();
    for count in [0, 1, 20, 200, 2000] {
        let names: Vec<String> = (0..count).map(|number| format!("group-number-{number:05}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut settings = (*settings("wiki")).clone();
        settings.claims.push(("long".into(), ClaimValue::Attribute("long".into())));
        let token =
            signer.sign(0, &Arc::new(settings), &account(1, "alice", &names), &Proofs::password(START));
        assert!(token.len() <= 4096, "{count}: {}", token.len());
        let claims = claims(&token);
        let kept = claims["groups"].as_array().unwrap();
        assert_eq!(claims.get("groups_truncated").is_some(), kept.len() < count, "{count}: {claims}");
        assert!(kept.len() >= count.min(40), "{count}: {claims}");
        assert!(kept.iter().zip(&names).all(|(kept, name)| kept == name), "{count}");
        assert_eq!((claims.get("long"), &claims["team"]), (None, &Value::from("blue")), "{claims}");
    }
}

#[test]
fn the_cache_is_bounded() {
    let signer = Signer::new();
    let settings = settings("wiki");
    for id in 0..9000 {
        signer.sign(0, &settings, &account(id, "alice", &[]), &Proofs::password(START));
    }
    assert!((1000..9000).contains(&signer.cache.len()), "{}", signer.cache.len());
}

#[test]
fn gateways_that_start_together_on_one_folder_sign_with_one_key() {
    let temporary = tempfile::tempdir().unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let settings = folder(&temporary.path().join("keys"), None);
            std::thread::spawn(move || KeyFolder::open(settings, START).unwrap().list(START))
        })
        .collect();
    let listed: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(listed[0].len(), 1);
    assert!(listed.iter().all(|other| *other == listed[0]), "{listed:?}");
}

/// J-3: two gateways with one folder, read at different times; a verifier that keeps the keys of either for five minutes.
#[test]
fn a_verifier_that_keeps_the_keys_for_five_minutes_knows_every_key_that_signs() {
    for (rotate_every, by_hand) in [(Some(Duration::from_hours(2)), false), (None, true)] {
        let temporary = tempfile::tempdir().unwrap();
        let clock = Clock::manual(START);
        let gateways = [(), ()].map(|()| {
            let assertions = Assertions::new(clock.clone());
            assertions.use_folder(Some(folder(temporary.path(), rotate_every))).unwrap();
            assertions
        });
        let (cache, settings, alice) = (
            [AssertionCache::default(), AssertionCache::default()],
            settings("wiki"),
            account(1, "alice", &[]),
        );
        let proofs = Proofs::password(START);
        let (mut known, mut fetched, mut signed_with) =
            (kids(&gateways[0].jwks().unwrap()), START, Vec::new());
        // The last assertions that are still valid.
        let mut valid: Vec<(Timestamp, String)> = Vec::new();
        for step in 0..1500_u64 {
            clock.advance(Duration::from_secs(20));
            let now = clock.now();
            // The one looks at the files every 20 seconds, the other every two minutes.
            gateways[0].read_folder();
            if step % 6 == 5 {
                gateways[1].read_folder();
            }
            if by_hand && step % 400 == 100 {
                KeyFolder::open(folder(temporary.path(), None), now).unwrap().rotate(now).unwrap();
            }
            if now.since(fetched) >= MAX_AGE {
                (known, fetched) = (kids(&gateways[usize::try_from(step % 2).unwrap()].jwks().unwrap()), now);
            }
            for (gateway, cache) in gateways.iter().zip(&cache) {
                let asserted = Asserted { account: &alice, session: None, proofs: &proofs };
                let fields = gateway.fields(cache, (0, &settings), &asserted, now).unwrap();
                let header = fields[0].1.to_str().unwrap().split('.').next().unwrap();
                let header: Value =
                    serde_json::from_slice(&BASE64URL_NOPAD.decode(header.as_bytes()).unwrap()).unwrap();
                valid.push((now, header["kid"].as_str().unwrap().to_owned()));
            }
            valid.retain(|(at, _)| now.since(*at) < Duration::from_mins(5));
            for (_, kid) in &valid {
                assert!(known.contains(kid), "step {step}: {kid} is not among {known:?}");
                if signed_with.last() != Some(kid) {
                    signed_with.push(kid.clone());
                }
            }
        }
        signed_with.dedup();
        signed_with.sort();
        signed_with.dedup();
        assert!(signed_with.len() >= 4, "{} keys have signed", signed_with.len());
        let files = std::fs::read_dir(temporary.path()).unwrap().count();
        assert!(files < signed_with.len(), "{files} files: old keys are removed");
    }
}

#[test]
fn a_new_key_is_published_before_it_signs_and_an_old_one_after() {
    let temporary = tempfile::tempdir().unwrap();
    let mut keys = KeyFolder::open(folder(temporary.path(), None), START).unwrap();
    let rotated = START + Duration::from_hours(1);
    keys.rotate(rotated).unwrap();
    let state = |after: Duration| -> Vec<(u64, bool, bool)> {
        keys.list(rotated + after).iter().map(|key| (key.number, key.signs, key.is_published)).collect()
    };
    assert_eq!(state(Duration::ZERO), [(2, false, true), (1, true, true)]);
    assert_eq!(
        state(LEAD.checked_sub(Duration::from_millis(1)).unwrap()),
        [(2, false, true), (1, true, true)]
    );
    assert_eq!(state(LEAD), [(2, true, true), (1, false, true)]);
    assert_eq!(state(LEAD + KEPT), [(2, true, true), (1, false, false)]);
}

#[test]
fn a_file_that_is_no_key_is_named_and_stops_nothing_that_works() {
    let signer = Signer::new();
    let temporary = tempfile::tempdir().unwrap();
    std::fs::write(temporary.path().join("key-00000001.pem"), "Created: 1\nnothing\n").unwrap();
    let error = KeyFolder::open(folder(temporary.path(), None), START).unwrap_err().to_string();
    assert!(error.contains("key-00000001.pem") && !error.contains("nothing"), "{error}");
    let before = signer.assertions.jwks();
    std::fs::write(signer.folder_guard.path().join("key-00000002.pem"), "").unwrap();
    signer.assertions.read_folder();
    assert_eq!(signer.assertions.jwks(), before);
}
