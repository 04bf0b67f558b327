//! The context of a request that is forwarded: its app, its limits, and state of its client connection.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::{App, BodyLimits, BoundConnections, Cancellation, Facts, OwnedNames, UnsentBytes};
use crate::interim::InterimSlot;

/// Counts a request as in flight until it is dropped.
pub type InFlightGuard = Box<dyn std::any::Any>;

/// All that forwarding a request needs beside the request itself.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The app that the permit is for.
    pub app: &'a App,
    /// The names that only the gateway may send.
    pub owned: &'a Arc<OwnedNames>,
    /// Limits of the request body.
    pub limits: BodyLimits,
    /// Whether headers that name the app's software are removed from the response.
    pub hides_software: bool,
    /// Facts about the request that are not in its head.
    pub facts: Facts<'a>,
    /// The header fields with the signed assertion about the user; `None`: there is none.
    pub assertion: Option<&'a [(HeaderName, HeaderValue)]>,
    /// Makes the request cancellable when it takes long.
    pub cancellation: &'a Cancellation<'a>,
    /// Session data of this app; `None`: there is none.
    pub session_data: Option<&'a HeaderValue>,
    /// The headers in which this app receives the client's certificate; empty: it receives none.
    pub certificate: &'a [(HeaderName, HeaderValue)],
    /// Makes a guard for work that outlives the response: a tunnel, the rest of an upload.
    pub hold: &'a dyn Fn() -> InFlightGuard,
    /// Unsent bytes of the client connection; `None`: it has one response at a time.
    pub unsent: Option<&'a UnsentBytes>,
    /// Upstream connections bound to the client connection; `None`: that carries requests of many people.
    pub bound: Option<&'a BoundConnections>,
    /// Slot for interim responses; `None`: the client cannot receive any.
    pub interim: Option<&'a InterimSlot>,
}
