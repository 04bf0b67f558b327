//! The data that the gateway has about a user, as JSON for that user (GDPR articles 15 and 20).
//!
//! The file holds no hash, no secret and no key of a session. The user has proved a moment ago who they are: Mallory, at Alice's
//! unlocked screen, does not take it away.

use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION},
};
use serde_json::{Value, json};

use super::{PageRequest, PageResponse, Portal, SignedIn, csrf::Genuine, device, form::Form};
use crate::{
    clock::Timestamp,
    pages::{self, paths},
    refusal::Refusal,
    session::ListedSession,
    users::{Account, Activity, LinkedIdentity, StoredToken},
};

impl Portal {
    /// The download.
    pub(super) async fn download_data(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        if Genuine::check(request, Some(&signed_in.token), form).is_err() {
            return Ok(pages::redirect(paths::PROFILE));
        }
        let now = self.clock.now();
        if let Err(response) = signed_in.recently_proved(request, now) {
            return Ok(*response);
        }
        let account = signed_in.account;
        let (id, limits) = (account.user.id, &request.settings.sessions);
        let sessions = self.sessions.of_user(id, account.credential, now, limits).await;
        let sessions = sessions.map_err(|error| request.unavailable("listing sessions", &error))?;
        let activity = self.sign_in.directory().activity_of(id).await;
        let activity = activity.map_err(|error| request.unavailable("reading activity", &error))?;
        self.note_activity(request, id, Activity::DATA_DOWNLOADED);
        let known = json!({
            "account": of_account(account),
            "connected_sign_ins": account.identities.iter().map(of_identity).collect::<Vec<_>>(),
            "second_factors": account.factors.iter().map(|factor| json!({
                "kind": factor.kind.as_str(),
                "name": factor.name,
                "added": factor.created.to_string(),
                "last_used": factor.last_used.as_ref().map(Timestamp::to_string),
            })).collect::<Vec<_>>(),
            "recovery_codes_left": account.recovery_codes_left,
            "api_tokens": account.tokens.iter().map(of_token).collect::<Vec<_>>(),
            "sessions": sessions.iter().map(of_session).collect::<Vec<_>>(),
            "activity": activity.iter().map(of_activity).collect::<Vec<_>>(),
        });
        let body = serde_json::to_vec_pretty(&known).map_err(|_| Refusal::Internal)?;
        let mut response = pages::own_response(StatusCode::OK, Some("application/json"), body);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let disposition = HeaderValue::from_static("attachment; filename=\"account.json\"");
        headers.insert(CONTENT_DISPOSITION, disposition);
        Ok(response)
    }
}

fn of_account(account: &Account) -> Value {
    let user = &account.user;
    json!({
        "user_name": user.name,
        "full_name": user.full_name,
        "email": user.email,
        "email_verified": account.email_verified,
        "superuser": user.superuser,
        "groups": user.groups,
        "permissions": user.permissions,
        "attributes": user.attributes,
        "has_password": account.password.is_some(),
        "must_change_password": account.must_change_password,
        "created": account.created.to_string(),
        "last_sign_in": account.last_sign_in.as_ref().map(Timestamp::to_string),
    })
}

fn of_identity(identity: &LinkedIdentity) -> Value {
    json!({
        "backend": identity.pair.backend,
        "at": identity.pair.authority,
        "id": identity.pair.subject,
        "name": identity.name,
        "email": identity.email,
        "connected": identity.linked.to_string(),
        "last_used": identity.last_seen.as_ref().map(Timestamp::to_string),
        "groups": identity.groups,
        "attributes": identity.attributes,
    })
}

fn of_token(token: &StoredToken) -> Value {
    json!({
        "name": token.name,
        "made": token.created.to_string(),
        "expires": token.expires.to_string(),
        "last_used": token.last_used.at().as_ref().map(Timestamp::to_string),
        "limits": token.limits,
    })
}

fn of_session(ListedSession { session, branch_hosts }: &ListedSession) -> Value {
    json!({
        "device": device::describe(&session.user_agent),
        "user_agent": session.user_agent,
        "host": session.host,
        "applications": branch_hosts,
        "address": session.client_addr.to_canonical(),
        "signed_in": session.signed_in.to_string(),
        "last_used": session.last_seen().to_string(),
    })
}

fn of_activity(activity: &Activity) -> Value {
    json!({
        "at": activity.at.to_string(),
        "what": activity.kind,
        "address": activity.address,
        "user_agent": activity.user_agent,
        "host": activity.host,
    })
}
