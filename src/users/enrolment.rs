//! The enrolment of an authenticator app: a secret is shown, and becomes a factor by a right code of it.
//!
//! The secret that is shown lies nowhere in between. It travels in a hidden field of the form, sealed for the account, for
//! the session, and for a short time.

use std::sync::Arc;

use super::{Account, FactorId, RecoveryCodes, TotpSecret};

/// A secret that is shown to be enrolled.
#[derive(Debug)]
pub struct TotpEnrolment {
    /// The secret.
    pub secret: TotpSecret,
    /// The secret for the hidden field of the form.
    pub sealed: String,
}

/// A new factor.
#[derive(Debug)]
pub struct Enrolled<A = Account> {
    /// The account, as it is afterwards.
    pub account: A,
    /// The factor.
    pub factor: FactorId,
    /// The recovery codes that come with the first factor of an account.
    pub codes: Option<RecoveryCodes>,
}

impl Enrolled<Arc<Account>> {
    /// The name of the factor.
    pub fn name(&self) -> &str {
        let factor = self.account.factors.iter().find(|factor| factor.id == self.factor);
        factor.map_or("", |factor| &factor.name)
    }
}

/// Why no factor was added. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEnrolled {
    /// The secret was shown too long ago, or to somebody else, or is none.
    Expired,
    /// The code is not one of the secret, now.
    WrongCode,
    /// The secret is a factor of the account already.
    AlreadyAdded,
    /// The name of the new factor cannot be used.
    WrongName,
    /// The account has as many factors as an account may have.
    TooMany,
    /// It had to be the first factor, and the account has one.
    NotFirst,
}

/// The factors that an account may have before it gets another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorsBefore {
    /// Any.
    Any,
    /// None: who adds the first one during a sign-in has proved only a password. Mallory, who knows Alice's, must not add
    /// one after Alice has.
    None,
}
