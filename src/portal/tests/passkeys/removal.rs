//! Removing a passkey, which has to leave a way to sign in.

use super::super::support::*;
use super::person::*;
use crate::{
    auth::webauthn::samples::{SoftPasskey, UP, UV},
    identity::GroupName,
    pages::paths,
    portal::{AccountSettings, SecondFactorPolicy},
};

#[tokio::test]
async fn the_last_factor_of_an_account_that_needs_one_is_not_removed() {
    type Change = fn(&mut AccountSettings, GroupName);

    let mut fixture = fixture();
    let mut person = Person::signed_in(&fixture).await;
    assert_eq!(person.enrol(&fixture, UP | UV).await.status, 200);
    person.browser = Browser::default();
    person.sign_in(&fixture, |_| ()).await;
    let staff = GroupName::parse("staff").unwrap();
    let rules: [(&str, Change); 2] = [
        ("for everybody", |accounts, _| accounts.second_factor = SecondFactorPolicy::Required),
        ("for a group", |accounts, group| accounts.required_for = vec![group]),
    ];
    for (what, change) in rules {
        let without = fixture.settings.accounts.clone();
        change(&mut fixture.settings.accounts, staff.clone());
        let list = person.browser.get(&fixture, page(paths::FACTORS)).await.text;
        assert!(
            list.contains("add another one first") && !list.contains("name=\"remove\""),
            "{what}: {list}"
        );
        // A form that the page does not have.
        let refused = remove_first(&fixture, &mut person.browser).await;
        assert_eq!(refused.status, 422, "{what}");
        assert!(
            refused.text.contains("role=\"alert\"><p>Your account needs a second factor"),
            "{}",
            refused.text
        );
        assert_eq!(ada(&fixture).await.factors.len(), 1, "{what}");
        fixture.settings.accounts = without;
    }
    // A group that she is no member of.
    fixture.settings.accounts.required_for = vec![GroupName::parse("operators").unwrap()];
    let removed = remove_first(&fixture, &mut person.browser).await;
    assert_eq!(removed.location(), paths::FACTORS);
    assert!(ada(&fixture).await.factors.is_empty());
}

#[tokio::test]
async fn of_two_factors_that_are_removed_at_once_one_stays_where_one_is_required() {
    let fixture = requiring();
    let mut person = new_person();
    let form = at_enrol_step(&fixture, &mut person).await;
    let fields = person.registration(&form, &form.hidden("challenge"), UP | UV);
    person.browser.post(&fixture, page(paths::PASSKEY_ENROL_STEP), &borrowed(&fields)).await;
    person.passkey = SoftPasskey::es256(b"ada's key");
    assert_eq!(person.enrol(&fixture, UP | UV).await.status, 200);
    let csrf = person.browser.csrf(&fixture, page(paths::FACTORS)).await;
    let ids: Vec<String> = ada(&fixture).await.factors.iter().map(|factor| factor.id.to_string()).collect();
    let (mut one, mut other) = (person.browser.clone(), person.browser.clone());
    let [a, b] = [&ids[0], &ids[1]].map(|id| vec![("csrf", csrf.clone()), ("remove", id.clone())]);
    let (a, b) = (borrowed(&a), borrowed(&b));
    let target = page(paths::FACTORS);
    let (first, second) = tokio::join!(one.post(&fixture, target, &a), other.post(&fixture, target, &b));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    assert_eq!(ada(&fixture).await.factors.len(), 1);
}

#[tokio::test]
async fn the_only_passkey_of_an_account_without_a_password_is_not_removed() {
    let fixture = fixture();
    let mut person = Person::enrolled(&fixture).await;
    let database = rusqlite::Connection::open(fixture.temp.path().join("users.db")).unwrap();
    database.execute("UPDATE user SET password = NULL WHERE name = 'ada'", ()).unwrap();
    // The sign-in reads the account anew.
    assert_eq!(person.sign_in(&fixture, |_| ()).await.location(), "/wiki");
    let list = person.browser.get(&fixture, page(paths::FACTORS)).await.text;
    assert!(list.contains("You could not sign in any more without this one"), "{list}");
    let refused = remove_first(&fixture, &mut person.browser).await;
    assert_eq!(refused.status, 422);
    assert_eq!(ada(&fixture).await.factors.len(), 1);
}
