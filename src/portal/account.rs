//! Who am I.

use http::StatusCode;

use super::{Answer, Portal, SignedIn, Visit, notice::Notice, permissions};
use crate::{
    identity::GroupName,
    pages::{Account, Page},
    refusal::Refusal,
};

impl Portal {
    /// The account of whoever is signed in, and the session it is seen with.
    pub(super) fn show_account(visit: &Visit<'_>) -> Result<Answer, Refusal> {
        let SignedIn { account, session, token } = visit.signed_in()?;
        let user = &account.user;
        let notice = Notice::waiting(visit);
        let expires = session.dies_at(&visit.settings.sessions);
        let page = Page::Account(Account {
            host: visit.host,
            csrf: &token.form_token(),
            username: user.name.as_str(),
            full_name: &user.full_name,
            email: &user.email,
            superuser: user.superuser,
            groups: user.groups.iter().map(GroupName::as_str).collect(),
            permissions: permissions(user, &visit.settings.groups),
            has_password: account.password.is_some(),
            last_sign_in: account.last_sign_in.map(Into::into),
            since: session.signed_in.into(),
            from: session.client_addr.to_canonical().to_string(),
            expires: expires.into(),
            notice: notice.map(Notice::text),
        });
        let mut response = visit.settings.pages.render(StatusCode::OK, &page);
        if notice.is_some() {
            Notice::clear(response.headers_mut());
        }
        Ok(response)
    }
}
