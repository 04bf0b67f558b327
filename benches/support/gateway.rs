//! The gateway that is measured, put together from TOML text as the real one is.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
};

use portcullis::{
    assembly::{Assembled, Surroundings, assemble},
    clock::Clock,
    config,
    forward::Names,
    gateway::Shared,
    identity::{GroupName, UserName},
    server::{Phase, ServeError, Server, Stopper},
    session::{Opening, Owner, cookie::CookieNames},
    telemetry::LogWriter,
    users::{NewUser, UserStore},
};
use tempfile::TempDir;
use tokio::runtime::Builder;

/// Running; it stops when this is dropped.
pub(crate) struct Gateway {
    /// Where it serves HTTPS.
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
    stopper: Stopper,
    folder: TempDir,
    running: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Gateway {
    /// Starts one with so many workers, and these apps and groups. Its access log is written, to nowhere.
    pub(crate) fn start(workers: usize, apps: &str) -> Self {
        let (mut this, server) = Self::bound(workers, apps);
        this.running = Some(std::thread::spawn(move || server.run()));
        this
    }

    /// The same, for whoever runs the server himself.
    pub(crate) fn bound(workers: usize, apps: &str) -> (Self, Server) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = format!("[server]\nworkers = {workers}\n{SECTIONS}{apps}");
        let loaded = config::parse(&text, &folder.path().join("gateway.toml"));
        let loaded = loaded.unwrap_or_else(|mistakes| panic!("{}", config::ConfigError::Invalid(mistakes)));
        let log = LogWriter::start(io::sink()).expect("the log's thread");
        let surroundings = Surroundings { clock: Clock::system(), log, names: Names::system() };
        let Assembled { server, shared, addrs, .. } =
            assemble(loaded.configuration, surroundings).expect("a gateway");
        let stopper = server.stopper();
        let addr = *addrs.https.first().expect("a listener is configured");
        (Self { addr, shared, stopper, folder, running: None }, server)
    }

    /// Adds a user and opens a session; returns the line for `Cookie`.
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

    /// The users database, as the command line opens it.
    pub(crate) fn users(&self) -> UserStore {
        let database = self.folder.path().join("state/users.db");
        UserStore::open(&database, self.shared.clock.clone()).expect("the directory")
    }

    /// The certificate that clients have to believe.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("certs/self-signed.pem")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stopper.stop(Phase::Stopped);
        if let Some(running) = self.running.take() {
            running.join().expect("no panic").expect("no worker died");
        }
    }
}

/// Two apps, of which one is a server at this address: `/whoami` and `/tcp`. Each has a public path, and one for the staff.
pub(crate) fn apps(upstream: SocketAddr) -> String {
    let app = |name, upstream| {
        format!(
            "[[app]]\nname = \"{name}\"\npath = \"/{name}\"\nupstream = \"{upstream}\"\nidentity = \"remote-user\"\n\
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
