//! Names of the models of authenticators, by their AAGUID (WebAuthn Level 3 §6.5.2): the names of passkeys to which their
//! owner has given none.
//!
//! An AAGUID is whatever the authenticator claims, because no attestation is asked for. It names, and decides nothing.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use crate::users::FactorName;

/// The names, by AAGUID. The default knows the most common ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthenticatorNames(Arc<BTreeMap<[u8; 16], FactorName>>);

/// A mistake in a file of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticatorNamesProblem {
    /// Where it is, in bytes of the text.
    pub at: usize,
    /// The problem.
    pub message: String,
}

impl AuthenticatorNames {
    /// Reads names that come before those that the program knows: a JSON object of AAGUIDs, each with an object whose
    /// `name` is a text. Other members are skipped, so that a public list can be used as it is.
    pub fn parse(text: &str) -> Result<Self, AuthenticatorNamesProblem> {
        #[derive(Deserialize)]
        struct Entry {
            name: String,
        }
        let entries: BTreeMap<String, Entry> = serde_json::from_str(text).map_err(|error| {
            let line_start =
                text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
            let at = (line_start + error.column().saturating_sub(1)).min(text.len());
            // Its own place is left out: the diagnostic has it.
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default().to_owned();
            AuthenticatorNamesProblem { at, message }
        })?;
        let mut names = BTreeMap::new();
        for (key, Entry { name }) in entries {
            let at = text.find(&format!("\"{key}\"")).unwrap_or_default();
            let Some(aaguid) = parse_aaguid(&key) else {
                return Err(AuthenticatorNamesProblem { at, message: "this is no AAGUID".to_owned() });
            };
            let name = FactorName::parse(&name)
                .map_err(|error| AuthenticatorNamesProblem { at, message: error.to_string() })?;
            names.insert(aaguid, name);
        }
        Ok(Self(Arc::new(names)))
    }

    /// The name of a model.
    pub(super) fn name_of(&self, aaguid: &[u8; 16]) -> Option<FactorName> {
        let known = || {
            let known = KNOWN.iter().find(|(text, _)| parse_aaguid(text).as_ref() == Some(aaguid));
            known.and_then(|(_, name)| FactorName::parse(name).ok())
        };
        self.0.get(aaguid).cloned().or_else(known)
    }
}

/// Reads the form with hyphens (RFC 9562 §4).
fn parse_aaguid(text: &str) -> Option<[u8; 16]> {
    let lengths = text.split('-').map(str::len);
    if !lengths.eq([8, 4, 4, 4, 12]) {
        return None;
    }
    let digits = text.replace('-', "");
    data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?.try_into().ok()
}

