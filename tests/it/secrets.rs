//! `portcullis secrets renew`, killed at many moments: every secret stays usable, and the next run finishes.
//!
//! `PORTCULLIS_RENEWAL_ROUNDS=200` kills that many times, 24 otherwise.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use portcullis::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, UserId, UserName},
    users::{FactorName, NewUser, RecoveryCode, ShownTo, TotpCode, TotpSecret, UserStore},
};

use crate::support::process::Workplace;

/// So many that their secrets take longer to seal than a kill takes to arrive.
const PEOPLE: usize = 100;

/// A person with an authenticator app and recovery codes.
struct Person {
    who: (UserId, CredentialVersion),
    secret: TotpSecret,
    codes: Vec<RecoveryCode>,
}

struct Scene {
    place: Workplace,
    clock: Clock,
    people: Vec<Person>,
}

impl Scene {
    fn new() -> Self {
        let place = Workplace::new("", "[[app]]\nupstream = \"builtin:whoami\"");
        place.run_well(&["user", "add", "root"], "quiet otters fold umbrellas");
        let clock = Clock::manual(Timestamp::from_millis(1_791_273_600_000));
        let mut scene = Self { place, clock, people: Vec::new() };
        let mut store = scene.store();
        scene.people = (0..PEOPLE).map(|number| enrol(&mut store, &scene.clock, number)).collect();
        scene
    }

    fn store(&self) -> UserStore {
        UserStore::open(&self.place.path("state/users.db"), self.clock.clone()).expect("the directory")
    }

    fn keys(&self) -> usize {
        fs::read_to_string(self.place.path("state/secret.key")).expect("the key file").lines().count()
    }

    fn renewal(&self) -> Command {
        let mut command = self.place.command(&["secrets", "renew"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Uses each app, and one recovery code of one person.
    #[track_caller]
    fn check(&mut self, round: usize) {
        let mut store = self.store();
        self.clock.advance(Duration::from_secs(30));
        for (number, person) in self.people.iter().enumerate() {
            let (id, credential) = person.who;
            let used = store.use_totp(id, credential, &code_of(&person.secret, &self.clock));
            assert!(used.expect("the directory").is_some(), "round {round}: app of person {number}");
        }
        let number = round % PEOPLE;
        let person = &mut self.people[number];
        let code = person.codes.pop().expect("a code that is left");
        let used = store.use_recovery_code(person.who.0, person.who.1, &code);
        assert!(used.expect("the directory").is_some(), "round {round}: recovery code of person {number}");
    }
}

fn enrol(store: &mut UserStore, clock: &Clock, number: usize) -> Person {
    let name = UserName::parse(&format!("person{number}")).expect("a name");
    let account = store.add(NewUser::named(name)).expect("a new user");
    let who = (account.user.id, account.credential);
    let shown_to = ShownTo { id: who.0, credential: who.1, session: "test" };
    let phone = FactorName::parse("Phone").expect("a name");
    let shown = store.start_totp(shown_to).expect("a secret");
    let code = code_of(&shown.secret, clock);
    let enrolled = store.enrol_totp(shown_to, &shown.sealed, &phone, Some(&code));
    let enrolled = enrolled.expect("the directory").expect("a new app");
    let codes = enrolled.codes.expect("recovery codes").iter().cloned().collect();
    Person { who, secret: shown.secret, codes }
}

fn code_of(secret: &TotpSecret, clock: &Clock) -> TotpCode {
    TotpCode::parse(&secret.code_at(clock.now()).expect("a code")).expect("six digits")
}

#[test]
fn a_renewal_that_is_killed_at_any_moment_leaves_every_secret_usable_and_the_next_one_finishes() {
    let rounds =
        std::env::var("PORTCULLIS_RENEWAL_ROUNDS").map_or(24, |text| text.parse().expect("a number"));
    let mut scene = Scene::new();
    assert!(scene.renewal().status().expect("the binary").success());
    scene.check(0);
    let mut halfway = 0;
    for round in 1..=rounds {
        let before = scene.keys();
        let mut renewal = scene.renewal().spawn().expect("the binary");
        let step = u32::try_from(round % 24).expect("a small number");
        if round % 2 == 0 {
            // From the moment on at which the new key is in the file, while secrets are sealed with it.
            while scene.keys() == before && renewal.try_wait().expect("its state").is_none() {}
            thread::sleep(Duration::from_micros(500) * step);
        } else {
            thread::sleep(Duration::from_millis(3) * step);
        }
        renewal.kill().expect("a signal");
        renewal.wait().expect("its end");
        halfway += usize::from(scene.keys() > 1);
        scene.check(round);
        // Some kills follow one another, and the rest of the work is done by the next whole run.
        if round % 3 == 0 {
            let output = scene.place.run_well(&["secrets", "renew"], "");
            assert!(output.contains(&format!("sealed {} secrets", 2 * PEOPLE)), "round {round}: {output}");
            assert!(!output.contains("could not be opened"), "round {round}: {output}");
            assert_eq!(scene.keys(), 1, "round {round}");
            scene.check(round);
        }
    }
    assert!(halfway > 0, "no renewal was killed halfway: the test tests nothing");
}
