//! One configured directory as a backend.
//!
//! [`SignIn`](crate::auth::SignIn) finds the entry of a typed name first and checks the password with a bind as that entry
//! afterwards; [`refresh`](super::refresh) finds the entries of those who are signed in. Both read entries in the same
//! way, so that a user who could not sign in any more does not stay signed in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::OnceCell;

use super::{
    BindOutcome, BindRefusal, DirectoryUser, Entry, Filter, LdapError, LdapPool, LdapSettings, Scope,
    SearchRequest, ServerKind, UnusableEntry, UserGroups, user_filter,
};
use crate::{
    clock::{Clock, Timestamp},
    identity::{BackendName, IdentityPair},
    users::{Password, Refreshed, SourceProfile},
};

/// A directory: its settings, and connections to its servers.
#[derive(Debug)]
pub struct Ldap {
    settings: LdapSettings,
    pool: LdapPool,
    clock: Clock,
    /// Asked for once, by the first search for groups.
    kind: OnceCell<ServerKind>,
    counts: Counts,
    /// Milliseconds for which a session lasts at most; a reload changes it.
    sessions_last: AtomicU64,
    /// Whether users may come in by a client certificate; a reload changes it.
    takes_certificates: AtomicBool,
}

/// Numbers for the metrics.
#[derive(Debug, Default)]
struct Counts {
    refreshed: AtomicU64,
    ended: AtomicU64,
    failed_refreshes: AtomicU64,
}

/// The result of a search for a typed name.
#[derive(Debug)]
pub enum Found {
    /// One user.
    User(Box<DirectoryUser>),
    /// No entry.
    Nobody,
    /// Several entries; their DNs, or the first of them.
    Several(Vec<String>),
    /// One entry that can be no user.
    Unusable {
        /// Its DN.
        dn: String,
        /// Why.
        why: UnusableEntry,
    },
}

