//! The addresses of a provider's pages: `/.gateway/oidc/NAME/start` and its neighbours.

use crate::pages::paths;

/// A page of one provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::portal) struct ProviderPage<'p> {
    /// The configured name of the provider.
    pub(in crate::portal) provider: &'p str,
    pub(in crate::portal) step: ProviderStep,
}

/// The pages that each provider has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::portal) enum ProviderStep {
    /// Sends the browser to the provider.
    Start,
    /// Where the browser comes back to.
    Callback,
    /// Connects the provider to the account that is signed in.
    Link,
    /// Where the provider itself says that a sign-in has ended.
    Logout,
    /// Where the browser comes back to after it signed out at the provider.
    SignedOut,
}

impl<'p> ProviderPage<'p> {
    /// The page with this name, which is the rest of its path after `/.gateway/`.
    pub(in crate::portal) fn named(page: &'p str) -> Option<Self> {
        let (provider, step) = page.strip_prefix("oidc/")?.split_once('/')?;
        let step = STEPS.into_iter().find(|(name, _)| *name == step).map(|(_, step)| step)?;
        (!provider.is_empty()).then_some(Self { provider, step })
    }

    /// The path in the table of pages, which stands for every provider.
    pub(in crate::portal) fn pattern(self) -> &'static str {
        match self.step {
            ProviderStep::Start => paths::OIDC_START,
            ProviderStep::Callback => paths::OIDC_CALLBACK,
            ProviderStep::Link => paths::OIDC_LINK,
            ProviderStep::Logout => paths::OIDC_LOGOUT,
            ProviderStep::SignedOut => paths::OIDC_SIGNED_OUT,
        }
    }
}

/// The path of a provider's page.
pub(in crate::portal) fn path(provider: &str, step: ProviderStep) -> String {
    let page = ProviderPage { provider, step };
    page.pattern().replacen('*', provider, 1)
}

/// The address of a provider's page on this host, as it is registered at the provider.
pub(in crate::portal) fn address(host: &str, provider: &str, step: ProviderStep) -> String {
    // The default port is never part of a registered address.
    let host = host.strip_suffix(":443").unwrap_or(host);
    format!("https://{host}{}", path(provider, step))
}

const STEPS: [(&str, ProviderStep); 5] = [
    ("start", ProviderStep::Start),
    ("callback", ProviderStep::Callback),
    ("link", ProviderStep::Link),
    ("logout", ProviderStep::Logout),
    ("signed-out", ProviderStep::SignedOut),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_a_provider_is_known_by_its_path() {
        for (_, step) in STEPS {
            let path = path("corp", step);
            let page = path.strip_prefix(paths::ROOT).unwrap();
            assert_eq!(ProviderPage::named(page), Some(ProviderPage { provider: "corp", step }), "{path}");
        }
        for page in [
            "oidc",
            "oidc/",
            "oidc/corp",
            "oidc/corp/",
            "oidc//start",
            "oidc/corp/start/",
            "oidc/a/b/start",
            "login",
        ] {
            assert_eq!(ProviderPage::named(page), None, "{page}");
        }
        let callback = "https://wiki.example.com/.gateway/oidc/corp/callback";
        assert_eq!(address("wiki.example.com:443", "corp", ProviderStep::Callback), callback);
        assert_eq!(
            address("localhost:8443", "corp", ProviderStep::Callback),
            "https://localhost:8443/.gateway/oidc/corp/callback"
        );
    }
}
