//! `/healthz`, `/readyz` and `/metrics`, on a listener of their own and never on a public one.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, HOST},
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    runtime::{Builder, LocalOptions},
    sync::Semaphore,
    task::spawn_local,
};

use super::{accept_errors::AcceptErrors, descriptors::when_there_are_descriptors, shutdown::Shutdown};
use crate::{
    request::{Authority, SingleHeader},
    session::Sessions,
    telemetry::Metrics,
    users::Directory,
};

/// Whether the gateway can do its work.
#[derive(Debug)]
pub struct Readiness {
    serving: AtomicBool,
    directory: Arc<Directory>,
    sessions: Arc<Sessions>,
}

impl Readiness {
    /// Not yet serving.
    pub fn new(directory: Arc<Directory>, sessions: Arc<Sessions>) -> Self {
        Self { serving: AtomicBool::new(false), directory, sessions }
    }

    pub(super) fn set_serving(&self, serving: bool) {
        self.serving.store(serving, Ordering::Relaxed);
    }

    /// What is missing; `Ok` if nothing is.
    async fn check(&self) -> Result<(), &'static str> {
        if !self.serving.load(Ordering::Relaxed) {
            return Err("not serving");
        }
        self.directory.has_users().await.map_err(|error| {
            tracing::warn!(%error, "not ready");
            "the user directory cannot be read"
        })?;
        self.sessions.check().await.map_err(|error| {
            tracing::warn!(%error, cause = %error.source, "not ready");
            "the session store cannot be written"
        })
    }
}

/// What is told to whoever asks.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) readiness: Arc<Readiness>,
    pub(super) metrics: Arc<Metrics>,
    /// Names by which it may be asked, beside those that need no permission.
    pub(super) hosts: Arc<[Box<str>]>,
}

pub(super) fn run(
    listener: TcpListener,
    told: Told,
    (shutdown, accept_errors): (Shutdown, Arc<AcceptErrors>),
) -> io::Result<()> {
    let build = || Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let runtime = when_there_are_descriptors(&shutdown, build)?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        // Told for as long as anything runs: a balancer wants to see that we drain.
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let next = async {
                let slot = Arc::clone(&slots).acquire_owned().await.map_err(io::Error::other)?;
                Ok::<_, io::Error>((listener.accept().await?.0, slot))
            };
            let accepted = tokio::select! {
                () = shutdown.stopped.cancelled() => return Ok(()),
                accepted = next => accepted,
            };
            match accepted {
                Ok((socket, slot)) => {
                    let told = told.clone();
                    spawn_local(async move {
                        let service = service_fn(move |request| answer(request, told.clone()));
                        let served = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .header_read_timeout(SILENCE)
                            .serve_connection(TokioIo::new(socket), service);
                        if let Err(error) = served.await {
                            tracing::debug!(%error, "a status connection ended");
                        }
                        drop(slot);
                    });
                }
                Err(error) => {
                    accept_errors.log(&error);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    })
}

async fn answer(request: Request<Incoming>, told: Told) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_metrics = request.uri().path() == "/metrics";
    let (status, text) = match (request.method(), request.uri().path()) {
        _ if !is_for_us(request.headers(), &told.hosts) => {
            (StatusCode::MISDIRECTED_REQUEST, OTHER_HOST.to_owned())
        }
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, "ok\n".to_owned()),
        (&Method::GET | &Method::HEAD, "/readyz") => match told.readiness.check().await {
            Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
            Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}\n")),
        },
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, told.metrics.text()),
        (_, "/healthz" | "/readyz" | "/metrics") => {
            (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned())
        }
        _ => (StatusCode::NOT_FOUND, "only /healthz, /readyz and /metrics are here\n".to_owned()),
    };
    let content_type = if is_metrics && status.is_success() { METRICS } else { "text/plain; charset=utf-8" };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Whether a request was sent to this listener under a name that is its own.
///
/// Mallory's page at `http://evil.example:9100` has her name server say that `evil.example` is 127.0.0.1 (DNS rebinding). The
/// browser then takes the listener for a part of her site, and lets her scripts read what it says. `Host` still names her site.
/// A name without a dot is none that she can have.
fn is_for_us(headers: &HeaderMap, names: &[Box<str>]) -> bool {
    let host = match SingleHeader::of(headers, HOST) {
        SingleHeader::Once(host) => Authority::parse(host.as_bytes()),
        // A browser always sends one.
        SingleHeader::Absent => return true,
        SingleHeader::Repeated => return false,
    };
    host.is_ok_and(|host| {
        let host = host.host();
        let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        is_address
            || !host.contains('.')
            || host.ends_with(".localhost")
            || names.iter().any(|name| name.eq_ignore_ascii_case(host))
    })
}

const OTHER_HOST: &str =
    "this name is not one of the status listener; add it to `status_hosts` in [server]\n";
/// More wait for their turn. A monitor needs one.
const CONNECTIONS: usize = 64;
/// For the head of a request.
const SILENCE: Duration = Duration::from_secs(10);
/// The text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_nobody_else_can_have_is_the_listeners_own() {
        let is_for_us = |hosts: &[&str]| {
            let headers = hosts.iter().map(|host| (HOST, HeaderValue::from_str(host).unwrap())).collect();
            is_for_us(&headers, &["gate.example.com".into()])
        };
        for own in [
            "127.0.0.1:9100",
            "[::1]:9100",
            "10.0.0.5",
            "localhost",
            "a.localhost:1",
            "portcullis:9100",
            "Gate.Example.com",
        ] {
            assert!(is_for_us(&[own]), "{own}");
        }
        for other in [
            "evil.example:9100",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "gate.example.com.evil.example",
            "a b",
        ] {
            assert!(!is_for_us(&[other]), "{other}");
        }
        assert!(is_for_us(&[]) && !is_for_us(&["localhost", "localhost"]));
    }
}
