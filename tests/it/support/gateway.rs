//! A gateway in the process of the tests, assembled from TOML text by the same code as the real one.

use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use portcullis::{
    assembly::{Addrs, Assembled, Reloader, Surroundings, assemble},
    clock::Clock,
    config,
    forward::{ResolveError, Resolver},
    gateway::Shared,
    identity::{GroupName, UserName},
    server::{ServeError, Stopper},
    telemetry::LogWriter,
    users::{HashSettings, NewToken, NewUser, PasswordHash, Passwords, TokenLimits, UserStore},
};
use tempfile::TempDir;

use super::{client::plain_get, process::until};

/// A running gateway; it stops when this is dropped.
pub struct TestGateway {
    /// Where it listens.
    pub addrs: Addrs,
    /// `https://localhost:PORT`, or with the first host that is configured.
    pub origin: String,
    /// Stands still until a test moves it.
    pub clock: Clock,
    pub reloader: Reloader,
    pub shared: Arc<Shared>,
    pub stopper: Stopper,
    folder: TempDir,
    log: Log,
    writer: LogWriter,
    running: Option<JoinHandle<Result<(), ServeError>>>,
}

impl TestGateway {
    /// Starts a gateway with these apps; listeners get free ports.
    pub fn start(apps: &str) -> Self {
        Self::start_with("", apps)
    }

    /// Starts a gateway with further sections before the apps. `[server]`, `[password]` and `[log]` are given.
    pub fn start_with(sections: &str, apps: &str) -> Self {
        Self::start_text(&Self::configuration(sections, apps), a_clock())
    }

    /// Starts a gateway for which this function knows the addresses of upstreams.
    pub fn start_with_names(
        look_up: impl Fn(&str) -> Result<Vec<IpAddr>, ResolveError> + Send + Sync + 'static,
        apps: &str,
    ) -> Self {
        Self::start_of(&Self::configuration("", apps), a_clock(), Resolver::of(look_up))
    }

    /// Starts a gateway beside another: the same people, the same time.
    pub fn start_beside(other: &Self, sections: &str, apps: &str) -> Self {
        let state = other.folder().join("state");
        let text = format!("state = \"{}\"\n{}", state.display(), Self::configuration(sections, apps));
        Self::start_text(&text, other.clock.clone())
    }

    fn start_text(text: &str, clock: Clock) -> Self {
        Self::start_of(text, clock, Resolver::system())
    }

