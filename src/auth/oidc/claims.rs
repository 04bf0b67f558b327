//! The claims of a user: those of the ID token, and behind them those of the userinfo endpoint.

use serde_json::Value;

use super::{
    Rejection,
    claim_path::ClaimPath,
    id_token,
    json::{self, Object},
};

/// The claims of a user.
#[derive(Debug)]
pub(super) struct Claims {
    id_token: Object,
    userinfo: Object,
}

impl Claims {
    /// The claims of an ID token that was checked.
    pub(super) fn of(id_token: Object) -> Self {
        Self { id_token, userinfo: Object::new() }
    }

    /// Adds the response of the userinfo endpoint. It has to speak of the same user (OpenID Connect Core 1.0 §5.3.2):
    /// the access token may have been replaced by that of another user.
    pub(super) fn with_userinfo(mut self, bytes: &[u8]) -> Result<Self, Rejection> {
        let userinfo = json::object(bytes).map_err(|_| Rejection::UserinfoMalformed)?;
        if json::text(&userinfo, "sub") != Some(id_token::subject(&self.id_token)?) {
            return Err(Rejection::UserinfoSubject);
        }
        self.userinfo = userinfo;
        Ok(self)
    }

    /// The claims of the ID token.
    pub(super) fn id_token(&self) -> &Object {
        &self.id_token
    }

    /// A claim, and the object in which it stands.
    pub(super) fn find(&self, path: &ClaimPath) -> Option<(&Value, &Object)> {
        [&self.id_token, &self.userinfo].into_iter().find_map(|object| Some((path.find(object)?, object)))
    }

    /// A claim that is a text, without white space around it; `None` if nothing is left.
    pub(super) fn text(&self, path: &ClaimPath) -> Option<&str> {
        let (value, _) = self.find(path)?;
        value.as_str().map(str::trim).filter(|text| !text.is_empty())
    }
}
