//! One-time links in the database: who gets one, what makes one void, and what using one does.

use std::{collections::BTreeMap, sync::Barrier, thread};

use rusqlite::Connection;
use tempfile::TempDir;

use super::requests::COUNTED_FOR;
use crate::{
    clock::{Clock, Timestamp},
    identity::{BackendName, IdentityPair, UserName},
    users::{
        Account, Action, Adoption, ChangedEmail, LinkDelivery, LinkMail, LinkPurpose, LinkRefused, LinkToken,
        NewUser, OwnProfileChange, PasswordHash, Provisioning, SourceEmail, SourceProfile, UserChange,
        UserStore,
    },
};

const HASH: &str = "a hash";

struct Fixture {
    store: UserStore,
    clock: Clock,
    temp: TempDir,
}

/// With ada, who has a password and a verified address.
fn fixture() -> Fixture {
    let temp = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let mut store = UserStore::open(&temp.path().join("users.db"), clock.clone()).unwrap();
    store.add(person("ada")).unwrap();
    Fixture { store, clock, temp }
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::stored(text.to_owned())
}

fn person(who: &str) -> NewUser {
    NewUser {
        email: format!("{who}@example.com"),
        email_verified: true,
        password: Some(hash("the first")),
        ..NewUser::named(name(who))
    }
}

fn own_profile(full_name: &str) -> OwnProfileChange {
    let attributes = [("team".to_owned(), "blue".to_owned())].into();
    OwnProfileChange { full_name: Some(full_name.into()), attributes, removed_attributes: Vec::new() }
}

impl Fixture {
    fn ada(&self) -> Account {
        self.store.find_by_name(&name("ada")).unwrap().unwrap()
    }

    /// The secret of the one link that a person who typed this gets.
    fn reset(&mut self, typed: &str) -> LinkToken {
        match self.store.request_reset(typed).unwrap().pop() {
            Some(LinkMail::Reset { token, .. }) => token,
            other => panic!("{other:?}"),
        }
    }

    fn registration(&mut self, address: &str) -> LinkToken {
        match self.store.request_registration(address, true).unwrap() {
            Some(LinkMail::Registration { token, .. }) => token,
            other => panic!("{other:?}"),
        }
    }

    fn email_change(&mut self, address: &str) -> LinkToken {
        let ada = self.ada();
        self.store.request_email_change(ada.user.id, ada.credential, address).unwrap().unwrap()
    }

    fn change_email(&mut self, address: &str) -> ChangedEmail {
        let (token, ada) = (self.email_change(address), self.ada());
        self.store.change_email_by_link(token.key(), (ada.user.id, ada.credential)).unwrap().unwrap()
    }

    /// Sets a password by the link.
    fn use_reset(&mut self, token: &LinkToken) -> Result<Account, LinkRefused> {
        self.store
            .set_password_by_link(token.key(), LinkPurpose::Reset, &hash(HASH), OwnProfileChange::default())
            .unwrap()
    }
}

#[test]
fn a_reset_link_sets_a_password_once_and_ends_sessions() {
    let mut all = fixture();
    let before = all.ada();
    let token = all.reset("ada@EXAMPLE.com");
    let shown = all.store.link_at(token.key(), LinkPurpose::Reset).unwrap().unwrap();
    assert_eq!(shown.account.unwrap().user.name, name("ada"));
    let after = all.use_reset(&token).unwrap();
    assert_eq!(after.password.as_ref().unwrap().as_phc(), HASH);
    assert_ne!(after.credential, before.credential);
    assert_eq!(all.use_reset(&token).unwrap_err(), LinkRefused::Void, "used");
    let changes = all.store.changes_after(0).unwrap();
    let last = changes.last().unwrap();
    assert_eq!((last.action, last.actor.as_str()), (Action::PasswordChanged, "ada"));
}

