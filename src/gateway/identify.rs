//! Cookie → session → account → identity, as of now.
//!
//! A cookie that opens no session, and a session whose account may not use it, is anonymous. Each step is looked up for
//! every request, in the cache of the session store and in that of the user directory; nothing of it is kept on the
//! connection.

use std::sync::Arc;

use super::{Gateway, Walk};
use crate::{
    error_chain::ErrorChain,
    identity::{Identity, Proofs, UserId},
    session::{
        AppSessionLimits, Owner, Presented, SessionToken,
        cookie::{self, CookieValue},
    },
    users::{Account, DirectoryError},
};

/// What a credential came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(dead_code, reason = "credentials of programs are read next")]
pub(super) enum Carrier {
    /// No credential came, or none that proves anything.
    None,
    /// The session cookie.
    Session,
    /// `Authorization: Basic` with the name and the password of a user.
    Basic,
    /// An API token, in `Authorization: Bearer` or as the password of `Authorization: Basic`.
    Token,
    /// `Authorization: Bearer` with an access token of a provider.
    Bearer,
    /// A client certificate of the TLS connection.
    Certificate,
}

impl Carrier {
    /// Whether a browser adds it to a request by itself, also to one that another site made it send.
    pub(super) fn is_ambient(self) -> bool {
        match self {
            Self::Session | Self::Basic | Self::Certificate => true,
            Self::None | Self::Token | Self::Bearer => false,
        }
    }

    /// Whether it opens the gateway's own pages.
    pub(super) fn opens_pages(self) -> bool {
        matches!(self, Self::None | Self::Session)
    }
}

/// The sender of a request, and the sign-in behind it.
pub(super) struct Caller {
    pub(super) presented: Presented,
    pub(super) carrier: Carrier,
    pub(super) account: Option<Arc<Account>>,
    pub(super) identity: Identity,
    /// The proofs made in the session.
    pub(super) proofs: Proofs,
    /// The app's own limits, which the session is held to.
    pub(super) limits: AppSessionLimits,
    /// A store failed: there may be a session, but it cannot be looked up now.
    pub(super) is_unknown: bool,
}

impl Caller {
    fn anonymous(presented: Presented, limits: AppSessionLimits) -> Self {
        let identity = Identity::Anonymous;
        let (account, carrier, proofs) = (None, Carrier::None, Proofs::default());
        Self { presented, carrier, account, identity, proofs, limits, is_unknown: false }
    }

    fn unknown(limits: AppSessionLimits) -> Self {
        Self { is_unknown: true, ..Self::anonymous(Presented::Invalid, limits) }
    }

    /// The session that came with the request, if it is known to be alive; `None` while it is unknown.
    pub(super) fn presented(&self) -> Option<&Presented> {
        (!self.is_unknown).then_some(&self.presented)
    }
}

impl Walk<'_> {
    /// Identifies the sender of the request, whose session is held to the `limits` of the app as well.
    pub(super) async fn identify(&self, limits: AppSessionLimits) -> Caller {
        let (headers, settings, shared) =
            (self.request.headers(), &self.snapshot.portal, &self.gateway.shared);
        let key = match cookie::read(headers, settings.cookies.session()) {
            CookieValue::Absent => return Caller::anonymous(Presented::Absent, limits),
            CookieValue::Value(value) => SessionToken::from_cookie(value).map(|token| token.key()),
            CookieValue::Invalid => None,
        };
        let now = self.record.time;
        let presented = match shared.sessions.present_to(&limits, key, now, &settings.sessions).await {
            Ok(presented) => presented,
            Err(error) => {
                tracing::error!(request_id = %self.record.id, error = %ErrorChain(&error), "session lookup failed");
                return Caller::unknown(limits);
            }
        };
        let Presented::Alive(session) = &presented else { return Caller::anonymous(presented, limits) };
        let Owner::User { id, credential } = session.owner else {
            return Caller::anonymous(presented, limits);
        };
        let proofs = session.proofs;
        match self.gateway.account(id).await {
            Err(error) => {
                tracing::error!(
                    request_id = %self.record.id, user_id = %id, error = %ErrorChain(&error), "user lookup failed"
                );
                Caller::unknown(limits)
            }
            Ok(account) => match account.as_ref().and_then(|account| account.identity(credential)) {
                Some(identity) => {
                    let carrier = Carrier::Session;
                    Caller { presented, carrier, account, identity, proofs, limits, is_unknown: false }
                }
                None => Caller::anonymous(Presented::Invalid, limits),
            },
        }
    }
}

impl Gateway {
    /// The account as it is now, from memory or from the database.
    pub(super) async fn account(&self, id: UserId) -> Result<Option<Arc<Account>>, DirectoryError> {
        match self.shared.directory.cached(id) {
            Some(account) => Ok(Some(account)),
            None => self.shared.directory.account(id).await,
        }
    }
}
