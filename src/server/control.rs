//! The control socket: what the command line asks of a running gateway, through `control.sock` in the state folder.
//!
//! HTTP over a UNIX socket. `GET /gateway` returns which configuration and which databases the gateway reads,
//! `POST /reload` reads the configuration again and returns its mistakes, `GET /sessions?user=…&after=…&most=…`
//! lists sessions and `POST /sessions/revoke` ends them, for sessions that are in the gateway's memory and nowhere else.
//! Gateways that share a state folder have a socket each: `control-2.sock` and so on.
//!
//! Only the gateway's own user and root may connect: the socket's mode is 0600, and the peer's user is asked of the kernel.
//! Sessions are named by their keys; neither tokens nor the data that applications keep in sessions pass through here.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt, fs, io,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
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
use serde::{Deserialize, Serialize};
use tokio::{
    runtime::{Builder, LocalOptions},
    task::spawn_local,
};

use super::shutdown::Shutdown;
use crate::{
    identity::UserId,
    session::{Record, SessionData, SessionKey, Sessions, StoreError, Which},
    store::sqlite::{FileId, ReadFile},
    telemetry::{Audit, AuditEvent, AuditKind},
};

/// The socket, bound; its file is removed when this is dropped.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    /// The user that may connect besides root.
    owner: u32,
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

/// Reads the configuration again, and uses it or returns its mistakes.
pub type Reload = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Whether another gateway may have the same state folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFolder {
    /// No other may: each would have sessions of its own.
    OwnAlone,
    /// Others may.
    Shared,
}

/// The control socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Another gateway accepts connections on it.
    #[error(
        "another gateway runs with this state folder and answers on {}; stop it, or name another folder with `state`",
        .0.display()
    )]
    Taken(PathBuf),
    /// The system refused.
    #[error("making the control socket {}", .path.display())]
    Bind {
        /// Where.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The response to `GET /gateway`, in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The configuration file that it reads.
    pub configuration: PathBuf,
    /// Which file it reads of each database; `None`: none that it could read.
    pub databases: BTreeMap<String, Option<FileId>>,
}

/// The response to `POST /reload`, in JSON, if the configuration is used from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The configuration file.
    pub configuration: PathBuf,
}

/// The body of `POST /sessions/revoke`, in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Which sessions end.
    pub which: Revoked,
    /// The operator who asks for it, for the audit stream.
    pub actor: String,
}

/// Which sessions a [`Revocation`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Revoked {
    /// One.
    Key(SessionKey),
    /// All of a user.
    User(UserId),
    /// Everybody's.
    All,
}

impl From<Revoked> for Which {
    fn from(revoked: Revoked) -> Self {
        match revoked {
            Revoked::Key(key) => Self::One(key),
            Revoked::User(user) => Self::OfUser { user, except: None },
            Revoked::All => Self::All,
        }
    }
}

/// The response to `POST /sessions/revoke`, in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocations {
    /// How many sessions ended.
    pub ended: usize,
}

/// The paths of the sockets of all gateways that may share a state folder.
pub fn control_sockets(first: &Path) -> impl Iterator<Item = PathBuf> {
    let numbered = (2..=MOST_GATEWAYS).map(|number| first.with_file_name(format!("control-{number}.sock")));
    std::iter::once(first.to_owned()).chain(numbered)
}

impl Control {
    /// Binds the socket. The file of a gateway that was killed is replaced; a socket on which another gateway listens is
    /// not.
    pub fn bind(first: &Path, folder: StateFolder, gateway: ControlledGateway) -> Result<Self, ControlError> {
        let failed = |source| ControlError::Bind { path: first.to_owned(), source };
        // Under another name, until its mode keeps others out.
        let making = first.with_extension(format!("{}", std::process::id()));
        match fs::remove_file(&making) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&making).map_err(failed)?;
        let made_private = || {
            fs::set_permissions(&making, fs::Permissions::from_mode(0o600))?;
            let owner = fs::symlink_metadata(&making)?.uid();
            listener.set_nonblocking(true)?;
            let most = if folder == StateFolder::Shared { MOST_GATEWAYS } else { 1 };
            for path in control_sockets(first).take(most) {
                if take(&making, &path)? {
                    return Ok(Some((owner, path)));
                }
            }
            Ok(None)
        };
        let taken = made_private().map_err(failed);
        fs::remove_file(&making).ok();
        let (owner, path) = taken?.ok_or_else(|| ControlError::Taken(first.to_owned()))?;
        Ok(Self { listener, path, owner, gateway, reload: None })
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
        reload().map_err(|why| (StatusCode::UNPROCESSABLE_ENTITY, why))?;
        in_json(&Reloaded { configuration: self.gateway.configuration.clone() })
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
        let bare: Vec<Record> =
            listed.into_iter().map(|record| Record { data: SessionData::default(), ..record }).collect();
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
            client: None,
            request_id: None,
            session,
        });
    }
}

/// Gives the socket this name, unless another gateway listens there.
fn take(making: &Path, path: &Path) -> io::Result<bool> {
    match UnixStream::connect(path) {
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
        Err(error) => return Err(error),
    }
    match fs::hard_link(making, path) {
        Ok(()) => Ok(true),
        // Another gateway was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Drop for Control {
    /// Before the socket is closed: once connections are refused, the next gateway replaces the file, and this must not
    /// remove that one.
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

/// Serves until the gateway drains.
pub(super) fn run(control: Control, shutdown: Shutdown) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        let listener = tokio::net::UnixListener::from_std(control.listener.try_clone()?)?;
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
                Ok(caller) if caller.uid() == control.owner || caller.uid() == 0 => {}
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

/// Gateways with one state folder, on one machine.
const MOST_GATEWAYS: usize = 64;
/// Sessions in one page of a listing.
const MOST_LISTED: usize = 1000;
const MAX_BODY: usize = 4096;