/// Criterion: every change of what a link was made for makes it void.
#[test]
fn a_link_is_void_after_any_change_of_what_it_was_made_for() {
    type Change = fn(&mut Fixture);
    let table: [(&str, Change); 8] = [
        ("expired", |all| all.clock.advance(LinkPurpose::Reset.lifetime())),
        ("a new password", |all| {
            all.store.set_password(&name("ada"), &hash("other")).unwrap();
        }),
        ("a new address", |all| {
            let change = UserChange { email: Some("ada@example.org".into()), ..UserChange::default() };
            all.store.update(&name("ada"), &change).unwrap();
        }),
        ("disabled", |all| {
            all.store.set_active(&name("ada"), false).unwrap();
        }),
        ("disabled and enabled", |all| {
            all.store.set_active(&name("ada"), false).unwrap();
            all.store.set_active(&name("ada"), true).unwrap();
        }),
        ("removed", |all| {
            all.store.remove(&name("ada")).unwrap();
        }),
        ("removed and made again", |all| {
            all.store.remove(&name("ada")).unwrap();
            all.store.add(person("ada")).unwrap();
        }),
        ("another link was used", |all| {
            let other = all.reset("ada");
            all.use_reset(&other).unwrap();
        }),
    ];
    for (what, change) in table {
        let mut all = fixture();
        let token = all.reset("ada");
        change(&mut all);
        assert!(all.store.link_at(token.key(), LinkPurpose::Reset).unwrap().is_none(), "{what}");
        assert_eq!(all.use_reset(&token).unwrap_err(), LinkRefused::Void, "{what}");
    }
}

#[test]
fn a_link_for_one_purpose_is_none_for_another() {
    let mut all = fixture();
    let (reset, change, register) =
        (all.reset("ada"), all.email_change("ada@example.org"), all.registration("bob@example.com"));
    let ada = all.ada();
    let user = (ada.user.id, ada.credential);
    let purposes = [
        LinkPurpose::Reset,
        LinkPurpose::Invitation,
        LinkPurpose::Registration,
        LinkPurpose::EmailChange,
        LinkPurpose::EmailUndo,
    ];
    for (token, own) in [
        (&reset, LinkPurpose::Reset),
        (&change, LinkPurpose::EmailChange),
        (&register, LinkPurpose::Registration),
    ] {
        for purpose in purposes {
            let found = all.store.link_at(token.key(), purpose).unwrap().is_some();
            assert_eq!(found, purpose == own, "{own:?} as {purpose:?}");
        }
    }
    for token in [&change, &register] {
        assert!(all.use_reset(token).is_err());
        let invited = LinkPurpose::Invitation;
        assert!(
            all.store
                .set_password_by_link(token.key(), invited, &hash(HASH), OwnProfileChange::default())
                .unwrap()
                .is_err()
        );
        let other = LinkPurpose::EmailChange;
        assert!(
            all.store
                .set_password_by_link(token.key(), other, &hash(HASH), OwnProfileChange::default())
                .unwrap()
                .is_err()
        );
    }
    for token in [&reset, &register] {
        assert!(all.store.change_email_by_link(token.key(), user).unwrap().is_err());
    }
    for token in [&reset, &change] {
        assert!(all.store.register(token.key(), person("bob"), false).unwrap().is_err());
    }
    for token in [&reset, &change, &register] {
        assert!(all.store.undo_email_by_link(token.key()).unwrap().is_err());
    }
    all.use_reset(&reset).unwrap();
}

#[test]
fn one_of_two_simultaneous_uses_of_a_link_succeeds() {
    let mut all = fixture();
    for _ in 0..10 {
        let token = match all.store.link_for(&name("ada"), LinkDelivery::Operator).unwrap() {
            (_, LinkPurpose::Reset, token) => token,
            other => panic!("{other:?}"),
        };
        let (path, start) = (all.temp.path().join("users.db"), Barrier::new(2));
        let succeeded = thread::scope(|scope| {
            let uses: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let mut store = UserStore::open(&path, all.clock.clone()).unwrap();
                        start.wait();
                        store
                            .set_password_by_link(
                                token.key(),
                                LinkPurpose::Reset,
                                &hash(HASH),
                                OwnProfileChange::default(),
                            )
                            .unwrap()
                            .is_ok()
                    })
                })
                .collect();
            uses.into_iter().map(|it| it.join().unwrap()).filter(|ok| *ok).count()
        });
        assert_eq!(succeeded, 1);
    }
}

#[test]
fn the_database_holds_no_secret_of_a_link() {
    let mut all = fixture();
    let token = all.reset("ada");
    let stored: Vec<u8> = all
        .store
        .read("reading", |connection| connection.query_row("SELECT hash FROM link", [], |row| row.get(0)))
        .unwrap();
    assert_eq!(stored, token.key().as_bytes());
    let file = std::fs::read(all.temp.path().join("users.db-wal")).unwrap();
    let text = token.to_text();
    assert!(!file.windows(text.len()).any(|window| window == text.as_bytes()));
}

