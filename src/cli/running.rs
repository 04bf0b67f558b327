//! Requests to the gateways that run with this state folder, through their control sockets.
//!
//! A command that changes a database asks before and after the change which file each gateway reads: a change to
//! another file has no effect, and must not be reported as done.

use std::{
    io,
    os::unix::net::UnixStream as Blocking,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request, header::HOST};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::{
    config::Configuration,
    server::{Reloaded, Running, control_sockets},
    store::sqlite::FileId,
};

/// A running gateway gave no response, or reads another file than the command changes.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunningError {
    /// The request failed.
    #[error("asking the running gateway through {}", .path.display())]
    Ask {
        /// The socket.
        path: PathBuf,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The gateway reads another file, or none.
    #[error(
        "nothing was changed: the running gateway ({}) does not read {}; its log says why", .socket.display(),
        .database.display()
    )]
    ReadsAnother {
        /// The socket.
        socket: PathBuf,
        /// The database.
        database: PathBuf,
    },
    /// The file was replaced during the change.
    #[error(
        "{} was replaced while it was changed, and the change may be lost; look at what is there now",
        .0.display()
    )]
    Replaced(PathBuf),
    /// The identity of the file cannot be read.
    #[error("looking at {}", .path.display())]
    Look {
        /// The database.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// No gateway runs with this configuration.
    #[error("no gateway answers in {}: is it running, with this configuration and as this user?", .0.display())]
    Nobody(PathBuf),
    /// The gateway refused the configuration.
    #[error("the configuration was not reloaded: {0}")]
    Refused(String),
    /// A runtime could not be made.
    #[error("starting the runtime that asks the gateway: {0}")]
    Start(#[from] io::Error),
}

/// A database that a command changes, and its file before the change.
pub(super) struct Agreement<'a> {
    configuration: &'a Configuration,
    database: PathBuf,
    before: Option<FileId>,
}

impl<'a> Agreement<'a> {
    /// Waits until every running gateway reads the file that is at `database`.
    pub(super) fn before(configuration: &'a Configuration, database: PathBuf) -> Result<Self, RunningError> {
        let before = agree(configuration, &database)?;
        Ok(Self { configuration, database, before })
    }

    /// Checks that every running gateway still reads that file, after the change.
    pub(super) fn after(self) -> Result<(), RunningError> {
        let after = match agree(self.configuration, &self.database) {
            Err(RunningError::ReadsAnother { database, .. }) => return Err(RunningError::Replaced(database)),
            after => after?,
        };
        // A missing file was made by the change.
        if self.before.is_some() && after != self.before {
            return Err(RunningError::Replaced(self.database));
        }
        Ok(())
    }
}

/// The file at the path, which all gateways read; `None` without a file.
fn agree(configuration: &Configuration, database: &Path) -> Result<Option<FileId>, RunningError> {
    let sockets = running(configuration)?;
    let look =
        || FileId::at(database).map_err(|source| RunningError::Look { path: database.to_owned(), source });
    let name = database.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let deadline = Instant::now() + NOTICED_WITHIN;
    let mut file = look()?;
    for socket in sockets {
        loop {
            let asked = runtime.block_on(ask(&socket, &Method::GET, "/gateway", Bytes::new()));
            let Running { databases, .. } = match asked {
                Ok(running) => running,
                // The gateway has ended; the next one opens the present file.
                Err(_) if !is_running(&socket)? => break,
                Err(error) => return Err(error),
            };
            file = look()?;
            match databases.get(&name) {
                // The gateway does not use this database.
                None => break,
                Some(read) if *read == file => break,
                Some(_) if Instant::now() >= deadline => {
                    return Err(RunningError::ReadsAnother { socket, database: database.to_owned() });
                }
                // The gateway checks its files a few times a second.
                Some(_) => std::thread::sleep(ASK_AGAIN),
            }
        }
    }
    Ok(file)
}

/// Makes the gateway with this configuration file reload it, and waits for the result.
pub(super) fn reload(configuration: &Configuration) -> Result<Reloaded, RunningError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ours = same_file(&configuration.file);
    for socket in running(configuration)? {
        let running: Running = runtime.block_on(ask(&socket, &Method::GET, "/gateway", Bytes::new()))?;
        if same_file(&running.configuration) != ours {
            continue;
        }
        let asked = runtime.block_on(ask(&socket, &Method::POST, "/reload", Bytes::new()));
        return asked.map_err(|error| match error {
            RunningError::Ask { source, .. } if source.is::<GatewayRefusal>() => {
                RunningError::Refused(source.to_string())
            }
            error => error,
        });
    }
    Err(RunningError::Nobody(configuration.state.clone()))
}

/// The canonical path, so that two names of one file are equal.
fn same_file(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The sockets of running gateways.
fn running(configuration: &Configuration) -> Result<Vec<PathBuf>, RunningError> {
    let mut sockets = Vec::new();
    for socket in control_sockets(&configuration.control_socket()) {
        if is_running(&socket)? {
            sockets.push(socket);
        }
    }
    Ok(sockets)
}

/// Whether a gateway accepts connections on the socket.
pub(super) fn is_running(socket: &Path) -> Result<bool, RunningError> {
    match Blocking::connect(socket) {
        Ok(_) => Ok(true),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::ConnectionRefused
                    // A path that is too long for a socket.
                    | io::ErrorKind::InvalidInput
            ) =>
        {
            Ok(false)
        }
        Err(source) => Err(RunningError::Ask { path: socket.to_owned(), source: source.into() }),
    }
}

/// Sends one request to the running gateway.
pub(super) async fn ask<T: DeserializeOwned>(
    socket: &Path,
    method: &Method,
    target: &str,
    body: Bytes,
) -> Result<T, RunningError> {
    let sent = send(socket, method, target, body);
    let asked =
        tokio::time::timeout(TIMEOUT, sent).await.unwrap_or_else(|_| Err("it does not answer".into()));
    asked.map_err(|source| RunningError::Ask { path: socket.to_owned(), source })
}

/// The gateway's reason for a refusal.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct GatewayRefusal(String);

async fn send<T: DeserializeOwned>(
    path: &Path,
    method: &Method,
    target: &str,
    body: Bytes,
) -> Result<T, Box<dyn std::error::Error + Send + Sync>> {
    let socket = TokioIo::new(UnixStream::connect(path).await?);
    let (mut sender, connection) = http1::handshake(socket).await?;
    let request =
        Request::builder().method(method).uri(target).header(HOST, "localhost").body(Full::new(body))?;
    let response = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        #[expect(clippy::disallowed_methods, reason = "limited in size; the gateway itself sends it")]
        let body = Limited::new(response.into_body(), MAX_RESPONSE).collect().await?.to_bytes();
        if !status.is_success() {
            return Err(GatewayRefusal(String::from_utf8_lossy(&body).into_owned()).into());
        }
        Ok(serde_json::from_slice(&body)?)
    };
    // `response` ends first, because it holds the sender.
    tokio::select! {
        response = response => response,
        broken = connection => Err(broken.err().map_or("the connection was closed".into(), Into::into)),
    }
}

const TIMEOUT: Duration = Duration::from_secs(30);
/// The documentation says one second; busy machines need longer.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// A page of a thousand sessions is smaller.
const MAX_RESPONSE: usize = 4 << 20;
