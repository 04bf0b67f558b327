//! The built-in application, which shows a request as an application receives it.
//!
//! The application speaks HTTP over a pipe in memory, so that a request to it takes the same path as a request to any upstream.
//! `/…/websocket` echoes WebSocket messages, `/…/events` streams the time as server-sent events, all other paths show the
//! request, as a page or as text.

use std::{
    convert::Infallible,
    fmt::Write,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{
        ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE,
    },
};
use http_body::{Body, Frame};
use http_body_util::{Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::DuplexStream,
    time::{Interval, MissedTickBehavior},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

/// Starts the application at one end of a pipe, and returns the other end.
pub(super) fn connect() -> DuplexStream {
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    tokio::task::spawn_local(async move {
        let served =
            http1::Builder::new().serve_connection(TokioIo::new(far), service_fn(respond)).with_upgrades();
        if let Err(error) = served.await {
            tracing::debug!(%error, "built-in application failed");
        }
    });
    near
}

type WhoamiResponse = Response<Either<Full<Bytes>, Clock>>;

async fn respond(mut request: Request<Incoming>) -> Result<WhoamiResponse, Infallible> {
    let page = request.uri().path().rsplit('/').next().unwrap_or_default();
    Ok(match (page, request.headers().get(SEC_WEBSOCKET_KEY)) {
        ("websocket", Some(key)) => {
            let accept = derive_accept_key(key.as_bytes());
            let upgraded = hyper::upgrade::on(&mut request);
            tokio::task::spawn_local(echo(upgraded));
            let mut response = Response::new(Either::Left(Full::default()));
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = response.headers_mut();
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            if let Ok(accept) = HeaderValue::from_str(&accept) {
                headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
            }
            response
        }
        ("events", _) => {
            let mut response = Response::new(Either::Right(Clock::start()));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        _ => show(&request),
    })
}

fn show(request: &Request<Incoming>) -> WhoamiResponse {
    let lines = as_text(request);
    let wants_html = request
        .headers()
        .get(ACCEPT)
        .is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
    let (kind, text) = if wants_html {
        ("text/html; charset=utf-8", as_html(request, &lines))
    } else {
        ("text/plain; charset=utf-8", lines)
    };
    let mut response = Response::new(Either::Left(Full::from(text)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The head as it arrived, a header field a line.
fn as_text(request: &Request<Incoming>) -> String {
    let mut text = format!("{} {} {:?}\n", request.method(), request.uri(), request.version());
    for (name, value) in request.headers() {
        // Writing to a String cannot fail.
        writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes())).ok();
    }
    text
}

fn as_html(request: &Request<Incoming>, lines: &str) -> String {
    let headers: &HeaderMap = request.headers();
    let user = ["remote-user", "x-forwarded-user"].iter().find_map(|name| headers.get(*name)?.to_str().ok());
    let greeting = match user {
        Some(user) => format!("Signed in as <strong>{}</strong>.", escape(user)),
        None => "Nobody is signed in.".to_owned(),
    };
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <meta name=color-scheme content='light dark'><title>whoami</title>\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem;overflow-wrap:anywhere}}\
         pre{{overflow-x:auto;padding:1rem;border:1px solid #8884;border-radius:.5rem}}a{{margin-right:1rem}}</style>\
         <h1>whoami</h1><p>{greeting} This is the request as an application behind the gateway receives it:</p>\
         <pre>{}</pre><nav><a href='/public/'>Public</a><a href='/'>Signed in</a><a href='/team/'>Team</a>\
         <a href='/.gateway/account'>Account</a><a href='/.gateway/logout'>Sign out</a></nav></html>",
        escape(lines)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

async fn echo(upgraded: hyper::upgrade::OnUpgrade) {
    let Ok(upgraded) = upgraded.await else { return };
    let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE_BYTES));
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// A stream of events, one a second.
struct Clock {
    ticks: Interval,
    count: u64,
}

impl Clock {
    fn start() -> Self {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, count: 0 }
    }
}

impl Body for Clock {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.ticks.poll_tick(cx).is_pending() {
            return Poll::Pending;
        }
        self.count += 1;
        let event = format!("event: tick\nid: {0}\ndata: {0}\n\n", self.count);
        Poll::Ready(Some(Ok(Frame::data(event.into()))))
    }
}

const PIPE_BYTES: usize = 64 * 1024;
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
