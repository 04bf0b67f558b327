//! Whether an entry may sign in, as its directory says in attributes.
//!
//! The check is the same at a sign-in and at each refresh: an account that is disabled there while its user is signed in
//! ends the sessions. A lock of some minutes after wrong passwords ends none: otherwise Mallory could sign
//! Alice out by guessing Alice's password at the directory.
//!
//! An account with a value that cannot be read is refused: the value may be the one that disables the account.

use super::{Entry, times};
use crate::clock::Timestamp;

/// An attribute that says whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateRule {
    /// Active Directory's `userAccountControl`: the bit of disabled accounts. Every user has it, so an entry without it
    /// is one that the gateway's account may not read.
    UserAccountControl,
    /// Active Directory's `accountExpires`, a time of Windows.
    AccountExpires,
    /// Active Directory's `pwdLastSet`: 0 if the password must be changed.
    PwdLastSet,
    /// OpenLDAP's password policy: `000001010000Z` if an administrator has locked the account.
    PwdAccountLockedTime,
    /// `TRUE` in this attribute: disabled.
    DisabledIfTrue(&'static str),
    /// `FALSE` in this attribute: disabled.
    DisabledIfFalse(&'static str),
    /// `TRUE` in this attribute: the password must be changed.
    MustChangeIfTrue(&'static str),
    /// A GeneralizedTime in this attribute: the end of the account.
    ExpiresAt(&'static str),
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// The user may sign in.
    Active,
    /// An administrator has disabled it.
    Disabled,
    /// Its time is over.
    Expired,
    /// The password must be changed at the directory first.
    MustChangePassword,
    /// A value cannot be read.
    Unreadable,
}

impl StateRule {
    /// The attribute.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::UserAccountControl => "userAccountControl",
            Self::AccountExpires => "accountExpires",
            Self::PwdLastSet => "pwdLastSet",
            Self::PwdAccountLockedTime => "pwdAccountLockedTime",
            Self::DisabledIfTrue(name)
            | Self::DisabledIfFalse(name)
            | Self::MustChangeIfTrue(name)
            | Self::ExpiresAt(name) => name,
        }
    }

    fn state(self, entry: &Entry, now: Timestamp) -> AccountState {
        let attribute = self.attribute();
        if entry.values(attribute).next().is_none() {
            return match self {
                Self::UserAccountControl => AccountState::Unreadable,
                _ => AccountState::Active,
            };
        }
        let Some(value) = entry.single_text(attribute) else { return AccountState::Unreadable };
        self.judge(value, now).unwrap_or(AccountState::Unreadable)
    }

    fn judge(self, value: &str, now: Timestamp) -> Option<AccountState> {
        let unless = |is_bad: bool, state| if is_bad { state } else { AccountState::Active };
        Some(match self {
            Self::UserAccountControl => {
                // A signed number of 32 bits, MS-ADTS §2.2.16.
                let flags: i32 = value.parse().ok()?;
                unless(flags & ACCOUNT_DISABLE != 0, AccountState::Disabled)
            }
            Self::AccountExpires => match times::NtTime::parse(value)? {
                times::NtTime::Never => AccountState::Active,
                times::NtTime::At(end) => unless(end <= now, AccountState::Expired),
            },
            Self::PwdLastSet => unless(value.parse::<i64>().ok()? == 0, AccountState::MustChangePassword),
            Self::PwdAccountLockedTime => unless(value == LOCKED_FOR_GOOD, AccountState::Disabled),
            Self::DisabledIfTrue(_) => unless(boolean(value)?, AccountState::Disabled),
            Self::DisabledIfFalse(_) => unless(!boolean(value)?, AccountState::Disabled),
            Self::MustChangeIfTrue(_) => unless(boolean(value)?, AccountState::MustChangePassword),
            Self::ExpiresAt(_) => unless(times::generalized_time(value)? <= now, AccountState::Expired),
        })
    }
}

impl AccountState {
    /// The reason in the audit stream, if the account may not be used.
    pub fn refusal(self) -> Option<&'static str> {
        Some(match self {
            Self::Active => return None,
            Self::Disabled => "disabled-at-source",
            Self::Expired => "expired-at-source",
            Self::MustChangePassword => "must-change-password",
            Self::Unreadable => "unreadable-at-source",
        })
    }

    /// The state as a part of a sentence after "the account".
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Active => "may be used",
            Self::Disabled => "is disabled",
            Self::Expired => "has expired",
            Self::MustChangePassword => "needs a new password",
            Self::Unreadable => "has a state that cannot be read",
        }
    }

    /// The state of an entry: that of the first rule that refuses.
    pub(super) fn of(entry: &Entry, rules: &[StateRule], now: Timestamp) -> Self {
        let states = rules.iter().map(|rule| rule.state(entry, now));
        states.into_iter().find(|state| *state != Self::Active).unwrap_or(Self::Active)
    }
}

