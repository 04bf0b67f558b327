//! The audit stream: who signed in, who failed, who signed out, whose account was changed.

use std::{net::IpAddr, sync::Arc};

use serde::Serialize;

use super::{Format, LogWriter, SignIns};
use crate::{clock::Clock, escape::escaped};

/// Where audit lines go.
#[derive(Clone, Debug)]
pub struct Audit {
    writer: LogWriter,
    format: Format,
    clock: Clock,
    sign_ins: Arc<SignIns>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditKind {
    /// A user signed in.
    SignIn,
    /// An attempt to sign in failed; `reason` says why.
    SignInFailed,
    /// A user signed out.
    SignOut,
    /// A user confirmed their own password to go on, or failed to.
    Confirm,
    /// Sessions were ended one by one or all at once: by their user, or by an `actor`.
    SessionsEnded,
    /// A user changed their own password, or failed to.
    PasswordChange,
    /// The first superuser was made, or the set-up link was refused.
    Setup,
    /// After too many failures, a password is not looked at for a while: of an account, on a device, of a name
    /// that nobody has, or from an address, as `reason` says.
    Blocked,
    /// A user's account was changed.
    UserChanged,
}

/// One line of the audit stream. No field ever holds a password, a token or a cookie.
#[derive(Clone, Debug, Serialize)]
pub struct AuditEvent<'a> {
    /// What happened.
    pub event: AuditKind,
    /// A fixed word that a program can match: `ok`, `wrong-password`, `unknown-user`, `disabled`, …
    pub reason: &'a str,
    /// The account, in its canonical form. A name that was typed and is no account's canonical
    /// form is left out: people type passwords into the wrong field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// Who did it, when it was not the user: an administrator at the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<&'a str>,
    /// Address of the browser; absent at the command line, and if a proxy hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The request, as in the access log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
    /// The session's key, shortened; never its token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

impl Audit {
    /// An audit stream over the log writer.
    pub fn new(writer: LogWriter, format: Format, clock: Clock) -> Self {
        Self { writer, format, clock, sign_ins: Arc::default() }
    }

    /// The attempts to sign in among all that this stream and its clones were told.
    pub fn sign_ins(&self) -> &Arc<SignIns> {
        &self.sign_ins
    }

    /// Writes one line.
    pub fn record(&self, event: &AuditEvent<'_>) {
        #[derive(Serialize)]
        struct Line<'a> {
            time: String,
            log: &'static str,
            #[serde(flatten)]
            event: &'a AuditEvent<'a>,
        }
        self.sign_ins.note(event.event, event.reason);
        let time = self.clock.now().to_string();
        let line = Line { time, log: "audit", event };
        let Ok(json) = serde_json::to_value(&line) else { return };
        let mut text = String::new();
        match self.format {
            Format::Json => {
                text.push_str(&json.to_string());
            }
            Format::Text => {
                text.push_str(&line.time);
                text.push_str(" audit");
                for (key, value) in json.as_object().into_iter().flatten() {
                    if key != "time" && key != "log" {
                        text.push(' ');
                        text.push_str(key);
                        text.push('=');
                        match value.as_str() {
                            Some(value) => text.push_str(value),
                            None => text.push_str(&value.to_string()),
                        }
                    }
                }
            }
        }
        let mut text = escaped(&text);
        text.push('\n');
        self.writer.write(text.into_bytes());
    }
}
