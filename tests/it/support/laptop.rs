//! A laptop that holds a passkey, and sends what a page's script would send.

use serde_json::Value;

use super::{
    authenticator::{AuthenticatorFields, SoftPasskey, UP, UV, base64url, client_data, no_attestation},
    visitor::{Response, Visitor},
};

/// The passkey of one user, with the handle by which it knows them. Passkeys are bound to `localhost`.
pub struct Laptop {
    passkey: SoftPasskey,
    handle: String,
    sign_count: u32,
}

/// The page at which a passkey is added.
const ADD: &str = "/.gateway/account/factors/passkey";
const RP_ID: &str = "localhost";

impl Laptop {
    /// Adds a passkey to the account of this user, who has just signed in.
    #[track_caller]
    pub fn enrol(user: &mut Visitor) -> Self {
        let form = user.get(ADD);
        assert_eq!(form.status, 200, "{}", form.text());
        let handle = options(&form)["user"]["id"].as_str().expect("a handle").to_owned();
        let passkey = SoftPasskey::es256(handle.as_bytes());
        let (csrf, challenge) = (form.field("csrf"), form.field("challenge"));
        let data = client_data("webauthn.create", &challenge, &user.origin());
        let object = no_attestation(&passkey.registration(RP_ID, UP | UV).encode());
        let (id, data, object) = (base64url(&passkey.id), base64url(data.as_bytes()), base64url(&object));
        let fields = [
            ("csrf", csrf.as_str()),
            ("challenge", &challenge),
            ("credential", &id),
            ("client_data", &data),
            ("attestation_object", &object),
            ("transports", "internal"),
            ("name", "Laptop"),
        ];
        let added = user.submit(ADD, &fields);
        assert_eq!(added.status, 200, "{}", added.text());
        Self { passkey, handle, sign_count: 0 }
    }

    /// The form that answers the challenge on a page of this origin, with these flags of the authenticator.
    pub fn answer(&mut self, page: &Response, origin: &str, flags: u8) -> Vec<(&'static str, String)> {
        self.sign_count += 1;
        let challenge = page.field("challenge");
        let data = client_data("webauthn.get", &challenge, origin);
        let shown = AuthenticatorFields::assertion(RP_ID, flags, self.sign_count).encode();
        let signature = self.passkey.sign(&shown, data.as_bytes());
        vec![
            ("csrf", page.field("csrf")),
            ("challenge", challenge),
            ("credential", base64url(&self.passkey.id)),
            ("client_data", base64url(data.as_bytes())),
            ("authenticator_data", base64url(&shown)),
            ("signature", base64url(&signature)),
            ("user_handle", self.handle.clone()),
        ]
    }

    /// Answers the challenge on the page at `page` of this browser, with further fields.
    pub fn use_at(
        &mut self,
        browser: &mut Visitor,
        (page, action): (&str, &str),
        flags: u8,
        more: &[(&str, &str)],
    ) -> Response {
        let answer = self.answer(&browser.get(page), &browser.origin(), flags);
        let fields = answer.iter().map(|(name, value)| (*name, value.as_str()));
        let fields: Vec<_> = fields.chain(more.iter().copied()).collect();
        browser.submit(action, &fields)
    }
}

/// The options for the browser on a page.
fn options(page: &Response) -> Value {
    let text = page.text();
    let (_, rest) = text.split_once("data-options=\"").expect("a ceremony");
    let json = rest.split('"').next().expect("the end of the attribute").replace("&quot;", "\"");
    serde_json::from_str(&json.replace("&#x2f;", "/")).expect("JSON")
}
