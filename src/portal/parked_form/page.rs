//! The page that offers a parked form again.

use http::StatusCode;

use super::{ParkedForm, mark::Mark, parking::presented_secret, sealed::ParkedFor};
use crate::{
    language::Text,
    pages::{self, Notice, Page, PageLink, ParkedField, ParkedFormPage},
    portal::{PageRequest, PageResponse, Portal, ReturnTo, navigation::navigates},
    refusal::Refusal,
    session::OneTimePurpose,
};

impl Portal {
    /// Shows the form to the user who sent it, as often as the page is loaded while the form is kept.
    pub(in crate::portal) async fn offer_parked_form(
        &self,
        request: &PageRequest<'_>,
    ) -> Result<PageResponse, Refusal> {
        navigates(request)?;
        let Some(account) = request.account else {
            return Ok(pages::redirect(&request.address().login_location()));
        };
        let back = request.return_to(&request.parameter("back"));
        let mark = Mark::parse(&request.parameter("entry"));
        let secret = presented_secret(request.headers, &request.settings.cookies);
        let kept = match (&secret, &mark) {
            (Some(secret), Some(mark)) => {
                let parked_for = ParkedFor { secret, mark, user: account.user.id };
                let (key, now) = (mark.slot().entry_key(account.user.id), self.clock.now());
                let read = self.sessions.read_one_time_at(key, OneTimePurpose::ParkedForm, now).await;
                let read = read.map_err(|error| request.unavailable("reading a parked form", &error))?;
                read.and_then(|text| ParkedForm::open(&text, &parked_for))
            }
            _ => None,
        };
        Ok(match kept.filter(|parked| parked.host == request.host) {
            Some(parked) => offer(request, &parked, &back),
            None => nothing_kept(request, &back),
        })
    }
}

fn offer(request: &PageRequest<'_>, parked: &ParkedForm, back: &ReturnTo) -> PageResponse {
    let fields = parked.form.fields.iter().map(|field| ParkedField {
        name: &field.name,
        value: field.value.as_deref(),
        is_hidden: is_secret(&field.name),
    });
    // With its host: `//evil.example/` is a path here, and another host in an address without one.
    let action = format!("https://{}{}", parked.host, parked.path);
    let page = Page::ParkedForm(ParkedFormPage {
        host: request.host,
        path: parked.path.split(['?', '#']).next().unwrap_or_default(),
        action: &action,
        enctype: parked.form.encoding.enctype(),
        fields: fields.collect(),
        back: back.as_str(),
    });
    let mut response = request.render(StatusCode::OK, &page);
    // The application may lead on to another site afterwards, as after a form of its own.
    pages::allow_form_to_lead_to(&mut response, "https:");
    response
}

/// The form belongs to somebody else or to another browser, or was kept for too long. The page does not say which.
fn nothing_kept(request: &PageRequest<'_>, back: &ReturnTo) -> PageResponse {
    let (title, text, link) = (
        request.say(&Text::of("parked-none-title")),
        request.say(&Text::of("parked-none")),
        request.say(&Text::of("parked-back")),
    );
    let page = Page::Notice(Notice {
        title: &title,
        text: &text,
        page_link: PageLink { href: back.as_str(), text: &link },
    });
    request.render(StatusCode::OK, &page)
}

/// Whether somebody who looks over the shoulder should not read the value.
fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["pass", "pwd", "secret", "token", "csrf", "xsrf"].iter().any(|part| name.contains(part))
}