    fn start_of(text: &str, clock: Clock, resolver: Resolver) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, text).expect("writing the configuration");
        let loaded = config::parse(text, &file).unwrap_or_else(|diagnostics| {
            panic!("{}", config::ConfigError::Invalid(diagnostics));
        });
        let log = Log::default();
        let writer = LogWriter::start(log.clone()).expect("the log's thread");
        let surroundings = Surroundings { clock: clock.clone(), log: writer.clone(), resolver };
        let Assembled { server, shared, reloader, origin, addrs } =
            assemble(loaded.configuration, surroundings).expect("a gateway");
        let stopper = server.stopper();
        let running = Some(std::thread::spawn(move || server.run()));
        Self { addrs, origin, clock, reloader, shared, stopper, folder, log, writer, running }
    }

    /// Starts a gateway that believes proxies in these networks.
    pub fn start_trusting(networks: &[&str], apps: &str) -> Self {
        let text = Self::configuration("", apps)
            .replace("workers = 2\n", &format!("workers = 2\ntrusted_proxies = {networks:?}\n"));
        Self::start_text(&text, a_clock())
    }

    /// Starts a gateway that browsers reach at this port.
    pub fn start_at_public_port(port: u16, apps: &str) -> Self {
        let text = Self::configuration("", apps)
            .replace("workers = 2\n", &format!("workers = 2\npublic_port = {port}\n"));
        Self::start_text(&text, a_clock())
    }

    /// Changes the configuration to what `start_with` would have made of these parts.
    #[track_caller]
    pub fn reload(&self, sections: &str, apps: &str) {
        self.reload_text(&Self::configuration(sections, apps));
    }

    /// Changes the configuration to this text.
    #[track_caller]
    pub fn reload_text(&self, text: &str) {
        let loaded = config::parse(text, self.reloader.file()).unwrap_or_else(|diagnostics| {
            panic!("{}", config::ConfigError::Invalid(diagnostics));
        });
        self.reloader.apply(loaded.configuration).expect("a configuration that can be used");
    }

    /// The text that `start_with` makes of its parts.
    pub fn configuration(sections: &str, apps: &str) -> String {
        format!(
            "[server]\nhttps = [\"127.0.0.1:0\"]\nhttp = [\"127.0.0.1:0\"]\nstatus = \"127.0.0.1:0\"\nworkers = 2\n\
             [password]\nmemory = \"64KiB\"\niterations = 1\n[log]\nformat = \"json\"\n{sections}\n{apps}\n"
        )
    }

    /// Where HTTPS is served.
    pub fn https(&self) -> SocketAddr {
        *self.addrs.https.first().expect("one HTTPS listener")
    }

    /// The certificate that clients have to believe.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certs/self-signed.pem")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The users database, as the command line opens it beside the running gateway.
    pub fn users(&self) -> UserStore {
        UserStore::open(&self.folder.path().join("state/users.db"), self.clock.clone())
            .expect("the directory")
    }

    /// Adds a user; the password is `correct horse NAME`.
    pub fn add_user(&self, name: &str, groups: &[&str]) {
        add_user(&self.folder.path().join("state/users.db"), &self.clock, name, groups);
    }

    /// Makes a token of a day without limits for a user.
    pub fn token_of(&self, name: &str) -> String {
        let expires = self.clock.now() + Duration::from_hours(24);
        let new = NewToken { name: "test".to_owned(), expires, limits: TokenLimits::default() };
        let name = UserName::parse(name).expect("a name");
        self.users().add_token(&name, &new).expect("a new token").1.expose().to_owned()
    }

    /// The text of `/metrics`.
    pub fn metrics(&self) -> String {
        let response = self.status("/metrics");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        body.to_owned()
    }

    /// The response of the status listener.
    pub fn status(&self, path: &str) -> String {
        plain_get(self.addrs.status.expect("a status listener"), path)
    }

    /// The value of one sample, given as `/metrics` writes it: 0 if there is none.
    pub fn counted(&self, sample: &str) -> u64 {
        let text = self.metrics();
        let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().expect("a whole number"))
    }

    /// How often a limit was reached, which `[limits]` calls so.
    pub fn reached(&self, limit: &str) -> u64 {
        self.counted(&format!("portcullis_limit_reached_total{{limit=\"{limit}\"}}"))
    }

    /// Waits until this limit of `[limits]` has been reached so often, and fails if it was reached more often.
    #[track_caller]
    pub fn wait_until_reached(&self, limit: &str, times: u64) {
        until(&format!("{limit} is counted"), || self.reached(limit) >= times);
        assert_eq!(self.reached(limit), times, "{limit}");
    }

    /// All lines logged so far.
    pub fn log(&self) -> Vec<serde_json::Value> {
        self.log.entries(&self.writer)
    }

    /// Lets it drain and end, and returns all lines that it has logged.
    pub fn drained(mut self) -> Vec<serde_json::Value> {
        self.stopper.drain();
        self.running.take().expect("it runs").join().expect("no panic").expect("a clean end");
        self.log()
    }

    /// Asks it to drain, waits for its end and says how it ended.
    pub fn drain(mut self) -> Result<(), ServeError> {
        self.stopper.drain();
        self.running.take().expect("it runs").join().expect("no panic")
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(running) = self.running.take() {
            let ended = running.join();
            if !std::thread::panicking() {
                ended.expect("no panic").expect("no worker died");
            }
        }
    }
}

/// A hash that is checked quickly.
pub fn quick_hash(password: &str) -> PasswordHash {
    let quick = HashSettings { memory: 64, iterations: 1, parallelism: 1 };
    Passwords::hash_now(quick, &password.to_owned().into())
}

/// From now: real clients look at the dates of the certificate that is made.
pub fn a_clock() -> Clock {
    Clock::manual(Clock::system().now())
}

/// The password that [`TestGateway::add_user`] gives.
pub fn password(name: &str) -> String {
    format!("correct horse {name}")
}

/// Adds a user to the database of users; the password is that of [`password`].
pub fn add_user(database: &Path, clock: &Clock, name: &str, groups: &[&str]) {
    let mut user = NewUser::named(UserName::parse(name).expect("a name"));
    user.groups = groups.iter().map(|group| GroupName::parse(group).expect("a group")).collect();
    user.password = Some(quick_hash(&password(name)));
    UserStore::open(database, clock.clone()).expect("the directory").add(user).expect("a new user");
}

/// The log output, in memory.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// All entries that were given to `writer` so far.
    pub fn entries(&self, writer: &LogWriter) -> Vec<serde_json::Value> {
        assert!(writer.flush(Duration::from_secs(20)), "the log is written");
        let bytes = self.0.lock().expect("the log").clone();
        let text = String::from_utf8(bytes).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
