//! A refusal that the server writes by itself, where hyper does not serve the connection (any more).
//!
//! `http1` writes one when hyper could not read a head, `connection` when a client speaks plain HTTP. The response comes
//! from the gateway; here it becomes bytes of HTTP/1.1.

use std::io;

use bytes::{Bytes, BytesMut};
use http::{Response, header::CONTENT_LENGTH};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Writes a response of HTTP/1.1 and closes.
pub(super) async fn write<T: AsyncWrite + Unpin>(
    io: &mut T,
    response: Response<Full<Bytes>>,
    with_body: bool,
) -> io::Result<()> {
    let (parts, mut body) = response.into_parts();
    let mut message = BytesMut::new();
    let reason = parts.status.canonical_reason().unwrap_or_default();
    message.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", parts.status.as_str()).as_bytes());
    for (name, value) in parts.headers.iter().filter(|(name, _)| **name != CONTENT_LENGTH) {
        message.extend_from_slice(name.as_str().as_bytes());
        message.extend_from_slice(b": ");
        message.extend_from_slice(value.as_bytes());
        message.extend_from_slice(b"\r\n");
    }
    let length = body.size_hint().exact().unwrap_or_default();
    message.extend_from_slice(format!("content-length: {length}\r\n\r\n").as_bytes());
    if with_body && let Some(Ok(frame)) = body.frame().await {
        message.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
    }
    io.write_all(&message).await?;
    io.shutdown().await
}
