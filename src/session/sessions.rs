//! Opening, listing and ending sessions, over a store and the cache in front of it.
//!
//! The portal opens, lists and ends sessions; the gateway finds one for each request, in `lookup`. When an end is
//! acknowledged, no later request finds the session, on any gateway. Cookies are read and written elsewhere.

use std::sync::Arc;

use super::{
    Branch, DataChange, DataRefused, EndedSignIn, Inserted, Invalidation, Invalidator, ListedRecord,
    NewSession, OneTimeCode, OneTimeEntry, OneTimeKey, OneTimePurpose, Opening, Owner, Record, Session,
    SessionData, SessionKey, SessionLimits, SessionStore, SessionToken, StoreError, Trust, Visitor, Which,
    cache::SessionCache, opening::hands_over_data, record::NOTE_EVERY,
};
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
};

/// The outcome of [`Sessions::end_one_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedOne {
    /// The session was alive or had expired, and has ended.
    Ended,
    /// There is no session with this key any more.
    Gone,
    /// The session is another user's, and goes on.
    NotTheirs,
}

/// A sign-in in the list of its user, with the hosts that it reached.
#[derive(Clone, Debug)]
pub struct ListedSession {
    /// The session; never a branch.
    pub session: Arc<Session>,
    /// The hosts of its branches, each once.
    pub branch_hosts: Vec<Box<str>>,
}

/// Opens, finds and ends sessions.
#[derive(Debug)]
pub struct Sessions {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) cache: SessionCache,
    pub(super) trust: Trust,
}

impl Sessions {
    /// Sessions over the store that `make` makes, with at most `cached` of them in memory.
    pub fn start<E>(
        cached: u64,
        make: impl FnOnce(Invalidator) -> Result<Box<dyn SessionStore>, E>,
    ) -> Result<Self, E> {
        let cache = SessionCache::new(cached);
        let notified = cache.clone();
        let store = make(Invalidator(Arc::new(move |invalidation| notified.invalidate(invalidation))))?;
        let store: Arc<dyn SessionStore> = Arc::from(store);
        cache.stand_before(&store);
        let trust = store.trust();
        Ok(Self { store, cache, trust })
    }

    /// Calls this function with each sign-in that ends from now on: by sign-out, by an administrator, by another gateway, by
    /// its time limits. It must not wait. A session that is not cached here ends unreported.
    pub fn on_end(&self, listener: impl Fn(EndedSignIn) + Send + Sync + 'static) {
        self.cache.listen(Box::new(listener));
    }

    /// Opens a session under a new token (ASVS 5.0 7.2.4); the one that it replaces has ended then.
    pub async fn open(
        &self,
        opening: Opening<'_>,
        now: Timestamp,
        limits: &SessionLimits,
    ) -> Result<(SessionToken, Arc<Session>), StoreError> {
        let token =
            SessionToken::generate().map_err(|source| StoreError::new("opening a session", source))?;
        // As of now: changes that an application has made since the request began are not to be lost.
        let data = self.data_handed_over(opening.replaces, opening.owner).await?;
        let (replaces, adopts) = (opening.replaces, opening.continues().is_some());
        let record = opening.into_record(token.key(), data, now, limits);
        let (session, _) = self.insert(record, replaces, adopts, limits.max_per_user).await?;
        Ok((token, session))
    }

    /// Opens a branch of a sign-in, on an app host, under a token of its own. `None`: the sign-in has ended.
    pub async fn open_branch(
        &self,
        branch: Branch<'_>,
        now: Timestamp,
    ) -> Result<Option<(SessionToken, Arc<Session>)>, StoreError> {
        let token = SessionToken::generate()
            .map_err(|source| StoreError::new("opening a branch of a session", source))?;
        let Some(parent) = self.store.find(branch.parent).await? else { return Ok(None) };
        let data = self.data_handed_over(branch.replaces, parent.owner).await?;
        let replaces = branch.replaces;
        // As in `insert`: invalidations from here on count.
        let (epoch, losses) = (self.cache.epoch(&token.key()), self.cache.losses());
        let new = branch.into_new(token.key(), data, now);
        let Some(inserted) = self.store.insert_branch(new).await? else { return Ok(None) };
        let session = Session::from_record(inserted.record, now, losses);
        self.cache.insert_since(&session, epoch);
        // Sign-ins that were signed out here were reported by themselves; a branch makes way for another one.
        for old in inserted.ended.iter().filter_map(|key| self.cache.peek(key)) {
            old.report_once();
        }
        replaces.inspect(|old| _ = old.report_once());
        self.forget(&inserted.ended, replaces);
        Ok(Some((token, session)))
    }

    /// The data that a new session of `owner` takes over, as of now.
    async fn data_handed_over(
        &self,
        replaced: Option<&Session>,
        owner: Owner,
    ) -> Result<SessionData, StoreError> {
        let Some(old) = hands_over_data(replaced, owner) else { return Ok(SessionData::new()) };
        Ok(self.store.find(old.key).await?.map(|old| old.data).unwrap_or_default())
    }

