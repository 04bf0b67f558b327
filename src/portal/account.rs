//! The account page: the user's profile and their sessions.

use http::StatusCode;

use super::{
    InterruptedRequest, PageRequest, PageResponse, Portal, ReturnTo, SignedIn, connections, device,
    flash::FlashMessage, host_role::HostRole, person,
};
use crate::{
    clock::Timestamp,
    identity::GroupName,
    language::Text,
    pages::{Account, DisplayTime, ListedSession, Page, paths},
    refusal::Refusal,
    session::{self, Session},
};

impl Portal {
    /// The page of the user who is signed in.
    pub(super) async fn show_account(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        self.account_page(request, StatusCode::OK, None).await
    }

    pub(super) async fn account_page(
        &self,
        request: &PageRequest<'_>,
        status: StatusCode,
        problem: Option<&Text>,
    ) -> Result<PageResponse, Refusal> {
        let SignedIn { account, session, token } = SignedIn::of(request)?;
        let (user, limits, now) = (&account.user, &request.settings.sessions, self.clock.now());
        // Without the list the page is still useful.
        let listed = self.sessions.of_user(user.id, account.credential, now, limits).await;
        let incomplete = listed.is_err();
        let listed = listed.unwrap_or_else(|error| {
            request.unavailable("listing sessions", &error);
            Vec::new()
        });
        let (own, others): (Vec<_>, Vec<_>) =
            listed.into_iter().partition(|listed| listed.session.key == session.sign_in());
        let reached = own.first().map_or(&[][..], |own| &own.branch_hosts);
        let current = listed_session(request, session, (reached, true), now);
        let others = others.iter().map(|session::ListedSession { session, branch_hosts }| {
            listed_session(request, session, (branch_hosts, false), now)
        });
        let (flash, back) = (FlashMessage::waiting(request), back(request));
        let signals = self.signals_of_owner(request, account).await;
        let (problem, flash_text) =
            (problem.map(|text| request.say(text)), flash.map(|flash| request.say(&flash.text())));
        let page = Page::Account(Account {
            host: request.host,
            csrf: &token.form_token(),
            username: user.name.as_str(),
            full_name: &user.full_name,
            email: &user.email,
            can_change_email: request.settings.sends_mail,
            superuser: user.superuser,
            groups: user.groups.iter().map(GroupName::as_str).collect(),
            permissions: person::permissions(user, &request.settings.groups),
            has_password: account.password.is_some(),
            last_sign_in: account.last_sign_in.map(Into::into),
            expires: session.dies_at(limits).into(),
            sessions: std::iter::once(current).chain(others).collect(),
            connected: connections::connected(request, account),
            connectable: connections::connectable(request, account),
            incomplete,
            is_portal: matches!(request.host_role(), HostRole::Portal(_)),
            back: back.as_str(),
            problem: problem.as_deref(),
            flash: flash_text.as_deref(),
            passkey_signals: signals.as_deref(),
        });
        let mut response = request.render(status, &page);
        request.allow_signals(&mut response, signals.as_deref());
        if flash.is_some() {
            FlashMessage::clear(request, response.headers_mut());
        }
        Ok(response)
    }
}

/// The page of an application that the user has come from; the start page if they come from elsewhere.
fn back(request: &PageRequest<'_>) -> ReturnTo {
    let from = InterruptedRequest::at_page(request, "/").sent_from();
    if from.as_str().starts_with(paths::ROOT) || from == ReturnTo::start() { request.start() } else { from }
}

fn listed_session(
    request: &PageRequest<'_>,
    session: &Session,
    (reached, current): (&[Box<str>], bool),
    now: Timestamp,
) -> ListedSession {
    let when = |time: Timestamp| DisplayTime::from(time).ago(now.since(time));
    ListedSession {
        key: session.key.to_hex(),
        current,
        device: request.say(&device::text_at_line_start(&session.user_agent)),
        host: session.host.to_string(),
        reached: reached.iter().filter(|host| **host != session.host).map(ToString::to_string).collect(),
        address: session.client_addr.to_canonical().to_string(),
        signed_in: when(session.signed_in),
        last_seen: when(session.last_seen()),
        remembered: session.remembered,
    }
}
