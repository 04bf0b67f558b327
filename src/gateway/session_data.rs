//! The data that an app keeps in the sessions of its users.
//!
//! The app receives its own pairs with each request, and declares changes in header fields of its response. A
//! change is in the store before the response goes on, so that the next request sees it, on every connection and
//! gateway. Each failure is logged, and the response goes on as it is: the browser has no part in this.

use std::{sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue,
    header::{SET_COOKIE, USER_AGENT},
};

use super::{Shared, Walk, cache_control};
use crate::{
    error_chain::ErrorChain,
    forward::{App, KeepsData, SessionHeaders},
    request::Target,
    session::{
        AppData, DataChange, DataRefused, Presented, Session, Visitor,
        cookie::{self, Keep},
    },
};

/// Where an app keeps data for the sender of a request.
pub(super) enum DataHolder {
    /// Nowhere.
    Nobody,
    /// In the session that came with the request.
    Session(Arc<Session>),
    /// In a session that is opened when there is data to keep: a visit alone opens none (ASVS 5.0 7.6.2).
    NewSession {
        /// The `User-Agent` of the visitor's browser.
        user_agent: Option<HeaderValue>,
    },
}

/// The response of an app with changes to its data.
pub(super) struct DataResponse<'a> {
    pub(super) fields: SessionHeaders,
    pub(super) app: &'a App,
    pub(super) target: &'a Target,
}

impl DataHolder {
    /// For the session that came with a request; `None`: there may be one that cannot be looked up now.
    pub(super) fn of(app: &App, presented: Option<&Presented>, headers: &HeaderMap) -> Self {
        match (app.session_data, presented) {
            (KeepsData::ForNobody, _) | (_, None) => Self::Nobody,
            (keeps, Some(Presented::Alive(session))) => {
                let is_kept_for = keeps == KeepsData::ForEverybody || session.owner.user().is_some();
                if is_kept_for { Self::Session(Arc::clone(session)) } else { Self::Nobody }
            }
            (KeepsData::ForUsers, Some(_)) => Self::Nobody,
            (KeepsData::ForEverybody, Some(_)) => {
                Self::NewSession { user_agent: headers.get(USER_AGENT).cloned() }
            }
        }
    }

    /// The header value with the pairs that the app keeps here; `None`: it keeps none.
    pub(super) fn header_value(&self, app: &App) -> Option<HeaderValue> {
        let Self::Session(session) = self else { return None };
        let data = session.data().get(&app.name).filter(|data| !data.is_empty())?;
        let mut value = HeaderValue::try_from(data.encode()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Walk<'_> {
    /// Makes the changes that an app's response declares. A session that is opened for them gets its cookie in `headers`.
    pub(super) async fn change_session_data(
        &self,
        holder: DataHolder,
        response: DataResponse<'_>,
        headers: &mut HeaderMap,
    ) {
        let (request_id, app) = (self.record.id, Arc::clone(&response.app.name));
        let ignored = |error: &dyn std::error::Error| {
            tracing::warn!(%request_id, %app, error = %ErrorChain(error), "session data of an app ignored");
        };
        let values = |fields| <[HeaderValue]>::iter(fields).map(HeaderValue::as_bytes);
        let (set, delete) = (values(&response.fields.set), values(&response.fields.delete));
        let change = match DataChange::parse(set, delete) {
            Ok(change) if change.is_empty() => return,
            Ok(change) => change,
            Err(malformed) => return ignored(&malformed),
        };
        match holder {
            DataHolder::Nobody => {
                tracing::debug!(%request_id, %app, "session data of an app ignored: the sender has no session");
            }
            DataHolder::Session(session) => {
                match change_in(&self.gateway.shared, session, Arc::clone(&app), change).await {
                    Outcome::Kept => {}
                    Outcome::Gone => {
                        tracing::debug!(%request_id, %app, "session data of an app ignored: the session has ended");
                    }
                    Outcome::Refused(refused) => ignored(&refused),
                    Outcome::Failed(error) => self.log_data_loss(&app, &*error),
                }
            }
            DataHolder::NewSession { user_agent } => {
                let data = match AppData::default().with(change) {
                    Ok(data) if data.is_empty() => return,
                    Ok(data) => data,
                    Err(refused) => return ignored(&refused),
                };
                match self.open_for_visitor(&response, user_agent, data).await {
                    Ok(cookie) => {
                        headers.append(SET_COOKIE, cookie);
                        cache_control::keep_out_of_shared_caches(headers);
                    }
                    Err(error) => self.log_data_loss(&app, &*error),
                }
            }
        }
    }

    /// Opens a session for a visitor; returns its cookie.
    async fn open_for_visitor(
        &self,
        response: &DataResponse<'_>,
        user_agent: Option<HeaderValue>,
        data: AppData,
    ) -> Result<HeaderValue, BoxError> {
        let (shared, snapshot) = (&self.gateway.shared, self.snapshot);
        let limits = &snapshot.portal.sessions;
        let user_agent = user_agent.as_ref().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let visitor = Visitor {
            client_addr: response.target.client_addr.or_proxy(),
            user_agent: user_agent.as_deref().unwrap_or_default(),
            host: response.target.authority.as_str(),
            app: Arc::clone(&response.app.name),
            data,
            max_visitors: snapshot.max_visitors,
        };
        let opening = shared.sessions.open_for_visitor(visitor, shared.clock.now(), limits);
        let (token, _) = tokio::time::timeout(STORE_TIMEOUT, opening).await??;
        let keep = if limits.browser_session { Keep::UntilClosed } else { Keep::For(limits.lifetime) };
        Ok(cookie::write(snapshot.portal.cookies.session(), &token.to_cookie(), keep))
    }

    fn log_data_loss(&self, app: &str, error: &(dyn std::error::Error + 'static)) {
        let request_id = self.record.id;
        tracing::error!(%request_id, app, error = %ErrorChain(error), "session data of an app may be lost");
    }
}

enum Outcome {
    Kept,
    Gone,
    Refused(DataRefused),
    Failed(BoxError),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Runs on a task of its own: the client may disconnect at any time, and the cache has to hear of the store's change.
async fn change_in(
    shared: &Arc<Shared>,
    session: Arc<Session>,
    app: Arc<str>,
    change: DataChange,
) -> Outcome {
    let sessions = Arc::clone(&shared.sessions);
    let changing = tokio::spawn(async move { sessions.change_data(&session, &app, change).await });
    match tokio::time::timeout(STORE_TIMEOUT, changing).await {
        Ok(Ok(Ok(Some(Ok(()))))) => Outcome::Kept,
        Ok(Ok(Ok(None))) => Outcome::Gone,
        Ok(Ok(Ok(Some(Err(refused))))) => Outcome::Refused(refused),
        Ok(Ok(Err(error))) => Outcome::Failed(error.into()),
        Ok(Err(panicked)) => Outcome::Failed(panicked.into()),
        Err(late) => Outcome::Failed(late.into()),
    }
}

/// The response does not wait for a store that takes longer.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