    /// Opens a session for a visitor who has not signed in, because an app stores data for them.
    ///
    /// A sign-in replaces the session and takes over its data; see [`Sessions::open`].
    pub async fn open_for_visitor(
        &self,
        visitor: Visitor<'_>,
        now: Timestamp,
        limits: &SessionLimits,
    ) -> Result<(SessionToken, Arc<Session>), StoreError> {
        let token = SessionToken::generate()
            .map_err(|source| StoreError::new("opening a visitor's session", source))?;
        let max_visitors = visitor.max_visitors;
        let record = visitor.into_record(token.key(), now, limits);
        let (session, ended) = self.insert(record, None, false, Some(max_visitors)).await?;
        if ended > 0 {
            tracing::warn!(ended, max_visitors, "visitors' sessions ended early: there are too many");
        }
        Ok((token, session))
    }

    /// Stores a new session; returns how many ended beside the one that it replaces.
    async fn insert(
        &self,
        record: Record,
        replaces: Option<&Session>,
        adopts: bool,
        max_per_holder: Option<usize>,
    ) -> Result<(Arc<Session>, usize), StoreError> {
        // The session may end before this thread gets to cache it: invalidations in between count.
        let epoch = self.cache.epoch(&record.key);
        let session = Session::from_record(record.clone(), record.last_seen, self.cache.losses());
        let old_key = replaces.map(|old| old.key);
        let new = NewSession { record, replaces: old_key, adopts, max_per_user: max_per_holder };
        let Inserted { ended, adopted } = self.store.insert(new).await?;
        // The same sign-in goes on under another token.
        if let Some(old) = replaces.filter(|old| is_continued_by(old, &session)) {
            old.report_once();
            self.cache.peek(&old.key).inspect(|cached| _ = cached.report_once());
        }
        self.cache.insert_since(&session, epoch);
        self.forget(&ended, replaces);
        for branch in adopted {
            self.cache.invalidate(Invalidation::Changed(branch));
        }
        Ok((session, ended.iter().filter(|key| Some(**key) != old_key).count()))
    }

    /// Ends a session, its sign-in and all branches of that; when this returns, no later request finds any of them.
    pub async fn end(&self, session: &Session) -> Result<(), StoreError> {
        let ended = self.store.remove(Which::One(session.key)).await?;
        self.forget(&ended, Some(session));
        Ok(())
    }

    /// Ends the session with this key if it is this user's.
    pub async fn end_one_of(&self, user: UserId, key: SessionKey) -> Result<EndedOne, StoreError> {
        match self.store.find(key).await? {
            None => Ok(EndedOne::Gone),
            Some(record) if record.owner.user() != Some(user) => Ok(EndedOne::NotTheirs),
            Some(_) => {
                self.end_which(Which::One(key)).await?;
                Ok(EndedOne::Ended)
            }
        }
    }

    /// Ends all sessions of a user but `except`; returns how many.
    pub async fn end_all_of(&self, user: UserId, except: Option<SessionKey>) -> Result<usize, StoreError> {
        self.end_which(Which::OfUser { user, except }).await
    }

    /// Ends the sign-ins of a user under another credential version than `current`, which open nothing any more; `None`: the
    /// user is gone, and all of them end. Each end is reported, also of one that is not cached here.
    pub async fn end_former_of(
        &self,
        user: UserId,
        current: Option<CredentialVersion>,
    ) -> Result<(), StoreError> {
        let goes_on = |owner| current.is_some_and(|credential| owner == Owner::User { id: user, credential });
        for ListedRecord { record, .. } in self.store.list(Some(user), None, MAX_LISTED).await? {
            if goes_on(record.owner) {
                continue;
            }
            let key = record.key;
            let ended = self.store.remove(Which::One(key)).await?;
            // The gateway that has ended it reports it, and so do those that have it cached.
            let session = ended.contains(&key).then(|| {
                self.cache.peek(&key).unwrap_or_else(|| {
                    let read_at = record.last_seen;
                    Session::from_record(record, read_at, self.cache.losses())
                })
            });
            self.forget(&ended, session.as_deref());
        }
        Ok(())
    }

    /// Ends these sessions; returns how many.
    pub async fn end_which(&self, which: Which) -> Result<usize, StoreError> {
        let ended = self.store.remove(which).await?;
        self.forget(&ended, None);
        Ok(ended.len())
    }

