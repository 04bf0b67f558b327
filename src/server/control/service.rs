//! The requests of the control socket, and their responses.
//!
//! `server` starts [`run`] on a thread of its own. `GET /gateway` returns which configuration and which databases the gateway
//! reads, `POST /reload` reads the configuration again and returns its mistakes, `GET /sessions?user=…&after=…&most=…` lists
//! sessions and `POST /sessions/revoke` ends them, for sessions that are in the gateway's memory and nowhere else. Sessions
//! are named by their keys; neither tokens nor the data that applications keep in sessions pass through here.

use std::{
    convert::Infallible,
    fmt, io,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::{
    runtime::{Builder, LocalOptions},
    task::spawn_local,
};

use super::{
    api::{Reloaded, Revocation, Revocations, Revoked, Running},
    socket::{ControlError, ControlSocket, StateFolder},
};
use crate::{
    identity::UserId,
    server::shutdown::Shutdown,
    session::{ListedRecord, Record, SessionData, SessionKey, Sessions, StoreError},
    store::sqlite::ReadFile,
    telemetry::{Audit, AuditEvent, AuditKind},
};

/// The control socket of a gateway, bound and not yet serving.
pub struct Control {
    socket: ControlSocket,
    gateway: ControlledGateway,
    reload: Option<Reload>,
}

/// The parts of a gateway that the command line reaches through the socket.
#[derive(Clone, Debug)]
pub struct ControlledGateway {
    /// The configuration file that it reads.
    pub configuration: PathBuf,
    /// Its databases.
    pub databases: ReadDatabases,
    /// Its sessions.
    pub sessions: Arc<Sessions>,
    /// The audit stream that records who ended sessions.
    pub audit: Audit,
}

/// The databases of a gateway by the names of their files.
pub type ReadDatabases = Vec<(String, ReadFile)>;

/// Reads the configuration again, and uses it or returns its mistakes; the names of changed settings that wait for a restart.
pub type Reload = Arc<dyn Fn() -> Result<Vec<&'static str>, String> + Send + Sync>;

impl Control {
    /// Binds the socket, in front of this gateway.
    pub fn bind(first: &Path, folder: StateFolder, gateway: ControlledGateway) -> Result<Self, ControlError> {
        Ok(Self { socket: ControlSocket::bind(first, folder)?, gateway, reload: None })
    }

    /// The same, reloading in this way.
    #[must_use]
    pub fn with_reload(mut self, reload: Reload) -> Self {
        self.reload = Some(reload);
        self
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let outcome = match (request.method(), request.uri().path()) {
            (&Method::GET, "/gateway") => self.describe(),
            (&Method::POST, "/reload") => self.reload(),
            (&Method::GET, "/sessions") => self.list(request.uri().query().unwrap_or_default()).await,
            (&Method::POST, "/sessions/revoke") => self.revoke(request).await,
            _ => Err((StatusCode::NOT_FOUND, "there is nothing here".to_owned())),
        };
        let (status, kind, text) = match outcome {
            Ok(json) => (StatusCode::OK, "application/json", json),
            Err((status, text)) => (status, "text/plain; charset=utf-8", text),
        };
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }

    fn describe(&self) -> Result<String, (StatusCode, String)> {
        let ControlledGateway { configuration, databases, .. } = &self.gateway;
        let databases = databases.iter().map(|(name, file)| (name.clone(), file.id())).collect();
        in_json(&Running { configuration: configuration.clone(), databases })
    }

    fn reload(&self) -> Result<String, (StatusCode, String)> {
        let Some(reload) = &self.reload else {
            return Err((StatusCode::NOT_IMPLEMENTED, "this gateway cannot reload".to_owned()));
        };
        let waiting = reload().map_err(|why| (StatusCode::UNPROCESSABLE_ENTITY, why))?;
        let needs_restart = waiting.into_iter().map(str::to_owned).collect();
        in_json(&Reloaded { configuration: self.gateway.configuration.clone(), needs_restart })
    }

    async fn list(&self, query: &str) -> Result<String, (StatusCode, String)> {
        let (mut of, mut after, mut most) = (None, None, MOST_LISTED);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let understood = match &*name {
                "user" => value.parse().ok().map(|id| of = Some(UserId(id))),
                "after" => SessionKey::from_hex(&value).map(|key| after = Some(key)),
                "most" => value.parse().ok().map(|number: usize| most = number.min(MOST_LISTED)),
                _ => None,
            };
            understood.ok_or_else(|| (StatusCode::BAD_REQUEST, format!("cannot read `{name}`")))?;
        }
        let listed =
            self.gateway.sessions.list(of, after, most).await.map_err(|error| unavailable(&error))?;
        let bare: Vec<ListedRecord> = listed
            .into_iter()
            .map(|listed| ListedRecord {
                record: Record { data: SessionData::default(), ..listed.record },
                ..listed
            })
            .collect();
        in_json(&bare)
    }

    async fn revoke(&self, request: Request<Incoming>) -> Result<String, (StatusCode, String)> {
        let unread =
            |error: String| (StatusCode::BAD_REQUEST, format!("cannot read the revocation: {error}"));
        #[expect(clippy::disallowed_methods, reason = "limited in size; its sender is the administrator")]
        let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
        let body = body.map_err(|error| unread(error.to_string()))?.to_bytes();
        let Revocation { which, actor } =
            serde_json::from_slice(&body).map_err(|error| unread(error.to_string()))?;
        let ended =
            self.gateway.sessions.end_which(which.into()).await.map_err(|error| unavailable(&error))?;
        if ended > 0 {
            self.record(which, &actor);
        }
        in_json(&Revocations { ended })
    }

    fn record(&self, which: Revoked, actor: &str) {
        let (reason, session) = match which {
            Revoked::Key(key) => ("one", Some(key.to_string())),
            Revoked::User(_) => ("user", None),
            Revoked::All => ("all", None),
        };
        let event = AuditKind::SessionsEnded;
        let (user, actor) = (None, Some(actor));
        self.gateway.audit.record(&AuditEvent {
            event,
            reason,
            user,
            actor,
            backend: None,
            subject: None,
            client: None,
            request_id: None,
            session,
        });
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// Serves until the gateway drains.
pub(in crate::server) fn run(control: Control, shutdown: Shutdown) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        let listener = tokio::net::UnixListener::from_std(control.socket.listener.try_clone()?)?;
        let control = Rc::new(control);
        loop {
            let accepted = tokio::select! {
                () = shutdown.draining.cancelled() => return Ok(()),
                accepted = listener.accept() => accepted,
            };
            let socket = match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    tracing::warn!(%error, "control connection not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            match socket.peer_cred() {
                Ok(caller) if caller.uid() == control.socket.owner || caller.uid() == 0 => {}
                _ => {
                    tracing::warn!("control connection of another user refused");
                    continue;
                }
            }
            let control = Rc::clone(&control);
            spawn_local(async move {
                let service =
                    service_fn(|request| async { Ok::<_, Infallible>(control.respond(request).await) });
                let served = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(Duration::from_secs(10))
                    .serve_connection(TokioIo::new(socket), service);
                if let Err(error) = served.await {
                    tracing::debug!(%error, "control connection failed");
                }
            });
        }
    })
}

fn in_json(value: &impl Serialize) -> Result<String, (StatusCode, String)> {
    serde_json::to_string(value).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

fn unavailable(error: &StoreError) -> (StatusCode, String) {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{error}: {}", error.source))
}

/// Sessions in one page of a listing.
const MOST_LISTED: usize = 1000;
const MAX_BODY: usize = 4096;
