//! Connections that have changed their protocol: bytes both ways, no questions asked.

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy_bidirectional_with_sizes};

use super::{CancelGuard, Held, http1::Stream};

/// Joins the two ends once the client has changed the protocol, too; `ahead` is what the upstream has
/// sent right behind its `101`; `held` is dropped at the end.
pub(super) fn tunnel(client: OnUpgrade, upstream: Stream, ahead: Bytes, guard: CancelGuard, held: Held) {
    tokio::task::spawn_local(async move {
        let _held = held;
        let mut client = match client.await {
            Ok(client) => TokioIo::new(client),
            Err(error) => {
                tracing::debug!(%error, "changing the protocol");
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
                    tracing::debug!(%error, "an upgraded connection ended");
                }
            }
            () = guard.cancelled() => tracing::debug!("an upgraded connection was ended"),
        }
    });
}

const BUFFER_BYTES: usize = 16 * 1024;
