//! The first user: made through a link that is printed at the first start, never by a default password.
//!
//! The link holds a random secret, works for an hour and for one user, and only while there is no
//! user at all. Whoever comes without it is told that there is no such page.

use std::{
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use http::{StatusCode, header::SET_COOKIE};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    Answer, Entered, Entry, FORM_EXPIRED, Portal, Visit,
    csrf::{self, Genuine},
    directory_failed,
    form::Form,
    notice::Notice,
    sentence,
};
use crate::{
    clock::Timestamp,
    identity::UserName,
    pages::{Page, Setup},
    refusal::Refusal,
    session::{NoRandomness, SessionKey, SessionToken},
    telemetry::AuditKind,
    users::{DirectoryError, Password, StoreError},
};

/// The link that is open, if any; only the hash of its secret is kept.
#[derive(Debug, Default)]
pub(super) struct SetupLink(Mutex<Option<Open>>);

#[derive(Debug)]
struct Open {
    key: SessionKey,
    until: Timestamp,
}

impl SetupLink {
    /// A new link; the one before is worth nothing any more.
    fn open(&self, now: Timestamp) -> Result<Zeroizing<String>, NoRandomness> {
        let secret = SessionToken::generate()?;
        *self.lock() = Some(Open { key: secret.key(), until: now + VALID });
        Ok(secret.to_cookie())
    }

    /// Whether there is a link that has not run out.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.lock().as_ref().is_some_and(|open| now < open.until)
    }

    /// Whether this is the secret of the open link. Hashes are compared, in constant time.
    fn accepts(&self, secret: &str, now: Timestamp) -> bool {
        let presented = SessionToken::from_cookie(secret.as_bytes()).map(|secret| secret.key());
        match (presented, self.lock().as_ref()) {
            (Some(key), Some(open)) => now < open.until && key.as_bytes().ct_eq(open.key.as_bytes()).into(),
            _ => false,
        }
    }

    fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Portal {
    /// Opens the one-time set-up link if there is no user yet, for the server to print at its start: path and
    /// query, to be put behind `https://HOST`. It holds a secret, so it goes to the terminal and into no log.
    pub async fn setup_link(&self) -> Result<Option<Zeroizing<String>>, DirectoryError> {
        if self.has_users().await? {
            return Ok(None);
        }
        match self.setup.open(self.clock.now()) {
            Ok(secret) => Ok(Some(Zeroizing::new(format!("/.gateway/setup?token={}", *secret)))),
            Err(error) => {
                tracing::error!(%error, "making the set-up link");
                Ok(None)
            }
        }
    }

    /// Whether there are users.
    pub(super) async fn has_users(&self) -> Result<bool, DirectoryError> {
        if self.has_users.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let has_users = self.directory.has_users().await?;
        self.has_users.store(has_users, Ordering::Relaxed);
        Ok(has_users)
    }

    /// The form, for who has the link.
    pub(super) async fn show_setup(&self, visit: &Visit<'_>) -> Result<Answer, Refusal> {
        let secret = Zeroizing::new(visit.parameter("token"));
        self.admit(visit, &secret).await?;
        setup_form(visit, StatusCode::OK, &secret, "", None)
    }

    /// Makes the first superuser and signs them in. Of two at once, one wins: the directory decides.
    pub(super) async fn set_up(&self, visit: &Visit<'_>, mut form: Form) -> Result<Answer, Refusal> {
        let secret = Zeroizing::new(form.take("token"));
        self.admit(visit, &secret).await?;
        let token = csrf::presented_form_token(visit);
        let mut form = match Genuine::check(visit, token.as_ref(), form) {
            Ok(genuine) => genuine.into_form(),
            Err(form) => {
                let problem = ("", FORM_EXPIRED);
                return setup_form(
                    visit,
                    StatusCode::FORBIDDEN,
                    &secret,
                    form.text("username"),
                    Some(problem),
                );
            }
        };
        let (password, again) = (Password::new(form.take("password")), Password::new(form.take("again")));
        let typed_name = form.text("username");
        let once_more = |about, text: String| {
            let problem = Some((about, text.as_str()));
            setup_form(visit, StatusCode::UNPROCESSABLE_ENTITY, &secret, typed_name, problem)
        };
        if password != again {
            return once_more("again", "The two passwords are not the same.".to_owned());
        }
        let name = match UserName::parse(typed_name) {
            Ok(name) => name,
            Err(error) => return once_more("username", sentence(&error)),
        };
        let hashed = self.passwords.hash_new(password, name.clone(), String::new(), String::new()).await;
        let hash = match hashed.map_err(|busy| Refusal::TooBusy { retry_after: busy.retry_after })? {
            Ok(hash) => hash,
            Err(weak) => return once_more("password", sentence(&weak)),
        };
        let added = self.directory.add_first_superuser(name, String::new(), String::new(), hash).await;
        let account = match added {
            Ok(account) => account,
            Err(DirectoryError::Store(StoreError::UsersExist)) => {
                self.setup.close();
                self.record(visit, AuditKind::Setup, "users-exist", None, None);
                return Err(Refusal::NotFound);
            }
            Err(error) => return Err(directory_failed(visit, "adding the first user", &error)),
        };
        self.setup.close();
        if let Err(error) = self.directory.record_sign_in(account.user.id, self.clock.now()).await {
            tracing::warn!(%error, request_id = visit.request_id, "noting when the first user signed in");
        }
        let name = Some(account.user.name.as_str());
        // Before the session is opened: whatever happens to it, there is a superuser now.
        self.record(visit, AuditKind::Setup, "ok", name, None);
        let Entered { mut response, session } =
            self.enter(visit, &account, Entry::SignedIn, "/.gateway/account").await?;
        self.record(visit, AuditKind::SignIn, "ok", name, Some(session.key.to_string()));
        Notice::SetUp.leave(&visit.settings.cookies, response.headers_mut());
        Ok(response)
    }

    /// Lets in who has the open link, while there is no user; for all others there is no such page.
    async fn admit(&self, visit: &Visit<'_>, secret: &str) -> Result<(), Refusal> {
        if !self.setup.accepts(secret, self.clock.now()) {
            if self.setup.is_open(self.clock.now()) {
                self.record(visit, AuditKind::Setup, "wrong-link", None, None);
            }
            return Err(Refusal::NotFound);
        }
        match self.directory.has_users().await {
            Ok(false) => Ok(()),
            Ok(true) => {
                self.setup.close();
                Err(Refusal::NotFound)
            }
            Err(error) => Err(directory_failed(visit, "asking whether there are users", &error)),
        }
    }
}

fn setup_form(
    visit: &Visit<'_>,
    status: StatusCode,
    secret: &str,
    typed_name: &str,
    problem: Option<(&str, &str)>,
) -> Result<Answer, Refusal> {
    let (token, cookie) = csrf::form_token(visit)?;
    let page = Page::Setup(Setup {
        host: visit.host,
        csrf: &token.form_token(),
        token: secret,
        username: typed_name,
        problem: problem.map(|(_, text)| text),
        about: problem.map_or("", |(about, _)| about),
    });
    let mut response = visit.settings.pages.render(status, &page);
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Long enough to find the terminal again, short enough to be gone when the log is read by others.
const VALID: Duration = Duration::from_hours(1);
