//! The units of `systemd/`, judged by systemd's own tools. No service manager has to run.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::support::process::{Process, Workplace};

#[test]
fn the_service_exposes_no_more_than_two_out_of_ten() {
    // Thresholds are given in tenths of what is printed.
    let judged = analyze(&["security", "--offline=yes", "--threshold=20"], &[&unit("portcullis.service")]);
    assert!(judged.status.success(), "{}", overall(&judged));
}

#[test]
fn the_service_exposes_less_without_its_capability() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(unit("portcullis.service")).unwrap();
    let hardened = folder.path().join("portcullis.service");
    fs::write(&hardened, format!("{text}\n[Service]\n{DROP_IN}")).unwrap();
    let judged = analyze(&["security", "--offline=yes", "--threshold=13"], &[&hardened]);
    assert!(judged.status.success(), "{}", overall(&judged));
    let guide = fs::read_to_string(root().join("docs/install.md")).unwrap();
    assert!(guide.contains(DROP_IN), "docs/install.md gives these lines");
}

#[test]
fn systemd_finds_no_mistake_in_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    for name in ["portcullis.service", "portcullis.socket", "portcullis-http.socket"] {
        let text = fs::read_to_string(unit(name)).unwrap();
        // The program is looked for, and is not installed on the machine that tests it.
        let text = text.replace("/usr/local/bin/portcullis", env!("CARGO_BIN_EXE_portcullis"));
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        units.push(path);
    }
    let units: Vec<&Path> = units.iter().map(PathBuf::as_path).collect();
    let verified = analyze(&["verify", "--man=no"], &units);
    let output = String::from_utf8_lossy(&verified.stderr);
    let ours: Vec<&str> = output.lines().filter(|line| line.contains("portcullis")).collect();
    assert!(verified.status.success() && ours.is_empty(), "{output}");
}

/// The unit's filter of system calls, around the binary.
#[test]
fn passwords_are_checked_at_a_lower_priority_under_the_filter_of_the_unit() {
    let place = Workplace::new("", WHOAMI);
    place.run_well(&["user", "add", "alice"], PASSWORD);
    let gateway = start_filtered(&place, &allowed_calls());
    gateway.visitor().sign_in("alice", PASSWORD);
    let threads = fs::read_dir(format!("/proc/{}/task", gateway.id())).unwrap();
    let (_, own) = name_and_niceness(Path::new("/proc/self"));
    let mut checking = 0;
    for thread in threads.map(|thread| thread.unwrap().path()) {
        let (name, niceness) = name_and_niceness(&thread);
        let is_checking = name.starts_with("password-");
        assert_eq!(niceness, if is_checking { 10 } else { own }, "{name}");
        checking += usize::from(is_checking);
    }
    assert!(checking > 0, "no thread checks passwords");
    place.write(&Workplace::configuration("", WHOAMI));
    place.run_well(&["reload"], "");
    let (status, _, err) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{err}");
    // Other warnings depend on the machine.
    for word in [" ERROR ", "setpriority", "not permitted"] {
        assert!(!err.contains(word), "{word}: {err}");
    }
}

#[test]
fn the_gateway_warns_of_a_filter_that_forbids_the_lower_priority() {
    let place = Workplace::new("", WHOAMI);
    place.run_well(&["user", "add", "alice"], PASSWORD);
    let mut allowed = allowed_calls();
    assert!(allowed.remove("setpriority"));
    let gateway = start_filtered(&place, &allowed);
    gateway.stderr.wait_for_text("allow the system call setpriority");
    gateway.visitor().sign_in("alice", PASSWORD);
}

/// `proc_pid_stat(5)`: the name in brackets; the niceness is the 19th field.
fn name_and_niceness(process: &Path) -> (String, i32) {
    let stat = fs::read_to_string(process.join("stat")).unwrap();
    let (before, fields) = stat.rsplit_once(") ").unwrap();
    let (_, name) = before.split_once('(').unwrap();
    (name.to_owned(), fields.split(' ').nth(16).unwrap().parse().unwrap())
}

/// The calls that `SystemCallFilter=` of the unit allows, line by line as systemd.exec(5) has it: the first line makes a list of
/// what is allowed, the next ones add to it or, with `~`, take from it. `@default` is always allowed.
fn allowed_calls() -> BTreeSet<String> {
    let text = fs::read_to_string(unit("portcullis.service")).unwrap();
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")).collect();
    assert!(lines.first().is_some_and(|line| !line.starts_with('~')), "{lines:?}");
    assert!(text.contains("\nSystemCallErrorNumber=EPERM\n"));
    let mut allowed = BTreeSet::new();
    for line in lines {
        let (is_taken, names) = line.strip_prefix('~').map_or((false, line), |names| (true, names));
        for call in names.split_whitespace().flat_map(calls) {
            if is_taken {
                allowed.remove(&call);
            } else {
                allowed.insert(call);
            }
        }
    }
    allowed.extend(calls("@default"));
    allowed
}

/// A call, or those of a set of systemd's.
fn calls(name: &str) -> Vec<String> {
    if !name.starts_with('@') {
        return vec![name.to_owned()];
    }
    let listed = analyze(&["syscall-filter", name], &[]);
    assert!(listed.status.success(), "{name}: {}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let names = text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    names.flat_map(calls).collect()
}

/// As systemd starts a service: everything else fails with EPERM, and no new privileges.
fn start_filtered(place: &Workplace, allowed: &BTreeSet<String>) -> Process {
    let names: Vec<&str> = allowed.iter().map(String::as_str).collect();
    let mut command = Command::new("python3");
    command
        .args(["-c", LOADER, &names.join(","), env!("CARGO_BIN_EXE_portcullis")])
        .current_dir(place.path(""))
        .stdout(Stdio::piped());
    place.start_as(command)
}

/// Loads the filter by way of libseccomp, which systemd itself brings along, and becomes the program.
const LOADER: &str = r#"
import ctypes, os, sys
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
ERRNO_EPERM, ALLOW = ctypes.c_uint32(0x00050001), ctypes.c_uint32(0x7FFF0000)
filter = ctypes.c_void_p(seccomp.seccomp_init(ERRNO_EPERM))
assert filter, "no filter"
for name in sys.argv[1].split(","):
    number = seccomp.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        assert seccomp.seccomp_rule_add(filter, ALLOW, number, 0) == 0, name
assert seccomp.seccomp_load(filter) == 0, "the filter could not be loaded"
os.execv(sys.argv[2], sys.argv[2:])
"#;

fn analyze(words: &[&str], units: &[&Path]) -> Output {
    Command::new("systemd-analyze")
        .args(words)
        .args(units)
        .env("SYSTEMD_PAGER", "")
        .output()
        .expect("systemd-analyze runs; Debian's package is systemd")
}

fn overall(judged: &Output) -> String {
    let table = String::from_utf8_lossy(&judged.stdout);
    let last = table.lines().last().unwrap_or_default();
    format!("{last}\n{}", String::from_utf8_lossy(&judged.stderr))
}

fn unit(name: &str) -> PathBuf {
    root().join("systemd").join(name)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";
const PASSWORD: &str = "quiet otters fold umbrellas";

/// The drop-in of `docs/install.md` for a service whose ports are held by systemd.
const DROP_IN: &str = "\
AmbientCapabilities=
CapabilityBoundingSet=
PrivateUsers=yes
";
