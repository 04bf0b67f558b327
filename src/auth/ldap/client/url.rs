//! The URL of a directory's server.

use std::{fmt, net::IpAddr, path::PathBuf};

use percent_encoding::percent_decode_str;
use rustls::pki_types::ServerName;

/// `ldap://host:port`, `ldaps://host:port`, or `ldapi://%2Fpath`, a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdapUrl(pub(super) Location);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Tcp {
        /// A name, or an address without brackets.
        host: Box<str>,
        port: u16,
        tls: bool,
        /// The name that the certificate has to be for.
        name: ServerName<'static>,
    },
    Socket(PathBuf),
}

/// Why a text is no URL of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLdapUrl {
    /// The problem.
    pub problem: &'static str,
    /// The remedy.
    pub help: &'static str,
}

impl LdapUrl {
    /// Reads a URL. It names a server and nothing else: the base and the account have settings of their own.
    pub fn parse(text: &str) -> Result<Self, BadLdapUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(NO_URL)?;
        let tls = match scheme {
            "ldap" => false,
            "ldaps" => true,
            "ldapi" => return socket(rest),
            _ => return Err(NO_URL),
        };
        if rest.contains('@') {
            return Err(BadLdapUrl {
                problem: "an account stands in this URL",
                help: "name it in `bind_dn`, and the file with its password in `bind_password_file`",
            });
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(BadLdapUrl {
                problem: "more than a server stands in this URL",
                help: "write `ldaps://host` or `ldaps://host:port`, and the base of searches in `base`",
            });
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or(NO_HOST)?;
                if !host.contains(':') {
                    return Err(NO_HOST);
                }
                (host, if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or(NO_HOST)?) })
            }
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            None if tls => 636,
            None => 389,
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(BadLdapUrl {
                problem: "the port of this URL is no number",
                help: "1 to 65535; without one it is 389 for `ldap://` and 636 for `ldaps://`",
            })?,
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| NO_HOST)?;
        Ok(Self(Location::Tcp { host: host.into(), port, tls, name }))
    }

    /// Whether the connection is TLS from its first byte.
    pub fn is_tls(&self) -> bool {
        matches!(self.0, Location::Tcp { tls: true, .. })
    }

    /// Whether the URL is that of a Unix socket.
    pub fn is_socket(&self) -> bool {
        matches!(self.0, Location::Socket(_))
    }

    /// Whether no byte of the connection leaves this machine.
    pub fn is_local(&self) -> bool {
        match &self.0 {
            Location::Socket(_) => true,
            Location::Tcp { host, .. } => {
                host.eq_ignore_ascii_case("localhost")
                    || host.parse::<IpAddr>().is_ok_and(|addr| addr.is_loopback())
            }
        }
    }
}

fn socket(encoded: &str) -> Result<LdapUrl, BadLdapUrl> {
    let wrong = BadLdapUrl {
        problem: "this URL names no Unix socket",
        help: "write `%2F` for each `/` of its path: `ldapi://%2Frun%2Fslapd%2Fldapi`",
    };
    let encoded = encoded.strip_suffix('/').unwrap_or(encoded);
    let path = percent_decode_str(encoded).decode_utf8().map_err(|_| wrong)?;
    if encoded.contains('/') || !path.starts_with('/') || path.contains('\0') {
        return Err(wrong);
    }
    Ok(LdapUrl(Location::Socket(PathBuf::from(path.into_owned()))))
}

impl fmt::Display for LdapUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Socket(path) => {
                write!(f, "ldapi://{}", path.display().to_string().replace('/', "%2F"))
            }
            Location::Tcp { host, port, tls, .. } => {
                let scheme = if *tls { "ldaps" } else { "ldap" };
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")
                } else {
                    write!(f, "{scheme}://{host}:{port}")
                }
            }
        }
    }
}

const NO_URL: BadLdapUrl = BadLdapUrl {
    problem: "this is no URL of a directory",
    help: "write `ldaps://host`, `ldap://host` with `start_tls = true`, or `ldapi://%2Fpath` for a Unix socket",
};
const NO_HOST: BadLdapUrl = BadLdapUrl {
    problem: "this URL names no host",
    help: "write `ldaps://dc1.example.com`, `ldaps://192.0.2.1:636` or `ldaps://[2001:db8::1]`",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_server() {
        for (text, shown) in [
            ("ldap://dc1.example.com", "ldap://dc1.example.com:389"),
            ("ldaps://dc1.example.com/", "ldaps://dc1.example.com:636"),
            ("ldaps://dc1:1636", "ldaps://dc1:1636"),
            ("ldaps://[::1]", "ldaps://[::1]:636"),
            ("ldap://[2001:db8::1]:3389", "ldap://[2001:db8::1]:3389"),
            ("ldap://127.0.0.1", "ldap://127.0.0.1:389"),
            ("ldapi://%2Frun%2Fslapd%2Fldapi", "ldapi://%2Frun%2Fslapd%2Fldapi"),
        ] {
            let url = LdapUrl::parse(text).unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(LdapUrl::parse(shown), Ok(url));
        }
    }

    #[test]
    fn other_texts_are_no_url() {
        for text in [
            "",
            "dc1.example.com",
            "http://dc1.example.com",
            "LDAP://dc1",
            "ldap://",
            "ldap://:389",
            "ldap://a:b",
            "ldap://a:0",
            "ldap://a:65536",
            "ldap://a b",
            "ldap://a\0",
            "ldap://[::1",
            "ldap://[::1]x",
            "ldap://[a]",
            "ldap://::1",
            "ldap://cn=admin:secret@dc1",
            "ldap://dc1/dc=example",
            "ldap://dc1?uid",
            "ldapi://",
            "ldapi:///run/slapd/ldapi",
            "ldapi://run",
        ] {
            assert!(LdapUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_of_this_machine_are_local() {
        for (text, local) in [
            ("ldap://localhost", true),
            ("ldap://127.0.0.9:389", true),
            ("ldap://[::1]", true),
            ("ldapi://%2Frun%2Fldapi", true),
            ("ldap://dc1", false),
            ("ldap://10.0.0.1", false),
            ("ldap://localhost.example.com", false),
        ] {
            assert_eq!(LdapUrl::parse(text).unwrap().is_local(), local, "{text}");
        }
    }
}
