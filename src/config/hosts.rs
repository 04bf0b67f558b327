//! Host names as an app serves them.

use super::{
    excerpt::excerpt,
    reader::{Reader, Text},
};
use crate::request::Authority;

/// Reads the name of a host into its canonical form.
pub(super) fn host(reader: &Reader, text: &Text<'_>) -> Option<Box<str>> {
    match parse(text.content) {
        Ok(host) => Some(host),
        Err((problem, help)) => {
            let message = format!("\"{}\" is no host name", excerpt(text.content));
            reader.report(reader.error(&text.span, message).label(problem).help(help));
            None
        }
    }
}

fn parse(text: &str) -> Result<Box<str>, (&'static str, String)> {
    let wrong = |problem, help: String| Err((problem, help));
    if text.is_empty() {
        return wrong("it is empty", "leave `host` out to serve every host".to_owned());
    }
    if let Some((_, rest)) = text.split_once("://") {
        let name = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return wrong("it has a scheme", format!("write the name alone: `{}`", excerpt(name)));
    }
    if text.contains('*') {
        return wrong(
            "wildcards are not supported",
            "list the names, or leave `host` out to serve every host".to_owned(),
        );
    }
    if let Some((name, path)) = text.split_once('/') {
        return wrong(
            "it has a path",
            format!("write `host = \"{}\"` and `path = \"/{}\"`", excerpt(name), excerpt(path)),
        );
    }
    if !text.is_ascii() {
        return wrong(
            "it is not ASCII",
            "write the form that goes over the wire: each label with other letters starts with `xn--`"
                .to_owned(),
        );
    }
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return wrong("an IPv6 address needs brackets", format!("write `[{text}]`"));
    }
    match Authority::parse(text.as_bytes()) {
        Ok(authority) if authority.port().is_some() => {
            wrong("it has a port", format!("write `{}`; the ports are those of `[server]`", authority.host()))
        }
        Ok(authority) => Ok(authority.host().into()),
        Err(_) => wrong(
            "it is neither a name nor an address",
            "a name is made of letters, digits, `-`, `_` and dots".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_into_their_canonical_form() {
        for (text, host) in [
            ("wiki.example.com", "wiki.example.com"),
            ("Wiki.Example.COM.", "wiki.example.com"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("xn--caf-dma.example", "xn--caf-dma.example"),
        ] {
            assert_eq!(&*parse(text).unwrap(), host);
        }
    }

    #[test]
    fn an_invalid_host_names_its_problem() {
        for (text, problem) in [
            ("", "it is empty"),
            ("https://wiki.example.com/x", "it has a scheme"),
            ("*.example.com", "wildcards are not supported"),
            ("wiki.example.com/x", "it has a path"),
            ("café.example", "it is not ASCII"),
            ("::1", "an IPv6 address needs brackets"),
            ("wiki.example.com:8443", "it has a port"),
            ("a b", "it is neither a name nor an address"),
            ("user@host", "it is neither a name nor an address"),
        ] {
            assert_eq!(parse(text).unwrap_err().0, problem, "{text}");
        }
    }
}
