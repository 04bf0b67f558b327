//! A gateway whose directory lies, hangs and drops connections: the process stays, and other sign-ins work.

use std::{fs, thread};

use crate::support::{
    ldap_server::{BASE, LdapServer, Lie, Operation, Person, SERVICE_DN, SERVICE_PASSWORD},
    process::{Process, Workplace, until},
    slapd::write_private,
};

const APPS: &str = "[[app]]\nupstream = \"builtin:whoami\"\n";

/// A folder with a gateway that has a user of its own and this directory.
fn workplace(server: &LdapServer, keys: &str, sections: &str) -> Workplace {
    let place = Workplace::empty();
    write_private(&place.path("service-password"), SERVICE_PASSWORD);
    let backend = format!(
        "[[backend]]\ntype = \"local\"\n\
         [[backend]]\ntype = \"ldap\"\nname = \"company\"\npreset = \"openldap\"\nurl = \"{}\"\nbase = \"{BASE}\"\n\
         bind_dn = \"{SERVICE_DN}\"\nbind_password_file = \"service-password\"\n{keys}\n{sections}",
        server.url(),
    );
    place.write(&Workplace::configuration(&backend, APPS));
    place.run_well(
        &["user", "add", "admin", "--superuser", "--email", "admin@example.com"],
        "local-secret-4477\n",
    );
    place
}

#[track_caller]
fn local_user_signs_in(gateway: &Process) {
    gateway.visitor().sign_in("admin", "local-secret-4477");
}

fn status_of_sign_in(gateway: &Process, name: &str, password: &str) -> u16 {
    gateway.visitor().sign_in_to("/", name, password).status.as_u16()
}

/// A value of `/proc/PID/status`, in KiB.
fn memory(gateway: &Process, key: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.id())).expect("its state");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("a key of proc(5)");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_lying_directory_costs_neither_the_process_nor_memory_nor_other_sign_ins() {
    const GROWTH: usize = 4 * 1024;
    let lies = [
        (Lie::NestedSequences, "nested too deeply"),
        (Lie::HugeLength, "more than 1 MiB"),
        (Lie::IndefiniteLength, "a length is indefinite"),
        (Lie::ResultWithoutCode, "a result has no code"),
        (Lie::EntryWithoutDn, "an entry has no name"),
        (Lie::References(10_000), "more than 1,000 referrals"),
        (Lie::Referral(10_000), "referral (10)"),
        (Lie::EmptyValues, "more than 2 MiB"),
        (Lie::EndlessEntries, "more entries than the size limit"),
        (Lie::WrongMessageId, "number of another request"),
        (Lie::UnaskedNotifications, "notifications come one after the other"),
        (Lie::OtherProtocol, "no SEQUENCE"),
    ];
    let server = LdapServer::start([Person::new("alice", "directory-secret")]);
    let place = workplace(&server, "", "[throttle]\nper_account = 100\nper_address = 1000\n");
    let gateway = place.start();
    // Values that are made once are made before memory is measured.
    for _ in 0..3 {
        local_user_signs_in(&gateway);
        gateway.visitor().sign_in("alice", "directory-secret");
    }
    for (lie, problem) in lies {
        let before = memory(&gateway, "VmRSS");
        // The highest value counts from here on (proc(5), clear_refs).
        fs::write(format!("/proc/{}/clear_refs", gateway.id()), "5").expect("a new peak");
        server.lie(Operation::Search, lie);
        assert_eq!(status_of_sign_in(&gateway, "alice", "directory-secret"), 503, "{lie:?}");
        gateway.stderr.wait_for_text(problem);
        local_user_signs_in(&gateway);
        let peak = memory(&gateway, "VmHWM");
        assert!(peak < before + GROWTH, "{lie:?}: {before} KiB, then {peak} KiB");
        server.be_honest();
        assert_eq!(status_of_sign_in(&gateway, "alice", "directory-secret"), 303, "after {lie:?}");
    }
    let (ended, ..) = gateway.stop();
    assert!(ended.success());
}

