//! Applications as processes, with their files in a folder of their own.

use std::{
    fs::{self, File, Permissions},
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use http::{Method, Request, header::ACCEPT};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{
    Error, Message, WebSocket,
    client::{IntoClientRequest, client},
};

use super::document::Block;
use crate::support::{
    gateway::{TestGateway, password},
    redis::free_port,
    visitor::{Response, Visitor},
};

/// A folder for an application's configuration and data, which servers that give up root can read.
pub struct Folder(TempDir);

/// A running application; it is ended with its children when this is dropped.
pub struct Application {
    child: Child,
    pub port: u16,
    log: PathBuf,
}

/// A connection that speaks the protocol of `WebSocket`.
pub type Socket = WebSocket<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>;

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("its permissions");
        Self(folder)
    }

    /// A folder with a copy of what `tests/recipes` has below this name.
    pub fn copy_of(name: &str) -> Self {
        let folder = Self::new();
        folder.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recipes").join(name), "");
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The path of a file or folder in it, as text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder above it")).expect("folders above it");
        fs::write(&path, text).unwrap_or_else(|error| panic!("writing {name}: {error}"));
    }

    /// Writes a file that its owner alone can read.
    pub fn write_secret(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).expect("its permissions");
    }

    /// Writes at the end of a file that is there.
    pub fn append(&self, name: &str, text: &str) {
        let there =
            fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("reading {name}: {error}"));
        self.write(name, &format!("{there}\n{text}"));
    }

    /// Makes folders that anybody may write in.
    pub fn make(&self, names: &[&str]) {
        for name in names {
            fs::create_dir_all(self.path(name)).expect("a folder");
            fs::set_permissions(self.path(name), Permissions::from_mode(0o777)).expect("its permissions");
        }
    }

    /// Copies a folder with everything below it.
    pub fn copy(&self, from: &Path, name: &str) {
        let status = Command::new("cp").arg("-rT").arg(from).arg(self.path(name)).status().expect("cp");
        assert!(status.success(), "copying {}; tests/run installs it", from.display());
    }

    /// A command line as a shell reads it, run in this folder; programs of the test's own come first.
    pub fn command(&self, line: &str) -> Command {
        self.command_with(&[tools(), development_tools(), moin_tools(), heavy_tools()], line)
    }

    /// The same with the programs of one application, which brings other versions of what the others have, too.
    pub fn command_of(&self, tool: &str, line: &str) -> Command {
        self.command_with(&[tools_of(tool)], line)
    }

    fn command_with(&self, tools: &[PathBuf], line: &str) -> Command {
        let mut path = String::new();
        for tools in tools {
            path += &format!("{0}/python/bin:{0}/node/node_modules/.bin:", tools.display());
        }
        path += "/usr/sbin:";
        path += &std::env::var("PATH").expect("a PATH");
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {}", line.trim())]).current_dir(self.0.path());
        command.env("PATH", path).env("HOME", self.0.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command line that has to succeed.
    pub fn run(&self, line: &str) {
        run(self.command(line));
    }

    /// Starts what listens on a free port. `command` is given the port, and writes what names it.
    pub fn start(&self, name: &str, command: impl Fn(u16) -> Command) -> Application {
        self.start_when(name, responds, command)
    }

    /// The same for what is ready when `is_up` says so of its port.
    pub fn start_when(
        &self,
        name: &str,
        is_up: impl Fn(u16) -> bool,
        command: impl Fn(u16) -> Command,
    ) -> Application {
        // Another process may take the port before the application does.
        let mut output = String::new();
        for _ in 0..3 {
            let port = free_port();
            match self.start_until(name, command(port), |_| is_up(port)) {
                Ok(mut application) => {
                    application.port = port;
                    return application;
                }
                Err(log) => output = log,
            }
        }
        panic!("{name} does not start:\n{output}");
    }

    /// Starts what listens on a UNIX socket in this folder.
    pub fn start_on_socket(&self, name: &str, socket: &str, command: Command) -> Application {
        let socket = self.path(socket);
        let started = self.start_until(name, command, |_| UnixStream::connect(&socket).is_ok());
        started.unwrap_or_else(|log| panic!("{name} does not start:\n{log}"))
    }

    /// Starts what is ready once a file of this folder is there.
    pub fn start_until_file(&self, name: &str, file: &str, command: Command) -> Application {
        let file = self.path(file);
        let started = self.start_until(name, command, |_| file.exists());
        started.unwrap_or_else(|log| panic!("{name} does not start:\n{log}"))
    }

    fn start_until(
        &self,
        name: &str,
        mut command: Command,
        is_up: impl Fn(&Path) -> bool,
    ) -> Result<Application, String> {
        let log = self.path(&format!("{name}.log"));
        let output = File::create(&log).expect("a log");
        command.stderr(output.try_clone().expect("a second handle")).stdout(output).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}; tests/run installs it"));
        let mut application = Application { child, port: 0, log };
        let deadline = Instant::now() + PATIENCE;
        loop {
            if application.child.try_wait().expect("its status").is_some() {
                return Err(application.log());
            }
            if is_up(self.0.path()) {
                return Ok(application);
            }
            assert!(Instant::now() < deadline, "{name} is not ready:\n{}", application.log());
            thread::sleep(POLL);
        }
    }
}

/// Runs a command that has to succeed.
pub fn run(mut command: Command) {
    let output = command.output().expect("sh");
    let [out, err] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{command:?} failed; tests/run installs what it needs\n{out}{err}");
}

