//! Attempts at a password, and throttled ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures_util::{FutureExt, future::LocalBoxFuture};
use http::Method;

use super::support::{Browser, DEVICE_COOKIE, Fixture, NAVIGATION, NEW, RIGHT, Reply, encode};
use crate::{identity::UserName, throttle};

#[tokio::test]
async fn no_password_is_checked_while_an_attempt_is_throttled() {
    let fixture = Fixture::new();
    let mut here = Browser::signed_in(&fixture).await;
    here.cookies.remove(DEVICE_COOKIE);
    for who in ["ada", "zelda", "dora"] {
        for _ in 0..5 {
            assert_eq!(Browser::default().login(&fixture, who, "wrong").await.status, 401);
        }
        let checked = fixture.portal.passwords.verifications();
        for tried in ["wrong", RIGHT] {
            let reply = Browser::default().login(&fixture, who, tried).await;
            assert_eq!((reply.status, reply.header("retry-after")), (429, "60"), "{who} {tried}");
        }
        assert_eq!(fixture.portal.passwords.verifications(), checked, "{who}");
    }
    let checked = fixture.portal.passwords.verifications();
    let csrf = here.csrf(&fixture, "account/password").await;
    let fields = [("csrf", csrf.as_str()), ("current", RIGHT), ("new", NEW), ("again", NEW)];
    assert_eq!(here.post(&fixture, "account/password", &fields).await.status, 429);
    let fields = [("csrf", csrf.as_str()), ("next", "/"), ("password", RIGHT)];
    assert_eq!(here.post(&fixture, "confirm", &fields).await.status, 429);
    assert_eq!(fixture.portal.passwords.verifications(), checked);
}

#[tokio::test]
async fn no_name_is_looked_up_while_its_address_is_throttled_and_every_look_up_is_one_question() {
    let fixture = Fixture::new();
    let mut signed_in = Browser::signed_in(&fixture).await;
    let device = signed_in.cookies[DEVICE_COOKIE].clone();
    let asked = async |browser: &Browser, who: &str, password: &str| {
        let before = fixture.directory.questions();
        let reply = browser.clone().login(&fixture, who, password).await;
        (reply.status, fixture.directory.questions() - before)
    };
    let stranger = Browser::default();
    for who in ["ada", "zelda", "", "a b"] {
        // One look-up of a name, and none of what is no name.
        let questions = u64::from(name_of(who).is_some());
        assert_eq!(asked(&stranger, who, "wrong").await, (401, questions), "{who}");
    }
    for number in 0..50 {
        stranger.clone().login(&fixture, &format!("user{number}"), "wrong").await;
    }
    for who in ["ada", "dora", "nora", "zelda", "", "a b"] {
        assert_eq!(asked(&stranger, who, RIGHT).await, (429, 0), "{who}");
    }
    // A browser that ada has used is looked at for ada alone; her account is in memory.
    let known = Browser { cookies: BTreeMap::from([(DEVICE_COOKIE.to_owned(), device)]), host: None };
    for who in ["dora", "nora", "zelda", "", "a b"] {
        assert_eq!(asked(&known, who, RIGHT).await, (429, 0), "{who}");
    }
    signed_in.get(&fixture, "account").await;
    assert_eq!(asked(&known, "ada", "wrong").await, (401, 0));
    assert_eq!(asked(&known, " ADA", RIGHT).await.0, 303);
}

fn name_of(text: &str) -> Option<UserName> {
    UserName::parse(text).ok()
}

/// A step of a sign-in: the form is sent, the browser gives up, the password is checked, the response arrives.
#[derive(Clone, Copy, Debug)]
enum Event {
    Send { who: usize, right: bool },
    GiveUp(usize),
    Check,
    Hear(usize),
}

