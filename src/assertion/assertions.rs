//! The service that signs assertions with the keys of a folder.

use std::{
    rc::Rc,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::Duration,
};

use arc_swap::ArcSwapOption;
use http::{HeaderValue, header::AUTHORIZATION};

use super::{
    cache::{AssertionCache, AssertionFields, Basis, EntryKey},
    claims::{Asserted, SessionEnd},
    key_folder::{AssertionKeyError, KeyFolder, KeyFolderSettings},
    settings::AssertionSettings,
    token,
};
use crate::clock::{Clock, Timestamp};

/// Signs assertions; one for the process.
#[derive(Debug)]
pub struct Assertions {
    clock: Clock,
    /// `None`: no app wants any.
    folder: ArcSwapOption<KeyFolder>,
    /// Held while the folder is read again.
    reading: Mutex<()>,
}

/// No assertion can be made: there is no key, or no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an assertion could not be signed")]
pub struct AssertionError;

impl Assertions {
    /// A service without keys.
    pub fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, folder: ArcSwapOption::empty(), reading: Mutex::new(()) })
    }

    /// Starts the thread that looks for keys of other gateways, and makes the next key in time.
    pub fn follow_folder(self: &Arc<Self>) -> std::io::Result<()> {
        let this = Arc::downgrade(self);
        let follow = move || {
            loop {
                thread::sleep(READ_EVERY);
                let Some(this) = Weak::upgrade(&this) else { return };
                this.read_folder();
            }
        };
        thread::Builder::new().name("assertion-keys".into()).spawn(follow).map(drop)
    }

    /// Uses the keys of this folder from now on; `None`: no app wants an assertion.
    pub fn use_folder(&self, settings: Option<KeyFolderSettings>) -> Result<(), AssertionKeyError> {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let folder = match (settings, &*self.folder.load()) {
            (None, _) => None,
            (Some(settings), Some(folder)) if *folder.settings() == settings => Some(folder.renewed(now)?),
            (Some(settings), _) => Some(KeyFolder::open(settings, now)?),
        };
        self.folder.store(folder.map(Arc::new));
        Ok(())
    }

    /// Reads the folder again. While that fails, the keys that were read before stay in use.
    pub fn read_folder(&self) {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(folder) = self.folder.load_full() else { return };
        match folder.renewed(self.clock.now()) {
            Ok(renewed) => self.folder.store(Some(Arc::new(renewed))),
            Err(error) => tracing::error!(%error, "keys of assertions not read"),
        }
    }

    /// The public keys, as JSON; `None`: no app wants an assertion.
    pub fn jwks(&self) -> Option<String> {
        let folder = self.folder.load();
        folder.as_ref().map(|folder| folder.keys().jwks(self.clock.now()).to_string())
    }

    /// The header fields with the assertion about the sender of a request to app number `app`.
    pub fn fields(
        &self,
        cache: &AssertionCache,
        (app, settings): (usize, &Arc<AssertionSettings>),
        asserted: &Asserted<'_>,
        now: Timestamp,
    ) -> Result<AssertionFields, AssertionError> {
        let folder = self.folder.load();
        let key = folder.as_ref().and_then(|folder| folder.keys().signing(now)).ok_or(AssertionError)?;
        let basis = Basis {
            account: Arc::clone(asserted.account),
            proofs: *asserted.proofs,
            settings: Arc::clone(settings),
            key: Arc::clone(key),
        };
        let entry = EntryKey {
            session: asserted.session.map(|session| session.key),
            user: asserted.account.user.id,
            app,
        };
        if let Some(fields) = cache.find(&entry, &basis, now) {
            return Ok(fields);
        }
        let claims = asserted.claims(settings, now).ok_or(AssertionError)?;
        let token = token::sign(key, "JWT", &claims).ok_or(AssertionError)?;
        let mut fields = vec![(settings.header.clone(), sensitive(&token)?)];
        if settings.bearer {
            fields.push((AUTHORIZATION, sensitive(&format!("Bearer {token}"))?));
        }
        let fields = Rc::from(fields);
        cache.insert(entry, basis, &fields, now);
        Ok(fields)
    }

    /// The token that tells an app of the end of a sign-in.
    pub fn logout_token(
        &self,
        settings: &AssertionSettings,
        end: &SessionEnd,
    ) -> Result<String, AssertionError> {
        let (folder, now) = (self.folder.load(), self.clock.now());
        let key = folder.as_ref().and_then(|folder| folder.keys().signing(now)).ok_or(AssertionError)?;
        let claims = end.claims(settings, now).ok_or(AssertionError)?;
        token::sign(key, "logout+jwt", &claims).ok_or(AssertionError)
    }
}

fn sensitive(text: &str) -> Result<HeaderValue, AssertionError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| AssertionError)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Well below the time for which a new key is published before it signs.
const READ_EVERY: Duration = Duration::from_secs(10);