#[test]
fn a_directory_that_hangs_delays_no_local_sign_in() {
    let server = LdapServer::start([Person::new("alice", "directory-secret")]);
    let place = workplace(&server, "timeout = \"60s\"\n", "");
    let gateway = place.start();
    gateway.visitor().sign_in("alice", "directory-secret");
    server.lie(Operation::Search, Lie::Silence);
    thread::scope(|scope| {
        let searches = server.searches();
        let hanging = scope.spawn(|| status_of_sign_in(&gateway, "alice", "directory-secret"));
        until("the directory is asked", || server.searches() > searches);
        local_user_signs_in(&gateway);
        // The first sign-in still waits, and another connection gets the answer.
        server.be_honest();
        server.disconnect_all();
        assert_eq!(hanging.join().unwrap(), 303);
    });
}

#[test]
fn an_answer_that_does_not_end_makes_the_directory_unavailable_for_a_while() {
    for lie in [Lie::EndlessPartialMessage, Lie::OneByteASecond, Lie::Silence] {
        let server = LdapServer::start([Person::new("alice", "directory-secret")]);
        let place = workplace(&server, "timeout = \"500ms\"\n", "");
        let gateway = place.start();
        server.lie(Operation::Search, lie);
        assert_eq!(status_of_sign_in(&gateway, "alice", "directory-secret"), 503, "{lie:?}");
        local_user_signs_in(&gateway);
        server.be_honest();
        until("the directory works again", || {
            status_of_sign_in(&gateway, "alice", "directory-secret") == 303
        });
    }
}

#[test]
fn a_hostile_bind_lets_nobody_in() {
    let server = LdapServer::start([Person::new("alice", "directory-secret")]);
    let place = workplace(&server, "", "[throttle]\nper_account = 100\nper_address = 1000\n");
    let gateway = place.start();
    for lie in [
        Lie::NestedSequences,
        Lie::ResultWithoutCode,
        Lie::WrongMessageId,
        Lie::OtherResponse,
        Lie::Referral(3),
        Lie::Code(14),
        Lie::Code(80),
        Lie::Disconnect,
    ] {
        server.lie(Operation::UserBind, lie);
        assert_eq!(status_of_sign_in(&gateway, "alice", "directory-secret"), 503, "{lie:?}");
        server.be_honest();
        until("the directory works again", || {
            status_of_sign_in(&gateway, "alice", "directory-secret") == 303
        });
    }
    // A refusal that repeats the password is one, and the password stands nowhere.
    server.lie(Operation::UserBind, Lie::RepeatPassword);
    let page = gateway.visitor().sign_in_to("/", "alice", "typed-secret-9917");
    assert!(page.status.is_client_error());
    let text = page.text();
    let (_, out, err) = gateway.stop();
    assert!(![text, out, err].iter().any(|text| text.contains("typed-secret-9917")));
}

#[test]
fn a_hundred_sign_ins_at_once_are_each_right_while_the_directory_drops_every_third_connection() {
    let people =
        (0..100).map(|number| Person::new(&format!("p{number}"), &format!("directory-secret-{number}")));
    let server = LdapServer::start(people);
    server.drop_every(3);
    let place = workplace(&server, "", "[throttle]\nper_account = 100\nper_address = 1000\n");
    let gateway = place.start();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let sign_in = |number: usize| {
            let gateway = &gateway;
            scope.spawn(move || {
                let secret = if number.is_multiple_of(2) { number } else { number + 1 };
                status_of_sign_in(gateway, &format!("p{number}"), &format!("directory-secret-{secret}"))
            })
        };
        let under_way: Vec<_> = (0..100).map(sign_in).collect();
        under_way.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let expected: Vec<u16> = (0..100).map(|number| if number % 2 == 0 { 303 } else { 401 }).collect();
    assert_eq!(statuses, expected);
}
