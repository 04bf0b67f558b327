//! The refresh: users of a directory who are signed in, or may come in by another credential, are looked up there again
//! and again.
//!
//! Each round asks for all of them, some at a time, with the filter of the sign-in. A user who is gone, disabled or moved
//! out of the filter has no session any more when the round is over, and tokens and client certificates open nothing;
//! changed groups hold from then on. While the directory does not respond, users stay signed in for the settings' `grace`,
//! and no longer: Mallory, who was dismissed, could keep the gateway from its directory.
//!
//! The owner of an API token and, where client certificates are taken, everybody is looked up even after the directory has
//! ended the user: nobody signs in for a machine when the account is enabled again. No session comes back.
//!
//! One thread for each directory does this. It ends when the backend is dropped.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;

use super::{DirectoryUser, Ldap, LdapError, user_filter};
use crate::{
    clock::Timestamp,
    error_chain::ErrorChain,
    users::{Directory, DirectoryError, RefreshedPair},
};

/// The refresh of one directory; it ends when this is dropped.
#[derive(Debug)]
pub struct Refresh {
    _stop: oneshot::Sender<()>,
}

/// The work of the thread.
struct Rounds {
    ldap: Weak<Ldap>,
    directory: Arc<Directory>,
    /// When the directory last answered a whole round, or the start.
    answered: Timestamp,
    interval: Duration,
    grace: Duration,
    /// Whether the failure of the last round is in the log.
    is_failing: bool,
}

/// Why a round came to no end.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Ldap(#[from] LdapError),
    #[error("the directory sent only some of the entries that were asked for")]
    Truncated,
    #[error("users database: {0}")]
    Directory(#[from] DirectoryError),
}

impl Refresh {
    /// Starts the thread.
    pub fn start(ldap: &Arc<Ldap>, directory: Arc<Directory>) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let settings = ldap.settings();
        let rounds = Rounds {
            ldap: Arc::downgrade(ldap),
            directory,
            answered: ldap.clock().now(),
            interval: settings.refresh,
            grace: settings.grace,
            is_failing: false,
        };
        let name = format!("refresh-{}", ldap.name());
        thread::Builder::new().name(name).spawn(move || runtime.block_on(rounds.run(stopped)))?;
        Ok(Self { _stop: stop })
    }
}

