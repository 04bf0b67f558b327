//! Any interleaving of what can happen to sessions, held against a model that is too simple to be wrong.

use std::{net::Ipv4Addr, path::Path, sync::Arc, time::Duration};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, Proofs, UserId},
};

const LIMITS: SessionLimits = SessionLimits {
    lifetime: Duration::from_hours(4),
    idle_timeout: Duration::from_mins(10),
    remember_lifetime: Some(Duration::from_hours(12)),
    browser_session: false,
    max_per_user: None,
};
/// How late the store may know of a use of another branch: a use is noted once a minute, and seen once a second.
const BETWEEN_NOTES: Duration = Duration::from_secs(62);
/// How far a crash may set the last use back: twice the time in which a use need not be noted.
const LATE: Duration = Duration::from_mins(2);

/// An event; sessions are counted from the newest.
#[derive(Clone, Debug)]
enum Event {
    SignIn {
        user: i64,
        remember: bool,
        instead_of: Option<usize>,
    },
    /// Opens a branch of a sign-in.
    Branch(usize),
    /// The user of a sign-in confirms.
    Confirm(usize),
    Use(usize),
    SignOut(usize),
    EndAllOf {
        user: i64,
        except: Option<usize>,
    },
    EndAll,
    EndedElsewhere(usize),
    Time(Duration),
    Prune,
    Evict,
    CannotWrite(bool),
    Crash,
}

fn event() -> impl Strategy<Value = Event> {
    // Mostly the newest sessions, so that several events happen to one.
    let session = || prop_oneof![5 => 0..4_usize, 1 => 0..64_usize];
    prop_oneof![
        6 => (0..4_i64, any::<bool>(), prop::option::weighted(0.2, session()))
            .prop_map(|(user, remember, instead_of)| Event::SignIn { user, remember, instead_of }),
        4 => session().prop_map(Event::Branch),
        2 => session().prop_map(Event::Confirm),
        12 => session().prop_map(Event::Use),
        3 => session().prop_map(Event::SignOut),
        1 => (0..4_i64, prop::option::of(session()))
            .prop_map(|(user, except)| Event::EndAllOf { user, except }),
        1 => Just(Event::EndAll),
        1 => session().prop_map(Event::EndedElsewhere),
        // The times after which a use is noted and a session is idle, and times around them.
        6 => prop_oneof![1..62_u64, 530..602_u64, 62..400_u64]
            .prop_map(|seconds| Event::Time(Duration::from_secs(seconds))),
        1 => (20..200_u64).prop_map(|minutes| Event::Time(Duration::from_mins(minutes))),
        2 => Just(Event::Prune),
        3 => Just(Event::Evict),
        3 => any::<bool>().prop_map(Event::CannotWrite),
        2 => Just(Event::Crash),
    ]
}

/// The model of a session that was acknowledged.
struct Expected {
    token: SessionToken,
    user: i64,
    expires: Timestamp,
    remembered: bool,
    /// The earliest and the latest time of its last use.
    seen: (Timestamp, Timestamp),
    over: bool,
    /// The sign-in that it is a branch of.
    parent: Option<usize>,
}

impl Expected {
    fn has_to_be_alive(&self, now: Timestamp) -> bool {
        !self.over && now < self.expires && (self.remembered || now < self.seen.0 + LIMITS.idle_timeout)
    }

    fn may_be_alive(&self, now: Timestamp) -> bool {
        !self.over && now < self.expires && (self.remembered || now < self.seen.1 + LIMITS.idle_timeout)
    }
}

struct Run<'a> {
    /// The file, if sessions are stored in one.
    file: Option<&'a Path>,
    clock: Clock,
    sessions: Sessions,
    expected: Vec<Expected>,
    cannot_write: bool,
}

impl<'a> Run<'a> {
    fn new(file: Option<&'a Path>) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let sessions = start(file, &clock);
        Self { file, clock, sessions, expected: Vec::new(), cannot_write: false }
    }

