//! Pages that use up what they show: they are for navigations of a whole window alone.

use http::Method;

use super::PageRequest;
use crate::refusal::{Refusal, Representation};

/// Refuses what is no navigation of a whole window with GET: codes are for those alone.
pub(super) fn navigates(request: &PageRequest<'_>) -> Result<(), Refusal> {
    if *request.method != Method::GET {
        return Err(Refusal::MethodNotAllowed("GET"));
    }
    match Representation::of(request.method, request.headers) {
        Representation::Page => Ok(()),
        Representation::Frame => Err(Refusal::Framed),
        Representation::Problem => Err(Refusal::SignIn),
    }
}
