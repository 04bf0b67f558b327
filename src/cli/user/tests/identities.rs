//! Users of backends: their groups, approval, and the ids that are linked to accounts.

use std::collections::BTreeMap;

use insta::assert_snapshot;

use super::fixture::*;
use crate::{
    cli::user::listing,
    identity::{GroupName, IdentityPair, UserName},
    users::{Account, Adoption, NotProvisioned, Provisioning, SourceEmail, SourceProfile, UserStore},
};

/// A user of the provider `idp`, as a sign-in leaves one.
fn from_idp(subject: &str, who: &str) -> SourceProfile {
    SourceProfile {
        pair: IdentityPair {
            backend: backend("idp"),
            authority: "https://idp.example.com".into(),
            subject: subject.into(),
        },
        name: UserName::parse(who).unwrap(),
        email: Some(SourceEmail { address: format!("{who}@example.com"), verified: true }),
        full_name: String::new(),
        groups: vec![GroupName::parse("staff").unwrap()],
        attributes: BTreeMap::new(),
    }
}

impl Fixture {
    fn sign_in(&self, profile: SourceProfile, provisioning: Provisioning) -> Result<Account, NotProvisioned> {
        let mut store = UserStore::open(&self.temp.path().join("users.db"), self.clock.clone()).unwrap();
        store.sign_in_from(profile, provisioning, Adoption::Never, self.clock.now()).unwrap()
    }
}

