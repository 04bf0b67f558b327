//! Arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use portcullis::cli::{Arguments, run};

fn main() -> ExitCode {
    run(Arguments::parse())
}
