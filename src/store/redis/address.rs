//! The address of a Redis, as the configuration writes it.
//!
//! One server, `redis://host`; a Unix socket, `redis+unix:///path`; the master that Sentinels name,
//! `redis+sentinel://a,b/name`; or the node of a cluster that holds our keys, `redis+cluster://a,b`. With `rediss` in place
//! of `redis` the connection is TLS. An address prints without its password.

use std::{fmt, path::PathBuf};

use percent_encoding::percent_decode_str;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisResult};
use zeroize::Zeroizing;

/// The address of a Redis, with user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    pub(super) location: RedisLocation,
    tls: bool,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
    db: i64,
}

/// How the server is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RedisLocation {
    Server(Host),
    Socket(PathBuf),
    /// Sentinels, which know the master of this name.
    Sentinels(Vec<Host>, String),
    /// Nodes, which know the one that holds our slot.
    Cluster(Vec<Host>),
}

/// A name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) port: u16,
}

/// Why a text is no address; without the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAddress {
    /// The problem.
    pub problem: &'static str,
    /// The remedy.
    pub help: &'static str,
}

impl RedisAddress {
    /// Whether a text is meant as an address of a Redis, right or wrong.
    pub fn is_meant(text: &str) -> bool {
        text.split_once("://").is_some_and(|(scheme, _)| {
            matches!(scheme.split('+').next(), Some("redis" | "rediss" | "valkey" | "valkeys"))
        })
    }

    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let (scheme, rest) = text.split_once("://").ok_or(NO_ADDRESS)?;
        let (protocol, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match protocol {
            "redis" => false,
            "rediss" => true,
            _ => return Err(NO_ADDRESS),
        };
        if rest.contains('#') {
            return Err(BadAddress {
                problem: "a `#` stands in this address",
                help: "in a password, write it as `%23`; certificates are always verified",
            });
        }
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (credentials, rest) = rest.rsplit_once('@').map_or((None, rest), |(who, rest)| (Some(who), rest));
        let (user, password) = match credentials {
            Some(credentials) => read_credentials(credentials)?,
            None => (None, None),
        };
        let (hosts, path) = rest.split_once('/').map_or((rest, ""), |(hosts, path)| (hosts, path));
        let (location, db) = match kind {
            "unix" if tls || !hosts.is_empty() || path.is_empty() => return Err(NO_SOCKET),
            "unix" => {
                let db = query.map_or(Some(""), |query| query.strip_prefix("db=")).ok_or(NO_SOCKET)?;
                (RedisLocation::Socket(PathBuf::from(format!("/{}", decoded(path)?))), db)
            }
            _ if query.is_some() => {
                return Err(BadAddress {
                    problem: "parameters after `?` mean nothing here",
                    help: "leave them out; the database is a number after the last `/`",
                });
            }
            "" => match read_hosts(hosts, SERVER_PORT)?.as_slice() {
                [host] => (RedisLocation::Server(host.clone()), path),
                _ => {
                    return Err(BadAddress {
                        problem: "there are several servers in this address",
                        help: "write `redis+sentinel://…/NAME` if these are Sentinels, or `redis+cluster://…`",
                    });
                }
            },
            "sentinel" => {
                let (master, db) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return Err(BadAddress {
                        problem: "this address does not say what the Sentinels call the master",
                        help: "write `redis+sentinel://host1,host2/NAME`; the name stands in `sentinel monitor NAME …`",
                    });
                }
                (RedisLocation::Sentinels(read_hosts(hosts, SENTINEL_PORT)?, decoded(master)?), db)
            }
            "cluster" if path.is_empty() => (RedisLocation::Cluster(read_hosts(hosts, SERVER_PORT)?), ""),
            "cluster" => {
                return Err(BadAddress {
                    problem: "a cluster has no numbered databases",
                    help: "write `redis+cluster://host1,host2`",
                });
            }
            _ => return Err(NO_ADDRESS),
        };
        let db = match db {
            "" => 0,
            number => {
                number.parse().ok().filter(|number| (0..=65_535).contains(number)).ok_or(BadAddress {
                    problem: "the database in this address is no number",
                    help: "write `redis://host:port/NUMBER`, or leave it out for 0",
                })?
            }
        };
        Ok(Self { location, tls, user, password, db })
    }

    /// Whether commands could be read or changed on the way: no TLS, and not on this machine.
    pub fn is_exposed(&self) -> bool {
        let is_local = |host: &Host| {
            host.name == "localhost"
                || host.name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        };
        !self.tls
            && match &self.location {
                RedisLocation::Socket(_) => false,
                RedisLocation::Server(host) => !is_local(host),
                RedisLocation::Sentinels(hosts, _) | RedisLocation::Cluster(hosts) => {
                    !hosts.iter().all(is_local)
                }
            }
    }

    /// Whether the connection is TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// How to connect to a server that has been found.
    pub(super) fn server(&self, host: &Host) -> RedisResult<ConnectionInfo> {
        self.info(self.tcp(host), As::User, self.db)
    }

    /// How to connect to a Sentinel, which has no databases, and often no password.
    pub(super) fn sentinel(&self, host: &Host, who: As) -> RedisResult<ConnectionInfo> {
        self.info(self.tcp(host), who, 0)
    }

    /// How to connect to a Unix socket.
    pub(super) fn socket(&self, path: &std::path::Path) -> RedisResult<ConnectionInfo> {
        self.info(ConnectionAddr::Unix(path.to_owned()), As::User, self.db)
    }

    /// Whether there is anything to sign in with.
    pub(super) fn has_credentials(&self) -> bool {
        self.password.is_some()
    }

    fn tcp(&self, Host { name, port }: &Host) -> ConnectionAddr {
        if self.tls {
            ConnectionAddr::TcpTls { host: name.clone(), port: *port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(name.clone(), *port)
        }
    }

    fn info(&self, addr: ConnectionAddr, who: As, db: i64) -> RedisResult<ConnectionInfo> {
        let mut settings = RedisConnectionInfo::default().set_db(db).set_skip_set_lib_name();
        if let (As::User, Some(password)) = (who, &self.password) {
            settings = settings.set_password(password.as_str());
            if let Some(user) = &self.user {
                settings = settings.set_username(user);
            }
        }
        Ok(addr.into_connection_info()?.set_redis_settings(settings))
    }
}