#[test]
fn a_user_of_a_backend_is_listed_with_the_sources_of_sign_in_and_groups() {
    let it = Fixture::new();
    it.sign_in(from_idp("8a7f", "alice"), Provisioning::Automatic).unwrap();
    it.run(&["set", "alice", "--groups", "ops"], "").ok();
    it.sign_in(from_idp("9b", "bob"), Provisioning::Approval).unwrap_err();
    assert_snapshot!(it.run(&["list"], "").ok().out, @r"
    NAME   STATE    SUPERUSER  SIGN-IN  GROUPS      EMAIL              LAST SIGN-IN
    alice  active   no         idp      ops, staff  alice@example.com  2023-11-14T22:13:20.000Z
    bob    waiting  no         idp      staff       bob@example.com    never
    ");
    assert_snapshot!(it.run(&["show", "alice"], "").ok().out, @r"
    name          alice
    number        1
    full name     -
    email         alice@example.com (verified)
    state         active
    superuser     no
    password      none
    groups        ops, staff (idp)
    permissions   -
    created       2023-11-14T22:13:20.000Z
    last sign-in  2023-11-14T22:13:20.000Z
    through idp   8a7f, named alice, alice@example.com, linked 2023-11-14T22:13:20.000Z, last sign-in 2023-11-14T22:13:20.000Z, at https://idp.example.com
    ");
    let object = it.run(&["show", "alice", "--json"], "").ok().out;
    let object: serde_json::Value = serde_json::from_str(&object).unwrap();
    assert_eq!(object["local_groups"], serde_json::json!(["ops"]));
    assert_eq!(
        object["identities"],
        serde_json::json!([{
            "backend": "idp",
            "authority": "https://idp.example.com",
            "subject": "8a7f",
            "name": "alice",
            "email": "alice@example.com",
            "linked": "2023-11-14T22:13:20.000Z",
            "last_sign_in": "2023-11-14T22:13:20.000Z",
            "ended": null,
            "groups": ["staff"],
            "attributes": {},
        }])
    );
}

#[test]
fn set_groups_changes_local_groups_alone() {
    let it = Fixture::new();
    it.sign_in(from_idp("8a7f", "alice"), Provisioning::Automatic).unwrap();
    it.run(&["set", "alice", "--groups", "ops"], "").ok();
    assert_eq!(listing::joined(&it.account("alice").user.groups), "ops, staff");
    let output = it.run(&["set", "alice", "--groups", "", "--remove-group", "staff"], "").ok();
    assert_eq!(output.err, "");
    let output = it.run(&["set", "alice", "--full-name", "Alice"], "").ok();
    assert!(output.err.starts_with("warning: e-mail address and full name come from idp"), "{}", output.err);
    assert_eq!(listing::joined(&it.account("alice").user.groups), "staff", "the backend's");
}

#[test]
fn a_waiting_user_is_approved_by_enable_and_declined_by_disable() {
    let it = Fixture::new();
    for (subject, who, command, said) in [
        ("1", "alice", "enable", "approved user alice, who can sign in now\n"),
        ("2", "bob", "disable", "disabled user bob, who waited for approval\n"),
    ] {
        it.sign_in(from_idp(subject, who), Provisioning::Approval).unwrap_err();
        assert!(it.run(&["show", who], "").ok().out.contains("waiting for approval since"));
        assert_eq!(it.run(&[command, who], "").ok().out, said);
    }
    it.sign_in(from_idp("1", "alice"), Provisioning::Approval).unwrap();
    let refused = it.sign_in(from_idp("2", "bob"), Provisioning::Approval).unwrap_err();
    assert_eq!(refused, NotProvisioned::Disabled);
}

#[test]
fn an_invited_user_needs_no_password_and_signs_in_through_the_backend() {
    let it = Fixture::new();
    let line = ["add", "alice", "--email", "alice@example.com", "--invite", "idp"];
    let output = it.run(&line, "").ok();
    assert_eq!(
        output.out,
        "added user alice\ninvited to sign in through idp with the verified address alice@example.com\n"
    );
    assert!(it.run(&["show", "alice"], "").ok().out.contains("invited, not signed in yet"));
    let account = it.sign_in(from_idp("1", "alice"), Provisioning::Invited).unwrap();
    assert_eq!(account.user.name.as_str(), "alice");

    for (line, message) in [
        (
            ["add", "bob", "--email", "b@example.com", "--invite", "other"],
            "there is no backend other in the configuration, only idp",
        ),
        (
            ["add", "bob", "--email", "b@example.com", "--invite", "local"],
            "users of the gateway's own directory have no ids elsewhere; name another backend",
        ),
        (
            ["add", "bob", "--email", "b@a@example.com", "--invite", "idp"],
            "an invitation needs an e-mail address in its usual form, by which the user is found",
        ),
    ] {
        assert_eq!(it.run(&line, "").error(), message);
    }
}

#[test]
fn link_and_unlink_connect_an_id_of_a_backend_to_one_account() {
    let it = Fixture::new();
    it.run(&["add", "alice"], GOOD).ok();
    it.run(&["add", "bob", "--no-password"], "").ok();
    let linked = it.run(&["link", "alice", "idp", "8a7f"], "").ok();
    assert_eq!(linked.out, "linked idp 8a7f to user alice\n");
    let again = it.run(&["link", "alice", "idp", "8a7f"], "").ok();
    assert_eq!(again.out, "idp 8a7f belongs to user alice already, nothing was changed\n");
    for (line, message) in [
        (["link", "bob", "idp", "8a7f"], "idp 8a7f already belongs to user alice"),
        (["link", "bob", "nowhere", "1"], "there is no backend nowhere in the configuration, only idp"),
        (
            ["link", "nobody", "idp", "1"],
            "there is no user nobody; `portcullis user list` shows who there is",
        ),
        (["unlink", "bob", "idp", "8a7f"], "idp 8a7f does not belong to user bob"),
    ] {
        assert_eq!(it.run(&line, "").error(), message);
    }
    let account = it.sign_in(from_idp("8a7f", "x"), Provisioning::Existing).unwrap();
    assert_eq!(account.user.name.as_str(), "alice");
    let unlinked = it.run(&["unlink", "alice", "idp", "8a7f"], "").ok();
    assert_eq!(unlinked.out, "unlinked idp 8a7f from user alice; sessions from before are over\n");
    assert!(it.account("alice").identity(account.credential).is_none());
    it.run(&["link", "bob", "idp", "8a7f"], "").ok();
    assert_eq!(
        it.run(&["unlink", "bob", "idp", "8a7f"], "").error(),
        "bob has no password and no other connected sign-in, so this one stays"
    );
}

#[test]
fn only_a_user_who_waits_is_approved() {
    let fixture = Fixture::new();
    fixture.run(&["add", "alice"], GOOD).ok();
    assert!(fixture.run(&["approve", "alice"], "").error().contains("does not wait"));
}
