//! The gateway under test, built from TOML text by the same code as in production.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use portcullis::{
    assembly::{Assembled, Surroundings, assemble},
    clock::Clock,
    config,
    forward::Resolver,
    gateway::Shared,
    identity::{GroupName, Proofs, UserName},
    server::{ServeError, Server, Stopper},
    session::{Opening, Owner, cookie::CookieNames},
    telemetry::LogWriter,
    users::{Account, NewToken, NewUser, TokenLimits, UserStore},
};
use tempfile::TempDir;
use tokio::runtime::Builder;

/// A running gateway. Dropping it stops the gateway.
pub(crate) struct Gateway {
    /// Address of the HTTPS listener.
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
    stopper: Stopper,
    folder: TempDir,
    running: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Gateway {
    /// Starts a gateway with this number of workers and this configuration. The access log is written to a sink.
    pub(crate) fn start(workers: usize, apps: &str) -> Self {
        Self::start_with(workers, "", apps)
    }

    /// Like [`Self::start`], with further keys of `[server]`.
    pub(crate) fn start_with(workers: usize, keys: &str, apps: &str) -> Self {
        let (mut this, server) = Self::bound_with(workers, keys, apps);
        this.running = Some(thread::spawn(move || server.run()));
        this
    }

    /// Like [`Self::start`], but the caller runs the server.
    pub(crate) fn bound(workers: usize, apps: &str) -> (Self, Server) {
        Self::bound_with(workers, "", apps)
    }

    fn bound_with(workers: usize, keys: &str, apps: &str) -> (Self, Server) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = format!("[server]\nworkers = {workers}\n{keys}\n{SECTIONS}{apps}");
        let loaded = config::parse(&text, &folder.path().join("gateway.toml"));
        let loaded = loaded.unwrap_or_else(|mistakes| panic!("{}", config::ConfigError::Invalid(mistakes)));
        let log = LogWriter::start(io::sink()).expect("the log's thread");
        let surroundings = Surroundings { clock: Clock::system(), log, resolver: Resolver::system() };
        let Assembled { server, shared, addrs, .. } =
            assemble(loaded.configuration, surroundings).expect("a gateway");
        let stopper = server.stopper();
        let addr = *addrs.https.first().expect("a listener is configured");
        (Self { addr, shared, stopper, folder, running: None }, server)
    }

    /// Adds a user and opens a session; returns the value of `Cookie`.
    pub(crate) fn sign_in(&self, name: &str, group: &str) -> String {
        let mut user = NewUser::named(UserName::parse(name).expect("a name"));
        let name = user.name.clone();
        user.groups = vec![GroupName::parse(group).expect("a name")];
        self.users().add(user).expect("a new user");

        let limits = self.shared.current.load().portal.sessions;
        let signing_in = async {
            let account = self.shared.directory.account_by_name(&name).await.expect("the directory");
            let account = account.expect("the user that was added");
            let opening = Opening {
                owner: Owner::User { id: account.user.id, credential: account.credential },
                proofs: Proofs::password(self.shared.clock.now()),
                source: None,
                client_addr: IpAddr::V4(Ipv4Addr::LOCALHOST),
                user_agent: "bench",
                host: "localhost",
                remember: false,
                replaces: None,
                confirms: false,
            };
            self.shared.sessions.open(opening, self.shared.clock.now(), &limits).await.expect("a session").0
        };
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let token = runtime.block_on(signing_in);
        format!("{}={}", CookieNames::default().session(), token.to_cookie().as_str())
    }

    /// Makes a token of a day for a user; returns its text.
    pub(crate) fn token(&self, name: &str) -> String {
        let name = UserName::parse(name).expect("a name");
        let expires = self.shared.clock.now() + Duration::from_hours(24);
        let new = NewToken { name: "bench".to_owned(), expires, limits: TokenLimits::default() };
        let (account, token) = self.users().add_token(&name, &new).expect("a new token");
        let is_old = |cached: Arc<Account>| cached.tokens.is_empty();
        while self.shared.directory.cached(account.user.id).is_some_and(is_old) {
            thread::sleep(Duration::from_millis(5));
        }
        token.expose().to_owned()
    }

    /// Opens the users database, as the command line does.
    pub(crate) fn users(&self) -> UserStore {
        let database = self.folder.path().join("state/users.db");
        UserStore::open(&database, self.shared.clock.clone()).expect("the directory")
    }

    /// The same, at another time.
    pub(crate) fn users_at(&self, clock: Clock) -> UserStore {
        let database = self.folder.path().join("state/users.db");
        UserStore::open(&database, clock).expect("the directory")
    }

    /// Certificate that clients have to trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("certs/self-signed.pem")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(running) = self.running.take() {
            running.join().expect("no panic").expect("no worker died");
        }
    }
}

/// Two apps: `/whoami` is built in, `/tcp` is a server at this address. Each has a public path, one for the group, and
/// these further settings.
pub(crate) fn apps(upstream: SocketAddr, settings: &str) -> String {
    let app = |name, upstream| {
        format!(
            "[[app]]\nname = \"{name}\"\npath = \"/{name}\"\nupstream = \"{upstream}\"\nidentity = \"remote-user\"\n{settings}\
             [[app.rule]]\npath = \"/{name}/public/**\"\nallow = \"anyone\"\n\
             [[app.rule]]\npath = \"/{name}/members/**\"\nallow = {{ group = \"staff\" }}\n"
        )
    };
    let (built_in, served) = (app("whoami", "builtin:whoami"), app("tcp", &format!("http://{upstream}")));
    format!("[groups]\nstaff = [\"bench.use\"]\n{built_in}{served}")
}

const SECTIONS: &str = "https = [\"127.0.0.1:0\"]\nhttp = []\nstatus = \"off\"\n\
                        [log]\naccess = true\nformat = \"json\"\n\
                        [limits]\nrequests_per_connection = 1000000\n";