    /// The user's sessions that are alive, the one used last first.
    pub async fn of_user(
        &self,
        user: UserId,
        credential: CredentialVersion,
        now: Timestamp,
        limits: &SessionLimits,
    ) -> Result<Vec<ListedSession>, StoreError> {
        let records = self.store.list(Some(user), None, MAX_LISTED).await?;
        let mut sessions: Vec<_> = records
            .into_iter()
            // The cached session knows better when it was last used.
            .map(|ListedRecord { record, branch_hosts }| {
                let cached = self.cache.peek(&record.key);
                let session =
                    cached.unwrap_or_else(|| Session::from_record(record, now, self.cache.losses()));
                ListedSession { session, branch_hosts }
            })
            .filter(|listed| listed.session.owner == Owner::User { id: user, credential })
            .filter(|listed| listed.session.is_alive(now, limits))
            .collect();
        sessions.sort_by_key(|listed| std::cmp::Reverse(listed.session.last_seen()));
        Ok(sessions)
    }

    /// A page of everybody's sessions, for administrators; see [`SessionStore::list`].
    pub async fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> Result<Vec<ListedRecord>, StoreError> {
        self.store.list(of, after, most).await
    }

    /// Changes the data of an app in a session; every request that begins after this has returned sees the change.
    /// `None`: there is no such session any more.
    ///
    /// To be awaited to its end: otherwise the store may have changed without the cache knowing.
    pub async fn change_data(
        &self,
        session: &Session,
        app: &Arc<str>,
        change: DataChange,
    ) -> Result<Option<Result<(), DataRefused>>, StoreError> {
        let changed = self.store.change_data(session.key, Arc::clone(app), change).await?;
        if let Some(Ok(stored)) = &changed {
            // The cached entry is not replaced: of two changes at once, the one that the store made first may arrive here
            // last.
            self.cache.note_change(&session.key, |cached| {
                cached.data.get(app).map_or(stored.is_empty(), |data| data == stored)
            });
        }
        Ok(changed.map(|changed| changed.map(drop)))
    }

    /// Stores a one-time entry; when this returns, every gateway can take it. `false`: there is one of this key and
    /// purpose, which stays.
    pub async fn put_one_time(&self, entry: OneTimeEntry) -> Result<bool, StoreError> {
        self.store.put_one_time(entry).await
    }

    /// Takes the value of a one-time entry. Of all callers, on every gateway, one gets it; see
    /// [`SessionStore::take_one_time`].
    pub async fn take_one_time(
        &self,
        code: &OneTimeCode,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> Result<Option<Box<str>>, StoreError> {
        self.store.take_one_time(code.key(), purpose, now).await
    }

    /// The same for an entry that is known by its key.
    pub async fn take_one_time_at(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> Result<Option<Box<str>>, StoreError> {
        self.store.take_one_time(key, purpose, now).await
    }

    /// Reads the value of a one-time entry that is known by its key, and leaves it; see [`SessionStore::read_one_time`].
    pub async fn read_one_time_at(
        &self,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> Result<Option<Box<str>>, StoreError> {
        self.store.read_one_time(key, purpose, now).await
    }

    /// Reads the value of a one-time entry and leaves it; see [`SessionStore::read_one_time`].
    pub async fn read_one_time(
        &self,
        code: &OneTimeCode,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> Result<Option<Box<str>>, StoreError> {
        self.store.read_one_time(code.key(), purpose, now).await
    }

    /// Removes sessions whose time limits have passed; called from time to time.
    pub async fn prune(&self, now: Timestamp, limits: &SessionLimits) -> Result<u64, StoreError> {
        self.report_expired(now, limits);
        // The store is notified of uses late.
        let idle_since = now - limits.idle_timeout - NOTE_EVERY - NOTE_EVERY;
        self.store.prune(now, idle_since).await
    }

    /// Reports cached sign-ins that have passed their time limits. A branch says nothing of its sign-in, and with a store that
    /// gateways share, another one may have seen a use.
    fn report_expired(&self, now: Timestamp, limits: &SessionLimits) {
        for (_, session) in &self.cache.sessions {
            let is_over = match self.trust {
                Trust::Notified => !session.is_alive(now, limits),
                Trust::Shared { .. } => now >= session.dies_at(limits),
            };
            if is_over && session.parent.is_none() {
                self.cache.report(&session);
            }
        }
    }

    /// How many sessions are cached.
    pub fn cached(&self) -> u64 {
        self.cache.sessions.entry_count()
    }

    /// Whether the store does its work, for `/readyz`.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.store.check().await
    }

    fn forget(&self, ended: &[SessionKey], held: Option<&Session>) {
        if let Some(held) = held {
            held.end();
            self.cache.report(held);
            self.cache.invalidate(Invalidation::Ended(held.key));
        }
        for key in ended {
            self.cache.invalidate(Invalidation::Ended(*key));
        }
    }
}

/// Whether a new session goes on with the sign-in of an old one.
fn is_continued_by(old: &Session, new: &Session) -> bool {
    old.owner.user() == new.owner.user() && old.signed_in == new.signed_in
}

/// A page for people; nobody looks at more.
const MAX_LISTED: usize = 1000;
