//! The ceremony that makes a passkey, for a user who has proved something else in this browser: in a session, or in a
//! pending sign-in.

use std::sync::Arc;

use super::{
    super::{AuthenticatorNames, PageRequest, Portal, form::Form, notice::Notice},
    PreparedPasskey,
    ceremony::{Ceremony, Participant},
    options,
    submitted::SubmittedPasskey,
};
use crate::{
    auth::{
        Proved,
        webauthn::{Expectation, register},
    },
    identity::ProofMethod,
    language::Text,
    pages::PasskeyForm,
    refusal::Refusal,
    telemetry::AuditKind,
    users::{
        Account, DirectoryError, Enrolled, FactorName, FactorsBefore, NewPasskey, NotEnrolled, UserStoreError,
    },
};

/// The form that makes a passkey, ready for a page.
pub(in crate::portal) struct NewPasskeyForm {
    prepared: PreparedPasskey,
    /// The passkeys that the user has, as JSON.
    pub(super) signals: String,
}

impl NewPasskeyForm {
    /// The form that sends the passkey to `action`.
    pub(in crate::portal) fn form<'a>(&'a self, action: &'a str, csrf: &'a str) -> PasskeyForm<'a> {
        PasskeyForm { creates: true, primary: true, ..self.prepared.form(action, csrf, "") }
    }
}

impl Portal {
    /// A ceremony for this account, in the browser with this key.
    pub(in crate::portal) async fn prepare_new_passkey(
        &self,
        request: &PageRequest<'_>,
        account: &Account,
        browser: String,
    ) -> Result<NewPasskeyForm, Refusal> {
        let settings = request.require_passkeys()?;
        let user = &account.user;
        let failed = |error| request.unavailable("reading passkeys", &error);
        let handle = self.sign_in.user_handle(account).await.map_err(failed)?;
        let passkeys = self.sign_in.passkeys_of(account, &settings.rp_id).await.map_err(failed)?;
        let participant = Participant::of(browser, account);
        let challenge = self.new_challenge(request, (Ceremony::Enrolment, &participant), &settings.rp_id)?;
        let options = options::creation(settings, &challenge, user, (&handle, &passkeys));
        let signals = options::accepted(settings, user, &handle, &passkeys);
        Ok(NewPasskeyForm { prepared: PreparedPasskey::new(&challenge, options), signals })
    }

    /// Adds the passkey that the browser has made, and tells its owner; otherwise the problem for the page, which has been
    /// recorded.
    pub(in crate::portal) async fn take_new_passkey(
        &self,
        request: &PageRequest<'_>,
        form: &Form,
        to: (&Account, FactorsBefore),
        browser: String,
    ) -> Result<Result<(Proved, Enrolled<Arc<Account>>), Text>, Refusal> {
        match self.enrol_new_passkey(request, form, to, browser).await? {
            Ok((proved, enrolled)) => {
                let name = enrolled.name().to_owned();
                self.notify(request, &enrolled.account, &Notice::FactorAdded { name }).await;
                Ok(Ok((proved, enrolled)))
            }
            Err(NotAdded { reason, problem }) => {
                let user = to.0.user.name.as_str();
                self.record(request, AuditKind::FactorRefused, reason, Some(user), None);
                Ok(Err(problem))
            }
        }
    }

