//! The start page of the portal host: the applications that the person may use.
//!
//! The gateway asks the rules, and hands over the links with the request. The page decides nothing.

use http::StatusCode;

use super::{PageRequest, PageResponse, SignedIn, host_role::HostRole, person::readable_name};
use crate::{
    pages::{self, AppTile, Apps, Page},
    refusal::Refusal,
};

/// The page.
pub(super) fn show(request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
    let HostRole::Portal(_) = request.host_role() else { return Err(Refusal::NotFound) };
    let signed_in = SignedIn::of(request)?;
    let tiles = request.apps.iter().map(|app| AppTile {
        title: &app.title,
        initial: app.title.chars().next().unwrap_or_default().to_uppercase().collect(),
        description: &app.description,
        href: format!("{}{}", app.origin, app.path),
        icon: app.icon.as_ref().map(|icon| format!("{}{icon}", app.origin)),
    });
    let page = Page::Apps(Apps {
        host: request.host,
        name: readable_name(&signed_in.account.user),
        apps: tiles.collect(),
    });
    let mut response = request.render(StatusCode::OK, &page);
    let with_icons = request.apps.iter().filter(|app| app.icon.is_some()).map(|app| app.origin.as_str());
    pages::allow_images_of(&mut response, with_icons);
    Ok(response)
}
