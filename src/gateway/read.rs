//! Reads the target of a request, within the limits on its head.

use std::rc::Rc;

use http::{
    HeaderMap, Request, Uri, Version,
    header::{COOKIE, HOST},
};
use tokio::time::Instant;

use super::{Result, Walk};
use crate::{
    refusal::Refusal,
    request::{Authority, ClientAddr, FORWARDED_FOR, Malformed, RequestBody, SingleHeader, Target},
    telemetry::Limit,
};

impl Walk<'_> {
    /// The target of the request, if it can be read in one way only.
    pub(super) fn read_target(&mut self) -> Result<Rc<Target>> {
        match self.parse_target() {
            Ok(target) => {
                let target = Rc::new(target);
                self.record.target = Some(Rc::clone(&target));
                self.warn_of_unknown_client(&target);
                Ok(target)
            }
            Err(refusal) => {
                self.record.unread_uri = Some(self.request.uri().clone());
                self.record.unread_host = named_host(self.request);
                Err(refusal)
            }
        }
    }

    fn parse_target(&self) -> Result<Target> {
        let Self { request, connection, snapshot, .. } = self;
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        if has_more_fields(headers, connection.max_headers) {
            return Err(self.reached(Limit::MaxHeaders, Refusal::HeadTooLarge));
        }
        let length = uri_length(uri);
        if length > connection.uri_length
            && length > snapshot.portal.longest_address(uri.path(), connection.uri_length)
        {
            return Err(self.reached(Limit::UriLength, Refusal::UriTooLong));
        }
        // hyper has read no larger head of HTTP/1.1.
        if request.version() == Version::HTTP_2 && list_size(uri, headers) > connection.header_size {
            return Err(self.reached(Limit::HeaderSize, Refusal::HeadTooLarge));
        }
        if !has_known_scheme(uri) {
            return Err(Refusal::BadRequest("The scheme of the address is not one that is served here."));
        }
        let (last, peer_addr) = (&connection.last.authority, connection.peer_addr);
        Target::read_after(last, method, uri, headers, peer_addr, &snapshot.proxies)
            .map_err(|Malformed(what)| Refusal::BadRequest(what))
    }

    /// Counts a limit that the request has reached; returns the refusal that follows.
    pub(super) fn reached(&self, limit: Limit, refusal: Refusal) -> Refusal {
        self.gateway.recorder.counters.reached(limit);
        refusal
    }

    /// Warns the operator, at most once a minute, of a trusted proxy whose `X-Forwarded-For` can't be read.
    fn warn_of_unknown_client(&self, target: &Target) {
        let ClientAddr::Unknown { proxy } = target.client_addr else { return };
        let (now, warned) = (Instant::now(), &self.gateway.warned_of_unknown_client);
        if warned.get().is_some_and(|last| now.duration_since(last) < WARN_AGAIN_AFTER) {
            return;
        }
        warned.set(Some(now));
        let received = self.request.headers().get_all(FORWARDED_FOR).iter().next_back().map(|value| {
            let shown = value.as_bytes().get(..MAX_SHOWN_BYTES).unwrap_or(value.as_bytes());
            shown.escape_ascii().to_string()
        });
        tracing::warn!(
            request_id = %self.record.id, %proxy, x_forwarded_for = received,
            "client address unknown: a trusted proxy names none that can be read; rules that name a network refuse it"
        );
    }
}

/// Counted as HTTP/1.1 would have them: a browser splits its cookies over many fields of HTTP/2.
fn has_more_fields(headers: &HeaderMap, most: usize) -> bool {
    headers.len() > most && headers.len() - headers.get_all(COOKIE).iter().count().saturating_sub(1) > most
}

/// RFC 9113 §8.3.1: an address that names a host names its scheme, too. A trusted proxy may write `http`.
fn has_known_scheme(uri: &Uri) -> bool {
    uri.authority().is_none() || matches!(uri.scheme_str(), Some("https" | "http"))
}

/// RFC 9113 §6.5.2: as it is counted for `SETTINGS_MAX_HEADER_LIST_SIZE`.
fn list_size(uri: &Uri, headers: &HeaderMap) -> usize {
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
    fields.sum::<usize>() + uri_length(uri)
}

/// The host that a request names, if it names exactly one.
fn named_host(request: &Request<RequestBody>) -> Option<Authority> {
    if let Some(authority) = request.uri().authority() {
        return Authority::parse(authority.as_str().as_bytes()).ok();
    }
    let host = SingleHeader::of(request.headers(), HOST).once()?;
    Authority::parse(host.as_bytes()).ok()
}

fn uri_length(uri: &Uri) -> usize {
    uri.path_and_query().map_or(0, |path_and_query| path_and_query.as_str().len())
}

const WARN_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_mins(1);
const MAX_SHOWN_BYTES: usize = 100;