    async fn happens(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::SignIn { user, remember, instead_of } => self.sign_in(user, remember, instead_of).await,
            Event::Branch(which) => self.branch(which).await,
            Event::Confirm(which) => self.confirm(which).await,
            Event::Use(which) => {
                if let Some(index) = self.index(which) {
                    self.look_at(index).await;
                }
            }
            Event::SignOut(which) => {
                let Some(index) = self.index(which) else { return };
                let Some(session) = self.look_at(index).await else { return };
                let ended = self.sessions.end(&session).await;
                assert_eq!(ended.is_err(), self.cannot_write);
                if ended.is_ok() {
                    self.end(&self.family(index));
                }
            }
            Event::EndAllOf { user, except } => {
                let except = except.and_then(|which| self.index(which));
                let key = except.map(|index| self.expected[index].token.key());
                if self.sessions.end_all_of(UserId(user), key).await.is_ok() {
                    // A branch that has ended alone keeps nothing.
                    let kept = except.filter(|index| !self.expected[*index].over);
                    let kept = kept.map_or(Vec::new(), |index| self.family(index));
                    for (index, expected) in self.expected.iter_mut().enumerate() {
                        expected.over |= expected.user == user && !kept.contains(&index);
                    }
                }
            }
            Event::EndAll => {
                if self.sessions.end_which(Which::All).await.is_ok() {
                    self.expected.iter_mut().for_each(|expected| expected.over = true);
                }
            }
            Event::EndedElsewhere(which) => self.end_elsewhere(which).await,
            Event::Time(by) => self.clock.advance(by),
            Event::Prune => {
                self.sessions.prune(now, &LIMITS).await.ok();
            }
            Event::Evict => self.sessions.cache.sessions.run_pending_tasks(),
            Event::CannotWrite(cannot_write) => self.set_cannot_write(cannot_write),
            Event::Crash => self.crash().await,
        }
    }

    fn index(&self, which: usize) -> Option<usize> {
        which.checked_rem(self.expected.len()).map(|back| self.expected.len() - 1 - back)
    }

    /// The sign-in of a session, and all branches of it.
    fn family(&self, index: usize) -> Vec<usize> {
        let sign_in = self.expected[index].parent.unwrap_or(index);
        let belongs = |other: &usize| *other == sign_in || self.expected[*other].parent == Some(sign_in);
        (0..self.expected.len()).filter(belongs).collect()
    }

    fn end(&mut self, indices: &[usize]) {
        for index in indices {
            self.expected[*index].over = true;
        }
    }

    async fn branch(&mut self, which: usize) {
        let now = self.clock.now();
        let Some(index) = self.index(which).filter(|index| self.expected[*index].parent.is_none()) else {
            return;
        };
        let Some(parent) = self.look_at(index).await else { return };
        let client_addr = Ipv4Addr::LOCALHOST.into();
        let branch =
            Branch { parent: parent.key, client_addr, user_agent: "test", host: "localhost", replaces: None };
        let opened = self.sessions.open_branch(branch, now).await;
        assert_eq!(opened.is_err(), self.cannot_write);
        let Ok(opened) = opened else { return };
        let (token, session) = opened.expect("the sign-in is alive");
        let Expected { user, expires, remembered, .. } = self.expected[index];
        assert_eq!((session.expires, session.remembered), (expires, remembered));
        let (seen, parent) = ((now - BETWEEN_NOTES, now), Some(index));
        self.expected.push(Expected { token, user, expires, remembered, seen, over: false, parent });
    }

    async fn confirm(&mut self, which: usize) {
        let now = self.clock.now();
        let Some(index) = self.index(which).filter(|index| self.expected[*index].parent.is_none()) else {
            return;
        };
        let Some(session) = self.look_at(index).await else { return };
        let opening = Opening {
            owner: session.owner,
            proofs: Proofs::password(now),
            source: None,
            client_addr: Ipv4Addr::LOCALHOST.into(),
            user_agent: "test",
            host: "localhost",
            remember: false,
            replaces: Some(&session),
            confirms: true,
        };
        let opened = self.sessions.open(opening, now, &LIMITS).await;
        assert_eq!(opened.is_err(), self.cannot_write);
        let Ok((token, _)) = opened else { return };
        let next = self.expected.len();
        for branch in self.family(index) {
            if branch != index {
                self.expected[branch].parent = Some(next);
            }
        }
        self.expected[index].over = true;
        let Expected { user, expires, remembered, .. } = self.expected[index];
        let seen = (now, now);
        self.expected.push(Expected { token, user, expires, remembered, seen, over: false, parent: None });
    }

    async fn sign_in(&mut self, user: i64, remember: bool, instead_of: Option<usize>) {
        let now = self.clock.now();
        let old = match instead_of.and_then(|which| self.index(which)) {
            Some(index) => self.look_at(index).await.map(|session| (index, session)),
            None => None,
        };
        let opening = Opening {
            owner: Owner::User { id: UserId(user), credential: CredentialVersion(1) },
            proofs: Proofs::password(now),
            source: None,
            client_addr: Ipv4Addr::LOCALHOST.into(),
            user_agent: "test",
            host: "localhost",
            remember,
            replaces: old.as_ref().map(|(_, session)| &**session),
            confirms: false,
        };
        let opened = self.sessions.open(opening, now, &LIMITS).await;
        assert_eq!(opened.is_err(), self.cannot_write);
        let Ok((token, session)) = opened else { return };
        if let Some((index, _)) = old {
            let is_branch = self.expected[index].parent.is_some();
            let ended = if is_branch { vec![index] } else { self.family(index) };
            self.end(&ended);
        }
        let (expires, seen) = (session.expires, (now, now));
        self.expected.push(Expected {
            token,
            user,
            expires,
            remembered: remember,
            seen,
            over: false,
            parent: None,
        });
    }

    /// A request with this session's cookie.
    async fn look_at(&mut self, index: usize) -> Option<Arc<Session>> {
        let (now, family) = (self.clock.now(), self.family(index));
        let expected = &mut self.expected[index];
        let presented = self.sessions.present(Some(&expected.token), now, &LIMITS).await.unwrap();
        if let Presented::Alive(session) = presented {
            assert!(expected.may_be_alive(now), "session {index} is alive and must not be");
            expected.seen = (now, now);
            for relative in family {
                let seen = &mut self.expected[relative].seen;
                *seen = (seen.0.max(now - BETWEEN_NOTES), now);
            }
            return Some(session);
        }
        assert!(!expected.has_to_be_alive(now), "session {index} is lost");
        // A browser that was signed out once is never signed in again by itself. A branch may miss the last minute of its
        // relatives.
        expected.over |= family.len() == 1;
        None
    }

    /// Ends a session as the command line does beside a running gateway.
    async fn end_elsewhere(&mut self, which: usize) {
        let (Some(index), Some(file)) = (self.index(which), self.file) else { return };
        if self.cannot_write {
            return;
        }
        let key = self.expected[index].token.key();
        let elsewhere = start(Some(file), &self.clock);
        let cache = &self.sessions.cache;
        let family = self.family(index);
        let keys: Vec<SessionKey> = family.iter().map(|index| self.expected[*index].token.key()).collect();
        let epochs: Vec<u64> = keys.iter().map(|key| cache.epoch(key)).collect();
        let ended = elsewhere.store.remove(Which::One(key)).await.unwrap();
        // The cache is notified within a second; later events wait for that. A session that was removed for its age is in no
        // store any more, and causes no notification.
        for (key, epoch) in keys.iter().zip(epochs) {
            let group = |key: &SessionKey| key.as_bytes().first().copied();
            let ends = ended.iter().filter(|other| group(other) == group(key)).count() as u64;
            while cache.epoch(key) < epoch + 2 * ends {
                std::thread::yield_now();
            }
        }
        for (index, key) in family.into_iter().zip(keys) {
            self.expected[index].over |= ended.contains(&key);
        }
    }

    fn set_cannot_write(&mut self, cannot_write: bool) {
        let Some(file) = self.file else { return };
        if self.cannot_write != cannot_write {
            self.cannot_write = cannot_write;
            file::refuse_to_write(file, cannot_write);
        }
    }

    /// The process dies, with the uses that it had not noted yet.
    async fn crash(&mut self) {
        if self.file.is_none() {
            return;
        }
        // Uses are written as soon as the disk takes them. In a test no time passes, so the test waits for that: a lost note
        // would set the last use back to the note before, however long ago that was, and the threads of the dead process
        // would write it later, which those of a real one cannot.
        self.set_cannot_write(false);
        self.sessions.check().await.unwrap();
        self.sessions = start(self.file, &self.clock);
        for expected in &mut self.expected {
            expected.seen.0 = expected.seen.0.min(expected.seen.1 - LATE);
        }
    }

    async fn look_at_all(&mut self) {
        for index in 0..self.expected.len() {
            self.look_at(index).await;
        }
        let (now, mut after) = (self.clock.now(), None);
        while let Some(last) = {
            let page = self.sessions.list(None, after, 3).await.unwrap();
            for ListedRecord { record, .. } in &page {
                let ours = self.expected.iter().find(|expected| expected.token.key() == record.key).unwrap();
                let died_by_itself = ours.expires <= now || !ours.remembered;
                assert!(!ours.over || died_by_itself, "an ended session is listed");
            }
            page.last().map(|listed| listed.record.key)
        } {
            after = Some(last);
        }
    }
}

fn start(file: Option<&Path>, clock: &Clock) -> Sessions {
    let cached = 3;
    Sessions::start(cached, |invalidator| {
        let surroundings = StoreSurroundings { clock: clock.clone(), invalidator };
        Ok::<_, StoreError>(match file {
            Some(file) => Box::new(FileStore::open(file, surroundings)?) as Box<dyn SessionStore>,
            None => Box::new(MemoryStore::new(1000)),
        })
    })
    .unwrap()
}

fn run(file: Option<&Path>, events: Vec<Event>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut run = Run::new(file);
        for event in events {
            run.happens(event).await;
        }
        run.look_at_all().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn in_memory_no_ended_session_is_alive_and_no_acknowledged_one_is_lost(events in vec(event(), 1..120)) {
        run(None, events);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn in_a_file_no_ended_session_is_alive_and_no_acknowledged_one_is_lost(events in vec(event(), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        run(Some(&folder.path().join("sessions.db")), events);
    }
}
