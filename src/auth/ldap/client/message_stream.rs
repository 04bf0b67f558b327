//! Messages over a connection, one request at a time.

use bytes::BytesMut;
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

use super::{
    failure::Failure,
    framing::message_length,
    response::{Message, Response},
    result_budget::ResultBudget,
    server::Server,
};

/// A connection that carries messages.
pub(super) struct MessageStream<S> {
    stream: S,
    /// Bytes that came and were not read as a message yet.
    received: BytesMut,
    last_id: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> MessageStream<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, received: BytesMut::new(), last_id: 0 }
    }

    /// Sends the request that `encode` makes for a message number, which no other request of this connection has.
    pub(super) async fn send(
        &mut self,
        encode: impl FnOnce(u32) -> Zeroizing<Vec<u8>>,
    ) -> Result<(), Failure> {
        self.last_id += 1;
        self.stream.write_all(&encode(self.last_id)).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// The next response to the request that was sent last.
    ///
    /// Only one request is under way at a time, so a response to another one is a server that breaks the protocol:
    /// what it says might be somebody else's answer.
    pub(super) async fn receive(
        &mut self,
        server: &Server,
        budget: &mut ResultBudget,
    ) -> Result<Response, Failure> {
        let mut unasked = 0;
        loop {
            let message = self.message(server, budget).await?;
            match message.response {
                response if message.id == self.last_id => return Ok(response),
                // RFC 4511 §4.4.1 (Notice of Disconnection): the server closes the connection now.
                Response::Extended(outcome, Some(name))
                    if message.id == 0 && name.as_str() == NOTICE_OF_DISCONNECTION =>
                {
                    let separator = if outcome.diagnostic.is_empty() { "" } else { ": " };
                    let (code, diagnostic) = (outcome.code, outcome.diagnostic);
                    let reason = format!("the server ends the connection: {code}{separator}{diagnostic}");
                    return Err(Failure::Dropped(reason.into()));
                }
                // RFC 4511 §4.4: a client ignores notifications that it does not know.
                Response::Extended(..) if message.id == 0 => {
                    unasked += 1;
                    if unasked > MAX_UNASKED {
                        return Err(server.breaks_protocol("notifications come one after the other"));
                    }
                }
                _ => return Err(server.breaks_protocol("a response has the number of another request")),
            }
        }
    }

    async fn message(&mut self, server: &Server, budget: &mut ResultBudget) -> Result<Message, Failure> {
        loop {
            let whole = message_length(&self.received).map_err(|problem| server.breaks_protocol(problem))?;
            if let Some(length) = whole {
                let message = self.received.split_to(length);
                return Message::read(&message, budget).map_err(|problem| server.breaks_protocol(problem));
            }
            self.received.reserve(READ_SIZE);
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(Failure::Dropped("the server closed the connection".into()));
            }
        }
    }

    /// Whether bytes have come that belong to no message that was read.
    pub(super) fn has_unread(&self) -> bool {
        !self.received.is_empty()
    }

    /// Whether the connection can take another request: nothing is unread, and the server has neither closed it nor
    /// sent anything, which would be a notice of disconnection.
    pub(super) fn is_quiet(&mut self) -> bool {
        // Memory of a large result is not kept.
        if self.received.capacity() > KEPT_CAPACITY {
            self.received = BytesMut::new();
        }
        !self.has_unread() && self.stream.read_u8().now_or_never().is_none()
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }
}

/// RFC 4511 §4.4.1.
const NOTICE_OF_DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";
/// Notifications of other kinds during one request.
const MAX_UNASKED: usize = 16;
/// Bytes that are read at a time.
const READ_SIZE: usize = 8 * 1024;
/// Capacity of the receive buffer that an idle connection keeps.
const KEPT_CAPACITY: usize = 64 * 1024;
