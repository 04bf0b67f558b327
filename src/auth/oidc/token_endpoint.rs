//! The request that turns a code into tokens, and its response (RFC 6749 §4.1.3, §5).

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::{
    Rejection, Secret, json,
    settings::{ClientAuth, OidcSettings},
};

/// The form and the header field of the request.
pub(super) struct TokenRequest {
    pub(super) body: Zeroizing<String>,
    pub(super) authorization: Option<Zeroizing<String>>,
}

/// The tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) id_token: Secret,
    pub(super) access_token: Option<Secret>,
}

impl TokenRequest {
    pub(super) fn new(
        settings: &OidcSettings,
        client_auth: ClientAuth,
        (code, verifier): (&Secret, &Secret),
        redirect_uri: &str,
    ) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code.reveal())
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("code_verifier", verifier.reveal());
        let mut authorization = None;
        match (&settings.client_secret, client_auth) {
            (None, _) => {
                form.append_pair("client_id", &settings.client_id);
            }
            (Some(secret), ClientAuth::Post) => {
                form.append_pair("client_id", &settings.client_id);
                form.append_pair("client_secret", secret.reveal());
            }
            (Some(secret), ClientAuth::Basic) => {
                authorization = Some(basic(&settings.client_id, secret.reveal()));
            }
        }
        Self { body: Zeroizing::new(form.finish()), authorization }
    }
}

/// Both halves are form-encoded first (RFC 6749 §2.3.1): a colon in the id would otherwise end it.
fn basic(client_id: &str, secret: &str) -> Zeroizing<String> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encoded(client_id), encoded(secret)));
    Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())))
}

impl Tokens {
    /// Reads the response to a request that succeeded.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        let response = json::object(bytes).map_err(|_| Rejection::TokenResponseMalformed)?;
        let text = |name| match response.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_str().map(|text| Some(text.to_owned())).ok_or(Rejection::TokenResponseMalformed)
            }
        };
        let id_token = text("id_token")?.ok_or(Rejection::TokenResponseMalformed)?;
        let is_bearer = text("token_type")?.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        // An access token of another type is not understood, and so not used.
        let access_token = text("access_token")?.filter(|token| is_bearer && is_header_text(token));
        Ok(Self { id_token: Secret::new(id_token), access_token: access_token.map(Secret::new) })
    }

    /// Why the request was refused, by the response of a failure.
    pub(super) fn refusal(bytes: &[u8]) -> Rejection {
        let response = json::object(bytes).unwrap_or_default();
        match json::text(&response, "error") {
            Some("invalid_client" | "unauthorized_client") => Rejection::ClientRefused,
            _ => Rejection::CodeRefused,
        }
    }
}

/// Whether a token can stand in a header (RFC 6750 §2.1).
fn is_header_text(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};

    #[test]
    fn the_client_authenticates_as_it_is_told() {
        let code = (&Secret::new("the code".into()), &Secret::new("the-verifier".into()));
        let redirect_uri = "https://wiki.example.com/.gateway/oidc/corp/callback";
        let common = "grant_type=authorization_code&code=the+code\
                      &redirect_uri=https%3A%2F%2Fwiki.example.com%2F.gateway%2Foidc%2Fcorp%2Fcallback\
                      &code_verifier=the-verifier";
        let settings = OidcSettings {
            client_id: "a:b".into(),
            client_secret: Some(Secret::new("p%ä:ß &=+".into())),
            ..samples::settings()
        };
        let basic = TokenRequest::new(&settings, ClientAuth::Basic, code, redirect_uri);
        assert_eq!(*basic.body, common);
        let sent = basic.authorization.unwrap();
        let sent = BASE64.decode(sent.strip_prefix("Basic ").unwrap().as_bytes()).unwrap();
        assert_eq!(String::from_utf8(sent).unwrap(), "a%3Ab:p%25%C3%A4%3A%C3%9F+%26%3D%2B");
        let post = TokenRequest::new(&settings, ClientAuth::Post, code, redirect_uri);
        assert!(post.authorization.is_none());
        let secret = "&client_id=a%3Ab&client_secret=p%25%C3%A4%3A%C3%9F+%26%3D%2B";
        assert_eq!(*post.body, format!("{common}{secret}"));
        let public = OidcSettings { client_secret: None, ..settings };
        let none = TokenRequest::new(&public, ClientAuth::Basic, code, redirect_uri);
        assert_eq!((&**none.body, none.authorization), (&*format!("{common}&client_id=a%3Ab"), None));
    }

    #[test]
    fn a_response_needs_an_id_token() {
        let tokens =
            Tokens::parse(br#"{"id_token":"a.b.c","access_token":"d","token_type":"bearer"}"#).unwrap();
        assert_eq!((tokens.id_token.reveal(), tokens.access_token.unwrap().reveal()), ("a.b.c", "d"));
        for odd in [
            r#"{"id_token":"a.b.c"}"#,
            r#"{"id_token":"a.b.c","access_token":"d","token_type":"DPoP"}"#,
            r#"{"id_token":"a.b.c","access_token":"d\r\nX: y"}"#,
            r#"{"id_token":"a.b.c","access_token":""}"#,
        ] {
            assert!(Tokens::parse(odd.as_bytes()).unwrap().access_token.is_none(), "{odd}");
        }
        for wrong in [
            "",
            "[]",
            r#"{"access_token":"d"}"#,
            r#"{"id_token":null}"#,
            r#"{"id_token":["a.b.c"]}"#,
            r#"{"id_token":"a.b.c","access_token":1}"#,
            r#"{"id_token":"a.b.c","id_token":"d.e.f"}"#,
        ] {
            let parsed = Tokens::parse(wrong.as_bytes()).map(drop);
            assert_eq!(parsed, Err(Rejection::TokenResponseMalformed), "{wrong}");
        }
        assert_eq!(Tokens::refusal(br#"{"error":"invalid_client"}"#), Rejection::ClientRefused);
        assert_eq!(Tokens::refusal(b"<html>"), Rejection::CodeRefused);
    }
}