/// The most common passkey providers and security keys.
const KNOWN: &[(&str, &str)] = &[
    ("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "Google Password Manager"),
    ("fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "Apple Passwords"),
    ("dd4ec289-e01d-41c9-bb89-70fa845d4bf2", "iCloud Keychain (managed)"),
    ("08987058-cadc-4b81-b6e1-30de50dcbe96", "Windows Hello"),
    ("9ddd1817-af5a-4672-a2b9-3e3dd95000a9", "Windows Hello"),
    ("6028b017-b1d4-4c02-b4b3-afcdafc96bb2", "Windows Hello"),
    ("d3452668-01fd-4c12-926c-83a4204853aa", "Microsoft Password Manager"),
    ("90a3ccdf-635c-4729-a248-9b709135078f", "Microsoft Authenticator"),
    ("de1e552d-db1d-4423-a619-566b625cdc84", "Microsoft Authenticator"),
    ("53414d53-554e-4700-0000-000000000000", "Samsung Pass"),
    ("adce0002-35bc-c60a-648b-0b25f1f05503", "Chrome on Mac"),
    ("771b48fd-d3d4-4f74-9232-fc157ab0507a", "Edge on Mac"),
    ("b5397666-4885-aa6b-cebf-e52262a439a2", "Chromium"),
    ("bada5566-a7aa-401f-bd96-45619a55120d", "1Password"),
    ("d548826e-79b4-db40-a3d8-11116f7e8349", "Bitwarden"),
    ("531126d6-e717-415c-9320-3d9aa6981239", "Dashlane"),
    ("f3809540-7f14-49c1-a8b3-8f813b225541", "Enpass"),
    ("a10c6dd9-465e-4226-8198-c7c44b91c555", "Kaspersky Password Manager"),
    ("eaecdef2-1c31-5634-8639-f1cbd9c00a08", "KeePassDX"),
    ("fdb141b2-5d84-443e-8a35-4698c205a502", "KeePassXC"),
    ("0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6", "Keeper"),
    ("b78a0a55-6ef8-d246-a042-ba0f6d55050c", "LastPass"),
    ("b84e4048-15dc-4dd0-8640-f4f60813c8af", "NordPass"),
    ("50726f74-6f6e-5061-7373-50726f746f6e", "Proton Pass"),
    ("b35a26b2-8f6e-4697-ab1d-d44db4da28c6", "Zoho Vault"),
    ("cb69481e-8ff7-4039-93ec-0a2729a154a8", "YubiKey 5"),
    ("ee882879-721c-4913-9775-3dfcce97072a", "YubiKey 5"),
    ("fa2b99dc-9e39-4257-8f92-4a30d23c4118", "YubiKey 5 NFC"),
    ("2fc0579f-8113-47ea-b116-bb5a8db9202a", "YubiKey 5 NFC"),
    ("c5ef55ff-ad9a-4b9f-b580-adebafe026d0", "YubiKey 5Ci"),
    ("73bb0cd4-e502-49b8-9c6f-b59445bf720b", "YubiKey 5 FIPS"),
    ("c1f9a0bc-1dd2-404a-b27f-8e29047a43fd", "YubiKey 5 NFC FIPS"),
    ("85203421-48f9-4355-9bc8-8a53846e5083", "YubiKey 5Ci FIPS"),
    ("d8522d9f-575b-4866-88a9-ba99fa02f35b", "YubiKey Bio"),
    ("f8a011f3-8c0a-4d15-8006-17111f9edc7d", "Security Key by Yubico"),
    ("b92c3f9a-c014-4056-887f-140a2501163b", "Security Key by Yubico"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_aaguid_is_one_and_has_a_name() {
        let names = AuthenticatorNames::default();
        for (text, name) in KNOWN {
            let aaguid = parse_aaguid(text).unwrap_or_else(|| panic!("{text} is no AAGUID"));
            assert_eq!(names.name_of(&aaguid).unwrap().as_str(), *name);
            assert_eq!(KNOWN.iter().filter(|(other, _)| other == text).count(), 1, "{text} is listed twice");
        }
        assert_eq!(names.name_of(&[0; 16]), None, "one that does not tell");
    }

    #[test]
    fn names_of_a_file_come_first() {
        let text = r#"{
            "BADA5566-a7aa-401f-bd96-45619a55120d": {"name": "Company vault", "icon_dark": "data:image/svg+xml;base64,AA"},
            "00000000-0000-0000-0000-000000000001": {"name": "Badge"}
        }"#;
        let names = AuthenticatorNames::parse(text).unwrap();
        let name = |text| names.name_of(&parse_aaguid(text).unwrap()).map(|name| name.as_str().to_owned());
        assert_eq!(name("bada5566-a7aa-401f-bd96-45619a55120d").as_deref(), Some("Company vault"));
        assert_eq!(name("00000000-0000-0000-0000-000000000001").as_deref(), Some("Badge"));
        assert_eq!(name("d548826e-79b4-db40-a3d8-11116f7e8349").as_deref(), Some("Bitwarden"));
        assert_eq!(AuthenticatorNames::parse("{}"), Ok(AuthenticatorNames::default()));
    }

    #[test]
    fn a_mistake_in_a_file_is_found_at_its_place() {
        for (text, at, message) in [
            ("", 0, "EOF"),
            ("[]", 0, "invalid type: sequence"),
            ("{\n \"x\": 5}", 8, "invalid type: integer"),
            ("{\n \"x\": {\"name\": \"X\"}}", 3, "no AAGUID"),
            ("{\"bada5566-a7aa-401f-bd96-45619a55120d\": {\"name\": \"\"}}", 1, "1 to 64 characters"),
            ("{\"bada5566-a7aa-401f-bd96-45619a55120d\": {\"icon\": \"\"}}", 52, "missing field `name`"),
            ("{\"bada5566a7aa401fbd9645619a55120d\": {\"name\": \"X\"}}", 1, "no AAGUID"),
        ] {
            let problem = AuthenticatorNames::parse(text).unwrap_err();
            assert!(problem.message.contains(message), "{text}: {problem:?}");
            assert_eq!(problem.at, at, "{text}: {problem:?}");
        }
    }
}
