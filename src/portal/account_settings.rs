//! The settings of accounts: `[accounts]` of the configuration.

use super::{PasskeySettings, Registration};
use crate::identity::{GroupName, User};

/// The settings of accounts, as of the last reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSettings {
    /// Whether people have second factors.
    pub second_factor: SecondFactorPolicy,
    /// The groups whose members need a second factor.
    pub required_for: Vec<GroupName>,
    /// Whether superusers need a second factor.
    pub required_for_superusers: bool,
    /// The people who may register.
    pub registration: Registration,
    /// Passkeys; `None`: there are none.
    pub passkeys: Option<PasskeySettings>,
}

/// Whether people have second factors. An account that has one is asked for it, whatever the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondFactorPolicy {
    /// No factor can be added.
    Off,
    /// Each person may add some.
    #[default]
    Optional,
    /// Each person needs one.
    Required,
}

impl AccountSettings {
    /// Whether this user needs a second factor.
    pub fn require_second_factor(&self, user: &User) -> bool {
        match self.second_factor {
            SecondFactorPolicy::Off => false,
            SecondFactorPolicy::Optional => {
                let is_member = self.required_for.iter().any(|group| user.groups.contains(group));
                is_member || (self.required_for_superusers && user.superuser)
            }
            SecondFactorPolicy::Required => true,
        }
    }
}
