//! Two gateways on one Redis: either serves every request, and a session that one ends is over on both.

use std::time::Duration;

use portcullis::{identity::UserId, session::Which};

use crate::support::{
    block_on,
    cookies::{SESSION, key_of},
    gateway::{TestGateway, password},
    process::{Workplace, text, until},
    redis::{RedisServer, Relay},
    visitor::Visitor,
};

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";
/// So long that nothing but a message can be what a test sees.
const NEVER: &str = "cache_ttl = \"10h\"\ngrace = \"0s\"";

fn section(url: &str, more: &str) -> String {
    format!("[session]\nstore = \"{url}\"\n{more}\n")
}

/// Two gateways with the same people and the same time, the second of them behind a relay.
fn two(redis: &RedisServer, more: &str) -> (TestGateway, TestGateway, Relay) {
    let relay = Relay::to(redis);
    let here = TestGateway::start_with(&section(&redis.url(), more), WHOAMI);
    here.add_user("alice", &[]);
    let there = TestGateway::start_beside(&here, &section(&relay.url(), more), WHOAMI);
    (here, there, relay)
}

/// Alice, signed in on the first and known to the second, and the same browser at the second.
fn alice_on_both(here: &TestGateway, there: &TestGateway) -> (Visitor, Visitor) {
    let mut alice = Visitor::of(here);
    alice.sign_in("alice", &password("alice"));
    let mut same = Visitor::of(there);
    same.cookies = alice.cookies.clone();
    assert!(is_in(&mut same), "what one gateway opened, the other finds");
    (alice, same)
}

fn is_in(visitor: &mut Visitor) -> bool {
    match visitor.get("/page").status.as_u16() {
        200 => true,
        303 => false,
        status => panic!("neither in nor out: {status}"),
    }
}

fn status(visitor: &mut Visitor) -> u16 {
    visitor.get("/page").status.as_u16()
}

fn is_ready(gateway: &TestGateway) -> bool {
    let response = gateway.status("/readyz");
    match response.get(9..12) {
        Some("200") => true,
        Some("503") => false,
        _ => panic!("{response}"),
    }
}

#[test]
fn signing_out_on_one_gateway_is_refused_by_the_other() {
    let redis = RedisServer::start();
    let (here, there, _wire) = two(&redis, NEVER);
    let (mut alice, mut same) = alice_on_both(&here, &there);
    assert_eq!(same.sign_out().status, 303);
    assert!(!is_in(&mut same));
    until("it is over here, too", || !is_in(&mut alice));
}

#[test]
fn a_session_that_is_revoked_on_one_gateway_is_refused_by_the_other() {
    let redis = RedisServer::start();
    let (here, there, _wire) = two(&redis, NEVER);
    let of_alice = Which::OfUser { user: UserId(1), except: None };
    for which in [of_alice, Which::All] {
        let (mut alice, mut same) = alice_on_both(&here, &there);
        assert_eq!(block_on(here.shared.sessions.end_which(which)).unwrap(), 1);
        assert!(!is_in(&mut alice));
        until("it is over there, too", || !is_in(&mut same));
    }
}

#[test]
fn a_session_revoked_at_the_command_line_is_over_on_every_gateway() {
    let redis = RedisServer::start();
    let (here, there, _wire) = two(&redis, NEVER);
    let (mut alice, mut same) = alice_on_both(&here, &there);
    let elsewhere = Workplace::empty();
    let state = here.folder().join("state");
    let configuration = Workplace::configuration(&section(&redis.url(), NEVER), WHOAMI);
    elsewhere.write(&format!("state = \"{}\"\n{configuration}", state.display()));
    let listed = elsewhere.command(&["session", "list", "--json"]).output().unwrap();
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    assert!(
        text(&listed.stdout).contains(&key_of(&alice.cookies[SESSION]).to_string()),
        "{}",
        text(&listed.stdout)
    );
    let revoked = elsewhere.command(&["session", "revoke", "--all"]).output().unwrap();
    assert!(revoked.status.success(), "{}", text(&revoked.stderr));
    until("it is over on both", || !is_in(&mut alice) && !is_in(&mut same));
}

