//! The sign-in page.

use http::{HeaderValue, Method, StatusCode, header::SET_COOKIE};

use super::{
    PageRequest, PageResponse, Portal, ReturnTo,
    csrf::{self, Genuine},
    flash::FlashMessage,
    form::Form,
    hand_over::HandOver,
    passkeys::{self, PreparedPasskey},
    problem::{FORM_EXPIRED, form_again, refusal_for, text_for_proved},
    providers::start_link,
    session_opening::SessionOpening,
};
use crate::{
    auth::{Claim, Credential, Entrance, NotProved, oidc::OidcSettings},
    identity::UserName,
    language::{self, Text},
    pages::{self, Login, Page, PasskeyForm, ProviderLink, Remember, paths},
    refusal::Refusal,
    session::SessionToken,
    users::Password,
};

impl Portal {
    /// The form. A user who is signed in already is sent on. A form that came without the cookie that it is bound to
    /// has not been read, and is shown again.
    pub(super) async fn show_login(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let next = request.return_to(&request.parameter("next"));
        if request.account.is_some() {
            return Ok(pages::redirect(next.as_str()));
        }
        if *request.method == Method::POST {
            let contents = Contents::again("", &next).because(FORM_EXPIRED);
            return self.login_form(request, StatusCode::FORBIDDEN, &contents);
        }
        let flash = FlashMessage::waiting(request);
        // Right after a sign-out, or with another message, the browser stays here: the provider could sign the user in
        // again at once.
        if let Some(provider) = request.settings.backends.only_provider().filter(|_| flash.is_none()) {
            return Ok(pages::redirect(&start_link(provider.settings().name.as_str(), "", &next)));
        }
        // While the directory can't be read, the form is as good as any other page.
        let no_users = !request.settings.backends.has_others()
            && self.setup.has_users().await.is_ok_and(|has_users| !has_users);
        let contents =
            Contents { no_users, flash: flash.map(FlashMessage::text), ..Contents::again("", &next) };
        let mut response = self.login_form(request, StatusCode::OK, &contents)?;
        if flash.is_some() {
            FlashMessage::clear(request, response.headers_mut());
        }
        Ok(response)
    }

    /// Checks a name and a password. The response is the same whatever is wrong with them.
    pub(super) async fn sign_in(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let token = csrf::presented_form_token(request);
        let mut form = match Genuine::check(request, token.as_ref(), form) {
            Ok(genuine) => genuine.into_form(),
            Err(form) => {
                let next = request.return_to(form.text("next"));
                // The form was open in another tab while the same person signed in.
                let typed = UserName::parse(form.text("username")).ok();
                if request.account.is_some_and(|account| typed.as_ref() == Some(&account.user.name)) {
                    return Ok(pages::redirect(next.as_str()));
                }
                let contents =
                    Contents { remember: remembers(&form), ..Contents::again(form.text("username"), &next) };
                let contents = contents.because(FORM_EXPIRED);
                return self.login_form(request, StatusCode::FORBIDDEN, &contents);
            }
        };
        let next = request.return_to(form.text("next"));
        let password = Password::new(form.take("password"));
        let typed_name = form.text("username");
        let again = Contents { remember: remembers(&form), ..Contents::again(typed_name, &next) };
        let credential = Credential::Password(password);
        let checked =
            self.sign_in.check(Claim::Name(typed_name), credential, &request.origin(Entrance::SignIn)).await;
        let proved = match checked {
            Ok(proved) => proved,
            Err(not_proved) => {
                let prepared = self.prepare_login(request)?;
                return form_again(request, refusal_for(not_proved, Refusal::SignIn), |status, detail| {
                    let proved = text_for_proved(not_proved);
                    let problem =
                        if not_proved == NotProved::Wrong { WRONG } else { proved.unwrap_or(detail) };
                    Ok(login_page(request, status, &again.because(problem), prepared))
                });
            }
        };
        // The sessions heed this only where the setting offers the checkbox.
        let how = if again.remember { SessionOpening::Remembered } else { SessionOpening::SignedIn };
        self.finish_sign_in(request, &proved, how, &next).await
    }

    /// The form after a passkey that signed nobody in; `None`: the form had expired. `unknown` is the passkey, if no account
    /// has it.
    pub(super) fn login_after_passkey(
        &self,
        request: &PageRequest<'_>,
        next: &ReturnTo,
        (not_proved, unknown): (Option<NotProved>, Option<String>),
    ) -> Result<PageResponse, Refusal> {
        let contents = Contents { unknown_passkey: unknown, ..Contents::again("", next) };
        let Some(not_proved) = not_proved else {
            return self.login_form(request, StatusCode::FORBIDDEN, &contents.because(FORM_EXPIRED));
        };
        let prepared = self.prepare_login(request)?;
        form_again(request, refusal_for(not_proved, Refusal::SignIn), |status, detail| {
            let problem = if not_proved == NotProved::Wrong { passkeys::WRONG } else { detail };
            Ok(login_page(request, status, &contents.because(problem), prepared))
        })
    }

