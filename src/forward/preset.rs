//! Presets: the headers that known applications read from a proxy, as data.
//!
//! `config` reads `identity = "NAME"`, and `portcullis preset` shows what an application has to be told. The names of all
//! presets are removed from every request to every application, see [`OwnedNames`](super::OwnedNames): an operator who
//! forgets a setting has a Grafana without users, and not one that believes the `X-WEBAUTH-USER` of a stranger.
//!
//! The names and lines are those of each application's own documentation.

use http::HeaderName;

use super::{IdentityHeaders, IdentityValue};

/// The expectations of an application, or of a family of them.
#[derive(Debug)]
pub struct Preset {
    /// The word in the configuration.
    pub name: &'static str,
    /// The applications that it is for.
    pub title: &'static str,
    /// The headers, each with its value.
    headers: &'static [(&'static str, PresetValue)],
    /// Paths of the application that programs use. They cannot sign in at a form, and have a sign-in of their own there.
    pub program_paths: &'static [&'static str],
    /// The path of the application's own sign-out, as `sign_out` of the app takes it; `None`: it has none, or its address has
    /// a query.
    pub sign_out: Option<&'static str>,
    /// The lines of the application's own configuration; empty if it needs none.
    pub setup: &'static str,
    /// An advice for the operator; empty if there is none.
    pub note: &'static str,
}

/// The value of a preset's header.
#[derive(Clone, Copy, Debug)]
enum PresetValue {
    Username,
    Email,
    Name,
    /// With this between the groups.
    Groups(&'static str),
}

use PresetValue::{Email, Groups, Name, Username};

impl Preset {
    /// The preset with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// The names of all presets.
    pub fn names() -> Vec<&'static str> {
        PRESETS.iter().map(|preset| preset.name).collect()
    }

    /// All presets.
    pub fn all() -> &'static [Self] {
        PRESETS
    }

    /// Its identity headers.
    pub fn headers(&self) -> IdentityHeaders {
        let header = |(name, value): &(&'static str, PresetValue)| {
            let value = match value {
                Username => IdentityValue::Username,
                Email => IdentityValue::Email,
                Name => IdentityValue::Name,
                Groups(separator) => IdentityValue::Groups((*separator).to_owned()),
            };
            (HeaderName::from_static(name), value)
        };
        IdentityHeaders::new(self.headers.iter().map(header).collect())
    }

    /// Whether the gateway's own conventions are meant, and no single application: no client may send these headers to any
    /// application, even if `pass_headers` lists them.
    pub(super) fn is_general(&self) -> bool {
        matches!(self.name, "remote-user" | "x-forwarded")
    }
}

/// The names that most applications have for the headers of a proxy.
const REMOTE_USER: &[(&str, PresetValue)] = &[
    ("remote-user", Username),
    ("remote-groups", Groups(",")),
    ("remote-email", Email),
    ("remote-name", Name),
];

const NO_CHECK: &str =
    "The application does not check who sends the header: it must listen on 127.0.0.1 or a UNIX socket.";

