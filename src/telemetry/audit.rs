//! The audit stream: sign-ins, failed sign-ins, sign-outs, and changes of accounts.
//!
//! The portal, the control socket and `assembly` record events. No field holds a
//! password, a token or a cookie.

use std::{net::IpAddr, sync::Arc};

use serde::Serialize;

use super::{Format, LogWriter, SignInResult, SignIns};
use crate::{clock::Clock, escape::escaped};

/// The audit stream.
#[derive(Clone, Debug)]
pub struct Audit {
    writer: LogWriter,
    format: Format,
    clock: Clock,
    sign_ins: Arc<SignIns>,
}

/// The kind of an event.
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
    /// Sessions were ended, by their user or by an `actor`.
    SessionsEnded,
    /// A user changed their own password, or failed to.
    PasswordChange,
    /// A link for a forgotten password was asked for or used, or refused.
    PasswordReset,
    /// A link to register was asked for or used, or refused.
    Registration,
    /// The link of an invitation was used, or refused.
    Invitation,
    /// A user asked for another address, confirmed it or undid the change, or failed to.
    EmailChange,
    /// The first superuser was made, or the set-up link was refused.
    Setup,
    /// After too many failures, passwords are refused for a while: of an account, on a device, of a name without a
    /// user, or from an address, as `reason` says.
    Blocked,
    /// A provider said that a sign-in has ended.
    ProviderLogout,
    /// A user connected an identity of a provider to their account, or failed to.
    IdentityLinked,
    /// A user took an identity of a backend off their account, or failed to.
    IdentityUnlinked,
    /// A user did not get a second factor added; `reason` says why.
    FactorRefused,
    /// The owner of an account was told of a change of it; `reason` says which.
    Notice,
    /// A user's account was changed.
    UserChanged,
}

/// One line of the audit stream.
#[derive(Clone, Debug, Serialize)]
pub struct AuditEvent<'a> {
    /// The kind of the event.
    pub event: AuditKind,
    /// A fixed word for programs: `ok`, `wrong-password`, `unknown-user`, `disabled`, …
    pub reason: &'a str,
    /// The canonical name of the account. A typed name that is no canonical name of an account is left out: people
    /// type passwords into the wrong field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// The person who acted, if not the user: an administrator at the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<&'a str>,
    /// The configured name of the backend that proved the user, or whose identity of the user was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<&'a str>,
    /// The backend's id of the user; absent for the gateway's own directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<&'a str>,
    /// Address of the client; absent at the command line, and if a proxy hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The request's id, as in the access log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
    /// The session's key, shortened; never its token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

impl AuditEvent<'_> {
    /// The result, if the event is an attempt to sign in.
    fn sign_in_result(&self) -> Option<SignInResult> {
        match (self.event, self.reason) {
            (AuditKind::SignIn, _) => Some(SignInResult::Ok),
            (AuditKind::SignInFailed, "busy" | "unavailable" | "throttled") => Some(SignInResult::Refused),
            (AuditKind::SignInFailed, _) => Some(SignInResult::Failed),
            _ => None,
        }
    }
}

impl Audit {
    /// An audit stream in front of the writer.
    pub fn new(writer: LogWriter, format: Format, clock: Clock) -> Self {
        Self { writer, format, clock, sign_ins: Arc::default() }
    }

    /// The counters of sign-ins that this log and its clones have recorded.
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
        if let Some(result) = event.sign_in_result() {
            self.sign_ins.add(result, event.backend);
        }
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
