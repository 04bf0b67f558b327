//! Files with one secret in one line, as `client_secret_file` names them.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

use zeroize::Zeroizing;

use super::{
    error::system_error,
    reader::{Field, Reader},
};

/// The secret in the file that a key names, without the end of its line. No message repeats it.
pub(super) fn read(reader: &Reader, field: &Field<'_>, folder: &Path) -> Option<Zeroizing<String>> {
    let path = reader.path(field, folder)?;
    let span = field.value.span();
    let refuse = |problem: String, help: &str| {
        reader.report(reader.error(&span, problem).help(help));
        None
    };
    let (text, mode) = match text_and_mode(&path) {
        Ok(read) => read,
        Err(error) => {
            let problem = format!("cannot read {}: {}", path.display(), system_error(&error));
            return refuse(
                problem,
                "name a file that the gateway's user can read, with the secret in one line",
            );
        }
    };
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() || line.len() > MAX_BYTES || line.chars().any(char::is_control) {
        let problem = format!("{} holds no secret", path.display());
        return refuse(problem, "write the secret into it, in one line");
    }
    if mode & 0o007 != 0 {
        let message = format!("every user of this machine can read {}", path.display());
        let warning = reader.warning(&span, message).help("let only the gateway read it: `chmod 600`");
        reader.report(warning);
    }
    Some(Zeroizing::new(line.to_owned()))
}

fn text_and_mode(path: &Path) -> io::Result<(Zeroizing<String>, u32)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.mode();
    // Full capacity from the start: a buffer that grows leaves an unwiped copy behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES + 3));
    file.take(MAX_BYTES as u64 + 3).read_to_string(&mut text)?;
    Ok((text, mode))
}

const MAX_BYTES: usize = 4096;
