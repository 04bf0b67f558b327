//! Errors of the directory and its database; their texts are for the operator.

use std::io;

use super::{InvalidToken, TokenId, profile::InvalidProfile};
use crate::{
    identity::{IdentityPair, UserId, UserName},
    store::{SealingKeyError, sqlite::DatabaseError},
};

/// Why a read or a change of users failed; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum UserStoreError {
    /// The file cannot be opened, or SQLite could not do its work.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A thread for the database could not be started.
    #[error("starting the thread of the users database: {0}")]
    Thread(io::Error),
    /// The name is taken.
    #[error("there is already a user {0}")]
    Exists(UserName),
    /// No user has this name.
    #[error("there is no user {0}; `portcullis user list` shows who there is")]
    NoSuchUser(UserName),
    /// No user has this number any more.
    #[error("there is no user number {0} any more")]
    Gone(UserId),
    /// There are users already, so there is no first one to create.
    #[error("there are users already, so the first one cannot be made again")]
    UsersExist,
    /// The password was changed, or the account disabled, since the user was checked.
    #[error("the credential of user {0} has changed in the meantime")]
    CredentialChanged(UserName),
    /// The pair belongs to another user.
    #[error("{pair} already belongs to user {owner}")]
    PairTaken {
        /// The pair.
        pair: IdentityPair,
        /// The user that it belongs to.
        owner: UserName,
    },
    /// The pair does not belong to this user.
    #[error("{pair} does not belong to user {name}")]
    NotLinked {
        /// The pair.
        pair: IdentityPair,
        /// The user.
        name: UserName,
    },
    /// Without the pair the user could not sign in any more.
    #[error("{0} has no password and no other connected sign-in, so this one stays")]
    LastWayIn(UserName),
    /// The user needs a second factor and has no other.
    #[error("user {0} needs a second factor, so the last one stays")]
    LastRequiredFactor(UserName),
    /// The pair cannot be stored.
    #[error(
        "the backend's id of a user is a text without control characters, not empty and at most 512 bytes long"
    )]
    UnusablePair,
    /// An invitation needs an address to find the user by.
    #[error("an invitation needs an e-mail address in its usual form, by which the user is found")]
    NoAddress,
    /// No such factor belongs to this user.
    #[error("user {0} has no such factor; `portcullis user factors {0}` lists those that there are")]
    NoSuchFactor(UserName),
    /// The file of the key that seals secrets cannot be used.
    #[error(transparent)]
    SealingKey(#[from] SealingKeyError),
    /// The user has no password of the gateway's own, and was not invited to set one.
    #[error(
        "user {0} has no password here: it is kept where the user signs in, or `portcullis user passwd {0}` sets one"
    )]
    NoPasswordHere(UserName),
    /// The user may not sign in.
    #[error("user {0} is disabled or waits for approval; `portcullis user enable {0}` comes first")]
    Inactive(UserName),
    /// The operating system had no randomness to give.
    #[error("asking the operating system for random bytes")]
    NoRandomness,
    /// The user has no token with this number.
    #[error("user {name} has no token {token}; `portcullis token list` shows which there are")]
    NoSuchToken {
        /// The user.
        name: UserName,
        /// The number.
        token: TokenId,
    },
    /// The user has too many tokens.
    #[error("user {0} has too many tokens; end one of them first")]
    TooManyTokens(UserName),
    /// A value that a token cannot have.
    #[error(transparent)]
    InvalidToken(InvalidToken),
    /// The account is one of a machine, to which nobody signs in.
    #[error("{0} is an account of a machine, to which nobody signs in; its programs use tokens")]
    Machine(UserName),
    /// A value that a profile cannot have.
    #[error(transparent)]
    Invalid(#[from] InvalidProfile),
}
