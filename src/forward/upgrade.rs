//! Changes of the protocol (RFC 9110 §7.8), to WebSocket for instance.
//!
//! `outgoing_request` asks for the protocol that a client wants, and for the one that the upstream agrees on, and starts the
//! tunnel. The bytes in the tunnel are not looked at.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Version, header::UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy_bidirectional_with_sizes};

use super::{
    CancelGuard, InFlightGuard,
    http1::{Options, Stream},
};
use crate::request::SingleHeader;

/// The protocol that the client wants to change to, if it is one that may pass.
///
/// `h2c` never passes: Mallory would send requests to the upstream that no rule sees.
pub(super) fn wanted(version: Version, options: &Options, headers: &HeaderMap) -> Option<HeaderValue> {
    if version != Version::HTTP_11 || !options.upgrade {
        return None;
    }
    let protocol = SingleHeader::of(headers, UPGRADE).once()?;
    let speaks_http = protocol.as_bytes().split(|byte| *byte == b',').any(|one| {
        let one = one.trim_ascii().to_ascii_lowercase();
        one.starts_with(b"h2") || one.starts_with(b"http") || one.starts_with(b"tls")
    });
    (!speaks_http && !protocol.is_empty()).then(|| protocol.clone())
}

/// The protocol that the upstream has changed to, if it is the one that was asked for (RFC 9110 §7.8).
pub(super) fn agreed(wanted: &HeaderValue, response: &HeaderMap) -> Option<HeaderValue> {
    let agreed = SingleHeader::of(response, UPGRADE).once()?;
    let mut offered = wanted.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    offered.any(|one| one.eq_ignore_ascii_case(agreed.as_bytes().trim_ascii())).then(|| agreed.clone())
}

/// Joins the two connections once the client has changed the protocol. `ahead` has the bytes that the upstream sent behind
/// its `101`; `held` is dropped at the end.
pub(super) fn tunnel(
    client: OnUpgrade,
    upstream: Stream,
    ahead: Bytes,
    guard: CancelGuard,
    held: InFlightGuard,
) {
    tokio::task::spawn_local(async move {
        let _held = held;
        let mut client = match client.await {
            Ok(client) => TokioIo::new(client),
            Err(error) => {
                tracing::debug!(%error, "change of protocol failed");
                return;
            }
        };
        let mut upstream = upstream;
        let joined = async {
            client.write_all(&ahead).await?;
            drop(ahead);
            copy_bidirectional_with_sizes(&mut client, &mut upstream, BUFFER_BYTES, BUFFER_BYTES).await
        };
        tokio::select! {
            copied = joined => {
                if let Err(error) = copied {
                    tracing::debug!(%error, "upgraded connection broke");
                }
            }
            () = guard.cancelled() => tracing::debug!("upgraded connection cancelled"),
        }
    });
}

const BUFFER_BYTES: usize = 16 * 1024;
