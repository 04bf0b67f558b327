//! How often somebody may guess a password.
//!
//! Every entrance at which a password is checked asks for an [`Attempt`] first, and tells it how it ended. An attempt
//! whose check has begun counts, whether or not anybody waits for the verdict. Failures are counted per account, whatever was typed to name it, and per address; names that nobody has are counted as if
//! they were accounts, so that nothing tells the two apart. A browser in which the user has signed in before, which
//! its device cookie proves, has a budget of its own in place of both, so that nobody is locked out by a stranger.
//! Past the budget there are waits that grow (`counter`); while one lasts no password is looked at, not even the
//! right one.
//!
//! The counters are in memory, bounded (`counter_table`), and behind it in `throttle.db` (`disk`); with several gateways
//! they are in Redis (`redis`), and in memory while Redis does not answer. Nothing here is on the path of somebody
//! who is signed in.

mod attempt;
mod counter;
mod counter_table;
mod device;
mod disk;
mod key;
mod limits;
mod records;
mod redis;
#[expect(clippy::module_inception, reason = "the noun of this module is that of the folder")]
mod throttle;

pub use attempt::{Attempt, Blocked};
pub use device::{DEVICE_KEPT, SecretError};
pub use key::{DeviceId, NameDigest, Network, ThrottleKey};
pub use limits::ThrottleLimits;
pub use records::{Listed, Selection, ThrottleRecords};
pub use throttle::{Guess, Throttle, ThrottleError, ThrottleFiles, Wait, Whose};
