//! Listing and removing the factors of a user.

use clap::Parser;

use super::fixture::*;
use crate::{
    mail::MailQueue,
    users::{FactorName, ShownTo, TotpCode, UserStore},
};

/// Adds an authenticator app to alice's account.
fn add_app(it: &Fixture, name: &str) {
    let mut store = UserStore::open(&it.temp.path().join("users.db"), it.clock.clone()).unwrap();
    let account = it.account("alice");
    let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: "test" };
    let shown = store.start_totp(shown_to).unwrap();
    let code = TotpCode::parse(&shown.secret.code_at(it.clock.now()).unwrap());
    let name = FactorName::parse(name).unwrap();
    store.enrol_totp(shown_to, &shown.sealed, &name, code.as_ref()).unwrap().unwrap();
}

#[test]
fn factors_lists_and_removes_the_factors_of_a_user_who_has_lost_the_phone() {
    let mut it = Fixture::with_alice();
    assert_eq!(it.run(&["factors", "alice"], "").ok().out, "user alice has no second factor\n");
    assert_eq!(
        it.run(&["factors", "alice", "--remove", "all"], "").ok().out,
        "user alice has no second factor\n"
    );
    add_app(&it, "Phone");
    add_app(&it, "Tablet");
    let listed = it.run(&["factors", "alice"], "").ok().out;
    assert_eq!(
        listed,
        "1      totp     Phone, added 2023-11-14T22:13:20.000Z, last used 2023-11-14T22:13:20.000Z\n\
         2      totp     Tablet, added 2023-11-14T22:13:20.000Z, last used 2023-11-14T22:13:20.000Z\n\
         recovery codes left: 10\n"
    );
    let json: serde_json::Value =
        serde_json::from_str(&it.run(&["factors", "alice", "--json"], "").ok().out).unwrap();
    assert_eq!(
        (&json[0]["id"], &json[0]["kind"], &json[1]["name"]),
        (&1.into(), &"totp".into(), &"Tablet".into())
    );
    assert!(!listed.contains("secret") && !json.to_string().contains("secret"));

    let before = it.account("alice");
    assert!(
        it.run(&["factors", "alice", "--remove", "7"], "")
            .error()
            .contains("`portcullis user factors alice` lists")
    );
    assert_eq!(it.account("alice"), before, "nothing has changed");
    it.queue = true;
    let removed = it.run(&["factors", "alice", "--remove", "1"], "").ok();
    assert_eq!(
        (removed.out.as_str(), removed.err.as_str()),
        (
            "removed 1 second factor of user alice, whose sessions have ended: Phone\n\
             a mail tells the user at alice@example.com\n",
            ""
        )
    );
    let after = it.account("alice");
    assert_eq!((after.factors.len(), after.recovery_codes_left), (1, 10));
    assert_eq!(after.credential.0, before.credential.0 + 1, "sessions of before are dead");
    let removed = it.run(&["factors", "alice", "--remove", "all"], "").ok();
    assert!(removed.out.starts_with("removed 1 second factor of user alice"), "{}", removed.out);
    assert!(removed.err.contains("signs in without a second factor from now on"), "{}", removed.err);
    assert_eq!(it.account("alice").recovery_codes_left, 0);
    let queue = MailQueue::open(&it.temp.path().join("mail.db"), it.clock.clone()).unwrap();
    let mails = queue.list().unwrap();
    assert_eq!(mails.len(), 2);
}

#[test]
fn an_argument_of_factors_that_is_no_number_is_refused() {
    let said =
        Typed::try_parse_from(["user", "factors", "alice", "--remove", "phone"]).unwrap_err().to_string();
    assert!(said.contains("it is `all`, or a number of `portcullis user factors NAME`"), "{said}");
    assert!(Typed::try_parse_from(["user", "factors", "alice", "--remove", "all", "--json"]).is_err());
}
