//! Keeps a form that came without a live session, or that needs another proof.

use http::{HeaderMap, HeaderValue};

use super::{
    Encoding, FormFields, ParkedForm,
    mark::{Mark, Slot},
    sealed::ParkedFor,
};
use crate::{
    identity::UserId,
    pages::paths,
    portal::{Portal, ReturnTo, csrf, return_to::in_query_value},
    session::{
        OneTimeEntry, OneTimePurpose, SessionToken, StoreError,
        cookie::{self, CookieNames, Keep},
    },
};

/// A form that was sent to an application, without its body.
#[derive(Clone, Copy, Debug)]
pub struct SentForm<'r> {
    /// All header fields.
    pub headers: &'r HeaderMap,
    /// The site as the browser knows it.
    pub host: &'r str,
    /// Its path and query.
    pub path_and_query: &'r str,
    /// The names of the gateway's cookies.
    pub cookies: &'r CookieNames,
    /// As in the access log.
    pub request_id: &'r str,
}

/// A form that is kept.
pub struct Parked {
    /// The page that offers it.
    pub(in crate::portal) page: ReturnTo,
    /// The cookie with the browser's secret.
    pub(in crate::portal) cookie: HeaderValue,
}

impl SentForm<'_> {
    /// Maximum size of a body that is kept. Sealed and encoded it fits into an entry of the store.
    pub const MAX_BODY_BYTES: u64 = 32 * 1024;

    /// Whether the body of a request with these headers may be a form that can be kept, and a page of this host has sent it.
    pub fn can_be_kept(headers: &HeaderMap, host: &str) -> bool {
        Encoding::of(headers).is_some() && csrf::is_from_here(headers, host)
    }
}

impl Portal {
    /// The user who last signed in in this browser on this host: the sender of a form that comes after the end of the session.
    /// The cookie cannot be forged, so that a stranger can park nothing.
    pub fn last_user(&self, headers: &HeaderMap, cookies: &CookieNames) -> Option<UserId> {
        self.sign_in.owner_of_device_cookie(cookie::find(headers, cookies.device())?)
    }

    /// Keeps a form for this user. `None`: it is not kept, because it is too large, no form that a page could send again,
    /// because the user has sent too many, or because the store fails.
    pub async fn park(
        &self,
        sent: &SentForm<'_>,
        sent_from: &ReturnTo,
        user: UserId,
        body: &[u8],
    ) -> Option<Parked> {
        let form = FormFields::read(sent.headers, body)?;
        let secret = match presented_secret(sent.headers, sent.cookies) {
            Some(secret) => secret,
            None => SessionToken::generate().ok()?,
        };
        let parked = ParkedForm { host: sent.host.to_owned(), path: sent.path_and_query.to_owned(), form };
        let mark = match self.put_in_slot(&parked, &secret, user).await {
            Ok(Some(mark)) => mark,
            Ok(None) => {
                let request_id = sent.request_id;
                tracing::info!(request_id, user_id = %user, "form not kept: its sender has sent too many");
                return None;
            }
            Err(error) => {
                tracing::error!(request_id = sent.request_id, %error, "keeping a form that was sent without a session failed");
                return None;
            }
        };
        tracing::info!(request_id = sent.request_id, user_id = %user, "form kept until its sender has signed in");
        let back = if sent_from.as_str().len() > MAX_BACK_BYTES { "/" } else { sent_from.as_str() };
        let page = format!("{}?entry={}&back={}", paths::PARKED_FORM, mark, in_query_value(back));
        let cookie = cookie::write(sent.cookies.parked_form(), &secret.to_cookie(), Keep::For(PARKED_FOR));
        Some(Parked { page: ReturnTo::parse(&page), cookie })
    }

    /// Stores the form in the first slot of its user that is free; `None` if there is none.
    async fn put_in_slot(
        &self,
        parked: &ParkedForm,
        secret: &SessionToken,
        user: UserId,
    ) -> Result<Option<Mark>, StoreError> {
        let (now, purpose) = (self.clock.now(), OneTimePurpose::ParkedForm);
        for slot in Slot::all(now) {
            let key = slot.entry_key(user);
            // A look costs less than an attempt to store, which a user with too many forms could have made for each slot.
            if self.sessions.read_one_time_at(key, purpose, now).await?.is_some() {
                continue;
            }
            let Some(mark) = Mark::new(slot) else { return Ok(None) };
            let Some(sealed) = parked.seal(&ParkedFor { secret, mark: &mark, user }) else { return Ok(None) };
            let Ok(entry) = OneTimeEntry::new(key, purpose, sealed, now + PARKED_FOR) else {
                return Ok(None);
            };
            // Another request may have been faster.
            if self.sessions.put_one_time(entry).await? {
                return Ok(Some(mark));
            }
        }
        Ok(None)
    }
}

/// The secret of this browser. All tabs share it: each form has a mark of its own.
pub(super) fn presented_secret(headers: &HeaderMap, cookies: &CookieNames) -> Option<SessionToken> {
    cookie::find(headers, cookies.parked_form()).and_then(SessionToken::from_cookie)
}

/// Long enough to find a telephone and sign in; what was typed lies in the store for no longer.
pub(super) const PARKED_FOR: std::time::Duration = std::time::Duration::from_mins(15);
/// A longer address to go back to is left out, so that the page's address fits into those of the sign-in.
const MAX_BACK_BYTES: usize = 1024;
