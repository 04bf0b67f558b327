//! The text of an upstream: `http://`, `https://`, `unix:` or `builtin:`.

use std::path::Path;

use rustls::pki_types::ServerName;

use crate::{
    config::{excerpt::excerpt, suggest},
    request::Authority,
};

/// An upstream as its text says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed<'t> {
    Http { host: Box<str>, port: u16 },
    Https { host: Box<str>, port: u16 },
    Unix(&'t Path),
    Whoami,
}

/// Reads an upstream; a mistake is its problem and a hint.
pub(super) fn parse(text: &str) -> Result<Parsed<'_>, (&'static str, String)> {
    if let Some(name) = text.strip_prefix("builtin:") {
        if name == "whoami" {
            return Ok(Parsed::Whoami);
        }
        return Err(("no such application is built in", "write `builtin:whoami`".to_owned()));
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return match path.strip_prefix("//") {
            Some(path) => Err((
                "a socket has a path, no host",
                format!("write `unix:/{}`", excerpt(path.trim_start_matches('/'))),
            )),
            None if path.is_empty() || path.contains('\0') => {
                Err(("the socket's path is missing", "write `unix:/run/app.sock`".to_owned()))
            }
            None => Ok(Parsed::Unix(Path::new(path))),
        };
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let start = text.split(['/', '?', '#']).next().unwrap_or_default();
        return Err(match Authority::parse(start.as_bytes()) {
            Ok(authority) if !text.is_empty() => {
                ("the scheme is missing", format!("write `http://{authority}`"))
            }
            _ => ("no address of a server", HELP.to_owned()),
        });
    };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        "ws" | "wss" => {
            let plain = if scheme == "ws" { "http" } else { "https" };
            return Err(("WebSockets begin as HTTP", format!("write `{plain}://`; they are passed on")));
        }
        _ => {
            let schemes = ["http", "https", "unix", "builtin"];
            let help = suggest::similar(scheme, schemes)
                .map_or_else(|| HELP.to_owned(), |meant| format!("did you mean `{meant}`?"));
            return Err(("this scheme is not supported", help));
        }
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        let help = "leave the name and password out; the gateway passes the signed-in user in headers";
        return Err(("it has a name or password in it", help.to_owned()));
    }
    let Ok(read) = Authority::parse(authority.as_bytes()) else {
        return Err((
            "the host or the port cannot be read",
            format!("write `{scheme}://` and a name or address, such as `{scheme}://127.0.0.1:8080`"),
        ));
    };
    if !matches!(path, "" | "/") {
        let (what, help) = if path.starts_with('/') {
            ("it has a path", "; requests keep their own path, and `path` says which ones belong to the app")
        } else {
            ("it has a query or fragment", "")
        };
        return Err((what, format!("write `{scheme}://{read}`{help}")));
    }
    if read.port() == Some(0) {
        return Err((
            "nothing listens on port 0",
            format!("write the port that the app listens on, such as `{scheme}://{}:8080`", read.host()),
        ));
    }
    let (host, port) = (Box::from(read.host()), read.port().unwrap_or(default_port));
    if scheme == "http" {
        return Ok(Parsed::Http { host, port });
    }
    if ServerName::try_from(host.trim_matches(['[', ']'])).is_err() {
        return Err((
            "no certificate can be made out to this name",
            "write a DNS name or an IP address".to_owned(),
        ));
    }
    Ok(Parsed::Https { host, port })
}

/// A URL without its user information, for messages.
pub(super) fn without_secrets(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, after)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://…@{after}")
        }
        None => text.to_owned(),
    }
}

const HELP: &str =
    "write `http://127.0.0.1:8080`, `https://app.example.com`, `unix:/run/app.sock` or `builtin:whoami`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_read() {
        let http = |host: &str, port| Parsed::Http { host: host.into(), port };
        let https = |host: &str, port| Parsed::Https { host: host.into(), port };
        for (text, parsed) in [
            ("http://127.0.0.1:8080", http("127.0.0.1", 8080)),
            ("http://127.0.0.1:8080/", http("127.0.0.1", 8080)),
            ("http://App.Local", http("app.local", 80)),
            ("https://app.example.com", https("app.example.com", 443)),
            ("https://[::1]:8443", https("[::1]", 8443)),
            ("unix:/run/app.sock", Parsed::Unix(Path::new("/run/app.sock"))),
            ("builtin:whoami", Parsed::Whoami),
        ] {
            assert_eq!(parse(text).unwrap(), parsed, "{text}");
        }
    }

    #[test]
    fn an_invalid_upstream_names_its_problem() {
        for (text, problem) in [
            ("", "no address of a server"),
            ("127.0.0.1:8080", "the scheme is missing"),
            ("localhost:3000/app", "the scheme is missing"),
            ("http://127.0.0.1:8080/app", "it has a path"),
            ("http://127.0.0.1:8080?x", "it has a query or fragment"),
            ("http://user:secret@127.0.0.1", "it has a name or password in it"),
            ("http://", "the host or the port cannot be read"),
            ("http://a:99999", "the host or the port cannot be read"),
            ("http://a:0", "nothing listens on port 0"),
            ("htp://a", "this scheme is not supported"),
            ("ws://a", "WebSockets begin as HTTP"),
            ("unix:", "the socket's path is missing"),
            ("unix:///run/app.sock", "a socket has a path, no host"),
            ("builtin:wiki", "no such application is built in"),
        ] {
            assert_eq!(parse(text).unwrap_err().0, problem, "{text}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        assert_eq!(without_secrets("http://user:secret@host"), "http://…@host");
        assert_eq!(without_secrets("http://a:b@c@host"), "http://…@host");
        assert_eq!(without_secrets("user:secret@host"), "://…@host");
    }
}
