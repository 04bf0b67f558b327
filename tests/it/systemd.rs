//! The units of `systemd/`, judged by systemd's own tools. No service manager has to run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

#[test]
fn the_service_exposes_no_more_than_two_out_of_ten() {
    // Thresholds are given in tenths of what is printed.
    let judged = analyze(&["security", "--offline=yes", "--threshold=20"], &[&unit("portcullis.service")]);
    assert!(judged.status.success(), "{}", overall(&judged));
}

#[test]
fn without_its_capability_the_service_exposes_less_still() {
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
    let said = String::from_utf8_lossy(&verified.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("portcullis")).collect();
    assert!(verified.status.success() && ours.is_empty(), "{said}");
}

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

/// What `docs/install.md` says goes into a drop-in once systemd holds the ports.
const DROP_IN: &str = "\
AmbientCapabilities=
CapabilityBoundingSet=
PrivateUsers=yes
";
