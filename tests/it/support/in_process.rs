//! A gateway in process: [`Gateway::handle`] without sockets, TLS and HTTP.
//!
//! The app is the built-in one, which shows the request that it received, over a pipe in memory. The clock stands
//! still until the test moves it. A test of rules, identity headers, time limits, redirects or the shield belongs
//! here; what bytes arrive on a connection needs a [`TestGateway`].
//!
//! A test reads like this:
//!
//! ```ignore
//! let mut gateway = InProcess::start("[[app]]\nupstream = \"builtin:whoami\"");
//! gateway.add_user("alice", &["team"]);
//! let cookie = gateway.session_of("alice");
//! let response = gateway.get("/", &[("cookie", &cookie)]);
//! assert_eq!((response.status.as_u16(), response.received("remote-user")), (200, vec!["alice"]));
//! gateway.clock.advance(Duration::from_hours(13));
//! assert_eq!(gateway.get("/", &[("cookie", &cookie)]).status, 401);
//! ```

use std::{net::IpAddr, path::Path, rc::Rc, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version, header::HOST};
use http_body_util::{BodyExt, Limited};
use portcullis::{
    assembly::{MadeBefore, Surroundings, assemble_shared, snapshot},
    clock::Clock,
    config::{self, Configuration},
    forward::{Resolver, UnsentBytes},
    gateway::{Connection, Gateway, LastSeen, Shared},
    identity::{Proofs, UserName},
    request::{CertifiedNames, Ports, RequestBody},
    session::{Opening, Owner},
    telemetry::{AccessLog, Format, LogWriter},
    users::UserStore,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

use super::{
    gateway::{Log, TestGateway, a_clock, add_user},
    upstream::Received,
};

/// A gateway that serves one connection, whose requests a test makes by hand.
pub struct InProcess {
    /// Stands still until a test moves it.
    pub clock: Clock,
    pub shared: Arc<Shared>,
    pub connection: Connection,
    gateway: Gateway,
    folder: TempDir,
    log: Log,
    writer: LogWriter,
    runtime: LocalRuntime,
}

/// A response, read whole.
#[derive(Debug)]
pub struct InProcessResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl InProcess {
    /// A gateway before these apps, whose `upstream` is `builtin:whoami`.
    pub fn start(apps: &str) -> Self {
        Self::start_with("", apps)
    }

    /// The same with further sections; sessions are in memory unless they say otherwise.
    pub fn start_with(sections: &str, apps: &str) -> Self {
        Self::start_text(&text(sections, apps))
    }

    /// A gateway that trusts proxies in these networks.
    pub fn start_trusting(networks: &[&str], apps: &str) -> Self {
        let proxies = format!("workers = 2\ntrusted_proxies = {networks:?}\n");
        Self::start_text(&text("", apps).replace("workers = 2\n", &proxies))
    }

    /// A gateway beside another: the same people, the same sessions if they are in a file, the same time.
    pub fn start_beside(other: &Self, sections: &str, apps: &str) -> Self {
        let state = other.folder.path().join("state");
        let text = format!("state = \"{}\"\n{}", state.display(), text(sections, apps));
        Self::start_at(&text, other.clock.clone())
    }

    /// A gateway with these files in the folder of its configuration.
    pub fn start_among(files: &[(&str, &[u8])], sections: &str, apps: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_files(folder.path(), files);
        Self::start_in(folder, &text(sections, apps), a_clock())
    }

    /// Writes files into the folder of the configuration.
    pub fn write_files(&self, files: &[(&str, &[u8])]) {
        write_files(self.folder.path(), files);
    }

    fn start_text(text: &str) -> Self {
        Self::start_at(text, a_clock())
    }

    fn start_at(text: &str, clock: Clock) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary folder"), text, clock)
    }

    fn start_in(folder: TempDir, text: &str, clock: Clock) -> Self {
        let log = Log::default();
        let writer = LogWriter::start(log.clone()).expect("the log's thread");
        let configuration = parse(text, &folder.path().join("gateway.toml"));
        let surroundings =
            Surroundings { clock: clock.clone(), log: writer.clone(), resolver: Resolver::system() };
        let shared = assemble_shared(&configuration, surroundings).expect("a gateway");
        let access_log = AccessLog::new(writer.clone(), Format::Json);
        let gateway = Gateway::new(Arc::clone(&shared), Some(Rc::new(access_log)));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .expect("a runtime");
        let connection = connection(&configuration);
        Self { clock, shared, connection, gateway, folder, log, writer, runtime }
    }

    /// Uses another configuration from the next request on.
    pub fn reload(&self, sections: &str, apps: &str) {
        self.try_reload(sections, apps).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The same; a configuration with mistakes changes nothing.
    pub fn try_reload(&self, sections: &str, apps: &str) -> Result<(), String> {
        let file = self.folder.path().join("gateway.toml");
        let loaded = config::parse(&text(sections, apps), &file)
            .map_err(|diagnostics| config::ConfigError::Invalid(diagnostics).to_string())?;
        let configuration = loaded.configuration;
        let certified = CertifiedNames::default();
        let backends = self.shared.current.load().portal.backends.clone();
        let origin = configuration.origin(None).into();
        let made = MadeBefore { certified, backends, origin };
        let snapshot = snapshot(configuration, made, &self.shared.in_flight);
        self.shared.current.replace(snapshot);
        Ok(())
    }

    /// Adds a user; the password is `correct horse NAME`.
    pub fn add_user(&self, name: &str, groups: &[&str]) {
        add_user(&self.folder.path().join("state/users.db"), &self.clock, name, groups);
    }

    /// The users database, as the command line opens it beside the gateway.
    pub fn users(&self) -> UserStore {
        let path = self.folder.path().join("state/users.db");
        UserStore::open(&path, self.clock.clone()).expect("the directory")
    }

    /// Opens a session for a user; returns the value of the `Cookie` header.
    pub fn session_of(&self, name: &str) -> String {
        let (shared, now) = (&self.shared, self.clock.now());
        let name = UserName::parse(name).expect("a name");
        let (limits, cookie) = {
            let snapshot = shared.current.load();
            (snapshot.portal.sessions, snapshot.portal.cookies.session().to_owned())
        };
        let token = self.runtime.block_on(async {
            let account = shared.directory.account_by_name(&name).await.expect("the directory");
            let account = account.expect("a user");
            let opening = Opening {
                owner: Owner::User { id: account.user.id, credential: account.credential },
                proofs: Proofs::password(now),
                source: None,
                client_addr: self.connection.peer_addr,
                user_agent: "test",
                host: "localhost",
                remember: false,
                replaces: None,
                confirms: false,
            };
            shared.sessions.open(opening, now, &limits).await.expect("a session").0
        });
        format!("{cookie}={}", *token.to_cookie())
    }

    /// A GET with these header fields.
    pub fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> InProcessResponse {
        self.send(&Method::GET, path, headers, "")
    }

    /// Any request over HTTP/1.1; its host is `localhost` unless `headers` name one.
    pub fn send(
        &mut self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> InProcessResponse {
        let mut request = Request::new(match body {
            "" => RequestBody::Empty,
            body => RequestBody::whole(body.to_owned()),
        });
        *request.method_mut() = method.clone();
        *request.uri_mut() = path.parse().expect("a path");
        *request.version_mut() = Version::HTTP_11;
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).expect("a header name");
            request.headers_mut().append(name, HeaderValue::try_from(*value).expect("a header value"));
        }
        if !request.headers().contains_key(HOST) {
            request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
        }
        self.runtime.block_on(async {
            let response = self.gateway.handle(&mut request, &self.connection).await;
            let (head, body) = response.into_parts();
            #[expect(clippy::disallowed_methods, reason = "limited")]
            let body = Limited::new(body, MAX_BODY_BYTES).collect().await.expect("a whole body").to_bytes();
            let body = String::from_utf8_lossy(&body).into_owned();
            InProcessResponse { status: head.status, headers: head.headers, body }
        })
    }

    /// Any request without a body whose line and header fields are given as text.
    pub fn request(&mut self, line: &str, fields: &str) -> InProcessResponse {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        self.send(&method.parse().expect("a method"), path, &header_fields(fields), "")
    }

    /// All entries of the access log so far.
    pub fn log(&self) -> Vec<serde_json::Value> {
        self.gateway.flush_log();
        self.log.entries(&self.writer)
    }

    /// Number of requests so far that an app responded to.
    pub fn forwarded(&self) -> usize {
        self.log().iter().filter(|entry| entry.get("upstream_ms").is_some()).count()
    }
}

