//! Cookie → session → account → identity, or credential of a program → account → identity, as of now.
//!
//! A cookie that opens no session, and a session whose account may not use it, is anonymous. Each step is looked up for
//! every request, in the cache of the session store and in that of the user directory; nothing of it is kept on the
//! connection.
//!
//! A credential of the gateway in `Authorization` wins over a cookie: then no session is looked up, and a wrong one is
//! refused, whatever the cookie says. It is cut out of the request here, so that no later step can forward it.

use std::sync::Arc;

use http::header::AUTHORIZATION;

use super::{Gateway, Result, Walk, client_certificate::CountedCertificate};
use crate::{
    auth::{
        Entrance, Origin,
        programs::{Authorization, NotAdmitted, Offered, ProgramCarrier},
    },
    error_chain::ErrorChain,
    identity::{Identity, Proofs, UserId},
    refusal::Refusal,
    request::Target,
    session::{
        AppSessionLimits, Owner, Presented, SessionToken,
        cookie::{self, CookieValue},
    },
    users::{Account, DirectoryError, ProgramCredential},
};

/// The part of a request or connection that a credential came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The client certificate, if it counted: as the identity, or beside the session of the same user.
    pub(super) certificate: Option<CountedCertificate>,
    pub(super) identity: Identity,
    /// The credential, if a program sent one.
    pub(super) program: Option<ProgramCredential>,
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
        let (account, program, certificate) = (None, None, None);
        let (carrier, proofs) = (Carrier::None, Proofs::default());
        Self {
            presented,
            carrier,
            account,
            identity,
            program,
            certificate,
            proofs,
            limits,
            is_unknown: false,
        }
    }

    fn unknown(limits: AppSessionLimits) -> Self {
        Self { is_unknown: true, ..Self::anonymous(Presented::Invalid, limits) }
    }

    /// The same, while a store that could say more cannot be asked.
    pub(super) fn or_unknown(self) -> Self {
        let is_unknown = self.is_unknown || matches!(self.identity, Identity::Anonymous);
        Self { is_unknown, ..self }
    }

    /// The session that came with the request; `None` while it is unknown, and for a program and the user of a certificate,
    /// who have none and are given none.
    pub(super) fn presented(&self) -> Option<&Presented> {
        let has_none = self.program.is_some() || self.carrier == Carrier::Certificate;
        (!self.is_unknown && !has_none).then_some(&self.presented)
    }
}

impl Walk<'_> {
    /// Identifies the sender of a request to an app: by the credential of a program, if one came that is for the gateway,
    /// or else by the session, which is held to the `limits` of the app as well.
    pub(super) async fn identify(&mut self, target: &Target, limits: AppSessionLimits) -> Result<Caller> {
        match self.programs.read(self.request.headers()) {
            Authorization::NotOurs => Ok(self.identify_by_session(limits).await),
            Authorization::Several => {
                Err(Refusal::BadRequest("the request has more than one Authorization header"))
            }
            Authorization::Ours(offered) => {
                self.request.headers_mut().remove(AUTHORIZATION);
                self.identify_program(offered, target, limits).await
            }
        }
    }

    async fn identify_program(
        &self,
        offered: Offered,
        target: &Target,
        limits: AppSessionLimits,
    ) -> Result<Caller> {
        let settings = &self.snapshot.portal;
        let origin = Origin {
            entrance: Entrance::Program,
            client_addr: target.client_addr,
            // A program is no known device: its wrong passwords count like those of a stranger.
            device: None,
            request_id: self.record.id.as_str(),
            backends: &settings.backends,
            limits: &settings.throttle,
        };
        let shown = match offered {
            Offered::AccessToken(_) => self.certificate_hash(target),
            _ => None,
        };
        let programs = &self.gateway.shared.programs;
        let admitted = programs.check(offered, shown, &origin, settings.tokens).await?;
        let carrier = match admitted.carrier {
            ProgramCarrier::Basic => Carrier::Basic,
            ProgramCarrier::Token => Carrier::Token,
            ProgramCarrier::Bearer => Carrier::Bearer,
        };
        // The form would make the person add the factor first.
        if carrier == Carrier::Basic && settings.accounts.require_second_factor(&admitted.account.user) {
            return Err(Refusal::TokenNeeded);
        }
        Ok(Caller {
            carrier,
            account: Some(admitted.account),
            identity: admitted.identity,
            program: Some(admitted.credential),
            ..Caller::anonymous(Presented::Absent, limits)
        })
    }

    /// Identifies the sender of the request by the session cookie alone.
    pub(super) async fn identify_by_session(&self, limits: AppSessionLimits) -> Caller {
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
                    let caller = Caller::anonymous(presented, limits);
                    Caller { carrier: Carrier::Session, account, identity, proofs, ..caller }
                }
                None => Caller::anonymous(Presented::Invalid, limits),
            },
        }
    }
}

impl Gateway {
    /// The account as it is now, from memory or from the database.
    pub(super) async fn account(
        &self,
        id: UserId,
    ) -> std::result::Result<Option<Arc<Account>>, DirectoryError> {
        match self.shared.directory.cached(id) {
            Some(account) => Ok(Some(account)),
            None => self.shared.directory.account(id).await,
        }
    }
}

impl From<NotAdmitted> for Refusal {
    fn from(not_admitted: NotAdmitted) -> Self {
        match not_admitted {
            NotAdmitted::Wrong => Self::WrongCredential,
            NotAdmitted::WrongAccessToken => Self::WrongAccessToken,
            NotAdmitted::BoundAccessToken => Self::BoundAccessToken,
            NotAdmitted::TokenNeeded => Self::TokenNeeded,
            NotAdmitted::Throttled { retry_after } => Self::TooManyAttempts { retry_after },
            NotAdmitted::Busy { retry_after } => Self::TooBusy { retry_after },
            NotAdmitted::Unavailable => Self::Unavailable,
        }
    }
}