impl Application {
    /// Its standard output and standard error so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it past the gateway, as another program on its machine can, with these header fields; head and body of the response.
    pub fn ask_directly(&self, path: &str, fields: &[(&str, &str)]) -> String {
        ask_directly(self.port, path, fields).expect("a response")
    }

    fn signal(&self, name: &str) {
        let group = format!("-{}", self.child.id());
        // The group may have ended by itself.
        Command::new("kill").args([&format!("-{name}"), "--", &group]).stderr(Stdio::null()).status().ok();
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.signal("TERM");
        let deadline = Instant::now() + PATIENCE_AT_THE_END;
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(POLL);
        }
        self.signal("KILL");
        self.child.wait().ok();
        if thread::panicking() {
            #[expect(clippy::print_stderr, reason = "beside the failure, its cause")]
            {
                eprintln!("{}:\n{}", self.log.display(), self.log());
            }
        }
    }
}

/// The response of what listens on this port to a request with these header fields.
pub fn ask_directly(port: u16, path: &str, fields: &[(&str, &str)]) -> io::Result<String> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let fields = fields.concat();
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n");
    socket.write_all(head.as_bytes())?;
    let mut response = Vec::new();
    socket.read_to_end(&mut response)?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}

/// Whether there is a response to a request. A server that only listens may still be loading the application.
fn responds(port: u16) -> bool {
    let first_byte = || {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        socket.read(&mut [0])
    };
    first_byte().is_ok_and(|read| read > 0)
}

/// A gateway with the configuration of the document in front of the application; alice and bob can sign in.
pub fn gateway(configuration: Block, example: &str, application: &Application) -> TestGateway {
    let configuration = configuration.with(example, &format!("127.0.0.1:{}", application.port));
    let gateway = TestGateway::start(configuration.text());
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    gateway
}

/// Somebody who has signed in.
pub fn signed_in(gateway: &TestGateway, name: &str) -> Visitor {
    let mut visitor = Visitor::of(gateway);
    visitor.sign_in(name, &password(name));
    visitor
}

/// Signs out at the gateway, after which the application is out of reach, with whatever cookies.
pub fn signs_out(visitor: &mut Visitor, path: &str) {
    let before = visitor.cookies.clone();
    assert_eq!(visitor.fetch(&Method::GET, path).status, 200, "before the sign-out");
    assert_eq!(visitor.sign_out().status, 303);
    assert_eq!(visitor.fetch(&Method::GET, path).status, 401, "after the sign-out");
    let cookies = std::mem::replace(&mut visitor.cookies, before);
    assert_eq!(visitor.fetch(&Method::GET, path).status, 401, "with the cookies from before");
    visitor.cookies = cookies;
}

/// Sends a request as a script on a page of the application does.
pub fn send(
    visitor: &mut Visitor,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let origin = visitor.origin();
    let mut request = Request::builder().method(method).uri(path).header(ACCEPT, "*/*");
    if method != "GET" {
        request = request.header("origin", origin).header("sec-fetch-site", "same-origin");
    }
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    visitor.send(request.body(body.to_owned()).expect("a request"))
}

/// Opens a WebSocket as a page of the application does.
pub fn open_socket(visitor: &Visitor, path: &str) -> Socket {
    let address = format!("{}{path}", visitor.origin().replace("https://", "wss://"));
    let mut request = address.into_client_request().expect("an address");
    let cookies = visitor.cookies.iter().map(|(name, value)| format!("{name}={value}"));
    let cookies = cookies.collect::<Vec<_>>().join("; ");
    request.headers_mut().insert("cookie", cookies.parse().expect("a cookie line"));
    request.headers_mut().insert("origin", visitor.origin().parse().expect("an origin"));
    let (socket, _) = client(request, visitor.raw()).unwrap_or_else(|error| panic!("{path}: {error}"));
    socket
}

/// Reads messages until one has this text in it.
pub fn wait_for(socket: &mut Socket, text: &str) {
    let mut so_far = String::new();
    while !so_far.contains(text) {
        match socket.read() {
            Ok(Message::Text(message)) => so_far.push_str(message.as_str()),
            Ok(Message::Binary(message)) => so_far.push_str(&String::from_utf8_lossy(&message)),
            Ok(_) => {}
            Err(error) => panic!("{text:?} did not come: {error}\n{so_far}"),
        }
    }
}

/// Reads until the connection has ended.
pub fn ends(socket: &mut Socket) {
    loop {
        match socket.read() {
            Ok(_) => {}
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the connection goes on")
            }
            Err(_) => return,
        }
    }
}

/// Whether the tests run as root, which some servers refuse without a user to change to.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Where `tests/run` installs what is only for the tests.
pub fn tools() -> PathBuf {
    tools_of("recipes")
}

/// Where `tests/run` installs applications for developers.
pub fn development_tools() -> PathBuf {
    tools_of("recipes-development")
}

/// Where `tests/run` installs `MoinMoin`.
fn moin_tools() -> PathBuf {
    tools_of("recipes-moin")
}

/// Where `tests/heavy` installs what is too large for each run of the tests.
pub fn heavy_tools() -> PathBuf {
    tools_of("recipes-heavy")
}

/// Where a tool with this name is installed.
fn tools_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(name)
}

const PATIENCE: Duration = Duration::from_secs(90);
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);