impl InProcessResponse {
    /// The values of a header field of the request as the app received it.
    pub fn received(&self, name: &str) -> Vec<&str> {
        assert!(self.body.contains(" HTTP/1.1\n"), "no request of the built-in app: {}", self.body);
        let fields = self.body.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The request as the app received it.
    pub fn received_request(&self) -> Received {
        assert!(self.body.contains(" HTTP/1.1\n"), "no request of the built-in app: {}", self.body);
        Received { head: self.body.trim_end().to_owned(), ..Received::default() }
    }

    /// The only value of a header field of the response; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map_or("", |value| value.to_str().expect("a readable header"));
        assert!(values.next().is_none(), "two values: {:?}", self.headers);
        value
    }
}

fn write_files(folder: &Path, files: &[(&str, &[u8])]) {
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }
}

fn text(sections: &str, apps: &str) -> String {
    let store = if sections.contains("[session]") { "" } else { "[session]\nstore = \"memory\"\n" };
    TestGateway::configuration(&format!("{store}{sections}"), apps)
}

fn parse(text: &str, file: &Path) -> Configuration {
    let loaded = config::parse(text, file)
        .unwrap_or_else(|diagnostics| panic!("{}", config::ConfigError::Invalid(diagnostics)));
    loaded.configuration
}

fn connection(configuration: &Configuration) -> Connection {
    let limits = &configuration.limits;
    let peer_addr = IpAddr::from([127, 0, 0, 1]);
    Connection {
        peer_addr,
        peer: peer_addr.to_string().into(),
        ports: Ports { listener: 443, public: None },
        server_name: None,
        client_certificate: None,
        max_headers: limits.max_headers,
        uri_length: limits.uri_length,
        requests_per_address: limits.requests_per_address,
        unsent: UnsentBytes::default(),
        header_size: limits.header_size,
        last: LastSeen::default(),
        interim: None,
    }
}

/// The fields in the text of a head.
pub fn header_fields(text: &str) -> Vec<(&str, &str)> {
    let fields = text.split("\r\n").filter(|field| !field.is_empty());
    fields
        .map(|field| field.split_once(':').map(|(name, value)| (name, value.trim())).expect("a field"))
        .collect()
}

const MAX_BODY_BYTES: usize = 1024 * 1024;
