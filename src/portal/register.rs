//! Registration: an address is checked by a link before there is an account.
//!
//! The first page takes an address, and its response is the same for every address; an address with an account gets a mail
//! that says so. The page behind the link makes the account, active or waiting for approval. Mallory, who registers
//! Alice's address, makes nothing: there is no account without the link, and no name is taken.

use std::collections::BTreeMap;

use http::{Method, StatusCode};

use super::{
    PageRequest, PageResponse, Portal, RegistrationMode,
    csrf::{self, Genuine},
    flash::FlashMessage,
    form::Form,
    own_fields::{OwnFields, WrongInput, all_problems},
    problem::{FORM_EXPIRED, Problem, form_again, refusal_for},
    unfit_texts::{invalid_name, weak_password},
};
use crate::{
    identity::{EmailKey, UserName},
    language::Text,
    pages::{self, Page, Register, RegisterFinish, paths},
    refusal::Refusal,
    telemetry::AuditKind,
    throttle::Network,
    users::{
        Account, Busy, DirectoryError, LinkPurpose, LinkRefused, NewUser, OwnProfileChange, Password,
        PasswordOwner, UserStoreError,
    },
};

impl Portal {
    /// The form that takes an address. There is no such page where nobody registers.
    pub(super) fn show_register(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        self.registers(request)?;
        if *request.method == Method::POST {
            let problem = Problem::new("", FORM_EXPIRED);
            return register_form(request, StatusCode::FORBIDDEN, "", Some(&problem));
        }
        register_form(request, StatusCode::OK, "", None)
    }

    /// Sends a link to the address, if an account can be made with it.
    pub(super) fn ask_to_register(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        self.registers(request)?;
        let Some(outbox) = self.outbox(request).cloned() else { return Err(Refusal::NotFound) };
        let address = form.text("email").trim().to_owned();
        let token = csrf::presented_form_token(request);
        if Genuine::check(request, token.as_ref(), form).is_err() {
            let problem = Problem::new("", FORM_EXPIRED);
            return register_form(request, StatusCode::FORBIDDEN, &address, Some(&problem));
        }
        let registration = &request.settings.accounts.registration;
        let Some(key) = EmailKey::of(&address) else {
            let problem = Problem::new("email", Text::of("register-address-wrong"));
            return register_form(request, StatusCode::UNPROCESSABLE_ENTITY, &address, Some(&problem));
        };
        let may_register = registration.mode.makes_accounts();
        if may_register && !registration.admits(&key) {
            let domains = registration.domains.join(", ");
            let problem = Problem::new("email", Text::of("register-domains").with("domains", domains));
            return register_form(request, StatusCode::UNPROCESSABLE_ENTITY, &address, Some(&problem));
        }
        let now = self.clock.now();
        let network = Network::of(request.client_addr.or_proxy());
        if let Err(retry_after) = self.request_limit.admit(network, now) {
            return form_again(request, Refusal::TooManyAttempts { retry_after }, |status, detail| {
                register_form(request, status, &address, Some(&Problem::new("", detail)))
            });
        }
        let letters = request.letters();
        let sent = self.sign_in.directory().request_registration(address, may_register, move |mail| {
            if let Some(message) = mail.and_then(|mail| letters.for_request(&mail, now)) {
                outbox.queue(message);
            }
        });
        sent.map_err(|error| request.directory_failed("asking for a link", &error))?;
        self.record(request, AuditKind::Registration, "requested", None, None);
        let texts = (&Text::of("mail-sent-title"), &Text::of("register-sent"));
        Ok(request.notice(StatusCode::OK, texts, (paths::LOGIN, &Text::of("back-to-sign-in"))))
    }

    /// The form that makes the account, for a browser that has opened the link.
    pub(super) async fn show_register_finish(
        &self,
        request: &PageRequest<'_>,
    ) -> Result<PageResponse, Refusal> {
        self.registers(request)?;
        if let Some(arrival) = request.arrival_by_link() {
            return Ok(arrival);
        }
        match self.valid_link(request, LinkPurpose::Registration).await? {
            Some((_, link)) => {
                let fields = OwnFields::stored(request, &NO_VALUES);
                finish_form(request, StatusCode::OK, (&link.email, "", ""), (&fields, &[]), None)
            }
            None => Ok(request.void_link(LinkPurpose::Registration)),
        }
    }

