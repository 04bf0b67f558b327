//! A real mail server (aiosmtpd) in a process of its own, which takes, puts off or refuses messages as a test says.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::{certificates::TestAuthority, process::until};

/// A running mail server; it ends when this is dropped.
pub struct SmtpServer {
    folder: TempDir,
    port: u16,
    scheme: &'static str,
    process: Child,
}

/// A message that the server has taken.
pub struct Mail {
    /// The recipient of the envelope.
    pub to: String,
    /// All of it, with decoded quoted-printable.
    pub text: String,
}

impl SmtpServer {
    /// A server without TLS.
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), "plain", &[])
    }

    /// A server without TLS that takes messages from the user `gateway` with this password alone.
    pub fn start_with_password(password: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("PASSWORD"), password).expect("a password");
        Self::start_in(folder, "plain", &[])
    }

    /// A server with TLS from the first byte (`tls`) or after STARTTLS (`starttls`), whose certificate is for `name`.
    pub fn start_with_tls(kind: &'static str, name: &str, authority: &TestAuthority) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (certificate, key) = authority.issue(&[name], 2100);
        let paths = [folder.path().join("cert.pem"), folder.path().join("key.pem")];
        fs::write(&paths[0], certificate.pem()).expect("a certificate");
        fs::write(&paths[1], key.serialize_pem()).expect("a key");
        Self::start_in(tempfile::tempdir().expect("a folder"), kind, &paths)
    }

    fn start_in(folder: TempDir, kind: &'static str, files: &[PathBuf]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/tools/mail/python/bin/python");
        assert!(python.exists(), "aiosmtpd is missing: tests/run installs it");
        fs::write(folder.path().join("MODE"), "accept").expect("a mode");
        let mut process = Command::new(python)
            .arg(root.join("tests/smtp/server.py"))
            .arg(folder.path())
            .arg(kind)
            .args(files)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the mail server");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a port");
        let scheme = if kind == "tls" { "smtps" } else { "smtp" };
        Self { folder, port: line.trim().parse().expect("a port"), scheme, process }
    }

    /// `[mail]` for this server.
    pub fn section(&self, more: &str) -> String {
        let (scheme, port) = (self.scheme, self.port);
        format!(
            "[mail]\nsmtp = \"{scheme}://localhost:{port}\"\nfrom = \"Gateway <gateway@example.com>\"\ntimeout = \"2s\"\n{more}\n"
        )
    }

    /// Sets the behaviour of the server from now on: `accept`, `later`, `refuse`, `quote` (the link, in a
    /// refusal) or `hang`.
    pub fn set(&self, mode: &str) {
        fs::write(self.folder.path().join("MODE"), mode).expect("a mode");
    }

    /// How many messages it has read.
    pub fn seen(&self) -> usize {
        fs::read_to_string(self.folder.path().join("seen")).map_or(0, |text| text.parse().unwrap_or(0))
    }

    /// How many messages it has taken.
    pub fn taken(&self) -> usize {
        (1..10_000).take_while(|number| self.folder.path().join(format!("{number}.eml")).exists()).count()
    }

    /// The first message to this recipient with these words in it, once it is there.
    pub fn find(&self, to: &str, words: &str) -> Mail {
        let mut found = None;
        until(&format!("a message with “{words}”"), || {
            let mut taken = (1..=self.taken()).map(|number| self.mail(number));
            found = taken.find(|mail| mail.to == to && mail.text.contains(words));
            found.is_some()
        });
        found.expect("a message")
    }

    /// The message with this number, once it is there.
    pub fn mail(&self, number: usize) -> Mail {
        let path = self.folder.path().join(format!("{number}.eml"));
        until(&format!("message {number}"), || path.exists());
        let whole = fs::read_to_string(path).expect("a message");
        let (to, text) = whole.split_once('\n').expect("a recipient");
        Mail { to: to.to_owned(), text: decoded(text) }
    }
}

impl Mail {
    /// The first link with a secret.
    pub fn link(&self) -> &str {
        let start = self.text.find("https://").expect("a link");
        let rest = &self.text[start..];
        rest.split_whitespace().next().expect("a link")
    }

    /// Path and query of the link.
    pub fn path(&self) -> &str {
        let rest = self.link().strip_prefix("https://").expect("a link");
        &rest[rest.find('/').expect("a path")..]
    }
}

/// Without the soft line breaks and escapes of quoted-printable.
fn decoded(text: &str) -> String {
    let joined = text.replace("=\r\n", "").replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let [first, more @ ..] = rest {
        if *first == b'='
            && let [high, low, after @ ..] = more
            && let Ok(byte) = u8::from_str_radix(&String::from_utf8_lossy(&[*high, *low]), 16)
        {
            bytes.push(byte);
            rest = after;
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
