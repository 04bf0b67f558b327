//! People of a directory: an LDAP server, or Active Directory.
//!
//! [`LdapPool`] talks to the servers of one directory: `client` is this module's own client of RFC 4511.
//!
//! [`Ldap`] is one configured directory on top of the pool: which entry a typed name means, whether its account may be
//! used, and which groups it has. [`Refresh`] looks up those who are signed in again and again, and signs out whoever could
//! not sign in any more.

mod account_state;
mod bind_refusal;
mod client;
mod directory_user;
mod examination;
mod group_walk;
mod groups;
mod ldap_backend;
mod ldap_settings;
mod preset;
mod refresh;
mod server_kind;
mod subject_id;
mod times;
mod user_filter;

pub use super::examination::{Step, StepResult};
pub use account_state::{AccountState, StateRule};
pub use bind_refusal::BindRefusal;
#[cfg(any(test, fuzzing))]
pub(crate) use client::messages_in;
pub use client::{
    Attribute, Authorities, BadDn, BadFilter, BadLdapUrl, BindOutcome, ConnectionSettings, Dn, Entry, Filter,
    FilterTemplate, LdapError, LdapPool, LdapUrl, ResultCode, Scope, SearchRequest, SearchResult,
    ServerHealth, ServerState, ServerText, ServiceAccount, escape_dn_value, is_attribute_description,
};
pub use directory_user::{DirectoryUser, UnusableEntry};
pub use examination::{examine, remedy};
pub use group_walk::FoundGroup;
pub use groups::UserGroups;
pub use ldap_backend::{Found, Ldap};
pub use ldap_settings::{GroupMap, GroupSettings, LdapSettings, MemberForm, UserSettings};
pub use preset::{Preset, PresetValues};
pub use refresh::Refresh;
pub use server_kind::ServerKind;
pub use subject_id::SubjectId;
