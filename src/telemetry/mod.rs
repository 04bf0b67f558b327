//! Logs and metrics: the access log, the audit stream, the gateway's own messages, and counters.
//!
//! Access and audit lines go to standard output through one writer thread,
//! messages go through `tracing` to standard error through another. A worker
//! hands lines over and never waits for the reader of a pipe; lines that find
//! no room are dropped and counted. No field of a line or a label holds a
//! secret.

mod access_log;
mod audit;
#[cfg(test)]
mod captured_log;
mod format;
mod line_queue;
mod log_writer;
mod message_writer;
mod metrics;
mod sign_ins;

pub use access_log::{AccessLog, AccessRecord, Ended, UnenforcedRecord};
pub use audit::{Audit, AuditEvent, AuditKind};
#[cfg(test)]
pub(crate) use captured_log::CapturedLog;
pub use format::Format;
pub use log_writer::LogWriter;
pub use message_writer::MessageWriter;
pub use metrics::{ConnectionProtocol, Counters, Limit, MetricKind, Metrics, OpenConnection};
pub use sign_ins::{SignInResult, SignIns};
