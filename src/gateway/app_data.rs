//! What an app keeps in the session of whoever uses it.
//!
//! The app is told its own pairs with each request and says in its answer what is to be changed. The
//! change is in the store before the answer goes on, so that the next request sees it, on whichever
//! connection and gateway it comes. Whatever goes wrong is logged, and the answer goes on as it is: the
//! browser has no part in this.

use std::{sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue,
    header::{SET_COOKIE, USER_AGENT},
};

use super::{Chain, Shared, shared_caches};
use crate::{
    forward::{App, KeepsData, SessionHeaders},
    request::{RequestId, Target},
    session::{
        AppData, DataChange, Limits, Presented, Session, Visitor,
        cookie::{self, CookieNames, Keep},
    },
};

/// Where an app keeps something for whoever sent a request.
pub(super) enum Keeping {
    /// Nowhere.
    Nowhere,
    /// In the session that came with the request.
    In(Arc<Session>),
    /// In one that is opened when there is something to keep: no visit alone opens a session
    /// (ASVS 5.0 7.6.2).
    InNew {
        /// What the visitor's browser calls itself.
        user_agent: Option<HeaderValue>,
    },
}

/// The answer of an app that says something of the session.
pub(super) struct Said<'a> {
    pub(super) lines: SessionHeaders,
    pub(super) app: &'a App,
    pub(super) request_id: RequestId,
    pub(super) target: &'a Target,
    pub(super) limits: &'a Limits,
    pub(super) cookies: &'a CookieNames,
    pub(super) max_visitors: usize,
}

impl Keeping {
    /// For what a request presented; `None`: there may be a session, but nobody can be asked right now.
    pub(super) fn of(app: &App, presented: Option<&Presented>, headers: &HeaderMap) -> Self {
        match (app.session_data, presented) {
            (KeepsData::ForNobody, _) | (_, None) => Self::Nowhere,
            (keeps, Some(Presented::Alive(session))) => {
                let is_one_of_them = keeps == KeepsData::ForEverybody || session.owner.user().is_some();
                if is_one_of_them { Self::In(Arc::clone(session)) } else { Self::Nowhere }
            }
            (KeepsData::ForUsers, Some(_)) => Self::Nowhere,
            (KeepsData::ForEverybody, Some(_)) => {
                Self::InNew { user_agent: headers.get(USER_AGENT).cloned() }
            }
        }
    }

    /// The pairs that the app is told; `None`: it keeps nothing here.
    pub(super) fn told(&self, app: &App) -> Option<HeaderValue> {
        let Self::In(session) = self else { return None };
        let data = session.data().get(&app.name).filter(|data| !data.is_empty())?;
        let mut value = HeaderValue::try_from(data.encode()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Does what the app said, and lets the browser know of a session that was opened for it.
    pub(super) async fn keep(self, shared: &Arc<Shared>, said: Said<'_>, headers: &mut HeaderMap) {
        let (request_id, app) = (said.request_id, Arc::clone(&said.app.name));
        let ignored = |error: &dyn std::error::Error| {
            tracing::warn!(%request_id, %app, error = %Chain(error), "what an app wants to keep in a session is ignored");
        };
        let lines = |lines| <[HeaderValue]>::iter(lines).map(HeaderValue::as_bytes);
        let change = match DataChange::parse(lines(&said.lines.set), lines(&said.lines.delete)) {
            Ok(change) if change.is_empty() => return,
            Ok(change) => change,
            Err(malformed) => return ignored(&malformed),
        };
        match self {
            Self::Nowhere => {
                tracing::debug!(%request_id, %app, "an app wants to keep something for somebody without a session");
            }
            Self::In(session) => match change_in(shared, session, Arc::clone(&app), change).await {
                Outcome::Kept => {}
                Outcome::Gone => {
                    tracing::debug!(%request_id, %app, "the session ended before the app's answer came");
                }
                Outcome::Refused(refused) => ignored(&refused),
                Outcome::Failed(error) => failed(request_id, &app, &*error),
            },
            Self::InNew { user_agent } => {
                let data = match AppData::default().with(change) {
                    Ok(data) if data.is_empty() => return,
                    Ok(data) => data,
                    Err(refused) => return ignored(&refused),
                };
                match open(shared, &said, user_agent, data).await {
                    Ok(cookie) => {
                        headers.append(SET_COOKIE, cookie);
                        shared_caches::keep_out(headers);
                    }
                    Err(error) => failed(request_id, &app, &*error),
                }
            }
        }
    }
}

enum Outcome {
    Kept,
    Gone,
    Refused(crate::session::DataRefused),
    Failed(BoxError),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// On a task of its own: the client may go at any time, and the cache must hear of what the store did.
async fn change_in(
    shared: &Arc<Shared>,
    session: Arc<Session>,
    app: Arc<str>,
    change: DataChange,
) -> Outcome {
    let sessions = Arc::clone(&shared.sessions);
    let changing = tokio::spawn(async move { sessions.change_data(&session, &app, change).await });
    match tokio::time::timeout(PATIENCE, changing).await {
        Ok(Ok(Ok(Some(Ok(()))))) => Outcome::Kept,
        Ok(Ok(Ok(None))) => Outcome::Gone,
        Ok(Ok(Ok(Some(Err(refused))))) => Outcome::Refused(refused),
        Ok(Ok(Err(error))) => Outcome::Failed(error.into()),
        Ok(Err(panicked)) => Outcome::Failed(panicked.into()),
        Err(late) => Outcome::Failed(late.into()),
    }
}

/// A session for a visitor; answers with its cookie.
async fn open(
    shared: &Arc<Shared>,
    said: &Said<'_>,
    user_agent: Option<HeaderValue>,
    data: AppData,
) -> Result<HeaderValue, BoxError> {
    let user_agent = user_agent.as_ref().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let visitor = Visitor {
        client_addr: said.target.client_addr.or_proxy(),
        user_agent: user_agent.as_deref().unwrap_or_default(),
        host: said.target.authority.as_str(),
        app: Arc::clone(&said.app.name),
        data,
        max_visitors: said.max_visitors,
    };
    let opening = shared.sessions.open_for_visitor(visitor, shared.clock.now(), said.limits);
    let (token, _) = tokio::time::timeout(PATIENCE, opening).await??;
    let keep = if said.limits.browser_session { Keep::UntilClosed } else { Keep::For(said.limits.lifetime) };
    Ok(cookie::write(said.cookies.session(), &token.to_cookie(), keep))
}

fn failed(request_id: RequestId, app: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::error!(%request_id, app, error = %Chain(error), "what an app wants to keep in a session may be lost");
}

/// A store that takes longer is as good as away; the answer does not wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
