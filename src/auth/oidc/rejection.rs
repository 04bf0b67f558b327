//! Why something that came from a provider, or from a browser on its way back from one, is not believed.

/// The cause of a refused sign-in, for the audit stream alone: a page shows the same text for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejection {
    /// A parameter of the callback occurs twice, or the query can't be read.
    CallbackMalformed,
    /// The callback has both a code and an error, or neither.
    CallbackAmbiguous,
    /// The callback has no `state`, or one that no attempt can have.
    StateMissing,
    /// The attempt is not one of this browser.
    StateOfAnotherBrowser,
    /// No attempt has this state any more: it was used, has expired, or never was.
    StateUnknown,
    /// The attempt was started with another provider, or with other settings of this one.
    StateOfAnotherProvider,
    /// The provider says in its metadata that callbacks have `iss`, and this one has none (RFC 9207 §2.4).
    CallbackIssuerMissing,
    /// `iss` of the callback is another issuer.
    CallbackIssuerWrong,
    /// The provider sent the browser back with an error.
    ProviderError,
    /// The user did not agree at the provider.
    ProviderDenied,
    /// The token endpoint refused the code.
    CodeRefused,
    /// The token endpoint refused the client: its id, secret or way of authentication.
    ClientRefused,
    /// The response of the token endpoint is no token response.
    TokenResponseMalformed,
    /// The token is no signed JWT, or a part of it can't be read in one way only.
    TokenMalformed,
    /// The token is signed by an algorithm that is not allowed, or not at all.
    TokenAlgorithm,
    /// No key of the provider, or more than one, fits the token.
    TokenKey,
    /// The signature is wrong.
    TokenSignature,
    /// The token is of another type: an access token or a logout token in the place of an ID token, or the reverse.
    TokenType,
    /// `iss` is another issuer.
    TokenIssuer,
    /// The token is for another client.
    TokenAudience,
    /// The token was given to another party (`azp`).
    TokenAuthorizedParty,
    /// A time in the token is no sane number.
    TokenTime,
    /// The token has expired.
    TokenExpired,
    /// The token is from the future, by `iat` or `nbf`.
    TokenFromFuture,
    /// The token was made too long ago for a sign-in that happens now.
    TokenOld,
    /// `nonce` is missing or belongs to another attempt.
    TokenNonce,
    /// `at_hash` does not fit the access token.
    TokenAccessHash,
    /// The access token is bound to a key (`cnf`) in a way that is not checked here, or its sender has not shown the key.
    TokenBound,
    /// `sub` is missing, empty or too long.
    TokenSubject,
    /// The user did not sign in again at the provider, although this was asked for.
    TokenAuthTime,
    /// The claims of a tenant are missing, or the tenant is not one of those allowed.
    TokenTenant,
    /// The logout token has no event of a back-channel logout, or something that it must not have.
    LogoutEvent,
    /// The logout token was used before.
    LogoutReplayed,
    /// The response of the userinfo endpoint is no JSON object.
    UserinfoMalformed,
    /// The userinfo endpoint speaks of another user.
    UserinfoSubject,
    /// The groups of the user are unknown, and the settings refuse such users.
    GroupsUnknown,
    /// The user's e-mail address is not of an allowed domain, or not verified.
    NotAllowedDomain,
    /// The user is in none of the allowed groups.
    NotAllowedGroup,
    /// A claim does not have an allowed value.
    NotAllowedClaim,
    /// No user name can be made from the claims.
    NoUserName,
}

impl Rejection {
    /// The code in the audit stream.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallbackMalformed => "callback-malformed",
            Self::CallbackAmbiguous => "callback-ambiguous",
            Self::StateMissing => "state-missing",
            Self::StateOfAnotherBrowser => "state-of-another-browser",
            Self::StateUnknown => "state-unknown",
            Self::StateOfAnotherProvider => "state-of-another-provider",
            Self::CallbackIssuerMissing => "callback-issuer-missing",
            Self::CallbackIssuerWrong => "callback-issuer-wrong",
            Self::ProviderError => "provider-error",
            Self::ProviderDenied => "provider-denied",
            Self::CodeRefused => "code-refused",
            Self::ClientRefused => "client-refused",
            Self::TokenResponseMalformed => "token-response-malformed",
            Self::TokenMalformed => "token-malformed",
            Self::TokenAlgorithm => "token-algorithm",
            Self::TokenKey => "token-key",
            Self::TokenSignature => "token-signature",
            Self::TokenType => "token-type",
            Self::TokenIssuer => "token-issuer",
            Self::TokenAudience => "token-audience",
            Self::TokenAuthorizedParty => "token-authorized-party",
            Self::TokenTime => "token-time",
            Self::TokenExpired => "token-expired",
            Self::TokenFromFuture => "token-from-future",
            Self::TokenOld => "token-old",
            Self::TokenNonce => "token-nonce",
            Self::TokenAccessHash => "token-access-hash",
            Self::TokenBound => "token-bound",
            Self::TokenSubject => "token-subject",
            Self::TokenAuthTime => "token-auth-time",
            Self::TokenTenant => "token-tenant",
            Self::LogoutEvent => "logout-event",
            Self::LogoutReplayed => "logout-replayed",
            Self::UserinfoMalformed => "userinfo-malformed",
            Self::UserinfoSubject => "userinfo-subject",
            Self::GroupsUnknown => "groups-unknown",
            Self::NotAllowedDomain => "not-allowed-domain",
            Self::NotAllowedGroup => "not-allowed-group",
            Self::NotAllowedClaim => "not-allowed-claim",
            Self::NoUserName => "no-user-name",
        }
    }
}
