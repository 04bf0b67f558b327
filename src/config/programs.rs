//! `programs` and `authorization` of an app: the credentials that it takes from programs, and whose `Authorization` is.

use super::{
    keys,
    reader::{Reader, Section},
};
use crate::{
    access::Policy,
    auth::programs::{AuthorizationFor, ProgramSettings},
};

/// Reads the keys of an app.
///
/// Without `authorization`, the header is the gateway's where passwords or access tokens are taken: a wrong one must not go
/// on to the app. API tokens are recognised by their form, so that they alone leave the app's own header to it.
pub(super) fn read(reader: &Reader, section: &Section<'_>) -> ProgramSettings {
    let programs = reader.table(section.field("programs"), &keys::APP_PROGRAMS);
    let takes = |name| programs.as_ref().is_some_and(|table| reader.boolean(table.field(name), false));
    let (tokens, basic, bearer) = (takes("tokens"), takes("basic"), takes("bearer"));
    let usual = if basic || bearer { AuthorizationFor::Gateway } else { AuthorizationFor::App };
    let mut settings = ProgramSettings { tokens, basic, bearer, authorization: usual };
    let Some(field) = section.field("authorization") else { return settings };
    settings.authorization = match reader.choice(&field, &["gateway", "app"]) {
        Some("gateway") => AuthorizationFor::Gateway,
        Some(_) => AuthorizationFor::App,
        None => return settings,
    };
    if settings.authorization == AuthorizationFor::App && (basic || bearer) {
        let needed_by = if basic { "`basic`" } else { "`bearer`" };
        let message = format!("the `Authorization` of this app is its own, and {needed_by} needs it");
        let mut error = reader.error(&field.value.span(), message);
        if let Some(programs) = section.field("programs") {
            error = error.also(programs.value.span(), "what programs may send");
        }
        reader.report(error.help(
            "leave `authorization` out, or take API tokens alone: the gateway recognises them by their form",
        ));
    }
    if settings.authorization == AuthorizationFor::Gateway && !(tokens || basic || bearer) {
        let message = "the gateway would take `Authorization` away from this app, and accept nothing in it";
        let error = reader.error(&field.value.span(), message);
        reader.report(error.help("add `programs = { tokens = true }`, or leave `authorization` out"));
    }
    settings
}

/// Reports apps that take access tokens of providers, while no provider has any for them.
/// `programs` has the settings of each app of the policy.
pub(super) fn check<'p>(
    reader: &Reader,
    policy: &Policy,
    programs: impl Iterator<Item = &'p ProgramSettings>,
    has_audience: bool,
) {
    let waiting = policy.apps().iter().zip(programs).filter(|(_, programs)| programs.bearer);
    for (app, _) in waiting.filter(|_| !has_audience) {
        let message = "this app takes access tokens by `bearer`, and no provider has an `audience`";
        let error = reader.error(&reader.placed(&app.place), message);
        reader.report(
            error.help(
                "add `audience` to a `[[backend]]` of type \"oidc\", or leave `bearer` out of `programs`",
            ),
        );
    }
}
