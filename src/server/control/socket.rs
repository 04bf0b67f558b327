//! The socket of the control service: `control.sock` in the state folder.
//!
//! Gateways that share a state folder have a socket each: `control-2.sock` and so on. Only the gateway's own user and root may
//! connect: the socket's mode is 0600, and `service` asks the kernel for the peer's user.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

/// The socket, bound; its file is removed when this is dropped.
#[derive(Debug)]
pub(super) struct ControlSocket {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// The user that may connect besides root.
    pub(super) owner: u32,
}

/// Whether another gateway may have the same state folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFolder {
    /// No other may: each would have sessions of its own.
    OwnAlone,
    /// Others may.
    Shared,
}

/// The control socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Another gateway accepts connections on it.
    #[error(
        "another gateway runs with this state folder and answers on {}; stop it, or name another folder with `state`",
        .0.display()
    )]
    Taken(PathBuf),
    /// The system refused.
    #[error("making the control socket {}", .path.display())]
    Bind {
        /// Where.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The paths of the sockets of all gateways that may share a state folder.
pub fn control_sockets(first: &Path) -> impl Iterator<Item = PathBuf> {
    let numbered = (2..=MOST_GATEWAYS).map(|number| first.with_file_name(format!("control-{number}.sock")));
    std::iter::once(first.to_owned()).chain(numbered)
}

impl ControlSocket {
    /// Binds the socket. The file of a gateway that was killed is replaced; a socket on which another gateway listens is
    /// not.
    pub(super) fn bind(first: &Path, folder: StateFolder) -> Result<Self, ControlError> {
        let failed = |source| ControlError::Bind { path: first.to_owned(), source };
        // Under another name, until its mode keeps others out.
        let making = first.with_extension(format!("{}", std::process::id()));
        match fs::remove_file(&making) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&making).map_err(failed)?;
        let made_private = || {
            fs::set_permissions(&making, fs::Permissions::from_mode(0o600))?;
            let owner = fs::symlink_metadata(&making)?.uid();
            listener.set_nonblocking(true)?;
            let most = if folder == StateFolder::Shared { MOST_GATEWAYS } else { 1 };
            for path in control_sockets(first).take(most) {
                if take(&making, &path)? {
                    return Ok(Some((owner, path)));
                }
            }
            Ok(None)
        };
        let taken = made_private().map_err(failed);
        fs::remove_file(&making).ok();
        let (owner, path) = taken?.ok_or_else(|| ControlError::Taken(first.to_owned()))?;
        Ok(Self { listener, path, owner })
    }
}

/// Gives the socket this name, unless another gateway listens there.
fn take(making: &Path, path: &Path) -> io::Result<bool> {
    match UnixStream::connect(path) {
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
        Err(error) => return Err(error),
    }
    match fs::hard_link(making, path) {
        Ok(()) => Ok(true),
        // Another gateway was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

impl Drop for ControlSocket {
    /// Before the socket is closed: once connections are refused, the next gateway replaces the file, and this must not
    /// remove that one.
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

/// Gateways with one state folder, on one machine.
const MOST_GATEWAYS: usize = 64;
