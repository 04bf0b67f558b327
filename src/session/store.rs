//! The seam behind which sessions are kept.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Session, SessionKey};

/// Where sessions are kept.
///
/// The direction of error that matters: a store that forgets a session costs a sign-in; a store
/// that returns a session after [`SessionStore::remove`] answered for it is a vulnerability. So
/// a removal is durable, and seen by every later call, before it is acknowledged. Expiry is
/// decided by the caller with its own clock: a store may drop what has expired and never has to.
pub trait SessionStore: Send + Sync + std::fmt::Debug {
    /// What is known without waiting; called for every request, so it touches neither disk nor network.
    fn peek(&self, key: &SessionKey) -> Peek;

    /// Looks a session up, wherever it is kept.
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<Arc<Session>>, StoreError>>;

    /// Keeps a new session; when this answers, the session is as durable as the store promises.
    fn insert(&self, session: Arc<Session>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Ends a session; one that is not there has been ended already, which is no error.
    fn remove(&self, key: SessionKey) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// What a store knows without waiting.
#[derive(Debug)]
pub enum Peek {
    /// It holds the session.
    Found(Arc<Session>),
    /// There is no such session, anywhere.
    Absent,
    /// Only [`SessionStore::find`] can tell.
    Unknown,
}

/// A store could not be reached or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct StoreError {
    /// What was being done, and to what.
    pub doing: String,
    /// What came back.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