/// RFC 4517 §3.3.3; some servers write lower case.
fn boolean(value: &str) -> Option<bool> {
    match value {
        _ if value.eq_ignore_ascii_case("true") => Some(true),
        _ if value.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// `ADS_UF_ACCOUNTDISABLE`.
const ACCOUNT_DISABLE: i32 = 2;
/// draft-behera-ldap-password-policy §5.3.3: "locked until an administrator unlocks it". Any other value is the time at
/// which wrong passwords locked the account.
const LOCKED_FOR_GOOD: &str = "000001010000Z";

#[cfg(test)]
mod tests {
    use super::{
        super::{Attribute, Preset},
        *,
    };

    const NOW: Timestamp = Timestamp::from_millis(1_796_018_177_000);
    const YESTERDAY_NT: &str = "134404053774394310";
    const TOMORROW_NT: &str = "134405781774394310";

    /// An attribute with its values.
    type Values = (&'static str, &'static [&'static str]);

    fn entry(attributes: &[Values]) -> Entry {
        let attribute = |(name, values): &Values| Attribute {
            name: (*name).to_owned(),
            values: values.iter().map(|value| value.as_bytes().into()).collect(),
        };
        Entry::new("uid=alice".to_owned(), attributes.iter().map(attribute).collect())
    }

    #[test]
    fn the_state_is_that_of_the_attributes_of_each_preset() {
        use AccountState::{Active, Disabled, Expired, MustChangePassword, Unreadable};
        let normal: Values = ("userAccountControl", &["512"]);
        let cases: &[(Preset, &[Values], AccountState)] = &[
            (Preset::ActiveDirectory, &[normal], Active),
            (Preset::ActiveDirectory, &[("USERACCOUNTCONTROL", &["66048"])], Active),
            (Preset::ActiveDirectory, &[("userAccountControl", &["514"])], Disabled),
            (Preset::ActiveDirectory, &[("userAccountControl", &["-2147483646"])], Disabled),
            (Preset::ActiveDirectory, &[], Unreadable),
            (Preset::ActiveDirectory, &[("userAccountControl", &["0x200"])], Unreadable),
            (Preset::ActiveDirectory, &[("userAccountControl", &["512", "514"])], Unreadable),
            (Preset::ActiveDirectory, &[normal, ("accountExpires", &["0"])], Active),
            (Preset::ActiveDirectory, &[normal, ("accountExpires", &["9223372036854775807"])], Active),
            (Preset::ActiveDirectory, &[normal, ("accountExpires", &[TOMORROW_NT])], Active),
            (Preset::ActiveDirectory, &[normal, ("accountExpires", &[YESTERDAY_NT])], Expired),
            (Preset::ActiveDirectory, &[normal, ("accountExpires", &["soon"])], Unreadable),
            (Preset::ActiveDirectory, &[normal, ("pwdLastSet", &["0"])], MustChangePassword),
            (Preset::ActiveDirectory, &[normal, ("pwdLastSet", &["134404917774394310"])], Active),
            (Preset::OpenLdap, &[], Active),
            (Preset::OpenLdap, &[("pwdAccountLockedTime", &["000001010000Z"])], Disabled),
            (Preset::OpenLdap, &[("pwdAccountLockedTime", &["20261130000000Z"])], Active),
            (Preset::OpenLdap, &[("pwdReset", &["TRUE"])], MustChangePassword),
            (Preset::FreeIpa, &[("nsaccountlock", &["TRUE"])], Disabled),
            (Preset::FreeIpa, &[("nsaccountlock", &["true"])], Disabled),
            (Preset::FreeIpa, &[("nsaccountlock", &["FALSE"])], Active),
            (Preset::FreeIpa, &[("nsaccountlock", &["perhaps"])], Unreadable),
            (Preset::FreeIpa, &[("krbPrincipalExpiration", &["20200101000000Z"])], Expired),
            (Preset::FreeIpa, &[("krbPrincipalExpiration", &["20990101000000Z"])], Active),
            (Preset::Authentik, &[("ak-active", &["true"])], Active),
            (Preset::Authentik, &[("ak-active", &["false"])], Disabled),
            (Preset::Authentik, &[("goauthentik-io-ldap-active", &["FALSE"])], Disabled),
            (Preset::Lldap, &[], Active),
        ];
        for (preset, attributes, expected) in cases {
            let state = AccountState::of(&entry(attributes), preset.values().states, NOW);
            assert_eq!(state, *expected, "{preset:?} {attributes:?}");
        }
    }

    #[test]
    fn a_value_that_is_no_text_is_unreadable() {
        let attribute = Attribute { name: "nsAccountLock".to_owned(), values: vec![[0xff][..].into()] };
        let entry = Entry::new(String::new(), vec![attribute]);
        let state = AccountState::of(&entry, Preset::FreeIpa.values().states, NOW);
        assert_eq!(state, AccountState::Unreadable);
    }
}
