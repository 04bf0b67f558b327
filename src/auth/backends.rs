//! The backends of a configuration, ready for use.
//!
//! `assembly` makes them at the start and at each reload; a request finds them in its snapshot. A reload keeps each one
//! whose settings have not changed, with its connections and what it has learnt, and ends the others when the last
//! request with the snapshot before is done.

use std::{io, sync::Arc, time::Duration};

use super::{
    BackendSettings,
    ldap::{Ldap, LdapPool, LdapSettings, Refresh},
    oidc::{OidcSettings, Provider, ProviderThread},
};
use crate::{clock::Clock, users::Directory};

/// The backends in the configured order.
#[derive(Clone, Debug, Default)]
pub struct Backends {
    has_local: bool,
    directories: Vec<Arc<LdapDirectory>>,
    providers: Vec<Arc<Provider>>,
    /// Started with the first provider, and kept.
    provider_thread: Option<Arc<ProviderThread>>,
}

/// A directory, and the refresh of those who are signed in through it. Both end with the last reference.
#[derive(Debug)]
struct LdapDirectory {
    ldap: Arc<Ldap>,
    _refresh: Refresh,
}

/// The parts of the gateway that backends use.
#[derive(Clone, Copy, Debug)]
pub struct BackendSurroundings<'a> {
    /// The source of the time.
    pub clock: &'a Clock,
    /// The accounts that the backends' users belong to.
    pub directory: &'a Arc<Directory>,
    /// The longest time for which a session lasts.
    pub sessions_last: Duration,
    /// Whether users may come in by a client certificate.
    pub takes_certificates: bool,
}

impl Backends {
    /// Makes the backends of a configuration. Those that `former` has with equal settings are kept.
    pub fn open(
        settings: &[BackendSettings],
        surroundings: BackendSurroundings<'_>,
        former: &Self,
    ) -> io::Result<Self> {
        let mut backends = Self { provider_thread: former.provider_thread.clone(), ..Self::default() };
        for backend in settings {
            match backend {
                BackendSettings::Local => backends.has_local = true,
                BackendSettings::Ldap(settings) => {
                    let directory = LdapDirectory::open(settings, surroundings, former)?;
                    backends.directories.push(directory);
                }
                BackendSettings::Oidc(settings) => {
                    let kept = former.providers.iter().find(|provider| *provider.settings() == **settings);
                    let provider = if let Some(provider) = kept {
                        Arc::clone(provider)
                    } else {
                        let thread = backends.provider_thread()?;
                        let provider =
                            Provider::new(OidcSettings::clone(settings), thread, surroundings.clock.clone());
                        provider.prepare();
                        provider
                    };
                    backends.providers.push(provider);
                }
            }
        }
        Ok(backends)
    }

    /// The gateway's own directory alone.
    pub fn local() -> Self {
        Self { has_local: true, ..Self::default() }
    }

    /// Whether passwords of the gateway's own directory let anybody in.
    pub fn has_local(&self) -> bool {
        self.has_local
    }

    /// Whether somebody without a password of the gateway's own directory may come in.
    pub fn has_others(&self) -> bool {
        !self.directories.is_empty() || !self.providers.is_empty()
    }

    /// The directories, in the configured order.
    pub fn directories(&self) -> impl Iterator<Item = &Arc<Ldap>> {
        self.directories.iter().map(|directory| &directory.ldap)
    }

    /// The providers, in the configured order.
    pub fn providers(&self) -> &[Arc<Provider>] {
        &self.providers
    }

    /// The provider, if it is the only way to sign in.
    pub fn only_provider(&self) -> Option<&Arc<Provider>> {
        match self.providers.as_slice() {
            [provider] if !self.check_passwords() => Some(provider),
            _ => None,
        }
    }

    /// Whether any backend checks passwords.
    pub fn check_passwords(&self) -> bool {
        self.has_local || !self.directories.is_empty()
    }

    /// The provider with this name.
    pub fn provider(&self, name: &str) -> Option<&Arc<Provider>> {
        self.providers.iter().find(|provider| provider.settings().name.as_str() == name)
    }

    fn provider_thread(&mut self) -> io::Result<Arc<ProviderThread>> {
        match &self.provider_thread {
            Some(thread) => Ok(Arc::clone(thread)),
            None => Ok(Arc::clone(self.provider_thread.insert(ProviderThread::start()?))),
        }
    }
}

impl LdapDirectory {
    /// The directory of `former` with the same settings, or a new one.
    fn open(
        settings: &LdapSettings,
        surroundings: BackendSurroundings<'_>,
        former: &Backends,
    ) -> io::Result<Arc<Self>> {
        let BackendSurroundings { clock, directory, sessions_last, takes_certificates } = surroundings;
        let kept = former.directories.iter().find(|former| former.ldap.settings() == settings);
        if let Some(kept) = kept {
            kept.ldap.set_ways_in(sessions_last, takes_certificates);
            return Ok(Arc::clone(kept));
        }
        let pool = LdapPool::start(settings.name.as_str(), settings.connection.clone())?;
        let ldap = Ldap::new(settings.clone(), pool, clock.clone());
        ldap.set_ways_in(sessions_last, takes_certificates);
        let refresh = Refresh::start(&ldap, Arc::clone(directory))?;
        Ok(Arc::new(Self { ldap, _refresh: refresh }))
    }
}
