//! The check of the sender: requests that another site made a browser send, with the session of its user.
//!
//! Only a request with a credential that a browser adds by itself is checked: without one, another site could send it by
//! itself. A visitor's session counts, too, for the data that an app keeps in it.

use std::sync::Arc;

use http::{
    HeaderName,
    header::{ORIGIN, REFERER},
};

use super::{Result, Walk, identify::Caller};
use crate::{
    access::{AppId, Permit},
    refusal::Refusal,
    session::Presented,
    shield::{Foreign, Mode, Origin, Sent, Workers},
};

/// The result of the shield's check, for the access log.
#[derive(Clone, Copy, Debug)]
pub(super) enum ShieldResult {
    /// The request was refused.
    Refused(Foreign),
    /// The request passed, and would be refused if the shield were enforced.
    Reported(Foreign),
    /// The request asked for the script of a service worker, and was refused.
    ServiceWorker,
    /// The request was a CORS preflight of an origin that the app trusts.
    Preflight,
}

impl Walk<'_> {
    /// Refuses the script of a service worker, unless it is one of an app that may have workers. The gateway's own pages,
    /// which have no `app`, may have none.
    pub(super) fn refuse_service_worker(&mut self, app: Option<AppId>) -> Result<()> {
        if !Workers::are_asked_for(self.request.headers()) {
            return Ok(());
        }
        let settings = app.map(|app| self.snapshot.app(app)).transpose()?;
        if settings.is_some_and(|app| app.shield.workers != Workers::Refused) {
            return Ok(());
        }
        self.record.shield = Some(ShieldResult::ServiceWorker);
        self.record.app = settings.map(|app| Arc::clone(&app.forward.name));
        tracing::info!(
            request_id = %self.record.id, app = self.record.app.as_deref(),
            "service worker refused; `service_workers = true` lets an app have them"
        );
        Err(Refusal::ServiceWorker)
    }

    /// Refuses a request that another site sent, or records that it would be refused.
    pub(super) fn refuse_cross_site(&mut self, permit: &Permit, caller: &Caller) -> Result<()> {
        let shield = &self.snapshot.app(permit.app())?.shield;
        let is_ambient = caller.carrier.is_ambient() || matches!(caller.presented, Presented::Alive(_));
        let Some(senders) = shield.senders.as_ref().filter(|_| is_ambient) else { return Ok(()) };
        let headers = self.request.headers();
        let sent = Sent {
            method: self.request.method(),
            headers,
            authority: &permit.target().authority,
            by_trusted_proxy: self.snapshot.proxies.trusts(self.connection.peer_addr),
        };
        let Err(foreign) = senders.judge(&sent) else { return Ok(()) };
        let (result, outcome, message) = match shield.mode {
            Mode::Enforce => {
                (ShieldResult::Refused(foreign), Err(Refusal::CrossSite), "cross-site request refused")
            }
            Mode::Report => (
                ShieldResult::Reported(foreign),
                Ok(()),
                "cross-site request passed; it would be refused if the shield were enforced",
            ),
        };
        self.record.shield = Some(result);
        let shown = |name: &HeaderName| {
            let value = headers.get(name)?.as_bytes();
            Some(value.get(..MAX_SHOWN_BYTES).unwrap_or(value).escape_ascii().to_string())
        };
        // The log needs the origin of the page that sent it, and not its path.
        let referer = headers.get(REFERER).and_then(|url| Origin::of_url(url.to_str().ok()?));
        let referer = referer.map(|origin| origin.to_string());
        let origin = shown(&ORIGIN);
        let hint = (origin.as_deref() == Some("null")).then_some(WHY_NULL);
        tracing::warn!(
            request_id = %self.record.id, app = self.record.app.as_deref(), by = foreign.as_str(), origin,
            referer_origin = referer, fetch_site = shown(&SEC_FETCH_SITE), fetch_mode = shown(&SEC_FETCH_MODE),
            fetch_dest = shown(&SEC_FETCH_DEST), hint, "{message}"
        );
        outcome
    }
}

impl ShieldResult {
    /// As the access log writes it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Refused(Foreign::Site) => "refused: sec-fetch-site",
            Self::Refused(Foreign::Origin) => "refused: origin",
            Self::Refused(Foreign::Referer) => "refused: referer",
            Self::Refused(Foreign::Unsaid) => "refused: no origin",
            Self::ServiceWorker => "refused: service worker",
            Self::Preflight => "preflight",
            Self::Reported(Foreign::Site) => "reported: sec-fetch-site",
            Self::Reported(Foreign::Origin) => "reported: origin",
            Self::Reported(Foreign::Referer) => "reported: referer",
            Self::Reported(Foreign::Unsaid) => "reported: no origin",
        }
    }
}

/// Fetch §3.2 (`Origin` header): when a browser sends `null`.
const WHY_NULL: &str = "the page has the Referrer-Policy no-referrer or same-origin, is sandboxed or a file, or another \
                        site redirected the request; no origin identifies it";
const MAX_SHOWN_BYTES: usize = 100;

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
