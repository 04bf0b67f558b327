//! Mail: a queue on the disk, and the thread that delivers it by SMTP.
//!
//! The portal and the command line put a [`Message`] into the queue: through the [`Outbox`] of the running gateway, which
//! never waits, or through a [`MailQueue`] of their own. The queue is bounded and survives a restart. A delivery that
//! fails is repeated with growing waits for two days; of several gateways with one state folder, one delivers a message.
//!
//! The texts of messages come from [`Letters`](crate::portal::Letters). A message is one text for one recipient, with its HTML form: no attachments,
//! no images, nothing that is loaded, so that no sender learns when it is read.

mod backoff;
mod counts;
mod deliverer;
mod envelope;
mod message;
mod outbox;
mod queue;
mod relay;
mod settings;

pub use counts::MailCounts;
pub use message::Message;
pub use outbox::{Outbox, OutboxError, PreparedMail};
pub use queue::{MailQueue, QueueError, QueuedMail};
pub use relay::send_now;
pub use settings::{MailServer, MailSettings, Security, SmtpLogin, SmtpPassword};