/// The credentials for a Sentinel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    User,
    Nobody,
}

fn read_credentials(text: &str) -> Result<(Option<String>, Option<Zeroizing<String>>), BadAddress> {
    let (user, password) = text.split_once(':').ok_or(BadAddress {
        problem: "a user without a password stands in this address",
        help: "write `redis://user:password@host`, or `redis://:password@host`",
    })?;
    let user = Some(decoded(user)?).filter(|user| !user.is_empty());
    Ok((user, Some(Zeroizing::new(decoded(password)?))))
}

fn decoded(text: &str) -> Result<String, BadAddress> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| BadAddress {
        problem: "this address is not UTF-8 once its `%` are decoded",
        help: "write `%25` for a `%` that stands for itself",
    })
}

fn read_hosts(text: &str, default_port: u16) -> Result<Vec<Host>, BadAddress> {
    text.split(',').map(|host| read_host(host, default_port)).collect()
}

fn read_host(text: &str, default_port: u16) -> Result<Host, BadAddress> {
    let wrong = BadAddress {
        problem: "there is no host in this address, or none that could be one",
        help: "write `redis://host:port`; an IPv6 address in brackets, `redis://[::1]:6379`; in a password, write `/`, `?` and `@` as `%2F`, `%3F` and `%40`",
    };
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, after) = rest.split_once(']').ok_or(wrong.clone())?;
            name.parse::<std::net::Ipv6Addr>().map_err(|_| wrong.clone())?;
            (name, after)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(wrong.clone())?,
        None if port.is_empty() => default_port,
        None => return Err(wrong),
    };
    let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c));
    if fits { Ok(Host { name: name.to_owned(), port }) } else { Err(wrong) }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, port } = self;
        if name.contains(':') { write!(f, "[{name}]:{port}") } else { write!(f, "{name}:{port}") }
    }
}

