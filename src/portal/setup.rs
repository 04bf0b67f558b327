//! The set-up page, which makes the first user.
//!
//! The page needs the secret of the set-up link, which is printed at the start ([`auth::SetupLink`](crate::auth::SetupLink)).
//! Without the secret of an open link the page does not exist.

use http::StatusCode;
use zeroize::Zeroizing;

use super::{
    PageRequest, PageResponse, Portal,
    csrf::{self, Genuine},
    flash::FlashMessage,
    form::Form,
    problem::{FORM_EXPIRED, refusal_for},
    session_opening::{OpenedSession, SessionOpening},
    unfit_texts::{invalid_name, weak_password},
};
use crate::{
    auth::{Entrance, LinkProved},
    identity::UserName,
    language::Text,
    pages::{Page, Setup, paths},
    refusal::Refusal,
    telemetry::AuditKind,
    users::{DirectoryError, Password, PasswordOwner},
};

impl Portal {
    /// Opens the one-time set-up link if there is no user yet, for the server to print at its start: path and
    /// query, without `https://HOST`. It holds a secret, which belongs on the terminal and in no log.
    pub async fn setup_link(&self) -> Result<Option<Zeroizing<String>>, DirectoryError> {
        if self.setup.has_users().await? {
            return Ok(None);
        }
        match self.setup.open() {
            Ok(secret) => Ok(Some(Zeroizing::new(format!("{}?token={}", paths::SETUP, *secret)))),
            Err(error) => {
                tracing::error!(%error, "set-up link not made");
                Ok(None)
            }
        }
    }

    /// The form, for a browser that has opened the link.
    pub(super) async fn show_setup(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let secret = Zeroizing::new(request.parameter("token"));
        self.check_link(request, &secret).await?;
        setup_form(request, StatusCode::OK, &secret, "", None)
    }

    /// Makes the first superuser and signs them in. Of two simultaneous requests, the directory lets one succeed.
    pub(super) async fn set_up(
        &self,
        request: &PageRequest<'_>,
        mut form: Form,
    ) -> Result<PageResponse, Refusal> {
        let secret = Zeroizing::new(form.take("token"));
        let link_proved = self.check_link(request, &secret).await?;
        let token = csrf::presented_form_token(request);
        let mut form = match Genuine::check(request, token.as_ref(), form) {
            Ok(genuine) => genuine.into_form(),
            Err(form) => {
                let problem = ("", &FORM_EXPIRED);
                return setup_form(
                    request,
                    StatusCode::FORBIDDEN,
                    &secret,
                    form.text("username"),
                    Some(problem),
                );
            }
        };
        let (password, again) = (Password::new(form.take("password")), Password::new(form.take("again")));
        let typed_name = form.text("username");
        let once_more = |about, text: Text| {
            let problem = Some((about, &text));
            setup_form(request, StatusCode::UNPROCESSABLE_ENTITY, &secret, typed_name, problem)
        };
        if password != again {
            return once_more("again", Text::of("setup-not-the-same"));
        }
        let name = match UserName::parse(typed_name) {
            Ok(name) => name,
            Err(error) => return once_more("username", invalid_name(&error)),
        };
        let hashed = self.passwords.hash_new(password, PasswordOwner::new(name.clone(), "", "")).await;
        let hash = match hashed.map_err(|busy| Refusal::TooBusy { retry_after: busy.retry_after })? {
            Ok(hash) => hash,
            Err(weak) => return once_more("password", weak_password(&weak)),
        };
        let made = self.setup.make_superuser(link_proved, name, hash, &request.origin(Entrance::Setup)).await;
        let proved = made.map_err(|not_proved| refusal_for(not_proved, Refusal::NotFound))?;
        let name = Some(proved.account().user.name.as_str());
        // Recorded before the session is opened: if that fails, there is a superuser all the same.
        self.record(request, AuditKind::Setup, "ok", name, None);
        let OpenedSession { mut response, session } =
            self.open_session(request, &proved, SessionOpening::SignedIn, paths::ACCOUNT).await?;
        self.record_proof(request, AuditKind::SignIn, &proved, &session);
        FlashMessage::SetUp.leave(&request.settings.cookies, response.headers_mut());
        Ok(response)
    }

    /// Checks the secret of the link; without it there is no such page.
    async fn check_link(&self, request: &PageRequest<'_>, secret: &str) -> Result<LinkProved, Refusal> {
        let checked = self.setup.check(secret, &request.origin(Entrance::Setup)).await;
        checked.map_err(|not_proved| refusal_for(not_proved, Refusal::NotFound))
    }
}

fn setup_form(
    request: &PageRequest<'_>,
    status: StatusCode,
    secret: &str,
    typed_name: &str,
    problem: Option<(&str, &Text)>,
) -> Result<PageResponse, Refusal> {
    let (token, cookie) = csrf::form_token(request)?;
    let text = problem.map(|(_, text)| request.say(text));
    let page = Page::Setup(Setup {
        host: request.host,
        csrf: &token.form_token(),
        token: secret,
        username: typed_name,
        problem: text.as_deref(),
        about: problem.map_or("", |(about, _)| about),
    });
    Ok(request.render_form(status, &page, cookie))
}
