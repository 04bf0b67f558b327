//! Sign-in through providers: the pages `/.gateway/oidc/NAME/…`, and the attempts behind them.
//!
//! [`auth::oidc`](crate::auth::oidc) talks to the provider and checks what comes back; this module remembers which browser
//! has started which attempt, opens the session for the result, and ends sessions when the provider says so. A provider
//! signs in exactly the browser that started the attempt, once.

mod attempt;
mod attempt_cookies;
mod backchannel;
mod callback;
mod ended_sign_in;
mod outcome;
mod provider_page;
mod sign_out;
mod start;

pub(super) use outcome::start_link;
pub(super) use provider_page::{ProviderPage, ProviderStep, path as page_path};
pub(super) use start::provider_of;