/// In the order of `portcullis preset list`: general ones, applications, other gateways.
const PRESETS: &[Preset] = &[
    Preset {
        name: "remote-user",
        title: "the default; Authelia's and Tinyauth's names",
        headers: REMOTE_USER,
        program_paths: &[],
        sign_out: None,
        setup: "",
        note: "",
    },
    Preset {
        name: "x-forwarded",
        title: "the names of oauth2-proxy towards applications",
        headers: &[
            ("x-forwarded-user", Username),
            ("x-forwarded-groups", Groups(",")),
            ("x-forwarded-email", Email),
            ("x-forwarded-preferred-username", Username),
        ],
        program_paths: &[],
        sign_out: None,
        setup: "",
        note: "",
    },
    Preset {
        name: "none",
        title: "applications without users",
        headers: &[],
        program_paths: &[],
        sign_out: None,
        setup: "",
        note: "The rules still decide who reaches the application; it does not learn who that is.",
    },
    Preset {
        name: "buildbot",
        title: "Buildbot",
        headers: REMOTE_USER,
        program_paths: &[],
        sign_out: Some("/auth/logout"),
        setup: "\
# master.cfg; the default of headerRegex expects a name with @
c[\"www\"][\"auth\"] = util.RemoteUserAuth(header=\"Remote-User\", headerRegex=\"(?P<username>.+)\")",
        note: NO_CHECK,
    },
    Preset {
        name: "django",
        title: "Django with RemoteUserMiddleware",
        headers: REMOTE_USER,
        program_paths: &[],
        sign_out: Some("/accounts/logout/"),
        setup: "\
# settings.py; the middleware after AuthenticationMiddleware
AUTHENTICATION_BACKENDS = [\"django.contrib.auth.backends.RemoteUserBackend\"]
# a module of the project, named in MIDDLEWARE
from django.contrib.auth.middleware import RemoteUserMiddleware
class GatewayUserMiddleware(RemoteUserMiddleware):
    header = \"HTTP_REMOTE_USER\"",
        note: NO_CHECK,
    },
    Preset {
        name: "filebrowser",
        title: "File Browser",
        headers: REMOTE_USER,
        program_paths: &[],
        sign_out: None,
        setup: "filebrowser config set --auth.method=proxy --auth.header=Remote-User",
        note: NO_CHECK,
    },
    Preset {
        name: "flask-appbuilder",
        title: "Airflow, Superset and others made with Flask-AppBuilder",
        headers: REMOTE_USER,
        program_paths: &[],
        sign_out: Some("/logout/"),
        setup: "\
# webserver_config.py, superset_config.py or config.py
from flask_appbuilder.const import AUTH_REMOTE_USER
AUTH_TYPE = AUTH_REMOTE_USER
AUTH_REMOTE_USER_ENV_VAR = \"HTTP_REMOTE_USER\"
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = \"Public\"
LOGOUT_REDIRECT_URL = \"/.gateway/logout\"",
        note: "It reads the header at its own sign-in, and then uses its own session: docs/apps.md shows how to end that for the \
               next person in the same browser. Superset 6 does not read it without further lines: see its recipe there.",
    },
    Preset {
        name: "freshrss",
        title: "FreshRSS",
        headers: REMOTE_USER,
        program_paths: &["/api/**"],
        sign_out: None,
        setup: "\
# Settings: authentication method HTTP
TRUSTED_PROXY=127.0.0.1",
        note: "",
    },
    Preset {
        name: "gitea",
        title: "Gitea, Forgejo",
        headers: &[("x-webauth-user", Username), ("x-webauth-email", Email), ("x-webauth-fullname", Name)],
        program_paths: &["/api/**"],
        sign_out: Some("/user/logout"),
        setup: "\
# app.ini
[server]
HTTP_ADDR = 127.0.0.1
[service]
ENABLE_REVERSE_PROXY_AUTHENTICATION = true
ENABLE_REVERSE_PROXY_AUTO_REGISTRATION = true
ENABLE_REVERSE_PROXY_EMAIL = true
ENABLE_REVERSE_PROXY_FULL_NAME = true
[security]
REVERSE_PROXY_TRUSTED_PROXIES = 127.0.0.0/8
REVERSE_PROXY_LIMIT = 1",
        note: "git over HTTPS cannot sign in at a form: use SSH, or an API token of the gateway with `programs = { tokens = true }`.",
    },
    Preset {
        name: "grafana",
        title: "Grafana",
        headers: &[("x-webauth-user", Username), ("x-webauth-email", Email), ("x-webauth-name", Name)],
        program_paths: &[],
        sign_out: Some("/logout"),
        setup: "\
# grafana.ini
[server]
http_addr = 127.0.0.1
[auth.proxy]
enabled = true
header_name = X-WEBAUTH-USER
header_property = username
headers = Email:X-WEBAUTH-EMAIL Name:X-WEBAUTH-NAME
auto_sign_up = true
whitelist = 127.0.0.1",
        note: "",
    },
    Preset {
        name: "guacamole",
        title: "Apache Guacamole with its extension for header authentication",
        headers: REMOTE_USER,
        program_paths: &[],
        sign_out: None,
        setup: "\
# guacamole.properties; its default REMOTE_USER has an underscore, which many servers drop
http-auth-header: Remote-User",
        note: NO_CHECK,
    },
    Preset {
        name: "jenkins",
        title: "Jenkins with the plugin Reverse Proxy Auth",
        headers: &[
            ("x-forwarded-user", Username),
            ("x-forwarded-mail", Email),
            ("x-forwarded-displayname", Name),
            ("x-forwarded-groups", Groups("|")),
        ],
        program_paths: &[],
        sign_out: Some("/logout"),
        setup: "\
# Manage Jenkins, Security: HTTP Header by reverse proxy
Header User Name: X-Forwarded-User
Header Groups Name: X-Forwarded-Groups
Header Groups Delimiter Name: |",
        note: NO_CHECK,
    },
    Preset {
        name: "miniflux",
        title: "Miniflux",
        headers: REMOTE_USER,
        program_paths: &["/v1/**", "/fever/**", "/reader/**"],
        sign_out: Some("/logout"),
        setup: "\
AUTH_PROXY_HEADER=Remote-User
AUTH_PROXY_USER_CREATION=1
TRUSTED_REVERSE_PROXY_NETWORKS=127.0.0.1/32",
        note: "",
    },
    Preset {
        name: "navidrome",
        title: "Navidrome",
        headers: REMOTE_USER,
        program_paths: &["/rest/**"],
        sign_out: None,
        setup: "\
ND_EXTAUTH_USERHEADER=Remote-User
ND_EXTAUTH_TRUSTEDSOURCES=127.0.0.1/32
ND_EXTAUTH_LOGOUTURL=/.gateway/logout",
        note: "The first user becomes the administrator: sign in first.",
    },
    Preset {
        name: "opensearch-dashboards",
        title: "OpenSearch Dashboards with proxy authentication",
        headers: &[("x-proxy-user", Username), ("x-proxy-roles", Groups(","))],
        program_paths: &[],
        sign_out: None,
        setup: "\
# opensearch_dashboards.yml
opensearch_security.auth.type: \"proxy\"
opensearch_security.proxycache.user_header: \"x-proxy-user\"
opensearch_security.proxycache.roles_header: \"x-proxy-roles\"
opensearch.requestHeadersAllowlist: [\"securitytenant\", \"Authorization\", \"x-forwarded-for\", \"x-proxy-user\", \"x-proxy-roles\"]",
        note: "OpenSearch itself takes the headers from the addresses in `xff.internalProxies` alone.",
    },
    Preset {
        name: "paperless-ngx",
        title: "Paperless-ngx",
        headers: REMOTE_USER,
        program_paths: &[],
        sign_out: Some("/accounts/logout/"),
        setup: "\
PAPERLESS_ENABLE_HTTP_REMOTE_USER=true
PAPERLESS_LOGOUT_REDIRECT_URL=/.gateway/logout",
        note: NO_CHECK,
    },
    Preset {
        name: "pgadmin",
        title: "pgAdmin 4",
        headers: REMOTE_USER,
        program_paths: &[],
        sign_out: Some("/logout"),
        setup: "\
# config_local.py
AUTHENTICATION_SOURCES = [\"webserver\"]
WEBSERVER_REMOTE_USER = \"Remote-User\"
WEBSERVER_REMOTE_USER_FROM_HEADER = True
WEBSERVER_TRUSTED_PROXIES = [\"127.0.0.1\"]",
        note: "It reads the header at its own sign-in, and then uses its own session: docs/apps.md shows how to end that for the \
               next person in the same browser, and how `upstream_auth` keeps other programs from sending the header.",
    },
    Preset {
        name: "radicale",
        title: "Radicale",
        headers: REMOTE_USER,
        program_paths: &[],
        sign_out: None,
        setup: "\
[server]
hosts = 127.0.0.1:5232
[auth]
type = http_remote_user",
        note: "Releases before 3.5 have http_x_remote_user only. Calendar programs use an API token as their password, with \
               `programs = { tokens = true }` below [[app]].",
    },
    Preset {
        name: "redash",
        title: "Redash",
        headers: &[("x-forwarded-remote-user", Email)],
        program_paths: &[],
        sign_out: Some("/logout"),
        setup: "REDASH_REMOTE_USER_LOGIN_ENABLED=true",
        note: "Users are known by their e-mail address. Redash reads the header once, and then its own cookie.",
    },
    Preset {
        name: "roundup",
        title: "Roundup",
        headers: REMOTE_USER,
        program_paths: &[],
        sign_out: None,
        setup: "\
# config.ini of the tracker, for a WSGI server
[web]
http_auth_header = HTTP_REMOTE_USER",
        note: "Roundup makes no accounts: a user without one is anonymous there.",
    },
    Preset {
        name: "seafile",
        title: "Seafile",
        headers: &[("remote-user", Email)],
        program_paths: &[],
        sign_out: Some("/accounts/logout/"),
        setup: "\
# seahub_settings.py
ENABLE_REMOTE_USER_AUTHENTICATION = True
REMOTE_USER_HEADER = \"HTTP_REMOTE_USER\"
REMOTE_USER_CREATE_UNKNOWN_USER = True",
        note: "Users are known by their e-mail address.",
    },
    Preset {
        name: "trac",
        title: "Trac",
        headers: REMOTE_USER,
        program_paths: &[],
        sign_out: Some("/logout"),
        setup: "\
# a WSGI program
from trac.web.main import dispatch_request
def application(environ, start_response):
    environ[\"REMOTE_USER\"] = environ.get(\"HTTP_REMOTE_USER\", \"\")
    return dispatch_request(environ, start_response)",
        note: NO_CHECK,
    },
    Preset {
        name: "authentik",
        title: "applications set up for authentik's proxy",
        headers: &[
            ("x-authentik-username", Username),
            ("x-authentik-groups", Groups("|")),
            ("x-authentik-email", Email),
            ("x-authentik-name", Name),
        ],
        program_paths: &[],
        sign_out: None,
        setup: "",
        note: "",
    },
    Preset {
        name: "caddy-security",
        title: "applications set up for caddy-security",
        headers: &[
            ("x-token-subject", Username),
            ("x-token-user-name", Name),
            ("x-token-user-email", Email),
            ("x-token-user-roles", Groups(" ")),
        ],
        program_paths: &[],
        sign_out: None,
        setup: "",
        note: "",
    },
    Preset {
        name: "oauth2-proxy",
        title: "applications set up for nginx with oauth2-proxy",
        headers: &[
            ("x-auth-request-user", Username),
            ("x-auth-request-groups", Groups(",")),
            ("x-auth-request-email", Email),
            ("x-auth-request-preferred-username", Username),
        ],
        program_paths: &[],
        sign_out: None,
        setup: "",
        note: "",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::{ClientHeader, OwnedNames, client_header};

    #[test]
    fn presets_are_named_once_and_written_in_lower_case() {
        let mut names = Preset::names();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PRESETS.len());
        for preset in PRESETS {
            // `HeaderName::from_static` panics at a name that is none.
            assert_eq!(preset.headers().names().count(), preset.headers.len(), "{}", preset.name);
            assert!(!preset.title.is_empty(), "{}", preset.name);
        }
    }

    #[test]
    fn every_header_of_every_preset_is_removed_from_requests_to_every_application() {
        let names = OwnedNames::of(&[]);
        for preset in PRESETS {
            for name in preset.headers().names() {
                assert!(names.contains(name), "{}: {name}", preset.name);
                let disguised = HeaderName::try_from(name.as_str().replace('-', "_")).unwrap();
                assert!(names.contains(&disguised), "{}: {disguised}", preset.name);
            }
        }
    }

    #[test]
    fn a_header_of_another_gateway_can_be_passed_and_a_general_one_cannot() {
        let class = |name| client_header(&HeaderName::from_static(name), [].iter());
        assert_eq!(class("x-authentik-username"), ClientHeader::ClientClaim);
        assert_eq!(class("x-webauth-user"), ClientHeader::ClientClaim);
        for name in ["remote-user", "x-forwarded-user", "x-forwarded-groups"] {
            assert_eq!(class(name), ClientHeader::GatewayOnly, "{name}");
        }
    }
}
