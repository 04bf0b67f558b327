//! The cookies that bind attempts to the browser that started them: one for each attempt, at most five.

use std::time::Duration;

use http::{HeaderMap, header::SET_COOKIE};

use super::attempt::mark;
use crate::{
    clock::Timestamp,
    session::{
        OneTimeCode,
        cookie::{self, CookieNames, Keep},
    },
};

/// How long a browser has for coming back from a provider.
pub(super) const ATTEMPT_LIFETIME: Duration = Duration::from_mins(10);

/// Gives the browser the cookie of an attempt. If it has five already, the oldest ones are removed.
pub(super) fn add(
    names: &CookieNames,
    request: &HeaderMap,
    (state, code): (&str, &OneTimeCode),
    now: Timestamp,
    response: &mut HeaderMap,
) {
    let mut others: Vec<(i64, String)> = cookie::with_prefix(request, &names.attempt(""))
        .filter_map(|(mark, value)| Some((started(value)?, mark.to_owned())))
        .collect();
    others.sort();
    let too_many = (others.len() + 1).saturating_sub(MAX_ATTEMPTS);
    for (_, mark) in others.into_iter().take(too_many) {
        response.append(SET_COOKIE, cookie::write(&names.attempt(&mark), "", Keep::Forget));
    }
    let value = format!("{}.{}", code.to_text().as_str(), now.as_millis());
    let name = names.attempt(&mark(state));
    response.append(SET_COOKIE, cookie::write(&name, &value, Keep::For(ATTEMPT_LIFETIME)));
}

/// The code of the attempt with this state, if this browser has started it.
pub(super) fn find(names: &CookieNames, request: &HeaderMap, state: &str) -> Option<OneTimeCode> {
    let value = cookie::find(request, &names.attempt(&mark(state)))?;
    let dot = value.iter().position(|byte| *byte == b'.')?;
    OneTimeCode::parse(value.get(..dot)?)
}

/// Removes the cookie of an attempt.
pub(super) fn forget(names: &CookieNames, state: &str, response: &mut HeaderMap) {
    response.append(SET_COOKIE, cookie::write(&names.attempt(&mark(state)), "", Keep::Forget));
}

/// When the attempt of a cookie was started; for choosing the oldest one and nothing else.
fn started(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?;
    text.split_once('.')?.1.parse().ok()
}

const MAX_ATTEMPTS: usize = 5;
