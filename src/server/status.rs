//! `/healthz`, `/readyz` and `/metrics`, on a listener of their own and never on a public one.

use std::{
    convert::Infallible,
    io,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    runtime::{Builder, LocalOptions},
    task::spawn_local,
};

use super::phase::{Phase, Phases};
use crate::{session::Sessions, telemetry::Metrics, users::Directory};

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
}

pub(super) fn run(listener: TcpListener, told: Told, phases: Phases) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        // Told for as long as anything runs: a balancer wants to see that we drain.
        let mut phases = phases.watch();
        loop {
            let accepted = tokio::select! {
                () = phases.reached(Phase::Stopped) => return Ok(()),
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, _)) => {
                    let told = told.clone();
                    spawn_local(async move {
                        let service = service_fn(move |request| answer(request, told.clone()));
                        let served = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .header_read_timeout(Duration::from_secs(10))
                            .serve_connection(TokioIo::new(socket), service);
                        if let Err(error) = served.await {
                            tracing::debug!(%error, "a status connection ended");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting a status connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    })
}

async fn answer(request: Request<Incoming>, told: Told) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_metrics = request.uri().path() == "/metrics";
    let (status, text) = match (request.method(), request.uri().path()) {
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

/// The text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
