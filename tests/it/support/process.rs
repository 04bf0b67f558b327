//! The built binary as a process of its own, with its files in a temporary folder.

use std::{
    fs,
    io::{self, BufRead, BufReader, PipeReader, Read, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use portcullis::clock::Clock;
use tempfile::TempDir;

use super::{client::plain_get, visitor::Visitor};

/// A folder with a `gateway.toml`, in which gateways can be started one after the other.
pub struct Workplace {
    folder: TempDir,
}

/// A running gateway; killed when this is dropped.
pub struct Process {
    child: Child,
    /// Its standard output so far: entries of the access and audit logs.
    pub stdout: Captured,
    /// Its standard error so far: the messages of the gateway.
    pub stderr: Captured,
    pub https: SocketAddr,
    pub http: SocketAddr,
    pub status: SocketAddr,
    certificate: PathBuf,
}

/// Text that somebody is still writing.
#[derive(Clone, Default)]
pub struct Captured(Arc<(Mutex<Text>, Condvar)>);

#[derive(Default)]
struct Text {
    text: String,
    ended: bool,
}

impl Workplace {
    /// A folder for these sections and apps; listeners get free ports, passwords are checked quickly.
    pub fn new(sections: &str, apps: &str) -> Self {
        let this = Self::empty();
        this.write(&Self::configuration(sections, apps));
        this
    }

    /// A folder with nothing in it.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The text that `new` makes of its parts.
    pub fn configuration(sections: &str, apps: &str) -> String {
        format!(
            "[server]\nhttps = [\"127.0.0.1:0\"]\nhttp = [\"127.0.0.1:0\"]\nstatus = \"127.0.0.1:0\"\nworkers = 2\n\
             [password]\nmemory = \"64KiB\"\niterations = 1\n{sections}\n{apps}\n"
        )
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `gateway.toml`.
    pub fn write(&self, text: &str) {
        fs::write(self.path("gateway.toml"), text).expect("writing the configuration");
    }

    /// The built binary with these arguments, run in the folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.current_dir(self.folder.path()).args(arguments).env_remove("PORTCULLIS_LOG");
        command
    }

    /// Runs a command to its end, with this on its standard input.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        let mut stdin = child.stdin.take().expect("its standard input");
        // A command that asks for nothing has ended before it could read this.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        child.wait_with_output().expect("its output")
    }

    /// Runs a command that has to work; what it printed.
    pub fn run_well(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?} failed: {out}{err}");
        out
    }

    /// Starts the gateway and waits until it serves.
    pub fn start(&self) -> Process {
        self.start_command(self.command(&[]))
    }

    /// Starts the gateway with this command and waits until it serves.
    pub fn start_command(&self, mut command: Command) -> Process {
        command.stdout(Stdio::piped());
        self.start_as(command)
    }

    /// The same, where the configuration is in this folder.
    pub fn start_in(&self, folder: &str, command: Command) -> Process {
        let mut process = self.start_command(command);
        process.certificate = self.path(folder).join("certs/self-signed.pem");
        process
    }

    /// Starts the gateway with this command, whose standard output the caller has seen to.
    pub fn start_as(&self, command: Command) -> Process {
        let mut process = self.begin(command);
        process.wait_until_it_serves();
        process
    }

    /// The same, without waiting for anything.
    pub fn begin(&self, mut command: Command) -> Process {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary");
        // Its copies of what was passed on to the child are closed with it.
        drop(command);
        let stdout = child.stdout.take().map_or_else(Captured::nothing, Captured::of);
        let stderr = Captured::of(child.stderr.take().expect("its standard error"));
        self.process(child, stdout, stderr)
    }

    /// Starts the gateway with standard output and standard error in one pipe, of which nothing is read any more once
    /// it serves.
    pub fn start_unread(&self) -> (Process, PipeReader) {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let mut command = self.command(&[]);
        command.stdout(writer.try_clone().expect("the pipe")).stderr(writer);
        let child = command.spawn().expect("the binary");
        drop(command);
        let mut process = self.process(child, Captured::nothing(), Captured::nothing());
        let (mut line, mut byte) = (Vec::new(), [0]);
        // Byte by byte: nothing may be read ahead.
        while !process.serves_as_told(&text(&line)) {
            if line.ends_with(b"\n") {
                line.clear();
            }
            assert_eq!(reader.read(&mut byte).expect("its output"), 1, "it has ended");
            line.extend(byte);
        }
        (process, reader)
    }

    fn process(&self, child: Child, stdout: Captured, stderr: Captured) -> Process {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let certificate = self.path("certs/self-signed.pem");
        Process { child, stdout, stderr, https: nowhere, http: nowhere, status: nowhere, certificate }
    }
}

