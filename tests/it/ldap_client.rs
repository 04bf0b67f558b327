//! The LDAP client against servers that fail, lie and drop connections.
//!
//! The criteria of a hostile directory: no answer ends the process, costs much memory or makes a wrong password right; no
//! password goes over a connection that is not protected as it has to be.

use std::{net::UdpSocket, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::join_all};
use portcullis::{
    auth::ldap::{
        Authorities, BindOutcome, ConnectionSettings, Filter, LdapError, LdapPool, LdapUrl, ResultCode,
        Scope, SearchRequest, SearchResult, ServerState, ServiceAccount,
    },
    users::Password,
};

use crate::support::{
    block_on,
    certificates::{TestAuthority, own_authority},
    ldap_server::{BASE, LdapServer, Lie, Operation, Person, SERVICE_DN, SERVICE_PASSWORD, ServerTls},
    process::until,
};

/// Long enough for every answer that comes.
const PATIENT: Duration = Duration::from_mins(1);
/// Short, for answers that never come.
const HASTY: Duration = Duration::from_millis(300);

fn settings(urls: &[String]) -> ConnectionSettings {
    ConnectionSettings {
        urls: urls.iter().map(|url| LdapUrl::parse(url).unwrap()).collect(),
        start_tls: false,
        allow_plain: false,
        authorities: Authorities::default(),
        service: Some(ServiceAccount {
            bind_dn: SERVICE_DN.into(),
            password: Password::new(SERVICE_PASSWORD.to_owned()),
        }),
        connections: 4,
        connect_timeout: PATIENT,
        operation_timeout: PATIENT,
    }
}

fn pool_of(server: &LdapServer) -> LdapPool {
    start(settings(&[server.url()]))
}

fn start(settings: ConnectionSettings) -> LdapPool {
    LdapPool::start("company", settings).expect("a thread")
}

fn search_for(name: &str) -> SearchRequest {
    SearchRequest {
        base: BASE.to_owned(),
        scope: Scope::Subtree,
        filter: Filter::equal("uid", name),
        attributes: vec!["uid".to_owned(), "mail".to_owned()],
        size_limit: 2,
        page_size: None,
    }
}

fn search(pool: &LdapPool, request: SearchRequest) -> Result<SearchResult, LdapError> {
    block_on(pool.search(request))
}

fn names(result: &SearchResult) -> Vec<&str> {
    result.entries.iter().map(|entry| entry.single_text("uid").unwrap()).collect()
}

fn verify(pool: &LdapPool, name: &str, password: &str) -> Result<BindOutcome, LdapError> {
    block_on(pool.verify(dn(name), Password::new(password.to_owned())))
}

fn dn(name: &str) -> String {
    Person::new(name, "").dn
}

fn alice() -> Person {
    Person::new("alice", "correct horse")
}

fn is_down(pool: &LdapPool) -> bool {
    matches!(pool.health()[0].state, ServerState::Down(_))
}

#[test]
fn a_search_finds_the_entry_of_a_name_and_no_other() {
    let server = LdapServer::start([alice(), Person::new("bob", "b"), Person::new("a*", "c")]);
    let pool = pool_of(&server);
    for name in ["alice", "a*", "ALICE"] {
        let found = search(&pool, search_for(name)).unwrap();
        assert_eq!(names(&found), [name.to_lowercase()]);
        assert!(!found.is_truncated);
    }
    for name in ["*", ")(uid=*", r"\2a", "", "alic", "alice\0", &"(".repeat(256 * 1024)] {
        assert_eq!(search(&pool, search_for(name)).unwrap(), SearchResult::default(), "{name:.20}");
    }
}

#[test]
fn a_password_is_right_only_for_its_entry() {
    let server = LdapServer::start([alice(), Person::new("bob", "battery")]);
    let pool = pool_of(&server);
    assert_eq!(verify(&pool, "alice", "correct horse"), Ok(BindOutcome::Right));
    for (name, password) in [("alice", "battery"), ("alice", "Correct horse"), ("carol", "x")] {
        let Ok(BindOutcome::Wrong { code: ResultCode::INVALID_CREDENTIALS, diagnostic }) =
            verify(&pool, name, password)
        else {
            panic!("{name} {password}")
        };
        assert_eq!(diagnostic.as_str(), "data 52e");
    }
}