#[test]
fn a_new_password_on_one_gateway_ends_the_sessions_on_the_other() {
    let redis = RedisServer::start();
    let (here, there, _wire) = two(&redis, NEVER);
    let (mut alice, _) = alice_on_both(&here, &there);
    let mut thief = Visitor::of(&there);
    thief.sign_in("alice", &password("alice"));
    let csrf = alice.get("/.gateway/account/password").field("csrf");
    let (right, new) = (password("alice"), "quite another horse");
    let fields = [("csrf", &*csrf), ("current", &right), ("new", new), ("again", new)];
    assert_eq!(alice.submit("/.gateway/account/password", &fields).status, 303);
    assert!(is_in(&mut alice), "who changed it goes on");
    until("the other is out", || !is_in(&mut thief));
    let mut same = Visitor::of(&there);
    same.cookies = alice.cookies.clone();
    until("who changed it is in there, too", || is_in(&mut same));
}

#[test]
fn a_session_used_on_one_gateway_is_not_idle_on_the_other() {
    let redis = RedisServer::start();
    let (here, there, _wire) = two(&redis, "idle_timeout = \"10m\"");
    let (mut alice, mut same) = alice_on_both(&here, &there);
    here.clock.advance(Duration::from_mins(8));
    assert!(is_in(&mut same));
    let mut connection = redis.connection();
    let key = format!("{{portcullis}}:s:{}", key_of(&alice.cookies[SESSION]).to_hex());
    until("the use is noted", || {
        let seen: i64 = redis::cmd("HGET").arg(&key).arg("seen").query(&mut connection).unwrap();
        seen == here.clock.now().as_millis()
    });
    here.clock.advance(Duration::from_mins(8));
    assert!(is_in(&mut alice));
    here.clock.advance(Duration::from_mins(11));
    assert!(!is_in(&mut alice));
    assert!(!is_in(&mut same));
}

#[test]
fn signed_in_users_are_served_while_redis_hangs() {
    let redis = RedisServer::start();
    let (here, there, _wire) = two(&redis, "cache_ttl = \"30s\"\ngrace = \"5m\"");
    let (mut alice, mut same) = alice_on_both(&here, &there);
    assert!(is_ready(&here));
    redis.freeze();
    until("it is noticed", || !is_ready(&here) && !is_ready(&there));
    here.clock.advance(Duration::from_mins(4));
    assert!(is_in(&mut alice) && is_in(&mut same), "within the grace");
    assert_eq!(Visitor::of(&here).sign_in_to("/", "alice", &password("alice")).status, 503);
    assert_eq!(alice.sign_out().status, 503, "it would only look like it");
    assert!(is_in(&mut alice));
    here.clock.advance(Duration::from_mins(2));
    assert_eq!((status(&mut alice), status(&mut same)), (503, 503), "past it nobody knows");
    redis.thaw();
    until("both are ready again", || is_ready(&here) && is_ready(&there));
    assert!(is_in(&mut alice) && is_in(&mut same));
    Visitor::of(&there).sign_in("alice", &password("alice"));
}

#[test]
fn a_redis_that_comes_back_empty_has_ended_all_sessions() {
    let mut redis = RedisServer::start();
    let (here, there, _wire) = two(&redis, "cache_ttl = \"10h\"\ngrace = \"10h\"");
    let (mut alice, mut same) = alice_on_both(&here, &there);
    redis.kill();
    until("it is noticed", || !is_ready(&here) && !is_ready(&there));
    assert!(is_in(&mut alice) && is_in(&mut same));
    redis.start_again();
    until("nobody is signed in any more", || matches!((status(&mut alice), status(&mut same)), (303, 303)));
    until("both are ready again", || is_ready(&here) && is_ready(&there));
    alice.sign_in("alice", &password("alice"));
}