impl Process {
    /// Waits for the line that says where it serves.
    pub fn wait_until_it_serves(&mut self) {
        let line = self.stderr.wait_for("the line that says where it serves", |text| {
            text.lines().find(|line| line.contains(" serves https://")).map(|line| format!("{line}\n"))
        });
        assert!(self.serves_as_told(&line), "{line}");
    }

    /// Whether this is the line that says where it serves, whole; it is kept then.
    fn serves_as_told(&mut self, line: &str) -> bool {
        if !line.contains(" serves https://") || !line.ends_with('\n') {
            return false;
        }
        let addr = |name: &str| {
            let value = line.split_whitespace().find_map(|word| word.strip_prefix(name));
            // The first of a list.
            let value = value.map(|value| value.trim_end_matches(','));
            value.and_then(|value| value.parse().ok()).unwrap_or(self.https)
        };
        (self.https, self.http, self.status) = (addr("https="), addr("http="), addr("status="));
        self.https.port() != 0
    }

    /// Somebody who visits `localhost`.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(&self.origin(), self.https, &self.certificate, Clock::system())
    }

    /// The response of the status listener.
    pub fn status(&self, path: &str) -> String {
        plain_get(self.status, path)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The certificate that clients have to believe.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.https.port())
    }

    /// The set-up link that was printed, waited for.
    pub fn set_up_link(&self) -> String {
        self.stderr.wait_for("a set-up link", |text| set_up_links(text).first().cloned())
    }

    /// Sends `TERM`, `HUP` or `KILL`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill");
        assert!(sent.success());
    }

    /// Waits for its end and for all that it has written.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.stderr.so_far());
            thread::sleep(POLL);
        };
        self.stdout.wait_for_end();
        self.stderr.wait_for_end();
        status
    }

    /// Asks it to stop, waits, and says how it ended.
    pub fn stop(mut self) -> (ExitStatus, String, String) {
        self.signal("TERM");
        let status = self.wait();
        (status, self.stdout.so_far(), self.stderr.so_far())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Captured {
    fn nothing() -> Self {
        Self::of(io::empty())
    }

    /// Reads to the end on a thread of its own.
    pub fn of(source: impl Read + Send + 'static) -> Self {
        let this = Self::default();
        let shared = Arc::clone(&this.0);
        thread::spawn(move || {
            let mut lines = BufReader::new(source);
            let mut line = Vec::new();
            loop {
                line.clear();
                let read = lines.read_until(b'\n', &mut line).unwrap_or(0);
                let mut text = shared.0.lock().expect("the text");
                text.text.push_str(&String::from_utf8_lossy(&line));
                text.ended = read == 0;
                shared.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        this
    }

    pub fn so_far(&self) -> String {
        self.0.0.lock().expect("the text").text.clone()
    }

    /// Waits until `find` finds something.
    pub fn wait_for<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let (lock, changed) = &*self.0;
        let deadline = Instant::now() + PATIENCE;
        let mut text = lock.lock().expect("the text");
        loop {
            if let Some(found) = find(&text.text) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if text.ended || left.is_zero() {
                let so_far = text.text.clone();
                drop(text);
                panic!("{what} did not come:\n{so_far}");
            }
            text = changed.wait_timeout(text, left).expect("the text").0;
        }
    }

    /// Waits until this text has come.
    pub fn wait_for_text(&self, wanted: &str) {
        self.wait_for(wanted, |text| text.contains(wanted).then_some(()));
    }

    fn wait_for_end(&self) {
        let (lock, changed) = &*self.0;
        let text = lock.lock().expect("the text");
        let waited = changed.wait_timeout_while(text, PATIENCE, |text| !text.ended).expect("the text");
        assert!(!waited.1.timed_out(), "somebody still holds the other end");
    }
}

/// All set-up links in what was printed, as paths with their query.
pub fn set_up_links(text: &str) -> Vec<String> {
    let link = |word: &str| Some(format!("{SET_UP}{}", word.split_once(SET_UP)?.1));
    text.split_whitespace().filter_map(link).collect()
}

/// Waits until a condition holds; fails after [`PATIENCE`].
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to be: {what}");
        thread::sleep(POLL);
    }
}

/// The permission bits of a file.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.permissions().mode() & 0o777
}

/// The output of a command as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const SET_UP: &str = "/.gateway/setup?token=";
const BINARY: &str = env!("CARGO_BIN_EXE_portcullis");
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// The entries that a gateway of this process has logged, once they are all there.
pub fn wait_for_entries(
    gateway: &super::gateway::TestGateway,
    are_there: impl Fn(&[serde_json::Value]) -> bool,
) -> Vec<serde_json::Value> {
    let mut entries = Vec::new();
    until("the entries in the log", || {
        entries = gateway.log();
        are_there(&entries)
    });
    entries
}
