//! `whoami`: the user who is signed in, as JSON for the pages of an application.
//!
//! A page that is open to anyone asks this to decide what to show, so a signed-out browser gets a 200, too. Only pages
//! of the same host can read it (same-origin policy; no CORS headers).

use http::StatusCode;
use serde::Serialize;

use super::{PageRequest, PageResponse, person::permissions, signed_in};
use crate::{identity::GroupName, pages, refusal::Refusal};

/// 200 with `{"authenticated": true, "user": …}` or `{"authenticated": false}`. It never holds a
/// token or anything that could be turned into one.
pub(super) fn respond(request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
    let Ok(signed_in) = signed_in::SignedIn::of(request) else {
        return json(&SignedOut { authenticated: false });
    };
    let (user, session) = (&signed_in.account.user, signed_in.session);
    json(&SignedIn {
        authenticated: true,
        user: user.name.as_str(),
        full_name: &user.full_name,
        email: &user.email,
        groups: user.groups.iter().map(GroupName::as_str).collect(),
        permissions: permissions(user, &request.settings.groups),
        superuser: user.superuser,
        session: Times {
            signed_in: session.signed_in.to_string(),
            expires: session.dies_at(&request.settings.sessions).to_string(),
        },
    })
}

fn json(value: &impl Serialize) -> Result<PageResponse, Refusal> {
    let text = serde_json::to_vec(value).map_err(|_| Refusal::Internal)?;
    Ok(pages::own_response(StatusCode::OK, Some("application/json"), text))
}

#[derive(Serialize)]
struct SignedOut {
    authenticated: bool,
}

#[derive(Serialize)]
struct SignedIn<'a> {
    authenticated: bool,
    user: &'a str,
    full_name: &'a str,
    email: &'a str,
    groups: Vec<&'a str>,
    permissions: Vec<&'a str>,
    superuser: bool,
    session: Times,
}

#[derive(Serialize)]
struct Times {
    signed_in: String,
    expires: String,
}