/// The server takes an empty password for an anonymous bind, and says that it went well.
#[test]
fn a_password_that_is_none_never_reaches_the_server() {
    let server = LdapServer::start([alice()]);
    let pool = pool_of(&server);
    for password in ["", " ", "\t\n  ", "\u{a0}", "correct horse\0", &"x".repeat(2000)] {
        assert!(matches!(verify(&pool, "alice", password), Ok(BindOutcome::Wrong { .. })), "{password:?}");
    }
    let nobody = block_on(pool.verify(String::new(), Password::new("x".to_owned())));
    assert!(matches!(nobody, Ok(BindOutcome::Wrong { .. })));
    // A right password leads to a bind, so that the counter counts binds.
    assert_eq!(verify(&pool, "alice", "correct horse"), Ok(BindOutcome::Right));
    assert_eq!(server.user_binds().len(), 1);
}

#[test]
fn a_user_is_bound_on_a_connection_of_their_own_that_is_closed_afterwards() {
    let server = LdapServer::start([alice()]);
    let pool = pool_of(&server);
    until("the pool has connected", || pool.health()[0].state == ServerState::Up);
    search(&pool, search_for("alice")).unwrap();
    let before = server.accepted();
    verify(&pool, "alice", "correct horse").unwrap();
    verify(&pool, "alice", "wrong").unwrap();
    assert_eq!(server.accepted(), before + 2);
    until("both are closed", || server.unbinds() == 2);
    // Searches go on as the service account, on the connection of before.
    search(&pool, search_for("alice")).unwrap();
    assert_eq!(server.accepted(), before + 2);
    server.people().clear();
    assert_eq!(search(&pool, search_for("alice")).unwrap(), SearchResult::default());
}

#[test]
fn a_search_of_hostile_answers_is_an_error_that_names_the_problem() {
    let protocol = |problem: &str| format!("breaks the LDAP protocol: {problem}");
    let lies = [
        (Lie::NestedSequences, protocol("a message is nested too deeply")),
        (Lie::HugeLength, protocol("a message has more than 1 MiB")),
        (Lie::IndefiniteLength, protocol("a length is indefinite")),
        (Lie::OtherProtocol, protocol("a message is no SEQUENCE")),
        (Lie::ResultWithoutCode, protocol("a result has no code")),
        (Lie::EntryWithoutDn, protocol("an entry has no name")),
        (Lie::EntryWithEmptyDn, protocol("an entry has no name")),
        (Lie::References(10_000), protocol("a result has more than 1,000 referrals")),
        (Lie::Referral(10_000), "refuses the search: referral (10): ldap://elsewhere.example".to_owned()),
        (Lie::EmptyValues, protocol("a result has more than 2 MiB")),
        (Lie::EndlessEntries, protocol("a result has more entries than the size limit")),
        (Lie::WrongMessageId, protocol("a response has the number of another request")),
        (Lie::OtherResponse, protocol("another response answers a search")),
        (Lie::UnaskedNotifications, protocol("notifications come one after the other")),
        (Lie::Code(80), "refuses the search: other (80): not today".to_owned()),
    ];
    let server = LdapServer::start([alice()]);
    let pool = pool_of(&server);
    for (lie, problem) in lies {
        server.lie(Operation::Search, lie);
        let error = search(&pool, search_for("alice")).expect_err(&format!("{lie:?}")).to_string();
        assert!(error.contains(&problem) && error.contains(&server.url()), "{lie:?}: {error}");
        // One broken answer takes the directory away from nobody else.
        server.be_honest();
        assert_eq!(names(&search(&pool, search_for("alice")).unwrap()), ["alice"], "after {lie:?}");
        assert_eq!(verify(&pool, "alice", "correct horse"), Ok(BindOutcome::Right), "after {lie:?}");
    }
}

