//! Delivery: messages that are due are sent, one after the other.

use std::{sync::Arc, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{
    MailCounts, MailQueue, MailServer, MailSettings, Message, Security,
    envelope::mime,
    queue::{Claim, Claimed, random_id},
};
use crate::{clock::Clock, error_chain::ErrorChain, store::sqlite::DatabaseError};

/// Sends what is due; lives on a thread of its own.
pub(super) struct Deliverer {
    queue: MailQueue,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// The longest time of one delivery.
    whole_timeout: Duration,
    pace: Pace,
    counts: Arc<MailCounts>,
    /// The queue cannot be read, and that was logged.
    is_lost: bool,
}

/// The result of one delivery.
enum Delivery {
    Delivered,
    /// May succeed later.
    PutOff(String),
    /// Will never succeed.
    Refused(String),
}

impl Deliverer {
    pub(super) fn new(
        queue: MailQueue,
        settings: MailSettings,
        counts: Arc<MailCounts>,
    ) -> Result<Self, lettre::transport::smtp::Error> {
        let transport = transport(&settings)?;
        let whole_timeout = settings.timeout.saturating_mul(4);
        let pace = Pace::new(settings.per_minute);
        Ok(Self { queue, transport, from: settings.from, whole_timeout, pace, counts, is_lost: false })
    }

    /// Delivers until the other end of `woken` is dropped.
    pub(super) async fn run(mut self, mut woken: watch::Receiver<()>) {
        loop {
            let due = self.next_due();
            let waits = match &due {
                Some(_) => self.pace.wait(Instant::now()),
                None => LOOK_EVERY,
            };
            let Some(claimed) = due else {
                tokio::select! {
                    changed = woken.changed() => if changed.is_err() { return },
                    () = sleep(waits) => {}
                }
                continue;
            };
            let delivery = tokio::select! {
                delivery = async {
                    sleep(waits).await;
                    deliver(&self.transport, &self.from, self.whole_timeout, &claimed).await
                } => delivery,
                () = closed(&mut woken) => {
                    self.queue.release(claimed.id).ok();
                    return;
                }
            };
            self.settle(&claimed, delivery);
        }
    }

    /// The next message that is due, claimed. Messages of other processes are found, too.
    fn next_due(&mut self) -> Option<Claimed> {
        let lease = self.whole_timeout + LEASE_MARGIN;
        let looked = self.queue.claim(lease).and_then(|claim| Ok((claim, self.queue.waiting()?)));
        match looked {
            Ok((Claim { claimed, expired }, waiting)) => {
                self.is_lost = false;
                self.counts.note_waiting(waiting);
                for _ in 0..expired {
                    self.counts.count_given_up();
                    tracing::error!("mail given up: it could not be delivered before its link expired");
                }
                claimed
            }
            Err(error) => {
                if !self.is_lost {
                    tracing::error!(error = %ErrorChain(&error), "mail queue cannot be read; no mail is delivered");
                }
                self.is_lost = true;
                None
            }
        }
    }

    fn settle(&mut self, claimed: &Claimed, delivery: Delivery) {
        let (mail, recipient) = (claimed.id, &claimed.message.to);
        let settled: Result<(), DatabaseError> = match delivery {
            Delivery::Delivered => {
                self.counts.count_sent();
                tracing::debug!(mail, "mail delivered");
                self.queue.delivered(claimed.id)
            }
            Delivery::Refused(error) => {
                self.counts.count_given_up();
                tracing::error!(mail, recipient, error, "mail given up");
                self.queue.give_up(claimed.id, &error)
            }
            Delivery::PutOff(error) => self.queue.put_off(claimed, &error).map(|waits| {
                if waits {
                    self.counts.count_put_off();
                    tracing::warn!(
                        mail,
                        recipient,
                        error,
                        attempts = claimed.attempts,
                        "mail not delivered yet"
                    );
                } else {
                    self.counts.count_given_up();
                    tracing::error!(mail, recipient, error, "mail given up after two days");
                }
            }),
        };
        if let Err(error) = settled {
            tracing::error!(error = %ErrorChain(&error), mail, "mail queue cannot be written");
        }
    }
}

/// Sends a message past the queue; the reason if it was not sent. Waits for the server, so it is not for a thread that
/// serves requests.
pub fn send_now(settings: &MailSettings, message: &Message, clock: &Clock) -> Result<(), String> {
    let transport = transport(settings).map_err(|error| ErrorChain(&error).to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let claimed = Claimed {
        id: 0,
        message: message.clone(),
        message_id: random_id(),
        queued: clock.now(),
        attempts: 1,
    };
    let whole_timeout = settings.timeout.saturating_mul(4);
    match runtime.block_on(deliver(&transport, &settings.from, whole_timeout, &claimed)) {
        Delivery::Delivered => Ok(()),
        Delivery::PutOff(error) | Delivery::Refused(error) => Err(error),
    }
}

/// Resolves when the other end is dropped.
async fn closed(woken: &mut watch::Receiver<()>) {
    while woken.changed().await.is_ok() {}
}

async fn deliver(
    transport: &AsyncSmtpTransport<Tokio1Executor>,
    from: &Mailbox,
    whole_timeout: Duration,
    claimed: &Claimed,
) -> Delivery {
    let mime = match mime(claimed, from) {
        Ok(mime) => mime,
        Err(error) => return Delivery::Refused(ErrorChain(&error).to_string()),
    };
    match timeout(whole_timeout, transport.send(mime)).await {
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

/// The pace of deliveries: so many in a minute, evenly after a first burst.
struct Pace {
    every: Duration,
    /// When the next delivery would be due at an even pace.
    next: Option<Instant>,
}

impl Pace {
    fn new(per_minute: u32) -> Self {
        Self { every: Duration::from_mins(1) / per_minute.max(1), next: None }
    }

    /// Takes the next place; the wait until it.
    fn wait(&mut self, now: Instant) -> Duration {
        // A minute without any mail is worth a minute's mails at once.
        let burst = Duration::from_mins(1);
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.every);
        at.saturating_duration_since(now + burst)
    }
}

/// A message of another process is found within this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time for the pace, and to settle a delivery.
const LEASE_MARGIN: Duration = Duration::from_mins(2);
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

    #[test]
    fn deliveries_keep_their_pace_after_a_first_burst() {
        let (mut pace, now) = (Pace::new(60), Instant::now());
        let waits: Vec<_> = (0..63).map(|_| pace.wait(now).as_secs()).collect();
        assert_eq!(waits.iter().filter(|wait| **wait == 0).count(), 61);
        assert_eq!(waits.last(), Some(&2));
    }
}
