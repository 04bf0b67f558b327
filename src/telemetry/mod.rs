//! What the gateway says of itself: the access log, the audit stream, its own messages, and what it counts.
//!
//! Access and audit lines go to standard output through one writer thread, messages about the gateway itself
//! go through `tracing` to standard error and another. A worker hands over what it has to say and never waits
//! for a pipe; what there is no room for is dropped and counted. No secret is ever a field of any of them.

mod access_log;
mod audit;
mod metrics;
mod sign_ins;
mod writer;

pub use access_log::{AccessLog, AccessRecord, Ended, UnenforcedRecord};
pub use audit::{Audit, AuditEvent, AuditKind};
pub use metrics::{Connected, Counters, Kind, Limit, Metrics, Spoken};
pub use sign_ins::{SignInResult, SignIns};
pub use writer::{Format, LogWriter, MessageWriter};
