//! The status listener: `/healthz`, `/readyz` and `/metrics`, never on a public address.
//!
//! `server` starts it on a thread of its own, which ends after the last worker. It reads the metrics of all workers and asks
//! both stores whether they work; it shows no request and no session.

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
    error_chain::ErrorChain,
    request::{Authority, SingleHeader},
    session::Sessions,
    telemetry::Metrics,
    users::Directory,
};

/// Whether the gateway serves, and both of its stores work.
#[derive(Debug)]
pub struct Readiness {
    serving: AtomicBool,
    directory: Arc<Directory>,
    sessions: Arc<Sessions>,
}

impl Readiness {
    /// The readiness of a gateway that does not serve yet.
    pub fn new(directory: Arc<Directory>, sessions: Arc<Sessions>) -> Self {
        Self { serving: AtomicBool::new(false), directory, sessions }
    }

    pub(super) fn set_serving(&self, serving: bool) {
        self.serving.store(serving, Ordering::Relaxed);
    }

    /// `Err` names the part that does not work.
    async fn check(&self) -> Result<(), &'static str> {
        if !self.serving.load(Ordering::Relaxed) {
            return Err("not serving");
        }
        self.directory.has_users().await.map_err(|error| {
            tracing::warn!(%error, "not ready: user directory not readable");
            "the user directory cannot be read"
        })?;
        self.sessions.check().await.map_err(|error| {
            tracing::warn!(error = %ErrorChain(&error), "not ready: session store not writable");
            "the session store cannot be written"
        })
    }
}

/// The sources of the status.
#[derive(Clone, Debug)]
pub(super) struct StatusSource {
    pub(super) readiness: Arc<Readiness>,
    pub(super) metrics: Arc<Metrics>,
    /// Its host names, beside those that need no permission.
    pub(super) hosts: Arc<[Box<str>]>,
}

pub(super) fn run(
    listener: TcpListener,
    source: StatusSource,
    (shutdown, accept_errors): (Shutdown, Arc<AcceptErrors>),
) -> io::Result<()> {
    let build = || Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let runtime = when_there_are_descriptors(&shutdown, build)?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        // Until every worker has ended: a load balancer wants to see that the gateway drains.
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
                    let source = source.clone();
                    spawn_local(async move {
                        let service = service_fn(move |request| respond(request, source.clone()));
                        let served = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .header_read_timeout(SILENCE)
                            .serve_connection(TokioIo::new(socket), service);
                        if let Err(error) = served.await {
                            tracing::debug!(%error, "status connection failed");
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

async fn respond(
    request: Request<Incoming>,
    source: StatusSource,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_metrics = request.uri().path() == "/metrics";
    let (status, text) = match (request.method(), request.uri().path()) {
        _ if !is_for_us(request.headers(), &source.hosts) => {
            (StatusCode::MISDIRECTED_REQUEST, OTHER_HOST.to_owned())
        }
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, "ok\n".to_owned()),
        (&Method::GET | &Method::HEAD, "/readyz") => match source.readiness.check().await {
            Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
            Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}\n")),
        },
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, source.metrics.text()),
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

/// Whether the host of a request is a name of this listener.
///
/// Mallory's page at `http://evil.example:9100` has her name server say that `evil.example` is 127.0.0.1 (DNS rebinding). The
/// browser then takes the listener for a part of her site, and lets her scripts read what it says. `Host` still names her site.
/// She cannot have a name without a dot.
fn is_for_us(headers: &HeaderMap, names: &[Box<str>]) -> bool {
    let host = match SingleHeader::of(headers, HOST) {
        SingleHeader::Once(host) => Authority::parse(host.as_bytes()),
        // A browser always sends `Host`.
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
/// Maximum number of connections at a time; further ones wait. A monitor needs one.
const CONNECTIONS: usize = 64;
/// Maximum time for the head of a request.
const SILENCE: Duration = Duration::from_secs(10);
/// The text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_no_other_site_can_have_is_a_name_of_the_listener() {
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
