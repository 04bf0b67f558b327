//! The state of the gateway: folder, users, sessions, failed sign-ins.

use std::{fs, os::unix::fs::DirBuilderExt, path::PathBuf, sync::Arc};

use tokio::sync::mpsc::{Receiver, Sender, error::TrySendError};

use super::{
    AssemblyError,
    sign_out_notices::{self, EndingChange},
};
use crate::{
    clock::Clock,
    config::{Configuration, SessionSection, Store},
    session::{FileStore, MemoryStore, RedisStore, SessionStore, Sessions, StoreError, StoreSurroundings},
    store::{RedisLink, sqlite::ReadFile},
    telemetry::{Audit, AuditEvent, AuditKind},
    throttle::Throttle,
    users::{Change, Directory},
};

/// The opened stores.
pub(super) struct Stores {
    pub(super) directory: Arc<Directory>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) throttle: Throttle,
    /// The databases, each with the file that the gateway reads.
    pub(super) databases: Databases,
    /// The changes of users that end their sessions.
    pub(super) ending_changes: Receiver<EndingChange>,
}

/// The databases, each with the file that the gateway reads.
pub(super) type Databases = [(PathBuf, Option<ReadFile>); 3];

impl Stores {
    /// Opens the stores; makes the folder and the databases that are missing.
    pub(super) fn open(
        configuration: &Configuration,
        audit: &Audit,
        clock: &Clock,
    ) -> Result<Self, AssemblyError> {
        make_private_folder(configuration)?;
        let users_database = configuration.users_database();
        let (sender, ending_changes) = sign_out_notices::queue();
        let on_change = report_changes(audit.clone(), sender);
        let directory = Directory::open(&users_database, clock.clone(), on_change)?;
        let OpenSessions { sessions, link, read_file } = sessions(configuration, clock)?;
        let throttle = throttle(configuration, link, clock)?;
        let databases = [
            (users_database, Some(directory.read_file())),
            (configuration.sessions_database(), read_file),
            (configuration.throttle_files().database, throttle.read_file()),
        ];
        Ok(Self { directory, sessions: Arc::new(sessions), throttle, databases, ending_changes })
    }
}

/// Makes the state folder with mode 0700: it holds password hashes.
fn make_private_folder(configuration: &Configuration) -> Result<(), AssemblyError> {
    let folder = &configuration.state;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| AssemblyError::State { folder: folder.clone(), source })
}

/// Writes each change of a user to the audit stream, and passes on those that end sessions.
fn report_changes(audit: Audit, ending: Sender<EndingChange>) -> Box<dyn Fn(&Change) + Send> {
    Box::new(move |change| {
        if let Some(change) = EndingChange::of(change)
            && let Err(TrySendError::Full(change)) = ending.try_send(change)
        {
            tracing::warn!(?change, "apps are not told of the end of a user's sessions: too many wait");
        }
        audit.record(&AuditEvent {
            event: AuditKind::UserChanged,
            reason: change.action.as_str(),
            user: Some(change.name.as_str()),
            actor: Some(&change.actor),
            backend: change.source.as_ref().map(|(backend, _)| backend.as_str()),
            subject: change.source.as_ref().map(|(_, subject)| subject.as_str()),
            client: None,
            request_id: None,
            session: None,
        });
    })
}

/// The sessions, and what else comes of opening them.
struct OpenSessions {
    sessions: Sessions,
    /// The connection to Redis, if the sessions are there.
    link: Option<RedisLink>,
    /// The file that is read, if the sessions are in one.
    read_file: Option<ReadFile>,
}

fn sessions(configuration: &Configuration, clock: &Clock) -> Result<OpenSessions, StoreError> {
    let SessionSection { store, max_sessions, .. } = &configuration.sessions;
    let (mut link, mut read_file) = (None, None);
    let sessions = Sessions::start(CACHED_SESSIONS, |invalidator| {
        let surroundings = StoreSurroundings { clock: clock.clone(), invalidator };
        Ok(match store {
            Store::File => {
                let store = FileStore::open(&configuration.sessions_database(), surroundings)?;
                read_file = Some(store.read_file());
                Box::new(store)
            }
            Store::Memory => Box::new(MemoryStore::new(*max_sessions)) as Box<dyn SessionStore>,
            Store::Redis(settings) => {
                let store = RedisStore::open(settings, surroundings)?;
                link = Some(store.link());
                Box::new(store)
            }
        })
    })?;
    Ok(OpenSessions { sessions, link, read_file })
}

/// Opens the counters of failed sign-ins: in Redis, if the sessions are there, so that several gateways count together.
fn throttle(
    configuration: &Configuration,
    link: Option<RedisLink>,
    clock: &Clock,
) -> Result<Throttle, AssemblyError> {
    let files = configuration.throttle_files();
    let Some(link) = link else { return Ok(Throttle::open(&files, clock.clone())?) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(AssemblyError::Thread)?;
    Ok(runtime.block_on(Throttle::shared(link, &files, clock.clone()))?)
}

/// About 25 MB when all are there.
const CACHED_SESSIONS: u64 = 50_000;
