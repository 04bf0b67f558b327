//! The record of one request, from which its entry in the access log is written.
//!
//! The steps of the walk fill it in. The entry is written when the record is dropped: the response has ended then, or the
//! client has disconnected.

use std::{net::IpAddr, rc::Rc, sync::Arc, time::Duration};

use http::{Method, Request, Uri};
use tokio::time::Instant;

use super::{Connection, Gateway, csrf_check::ShieldResult, slots::Slots};
use crate::{
    access::{Outcome, Unenforced},
    clock::Timestamp,
    forward::BodyError,
    identity::Identity,
    request::{Authority, RequestBody, RequestId, Target},
    telemetry::{AccessLog, AccessRecord, Counters, Ended, UnenforcedRecord},
};

/// The access log and the counters of a worker; each record has a share in them.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) log: Option<Rc<AccessLog>>,
    pub(super) counters: Arc<Counters>,
}

/// The record of one request.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: RequestId,
    pub(super) peer_addr: IpAddr,
    method: Method,
    /// When its head was read.
    pub(super) time: Timestamp,
    started: Instant,
    pub(super) target: Option<Rc<Target>>,
    /// In place of the target, if the request has none that can be read.
    pub(super) unread_uri: Option<Uri>,
    /// The same.
    pub(super) unread_host: Option<Authority>,
    /// Why it was refused.
    pub(super) reason: Option<&'static str>,
    pub(super) app: Option<Arc<str>>,
    pub(super) caller: Identity,
    pub(super) unenforced: Option<Unenforced>,
    pub(super) shield: Option<ShieldResult>,
    pub(super) upstream_time: Option<Duration>,
    pub(super) status: u16,
    /// Bytes of the response's body that were sent.
    pub(super) bytes: u64,
    /// Held until the response has ended.
    pub(super) slots: Option<Slots>,
    /// Why the response's body did not come to its end.
    ended: Option<Ended>,
    recorder: Rc<Recorder>,
}

impl Gateway {
    pub(super) fn begin_record(
        &self,
        request: &Request<RequestBody>,
        connection: &Connection,
    ) -> Box<Record> {
        Box::new(Record {
            id: self.ids.next(),
            peer_addr: connection.peer_addr,
            method: request.method().clone(),
            time: self.shared.clock.now(),
            started: Instant::now(),
            target: None,
            unread_uri: None,
            unread_host: None,
            reason: None,
            app: None,
            caller: Identity::Anonymous,
            unenforced: None,
            shield: None,
            upstream_time: None,
            status: CLIENT_CLOSED_REQUEST,
            bytes: 0,
            slots: None,
            ended: None,
            recorder: Rc::clone(&self.recorder),
        })
    }
}

impl Record {
    /// The response's body ended early, after its head was sent.
    pub(super) fn body_failed(&mut self, error: BodyError) {
        let ended = match error {
            BodyError::Stalled => Ended::Stalled,
            BodyError::Broken => Ended::Broken,
            BodyError::Cancelled | BodyError::TooLarge | BodyError::NotCollected | BodyError::TooSlow => {
                Ended::Cancelled
            }
        };
        self.ended = Some(ended);
        if ended != Ended::Cancelled {
            let app = self.app.as_deref().unwrap_or_default();
            self.recorder.counters.unfinished(app, ended.as_str());
        }
    }

    /// The client disconnected before the response's body had ended.
    pub(super) fn body_unread(&mut self) {
        self.ended.get_or_insert(Ended::Unread);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        let app = self.app.as_deref();
        self.recorder.counters.responded(app, self.status, duration, self.upstream_time);
        let Some(log) = &self.recorder.log else { return };
        let (client, host, path) = match &self.target {
            Some(target) => (target.client_addr.known(), target.authority.as_str(), target.path.as_str()),
            None => (
                Some(self.peer_addr),
                self.unread_host.as_ref().map_or("", Authority::as_str),
                self.unread_uri.as_ref().map_or("", Uri::path),
            ),
        };
        let rule = self.unenforced.as_ref().map(|unenforced| unenforced.place.to_string());
        log.record(&AccessRecord {
            time: self.time,
            id: self.id.as_bytes(),
            client,
            method: self.method.as_str(),
            host,
            path,
            status: self.status,
            bytes: self.bytes,
            duration,
            upstream_time: self.upstream_time,
            app,
            user: self.caller.user().map(|user| user.name.as_str()),
            unenforced: self.unenforced.as_ref().zip(rule.as_deref()).map(|(unenforced, rule)| {
                let outcome = match unenforced.outcome {
                    Outcome::Allow => "allow",
                    Outcome::StepUp(_) => "confirm",
                    Outcome::Challenge => "sign-in",
                    Outcome::Deny => "forbidden",
                };
                UnenforcedRecord { outcome, rule }
            }),
            reason: self.reason,
            shield: self.shield.map(ShieldResult::as_str),
            ended: self.ended,
        });
    }
}

/// The status of a request whose client disconnected before the response; it is logged and never sent.
const CLIENT_CLOSED_REQUEST: u16 = 499;
