//! A real OpenLDAP of a test's own, unprivileged, with a certificate that the test makes.

use std::{
    fs,
    io::Write,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use super::{
    process::{Captured, text, until},
    redis::free_port,
};

/// The root of the directory.
pub const SUFFIX: &str = "dc=example,dc=test";
/// The account of the gateway.
pub const SERVICE: &str = "cn=gateway,dc=example,dc=test";
pub const SERVICE_PASSWORD: &str = "service velvet turbine";

/// A `slapd` on free ports; killed when this is dropped.
pub struct Slapd {
    child: Child,
    /// Its log, with a line for each operation.
    log: Captured,
    plain: u16,
    tls: u16,
    folder: TempDir,
    markers: AtomicU32,
}

/// A certificate of an authority of its own, as files.
pub struct ServerCertificate {
    pub authority: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Slapd {
    /// A server with these entries below [`SUFFIX`], and those of [`SUFFIX`] and [`SERVICE`].
    pub fn start(entries: &str) -> Self {
        Self::start_with("", entries)
    }

    /// The same with further global directives of slapd.conf(5): `allow bind_anon_dn`.
    pub fn start_with(directives: &str, entries: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificate = ServerCertificate::make(folder.path(), &["localhost", "127.0.0.1", "::1"]);
        fs::create_dir(folder.path().join("db")).expect("a folder for the database");
        fs::write(folder.path().join("slapd.conf"), configuration(folder.path(), &certificate, directives))
            .expect("writing slapd.conf");
        load(folder.path(), entries);
        // Somebody else may take a port before the server does.
        for _ in 0..20 {
            let (plain, tls) = (free_port(), free_port());
            let (mut child, log) = spawn(folder.path(), plain, tls);
            if listens(&mut child, &[plain, tls]) {
                return Self { child, log, plain, tls, folder, markers: AtomicU32::new(0) };
            }
            child.kill().ok();
            child.wait().ok();
        }
        panic!("no slapd comes up");
    }

    /// The address without TLS, which offers StartTLS.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.plain)
    }

    /// The address with TLS.
    pub fn tls_url(&self) -> String {
        format!("ldaps://localhost:{}", self.tls)
    }

    /// The authority that has signed its certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The folder of its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The password of [`SERVICE`] in a file.
    pub fn password_file(&self) -> PathBuf {
        let file = self.folder.path().join("service-password");
        write_private(&file, SERVICE_PASSWORD);
        file
    }

    /// Makes changes in the format of ldapmodify(1), as the administrator.
    #[track_caller]
    pub fn modify(&self, changes: &str) {
        succeeded(&run("ldapmodify", &self.as_admin(&[]), changes));
    }

    /// Adds entries.
    #[track_caller]
    pub fn add(&self, entries: &str) {
        succeeded(&run("ldapadd", &self.as_admin(&[]), entries));
    }

    /// Removes an entry.
    #[track_caller]
    pub fn remove(&self, dn: &str) {
        succeeded(&run("ldapdelete", &self.as_admin(&[dn]), ""));
    }

    /// The number of binds so far of entries whose DN begins so.
    pub fn binds(&self, dn: &str) -> usize {
        count_binds(&self.settled_log(), dn)
    }

    /// The number of all binds so far but those of the test itself.
    pub fn all_binds(&self) -> usize {
        let log = self.settled_log();
        count_binds(&log, "") - count_binds(&log, &format!("cn=admin,{SUFFIX}"))
    }

    /// Its log, with all that happened before this call: a search that is made last is in it.
    fn settled_log(&self) -> String {
        let marker = format!("cn=marker-{}", self.markers.fetch_add(1, Ordering::Relaxed));
        run("ldapsearch", &self.as_admin(&["-b", SUFFIX, "-s", "base", &format!("({marker})")]), "");
        self.log.wait_for("the marker", |log| log.contains(&marker).then(|| log.to_owned()))
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.log.so_far()
    }

    /// Stops it from doing anything; its connections stay open.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill").success());
    }

    /// Ends it without asking.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().expect("its end");
    }

    /// Starts it again on the same ports, with the same entries.
    pub fn start_again(&mut self) {
        (self.child, self.log) = spawn(self.folder.path(), self.plain, self.tls);
        assert!(listens(&mut self.child, &[self.plain, self.tls]), "slapd does not come up again");
    }

    fn as_admin(&self, more: &[&str]) -> Vec<String> {
        let admin = format!("cn=admin,{SUFFIX}");
        let given = ["-x", "-H", &self.url(), "-D", &admin, "-w", ADMIN_PASSWORD].map(str::to_owned);
        given.into_iter().chain(more.iter().map(|argument| (*argument).to_owned())).collect()
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl ServerCertificate {
    /// Makes one for these names and addresses, in files of the folder.
    pub fn make(folder: &Path, names: &[&str]) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("an authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key"))
            .expect("a certificate");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().expect("a key");
        let signed =
            CertificateParams::new(names).expect("names").signed_by(&key, &authority).expect("a certificate");
        let file = |name: &str| folder.join(name);
        let this =
            Self { authority: file("authority.pem"), cert: file("server.pem"), key: file("server.key") };
        fs::write(&this.authority, authority.pem()).expect("writing the authority");
        fs::write(&this.cert, signed.pem()).expect("writing the certificate");
        write_private(&this.key, &key.serialize_pem());
        this
    }
}

