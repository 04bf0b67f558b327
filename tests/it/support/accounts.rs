//! Django and passlib, which `tests/run` installs in a place of their own.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The Python that has them.
pub fn python() -> PathBuf {
    let python = root().join("target/tools/accounts/python/bin/python");
    assert!(python.exists(), "Django is missing in {}: tests/run installs it", python.display());
    python
}

/// A file of `tests/accounts`.
pub fn script(name: &str) -> PathBuf {
    root().join("tests/accounts").join(name)
}

/// Runs a program with this input, which has to succeed; returns its output.
pub fn output_of(program: &mut Command, input: &str) -> String {
    let shown = format!("{program:?}");
    let child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("starting {shown}: {error}; tests/run installs it"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{shown}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
