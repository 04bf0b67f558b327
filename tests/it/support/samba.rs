//! A real domain controller of Active Directory, by Samba, at an address of its own in 127.0.0.0/8.
//!
//! Samba chooses its ports itself and needs root. It is provisioned once, in the folder of the build, and each test works
//! on a copy.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU8, Ordering},
};

use tempfile::TempDir;

use super::{
    process::{Captured, until},
    slapd::{ServerCertificate, run, succeeded, write_private},
};

/// The root of the directory.
pub const ROOT: &str = "DC=example,DC=test";
/// The account of the gateway, with its password.
pub const SERVICE: &str = "gateway@example.test";
pub const SERVICE_PASSWORD: &str = "Service velvet turbine 7";

/// A running domain controller; killed when this is dropped.
pub struct Samba {
    child: Child,
    address: String,
    folder: TempDir,
    _log: Captured,
}

impl Samba {
    /// A domain with the account of the gateway and these users, given as `name`. The password is [`password`].
    pub fn start(users: &[&str]) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "a domain controller needs root: run the tests as root, or through sudo"
        );
        let folder = tempfile::tempdir().expect("a temporary folder");
        let domain = folder.path().join("domain");
        copy(&provisioned(), &domain);
        // Another run of the tests may have an address already.
        for _ in 0..200 {
            let address = next_address();
            if TcpStream::connect((address.as_str(), 389)).is_ok() {
                continue;
            }
            let certificate = ServerCertificate::make(folder.path(), &[&address, "dc.example.test"]);
            let file = folder.path().join("smb.conf");
            fs::write(&file, configuration(&domain, &certificate, &address)).expect("writing smb.conf");
            let (mut child, log) = spawn(&file);
            if listens(&mut child, &address) {
                let this = Self { child, address, folder, _log: log };
                this.add_user("gateway", SERVICE_PASSWORD);
                for user in users {
                    this.add_user(user, &password(user));
                }
                return this;
            }
            child.kill().ok();
            child.wait().ok();
        }
        panic!("no domain controller comes up");
    }

    /// The address with TLS.
    pub fn tls_url(&self) -> String {
        format!("ldaps://{}", self.address)
    }

    /// The address without TLS.
    pub fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }

    /// The authority that has signed its certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The password of [`SERVICE`] in a file.
    pub fn password_file(&self) -> PathBuf {
        let file = self.folder.path().join("service-password");
        write_private(&file, SERVICE_PASSWORD);
        file
    }

    /// Adds a user to the container of users.
    #[track_caller]
    pub fn add_user(&self, name: &str, password: &str) {
        self.modify(&format!(
            "dn: CN={name},CN=Users,{ROOT}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n\
             userPrincipalName: {name}@example.test\nmail: {name}@example.test\ndisplayName: {name} of the domain\n\
             userAccountControl: 512\nunicodePwd:: {}\n",
            unicode_password(password)
        ));
    }

    /// Adds a group with these members, given by their DNs.
    #[track_caller]
    pub fn add_group(&self, name: &str, members: &[&str]) {
        let members: Vec<String> = members.iter().map(|member| format!("member: {member}\n")).collect();
        let members = members.concat();
        self.modify(&format!(
            "dn: CN={name},CN=Users,{ROOT}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\n{members}"
        ));
    }

    /// Makes changes in the format of ldapmodify(1), as the administrator.
    #[track_caller]
    pub fn modify(&self, changes: &str) {
        let url = self.tls_url();
        let admin = ["-x", "-H", &url, "-D", "administrator@example.test", "-w", ADMIN_PASSWORD];
        let command = ["LDAPTLS_REQCERT=never", "ldapmodify"].iter().chain(&admin);
        let output = run("env", &command.map(|word| (*word).to_owned()).collect::<Vec<_>>(), changes);
        succeeded(&output);
    }

    /// Replaces an attribute of a user.
    #[track_caller]
    pub fn replace(&self, user: &str, attribute: &str, value: &str) {
        self.modify(&format!(
            "dn: {}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n",
            dn(user)
        ));
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The DN of a user or group of the container of users.
pub fn dn(name: &str) -> String {
    format!("CN={name},CN=Users,{ROOT}")
}

/// The password of a user.
pub fn password(name: &str) -> String {
    format!("Correct horse {name} 7")
}

/// A password as Active Directory takes it: in quotes, in UTF-16, MS-ADTS §3.1.1.3.1.5.1.
pub fn unicode_password(password: &str) -> String {
    let bytes: Vec<u8> = format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
    data_encoding::BASE64.encode(&bytes)
}

/// The domain that every test copies. Provisioning takes ten seconds and more.
fn provisioned() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    fs::create_dir_all(&folder).expect("a folder for tools");
    let (domain, lock) = (folder.join("samba-domain"), folder.join("samba-domain.lock"));
    let lock = File::create(lock).expect("a lock");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("the lock");
    if domain.join("ready").exists() {
        return domain;
    }
    fs::remove_dir_all(&domain).ok();
    let target = format!("--targetdir={}", domain.display());
    let admin = format!("--adminpass={ADMIN_PASSWORD}");
    let arguments = [
        "domain",
        "provision",
        "--realm=EXAMPLE.TEST",
        "--domain=EXAMPLE",
        "--server-role=dc",
        "--dns-backend=NONE",
        "--host-name=dc",
        "--host-ip=127.0.0.1",
        &admin,
        &target,
    ]
    .map(str::to_owned);
    succeeded(&run("samba-tool", &arguments, ""));
    fs::write(domain.join("ready"), "").expect("a mark");
    domain
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp");
    assert!(copied.success());
}

fn configuration(domain: &Path, certificate: &ServerCertificate, address: &str) -> String {
    let domain = domain.display();
    format!(
        "[global]\nnetbios name = DC\nrealm = EXAMPLE.TEST\nworkgroup = EXAMPLE\n\
         server role = active directory domain controller\nserver services = ldap\n\
         interfaces = {address}/8\nbind interfaces only = yes\n\
         private dir = {domain}/private\nstate directory = {domain}/state\ncache directory = {domain}/cache\n\
         lock directory = {domain}\nbinddns dir = {domain}/bind-dns\npid directory = {domain}\n\
         log file = {domain}/log\ntls enabled = yes\ntls cafile = {}\ntls certfile = {}\ntls keyfile = {}\n",
        certificate.authority.display(),
        certificate.cert.display(),
        certificate.key.display(),
    )
}

fn spawn(configuration: &Path) -> (Child, Captured) {
    let mut child = Command::new("samba")
        .args(["--model=single", "--interactive", "--debug-stdout", "--configfile"])
        .arg(configuration)
        // Its end is the end of its input.
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("samba; tests/run installs it");
    let log = Captured::of(child.stdout.take().expect("its log"));
    (child, log)
}

fn listens(child: &mut Child, address: &str) -> bool {
    let mut ended = false;
    until("samba listens or ends", || {
        ended = child.try_wait().expect("its state").is_some();
        ended || [389, 636].iter().all(|port| TcpStream::connect((address, *port)).is_ok())
    });
    !ended
}

/// An address that no other test of this process has; other processes begin elsewhere.
fn next_address() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let own = u8::try_from(std::process::id() % 200).expect("less than 200") + 20;
    format!("127.83.{own}.{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

const ADMIN_PASSWORD: &str = "Administrator of the test 7";