/// Without user and password.
impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |hosts: &[Host]| hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let scheme = if self.tls { "rediss" } else { "redis" };
        let db = self.db;
        match &self.location {
            RedisLocation::Server(host) => write!(f, "{scheme}://{host}/{db}"),
            RedisLocation::Socket(path) => write!(f, "redis+unix://{}?db={db}", path.display()),
            RedisLocation::Sentinels(hosts, master) => {
                write!(f, "{scheme}+sentinel://{}/{master}/{db}", listed(hosts))
            }
            RedisLocation::Cluster(hosts) => write!(f, "{scheme}+cluster://{}", listed(hosts)),
        }
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const SERVER_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

const NO_ADDRESS: BadAddress = BadAddress {
    problem: "this is no address of a Redis",
    help: "write `redis://host:port`, `rediss://…` for TLS, `redis+unix:///path`, `redis+sentinel://host1,host2/NAME` or `redis+cluster://host1,host2`",
};
const NO_SOCKET: BadAddress = BadAddress {
    problem: "this is no address of a Unix socket",
    help: "write `redis+unix:///run/redis/redis.sock`, with `?db=NUMBER` for another database than 0",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_printed_without_its_password() {
        for (text, printed) in [
            ("redis://localhost", "redis://localhost:6379/0"),
            ("redis://10.0.0.7:7000/3", "redis://10.0.0.7:7000/3"),
            ("rediss://gate:s%40crt%2F@cache.example.com", "rediss://cache.example.com:6379/0"),
            ("redis://:s@cr@[::1]:6380/", "redis://[::1]:6380/0"),
            ("redis+unix:///run/redis.sock", "redis+unix:///run/redis.sock?db=0"),
            ("redis+unix://:scrt@/run/redis.sock?db=2", "redis+unix:///run/redis.sock?db=2"),
            ("redis+sentinel://a,b:1,c/mine/4", "redis+sentinel://a:26379,b:1,c:26379/mine/4"),
            ("rediss+cluster://:scrt@a:1,b", "rediss+cluster://a:1,b:6379"),
        ] {
            let address = RedisAddress::parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
            assert_eq!((address.to_string().as_str(), format!("{address:?}").as_str()), (printed, printed));
        }
        let address = RedisAddress::parse("rediss://gate:s%40crt%2F@cache").unwrap();
        let info = address.server(&Host { name: "cache".into(), port: 1 }).unwrap();
        assert_eq!(info.redis_settings().password(), Some("s@crt/"));
        assert_eq!(info.redis_settings().username(), Some("gate"));
        assert!(!format!("{info:?}").contains("s@crt"));
    }

    #[test]
    fn a_bad_redis_address_is_refused_without_repeating_it() {
        for text in [
            "redis:localhost",
            "redis://",
            "redis://:secret@",
            "redis://a,b",
            "redis://secret@a",
            "redis://a:0",
            "redis://a:port",
            "redis://a/one",
            "redis://a/-1",
            "redis://a?db=1",
            "redis://::1",
            "redis://[::1",
            "redis://a b",
            "rediss://a/#insecure",
            "redis+sentinel://a",
            "redis+sentinel://a,,b/x",
            "redis+cluster://a/1",
            "redis+unix://run/redis.sock",
            "rediss+unix:///run/redis.sock",
            "redis+serial://a",
            "valkey://a",
        ] {
            let wrong = RedisAddress::parse(text).expect_err(text);
            assert!(!wrong.problem.contains("secret") && !wrong.help.contains("secret"));
        }
    }

    #[test]
    fn an_address_of_another_machine_without_tls_is_exposed() {
        for (text, exposed) in [
            ("redis://localhost", false),
            ("redis://127.0.0.9", false),
            ("redis+unix:///run/redis.sock", false),
            ("rediss://cache", false),
            ("redis://cache", true),
            ("redis+cluster://[::1],10.0.0.1", true),
        ] {
            assert_eq!(RedisAddress::parse(text).unwrap().is_exposed(), exposed, "{text}");
        }
    }
}
