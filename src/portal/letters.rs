//! The mails of the gateway: their contents, and where their links lead.
//!
//! A mail tells its reader what happened, what the link does, and that nothing has to be done by somebody who did not ask
//! for it. The address of a link is made of the configured origin alone. Texts of people are shortened and lose what
//! steers or hides text: Mallory, who registers with a name of her choice, sends nobody her own text through this gateway.

use std::sync::Arc;

use super::Notice;
use crate::{
    clock::Timestamp,
    escape::misleads,
    language::{Language, Text, exactly},
    mail::Message,
    pages::{Letter, LetterEvent, LetterKind, LetterLink, LetterUser, Pages, paths},
    users::{Account, LinkMail, LinkPurpose, LinkToken},
};

/// Writes mails of the gateway at `origin`.
#[derive(Clone, Debug)]
pub struct Letters {
    /// The templates.
    pub pages: Pages,
    /// The language of the mails.
    pub language: Language,
    /// The address of the gateway, `https://HOST[:PORT]`.
    pub origin: Arc<str>,
}

/// The request that caused a notice, as its mail describes it.
#[derive(Clone, Debug)]
pub struct Cause {
    /// When.
    pub at: Timestamp,
    /// The address of the client; empty if it is unknown.
    pub address: String,
    /// Browser and system.
    pub device: Text,
}

/// The texts of a mail, before they are in a language.
struct Draft<'a> {
    kind: LetterKind,
    /// The user whom it is about.
    user: Option<&'a Account>,
    /// The event that a notice is about.
    event: Option<(Text, &'a Cause)>,
    lifetime: Option<Text>,
    subject: Text,
    before: Vec<Text>,
    link: Option<(String, Text)>,
    after: Vec<Text>,
    expires: Option<Timestamp>,
}

impl Letters {
    /// The address of a link with this secret. It opens an account, and belongs in no log.
    pub fn link(&self, purpose: LinkPurpose, token: &LinkToken) -> String {
        let page = match purpose {
            LinkPurpose::Reset => paths::NEW_PASSWORD,
            LinkPurpose::Invitation => paths::INVITE,
            LinkPurpose::Registration => paths::REGISTER_FINISH,
            LinkPurpose::EmailChange => paths::CONFIRM_EMAIL,
            LinkPurpose::EmailUndo => paths::UNDO_EMAIL,
        };
        format!("{}{page}?token={}", self.origin, *token.to_text())
    }

    /// The mail for somebody who has asked for a link; `None` if it cannot be rendered.
    pub fn for_request(&self, mail: &LinkMail, now: Timestamp) -> Option<Message> {
        match mail {
            LinkMail::Reset { account, token } => self.reset(account, token, now),
            LinkMail::Invitation { account, token } => self.invitation(account, token, now),
            LinkMail::Elsewhere { account } => self.elsewhere(account),
            LinkMail::Registration { address, token } => self.registration(address, token, now),
            LinkMail::Known { account } => self.known(account),
        }
    }

    /// The link for a forgotten password.
    pub fn reset(&self, account: &Account, token: &LinkToken, now: Timestamp) -> Option<Message> {
        let (site, name) = (self.site(), name_of(account));
        let text = Text::of("mail-reset").with("site", site).with("name", name);
        let draft = Draft {
            subject: Text::of("mail-reset-subject").with("site", site),
            link: Some((self.link(LinkPurpose::Reset, token), Text::of("mail-reset-link"))),
            after: vec![Text::of("mail-reset-after")],
            ..Draft::new(LetterKind::Reset, Some(account)).with_link(text, LinkPurpose::Reset, now)
        };
        self.message(&account.user.email, draft)
    }

    /// The link for an account that an operator has made.
    pub fn invitation(&self, account: &Account, token: &LinkToken, now: Timestamp) -> Option<Message> {
        let (site, name) = (self.site(), name_of(account));
        let text = Text::of("mail-invitation").with("site", site).with("name", name);
        let draft = Draft {
            subject: Text::of("mail-invitation-subject").with("site", site),
            link: Some((self.link(LinkPurpose::Invitation, token), Text::of("mail-invitation-link"))),
            after: vec![Text::of("mail-invitation-after")],
            ..Draft::new(LetterKind::Invitation, Some(account)).with_link(text, LinkPurpose::Invitation, now)
        };
        self.message(&account.user.email, draft)
    }

    /// The link that finishes a registration.
    pub fn registration(&self, address: &str, token: &LinkToken, now: Timestamp) -> Option<Message> {
        let site = self.site();
        let text = Text::of("mail-registration").with("site", site);
        let draft = Draft {
            subject: Text::of("mail-registration-subject").with("site", site),
            link: Some((self.link(LinkPurpose::Registration, token), Text::of("mail-registration-link"))),
            after: vec![Text::of("mail-registration-after")],
            ..Draft::new(LetterKind::Registration, None).with_link(text, LinkPurpose::Registration, now)
        };
        self.message(address, draft).map(|message| Message { to_stranger: true, ..message })
    }