fn events() -> impl proptest::strategy::Strategy<Value = Vec<Event>> {
    use proptest::prelude::*;
    let event = prop_oneof![
        4 => (0..2_usize, prop::bool::weighted(0.3)).prop_map(|(who, right)| Event::Send { who, right }),
        2 => any::<prop::sample::Index>().prop_map(|index| Event::GiveUp(index.index(1 << 16))),
        4 => Just(Event::Check),
        1 => any::<prop::sample::Index>().prop_map(|index| Event::Hear(index.index(1 << 16))),
    ];
    prop::collection::vec(event, 1..120)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Time stands still, so no wait ends: whatever is given up at whatever moment, no more passwords are checked
    /// than the budget, and each check whose response nobody received is in the audit stream.
    #[test]
    fn abandoned_attempts_check_no_more_passwords_than_the_budget(events in events()) {
        let (mut fixture, mut by_hand) = Fixture::by_hand();
        fixture.settings.throttle = throttle::ThrottleLimits { per_account: 3, per_address: 6, ..Default::default() };
        let (fixture, passwords) = (&fixture, &fixture.portal.passwords);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut browser = Browser::default();
        let csrf = runtime.block_on(browser.csrf(fixture, "login"));
        let _guard = runtime.enter();
        let mut under_way: Vec<(usize, LocalBoxFuture<'_, Reply>)> = Vec::new();
        // The attempts that were sent; of these, the ones that wait for their check, and the checked ones.
        let (mut sent, mut queue, mut checked) = (Vec::new(), VecDeque::new(), BTreeSet::new());
        let (mut heard, mut signed_in, mut wrong) = (0, 0, [0_u64; 2]);
        for event in events {
            match event {
                Event::Send { who, right } => {
                    let name = ["ada", "zelda"][who];
                    let right = right && name == "ada";
                    let password = if right { RIGHT } else { "wrong" };
                    let body = encode(&[("csrf", &csrf), ("username", name), ("password", password)]);
                    let mut browser = browser.clone();
                    let mut sending = async move {
                        browser.send(fixture, Method::POST, "login", NAVIGATION, &body).await
                    }
                    .boxed_local();
                    let waiting = passwords.waiting();
                    // Refused, or in the queue as soon as the thread of the directory has answered.
                    while passwords.waiting() == waiting {
                        if let Some(reply) = (&mut sending).now_or_never() {
                            proptest::prop_assert_eq!(reply.status, 429);
                            break;
                        }
                    }
                    if passwords.waiting() > waiting {
                        queue.push_back(sent.len());
                        under_way.push((sent.len(), sending));
                        sent.push((who, right));
                    }
                }
                Event::GiveUp(index) if !under_way.is_empty() => {
                    drop(under_way.swap_remove(index % under_way.len()));
                }
                Event::Check => {
                    let before = passwords.verifications();
                    if by_hand.work() {
                        let number = queue.pop_front().unwrap();
                        let (who, right) = sent[number];
                        checked.insert(number);
                        wrong[who] += if right { 0 } else { passwords.verifications() - before };
                    }
                }
                Event::Hear(index) if !under_way.is_empty() => {
                    let index = index % under_way.len();
                    let number = under_way[index].0;
                    if !checked.contains(&number) {
                        proptest::prop_assert!((&mut under_way[index].1).now_or_never().is_none());
                        continue;
                    }
                    let (who, right) = sent[number];
                    let mut hearing = under_way.swap_remove(index).1;
                    let reply = loop {
                        if let Some(reply) = (&mut hearing).now_or_never() {
                            break reply;
                        }
                    };
                    proptest::prop_assert_eq!(reply.status, if right { 303 } else { 401 });
                    heard += 1;
                    if right {
                        signed_in += 1;
                        wrong[who] = 0;
                    }
                }
                Event::GiveUp(_) | Event::Hear(_) => {}
            }
            let (limits, checks) = (&fixture.settings.throttle, passwords.verifications());
            proptest::prop_assert!(wrong.iter().all(|wrong| *wrong <= limits.per_account.into()), "{:?}", wrong);
            proptest::prop_assert!(checks - signed_in <= limits.per_address.into(), "{} checks", checks);
        }
        drop(under_way);
        let abandoned = fixture.audited().iter().filter(|line| line.contains("/abandoned/")).count();
        proptest::prop_assert_eq!(passwords.verifications(), heard + u64::try_from(abandoned).unwrap());
    }
}
