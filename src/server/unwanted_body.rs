//! The body of a request of HTTP/1.1 that was answered from its head alone, as most refusals are.
//!
//! hyper closes a connection whose request has a body that is not read. A client that is about to send the body then fails
//! with an error of its connection and never shows the response, a 401 or a 403 that says what is wrong.
//! [`discard`] reads a short body to its end first, and the connection can take the next request.

use std::time::Duration;

use http::{Request, header::EXPECT};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::request::RequestBody;

/// Reads what is left of the body; whether that was all of it. A longer body than 256 KiB, one that takes longer
/// than a second, and one that the client sends only when told to (RFC 9110 §10.1.1) are left.
pub(super) async fn discard(request: &mut Request<RequestBody>) -> bool {
    if request.body().is_end_stream() {
        return true;
    }
    // To read would be to say that the body is wanted.
    if request.headers().contains_key(EXPECT) || request.body().size_hint().lower() > MAX_BYTES {
        return false;
    }
    let read = async {
        let mut left = MAX_BYTES;
        while let Some(frame) = request.body_mut().frame().await {
            let Ok(frame) = frame else { return false };
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            let Some(rest) = left.checked_sub(bytes) else { return false };
            left = rest;
        }
        true
    };
    timeout(MAX_TIME, read).await.unwrap_or(false)
}

const MAX_BYTES: u64 = 256 * 1024;
/// Longer than a round trip to anywhere.
const MAX_TIME: Duration = Duration::from_secs(1);
