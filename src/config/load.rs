//! Reading a file or a text into a [`Configuration`].

use std::{path::Path, sync::Arc};

use super::{
    configuration::{self, Configuration},
    diagnostic::Diagnostic,
    error::{ConfigError, system_error},
    reader::Reader,
    source::Source,
    syntax,
};

/// The result for a file without mistakes.
#[derive(Debug)]
pub struct Loaded {
    /// The declarations.
    pub configuration: Configuration,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a configuration file.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| not_text(path, &error))?;
    parse(&text, path).map_err(ConfigError::Invalid)
}

/// Reads a configuration from a text; relative paths start in the folder of `file`.
///
/// The error holds every mistake and every warning, in the order of the text.
pub fn parse(text: &str, file: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    let source = Arc::new(Source::new(text, file));
    let reader = Reader::new(source.clone());
    let document = syntax::document(&source, &reader);
    let configuration = configuration::read(document.get_ref(), file, &reader);
    let (diagnostics, failed) = reader.finish();
    if failed {
        return Err(diagnostics);
    }
    Ok(Loaded { configuration, warnings: diagnostics })
}

fn unreadable(path: &Path, error: &std::io::Error) -> ConfigError {
    let help = match error.kind() {
        std::io::ErrorKind::NotFound => {
            "name another with `--config FILE`, or write one; `[[app]]` and, below it, `upstream = \"http://127.0.0.1:8080\"` will do"
        }
        std::io::ErrorKind::PermissionDenied => "let the user that runs the gateway read it",
        std::io::ErrorKind::IsADirectory => "name the file in it: `--config FOLDER/gateway.toml`",
        _ => "look at the file and the disk it is on",
    };
    ConfigError::Unreadable {
        problem: format!("cannot read {}: {}", path.display(), system_error(error)),
        help: help.to_owned(),
    }
}

fn not_text(path: &Path, error: &std::string::FromUtf8Error) -> ConfigError {
    let good = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(error.as_bytes().get(..good).unwrap_or_default());
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    ConfigError::Unreadable {
        problem: format!("cannot read {}:{line}:{column}: it is not UTF-8 text", path.display()),
        help: "save the file in the encoding UTF-8".to_owned(),
    }
}
