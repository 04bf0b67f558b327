//! The gateway under attack: the release binary in a temporary folder.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use portcullis::{
    clock::Clock,
    identity::{UserId, UserName},
    users::{HashSettings, NewToken, NewUser, Passwords, TokenLimits, UserStore},
};
use tempfile::TempDir;

/// A running gateway. Dropping it ends the process.
pub(crate) struct Gateway {
    child: Child,
    folder: TempDir,
    pub(crate) addr: SocketAddr,
    status: SocketAddr,
    /// Whether the gateway has a core to itself.
    pub(crate) pinned: bool,
}

impl Gateway {
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (addr, status) = (free(), free());
        let pinned = thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) && pin_self();
        let workers = usize::from(pinned);
        fs::write(
            folder.path().join("gateway.toml"),
            format!(
                "[server]\nhttps = [\"{addr}\"]\nstatus = \"{status}\"\nworkers = {workers}\n[log]\nformat = \"json\"\n\
                 [limits]\nconnections_per_address = 4096\nrequests_per_address = 4096\n\
                 [[app]]\nname = \"app\"\nupstream = \"http://{upstream}\"\n\
                 programs = {{ tokens = true, basic = true }}\n\
                 [[app.rule]]\npath = \"/public/**\"\nallow = \"anyone\"\n"
            ),
        )
        .unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        let mut users = UserStore::open(&folder.path().join("state/users.db"), Clock::system()).unwrap();
        let mut user = NewUser::named(UserName::parse("alice").unwrap());
        user.password = Some(Passwords::hash_now(HashSettings::default(), &PASSWORD.to_owned().into()));
        users.add(user).unwrap();
        // User 1 has token 1, whose secrets an attacker guesses.
        let expires = Clock::system().now() + Duration::from_hours(1);
        let new = NewToken { name: "bench".to_owned(), expires, limits: TokenLimits::default() };
        let (account, token) = users.add_token(&UserName::parse("alice").unwrap(), &new).unwrap();
        assert!(account.user.id == UserId(1) && token.expose().starts_with("ptc_1t1_"));
        drop(users);
        let program = env!("CARGO_BIN_EXE_portcullis");
        let mut command = Command::new(if pinned { "taskset" } else { program });
        if pinned {
            command.args(["-c", "0", program]);
        }
        let child =
            command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let this = Self { child, folder, addr, status, pinned };
        while this.ask("/readyz").is_none_or(|response| !response.starts_with("HTTP/1.1 200")) {
            thread::sleep(Duration::from_millis(20));
        }
        this
    }

    /// Certificate that clients have to trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("certs/self-signed.pem")
    }

    /// Resident memory, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// The counts of `/metrics` that are not zero.
    pub(crate) fn limits_reached(&self) -> String {
        let text = self.ask("/metrics").unwrap_or_default();
        let lines = text.lines().filter(|line| line.starts_with("portcullis_limit_reached_total"));
        lines.filter(|line| !line.ends_with(" 0")).collect::<Vec<_>>().join("\n")
    }

    fn ask(&self, path: &str) -> Option<String> {
        let mut socket = TcpStream::connect(self.status).ok()?;
        write!(socket, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut response = String::new();
        socket.read_to_string(&mut response).ok()?;
        Some(response)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Pins this process and its children to the second core, so that the gateway has the first to itself.
fn pin_self() -> bool {
    let pid = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-a", "-p", "-c", "1", &pid]).stdout(Stdio::null()).status();
    pinned.is_ok_and(|status| status.success())
}

fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Password of the signed-in user.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
