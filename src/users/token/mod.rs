//! API tokens: secrets by which programs act for a user.
//!
//! A token's text has a fixed prefix, the numbers of its owner and of itself, 256 random bits, and a checksum, so that
//! scanners for leaked secrets find it and tell it from a typing error. [`ApiToken`] is the secret; it is shown once.
//! [`StoredToken`] is the part of the [`Account`](super::Account) that knows the token by the hash of its secret. Since the
//! account is cached as a whole, a token lives exactly as long as the account and its own entry say, on every gateway.
//!
//! Whether a request may use a token is decided by [`Account::program`](super::Account::program); whether it lies in the
//! token's scope, by the access rules.

mod checksum;
mod secret;
mod stored;

pub use secret::{ApiToken, PresentedToken, TokenHash, TokenId};
pub use stored::{InvalidToken, LastUse, NewToken, StoredToken, TokenLimits};
