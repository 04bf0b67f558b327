//! The backends of a configuration, ready for use.
//!
//! `assembly` makes them at the start and at each reload; a request finds them in its snapshot. A reload keeps each one
//! whose settings have not changed, with its connections and what it has learnt, and ends the others when the last
//! request with the snapshot before is done.

use std::{io, sync::Arc};

use super::{
    BackendSettings,
    oidc::{OidcSettings, Provider, ProviderThread},
};
use crate::clock::Clock;

/// The backends in the configured order.
#[derive(Clone, Debug, Default)]
pub struct Backends {
    has_local: bool,
    providers: Vec<Arc<Provider>>,
    /// Started with the first provider, and kept.
    provider_thread: Option<Arc<ProviderThread>>,
}

impl Backends {
    /// Makes the backends of a configuration. Those that `former` has with equal settings are kept.
    pub fn open(settings: &[BackendSettings], clock: &Clock, former: &Self) -> io::Result<Self> {
        let mut backends = Self { provider_thread: former.provider_thread.clone(), ..Self::default() };
        for backend in settings {
            match backend {
                BackendSettings::Local => backends.has_local = true,
                BackendSettings::Oidc(settings) => {
                    let kept = former.providers.iter().find(|provider| *provider.settings() == **settings);
                    let provider = match kept {
                        Some(provider) => Arc::clone(provider),
                        None => {
                            let thread = backends.provider_thread()?;
                            Provider::new(OidcSettings::clone(settings), thread, clock.clone())
                        }
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
        self.has_local
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