    /// Makes the account.
    pub(super) async fn finish_registration(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        self.registers(request)?;
        let purpose = LinkPurpose::Registration;
        let registration = &request.settings.accounts.registration;
        let Some((link_token, link)) = self.valid_link(request, purpose).await? else {
            return Ok(request.void_link(purpose));
        };
        // The configuration may have changed since the link was sent.
        if !registration.mode.makes_accounts()
            || EmailKey::of(&link.email).is_none_or(|key| !registration.admits(&key))
        {
            return Ok(request.void_link(purpose));
        }
        let (typed_name, full_name) =
            (form.text("username").to_owned(), form.text("full_name").trim().to_owned());
        let fields = OwnFields::sent(request, &NO_VALUES, &form);
        let typed = (link.email.as_str(), typed_name.as_str(), full_name.as_str());
        let again =
            |status, problem: &Problem| finish_form(request, status, typed, (&fields, &[]), Some(problem));
        let token = csrf::presented_form_token(request);
        let mut form = match Genuine::check(request, token.as_ref(), form) {
            Ok(genuine) => genuine.into_form(),
            Err(_) => return again(StatusCode::FORBIDDEN, &Problem::new("", FORM_EXPIRED)),
        };
        let wrong = |about, text| again(StatusCode::UNPROCESSABLE_ENTITY, &Problem::new(about, text));
        let new = Password::new(form.take("new"));
        if new != Password::new(form.take("again")) {
            return wrong("again", Text::of("setup-not-the-same"));
        }
        let name = match UserName::parse(&typed_name) {
            Ok(name) => name,
            Err(error) => return wrong("username", invalid_name(&error)),
        };
        if !is_for_strangers(&name, &link.email) {
            return wrong("username", Text::of("register-name-plain"));
        }
        // A rule may let in a user whom nobody has made yet, and a directory one who has never come.
        let is_taken =
            request.settings.named_users.contains(&name) || self.is_name_of_directory(request, &name).await?;
        if is_taken {
            return wrong("username", Text::of("register-name-taken"));
        }
        let mut own = OwnProfileChange::default();
        if let Err(unfit) = fields.add_to(&mut own) {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return finish_form(request, status, typed, (&fields, &unfit), None);
        }
        let owner = PasswordOwner::new(name.clone(), full_name.as_str(), link.email.as_str());
        let hash = match self.passwords.hash_new(new, owner).await {
            Ok(Ok(hash)) => hash,
            Ok(Err(weak)) => return wrong("new", weak_password(&weak)),
            Err(Busy { retry_after }) => {
                return form_again(request, Refusal::TooBusy { retry_after }, |status, detail| {
                    again(status, &Problem::new("", detail))
                });
            }
        };
        let is_waiting = registration.mode == RegistrationMode::Approval;
        let new = NewUser {
            full_name: full_name.clone(),
            groups: registration.groups.clone(),
            attributes: own.attributes,
            password: Some(hash),
            ..NewUser::named(name)
        };
        let registered = self.sign_in.directory().register(link_token.key(), new, is_waiting).await;
        let account = match registered {
            Ok(Ok(account)) => account,
            Ok(Err(refused)) => {
                self.record(request, AuditKind::Registration, refused.as_str(), None, None);
                return match refused {
                    LinkRefused::NameTaken => wrong("username", Text::of("register-name-taken")),
                    LinkRefused::AddressTaken => wrong("", Text::of("link-address-taken")),
                    LinkRefused::TooManyWaiting => wrong("", Text::of("register-too-many")),
                    LinkRefused::Void => Ok(request.void_link(purpose)),
                };
            }
            Err(DirectoryError::Store(UserStoreError::Invalid(_))) => {
                return wrong("full_name", Text::of("profile-not-a-line"));
            }
            Err(error) => return Err(request.directory_failed("registering a user", &error)),
        };
        self.record(request, AuditKind::Registration, "ok", Some(account.user.name.as_str()), None);
        Ok(self.registered(request, &account))
    }

    /// Whether a directory among the backends has a user of this name: Mallory, who registers it first, would be taken for
    /// that user by the applications, and would keep them out.
    async fn is_name_of_directory(
        &self,
        request: &PageRequest<'_>,
        name: &UserName,
    ) -> Result<bool, Refusal> {
        let known = self.sign_in.is_known_to_directories(name, &request.settings.backends).await;
        known.map_err(|not_proved| refusal_for(not_proved, Refusal::NotFound))
    }

