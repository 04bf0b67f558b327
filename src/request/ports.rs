//! The ports at which clients reach the gateway.

use super::Authority;

/// The ports at which browsers reach the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The port of the listener that accepted the connection.
    pub listener: u16,
    /// The one that the operator has named, if it is another one.
    pub public: Option<u16>,
}

impl Ports {
    /// The address that a client asked for; with a port at which the gateway is reached, if the client named another.
    pub fn checked(self, asked: &Authority) -> Authority {
        let known = [Some(self.listener), self.public, Some(443)];
        match asked.port() {
            Some(port) if !known.contains(&Some(port)) => {
                asked.with_port(self.public.unwrap_or(self.listener))
            }
            _ => asked.clone(),
        }
    }
}
