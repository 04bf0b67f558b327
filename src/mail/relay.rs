//! The mail server that takes the gateway's messages: the connection to it, and one delivery.

use std::{fmt, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use tokio::time::timeout;

use super::{
    MailServer, MailSettings, Message, Security,
    envelope::mime,
    queue::{Claimed, random_id},
};
use crate::{clock::Clock, error_chain::ErrorChain};

/// A mail server, with the settings that lead to it.
pub(super) struct Relay {
    settings: MailSettings,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

/// The result of one delivery.
pub(super) enum Delivery {
    Delivered,
    /// May succeed later.
    PutOff(String),
    /// Will never succeed.
    Refused(String),
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("server", &self.settings.server).finish_non_exhaustive()
    }
}

impl Relay {
    pub(super) fn new(settings: MailSettings) -> Result<Self, lettre::transport::smtp::Error> {
        Ok(Self { transport: transport(&settings)?, settings })
    }

    pub(super) fn settings(&self) -> &MailSettings {
        &self.settings
    }

    /// The longest time of one delivery.
    pub(super) fn whole_timeout(&self) -> Duration {
        self.settings.timeout.saturating_mul(4)
    }

    /// Delivers a message; does not try again.
    pub(super) async fn deliver(&self, claimed: &Claimed) -> Delivery {
        let mime = match mime(claimed, &self.settings.from) {
            Ok(mime) => mime,
            Err(error) => return Delivery::Refused(ErrorChain(&error).to_string()),
        };
        match timeout(self.whole_timeout(), self.transport.send(mime)).await {
            Ok(Ok(_)) => Delivery::Delivered,
            Ok(Err(error)) => {
                let text = without_secrets(&ErrorChain(&error).to_string());
                let code = error.status().map(u16::from);
                if error.is_permanent() && code.is_some_and(concerns_the_message) {
                    Delivery::Refused(text)
                } else {
                    Delivery::PutOff(text)
                }
            }
            Err(_) => Delivery::PutOff("the mail server takes too long".to_owned()),
        }
    }
}

/// Sends a message past the queue; the reason if it was not sent. Waits for the server, so it is not for a thread that
/// serves requests.
pub fn send_now(settings: &MailSettings, message: &Message, clock: &Clock) -> Result<(), String> {
    let relay = Relay::new(settings.clone()).map_err(|error| ErrorChain(&error).to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let claimed = Claimed {
        id: 0,
        message: message.clone(),
        message_id: random_id(),
        queued: clock.now(),
        attempts: 1,
    };
    match runtime.block_on(relay.deliver(&claimed)) {
        Delivery::Delivered => Ok(()),
        Delivery::PutOff(error) | Delivery::Refused(error) => Err(error),
    }
}

/// Whether a reply of the class 5 is about this message or its recipient (RFC 5321 §4.2.3). Others are about the server,
/// the connection or the credentials (RFC 4954 §6): an operator mends those, and the message waits.
fn concerns_the_message(code: u16) -> bool {
    matches!(code, 550..=559)
}

/// A reply of the server for the log: without anything that could be the secret of a link, which some filters repeat, and
/// not too long.
fn without_secrets(text: &str) -> String {
    let is_secret = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let (mut kept, mut run) = (String::new(), String::new());
    for c in text.chars().chain(['\n']) {
        if is_secret(c) {
            run.push(c);
            continue;
        }
        kept.push_str(if run.len() >= SECRET_LENGTH { "…" } else { &run });
        run.clear();
        kept.push(if c.is_control() { ' ' } else { c });
    }
    kept.trim().chars().take(MAX_ERROR).collect()
}

fn transport(
    settings: &MailSettings,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, lettre::transport::smtp::Error> {
    let MailServer { host, port, security } = &settings.server;
    let tls = match security {
        Security::Plain => Tls::None,
        Security::StartTls => Tls::Required(parameters(settings)?),
        Security::Tls => Tls::Wrapper(parameters(settings)?),
    };
    let hello = ClientId::Domain(settings.from.email.domain().to_owned());
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.as_str())
        .port(*port)
        .tls(tls)
        .hello_name(hello)
        .timeout(Some(settings.timeout));
    if let Some(login) = &settings.login {
        builder =
            builder.credentials(Credentials::new(login.user.clone(), login.password.reveal().to_owned()));
    }
    Ok(builder.build())
}

fn parameters(settings: &MailSettings) -> Result<TlsParameters, lettre::transport::smtp::Error> {
    let mut builder = TlsParameters::builder(settings.server.host.clone());
    if let Some(authorities) = &settings.authorities {
        builder = builder.certificate_store(CertificateStore::None);
        for authority in authorities {
            builder = builder.add_root_certificate(Certificate::from_der(authority.to_vec())?);
        }
    }
    builder.build_rustls()
}

/// Links have 43 characters of base64url.
const SECRET_LENGTH: usize = 32;
const MAX_ERROR: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_gets_no_link_that_a_server_repeats() {
        let token = "Q29ycmVjdEhvcnNlQmF0dGVyeVN0YXBsZTEyMzQ1Njc";
        let reply = format!("554 5.7.1 spam: https://login.example.com/.gateway/reset?token={token}\r\nbye");
        let text = without_secrets(&reply);
        assert_eq!(text, "554 5.7.1 spam: https://login.example.com/.gateway/reset?token=…  bye");
        assert_eq!(without_secrets(&"x ".repeat(1000)).chars().count(), MAX_ERROR);
    }

    #[test]
    fn only_replies_about_the_message_are_for_good() {
        for code in [550, 551, 552, 553, 554] {
            assert!(concerns_the_message(code), "{code}");
        }
        for code in [421, 450, 451, 500, 502, 504, 521, 530, 534, 535, 538] {
            assert!(!concerns_the_message(code), "{code}");
        }
    }
}