#[test]
fn a_result_without_an_end_has_a_limit() {
    let server = LdapServer::start([alice()]);
    let pool = pool_of(&server);
    for (lie, page_size, problem) in [
        (Lie::EndlessEntries, None, "a result has more than 2 MiB"),
        (Lie::EndlessPages, Some(10), "a result has more than 1,000 pages"),
    ] {
        server.lie(Operation::Search, lie);
        let request = SearchRequest { size_limit: 0, page_size, ..search_for("alice") };
        let error = search(&pool, request).expect_err(problem).to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn a_bind_of_hostile_answers_is_never_a_right_password() {
    let server = LdapServer::start([alice()]);
    let pool = pool_of(&server);
    for lie in [
        Lie::NestedSequences,
        Lie::HugeLength,
        Lie::IndefiniteLength,
        Lie::OtherProtocol,
        Lie::ResultWithoutCode,
        Lie::EntryWithoutDn,
        Lie::References(10_000),
        Lie::Referral(10_000),
        Lie::WrongMessageId,
        Lie::OtherResponse,
        Lie::UnaskedNotifications,
        Lie::Code(10),
        Lie::Code(14),
        Lie::Code(80),
    ] {
        server.lie(Operation::UserBind, lie);
        let error = verify(&pool, "alice", "correct horse").expect_err(&format!("{lie:?}"));
        assert!(matches!(error, LdapError::Protocol { .. } | LdapError::Refused { .. }), "{lie:?}: {error}");
        server.be_honest();
        assert_eq!(verify(&pool, "alice", "correct horse"), Ok(BindOutcome::Right), "after {lie:?}");
    }
}

#[test]
fn an_answer_that_does_not_end_in_time_ends_the_connection() {
    for lie in [Lie::EndlessPartialMessage, Lie::OneByteASecond, Lie::Silence] {
        for operation in [Operation::Search, Operation::UserBind] {
            let server = LdapServer::start([alice()]);
            let pool = start(ConnectionSettings { operation_timeout: HASTY, ..settings(&[server.url()]) });
            until("the directory answers", || search(&pool, search_for("alice")).is_ok());
            server.lie(operation, lie);
            let error = match operation {
                Operation::Search => search(&pool, search_for("alice")).expect_err("a time-out"),
                _ => verify(&pool, "alice", "correct horse").expect_err("a time-out"),
            };
            assert!(matches!(error, LdapError::Timeout { .. }), "{lie:?} {operation:?}: {error}");
            server.be_honest();
            until("the directory answers again", || {
                verify(&pool, "alice", "correct horse") == Ok(BindOutcome::Right)
            });
        }
    }
}

#[test]
fn a_hostile_answer_to_the_service_account_makes_the_directory_down() {
    for lie in [
        Lie::NestedSequences,
        Lie::HugeLength,
        Lie::ResultWithoutCode,
        Lie::NoticeOfDisconnection,
        Lie::Disconnect,
    ] {
        let server = LdapServer::start([alice()]);
        server.lie(Operation::ServiceBind, lie);
        let pool = pool_of(&server);
        until("the directory is down", || is_down(&pool));
        assert!(search(&pool, search_for("alice")).is_err());
        assert!(!pool.is_up());
        server.be_honest();
        until("the directory is up", || pool.is_up());
        assert_eq!(names(&search(&pool, search_for("alice")).unwrap()), ["alice"]);
    }
}

#[test]
fn a_server_that_drops_every_answer_is_an_error_that_says_so() {
    for (lie, reason) in [
        (Lie::Disconnect, "the server closed the connection"),
        (Lie::NoticeOfDisconnection, "the server ends the connection: unavailable (52): going down"),
    ] {
        let server = LdapServer::start([alice()]);
        server.lie(Operation::Search, lie);
        let pool = pool_of(&server);
        let error = search(&pool, search_for("alice")).expect_err("no answer");
        assert!(matches!(error, LdapError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn referrals_are_shown_and_not_followed() {
    let server = LdapServer::start([alice()]);
    server.lie(Operation::Search, Lie::References(3));
    let found = search(&pool_of(&server), search_for("alice")).unwrap();
    assert!(found.entries.is_empty());
    assert_eq!(found.referrals.len(), 3);
    assert_eq!(found.referrals[0].as_str(), "ldap://elsewhere.example/dc=example??sub");
}

#[test]
fn more_entries_than_the_size_limit_are_noticed() {
    let twins = ["one", "two", "three"].map(|name| {
        let mut person = Person::new(name, "x");
        person.attributes.retain(|(name, _)| name != "mail");
        person.attributes.push(("mail".to_owned(), vec![b"same@example.com".to_vec()]));
        person
    });
    let server = LdapServer::start(twins);
    let request = SearchRequest { filter: Filter::equal("mail", "same@example.com"), ..search_for("") };
    let found = search(&pool_of(&server), request).unwrap();
    assert_eq!(names(&found), ["one", "two"]);
    assert!(found.is_truncated);
}

#[test]
fn all_pages_of_a_result_are_read() {
    let people: Vec<String> = (0..3000).map(|number| format!("p{number}")).collect();
    let server = LdapServer::start(people.iter().map(|name| Person::new(name, "x")));
    let pool = pool_of(&server);
    let request = SearchRequest {
        filter: Filter::present("uid"),
        attributes: vec!["uid".to_owned()],
        size_limit: 0,
        page_size: Some(500),
        ..search_for("")
    };
    let found = search(&pool, request).unwrap();
    assert_eq!(names(&found), people);
    assert_eq!(server.searches(), 6);
}

#[test]
fn an_idle_connection_that_the_server_closed_costs_nothing_but_a_new_one() {
    let server = LdapServer::start([alice()]);
    let pool = pool_of(&server);
    // The pool's own first question to the server must not be the one that is broken off.
    until("the server is known", || pool.health().iter().all(|server| server.state == ServerState::Up));
    for _ in 0..5 {
        search(&pool, search_for("alice")).unwrap();
        server.disconnect_all();
    }
    // Each new connection is bound before it searches.
    assert!(server.binds().iter().filter(|bind| bind.dn == SERVICE_DN).count() >= 5);
    assert!(pool.is_up());
}

#[test]
fn a_directory_that_stops_fails_at_once_and_works_again_by_itself() {
    let mut server = LdapServer::start([alice()]);
    let pool = pool_of(&server);
    search(&pool, search_for("alice")).unwrap();
    server.stop();
    for password in ["correct horse", "wrong"] {
        let error = verify(&pool, "alice", password).expect_err("no directory");
        assert!(matches!(error, LdapError::Unreachable { .. }), "{error}");
    }
    assert!(search(&pool, search_for("alice")).is_err());
    assert!(is_down(&pool));
    server.start_again();
    // No operation is started meanwhile.
    until("the directory is up", || pool.is_up());
    assert_eq!(verify(&pool, "alice", "correct horse"), Ok(BindOutcome::Right));
    assert_eq!(names(&search(&pool, search_for("alice")).unwrap()), ["alice"]);
}

#[test]
fn the_first_server_that_works_is_used() {
    let (mut first, second) = (LdapServer::start([alice()]), LdapServer::start([alice()]));
    let pool = start(settings(&[first.url(), second.url()]));
    search(&pool, search_for("alice")).unwrap();
    assert_eq!((first.searches(), second.searches()), (1, 0));
    first.stop();
    search(&pool, search_for("alice")).unwrap();
    assert_eq!(verify(&pool, "alice", "correct horse"), Ok(BindOutcome::Right));
    assert_eq!(second.searches(), 1);
    first.start_again();
    until("the first one is used again", || {
        search(&pool, search_for("alice")).unwrap();
        first.searches() > 1
    });
    // One that has no answer now is passed over, too.
    first.lie(Operation::Search, Lie::Code(51));
    assert_eq!(names(&search(&pool, search_for("alice")).unwrap()), ["alice"]);
}

#[test]
fn a_refused_service_account_is_an_error_of_its_own() {
    let server = LdapServer::start([alice()]);
    let service =
        ServiceAccount { bind_dn: SERVICE_DN.into(), password: Password::new("old-secret".to_owned()) };
    let pool = start(ConnectionSettings { service: Some(service), ..settings(&[server.url()]) });
    let error = search(&pool, search_for("alice")).expect_err("a refusal");
    assert!(
        matches!(error, LdapError::ServiceBindRefused { code: ResultCode::INVALID_CREDENTIALS, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("`bind_dn`"), "{error}");
    assert_eq!(server.searches(), 0);
}

#[test]
fn a_search_without_a_service_account_binds_as_nobody() {
    let server = LdapServer::start([alice()]);
    let pool = start(ConnectionSettings { service: None, ..settings(&[server.url()]) });
    assert_eq!(names(&search(&pool, search_for("alice")).unwrap()), ["alice"]);
    assert_eq!(server.binds(), []);
}

#[test]
fn a_hundred_sign_ins_are_each_right_while_the_server_drops_every_third_connection() {
    let people: Vec<Person> =
        (0..100).map(|number| Person::new(&format!("p{number}"), &format!("pw{number}"))).collect();
    let server = LdapServer::start(people.clone());
    server.drop_every(3);
    let pool = pool_of(&server);
    let sign_in = async |number: usize| {
        let found = pool.search(search_for(&format!("p{number}"))).await.expect("the entry");
        let password = if number.is_multiple_of(2) { format!("pw{number}") } else { "wrong".to_owned() };
        let dn = found.entries[0].dn().to_owned();
        (dn.clone(), pool.verify(dn, Password::new(password)).await)
    };
    let outcomes = block_on(join_all((0..100).map(sign_in)));
    for (number, (dn, outcome)) in outcomes.into_iter().enumerate() {
        assert_eq!(dn, people[number].dn);
        match outcome {
            Ok(BindOutcome::Right) => assert!(number.is_multiple_of(2), "{dn}"),
            Ok(BindOutcome::Wrong { .. }) => assert!(!number.is_multiple_of(2), "{dn}"),
            Err(error) => panic!("{dn}: {error}"),
        }
    }
}

/// A directory that counts wrong passwords locks the account after some of them. Mallory, who can cut connections, must not
/// turn one typing error of Alice into twelve.
#[test]
fn check_of_a_password_whose_answer_is_lost_is_not_repeated_on_any_server() {
    for lie in [Lie::Disconnect, Lie::NoticeOfDisconnection] {
        let servers = [LdapServer::start([alice()]), LdapServer::start([alice()])];
        let pool = start(settings(&[servers[0].url(), servers[1].url()]));
        assert_eq!(names(&search(&pool, search_for("alice")).unwrap()), ["alice"]);
        servers[0].lie(Operation::UserBind, lie);
        let error = verify(&pool, "alice", "wrong").expect_err("no answer");
        assert!(matches!(error, LdapError::Unreachable { .. }), "{error}");
        let counts = servers.each_ref().map(|server| server.user_binds().len());
        assert_eq!(counts, [1, 0], "{lie:?}");
        // The next check is a bind of its own, whichever server does it: the first one may be in use again.
        servers[0].be_honest();
        assert_eq!(verify(&pool, "alice", "correct horse"), Ok(BindOutcome::Right), "{lie:?}");
        let all: usize = servers.iter().map(|server| server.user_binds().len()).sum();
        assert_eq!(all, 2, "{lie:?}");
    }
}

#[test]
fn an_overfull_queue_is_busy_at_once() {
    let server = LdapServer::start([alice()]);
    server.lie(Operation::Search, Lie::Silence);
    let pool = start(ConnectionSettings { connections: 1, ..settings(&[server.url()]) });
    block_on(async {
        let mut waiting: Vec<_> = (0..400).map(|_| Box::pin(pool.search(search_for("alice")))).collect();
        let mut busy = 0;
        for search in &mut waiting {
            if let Some(ended) = search.now_or_never() {
                assert_eq!(ended, Err(LdapError::Busy));
                busy += 1;
            }
        }
        assert!(busy >= 1);
    });
}

#[test]
fn a_connection_over_tls_works_by_name_and_by_address() {
    let authority = TestAuthority::new();
    let config = authority.server_config(&["localhost", "127.0.0.1"], 4000);
    for (tls, scheme) in
        [(ServerTls::Ldaps(Arc::clone(&config)), "ldaps"), (ServerTls::StartTls(config), "ldap")]
    {
        let server = LdapServer::start_with(tls, [alice()]);
        for host in ["localhost", "127.0.0.1"] {
            let pool = start(trusting(&authority, &format!("{scheme}://{host}:{}", server.port())));
            assert_eq!(names(&search(&pool, search_for("alice")).unwrap()), ["alice"]);
            assert_eq!(verify(&pool, "alice", "correct horse"), Ok(BindOutcome::Right));
        }
    }
}

#[test]
fn a_connection_over_tls_works_by_an_address_in_brackets() {
    let authority = TestAuthority::new();
    let config = authority.server_config(&["::1"], 4000);
    let server = LdapServer::start_at("[::1]:0", ServerTls::Ldaps(config), [alice()]);
    let pool = start(trusting(&authority, &format!("ldaps://[::1]:{}", server.port())));
    assert_eq!(verify(&pool, "alice", "correct horse"), Ok(BindOutcome::Right));
}

fn trusting(authority: &TestAuthority, url: &str) -> ConnectionSettings {
    ConnectionSettings {
        start_tls: url.starts_with("ldap:"),
        authorities: Authorities::new(vec![authority.der()]),
        ..settings(&[url.to_owned()])
    }
}

#[test]
fn no_bind_is_sent_to_a_server_without_a_proper_certificate() {
    // The other one calls itself the same.
    let (authority, other) = (TestAuthority::new(), TestAuthority::new());
    for (problem, config) in [
        ("not valid for name", authority.server_config(&["dc2.example.com"], 4000)),
        ("BadSignature", other.server_config(&["127.0.0.1"], 4000)),
        ("expired", authority.server_config(&["127.0.0.1"], 2020)),
    ] {
        for tls in [ServerTls::Ldaps(Arc::clone(&config)), ServerTls::StartTls(config)] {
            refuses(&authority, tls, problem);
        }
    }
}

#[test]
fn a_certificate_that_a_server_made_for_itself_is_trusted_where_it_is_named() {
    let (named, config) = own_authority("127.0.0.1");
    let (other, _) = own_authority("127.0.0.1");
    let (other_host, config_of_other_host) = own_authority("dc2.example.com");
    for (named, config, problem) in [
        (&named, &config, None),
        (&other, &config, Some("invalid peer certificate")),
        (&other_host, &config_of_other_host, Some("not valid for name")),
    ] {
        let server = LdapServer::start_with(ServerTls::Ldaps(Arc::clone(config)), [alice()]);
        let authorities = Authorities::new(vec![named.clone()]);
        let pool = start(ConnectionSettings { authorities, ..settings(&[server.url()]) });
        match (verify(&pool, "alice", "correct horse"), problem) {
            (Ok(BindOutcome::Right), None) => {}
            (Err(error), Some(problem)) => {
                assert!(error.to_string().contains(problem), "{error}");
                assert_eq!(server.binds(), []);
            }
            (outcome, _) => panic!("{outcome:?}, and not {problem:?}"),
        }
    }
}

#[test]
fn no_bind_is_sent_without_tls_where_starttls_is_asked_for() {
    let authority = TestAuthority::new();
    let config = || authority.server_config(&["127.0.0.1"], 4000);
    for (tls, problem) in [
        (ServerTls::None, "StartTLS is refused: unavailable (52) no TLS here"),
        (ServerTls::StartTlsWithInjection(config()), "bytes follow the answer to StartTLS in plain text"),
        (ServerTls::StartTlsAfterInjection(config()), "another response answers the request for TLS"),
    ] {
        refuses(&authority, tls, problem);
    }
}

/// Neither a search nor a check of a password sends a bind to this server.
#[track_caller]
fn refuses(authority: &TestAuthority, tls: ServerTls, problem: &str) {
    let server = LdapServer::start_with(tls, [alice()]);
    let pool = start(trusting(authority, &server.url()));
    let errors = [
        search(&pool, search_for("alice")).expect_err(problem),
        verify(&pool, "alice", "correct horse").expect_err(problem),
    ];
    for error in errors {
        assert!(error.to_string().contains(problem), "{error}");
    }
    until("the directory is down", || is_down(&pool));
    assert_eq!(server.binds(), [], "{problem}");
}

#[test]
fn a_plain_connection_to_another_address_needs_the_explicit_setting() {
    // Its own address in the network, to which a packet is never sent.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").expect("a network; without one there is no other address than loopback");
    let addr = socket.local_addr().unwrap().ip();
    let server = LdapServer::start_at(&format!("{addr}:0"), ServerTls::None, [alice()]);
    let pool = pool_of(&server);
    let error = verify(&pool, "alice", "correct horse").expect_err("a plain connection");
    assert!(error.to_string().contains("neither protected by TLS nor to this machine"), "{error}");
    assert_eq!(server.binds(), []);
    let pool = start(ConnectionSettings { allow_plain: true, ..settings(&[server.url()]) });
    assert_eq!(verify(&pool, "alice", "correct horse"), Ok(BindOutcome::Right));
}

#[test]
fn no_password_stands_in_debug_text_or_errors() {
    let server = LdapServer::start([alice()]);
    let settings = settings(&[server.url()]);
    let mut shown = format!("{settings:?}");
    let pool = start(settings.clone());
    server.lie(Operation::UserBind, Lie::RepeatPassword);
    shown += &format!("{:?}", verify(&pool, "alice", "typed-secret-9917"));
    server.lie(Operation::ServiceBind, Lie::RepeatPassword);
    let refused = start(settings);
    let error = search(&refused, search_for("alice")).expect_err("a refusal");
    shown += &format!("{error} {error:?} {:?} {pool:?} {refused:?}", refused.health());
    assert!(shown.contains("repeats the password"), "{shown}");
    for secret in ["typed-secret-9917", SERVICE_PASSWORD] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn the_health_of_a_directory_counts_its_answers() {
    let server = LdapServer::start([alice()]);
    let pool = pool_of(&server);
    until("the pool has looked itself", || pool.health()[0].state == ServerState::Up);
    let before = pool.health()[0].answered;
    search(&pool, search_for("alice")).unwrap();
    verify(&pool, "alice", "wrong").unwrap();
    let health = &pool.health()[0];
    assert_eq!(health.answered, before + 2);
    assert!(health.answered_in > Duration::ZERO);
    assert_eq!(&*health.url, server.url());
}
