//! Requests that are refused before the gateway has a head of theirs: they leave an entry in the access log, as every
//! request does.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{CONNECTION, STRICT_TRANSPORT_SECURITY},
    uri::PathAndQuery,
};
use http_body::Body;
use http_body_util::Full;

use super::{Connection, Gateway};
use crate::{
    refusal::{Refusal, Representation},
    request::{Authority, RequestId, UnreadHead},
    telemetry::AccessRecord,
};

impl Gateway {
    /// Refuses a request whose head could not be read, and whose connection ends with that.
    pub fn refuse_unread(
        &self,
        head: &UnreadHead<'_>,
        (refusal, reason): (&Refusal, &str),
        connection: &Connection,
    ) -> Response<Full<Bytes>> {
        let (snapshot, id) = (self.shared.current.load(), self.ids.next());
        let wants = Representation::of(head.method.as_ref().unwrap_or(&Method::GET), &head.headers);
        let mut response = refusal.respond(wants, id.as_str(), &snapshot.portal.pages, &head.headers);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        // Never in clear text (RFC 6797 §7.2).
        if let (Some(hsts), false) = (&snapshot.hsts, matches!(refusal, Refusal::PlainHttp { .. })) {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        let bytes = response.body().size_hint().exact().unwrap_or_default();
        self.record_unread(head, (id, response.status().as_u16(), bytes), reason, connection);
        response
    }

    /// Refuses a request in clear text on the port for TLS, with the address that would have been right.
    pub fn refuse_plain(&self, head: &UnreadHead<'_>, connection: &Connection) -> Response<Full<Bytes>> {
        let snapshot = self.shared.current.load();
        // A host that is not served here is not named.
        let host = head.host.as_ref().filter(|host| snapshot.policy.serves(host.host()));
        let target =
            head.target.parse::<PathAndQuery>().ok().filter(|target| target.as_str().starts_with('/'));
        let to = host.zip(target).map(|(host, target)| format!("https://{}{target}", host.as_str()).into());
        let refusal = Refusal::PlainHttp { to };
        self.refuse_unread(head, (&refusal, "plain HTTP on the port for TLS"), connection)
    }

    /// Records a request that the HTTP/2 library refused by itself: only its client is known.
    pub fn refused_unseen(&self, status: StatusCode, reason: &str, connection: &Connection) {
        self.record_unread(&UnreadHead::default(), (self.ids.next(), status.as_u16(), 0), reason, connection);
    }

    fn record_unread(
        &self,
        head: &UnreadHead<'_>,
        (id, status, bytes): (RequestId, u16, u64),
        reason: &str,
        connection: &Connection,
    ) {
        self.recorder.counters.responded(None, status, Duration::ZERO, None);
        let Some(log) = &self.recorder.log else { return };
        log.record(&AccessRecord {
            time: self.shared.clock.now(),
            id: id.as_bytes(),
            // The `X-Forwarded-For` of a trusted proxy was not read.
            client: (!self.shared.current.load().proxies.trusts(connection.peer_addr))
                .then_some(connection.peer_addr),
            method: head.method.as_ref().map_or("", Method::as_str),
            host: head.host.as_ref().map_or("", Authority::as_str),
            path: head.path,
            status,
            bytes,
            duration: Duration::ZERO,
            upstream_time: None,
            app: None,
            user: None,
            unenforced: None,
            reason: Some(reason),
            shield: None,
            ended: None,
        });
    }
}
