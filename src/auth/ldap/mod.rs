//! People of a directory: an LDAP server, or Active Directory.
//!
//! [`LdapPool`] talks to the servers of one directory. It is this module's own client of RFC 4511: bind, search,
//! StartTLS, paged results, and nothing else. Each byte that a server sends is read as that of an attacker: lengths,
//! nesting and the size of results are limited before memory is spent, and no answer can end the process.
//!
//! Values become part of a [`Filter`] as bytes and never as text, so that a typed name cannot change what is searched
//! for. Referrals are shown and never followed.

mod authorities;
mod ber;
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
pub use dn::{BadDn, Dn, escape_dn_value};
pub use entry::{Attribute, Entry};
pub use error::LdapError;
pub use filter::{Filter, is_attribute_description};
pub use filter_template::{BadFilter, FilterTemplate};
pub use pool::{BindOutcome, LdapPool, ServerHealth, ServerState};
pub use result_code::ResultCode;
pub use search_request::{Scope, SearchRequest, SearchResult};
pub use server_text::ServerText;
pub use settings::{ConnectionSettings, ServiceAccount};
pub use url::{BadLdapUrl, LdapUrl};
