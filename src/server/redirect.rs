//! The plain port: pages are redirected to HTTPS, everything else is refused.
//!
//! `worker` starts it for each connection of `http`. It asks the policy only whether a host is served; no session is read and
//! no request is forwarded.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, LOCATION},
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use super::{
    activity::{Activity, ConnectionSlot, ConnectionTerms},
    counted_socket::{CountedSocket, Protocol},
    limits::Limits,
    shutdown::Shutdown,
};
use crate::{
    gateway::Shared,
    request::{Target, TrustedProxies},
    telemetry::{ConnectionProtocol, Counters},
};

/// The parts of a worker that the plain port needs.
pub(super) struct Redirecting {
    pub(super) shared: Arc<Shared>,
    pub(super) limits: Limits,
    pub(super) https_port: u16,
    pub(super) counters: Arc<Counters>,
}

impl Redirecting {
    /// Responds to one request, and closes.
    pub(super) async fn serve(self, socket: TcpStream, slot: ConnectionSlot, shutdown: Shutdown) {
        let Self { shared, limits, https_port, counters } = self;
        let connected = counters.connected();
        connected.count_protocol(ConnectionProtocol::Plain);
        let terms = ConnectionTerms { requests: 1, age: limits.connection_age };
        let io = CountedSocket::new(socket, Activity::new(slot, terms), counters, &limits, Protocol::Http1);
        let service = service_fn(|request| {
            let response = redirect(&request, &shared, https_port);
            async { Ok::<_, Infallible>(response) }
        });
        let served = http1::Builder::new()
            .keep_alive(false)
            .header_read_timeout(None)
            .max_buf_size(limits.header_size.max(8 * 1024))
            .serve_connection(TokioIo::new(io), service);
        tokio::select! {
            ended = timeout(limits.header_timeout + limits.write_timeout, served) => {
                if let Ok(Err(error)) = ended {
                    tracing::debug!(%error, "plain connection failed");
                }
            }
            () = shutdown.draining.cancelled() => {}
        }
    }
}

/// A redirect for a page that is opened, and a refusal for everything else (OWASP ASVS 5.0 4.1.2). If a program that posts
/// here, or sends credentials along, were redirected, it would go on leaking them to the network, and its owner would not
/// notice, because it works. RFC 9110 §15.4.9: browsers may remember a 308 and use HTTPS at once the next time.
fn redirect(request: &Request<Incoming>, shared: &Shared, https_port: u16) -> Response<Full<Bytes>> {
    let snapshot = shared.current.load();
    let anybody = std::net::Ipv4Addr::UNSPECIFIED.into();
    let target =
        Target::read(request.method(), request.uri(), request.headers(), anybody, &TrustedProxies::default());
    let is_opened = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, location) = match target {
        Ok(target) if snapshot.policy.serves(target.authority.host()) => {
            if is_opened && !request.headers().contains_key(AUTHORIZATION) {
                let port = if https_port == 443 { String::new() } else { format!(":{https_port}") };
                let location =
                    format!("https://{}{port}{}", target.authority.host(), target.path_and_query());
                (StatusCode::PERMANENT_REDIRECT, HeaderValue::from_str(&location).ok())
            } else {
                (StatusCode::FORBIDDEN, None)
            }
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
    if status == StatusCode::FORBIDDEN {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text);
        *response.body_mut() = Full::new(Bytes::from_static(ONLY_HTTPS));
    }
    response
}

const ONLY_HTTPS: &[u8] = b"This was sent in clear text, and was not passed on. Use https:// for it.\n\
      A password or token that was in it could be read on the way: replace it.\n";