    /// The link for a new address, to that address.
    pub fn email_change(
        &self,
        (account, address): (&Account, &str),
        token: &LinkToken,
        now: Timestamp,
    ) -> Option<Message> {
        let (site, name) = (self.site(), name_of(account));
        let text = Text::of("mail-email").with("site", site).with("name", name);
        let draft = Draft {
            subject: Text::of("mail-email-subject").with("site", site),
            link: Some((self.link(LinkPurpose::EmailChange, token), Text::of("mail-email-link"))),
            after: vec![Text::of("mail-email-after")],
            ..Draft::new(LetterKind::EmailChange, Some(account)).with_link(
                text,
                LinkPurpose::EmailChange,
                now,
            )
        };
        self.message(address, draft)
    }

    /// The notice of a changed address, to the former one, with the link that undoes the change.
    pub fn email_changed(
        &self,
        (account, former): (&Account, &str),
        undo: Option<&LinkToken>,
        cause: &Cause,
    ) -> Option<Message> {
        let (site, name, address) = (self.site(), name_of(account), plain(&account.user.email));
        let text =
            Text::of("mail-email-changed").with("site", site).with("name", name).with("address", address);
        let mut draft = Draft {
            subject: Text::of("mail-email-changed-subject").with("site", site),
            event: Some((text.clone(), cause)),
            before: vec![text, cause.text()],
            ..Draft::new(LetterKind::EmailChanged, Some(account))
        };
        if let Some(token) = undo {
            draft.lifetime = Some(exactly(LinkPurpose::EmailUndo.lifetime()));
            draft.before.extend([Text::of("mail-undo"), once(LinkPurpose::EmailUndo)]);
            draft.link = Some((self.link(LinkPurpose::EmailUndo, token), Text::of("mail-undo-link")));
            draft.expires = Some(cause.at + LinkPurpose::EmailUndo.lifetime());
        }
        self.message(former, draft)
    }

    /// A notice of a change of the account.
    pub fn notice(&self, account: &Account, notice: &Notice, cause: &Cause) -> Option<Message> {
        let site = self.site();
        let kind = match notice {
            Notice::NewDevice { .. } => LetterKind::NewDevice,
            _ => LetterKind::Notice,
        };
        let what = match notice {
            Notice::PasswordChanged => Text::of("mail-password-changed"),
            Notice::FactorAdded { name } => Text::of("mail-factor-added").with("factor", plain(name)),
            Notice::FactorRemoved { name } => Text::of("mail-factor-removed").with("factor", plain(name)),
            Notice::PasskeyMayBeCopied { name } => {
                Text::of("mail-passkey-may-be-copied").with("name", plain(name))
            }
            Notice::RecoveryCodeUsed { left } => Text::of("mail-recovery-code-used").with("left", *left),
            Notice::RecoveryCodesMade => Text::of("mail-recovery-codes-made"),
            Notice::NewDevice { .. } => Text::of("mail-new-device"),
            Notice::EmailChanged { new } => Text::of("mail-notice-email-changed").with("address", plain(new)),
            Notice::TokenMade { name } => Text::of("mail-token-made").with("token", plain(name)),
            Notice::TokenRemoved { name } => Text::of("mail-token-removed").with("token", plain(name)),
        };
        let text = Text::of("mail-notice")
            .with("site", site)
            .with("name", name_of(account))
            .with("what", what.clone());
        let account_page = format!("{}{}", self.origin, paths::ACCOUNT);
        let draft = Draft {
            subject: match notice {
                Notice::NewDevice { .. } => Text::of("mail-new-device-subject").with("site", site),
                _ => Text::of("mail-notice-subject").with("site", site),
            },
            event: Some((what, cause)),
            before: vec![text, cause.text()],
            after: vec![Text::of("mail-notice-after").with("link", account_page)],
            ..Draft::new(kind, Some(account))
        };
        self.message(&account.user.email, draft)
    }

    /// The notice that an operator has taken these factors off the account.
    pub fn factors_removed(&self, account: &Account, factors: &[&str]) -> Option<Message> {
        let (site, names) = (self.site(), plain(&factors.join(", ")));
        let what = Text::of("mail-factors-removed-by-operator").with("factors", names);
        let text =
            Text::of("mail-notice").with("site", site).with("name", name_of(account)).with("what", what);
        let draft = Draft {
            subject: Text::of("mail-notice-subject").with("site", site),
            before: vec![text],
            after: vec![Text::of("mail-factors-removed-after")],
            ..Draft::new(LetterKind::Notice, Some(account))
        };
        self.message(&account.user.email, draft)
    }

