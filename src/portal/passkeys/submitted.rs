//! The fields that the script fills in with the browser's response: bytes in base64url without padding.

use data_encoding::BASE64URL_NOPAD;

use super::super::form::Form;
use crate::{
    auth::webauthn::{AuthenticationResponse, MAX_CREDENTIAL_ID_BYTES, RegistrationResponse},
    users::Transport,
};

/// The response to a use of a passkey.
pub(super) struct SubmittedUse {
    id: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    /// `None`: the authenticator does not tell.
    user_handle: Option<Vec<u8>>,
}

/// The response to an enrolment.
pub(super) struct SubmittedPasskey {
    id: Vec<u8>,
    client_data: Vec<u8>,
    attestation_object: Vec<u8>,
    pub(super) transports: Vec<Transport>,
}

impl SubmittedUse {
    /// `None`: a field is missing or no base64url.
    pub(super) fn read(form: &Form) -> Option<Self> {
        Some(Self {
            id: credential_id(form)?,
            client_data: bytes(form, "client_data")?,
            authenticator_data: bytes(form, "authenticator_data")?,
            signature: bytes(form, "signature")?,
            user_handle: match form.text("user_handle") {
                "" => None,
                _ => Some(bytes(form, "user_handle")?),
            },
        })
    }

    pub(super) fn response(&self) -> AuthenticationResponse<'_> {
        AuthenticationResponse {
            id: &self.id,
            client_data: &self.client_data,
            authenticator_data: &self.authenticator_data,
            signature: &self.signature,
            user_handle: self.user_handle.as_deref(),
        }
    }
}

impl SubmittedPasskey {
    /// `None`: a field is missing or no base64url.
    pub(super) fn read(form: &Form) -> Option<Self> {
        Some(Self {
            id: credential_id(form)?,
            client_data: bytes(form, "client_data")?,
            attestation_object: bytes(form, "attestation_object")?,
            transports: Transport::in_list(form.text("transports")),
        })
    }

    pub(super) fn response(&self) -> RegistrationResponse<'_> {
        RegistrationResponse {
            id: &self.id,
            client_data: &self.client_data,
            attestation_object: &self.attestation_object,
        }
    }
}

fn credential_id(form: &Form) -> Option<Vec<u8>> {
    bytes(form, "credential").filter(|id| id.len() <= MAX_CREDENTIAL_ID_BYTES)
}

fn bytes(form: &Form, field: &str) -> Option<Vec<u8>> {
    let bytes = BASE64URL_NOPAD.decode(form.text(field).as_bytes()).ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Form::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_use_is_read_from_unpadded_base64url_alone() {
        const GOOD: [(&str, &str); 5] = [
            ("credential", "AQ"),
            ("client_data", "e30"),
            ("authenticator_data", "AAAA"),
            ("signature", "_-8"),
            ("user_handle", "dQ"),
        ];
        let read = |change: Option<(&str, &str)>| {
            let fields: Vec<(&str, &str)> = GOOD
                .into_iter()
                .map(|(name, value)| match change {
                    Some((changed, other)) if changed == name => (name, other),
                    _ => (name, value),
                })
                .collect();
            SubmittedUse::read(&form(&fields))
        };
        let good = read(None).unwrap();
        assert_eq!(
            (&*good.id, &*good.signature, good.user_handle.as_deref()),
            (&[1][..], &[255, 239][..], Some(&b"u"[..]))
        );
        assert!(read(Some(("user_handle", ""))).unwrap().user_handle.is_none());
        let long = BASE64URL_NOPAD.encode(&[7; MAX_CREDENTIAL_ID_BYTES + 1]);
        for (field, wrong) in [
            ("credential", ""),
            ("credential", "AQ=="),
            ("credential", "AR"),
            ("credential", &long),
            ("client_data", "e3+"),
            ("authenticator_data", "A"),
            ("signature", "/+8"),
            ("signature", ""),
            ("user_handle", "dQ="),
        ] {
            assert!(read(Some((field, wrong))).is_none(), "{field} {wrong}");
        }
    }
}