    fn login_form(
        &self,
        request: &PageRequest<'_>,
        status: StatusCode,
        contents: &Contents<'_>,
    ) -> Result<PageResponse, Refusal> {
        let prepared = self.prepare_login(request)?;
        Ok(login_page(request, status, contents, prepared))
    }

    /// The token to which the form is bound, and the challenge for a passkey.
    fn prepare_login(&self, request: &PageRequest<'_>) -> Result<PreparedLogin, Refusal> {
        let (token, cookie) = csrf::form_token(request)?;
        let passkey = match *request.method {
            Method::HEAD => None,
            _ => self.passkey_for_sign_in(request, &token),
        };
        Ok(PreparedLogin { token, cookie, passkey })
    }
}

/// The parts of the sign-in page that are made for one showing of it.
struct PreparedLogin {
    token: SessionToken,
    cookie: Option<HeaderValue>,
    passkey: Option<PreparedPasskey>,
}

/// The contents of the sign-in page.
struct Contents<'a> {
    username: &'a str,
    next: &'a ReturnTo,
    remember: bool,
    problem: Option<Text>,
    flash: Option<Text>,
    no_users: bool,
    unknown_passkey: Option<String>,
}

impl<'a> Contents<'a> {
    /// The form with the name that was typed before; never with the password.
    fn again(typed_name: &'a str, next: &'a ReturnTo) -> Self {
        // No user name is that long; it would only fill the page.
        let username = if typed_name.len() > MAX_SHOWN_BYTES { "" } else { typed_name };
        Self {
            username,
            next,
            remember: false,
            problem: None,
            flash: None,
            no_users: false,
            unknown_passkey: None,
        }
    }

    fn because(self, problem: Text) -> Self {
        Self { problem: Some(problem), ..self }
    }
}

fn remembers(form: &Form) -> bool {
    !form.text("remember").is_empty()
}

fn login_page(
    request: &PageRequest<'_>,
    status: StatusCode,
    contents: &Contents<'_>,
    prepared: PreparedLogin,
) -> PageResponse {
    let PreparedLogin { token, cookie, passkey } = prepared;
    let csrf = token.form_token();
    let has_form = request.settings.backends.check_passwords();
    let hand_over = HandOver::at(contents.next, request);
    let [problem, flash] =
        [&contents.problem, &contents.flash].map(|text| text.as_ref().map(|text| request.say(text)));
    let page = Page::Login(Login {
        host: request.host,
        continues_to: hand_over.as_ref().map_or(request.host, |hand_over| &hand_over.host),
        csrf: &csrf,
        next: contents.next.as_str(),
        username: contents.username,
        remember: request
            .settings
            .sessions
            .remember_lifetime
            .map(|time| Remember { time: request.say(&language::exactly(time)), checked: contents.remember }),
        problem: problem.as_deref(),
        flash: flash.as_deref(),
        no_users: contents.no_users,
        has_form,
        can_reset: request.settings.backends.has_local() && request.settings.sends_mail,
        can_register: request.settings.offers_registration(),
        providers: providers(request, contents.next),
        passkey: passkey.as_ref().map(|passkey| PasskeyForm {
            conditional: has_form,
            ..passkey.form(paths::PASSKEY_SIGN_IN, &csrf, contents.next.as_str())
        }),
        unknown_passkey: contents.unknown_passkey.as_deref(),
    });
    let mut response = request.render(status, &page);
    if let Some(hand_over) = hand_over {
        pages::allow_form_to_lead_to(&mut response, &request.origin_of(&hand_over.host));
    }
    if passkey.is_some() {
        request.settings.pages.allow_passkey_script(&mut response, request.host);
    }
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A button for each provider.
fn providers<'r>(request: &PageRequest<'r>, next: &ReturnTo) -> Vec<ProviderLink<'r>> {
    let providers = request.settings.backends.providers().iter().map(|provider| provider.settings());
    let link = |settings: &'r OidcSettings| ProviderLink {
        href: start_link(settings.name.as_str(), "", next),
        title: &settings.title,
    };
    providers.map(link).collect()
}

const WRONG: Text = Text::of("sign-in-wrong");
const MAX_SHOWN_BYTES: usize = 256;
