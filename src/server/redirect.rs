//! The plain port: it sends everybody to HTTPS and does nothing else.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CONNECTION, LOCATION},
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::watch, time::timeout};

use super::{
    Limits,
    client_io::{Activity, ClientIo, Protocol, Slot, Terms},
    phase::{Phase, reached},
};
use crate::{
    gateway::Shared,
    request::{Target, TrustedProxies},
    telemetry::{Counters, Spoken},
};

/// What redirecting needs to know.
pub(super) struct Redirecting {
    pub(super) shared: Arc<Shared>,
    pub(super) limits: Limits,
    pub(super) https_port: u16,
    pub(super) counters: Arc<Counters>,
}

impl Redirecting {
    /// Answers one request with a redirect, and closes.
    pub(super) async fn serve(self, socket: TcpStream, slot: Slot, mut phases: watch::Receiver<Phase>) {
        let Self { shared, limits, https_port, counters } = self;
        let connected = counters.connected();
        connected.speaks(Spoken::Plain);
        let terms = Terms { requests: 1, age: limits.connection_age };
        let io = ClientIo::new(socket, Activity::new(slot, terms), counters, &limits, Protocol::Http1);
        let answered = service_fn(|request| {
            let response = redirect(&request, &shared, https_port);
            async { Ok::<_, Infallible>(response) }
        });
        let served = http1::Builder::new()
            .keep_alive(false)
            .header_read_timeout(None)
            .max_buf_size(limits.header_size.max(8 * 1024))
            .serve_connection(TokioIo::new(io), answered);
        tokio::select! {
            ended = timeout(limits.header_timeout + limits.write_timeout, served) => {
                if let Ok(Err(error)) = ended {
                    tracing::debug!(%error, "a plain connection ended");
                }
            }
            () = reached(&mut phases, Phase::Draining) => {}
        }
    }
}

/// RFC 9110 §15.4.9: 308 keeps method and body, so that a client that posts to the wrong port is not
/// turned into one that gets.
fn redirect(request: &Request<Incoming>, shared: &Shared, https_port: u16) -> Response<Full<Bytes>> {
    let snapshot = shared.current.load();
    let anybody = std::net::Ipv4Addr::UNSPECIFIED.into();
    let target =
        Target::read(request.method(), request.uri(), request.headers(), anybody, &TrustedProxies::default());
    let (status, location) = match target {
        Ok(target) if snapshot.policy.serves(target.authority.host()) => {
            let port = if https_port == 443 { String::new() } else { format!(":{https_port}") };
            let location = format!("https://{}{port}{}", target.authority.host(), target.path_and_query());
            (StatusCode::PERMANENT_REDIRECT, HeaderValue::from_str(&location).ok())
        }
        Ok(_) => (StatusCode::MISDIRECTED_REQUEST, None),
        Err(_) => (StatusCode::BAD_REQUEST, None),
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    if let Some(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
