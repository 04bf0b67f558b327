//! People of a directory: an LDAP server, or Active Directory.
//!
//! [`LdapPool`] talks to the servers of one directory. It is this module's own client of RFC 4511: bind, search,
//! StartTLS, paged results, and nothing else. Each byte that a server sends is read as that of an attacker: lengths,
//! nesting and the size of results are limited before memory is spent, and no answer can end the process.
//!
//! Values become part of a [`Filter`] as bytes and never as text, so that a typed name cannot change what is searched
//! for. Referrals are shown and never followed.
//!
//! [`Ldap`] is one configured directory on top of the pool: which entry a typed name means, whether its account may be
//! used, and which groups it has. [`Refresh`] looks up those who are signed in again and again, and signs out whoever could
//! not sign in any more.

mod account_state;
mod authorities;
mod ber;
mod bind_refusal;
mod connect;
mod connection;
mod directory_user;
mod dn;
mod entry;
mod error;
mod examination;
mod failure;
mod filter;
mod filter_template;
mod framing;
mod group_walk;
mod groups;
mod ldap_backend;
mod ldap_settings;
mod message_stream;
mod pool;
mod preset;
mod refresh;
mod request;
mod response;
mod result_budget;
mod result_code;
mod search_request;
mod server;
mod server_kind;
mod server_text;
mod settings;
mod subject_id;
mod times;
mod url;
mod user_filter;

pub use super::examination::{Step, StepResult};
pub use account_state::{AccountState, StateRule};
pub use authorities::Authorities;
pub use bind_refusal::BindRefusal;
pub use directory_user::{DirectoryUser, UnusableEntry};
pub use dn::{BadDn, Dn, escape_dn_value};
pub use entry::{Attribute, Entry};
pub use error::LdapError;
pub use examination::{examine, remedy};
pub use filter::{Filter, is_attribute_description};
pub use filter_template::{BadFilter, FilterTemplate};
pub use group_walk::FoundGroup;
pub use groups::UserGroups;
pub use ldap_backend::{Found, Ldap};
pub use ldap_settings::{GroupMap, GroupSettings, LdapSettings, MemberForm, UserSettings};
pub use pool::{BindOutcome, LdapPool, ServerHealth, ServerState};
pub use preset::{Preset, PresetValues};
pub use refresh::Refresh;
pub use result_code::ResultCode;
pub use search_request::{Scope, SearchRequest, SearchResult};
pub use server_kind::ServerKind;
pub use server_text::ServerText;
pub use settings::{ConnectionSettings, ServiceAccount};
pub use subject_id::SubjectId;
pub use url::{BadLdapUrl, LdapUrl};
