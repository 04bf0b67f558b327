//! Every key that a configuration can have, by section.

/// The keys of one kind of table.
#[derive(Debug)]
pub(super) struct Keys {
    /// The name of the table in messages.
    pub(super) section: &'static str,
    /// Its keys.
    pub(super) keys: &'static [&'static str],
}

impl Keys {
    /// `` in `[server]` ``.
    pub(super) fn within(&self) -> String {
        let preposition = if self.section == TOP.section { "at" } else { "in" };
        format!("{preposition} {}", self.section)
    }
}

pub(super) static TOP: Keys = Keys {
    section: "the top level",
    keys: &[
        "state",
        "server",
        "tls",
        "session",
        "password",
        "throttle",
        "limits",
        "log",
        "portal",
        "accounts",
        "mail",
        "groups",
        "backend",
        "tokens",
        "forward_auth",
        "user_field",
        "assertion",
        "app",
    ],
};
pub(super) static SERVER: Keys = Keys {
    section: "`[server]`",
    keys: &["https", "http", "public_port", "status", "status_hosts", "trusted_proxies", "workers"],
};
pub(super) static FORWARD_AUTH: Keys =
    Keys { section: "`[forward_auth]`", keys: &["listen", "tls", "secret_file"] };
pub(super) static ASSERTION: Keys =
    Keys { section: "`[assertion]`", keys: &["keys", "rotate_every", "issuer"] };
pub(super) static APP_ASSERTION: Keys =
    Keys { section: "`assertion`", keys: &["header", "audience", "claims", "bearer"] };
pub(super) static CLAIM: Keys = Keys { section: "the claim", keys: &["attribute"] };
pub(super) static TLS: Keys = Keys {
    section: "`[tls]`",
    keys: &["min_version", "hsts", "hsts_subdomains", "certificate", "client_ca"],
};
pub(super) static CLIENT_CA: Keys =
    Keys { section: "`[[tls.client_ca]]`", keys: &["cert", "crl", "stale_crl", "user"] };
pub(super) static CLIENT_CA_USER: Keys =
    Keys { section: "`[[tls.client_ca.user]]`", keys: &["email", "uri", "dns", "key", "name"] };
pub(super) static CERTIFICATE: Keys = Keys { section: "`[[tls.certificate]]`", keys: &["cert", "key"] };
pub(super) static SESSION: Keys = Keys {
    section: "`[session]`",
    keys: &[
        "store",
        "lifetime",
        "idle_timeout",
        "remember_lifetime",
        "browser_session",
        "cookie_name",
        "max_per_user",
        "max_sessions",
        "max_visitors",
        "store_ca",
        "prefix",
        "cache_ttl",
        "grace",
    ],
};
pub(super) static PORTAL: Keys =
    Keys { section: "`[portal]`", keys: &["host", "title", "logo", "colour", "links", "language"] };
pub(super) static PORTAL_LINK: Keys = Keys { section: "a link of `[portal]`", keys: &["title", "href"] };
pub(super) static ACCOUNTS: Keys = Keys {
    section: "`[accounts]`",
    keys: &[
        "second_factor",
        "required_for",
        "required_for_superusers",
        "registration",
        "registration_domains",
        "registration_groups",
        "approvers",
        "passkeys",
    ],
};
pub(super) static PASSKEYS: Keys = Keys {
    section: "`[accounts.passkeys]`",
    keys: &["enabled", "rp_id", "first_factor", "related_hosts", "authenticators"],
};
pub(super) static USER_FIELD: Keys = Keys {
    section: "`[[user_field]]`",
    keys: &["name", "title", "type", "choices", "required", "editable_by"],
};
pub(super) static PASSWORD: Keys = Keys {
    section: "`[password]`",
    keys: &[
        "memory",
        "iterations",
        "parallelism",
        "min_length",
        "min_without_factor",
        "validators",
        "breached",
        "breached_unreadable",
    ],
};
pub(super) static THROTTLE: Keys =
    Keys { section: "`[throttle]`", keys: &["per_account", "per_address", "window", "waits"] };
pub(super) static LIMITS: Keys = Keys {
    section: "`[limits]`",
    keys: &[
        "handshake_timeout",
        "header_timeout",
        "body_timeout",
        "body_rate",
        "idle_timeout",
        "write_timeout",
        "write_rate",
        "header_size",
        "max_headers",
        "uri_length",
        "max_body",
        "connections",
        "connections_per_address",
        "requests_per_address",
        "requests_per_connection",
        "connection_age",
        "http2_streams",
        "http2_resets",
        "http2_settings",
        "http2_pings",
        "http2_continuations",
        "http2_window_updates",
        "http2_empty_frames",
        "http2_priorities",
    ],
};
pub(super) static MAIL: Keys = Keys {
    section: "`[mail]`",
    keys: &["smtp", "starttls", "from", "user", "password_file", "ca", "timeout", "per_minute", "origin"],
};
pub(super) static LOG: Keys = Keys { section: "`[log]`", keys: &["access", "format"] };
pub(super) static BACKEND_LOCAL: Keys =
    Keys { section: "`[[backend]]` of type \"local\"", keys: &["type", "name"] };