impl Rounds {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        loop {
            tokio::select! {
                _ = &mut stopped => return,
                () = tokio::time::sleep(self.pause()) => {}
            }
            let Some(ldap) = self.ldap.upgrade() else { return };
            tokio::select! {
                _ = &mut stopped => return,
                () = self.round(&ldap) => {}
            }
        }
    }

    /// The interval, or up to a tenth less: several gateways do not ask at the same time.
    fn pause(&self) -> Duration {
        let mut random = [0; 1];
        let drawn = aws_lc_rs::rand::fill(&mut random).map_or(0, |()| u32::from(random[0]));
        self.interval.saturating_sub(self.interval * drawn / (10 * u32::from(u8::MAX)))
    }

    /// Looks up everybody once.
    async fn round(&mut self, ldap: &Ldap) {
        let now = ldap.clock().now();
        match self.look_up(ldap, now).await {
            Ok(()) => {
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!(backend = %ldap.name(), "directory refresh works again");
                }
                self.answered = now;
            }
            Err(error) => {
                ldap.count_refresh(0, 0, true);
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::error!(backend = %ldap.name(), error = %ErrorChain(&error), "directory refresh failed");
                }
                if now.since(self.answered) >= self.grace {
                    self.end_all(ldap, now).await;
                }
            }
        }
    }

    async fn look_up(&self, ldap: &Ldap, now: Timestamp) -> Result<(), RoundError> {
        let all = self.pairs(ldap, now).await?;
        let mut waiting: Vec<&[RefreshedPair]> = all.chunks(AT_ONCE).collect();
        let mut broken = Vec::new();
        while let Some(some) = waiting.pop() {
            let mut users = match Self::search(ldap, some, now).await {
                Ok(users) => users,
                // One entry may be broken: Mallory writes a megabyte into an attribute of her own. The others are asked for
                // without hers.
                Err(RoundError::Ldap(error @ LdapError::Protocol { .. })) => {
                    match some {
                        [one] => broken.push((one, error)),
                        _ => waiting.extend(some.chunks(1)),
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            let judged = some
                .iter()
                .map(|refreshed| (refreshed, users.remove(&refreshed.pair.subject).unwrap_or(Err(GONE))));
            let judged: Vec<_> = judged.collect();
            let mut done = stream::iter(judged)
                .map(|(refreshed, found)| self.apply(ldap, refreshed, found))
                .buffer_unordered(PARALLEL);
            while let Some(applied) = done.next().await {
                applied?;
            }
        }
        // If nothing could be read, it is the directory that is broken.
        if broken.len() == all.len()
            && let Some((_, error)) = broken.pop()
        {
            return Err(error.into());
        }
        for (one, error) in broken.into_iter().filter(|(one, _)| !one.has_ended) {
            let (backend, subject) = (ldap.name(), &one.pair.subject);
            tracing::warn!(%backend, %subject, error = %ErrorChain(&error), "directory entry cannot be read");
            self.apply(ldap, one, Err(UNUSABLE)).await?;
        }
        Ok(())
    }

    /// The entries of some users, by their identifiers.
    async fn search(
        ldap: &Ldap,
        some: &[RefreshedPair],
        now: Timestamp,
    ) -> Result<HashMap<Arc<str>, Result<DirectoryUser, &'static str>>, RoundError> {
        let subjects: Vec<&str> = some.iter().map(|refreshed| &*refreshed.pair.subject).collect();
        // Two entries with one identifier are doubtful; room for them shows that they are there.
        let room = u32::try_from(2 * AT_ONCE).unwrap_or(u32::MAX);
        let (entries, is_truncated) =
            ldap.search_users(user_filter::for_subjects(ldap.settings(), &subjects), room).await?;
        // A server that sent only some of the entries has not said that the others are gone.
        if is_truncated {
            return Err(RoundError::Truncated);
        }
        let mut users = HashMap::<Arc<str>, Result<DirectoryUser, &'static str>>::new();
        for entry in entries {
            let Some(subject) = ldap.settings().users.id.of(&entry) else { continue };
            let user = DirectoryUser::read(entry, ldap.settings(), now).map_err(|_| UNUSABLE);
            users.entry(subject.into()).and_modify(|known| *known = Err(AMBIGUOUS)).or_insert(user);
        }
        Ok(users)
    }

    async fn apply(
        &self,
        ldap: &Ldap,
        RefreshedPair { pair, has_ended }: &RefreshedPair,
        found: Result<DirectoryUser, &'static str>,
    ) -> Result<(), RoundError> {
        let profile = match found {
            Ok(user) => match user.state.refusal() {
                None => ldap.profile(&user).await?.ok_or(UNUSABLE),
                Some(reason) => Err(reason),
            },
            Err(reason) => Err(reason),
        };
        match profile {
            Ok(profile) => {
                self.directory.refresh_from(profile).await?;
                ldap.count_refresh(1, 0, false);
            }
            Err(_) if *has_ended => {}
            Err(reason) => {
                self.directory.source_ended(pair, reason).await?;
                ldap.count_refresh(0, 1, false);
                tracing::info!(backend = %ldap.name(), subject = %pair.subject, reason, "directory user signed out");
            }
        }
        Ok(())
    }

    /// Signs everybody out: the directory has been away for longer than `grace`.
    async fn end_all(&self, ldap: &Ldap, now: Timestamp) {
        let ended = async {
            let all = self.pairs(ldap, now).await?;
            for RefreshedPair { pair, .. } in all.iter().filter(|refreshed| !refreshed.has_ended) {
                self.directory.source_ended(pair, UNREACHABLE).await?;
                ldap.count_refresh(0, 1, false);
            }
            Ok::<_, DirectoryError>(())
        };
        if let Err(error) = ended.await {
            tracing::error!(backend = %ldap.name(), error = %ErrorChain(&error), "users of a directory not signed out");
        }
    }

    async fn pairs(&self, ldap: &Ldap, now: Timestamp) -> Result<Vec<RefreshedPair>, DirectoryError> {
        let settings = ldap.settings();
        self.directory.pairs_of_backend(&settings.name, &settings.authority, ldap.refreshed(now)).await
    }
}

const GONE: &str = "gone";
const AMBIGUOUS: &str = "ambiguous";
const UNUSABLE: &str = "unusable-entry";
const UNREACHABLE: &str = "unreachable";
/// Users in one search.
const AT_ONCE: usize = 50;
/// Searches for groups at a time.
const PARALLEL: usize = 4;
