//! A request of the gateway's own to an app: the notice that a session has ended.
//!
//! The request carries nothing of a client's and needs no permit. It goes over a connection of its own, to one server after the other
//! until one has taken it, and never waits for long.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Request, StatusCode,
    header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT},
};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{App, Endpoint, FaultKind, Resolver, connect::connect};

/// Why an app has not taken a request of the gateway's.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// The app cannot be reached.
    #[error("the application cannot be reached")]
    Unreachable,
    /// There was no response in time, or none that can be read.
    #[error("the application does not respond")]
    NoResponse,
    /// The app responded with a status that is no success.
    #[error("the application responded with {0}")]
    Status(StatusCode),
}

/// Sends a form to a path of the app, as a request to `host`.
pub async fn post_form(
    app: &App,
    resolver: &Resolver,
    (host, path): (&str, &str),
    form: &str,
) -> Result<(), NotTaken> {
    let mut failed = NotTaken::Unreachable;
    for endpoint in &app.upstreams {
        match timeout(PATIENCE, post_to(app, endpoint, resolver, (host, path), form)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => failed = error,
            Err(_) => failed = NotTaken::NoResponse,
        }
    }
    Err(failed)
}

async fn post_to(
    app: &App,
    endpoint: &Arc<Endpoint>,
    resolver: &Resolver,
    (host, path): (&str, &str),
    form: &str,
) -> Result<(), NotTaken> {
    let connected: Result<_, FaultKind> = connect(resolver, endpoint, app.connect_timeout).await;
    let stream = connected.map_err(|_| NotTaken::Unreachable)?;
    let host = HeaderValue::from_bytes(&app.host_for(endpoint, host)).map_err(|_| NotTaken::NoResponse)?;
    let mut request = Request::post(path)
        .header(HOST, host)
        .header(USER_AGENT, HeaderValue::from_static("Portcullis"))
        .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
        .header(CONNECTION, HeaderValue::from_static("close"))
        .body(Full::new(Bytes::copy_from_slice(form.as_bytes())))
        .map_err(|_| NotTaken::NoResponse)?;
    if let Some(proof) = &app.proof {
        request.headers_mut().insert(proof.name(), proof.value().clone());
    }
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|_| NotTaken::NoResponse)?;
    let mut response = pin!(sender.send_request(request));
    let mut connection = pin!(connection);
    let response = tokio::select! {
        biased;
        response = &mut response => response,
        // The connection may end with the response.
        _ = &mut connection => response.await,
    };
    match response.map_err(|_| NotTaken::NoResponse)?.status() {
        status if status.is_success() => Ok(()),
        status => Err(NotTaken::Status(status)),
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