/// Writes a file that only its owner can read.
pub fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("writing a private file");
}

/// Runs a program with this input.
pub fn run(program: &str, arguments: &[String], input: &str) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"));
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("writing the input");
    child.wait_with_output().expect("its end")
}

/// Fails with the output of a program that failed.
#[track_caller]
pub fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

fn count_binds(log: &str, dn: &str) -> usize {
    let begin = format!("BIND dn=\"{dn}");
    // The second line of a successful bind names the mechanism.
    log.lines().filter(|line| line.contains(&begin) && line.contains("method=")).count()
}

fn configuration(folder: &Path, certificate: &ServerCertificate, directives: &str) -> String {
    let schemas: String = ["core", "cosine", "nis", "inetorgperson"]
        .map(|name| format!("include /etc/ldap/schema/{name}.schema\n"))
        .concat();
    let modules: String =
        ["back_mdb", "memberof", "ppolicy"].map(|name| format!("moduleload {name}\n")).concat();
    format!(
        "{schemas}modulepath /usr/lib/ldap\n{modules}{directives}\n\
         pidfile {folder}/pid\n\
         TLSCACertificateFile {authority}\nTLSCertificateFile {cert}\nTLSCertificateKeyFile {key}\n\
         database mdb\nsuffix \"{SUFFIX}\"\nrootdn \"cn=admin,{SUFFIX}\"\nrootpw \"{ADMIN_PASSWORD}\"\n\
         directory {folder}/db\nmaxsize 33554432\nindex objectClass,uid,cn,member,entryUUID eq\n\
         overlay memberof\noverlay ppolicy\n\
         access to attrs=userPassword by anonymous auth by * none\naccess to * by * read\n",
        folder = folder.display(),
        authority = certificate.authority.display(),
        cert = certificate.cert.display(),
        key = certificate.key.display(),
    )
}

fn load(folder: &Path, entries: &str) {
    let root = format!(
        "dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n\
         dn: {SERVICE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: gateway\n\
         userPassword: {SERVICE_PASSWORD}\n\n"
    );
    let configuration = folder.join("slapd.conf").display().to_string();
    let arguments = ["-q", "-f", &configuration].map(str::to_owned);
    succeeded(&run("/usr/sbin/slapadd", &arguments, &format!("{root}{entries}")));
}

fn spawn(folder: &Path, plain: u16, tls: u16) -> (Child, Captured) {
    let addresses = format!("ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{tls} ldaps://127.0.0.2:{tls}");
    let mut child = Command::new("/usr/sbin/slapd")
        .arg("-f")
        .arg(folder.join("slapd.conf"))
        .args(["-h", &addresses, "-d", "stats"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("slapd; tests/run installs it");
    let log = Captured::of(child.stderr.take().expect("its log"));
    (child, log)
}

/// Whether it accepts connections at all ports before it ends.
fn listens(child: &mut Child, ports: &[u16]) -> bool {
    let mut ended = false;
    until("slapd listens or ends", || {
        ended = child.try_wait().expect("its state").is_some();
        ended || ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
    });
    !ended
}

const ADMIN_PASSWORD: &str = "administrator of the test";
