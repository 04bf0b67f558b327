//! `portcullis preset …`: the presets for known applications, and the lines of an application's own configuration.
//!
//! Needs no configuration and changes nothing.

use std::{
    fmt,
    io::{self, Write},
};

use clap::{Args, Subcommand};
use http::HeaderName;
use serde::Serialize;

use super::{failure::Failure, output::out, table::Table};
use crate::{
    config::similar,
    forward::{IdentityValue, Preset},
};

/// List and show presets for known applications
#[derive(Clone, Debug, Args)]
pub(super) struct PresetArgs {
    /// The command.
    #[command(subcommand)]
    command: PresetCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum PresetCommand {
    /// List all presets, with the applications that each is for
    List {
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show the headers of a preset, and what the application has to be told
    Show {
        /// The name, as in `identity = "NAME"`
        name: String,
        /// Print a JSON object instead of text
        #[arg(long)]
        json: bool,
    },
}

/// Why nothing was shown.
#[derive(Debug, thiserror::Error)]
enum PresetError {
    /// No preset has this name.
    #[error("there is no preset {name:?}{}", Hint(*.meant))]
    Unknown {
        /// The name as it was typed.
        name: String,
        /// The preset that has the most similar name.
        meant: Option<&'static str>,
    },
    /// Standard output is closed.
    #[error("writing the preset: {0}")]
    Write(#[from] io::Error),
}

/// The end of the message about an unknown name.
struct Hint(Option<&'static str>);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(meant) => write!(f, "; did you mean {meant:?}?"),
            None => f.write_str("; `portcullis preset list` shows all of them"),
        }
    }
}

/// A preset in JSON; the names of the fields are a promise to scripts.
#[derive(Serialize)]
struct PresetJson {
    name: &'static str,
    title: &'static str,
    headers: Vec<HeaderJson>,
    program_paths: &'static [&'static str],
    sign_out: Option<&'static str>,
    setup: &'static str,
    note: &'static str,
}

#[derive(Serialize)]
struct HeaderJson {
    name: String,
    value: String,
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &PresetArgs) -> Result<(), Failure> {
    Ok(run(args, &mut out())?)
}

fn run(args: &PresetArgs, out: &mut dyn Write) -> Result<(), PresetError> {
    match &args.command {
        PresetCommand::List { json: true } => {
            print_json(&Preset::all().iter().map(PresetJson::from).collect::<Vec<_>>(), out)?;
        }
        PresetCommand::List { json: false } => list(out)?,
        PresetCommand::Show { name, json } => {
            let preset = Preset::named(name).ok_or_else(|| PresetError::Unknown {
                name: name.clone(),
                meant: similar(name, Preset::names()),
            })?;
            if *json {
                print_json(&PresetJson::from(preset), out)?;
            } else {
                show(preset, out)?;
            }
        }
    }
    Ok(())
}

fn list(out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::headed(["PRESET", "FOR", "HEADERS"]);
    for preset in Preset::all() {
        let headers = preset.headers();
        let names: Vec<&str> = headers.names().map(HeaderName::as_str).collect();
        table.push([preset.name.to_owned(), preset.title.to_owned(), names.join(", ")]);
    }
    table.write("", out)
}

/// Text that can be copied: the section of the gateway's configuration, then the application's own.
fn show(preset: &Preset, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}\n", preset.name, preset.title)?;
    let headers = preset.headers().into_headers();
    if headers.is_empty() {
        writeln!(out, "  no headers about the user")?;
    }
    let mut table = Table::new();
    for (name, value) in headers {
        table.push([name.to_string(), value.to_string()]);
    }
    table.write("  ", out)?;
    writeln!(out, "\nIn gateway.toml, below [[app]]:\n\n  identity = \"{}\"", preset.name)?;
    if let Some(path) = preset.sign_out {
        writeln!(out, "  # The application's own sign-out ends the gateway's session, too.")?;
        writeln!(out, "  sign_out = \"{path}\"")?;
    }
    for path in preset.program_paths {
        writeln!(
            out,
            "\n  # Programs sign in to the application itself here; leave this out if there are none."
        )?;
        writeln!(out, "  [[app.rule]]\n  path = \"{path}\"\n  allow = \"anyone\"")?;
    }
    if !preset.setup.is_empty() {
        writeln!(out, "\nIn the application:\n")?;
        for line in preset.setup.lines() {
            writeln!(out, "  {line}")?;
        }
    }
    if !preset.note.is_empty() {
        writeln!(out, "\n{}", preset.note)?;
    }
    Ok(())
}

fn print_json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

impl From<&Preset> for PresetJson {
    fn from(preset: &Preset) -> Self {
        let header = |(name, value): (HeaderName, IdentityValue)| HeaderJson {
            name: name.to_string(),
            value: value.to_string(),
        };
        Self {
            name: preset.name,
            title: preset.title,
            headers: preset.headers().into_headers().into_iter().map(header).collect(),
            program_paths: preset.program_paths,
            sign_out: preset.sign_out,
            setup: preset.setup,
            note: preset.note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_with(command: PresetCommand) -> Result<String, PresetError> {
        let mut out = Vec::new();
        run(&PresetArgs { command }, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn show(name: &str, json: bool) -> Result<String, PresetError> {
        run_with(PresetCommand::Show { name: name.to_owned(), json })
    }

    #[test]
    fn a_preset_is_shown_with_its_headers_and_the_lines_of_the_application() {
        let text = show("grafana", false).unwrap();
        for part in ["x-webauth-user", "user name", "identity = \"grafana\"", "header_name = X-WEBAUTH-USER"]
        {
            assert!(text.contains(part), "{part}:\n{text}");
        }
        let text = show("navidrome", false).unwrap();
        assert!(text.contains("path = \"/rest/**\"") && text.contains("administrator"), "{text}");
        let text = show("buildbot", false).unwrap();
        assert!(text.contains("\n  sign_out = \"/auth/logout\"\n"), "{text}");
        assert!(show("none", false).unwrap().contains("no headers about the user"));
        let shown: serde_json::Value = serde_json::from_str(&show("jenkins", true).unwrap()).unwrap();
        assert_eq!(shown["headers"][3]["name"], "x-forwarded-groups");
        assert_eq!(shown["headers"][3]["value"], "groups, separated by `|`");
    }

    #[test]
    fn every_preset_is_listed() {
        let [text, json] = [false, true].map(|json| run_with(PresetCommand::List { json }).unwrap());
        let listed: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(listed.len(), Preset::all().len());
        for preset in Preset::all() {
            assert!(text.lines().any(|line| line.starts_with(preset.name)), "{}", preset.name);
        }
    }

    #[test]
    fn an_unknown_preset_is_refused_with_a_hint() {
        let message = |name| show(name, false).unwrap_err().to_string();
        assert_eq!(message("grafanna"), "there is no preset \"grafanna\"; did you mean \"grafana\"?");
        assert!(message("zzzzzzzz").contains("preset list"));
    }
}
