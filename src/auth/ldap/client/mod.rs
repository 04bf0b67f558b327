//! A client of LDAP (RFC 4511): bind, search, StartTLS, paged results, and nothing else.
//!
//! [`LdapPool`] is the way in. Each byte that a server sends is read as that of an attacker: lengths, nesting and the
//! size of results are limited before memory is spent, and no answer can end the process. A password goes only over a
//! connection that is protected as the settings say.
//!
//! Values become part of a [`Filter`] as bytes and never as text, so that a typed name cannot change what is searched
//! for. Referrals are shown and never followed, because another server would be asked as the service account. The
//! meaning of entries is left to the backend.

mod authorities;
mod ber;
mod bind_outcome;
mod connect;
mod connection;
mod dn;
mod entry;
mod error;
mod failure;
mod filter;
mod filter_template;
mod framing;
mod message_stream;
mod pool;
mod request;
mod response;
mod result_budget;
mod result_code;
mod search_request;
mod server;
mod server_text;
mod settings;
mod url;

pub use authorities::Authorities;
pub use bind_outcome::BindOutcome;
pub use dn::{BadDn, Dn, escape_dn_value};
pub use entry::{Attribute, Entry};
pub use error::LdapError;
pub use filter::{Filter, is_attribute_description};
pub use filter_template::{BadFilter, FilterTemplate};
pub use pool::{LdapPool, ServerHealth, ServerState};
pub use result_code::ResultCode;
pub use search_request::{Scope, SearchRequest, SearchResult};
pub use server_text::ServerText;
pub use settings::{ConnectionSettings, ServiceAccount};
pub use url::{BadLdapUrl, LdapUrl};

/// The messages at the beginning of these bytes, which come in pieces of this size; up to the first that is refused.
#[cfg(any(test, fuzzing))]
pub(crate) fn messages_in(bytes: &[u8], piece: usize) -> (Vec<String>, Option<&'static str>) {
    let (mut received, mut messages) = (Vec::new(), Vec::new());
    let mut budget = result_budget::ResultBudget::new();
    for piece in bytes.chunks(piece.max(1)) {
        received.extend_from_slice(piece);
        loop {
            let message = match framing::message_length(&received) {
                Ok(None) => break,
                Ok(Some(length)) => {
                    let message =
                        response::Message::read(received.get(..length).unwrap_or_default(), &mut budget);
                    received.drain(..length);
                    message
                }
                Err(problem) => return (messages, Some(problem)),
            };
            match message {
                Ok(message) => messages.push(format!("{message:?}")),
                Err(problem) => return (messages, Some(problem)),
            }
        }
    }
    (messages, None)
}
