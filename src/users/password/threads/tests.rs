//! The hashing threads.

use std::sync::mpsc;

use futures_util::future::{BoxFuture, FutureExt};

use super::*;
use crate::{identity::UserName, users::Weakness};

const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

#[tokio::test]
async fn only_the_password_that_was_hashed_fits() {
    let passwords = Passwords::start(QUICK, 2, 8);
    let hash = passwords.hash(password("correct horse")).await.unwrap();
    assert_eq!(
        passwords.verify(Some(hash.clone()), password("correct horse")).await.unwrap(),
        Verdict::Right { upgrade: None }
    );
    for wrong in ["", "correct hors", "Correct horse", "correct horse ", "correct horse\0"] {
        let verdict = passwords.verify(Some(hash.clone()), password(wrong)).await.unwrap();
        assert_eq!(verdict, Verdict::Wrong, "{wrong:?}");
    }
    assert_eq!(passwords.verifications(), 6);
}

#[tokio::test]
async fn a_new_password_is_hashed_only_if_the_rules_accept_it() {
    let passwords = Passwords::start(QUICK, 1, 8);
    let alice = PasswordOwner::new(UserName::parse("alice").unwrap(), "", "");
    let mut outcomes = Vec::new();
    for text in ["alice1234", "velvet turbine oyster"] {
        let hashed = passwords.hash_new(password(text), alice.clone());
        outcomes.push(hashed.await.unwrap().map(|_| ()).map_err(|weak| weak.weaknesses().to_vec()));
    }
    assert_eq!(outcomes, [Err(vec![Weakness::OwnWords]), Ok(())]);
}

#[tokio::test]
async fn no_hash_and_an_unreadable_hash_fit_nothing_and_count_as_checks() {
    let passwords = Passwords::start(QUICK, 1, 8);
    for hash in [None, Some("!"), Some(""), Some("$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA")] {
        let hash = hash.map(|text| PasswordHash::stored(text.to_owned()));
        assert_eq!(passwords.verify(hash, password("")).await.unwrap(), Verdict::Wrong);
    }
    assert_eq!(passwords.verifications(), 4);
}