    /// The response to a finished registration; approvers are told of one that waits.
    fn registered(&self, request: &PageRequest<'_>, account: &Account) -> PageResponse {
        if account.active {
            let mut response = pages::redirect(paths::LOGIN);
            request.forget_link(response.headers_mut());
            FlashMessage::Registered.leave(&request.settings.cookies, response.headers_mut());
            return response;
        }
        if let Some(outbox) = self.outbox(request) {
            for approver in &request.settings.accounts.registration.approvers {
                if let Some(message) = request.letters().approval_wanted(approver, account) {
                    outbox.queue(message);
                }
            }
        }
        let texts = (&Text::of("register-waiting-title"), &Text::of("register-waiting"));
        let mut response =
            request.notice(StatusCode::OK, texts, (paths::LOGIN, &Text::of("back-to-sign-in")));
        request.forget_link(response.headers_mut());
        response
    }

    /// Refused where nobody registers.
    fn registers(&self, request: &PageRequest<'_>) -> Result<(), Refusal> {
        let offered = request.settings.offers_registration() && self.outbox(request).is_some();
        if offered { Ok(()) } else { Err(Refusal::NotFound) }
    }
}

/// Whether somebody whom nobody knows may choose this name. Applications and people take a user for what the name shows:
/// Mallory is not to be `аlice`, with a Cyrillic `а`, and not `bob@example.com`, unless that is her address. The first
/// character is none with which an option of a command begins.
fn is_for_strangers(name: &UserName, address: &str) -> bool {
    let name = name.as_str();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte);
    name.bytes().all(is_plain)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && (!name.contains('@') || EmailKey::of(address).is_some_and(|key| key.as_str() == name))
}

fn register_form(
    request: &PageRequest<'_>,
    status: StatusCode,
    typed: &str,
    problem: Option<&Problem>,
) -> Result<PageResponse, Refusal> {
    let (token, cookie) = csrf::form_token(request)?;
    let text = problem.map(|problem| request.say(&problem.text));
    let page = Page::Register(Register {
        host: request.host,
        csrf: &token.form_token(),
        by_invitation: !request.settings.accounts.registration.mode.makes_accounts(),
        // No address is that long; it would only fill the page.
        email: if typed.len() > MAX_SHOWN { "" } else { typed },
        problem: text.as_deref(),
        about: problem.map_or("", |problem| problem.about),
    });
    Ok(request.render_form(status, &page, cookie))
}

fn finish_form(
    request: &PageRequest<'_>,
    status: StatusCode,
    (email, typed_name, full_name): (&str, &str, &str),
    (fields, unfit): (&OwnFields<'_>, &[WrongInput]),
    problem: Option<&Problem>,
) -> Result<PageResponse, Refusal> {
    let (token, cookie) = csrf::form_token(request)?;
    let text = match problem {
        Some(problem) => Some(request.say(&problem.text)),
        None => (!unfit.is_empty()).then(|| all_problems(request, unfit)),
    };
    let shown = |typed| if str::len(typed) > MAX_SHOWN { "" } else { typed };
    let page = Page::RegisterFinish(RegisterFinish {
        host: request.host,
        csrf: &token.form_token(),
        email,
        username: shown(typed_name),
        full_name: shown(full_name),
        fields: fields.shown_editable(unfit),
        problem: text.as_deref(),
        about: problem.map_or("", |problem| problem.about),
    });
    Ok(request.render_form(status, &page, cookie))
}

/// A person who registers has no values yet.
static NO_VALUES: BTreeMap<String, String> = BTreeMap::new();
const MAX_SHOWN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_chooses_a_name_that_shows_what_it_is() {
        for (typed, expected) in [
            ("bob", true),
            ("Bob.Miller-2_x+y", true),
            ("7", true),
            ("ｂｏｂ", true),
            ("\u{430}lice", false),
            ("m\u{fc}ller", false),
            ("bob\u{660}", false),
            ("-rf", false),
            (".bob", false),
            ("bob@example.com", true),
            ("BOB@Example.com", true),
            ("alice@example.com", false),
            ("alice@", false),
        ] {
            let name = UserName::parse(typed).unwrap();
            assert_eq!(is_for_strangers(&name, "Bob@example.com"), expected, "{typed}");
        }
    }
}
