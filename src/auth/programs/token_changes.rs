//! Tokens that a user makes and ends on the account page.

use crate::{
    auth::SignIn,
    error_chain::ErrorChain,
    users::{Account, ApiToken, DirectoryError, InvalidToken, NewToken, TokenId, UserStoreError},
};

/// Why a token was not made or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotChanged {
    /// A value that a token cannot have.
    Invalid(InvalidToken),
    /// The user has as many tokens as anybody may have.
    TooMany,
    /// Another change of the account came first, so that the session is over.
    CredentialChanged,
    /// The users cannot be written at the moment.
    Unavailable,
}

impl SignIn {
    /// Makes a token for the user of a session, who has just proved who they are.
    pub async fn make_token(
        &self,
        owner: &Account,
        new: NewToken,
        request_id: &str,
    ) -> Result<ApiToken, NotChanged> {
        let made = self.directory.add_token(owner.user.id, owner.credential, new).await;
        made.map_err(|error| not_changed(error, "making a token", request_id))
    }

    /// Ends a token of the user of a session; one that is gone already counts as ended.
    pub async fn end_token(
        &self,
        owner: &Account,
        token: TokenId,
        request_id: &str,
    ) -> Result<(), NotChanged> {
        match self.directory.revoke_token(owner.user.id, owner.credential, token).await {
            Ok(_) | Err(DirectoryError::Store(UserStoreError::NoSuchToken { .. })) => Ok(()),
            Err(error) => Err(not_changed(error, "ending a token", request_id)),
        }
    }
}

fn not_changed(error: DirectoryError, doing: &'static str, request_id: &str) -> NotChanged {
    match error {
        DirectoryError::Store(UserStoreError::InvalidToken(invalid)) => NotChanged::Invalid(invalid),
        DirectoryError::Store(UserStoreError::TooManyTokens(_)) => NotChanged::TooMany,
        DirectoryError::Store(UserStoreError::CredentialChanged(_) | UserStoreError::Gone(_)) => {
            NotChanged::CredentialChanged
        }
        error => {
            tracing::error!(request_id, error = %ErrorChain(&error), "{doing} failed");
            NotChanged::Unavailable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{UserId, UserName};

    #[test]
    fn an_error_of_the_directory_says_what_the_user_can_do() {
        let alice = || UserName::parse("alice").unwrap();
        let change = |error: UserStoreError| not_changed(error.into(), "a test", "1");
        assert_eq!(change(UserStoreError::TooManyTokens(alice())), NotChanged::TooMany);
        assert_eq!(change(UserStoreError::CredentialChanged(alice())), NotChanged::CredentialChanged);
        assert_eq!(change(UserStoreError::Gone(UserId(1))), NotChanged::CredentialChanged);
        let invalid = InvalidToken::Name;
        assert_eq!(change(UserStoreError::InvalidToken(invalid.clone())), NotChanged::Invalid(invalid));
        assert_eq!(change(UserStoreError::NoSuchUser(alice())), NotChanged::Unavailable);
        assert_eq!(not_changed(DirectoryError::Busy, "a test", "1"), NotChanged::Unavailable);
    }
}