#[tokio::test]
async fn a_weaker_hash_is_upgraded_once_and_a_stronger_one_is_left_alone() {
    let weak = Passwords::hash_now(QUICK, &password("correct horse"));
    let stronger = HashSettings { memory: 128, iterations: 2, parallelism: 1 };
    let passwords = Passwords::start(stronger, 1, 8);

    assert_eq!(passwords.verify(Some(weak.clone()), password("wrong")).await.unwrap(), Verdict::Wrong);
    let verdict = passwords.verify(Some(weak.clone()), password("correct horse")).await.unwrap();
    let Verdict::Right { upgrade: Some(upgraded) } = verdict else {
        panic!("no upgrade: {verdict:?}");
    };
    assert!(upgraded.as_phc().contains("m=128,t=2,p=1"), "{}", upgraded.as_phc());
    for (passwords, hash) in [(&passwords, upgraded), (&Passwords::start(QUICK, 1, 8), weak)] {
        let verdict = passwords.verify(Some(hash), password("correct horse")).await.unwrap();
        assert_eq!(verdict, Verdict::Right { upgrade: None });
    }
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once_and_works_again_when_it_has_drained() {
    let passwords = Passwords::start(QUICK, 1, 1);
    let (entered, has_entered) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let occupant = tokio::spawn({
        let passwords = Arc::clone(&passwords);
        async move {
            passwords
                .ask(move |_| {
                    entered.send(()).unwrap();
                    released.recv().unwrap();
                })
                .await
        }
    });
    tokio::task::spawn_blocking(move || has_entered.recv().unwrap()).await.unwrap();
    // The one thread is held; one job may wait.
    let waiting = passwords.jobs.try_send(Box::new(|_| ()));
    assert!(waiting.is_ok());

    let refused = passwords.verify(None, password("any")).await.unwrap_err();
    assert!(refused.retry_after >= Duration::from_secs(1));
    assert_eq!((passwords.verifications(), passwords.refusals()), (0, 1));

    release.send(()).unwrap();
    occupant.await.unwrap().unwrap();
    // The waiting job may not have been taken yet: wait for room.
    let verdict = loop {
        match passwords.verify(None, password("any")).await {
            Ok(verdict) => break verdict,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(verdict, Verdict::Wrong);
}

/// Notes what happens to it, and has the request given up when the check begins.
struct Noted {
    log: Arc<Mutex<Vec<&'static str>>>,
    request: Arc<Mutex<Option<BoxFuture<'static, ()>>>>,
}

impl Noted {
    fn note(&self, what: &'static str) {
        self.log.lock().unwrap().push(what);
    }
}

impl Charged for Noted {
    fn start(&mut self) {
        self.note("started");
        drop(self.request.lock().unwrap().take());
    }

    fn end(&mut self, verdict: &Verdict) {
        self.note(if *verdict == Verdict::Wrong { "wrong" } else { "right" });
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.note("dropped");
    }
}

#[test]
fn a_started_check_runs_to_its_end_and_counts_though_its_request_was_dropped() {
    let given_up = |when: &'static str| {
        let (passwords, mut by_hand) = Passwords::by_hand(QUICK, 4);
        let (log, request) = (Arc::default(), Arc::<Mutex<Option<BoxFuture<'static, ()>>>>::default());
        let charge = Noted { log: Arc::clone(&log), request: Arc::clone(&request) };
        let mut checking = async move {
            passwords.verify_charged(None, password("any"), charge).await.map(drop).unwrap_or_default();
        }
        .boxed();
        assert!(checking.as_mut().now_or_never().is_none());
        match when {
            "waiting" => drop(checking),
            "started" => *request.lock().unwrap() = Some(checking),
            _ => {
                assert!(by_hand.work());
                drop(checking);
            }
        }
        by_hand.work();
        log.lock().unwrap().clone()
    };
    assert_eq!(given_up("waiting"), ["dropped"]);
    assert_eq!(given_up("started"), ["started", "wrong", "dropped"]);
    assert_eq!(given_up("checked"), ["started", "wrong", "dropped"]);
}

#[tokio::test]
async fn a_job_that_panics_is_answered_busy_and_the_thread_goes_on() {
    let passwords = Passwords::start(QUICK, 1, 4);
    let answer = passwords.ask(|_| panic!("for the test")).await;
    assert!(matches!(answer, Err::<(), _>(Busy { .. })));
    assert_eq!(passwords.verify(None, password("any")).await.unwrap(), Verdict::Wrong);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn hashing_gives_way_to_requests() {
    let passwords = Passwords::start(QUICK, 1, 1);
    let stat = passwords.ask(|_| std::fs::read_to_string("/proc/thread-self/stat").unwrap()).await.unwrap();
    // proc_pid_stat(5): the niceness is the 19th field, and the second one may hold anything in brackets.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    assert_eq!(fields.split(' ').nth(16).unwrap(), HASHING_NICENESS.to_string());
}

/// `grüner Apfel` by `mkpasswd -m bcrypt` and `doveadm pw -s SSHA`-like tools.
const IMPORTED: [&str; 2] = [
    "$2b$05$HNb//kjuBpZcdCI8wIbrC.MA4gmNzmg0gY5O7d8bfim/KQA8YtYTC",
    "{SSHA}Ew8osdpZ2HxzNfejROZsubZKksB/j1FK",
];

#[tokio::test]
async fn an_imported_hash_fits_its_password_and_becomes_an_argon2_hash() {
    let passwords = Passwords::start(QUICK, 1, 8);
    for text in IMPORTED {
        let hash = PasswordHash::of_another_program(text).unwrap().hash;
        for wrong in ["", "grüner apfel"] {
            let verdict = passwords.verify(Some(hash.clone()), password(wrong)).await.unwrap();
            assert_eq!(verdict, Verdict::Wrong, "{wrong:?}");
        }
        let verdict = passwords.verify(Some(hash), password("grüner Apfel")).await.unwrap();
        let Verdict::Right { upgrade: Some(upgraded) } = verdict else { panic!("{verdict:?}") };
        assert!(upgraded.as_phc().starts_with("$argon2id$"), "{}", upgraded.as_phc());
        let verdict = passwords.verify(Some(upgraded), password("grüner Apfel")).await.unwrap();
        assert_eq!(verdict, Verdict::Right { upgrade: None });
    }
}

#[tokio::test]
async fn a_password_fits_in_its_composed_and_its_decomposed_form() {
    let passwords = Passwords::start(QUICK, 1, 8);
    let (composed, decomposed) = ("gr\u{fc}ner Apfel", "gru\u{308}ner Apfel");
    for typed_first in [composed, decomposed] {
        let hash = passwords.hash(password(typed_first)).await.unwrap();
        for typed in [composed, decomposed] {
            let verdict = passwords.verify(Some(hash.clone()), password(typed)).await.unwrap();
            assert_eq!(verdict, Verdict::Right { upgrade: None }, "{typed_first:?} {typed:?}");
        }
    }
}

#[tokio::test]
async fn a_hash_of_the_typed_bytes_goes_on_working_and_becomes_one_of_the_normal_form() {
    let passwords = Passwords::start(QUICK, 1, 8);
    let decomposed = "gru\u{308}ner Apfel";
    let before = argon::hash_as_typed(QUICK, &password(decomposed));
    let verdict = passwords.verify(Some(before), password(decomposed)).await.unwrap();
    let Verdict::Right { upgrade: Some(upgraded) } = verdict else { panic!("{verdict:?}") };
    for typed in ["gr\u{fc}ner Apfel", decomposed] {
        let verdict = passwords.verify(Some(upgraded.clone()), password(typed)).await.unwrap();
        assert_eq!(verdict, Verdict::Right { upgrade: None }, "{typed:?}");
    }
}

/// Mallory types a decomposed password: for a user it is compared twice, so for a name without a user it has to be, too.
#[test]
fn a_password_in_two_forms_costs_as_much_without_a_user() {
    let (_, mut by_hand) = Passwords::by_hand(QUICK, 1);
    let hasher = &mut by_hand.hasher;
    let hash = argon::hash(QUICK, &password("velvet turbine oyster"), &mut hasher.memory);
    for (typed, computations) in [("gr\u{fc}ner Apfel", 1), ("gru\u{308}ner Apfel", 2)] {
        for hash in [None, Some(&hash)] {
            let before = argon::computations();
            assert_eq!(hasher.verify(hash, &password(typed)), Verdict::Wrong);
            assert_eq!(argon::computations() - before, computations, "{typed:?} {}", hash.is_some());
        }
    }
}

#[test]
fn a_cheap_imported_hash_costs_an_argon2_computation_more() {
    let (_, mut by_hand) = Passwords::by_hand(HashSettings { memory: 1024, ..QUICK }, 1);
    let hasher = &mut by_hand.hasher;
    let hash = PasswordHash::of_another_program(IMPORTED[1]).unwrap().hash;
    for usual in [None, Some(Duration::from_secs(1))] {
        hasher.usual = usual;
        let before = argon::computations();
        assert_eq!(hasher.verify(Some(&hash), &password("wrong")), Verdict::Wrong);
        assert_eq!(argon::computations() - before, 1);
    }
    // A computation that takes longer than a usual one is not made longer still.
    hasher.usual = Some(Duration::ZERO);
    let before = argon::computations();
    assert_eq!(hasher.verify(Some(&hash), &password("wrong")), Verdict::Wrong);
    assert_eq!(argon::computations() - before, 0);
}
