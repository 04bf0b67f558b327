//! The throttle: how often a password may be guessed.
//!
//! Every check of a password asks for an [`Attempt`] first, and settles it with the outcome. An attempt whose check has
//! started counts, whether or not a request waits for the verdict. Failures are counted per account and per address;
//! names that no user has are counted as if they were accounts, so that the two look the same. A browser in which the user
//! has signed in before, which its device cookie proves, has a budget of its own in place of both: Mallory, who guesses at
//! Alice's password, does not lock Alice out. Past the budget there are growing waits (`counter`), in which no password is
//! looked at, not even the right one.
//!
//! The counters are in memory, in a table of bounded size (`counter_table`), and behind it in `throttle.db` (`disk`); with
//! several gateways they are in Redis (`redis`), and in memory while Redis does not answer. Requests of users who are
//! signed in do not get here. Passwords are checked elsewhere.

mod attempt;
mod counter;
mod counter_table;
mod counters;
mod device;
mod disk;
mod key;
mod limits;
mod records;
mod redis;
#[expect(clippy::module_inception, reason = "the noun of this module is that of the folder")]
mod throttle;

pub use attempt::{Attempt, Blocked};
pub use device::{DEVICE_KEPT, MARK_BYTES, SecretError};
pub use key::{DeviceId, NameDigest, Network, ThrottleKey};
pub use limits::ThrottleLimits;
pub use records::{Listed, Selection, ThrottleRecords};
pub use throttle::{AttemptedAccount, PasswordAttempt, Throttle, ThrottleError, ThrottleFiles, Wait};