    /// To those who approve accounts: there is one that waits.
    pub fn approval_wanted(&self, approver: &str, account: &Account) -> Option<Message> {
        let (site, name, address) = (self.site(), name_of(account), plain(&account.user.email));
        let text =
            Text::of("mail-approval").with("site", site).with("name", name.as_str()).with("address", address);
        let approve = format!("portcullis user approve {name}");
        let refuse = format!("portcullis user remove {name}");
        let draft = Draft {
            subject: Text::of("mail-approval-subject").with("site", site).with("name", name),
            before: vec![
                text,
                Text::of("mail-approval-command").with("command", approve),
                Text::of("mail-refusal-command").with("command", refuse),
            ],
            ..Draft::new(LetterKind::ApprovalWanted, Some(account))
        };
        self.message(approver, draft)
    }

    /// To a user whose account was approved.
    pub fn approved(&self, account: &Account) -> Option<Message> {
        let (site, name) = (self.site(), name_of(account));
        let draft = Draft {
            subject: Text::of("mail-approved-subject").with("site", site),
            before: vec![Text::of("mail-approved").with("site", site).with("name", name)],
            link: Some((format!("{}{}", self.origin, paths::LOGIN), Text::of("sign-in"))),
            ..Draft::new(LetterKind::Approved, Some(account))
        };
        self.message(&account.user.email, draft)
    }

    /// A message that shows that mail works.
    pub fn test(&self, address: &str) -> Option<Message> {
        let site = self.site();
        let draft = Draft {
            subject: Text::of("mail-test-subject").with("site", site),
            before: vec![Text::of("mail-test").with("site", site)],
            ..Draft::new(LetterKind::Test, None)
        };
        self.message(address, draft)
    }

    /// The account has no password here.
    fn elsewhere(&self, account: &Account) -> Option<Message> {
        let (site, name) = (self.site(), name_of(account));
        let backends: Vec<_> =
            account.identities.iter().map(|identity| identity.pair.backend.as_str()).collect();
        let backends = plain(&backends.join(", "));
        let text =
            Text::of("mail-elsewhere").with("site", site).with("name", name).with("backends", backends);
        let draft = Draft {
            subject: Text::of("mail-elsewhere-subject").with("site", site),
            before: vec![text],
            after: vec![Text::of("mail-nothing-to-do")],
            ..Draft::new(LetterKind::Elsewhere, Some(account))
        };
        self.message(&account.user.email, draft)
    }

    /// The address to register has an account already.
    fn known(&self, account: &Account) -> Option<Message> {
        let (site, name) = (self.site(), name_of(account));
        let draft = Draft {
            subject: Text::of("mail-known-subject").with("site", site),
            before: vec![Text::of("mail-known").with("site", site).with("name", name)],
            link: Some((format!("{}{}", self.origin, paths::RESET), Text::of("mail-known-link"))),
            after: vec![Text::of("mail-nothing-to-do")],
            ..Draft::new(LetterKind::Known, Some(account))
        };
        self.message(&account.user.email, draft)
    }

    fn site(&self) -> &str {
        self.origin.strip_prefix("https://").unwrap_or(&self.origin)
    }

    fn message(&self, to: &str, draft: Draft<'_>) -> Option<Message> {
        let say = |text: &Text| self.language.say(text);
        let letter = Letter {
            kind: draft.kind,
            subject: say(&draft.subject),
            before: draft.before.iter().map(say).collect(),
            link: draft.link.map(|(href, text)| LetterLink { href, text: say(&text) }),
            after: draft.after.iter().map(say).collect(),
            site: format!("{} · {}", self.pages.title(), self.site()),
            origin: self.origin.to_string(),
            host: self.site().to_owned(),
            user: draft.user.map(|account| LetterUser {
                name: name_of(account),
                full_name: plain(&account.user.full_name),
                email: plain(&account.user.email),
            }),
            lifetime: draft.lifetime.as_ref().map(say),
            event: draft.event.map(|(text, cause)| LetterEvent {
                text: say(&text),
                date: self.language.date(cause.at),
                device: say(&cause.device),
                address: cause.address.clone(),
            }),
        };
        let rendered = self.pages.letter(&letter, &self.language)?;
        Some(Message {
            to: to.to_owned(),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
            expires: draft.expires,
            to_stranger: false,
        })
    }
}

impl<'a> Draft<'a> {
    /// A mail without a link, whose other parts follow.
    fn new(kind: LetterKind, user: Option<&'a Account>) -> Self {
        Self {
            kind,
            user,
            event: None,
            lifetime: None,
            subject: Text::verbatim(""),
            before: Vec::new(),
            link: None,
            after: Vec::new(),
            expires: None,
        }
    }