#[test]
fn signing_out_while_redis_is_away_is_a_503_whatever_the_form_says() {
    let mut redis = RedisServer::start();
    let (here, there, _wire) = two(&redis, "cache_ttl = \"10h\"\ngrace = \"10h\"");
    let (mut alice, _) = alice_on_both(&here, &there);
    let csrf = alice.get("/.gateway/logout").field("csrf");
    redis.kill();
    until("it is noticed", || !is_ready(&here));
    for sent in [&*csrf, "", "forged"] {
        let response = alice.submit("/.gateway/logout", &[("csrf", sent)]);
        assert_eq!((response.status.as_u16(), response.header("retry-after")), (503, "10"), "{sent}");
        assert!(alice.cookies.contains_key(SESSION), "{sent}");
        let fields = [("csrf", sent), ("end", "others")];
        assert_eq!(alice.submit("/.gateway/account/sessions", &fields).status, 503, "{sent}");
    }
    here.clock.advance(Duration::from_hours(11));
    assert_eq!(alice.submit("/.gateway/logout", &[("csrf", &csrf)]).status, 503);
}

#[test]
fn a_session_ended_during_a_cut_connection_is_over_after_it() {
    let redis = RedisServer::start();
    let (here, there, relay) = two(&redis, "cache_ttl = \"10h\"\ngrace = \"10h\"");
    let (mut alice, mut same) = alice_on_both(&here, &there);
    relay.swallow();
    assert_eq!(alice.sign_out().status, 303);
    assert!(!is_in(&mut alice));
    until("the cut is noticed", || !is_ready(&there));
    assert!(is_in(&mut same), "nobody could tell, and the grace is long");
    relay.mend();
    until("it is over there, too", || !is_in(&mut same));
    assert!(is_ready(&here));
}

#[test]
fn a_message_that_is_lost_is_noticed() {
    let redis = RedisServer::start();
    let (here, there, _wire) = two(&redis, NEVER);
    let mut connection = redis.connection();
    for _ in 0..3 {
        let (mut alice, mut same) = alice_on_both(&here, &there);
        // A lost message: the key is gone and the sequence number counted, and no message was published.
        let key = format!("{{portcullis}}:s:{}", key_of(&alice.cookies[SESSION]).to_hex());
        redis::pipe().cmd("DEL").arg(key).cmd("INCR").arg("{portcullis}:seq").exec(&mut connection).unwrap();
        until("it is over on both", || !is_in(&mut alice) && !is_in(&mut same));
        // And where the connection breaks at that moment.
        let (mut alice, mut same) = alice_on_both(&here, &there);
        redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").exec(&mut connection).unwrap();
        assert_eq!(alice.sign_out().status, 303);
        until("it is over there, too", || !is_in(&mut same));
    }
}

#[test]
fn a_lost_message_that_nobody_could_notice_is_made_good_by_cache_ttl() {
    let redis = RedisServer::start();
    let (here, there, _wire) = two(&redis, "cache_ttl = \"30s\"");
    let (mut alice, mut same) = alice_on_both(&here, &there);
    let key = format!("{{portcullis}}:s:{}", key_of(&alice.cookies[SESSION]).to_hex());
    redis::cmd("DEL").arg(key).exec(&mut redis.connection()).unwrap();
    assert!(is_in(&mut alice) && is_in(&mut same));
    here.clock.advance(Duration::from_secs(31));
    assert!(!is_in(&mut alice) && !is_in(&mut same));
}

#[test]
fn a_session_of_another_version_opens_nothing_and_ends_nothing() {
    let redis = RedisServer::start();
    let (here, there, _wire) = two(&redis, "cache_ttl = \"30s\"\ngrace = \"0s\"");
    let (mut alice, _) = alice_on_both(&here, &there);
    let key = format!("{{portcullis}}:s:{}", key_of(&alice.cookies[SESSION]).to_hex());
    let set = |version: &str| {
        redis::cmd("HSET").arg(&key).arg("v").arg(version).exec(&mut redis.connection()).unwrap();
    };
    set("2");
    here.clock.advance(Duration::from_secs(31));
    let mut same = Visitor::of(&there);
    same.cookies = alice.cookies.clone();
    assert_eq!((status(&mut alice), status(&mut same)), (503, 503));
    set("1");
    assert!(is_in(&mut alice) && is_in(&mut same));
}