pub(super) static BACKEND_LDAP: Keys = Keys {
    section: "`[[backend]]` of type \"ldap\"",
    keys: &[
        "type",
        "name",
        "preset",
        "url",
        "start_tls",
        "ca",
        "insecure",
        "bind_dn",
        "bind_password_file",
        "base",
        "user_base",
        "user_filter",
        "user_name",
        "user_id",
        "user_email",
        "user_full_name",
        "email_verified",
        "attributes",
        "group_base",
        "group_filter",
        "group_name",
        "group_members",
        "groups",
        "nested",
        "provisioning",
        "refresh",
        "grace",
        "connections",
        "connect_timeout",
        "timeout",
    ],
};
pub(super) static APP: Keys = Keys {
    section: "`[[app]]`",
    keys: &[
        "name",
        "host",
        "path",
        "upstream",
        "upstream_ca",
        "upstream_pin",
        "upstream_auth",
        "client_certificate",
        "client_certificate_header",
        "identity",
        "host_header",
        "rewrite_location",
        "timeout",
        "body_silence",
        "connect_timeout",
        "max_body",
        "max_requests",
        "collect_bodies",
        "underscore_headers",
        "reuse_after_body",
        "pass_headers",
        "session_data",
        "keep_forms",
        "anonymous_sessions",
        "service_workers",
        "assertion",
        "sign_out",
        "sign_out_notice",
        "preflight",
        "programs",
        "authorization",
        "title",
        "description",
        "icon",
        "hidden",
        "session",
        "shield",
        "rule",
    ],
};
pub(super) static UPSTREAM_AUTH: Keys =
    Keys { section: "`upstream_auth`", keys: &["header", "basic", "file", "certificate", "key"] };
pub(super) static TOKENS: Keys =
    Keys { section: "`[tokens]`", keys: &["lifetime", "max_lifetime", "end_with_password"] };
pub(super) static APP_PROGRAMS: Keys = Keys { section: "`programs`", keys: &["tokens", "basic", "bearer"] };
pub(super) static APP_SESSION: Keys =
    Keys { section: "`[app.session]`", keys: &["lifetime", "idle_timeout"] };
pub(super) static APP_SHIELD: Keys = Keys {
    section: "`[app.shield]`",
    keys: &[
        "mode",
        "cross_site",
        "trusted_origins",
        "require_origin",
        "x_frame_options",
        "x_content_type_options",
        "referrer_policy",
        "cross_origin_opener_policy",
        "cache_control",
        "software_headers",
        "cookie_secure",
        "cookie_http_only",
        "cookie_same_site",
    ],
};
pub(super) static RULE: Keys =
    Keys { section: "`[[app.rule]]`", keys: &["path", "methods", "allow", "factors", "max_age", "enforce"] };
pub(super) static ALLOW: Keys =
    Keys { section: "`allow`", keys: &["user", "group", "permission", "network"] };
pub(super) static BACKEND_OIDC: Keys = Keys {
    section: "`[[backend]]` of type \"oidc\"",
    keys: &[
        "type",
        "name",
        "preset",
        "title",
        "issuer",
        "allowed_tenants",
        "client_id",
        "client_secret_file",
        "client_auth",
        "audience",
        "scopes",
        "algorithms",
        "userinfo",
        "claims",
        "groups",
        "unknown_groups",
        "allow",
        "provisioning",
        "adopt",
        "logout",
        "max_session",
        "second_factor",
        "trusts_second_factor",
        "insecure",
        "ca",
    ],
};
pub(super) static OIDC_CLAIMS: Keys = Keys {
    section: "`claims`",
    keys: &["username", "email", "email_verified", "email_verified_as_text", "name", "groups", "attributes"],
};
pub(super) static OIDC_ALLOW: Keys =
    Keys { section: "`allow` of a backend", keys: &["domain", "group", "claim"] };
pub(super) static HEADER: Keys = Keys { section: "the header", keys: &["groups", "attribute"] };

/// The sections in which a misplaced key is looked for.
pub(super) static SECTIONS: &[&Keys] = &[
    &TOP,
    &SERVER,
    &FORWARD_AUTH,
    &ASSERTION,
    &TLS,
    &CERTIFICATE,
    &CLIENT_CA,
    &CLIENT_CA_USER,
    &SESSION,
    &PORTAL,
    &PORTAL_LINK,
    &ACCOUNTS,
    &USER_FIELD,
    &MAIL,
    &PASSKEYS,
    &PASSWORD,
    &THROTTLE,
    &LIMITS,
    &LOG,
    &TOKENS,
    &BACKEND_LOCAL,
    &BACKEND_LDAP,
    &BACKEND_OIDC,
    &OIDC_CLAIMS,
    &OIDC_ALLOW,
    &APP,
    &UPSTREAM_AUTH,
    &APP_PROGRAMS,
    &APP_ASSERTION,
    &APP_SESSION,
    &APP_SHIELD,
    &RULE,
    &ALLOW,
];

/// Keys of other programs, each with the key of this one.
pub(super) static ELSEWHERE: [(&str, &str); 21] = [
    ("listen", "https"),
    ("port", "https"),
    ("bind", "https"),
    ("address", "https"),
    ("backend", "upstream"),
    ("target", "upstream"),
    ("url", "upstream"),
    ("proxy_pass", "upstream"),
    ("server_name", "host"),
    ("domain", "host"),
    ("hostname", "host"),
    ("location", "path"),
    ("prefix", "path"),
    ("mount", "path"),
    ("require", "allow"),
    ("policy", "allow"),
    ("role", "group"),
    ("roles", "group"),
    ("ip", "network"),
    ("threads", "workers"),
    ("log_format", "format"),
];