#[test]
fn a_reset_is_for_active_users_with_an_address_alone_and_three_times_in_an_hour() {
    let mut all = fixture();
    all.store.add(NewUser { email: String::new(), ..person("bea") }).unwrap();
    all.store.add(person("cleo")).unwrap();
    all.store.set_active(&name("cleo"), false).unwrap();
    all.store.add(NewUser { password: None, ..person("dora") }).unwrap();
    for typed in ["bea", "cleo", "cleo@example.com", "dora", "nobody", "nobody@example.com", "", "a b", "@"] {
        assert!(all.store.request_reset(typed).unwrap().is_empty(), "{typed}");
    }
    for _ in 0..3 {
        all.reset("ada");
    }
    assert!(all.store.request_reset("ada@example.com").unwrap().is_empty(), "the fourth");
    all.clock.advance(COUNTED_FOR);
    all.reset("ada");
}

#[test]
fn each_account_with_an_address_gets_a_link_of_its_own() {
    let mut all = fixture();
    all.store.add(NewUser { email: "ADA@example.com".into(), ..person("ada.admin") }).unwrap();
    let mails = all.store.request_reset("ada@example.com").unwrap();
    let names: Vec<_> = mails
        .iter()
        .map(|mail| match mail {
            LinkMail::Reset { account, .. } => account.user.name.as_str().to_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["ada", "ada.admin"]);
    assert_eq!(all.store.request_reset("ada").unwrap().len(), 1, "by name, one is meant");
}

#[test]
fn a_user_of_a_directory_is_told_where_the_password_is() {
    let mut all = fixture();
    all.store.add(NewUser { password: None, ..person("dora") }).unwrap();
    let pair = IdentityPair {
        backend: BackendName::parse("company").unwrap(),
        authority: "dc=example".into(),
        subject: "1".into(),
    };
    all.store.link_pair(&name("dora"), &pair).unwrap();
    let mails = all.store.request_reset("dora").unwrap();
    assert!(matches!(&*mails, [LinkMail::Elsewhere { .. }]), "{mails:?}");
    let refused = all.store.link_for(&name("dora"), LinkDelivery::Operator).unwrap_err();
    assert!(refused.to_string().contains("no password here"), "{refused}");
}

#[test]
fn an_invitation_sets_the_first_password_and_verifies_the_address_if_it_came_by_mail() {
    for (delivery, verified) in [(LinkDelivery::Mail, true), (LinkDelivery::Operator, false)] {
        let mut all = fixture();
        let new = NewUser { email_verified: false, ..person("bob") };
        let (invited, token) = all.store.invite(new, delivery).unwrap();
        assert!(invited.password.is_none() && invited.active && !invited.email_verified);
        let (key, purpose) = (token.key(), LinkPurpose::Invitation);
        let set = all
            .store
            .set_password_by_link(key, purpose, &hash(HASH), own_profile(" Bob B. "))
            .unwrap()
            .unwrap();
        assert_eq!((set.email_verified, set.user.full_name.as_str()), (verified, "Bob B."));
        assert_eq!(set.user.attributes.get("team").map(String::as_str), Some("blue"));
        assert!(set.invited.is_empty() && set.password.is_some());
        assert!(
            all.store
                .set_password_by_link(key, purpose, &hash(HASH), OwnProfileChange::default())
                .unwrap()
                .is_err()
        );
    }
}

#[test]
fn a_reset_changes_no_profile_and_an_unfit_one_leaves_the_invitation() {
    let mut all = fixture();
    let token = all.reset("ada");
    let (key, purpose) = (token.key(), LinkPurpose::Reset);
    let set = all.store.set_password_by_link(key, purpose, &hash(HASH), own_profile("Eve")).unwrap().unwrap();
    assert!(set.user.full_name.is_empty() && set.user.attributes.is_empty());
    let (_, token) = all.store.invite(person("bob"), LinkDelivery::Mail).unwrap();
    let (key, purpose) = (token.key(), LinkPurpose::Invitation);
    let unfit = own_profile("Bob\nX-Admin: yes");
    assert!(all.store.set_password_by_link(key, purpose, &hash(HASH), unfit).is_err());
    assert!(all.store.link_at(key, purpose).unwrap().is_some(), "rolled back");
}

#[test]
fn an_invited_user_gets_a_new_link_by_any_way_back_in() {
    let mut all = fixture();
    all.store.invite(person("bob"), LinkDelivery::Mail).unwrap();
    let mails = all.store.request_reset("bob").unwrap();
    assert!(matches!(&*mails, [LinkMail::Invitation { .. }]), "{mails:?}");
    let mail = all.store.request_registration("bob@example.com", false).unwrap();
    assert!(matches!(mail, Some(LinkMail::Invitation { .. })), "{mail:?}");
    let (_, purpose, _) = all.store.link_for(&name("bob"), LinkDelivery::Operator).unwrap();
    assert_eq!(purpose, LinkPurpose::Invitation);
}

#[test]
fn a_registration_makes_an_account_with_the_checked_address() {
    let mut all = fixture();
    let token = all.registration("Bob@example.com");
    let new = NewUser { superuser: true, email: "eve@evil.test".into(), ..person("bob") };
    let bob = all.store.register(token.key(), new, false).unwrap().unwrap();
    assert_eq!((bob.user.email.as_str(), bob.email_verified), ("Bob@example.com", true));
    assert!(bob.active && !bob.user.superuser);
    assert_eq!(
        all.store.register(token.key(), person("bea"), false).unwrap().unwrap_err(),
        LinkRefused::Void
    );
}

#[test]
fn a_registration_may_wait_for_approval() {
    let mut all = fixture();
    let token = all.registration("bob@example.com");
    let bob = all.store.register(token.key(), person("bob"), true).unwrap().unwrap();
    assert!(!bob.active && bob.waiting_since.is_some());
    assert!(all.store.request_reset("bob").unwrap().is_empty(), "no way around the approval");
    assert!(all.store.request_registration("bob@example.com", true).unwrap().is_none());
    let bob = all.store.set_active(&name("bob"), true).unwrap();
    assert!(bob.active && bob.waiting_since.is_none() && bob.password.is_some());
}

#[test]
fn a_taken_name_leaves_the_registration_link_good_and_a_taken_address_is_refused() {
    let mut all = fixture();
    let (token, twin) = (all.registration("bob@example.com"), all.registration("bob@example.com"));
    assert_eq!(
        all.store.register(token.key(), person("ada"), false).unwrap().unwrap_err(),
        LinkRefused::NameTaken
    );
    all.store.register(token.key(), person("bob"), false).unwrap().unwrap();
    assert_eq!(
        all.store.register(twin.key(), person("bob2"), false).unwrap().unwrap_err(),
        LinkRefused::AddressTaken
    );
}

#[test]
fn a_registration_takes_no_name_that_somebody_had_before() {
    let mut all = fixture();
    all.store.remove(&name("ada")).unwrap();
    // Mallory, who has an account already, has made so many changes in it that the log has forgotten ada.
    let users = Connection::open(all.temp.path().join("users.db")).unwrap();
    users.execute("DELETE FROM change", []).unwrap();
    let token = all.registration("eve@evil.test");
    assert_eq!(
        all.store.register(token.key(), person("ada"), false).unwrap().unwrap_err(),
        LinkRefused::NameTaken
    );
}

#[test]
fn a_registration_link_is_for_new_addresses_where_people_may_register() {
    let mut all = fixture();
    assert!(matches!(
        all.store.request_registration("ADA@example.com", true).unwrap(),
        Some(LinkMail::Known { .. })
    ));
    assert!(all.store.request_registration("bob@example.com", false).unwrap().is_none());
    for wrong in
        ["", "bob", "bob@exam ple.com", "bob@ex\u{e4}mple.com", "bob@example.com\r\nBcc: eve@evil.test"]
    {
        assert!(all.store.request_registration(wrong, true).unwrap().is_none(), "{wrong}");
    }
    let token = all.registration("carl@example.com");
    all.clock.advance(LinkPurpose::Registration.lifetime());
    assert_eq!(
        all.store.register(token.key(), person("carl"), false).unwrap().unwrap_err(),
        LinkRefused::Void
    );
}

#[test]
fn a_changed_address_can_be_undone_whatever_has_changed_since() {
    let mut all = fixture();
    let first = all.change_email("eve@evil.test");
    assert_eq!((first.account.user.email.as_str(), first.account.email_verified), ("eve@evil.test", true));
    assert_eq!(first.former, "ada@example.com");
    // Mallory goes on: another address, another password.
    let second = all.change_email("eve2@evil.test");
    all.store.set_password(&name("ada"), &hash("Mallory's")).unwrap();
    let pending = all.email_change("eve3@evil.test");
    let before = all.ada();
    let undo = first.undo.unwrap();
    let (ada, reset) = all.store.undo_email_by_link(undo.key()).unwrap().unwrap();
    assert_eq!((ada.user.email.as_str(), ada.email_verified), ("ada@example.com", true));
    assert_ne!(ada.credential, before.credential, "sessions have ended");
    let ada = (ada.user.id, ada.credential);
    for mallorys in [second.undo.unwrap(), undo] {
        assert!(all.store.undo_email_by_link(mallorys.key()).unwrap().is_err());
    }
    assert!(all.store.change_email_by_link(pending.key(), ada).unwrap().is_err());
    all.use_reset(&reset.unwrap()).unwrap();
    assert_eq!(all.ada().password.unwrap().as_phc(), HASH);
}

#[test]
fn an_undone_later_change_leaves_the_link_that_undoes_an_earlier_one() {
    let mut all = fixture();
    // The clock stands still: the order of the changes counts, and not their time.
    let first = all.change_email("eve@evil.test");
    let second = all.change_email("eve2@evil.test");
    // Mallory undoes her own second change, and gets a link for a new password with it.
    let (_, reset) = all.store.undo_email_by_link(second.undo.unwrap().key()).unwrap().unwrap();
    all.use_reset(&reset.unwrap()).unwrap();
    let (ada, reset) = all.store.undo_email_by_link(first.undo.unwrap().key()).unwrap().unwrap();
    assert_eq!((ada.user.email.as_str(), ada.email_verified), ("ada@example.com", true));
    all.use_reset(&reset.unwrap()).unwrap();
}

#[test]
fn an_address_that_another_account_has_meanwhile_does_not_keep_its_owner_from_undoing_a_change() {
    let mut all = fixture();
    let changed = all.change_email("eve@evil.test");
    // Mallory's provider lets her name any address, and says that it has not checked it.
    let profile = SourceProfile {
        pair: IdentityPair {
            backend: BackendName::parse("corp").unwrap(),
            authority: "https://id.example.com".into(),
            subject: "mallory".into(),
        },
        name: name("mallory"),
        email: Some(SourceEmail { address: "ada@example.com".to_owned(), verified: false }),
        full_name: String::new(),
        groups: Vec::new(),
        attributes: BTreeMap::new(),
    };
    let at = all.clock.now();
    let mallory = all.store.sign_in_from(profile, Provisioning::Automatic, Adoption::VerifiedEmail, at);
    assert_eq!(mallory.unwrap().unwrap().user.email, "ada@example.com");
    let (ada, _) = all.store.undo_email_by_link(changed.undo.unwrap().key()).unwrap().unwrap();
    assert_eq!((ada.user.name.as_str(), ada.user.email.as_str()), ("ada", "ada@example.com"));
}

#[test]
fn an_address_change_is_for_its_own_user_and_for_addresses_that_nobody_has() {
    let mut all = fixture();
    all.store.add(person("bob")).unwrap();
    let bob = all.store.find_by_name(&name("bob")).unwrap().unwrap();
    let token = all.email_change("new@example.com");
    let of_bob = (bob.user.id, bob.credential);
    assert_eq!(
        all.store.change_email_by_link(token.key(), of_bob).unwrap().unwrap_err(),
        LinkRefused::Void,
        "Mallory sent the link to Bob, who is signed in as himself"
    );
    let occupied = all.email_change("BOB@example.com");
    let ada = all.ada();
    let of_ada = (ada.user.id, ada.credential);
    assert_eq!(
        all.store.change_email_by_link(occupied.key(), of_ada).unwrap().unwrap_err(),
        LinkRefused::AddressTaken
    );
    assert!(all.store.link_at(token.key(), LinkPurpose::EmailChange).unwrap().is_none(), "the newest counts");
    assert!(all.store.request_email_change(ada.user.id, ada.credential, "no address").is_err());
}

#[test]
fn an_undo_link_is_void_after_a_week_and_once_an_operator_sets_the_address() {
    let mut all = fixture();
    let undo = all.change_email("new@example.com").undo.unwrap();
    let change = UserChange { email: Some("ada@example.org".into()), ..UserChange::default() };
    all.store.update(&name("ada"), &change).unwrap();
    assert!(all.store.undo_email_by_link(undo.key()).unwrap().is_err());
    let undo = all.change_email("newer@example.com").undo.unwrap();
    all.clock.advance(LinkPurpose::EmailUndo.lifetime());
    assert!(all.store.undo_email_by_link(undo.key()).unwrap().is_err());
}
