//! The activity page: the last sign-ins of the account, and what was done to it.

use http::{StatusCode, header::USER_AGENT};

use super::{PageRequest, PageResponse, Portal, SignedIn, device};
use crate::{
    identity::UserId,
    language::Text,
    pages::{self, DisplayTime, Page},
    refusal::Refusal,
    users::Activity,
};

impl Portal {
    /// Notes what a user does, for the user to see later. It neither waits nor fails.
    pub(super) fn note_activity(&self, request: &PageRequest<'_>, id: UserId, kind: &str) {
        let user_agent =
            request.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let known = request.client_addr.known();
        self.sign_in.directory().note_activity(
            id,
            Activity {
                at: self.clock.now(),
                kind: kind.to_owned(),
                address: known.map(|address| address.to_canonical().to_string()).unwrap_or_default(),
                user_agent: user_agent.unwrap_or_default().into_owned(),
                host: request.host.to_owned(),
            },
        );
    }

    /// The page.
    pub(super) async fn show_activity(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let SignedIn { account, .. } = SignedIn::of(request)?;
        let found = self.sign_in.directory().activity_of(account.user.id).await;
        let found = found.map_err(|error| request.unavailable("reading activity", &error))?;
        let listed = |activity: &Activity| pages::ListedActivity {
            text: request.say(&text_of(&activity.kind)),
            at: DisplayTime::from(activity.at),
            device: (!activity.user_agent.is_empty())
                .then(|| request.say(&device::text_at_line_start(&activity.user_agent))),
            address: activity.address.clone(),
            host: activity.host.clone(),
        };
        let page = Page::Activity(pages::ActivityPage {
            host: request.host,
            activities: found.iter().map(listed).collect(),
        });
        Ok(request.render(StatusCode::OK, &page))
    }
}

/// The text for a word in the database, which may be one of a later release.
#[expect(clippy::match_same_arms, reason = "each word stands beside its text, for the test of the catalogue")]
fn text_of(kind: &str) -> Text {
    Text::of(match kind {
        "signed-in" => "activity-signed-in",
        "profile-changed" => "activity-profile-changed",
        "data-downloaded" => "activity-data-downloaded",
        "password-changed" => "activity-password-changed",
        "factor-added" => "activity-factor-added",
        "factor-removed" => "activity-factor-removed",
        "recovery-code-used" => "activity-recovery-code-used",
        "recovery-codes-made" => "activity-recovery-codes-made",
        "new-device" => "activity-new-device",
        "email-changed" => "activity-email-changed",
        "token-made" => "activity-token-made",
        "token-removed" => "activity-token-removed",
        "operator-added" => "activity-operator-added",
        "operator-password-changed" => "activity-operator-password-changed",
        "operator-enabled" => "activity-operator-enabled",
        "operator-disabled" => "activity-operator-disabled",
        "operator-linked" => "activity-operator-linked",
        "operator-unlinked" => "activity-operator-unlinked",
        "operator-source-ended" => "activity-operator-unlinked",
        "operator-changed" => "activity-operator-changed",
        _ => "activity-other",
    })
}