impl Ldap {
    /// Uses this pool for a directory.
    pub fn new(settings: LdapSettings, pool: LdapPool, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            settings,
            pool,
            clock,
            kind: OnceCell::new(),
            counts: Counts::default(),
            sessions_last: AtomicU64::new(u64::MAX),
            takes_certificates: AtomicBool::new(true),
        })
    }

    /// The configured name.
    pub fn name(&self) -> &BackendName {
        &self.settings.name
    }

    /// The settings.
    pub fn settings(&self) -> &LdapSettings {
        &self.settings
    }

    /// The connections.
    pub fn pool(&self) -> &LdapPool {
        &self.pool
    }

    /// Finds the entry that a typed name means. An ambiguous name is logged with the DNs: an operator has to make the
    /// filter or the directory unambiguous.
    pub async fn find(&self, typed_name: &str) -> Result<Found, LdapError> {
        let Some(filter) = user_filter::for_name(&self.settings, typed_name) else {
            return Ok(Found::Nobody);
        };
        self.find_by(filter).await
    }

    /// Finds the entry of a user whom the gateway knows already.
    pub async fn find_pair(&self, pair: &IdentityPair) -> Result<Found, LdapError> {
        if pair.backend != self.settings.name || pair.authority != self.settings.authority {
            return Ok(Found::Nobody);
        }
        self.find_by(user_filter::for_subjects(&self.settings, &[&pair.subject])).await
    }

    async fn find_by(&self, filter: Filter) -> Result<Found, LdapError> {
        let (mut entries, is_truncated) = self.search_users(filter, 2).await?;
        let found = match (entries.pop(), entries.pop()) {
            (None, _) => Found::Nobody,
            (Some(entry), None) if !is_truncated => {
                let dn = entry.dn().to_owned();
                match DirectoryUser::read(entry, &self.settings, self.clock.now()) {
                    Ok(user) => Found::User(Box::new(user)),
                    Err(why) => Found::Unusable { dn, why },
                }
            }
            (one, other) => {
                Found::Several(one.iter().chain(&other).map(|entry| entry.dn().to_owned()).collect())
            }
        };
        self.log(&found);
        Ok(found)
    }

    /// Checks a password with a bind as the user. Without a user a bind that cannot succeed is sent in its place, so that
    /// an unknown name takes as many messages as a wrong password; the typed password is not sent then.
    ///
    /// A password that is empty, only blanks, too long or has a NUL in it is refused before: an empty one would be an
    /// anonymous bind, which servers call a success (RFC 4513 §5.1.2).
    pub async fn verify(
        &self,
        user: Option<&DirectoryUser>,
        password: &Password,
    ) -> Result<Result<(), BindRefusal>, LdapError> {
        if !is_sendable(password) {
            return Ok(Err(BindRefusal::WrongPassword));
        }
        let outcome = if let Some(user) = user {
            self.pool.verify(user.dn().to_owned(), password.clone()).await?
        } else {
            let nobody = format!("cn=portcullis-no-such-user,{}", self.settings.users.base);
            let outcome = self.pool.verify(nobody, Password::new("no password".to_owned())).await?;
            match outcome {
                // An entry of this name could exist; its success proves nothing.
                BindOutcome::Right => return Ok(Err(BindRefusal::WrongPassword)),
                wrong @ BindOutcome::Wrong { .. } => wrong,
            }
        };
        Ok(match outcome {
            BindOutcome::Right => Ok(()),
            BindOutcome::Wrong { diagnostic, .. } => Err(BindRefusal::read(diagnostic.as_str())),
        })
    }

    /// The groups of a user.
    pub async fn groups(&self, user: &DirectoryUser) -> Result<UserGroups, LdapError> {
        let kind = *self.kind.get_or_try_init(|| ServerKind::probe(&self.pool)).await?;
        let groups = UserGroups::of(user, &self.settings.groups, &self.pool, kind).await?;
        if groups.is_cut_short {
            tracing::warn!(
                backend = %self.settings.name,
                dn = user.dn(),
                "search for groups ended at a limit; groups may be missing"
            );
        }
        Ok(groups)
    }

    /// The profile of a user at the directory, as of now; `None` if the name can be no user name.
    pub async fn profile(&self, user: &DirectoryUser) -> Result<Option<SourceProfile>, LdapError> {
        if user.name().is_err() {
            return Ok(None);
        }
        let groups = self.groups(user).await?;
        Ok(user.profile(&self.settings, groups.ours(&self.settings.groups)))
    }

    /// Sets the longest time for which a session lasts, and whether users may come in by a client certificate. Users who
    /// can neither have a session nor come in without are not looked up.
    pub fn set_ways_in(&self, sessions_last: Duration, takes_certificates: bool) {
        let millis = u64::try_from(sessions_last.as_millis()).unwrap_or(u64::MAX);
        self.sessions_last.store(millis, Ordering::Relaxed);
        self.takes_certificates.store(takes_certificates, Ordering::Relaxed);
    }

    /// The users whom a refresh at this time looks up.
    pub(super) fn refreshed(&self, now: Timestamp) -> Refreshed {
        if self.takes_certificates.load(Ordering::Relaxed) {
            return Refreshed::Everybody;
        }
        Refreshed::SignedInSince(now - Duration::from_millis(self.sessions_last.load(Ordering::Relaxed)))
    }

    /// Asks the server what it is.
    pub async fn server_kind(&self) -> Result<ServerKind, LdapError> {
        self.kind.get_or_try_init(|| ServerKind::probe(&self.pool)).await.copied()
    }

    /// The users that a filter finds.
    pub(super) async fn search_users(
        &self,
        filter: Filter,
        size_limit: u32,
    ) -> Result<(Vec<Entry>, bool), LdapError> {
        let request = SearchRequest {
            base: self.settings.users.base.to_string(),
            scope: Scope::Subtree,
            filter,
            attributes: DirectoryUser::attributes(&self.settings),
            size_limit,
            page_size: None,
        };
        let result = self.pool.search(request).await?;
        Ok((result.entries, result.is_truncated))
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn count_refresh(&self, refreshed: u64, ended: u64, failed: bool) {
        self.counts.refreshed.fetch_add(refreshed, Ordering::Relaxed);
        self.counts.ended.fetch_add(ended, Ordering::Relaxed);
        self.counts.failed_refreshes.fetch_add(u64::from(failed), Ordering::Relaxed);
    }

    /// How many users the refresh found unchanged or updated.
    pub fn refreshed_users(&self) -> u64 {
        self.counts.refreshed.load(Ordering::Relaxed)
    }

    /// How many users the refresh has signed out.
    pub fn ended_users(&self) -> u64 {
        self.counts.ended.load(Ordering::Relaxed)
    }

    /// How often the refresh did not get an answer.
    pub fn failed_refreshes(&self) -> u64 {
        self.counts.failed_refreshes.load(Ordering::Relaxed)
    }

    fn log(&self, found: &Found) {
        let backend = &self.settings.name;
        match found {
            Found::Several(dns) => {
                tracing::warn!(%backend, entries = dns.join(" | "), "user name is ambiguous");
            }
            Found::Unusable { dn, why } => {
                tracing::warn!(%backend, dn, reason = %why, "directory entry cannot be a user");
            }
            Found::User(_) | Found::Nobody => {}
        }
    }
}

/// Whether a password may go to a directory.
pub(super) fn is_sendable(password: &Password) -> bool {
    password.usable().is_ok() && !password.exposed().trim().is_empty()
}
