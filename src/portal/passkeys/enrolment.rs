//! Adding a passkey to the account of the user who is signed in.

use http::{StatusCode, header::USER_AGENT};
use zeroize::Zeroizing;

use super::{
    super::{
        PageRequest, PageResponse, Portal, SignedIn, csrf::Genuine, device, form::Form, notice::Notice,
        problem::FORM_EXPIRED,
    },
    PreparedPasskey,
    ceremony::{Ceremony, Participant},
    options,
    submitted::SubmittedPasskey,
};
use crate::{
    auth::webauthn::{Expectation, register},
    language::Text,
    pages::{AddPasskey, Page, PasskeyAdded, PasskeyForm, paths},
    refusal::Refusal,
    telemetry::AuditKind,
    users::{DirectoryError, Enrolled, FactorName, NewPasskey, NotEnrolled, RecoveryCode, UserStoreError},
};

impl Portal {
    /// The form.
    pub(in crate::portal) async fn show_add_passkey(
        &self,
        request: &PageRequest<'_>,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        if request.passkeys().is_none() {
            return Err(Refusal::NotFound);
        }
        if let Err(confirm) = signed_in.recently_proved(request, self.clock.now()) {
            return Ok(*confirm);
        }
        self.add_passkey_page(request, &signed_in, StatusCode::OK, None).await
    }

    /// Adds the passkey that the browser has made.
    pub(in crate::portal) async fn add_passkey(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        let settings = request.passkeys().ok_or(Refusal::NotFound)?;
        if let Err(confirm) = signed_in.recently_proved(request, self.clock.now()) {
            return Ok(*confirm);
        }
        let Ok(genuine) = Genuine::check(request, Some(&signed_in.token), form) else {
            return self
                .add_passkey_page(request, &signed_in, StatusCode::FORBIDDEN, Some(FORM_EXPIRED))
                .await;
        };
        let form = genuine.into_form();
        let account = signed_in.account;
        let participant = Participant::of(signed_in.token.key().to_hex(), account);
        let (text, ceremony) = (form.text("challenge"), Ceremony::Enrolment);
        let taken = self.take_challenge(request, text, ceremony, &participant, &settings.rp_id).await?;
        let (Some(challenge), Some(submitted)) = (taken, SubmittedPasskey::read(&form)) else {
            return self.passkey_not_added(request, &signed_in, "passkey-challenge", NOT_ADDED).await;
        };
        let Ok(name) = FactorName::parse(form.text("name")) else {
            return self.passkey_not_added(request, &signed_in, "passkey-name", NAME_INVALID).await;
        };
        let party = settings.party(request.ports);
        let expected = Expectation {
            party: &party,
            challenge: &challenge,
            user_verification: settings.verification_at_enrolment(),
        };
        let new = match register(&submitted.response(), &expected) {
            Ok(new) => new,
            Err(reason) => {
                return self.passkey_not_added(request, &signed_in, reason.as_str(), NOT_ADDED).await;
            }
        };
        let new = NewPasskey {
            rp_id: settings.rp_id.clone(),
            credential: new.id,
            public_key: new.public_key.as_cose().into(),
            sign_count: new.sign_count,
            backup_eligible: new.backup_eligible,
            backed_up: new.backed_up,
            aaguid: new.aaguid,
            transports: submitted.transports,
            name: name.clone(),
        };
        let Enrolled { account, codes, .. } = match self.sign_in.enrol_passkey(account, new).await {
            Ok(Ok(enrolled)) => enrolled,
            Ok(Err(NotEnrolled::TooMany)) => {
                return self.passkey_not_added(request, &signed_in, "too-many", TOO_MANY).await;
            }
            Ok(Err(NotEnrolled::AlreadyAdded)) => {
                return self.passkey_not_added(request, &signed_in, "already-added", ADDED_ALREADY).await;
            }
            Ok(Err(
                NotEnrolled::Expired
                | NotEnrolled::WrongCode
                | NotEnrolled::WrongName
                | NotEnrolled::NotFirst,
            )) => {
                return self.passkey_not_added(request, &signed_in, "expired", NOT_ADDED).await;
            }
            Err(DirectoryError::Store(UserStoreError::CredentialChanged(_) | UserStoreError::Gone(_))) => {
                return Err(Refusal::SignIn);
            }
            Err(error) => return Err(request.unavailable("adding a passkey", &error)),
        };
        self.notify(request, &account, &Notice::FactorAdded { name: name.as_str().to_owned() });
        let codes: Vec<Zeroizing<String>> =
            codes.iter().flat_map(|codes| codes.iter().map(RecoveryCode::to_groups)).collect();
        let page = Page::PasskeyAdded(PasskeyAdded {
            host: request.host,
            name: name.as_str(),
            codes: codes.iter().map(|code| code.as_str()).collect(),
        });
        Ok(request.render(StatusCode::OK, &page))
    }

    async fn passkey_not_added(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
        reason: &str,
        problem: Text,
    ) -> Result<PageResponse, Refusal> {
        let user = signed_in.account.user.name.as_str();
        self.record(request, AuditKind::FactorRefused, reason, Some(user), None);
        self.add_passkey_page(request, signed_in, StatusCode::BAD_REQUEST, Some(problem)).await
    }

    async fn add_passkey_page(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
        status: StatusCode,
        problem: Option<Text>,
    ) -> Result<PageResponse, Refusal> {
        let settings = request.passkeys().ok_or(Refusal::NotFound)?;
        let account = signed_in.account;
        let user = &account.user;
        let failed = |error| request.unavailable("reading passkeys", &error);
        let handle = self.sign_in.user_handle(account).await.map_err(failed)?;
        let passkeys = self.sign_in.passkeys_of(account, &settings.rp_id).await.map_err(failed)?;
        let participant = Participant::of(signed_in.token.key().to_hex(), account);
        let challenge =
            self.begin_ceremony(request, Ceremony::Enrolment, participant, &settings.rp_id).await?;
        let options = options::creation(settings, &challenge, user, (&handle, &passkeys));
        let accepted = options::accepted(settings, user, &handle, &passkeys);
        let prepared = PreparedPasskey::new(&challenge, options);
        let csrf = signed_in.token.form_token();
        let user_agent = request.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let name = request.say(&user_agent.map_or(DEFAULT_NAME, device::text_at_line_start));
        let problem = problem.map(|problem| request.say(&problem));
        let page = Page::AddPasskey(AddPasskey {
            host: request.host,
            rp_id: &settings.rp_id,
            passkey: PasskeyForm {
                creates: true,
                primary: true,
                name: &name,
                ..prepared.form(paths::ADD_PASSKEY, &csrf, "")
            },
            accepted: &accepted,
            problem: problem.as_deref(),
        });
        let mut response = request.render(status, &page);
        request.settings.pages.allow_passkey_script(&mut response, request.host);
        Ok(response)
    }
}

const NOT_ADDED: Text = Text::of("passkey-not-added");
const ADDED_ALREADY: Text = Text::of("passkey-added-already");
const TOO_MANY: Text = Text::of("passkey-too-many");
const NAME_INVALID: Text = Text::of("passkey-name-invalid");
const DEFAULT_NAME: Text = Text::of("passkey-default-name");
