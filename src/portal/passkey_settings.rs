//! The settings of passkeys: `[accounts.passkeys]` of the configuration.

use super::AuthenticatorNames;
use crate::{
    auth::webauthn::{RelyingParty, UserVerification},
    request::Ports,
};

/// The settings of passkeys, as of the last reload. They are there only if every host on which people sign in can have
/// passkeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeySettings {
    /// The name that passkeys are bound to.
    pub rp_id: Box<str>,
    /// The hosts on which people sign in.
    pub hosts: Vec<Box<str>>,
    /// Hosts among them that are neither the name nor below it.
    pub related_hosts: Vec<Box<str>>,
    /// Whether a passkey alone signs in.
    pub first_factor: bool,
    /// The names of passkeys to which their owner has given none.
    pub authenticators: AuthenticatorNames,
}

impl PasskeySettings {
    /// The relying party at a gateway that is reached at these ports. The origins are made of the configuration: a client
    /// could name any other in `Host`.
    pub(super) fn party(&self, ports: Ports) -> RelyingParty {
        let origins = self.hosts.iter().flat_map(|host| {
            let known = [Some(443), ports.public, Some(ports.listener)];
            known.into_iter().flatten().map(move |port| origin(host, port))
        });
        RelyingParty::new(self.rp_id.clone(), origins)
    }

    /// The origins of related hosts, as browsers reach them.
    pub(super) fn related_origins(&self, ports: Ports) -> impl Iterator<Item = Box<str>> {
        let port = ports.public.unwrap_or(ports.listener);
        self.related_hosts.iter().map(move |host| origin(host, port))
    }

    /// Whether people sign in on this host.
    pub(super) fn serve(&self, host: &str) -> bool {
        self.hosts.iter().any(|served| **served == *host)
    }

    /// The abilities that a new passkey needs: one that signs in alone has to verify the person.
    pub(super) fn verification_at_enrolment(&self) -> UserVerification {
        if self.first_factor { UserVerification::Required } else { UserVerification::Preferred }
    }
}

/// An origin as browsers write it (RFC 6454 §6.1).
pub(super) fn origin(host: &str, port: u16) -> Box<str> {
    if port == 443 { format!("https://{host}").into() } else { format!("https://{host}:{port}").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_those_of_the_configured_hosts_at_the_ports_of_the_gateway() {
        let settings = PasskeySettings {
            rp_id: "example.com".into(),
            hosts: vec!["a.example.com".into(), "b.example.net".into()],
            related_hosts: vec!["b.example.net".into()],
            first_factor: false,
            authenticators: AuthenticatorNames::default(),
        };
        let party = settings.party(Ports { listener: 8443, public: None });
        assert_eq!(
            party.origins().collect::<Vec<_>>(),
            [
                "https://a.example.com",
                "https://a.example.com:8443",
                "https://b.example.net",
                "https://b.example.net:8443"
            ]
        );
        let related = |public| {
            settings.related_origins(Ports { listener: 8443, public }).map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(related(None), ["https://b.example.net:8443"]);
        assert_eq!(related(Some(443)), ["https://b.example.net"]);
    }
}
