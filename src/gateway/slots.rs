//! The slots in flight that a request takes: one of its client, one of its app.

use std::time::Duration;

use super::{Result, Walk};
use crate::{
    in_flight::{Counted, Slot},
    refusal::Refusal,
    snapshot::AppSettings,
    telemetry::Limit,
};

/// Held until the response has ended.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "they are held")]
pub(super) struct Slots {
    /// `None`: the client may have any number.
    client: Option<Slot>,
    app: Slot,
}

impl Walk<'_> {
    /// Takes slots for one more request of this client to this app.
    pub(super) async fn take_slots(&self, app: &AppSettings) -> Result<Slots> {
        let (connection, snapshot) = (self.connection, self.snapshot);
        let target = self.record.target.as_ref();
        let addr = target.map_or(connection.peer_addr, |target| target.client_addr.or_proxy());
        let counted = match self.record.caller.user() {
            Some(user) => Some(Counted::User(user.id)),
            // A trusted proxy brings the requests of many people.
            None if snapshot.proxies.trusts(addr) => None,
            None => Some(Counted::address(addr)),
        };
        let client = match counted {
            Some(counted) => {
                let (most, in_flight) = (connection.requests_per_address, &self.gateway.shared.in_flight);
                let slot = connection.last.load.take(counted, most, in_flight).await;
                Some(slot.ok_or_else(|| self.reached(Limit::RequestsPerAddress, OVERLOADED))?)
            }
            None => None,
        };
        let slot = app.load.take(app.forward.max_requests).await;
        Ok(Slots { client, app: slot.ok_or_else(|| self.reached(Limit::MaxRequests, OVERLOADED))? })
    }
}

const OVERLOADED: Refusal = Refusal::Overloaded { retry_after: Duration::from_secs(2) };
