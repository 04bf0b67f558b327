//! The reason of a refused bind, as Active Directory writes it into its diagnostic message.
//!
//! The message of an error 49 has a Win32 error number in it: `… AcceptSecurityContext error, data 533, v1db1`. Audit
//! stream and metrics get the reason. A page never does, but for one: that the password must be changed, which the
//! directory says only to somebody who knows it.

/// Why a directory refused a name and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindRefusal {
    /// Another password, or no reason given.
    WrongPassword,
    /// Not at this time of the day.
    NotAtThisTime,
    /// Not from this machine.
    NotFromHere,
    /// The password has expired.
    PasswordExpired,
    /// The account is disabled.
    Disabled,
    /// The account has expired.
    Expired,
    /// The password must be changed before anything else.
    MustChangePassword,
    /// Too many wrong passwords before.
    Locked,
}

impl BindRefusal {
    /// Reads the diagnostic message of a result with code 49.
    pub(super) fn read(diagnostic: &str) -> Self {
        let number = diagnostic
            .split_once("AcceptSecurityContext error, data ")
            .and_then(|(_, rest)| rest.split([',', ' ']).next());
        // Numbers of WinError.h, in hexadecimal.
        match number.and_then(|number| u32::from_str_radix(number, 16).ok()) {
            Some(0x530) => Self::NotAtThisTime,
            Some(0x531) => Self::NotFromHere,
            Some(0x532) => Self::PasswordExpired,
            Some(0x533) => Self::Disabled,
            Some(0x701) => Self::Expired,
            Some(0x773) => Self::MustChangePassword,
            Some(0x775) => Self::Locked,
            _ => Self::WrongPassword,
        }
    }

    /// The reason in the audit stream.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong-password",
            Self::NotAtThisTime => "not-at-this-time",
            Self::NotFromHere => "not-from-this-machine",
            Self::PasswordExpired => "password-expired",
            Self::Disabled => "disabled-at-source",
            Self::Expired => "expired-at-source",
            Self::MustChangePassword => "must-change-password",
            Self::Locked => "locked-at-source",
        }
    }

    /// The remedy.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::WrongPassword => "the password is another one",
            Self::NotAtThisTime | Self::NotFromHere => {
                "change the hours or the machines of the account in the directory"
            }
            Self::PasswordExpired | Self::MustChangePassword => "set a new password in the directory",
            Self::Disabled | Self::Expired => "change the account in the directory",
            Self::Locked => "unlock the account in the directory, or wait",
        }
    }

    /// Whether the password was right, and has to be replaced at the directory.
    pub fn is_change_of_password(self) -> bool {
        matches!(self, Self::PasswordExpired | Self::MustChangePassword)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_read_from_the_message_of_active_directory() {
        let message = |data: &str| {
            format!(
                "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1"
            )
        };
        for (data, expected) in [
            ("52e", BindRefusal::WrongPassword),
            ("525", BindRefusal::WrongPassword),
            ("530", BindRefusal::NotAtThisTime),
            ("531", BindRefusal::NotFromHere),
            ("532", BindRefusal::PasswordExpired),
            ("533", BindRefusal::Disabled),
            ("701", BindRefusal::Expired),
            ("773", BindRefusal::MustChangePassword),
            ("775", BindRefusal::Locked),
            ("0", BindRefusal::WrongPassword),
            ("ffffffffff", BindRefusal::WrongPassword),
            ("", BindRefusal::WrongPassword),
        ] {
            assert_eq!(BindRefusal::read(&message(data)), expected, "{data}");
        }
        for text in ["", "data 533", "AcceptSecurityContext error, data ", "invalid credentials"] {
            assert_eq!(BindRefusal::read(text), BindRefusal::WrongPassword, "{text}");
        }
    }
}
