//! Connections that have changed their protocol: bytes both ways, no questions asked.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional_with_sizes;

use super::Leash;

/// Joins the two ends once both have changed the protocol.
pub(super) fn tunnel(client: OnUpgrade, upstream: OnUpgrade, leash: Option<Leash>) {
    tokio::task::spawn_local(async move {
        let (client, upstream) = match tokio::try_join!(client, upstream) {
            Ok(both) => both,
            Err(error) => {
                tracing::debug!(%error, "changing the protocol");
                return;
            }
        };
        let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
        let ended = async {
            match &leash {
                Some(leash) => leash.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            copied = copy_bidirectional_with_sizes(&mut client, &mut upstream, BUFFER_BYTES, BUFFER_BYTES) => {
                if let Err(error) = copied {
                    tracing::debug!(%error, "an upgraded connection ended");
                }
            }
            () = ended => tracing::debug!("an upgraded connection was ended"),
        }
    });
}

const BUFFER_BYTES: usize = 16 * 1024;