    /// A mail with a link that expires, whose other parts follow.
    fn with_link(self, text: Text, purpose: LinkPurpose, now: Timestamp) -> Self {
        Self {
            before: vec![text, once(purpose)],
            lifetime: Some(exactly(purpose.lifetime())),
            expires: Some(now + purpose.lifetime()),
            ..self
        }
    }
}

impl Cause {
    fn text(&self) -> Text {
        let device = self.device.clone();
        if self.address.is_empty() {
            return Text::of("mail-cause").with("date", self.at).with("device", device);
        }
        let address = self.address.as_str();
        Text::of("mail-cause-from").with("date", self.at).with("address", address).with("device", device)
    }
}

fn once(purpose: LinkPurpose) -> Text {
    Text::of("mail-once").with("time", exactly(purpose.lifetime()))
}

fn name_of(account: &Account) -> String {
    plain(account.user.name.as_str())
}

/// A text of somebody as a part of a mail.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !misleads(*character)).take(MAX_SHOWN).collect()
}

const MAX_SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        clock::Clock,
        identity::UserName,
        users::{NewUser, UserStore},
    };

    fn account() -> Account {
        let temp = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let mut store = UserStore::open(&temp.path().join("users.db"), clock).unwrap();
        let name = UserName::parse("ada").unwrap();
        let new = NewUser {
            email: "ada@example.com".into(),
            full_name: "Ada \u{202e}<b>".into(),
            attributes: BTreeMap::new(),
            ..NewUser::named(name)
        };
        store.add(new).unwrap()
    }

    fn letters() -> Letters {
        Letters {
            pages: Pages::new(),
            language: Language::english(),
            origin: "https://login.example.com:8443".into(),
        }
    }

    #[test]
    fn each_link_leads_to_the_configured_origin_and_expires_with_its_message() {
        let (letters, ada, token) = (letters(), account(), LinkToken::generate().unwrap());
        let now = Timestamp::from_millis(1_800_000_000_000);
        let secret = token.to_text();
        let cause =
            Cause { at: now, address: "192.0.2.1".into(), device: Text::verbatim("Firefox on Linux") };
        for (message, page, purpose) in [
            (letters.reset(&ada, &token, now), "reset/new", LinkPurpose::Reset),
            (letters.invitation(&ada, &token, now), "invite", LinkPurpose::Invitation),
            (
                letters.registration("bob@example.com", &token, now),
                "register/finish",
                LinkPurpose::Registration,
            ),
            (
                letters.email_change((&ada, "new@example.com"), &token, now),
                "confirm-email",
                LinkPurpose::EmailChange,
            ),
            (
                letters.email_changed((&ada, "old@example.com"), Some(&token), &cause),
                "undo-email",
                LinkPurpose::EmailUndo,
            ),
        ] {
            let message = message.unwrap();
            let link = format!("\nhttps://login.example.com:8443/.gateway/{page}?token={}\n", *secret);
            assert!(message.text.contains(&link), "{}", message.text);
            assert_eq!(message.expires, Some(now + purpose.lifetime()), "{purpose:?}");
            assert!(!message.subject.contains(&**secret));
        }
    }

    #[test]
    fn texts_of_people_are_short_and_mislead_nobody() {
        let (letters, ada) = (letters(), account());
        let hostile = format!("\u{202e}evil\r\nBcc: x\u{0}<a href='https://evil.test'>{}", "x".repeat(1000));
        let cause =
            Cause { at: Timestamp::from_millis(0), address: String::new(), device: Text::verbatim("curl") };
        for notice in [
            Notice::FactorAdded { name: hostile.clone() },
            Notice::FactorRemoved { name: hostile.clone() },
            Notice::TokenMade { name: hostile.clone() },
            Notice::TokenRemoved { name: hostile.clone() },
            Notice::EmailChanged { new: hostile.clone() },
            Notice::NewDevice { device: hostile.clone() },
            Notice::PasswordChanged,
            Notice::RecoveryCodeUsed { left: 0 },
            Notice::RecoveryCodeUsed { left: 3 },
            Notice::RecoveryCodesMade,
        ] {
            let message = letters.notice(&ada, &notice, &cause).unwrap();
            for form in [&message.text, &message.html, &message.subject] {
                assert!(!form.contains(['\u{202e}', '\u{0}', '\r']), "{notice:?}: {form}");
                assert!(!form.contains(&"x".repeat(101)), "{notice:?}: {form}");
            }
            assert!(!message.html.contains("<a href='https://evil"), "{}", message.html);
            assert_eq!(message.to, "ada@example.com");
        }
    }
}