    async fn enrol_new_passkey(
        &self,
        request: &PageRequest<'_>,
        form: &Form,
        (account, factors_before): (&Account, FactorsBefore),
        browser: String,
    ) -> Result<Result<(Proved, Enrolled<Arc<Account>>), NotAdded>, Refusal> {
        let settings = request.require_passkeys()?;
        let participant = Participant::of(browser, account);
        let (text, of) = (form.text("challenge"), (Ceremony::Enrolment, &participant));
        let taken = self.take_challenge(request, text, of, &settings.rp_id).await?;
        let (Some(challenge), Some(submitted)) = (taken, SubmittedPasskey::read(form)) else {
            return Ok(Err(NotAdded::because("passkey-challenge")));
        };
        let typed = form.text("name").trim();
        let typed = (!typed.is_empty()).then(|| FactorName::parse(typed));
        if let Some(Err(_)) = typed {
            return Ok(Err(NotAdded { reason: "passkey-name", problem: NAME_INVALID }));
        }
        let party = settings.party(request.ports);
        let expected = Expectation {
            party: &party,
            challenge: &challenge,
            user_verification: settings.verification_at_enrolment(),
        };
        let new = match register(&submitted.response(), &expected) {
            Ok(new) => new,
            Err(reason) => return Ok(Err(NotAdded::because(reason.as_str()))),
        };
        let name = match typed {
            Some(Ok(name)) => name,
            _ => self.name_of_new(request, account, &settings.authenticators, &new.aaguid),
        };
        let method = if new.user_verified { ProofMethod::Passkey } else { ProofMethod::SecurityKey };
        let new = NewPasskey {
            rp_id: settings.rp_id.clone(),
            credential: new.id,
            public_key: new.public_key.as_cose().into(),
            sign_count: new.sign_count,
            backup_eligible: new.backup_eligible,
            backed_up: new.backed_up,
            aaguid: new.aaguid,
            transports: submitted.transports,
            name,
        };
        match self.sign_in.enrol_passkey(account, (new, factors_before), method).await {
            Ok(Ok(enrolled)) => Ok(Ok(enrolled)),
            Ok(Err(why)) => Ok(Err(NotAdded::from(why))),
            Err(DirectoryError::Store(UserStoreError::CredentialChanged(_) | UserStoreError::Gone(_))) => {
                Err(Refusal::SignIn)
            }
            Err(error) => Err(request.unavailable("adding a passkey", &error)),
        }
    }
}

impl Portal {
    /// The name of a passkey to which its owner has given none: that of its model, told from others of the same, or its date.
    fn name_of_new(
        &self,
        request: &PageRequest<'_>,
        account: &Account,
        authenticators: &AuthenticatorNames,
        aaguid: &[u8; 16],
    ) -> FactorName {
        let dated = || {
            let text = request.say(&Text::of("passkey-added-on").with("date", self.clock.now()));
            FactorName::parse(&text).unwrap_or_else(|_| FactorName::passkey())
        };
        let name = authenticators.name_of(aaguid).unwrap_or_else(dated);
        let is_taken = |name: &FactorName| account.factors.iter().any(|factor| factor.name == name.as_str());
        let numbered = |number: usize| FactorName::parse(&format!("{} {number}", name.as_str())).ok();
        if is_taken(&name) {
            // One more than an account can have.
            (2..=21).filter_map(numbered).find(|name| !is_taken(name)).unwrap_or(name)
        } else {
            name
        }
    }
}

/// Why a passkey was not added: for the audit stream, and for the page.
struct NotAdded {
    reason: &'static str,
    problem: Text,
}

impl NotAdded {
    fn because(reason: &'static str) -> Self {
        Self { reason, problem: NOT_ADDED }
    }
}

impl From<NotEnrolled> for NotAdded {
    fn from(why: NotEnrolled) -> Self {
        match why {
            NotEnrolled::TooMany => Self { reason: "too-many", problem: TOO_MANY },
            NotEnrolled::AlreadyAdded => Self { reason: "already-added", problem: ADDED_ALREADY },
            NotEnrolled::Expired
            | NotEnrolled::WrongCode
            | NotEnrolled::WrongName
            | NotEnrolled::NotFirst => Self::because("expired"),
        }
    }
}

const NOT_ADDED: Text = Text::of("passkey-not-added");
const ADDED_ALREADY: Text = Text::of("passkey-added-already");
const TOO_MANY: Text = Text::of("passkey-too-many");
const NAME_INVALID: Text = Text::of("passkey-name-invalid");
