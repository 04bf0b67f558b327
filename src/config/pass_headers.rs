//! `pass_headers`: override headers that the gateway forwards to an app all the same.

use http::HeaderName;

use super::{
    excerpt::excerpt,
    reader::{Field, Reader},
    source::Span,
};
use crate::forward::{self, ClientHeader};

/// Reads the names; what they may be is [`check`]ed once all apps are known.
pub(super) fn read(reader: &Reader, field: Option<&Field<'_>>) -> Vec<(HeaderName, Span)> {
    let mut names: Vec<(HeaderName, Span)> = Vec::new();
    for text in field.into_iter().flat_map(|field| reader.texts(field)) {
        let Ok(name) = HeaderName::from_bytes(text.content.as_bytes()) else {
            let message = format!("\"{}\" is no name of a header", excerpt(text.content));
            reader.report(reader.error(&text.span, message).help("use letters, digits and `-`"));
            continue;
        };
        if name.as_str().contains('_') {
            let message = format!("\"{}\" cannot be passed", excerpt(text.content));
            let help = format!(
                "write \"{}\"; many servers take the two for one",
                excerpt(text.content).replace('_', "-")
            );
            reader.report(reader.error(&text.span, message).label("it has an underscore").help(help));
            continue;
        }
        if let Some((_, first)) = names.iter().find(|(other, _)| *other == name) {
            reader.report(
                reader
                    .error(&text.span, format!("the header `{name}` is listed twice"))
                    .label("again here")
                    .also(first.clone(), "first given here")
                    .help("keep one of them"),
            );
            continue;
        }
        names.push((name, text.span));
    }
    names
}

/// Reports headers that cannot be passed, and the risk of those that can.
pub(super) fn check<'a>(
    reader: &Reader,
    passes: &[(HeaderName, Span)],
    names_methods: bool,
    apps: &(impl Iterator<Item = &'a forward::App> + Clone),
) {
    for (name, span) in passes {
        match forward::client_header(name, apps.clone()) {
            ClientHeader::GatewayOnly => reader.report(
                reader
                    .error(span, format!("the header `{name}` cannot be passed"))
                    .label("only the gateway writes identity and client address")
                    .help("remove it; with it, a client could take the identity of another user"),
            ),
            ClientHeader::MethodOverride if names_methods => reader.report(
                reader
                    .warning(
                        span,
                        format!("with `{name}` a client chooses another method than the rules see"),
                    )
                    .label("rules of this app name methods")
                    .help(
                        "write those rules without `methods`, or for POST as for what it may be turned into",
                    ),
            ),
            ClientHeader::MethodOverride => {}
            ClientHeader::UrlOverride => reader.report(
                reader
                    .warning(
                        span,
                        format!("with `{name}` a client can mean another path or host than the rules see"),
                    )
                    .help("make sure that the app does not take its path from it"),
            ),
            ClientHeader::ClientClaim => reader.report(
                reader
                    .warning(
                        span,
                        format!("with `{name}` a client can pass for another one, if the app believes it"),
                    )
                    .label("proxies write an identity or a client address into it")
                    .help("list it only if every client comes through a proxy that writes it anew"),
            ),
            ClientHeader::OneHop => reader.report(
                reader
                    .error(span, format!("the header `{name}` cannot be passed"))
                    .label("it is for one connection only")
                    .help("remove it"),
            ),
            ClientHeader::Forwarded => reader.report(
                reader
                    .warning(span, format!("the header `{name}` arrives anyway"))
                    .help("remove it; only what the gateway removes has to be listed"),
            ),
        }
    }
}
