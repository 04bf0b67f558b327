//! Requests that another site has made a browser send, with the session of whoever uses it.
//!
//! Only what came with a session is looked at: without one, another site could send the request itself. A
//! visitor's session counts, too, for what an app keeps in it.

use std::sync::Arc;

use http::{
    HeaderMap, HeaderName, Method,
    header::{ORIGIN, REFERER, VARY},
};

use super::Exchange;
use crate::{
    access::{AppId, Permit},
    refusal::Refusal,
    session::Presented,
    shield::{Foreign, Mode, Origin, Sent, Shield, Workers},
    snapshot::Snapshot,
};

/// What the shield made of a request, for its line in the log.
#[derive(Clone, Copy, Debug)]
pub(super) enum Noted {
    /// It was refused.
    Refused(Foreign),
    /// It passed, and would have been refused.
    Reported(Foreign),
    /// It asked for the script of a service worker, and was refused.
    Worker,
    /// It was a CORS preflight of an origin that the app trusts.
    Preflight,
}

/// Refuses the script of a service worker, unless it is one of an app that may have workers.
pub(super) fn ward_off_worker(
    headers: &HeaderMap,
    app: Option<AppId>,
    snapshot: &Snapshot,
    exchange: &mut Exchange,
) -> Result<(), Refusal> {
    if !Workers::are_asked_for(headers) {
        return Ok(());
    }
    // The gateway's own pages have no settings.
    let settings = app.map(|app| snapshot.app(app)).transpose()?;
    if settings.is_some_and(|app| app.shield.workers != Workers::Refused) {
        return Ok(());
    }
    exchange.shield = Some(Noted::Worker);
    exchange.app = settings.map(|app| Arc::clone(&app.forward.name));
    tracing::info!(
        request_id = %exchange.id, app = exchange.app.as_deref(),
        "service worker refused; `service_workers = true` lets an app have them"
    );
    Err(Refusal::ServiceWorker)
}

/// Refuses what another site has sent, or notes that it would have been refused.
pub(super) fn ward_off(
    shield: &Shield,
    permit: &Permit,
    (method, headers): (&Method, &HeaderMap),
    presented: &Presented,
    snapshot: &Snapshot,
    exchange: &mut Exchange,
) -> Result<(), Refusal> {
    let (Some(senders), Presented::Alive(_)) = (&shield.senders, presented) else { return Ok(()) };
    let sent = Sent {
        method,
        headers,
        authority: &permit.target().authority,
        by_trusted_proxy: snapshot.proxies.trusts(exchange.peer_addr),
    };
    let Err(foreign) = senders.judge(&sent) else { return Ok(()) };
    let (noted, answer, happened) = match shield.mode {
        Mode::Enforce => {
            (Noted::Refused(foreign), Err(Refusal::CrossSite), "another site has sent a request; refused")
        }
        Mode::Report => (
            Noted::Reported(foreign),
            Ok(()),
            "another site has sent a request; it would be refused if this were enforced",
        ),
    };
    exchange.shield = Some(noted);
    let shown = |name: &HeaderName| {
        let value = headers.get(name)?.as_bytes();
        Some(value.get(..LONGEST_SHOWN).unwrap_or(value).escape_ascii().to_string())
    };
    // Of the page that sent it nobody needs to know more than where it is from.
    let referer = headers.get(REFERER).and_then(|url| Origin::of_url(url.to_str().ok()?));
    let referer = referer.map(|origin| origin.to_string());
    let origin = shown(&ORIGIN);
    let hint = (origin.as_deref() == Some("null")).then_some(WHY_NULL);
    tracing::warn!(
        request_id = %exchange.id, app = exchange.app.as_deref(), by = foreign.as_str(), origin,
        referer_origin = referer, fetch_site = shown(&SEC_FETCH_SITE), fetch_mode = shown(&SEC_FETCH_MODE),
        fetch_dest = shown(&SEC_FETCH_DEST), hint, "{happened}"
    );
    answer
}

/// The app's permission for a page of an origin that it trusts, from which everything else of the app's answer is left
/// out: whoever can send an `OPTIONS` request can name that origin, and an app may take it for a GET.
pub(super) fn permission_alone(headers: &HeaderMap) -> HeaderMap {
    let is_permission = |name: &HeaderName| name.as_str().starts_with("access-control-") || *name == VARY;
    let fields = headers.iter().filter(|(name, _)| is_permission(name));
    let mut alone = HeaderMap::new();
    for (name, value) in fields {
        alone.append(name, value.clone());
    }
    alone
}

impl Noted {
    /// In the words of the access log.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Refused(Foreign::Site) => "refused: sec-fetch-site",
            Self::Refused(Foreign::Origin) => "refused: origin",
            Self::Refused(Foreign::Referer) => "refused: referer",
            Self::Refused(Foreign::Unsaid) => "refused: no origin",
            Self::Worker => "refused: service worker",
            Self::Preflight => "preflight",
            Self::Reported(Foreign::Site) => "reported: sec-fetch-site",
            Self::Reported(Foreign::Origin) => "reported: origin",
            Self::Reported(Foreign::Referer) => "reported: referer",
            Self::Reported(Foreign::Unsaid) => "reported: no origin",
        }
    }
}

/// Fetch §3.2 (`Origin` header): when a browser says `null`.
const WHY_NULL: &str = "the page has the Referrer-Policy no-referrer or same-origin, is sandboxed or a file, or another \
                        site redirected the request; it can be told by no origin";
const LONGEST_SHOWN: usize = 100;

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
