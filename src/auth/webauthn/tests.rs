//! Each step of a registration and of an authentication, broken once.

use proptest::prelude::*;

use super::{
    samples::{
        AT, AuthenticatorFields, BE, BS, ED, SoftPasskey, UP, UV, attestation_object, attested, bytes,
        client_data, no_attestation,
    },
    *,
};

const RP_ID: &str = "example.com";
const ORIGIN: &str = "https://login.example.com";
const ID: &[u8] = b"credential";
const HANDLE: &[u8] = b"handle";

fn party() -> RelyingParty {
    RelyingParty::new(RP_ID, [ORIGIN.into(), "https://wiki.example.com:8443".into()])
}

fn challenge() -> Challenge {
    Challenge::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap()
}

/// A response to a registration whose parts a test replaces.
struct Registration {
    id: Vec<u8>,
    client_data: String,
    object: Vec<u8>,
}

fn registration_of(passkey: &SoftPasskey) -> Registration {
    Registration {
        id: passkey.id.clone(),
        client_data: client_data("webauthn.create", &challenge().to_text(), ORIGIN),
        object: no_attestation(&passkey.registration(RP_ID, UP | UV).encode()),
    }
}

impl Registration {
    fn check(&self, user_verification: UserVerification) -> Result<NewCredential, NotVerified> {
        let (party, challenge) = (party(), challenge());
        let response = RegistrationResponse {
            id: &self.id,
            client_data: self.client_data.as_bytes(),
            attestation_object: &self.object,
        };
        register(&response, &Expectation { party: &party, challenge: &challenge, user_verification })
    }
}

#[test]
fn a_registration_gives_the_credential_to_store() {
    for (passkey, algorithm) in [
        (SoftPasskey::es256(ID), CoseAlgorithm::Es256),
        (SoftPasskey::eddsa(ID), CoseAlgorithm::EdDsa),
        (SoftPasskey::rs256(ID), CoseAlgorithm::Rs256),
    ] {
        let mut fields = passkey.registration(RP_ID, UP | UV | BE | BS | ED);
        fields.sign_count = 7;
        // {"credProtect": 2}
        fields.rest.extend(b"\xa1\x6bcredProtect\x02");
        let object = no_attestation(&fields.encode());
        let new =
            Registration { object, ..registration_of(&passkey) }.check(UserVerification::Required).unwrap();
        assert_eq!((&*new.id, new.sign_count, new.aaguid), (ID, 7, [0xaa; 16]));
        assert!(new.backup_eligible && new.backed_up && new.user_verified);
        assert_eq!(new.public_key.algorithm(), algorithm);
        assert_eq!(new.public_key.as_cose(), passkey.cose());
        assert_eq!(PublicKey::from_cose(new.public_key.as_cose()), Ok(new.public_key));
    }
}

#[test]
fn an_attestation_that_was_not_asked_for_is_ignored() {
    let passkey = SoftPasskey::es256(ID);
    let data = passkey.registration(RP_ID, UP | UV).encode();
    // {"alg": -7, "sig": h'00', "x5c": [h'01', h'02']}
    let statement = b"\xa3\x63alg\x26\x63sig\x41\x00\x63x5c\x82\x41\x01\x41\x02";
    for format in ["packed", "tpm", "android-key", "apple", "fido-u2f", "unheard-of"] {
        let object = attestation_object(format, statement, &data);
        assert!(
            Registration { object, ..registration_of(&passkey) }.check(UserVerification::Required).is_ok(),
            "{format}"
        );
    }
}

#[expect(clippy::too_many_lines, reason = "a table of steps")]
#[test]
fn each_broken_step_of_a_registration_is_refused() {
    use NotVerified as N;
    let passkey = SoftPasskey::es256(ID);
    let good = || registration_of(&passkey);
    let with_data = |data: &str| Registration { client_data: data.to_owned(), ..good() };
    let with_object = |object: Vec<u8>| Registration { object, ..good() };
    let with_fields = |change: &dyn Fn(&mut AuthenticatorFields)| {
        let mut fields = passkey.registration(RP_ID, UP | UV);
        change(&mut fields);
        with_object(no_attestation(&fields.encode()))
    };
    let with_key = |cose: &[u8]| with_fields(&|fields| fields.rest = attested(ID, cose));
    let with_id = |id: &[u8]| Registration {
        id: id.to_vec(),
        ..with_fields(&|fields| fields.rest = attested(id, &passkey.cose()))
    };
    let text = challenge().to_text();
    let create = |challenge: &str, origin: &str| client_data("webauthn.create", challenge, origin);
    let member = |member: &str| {
        format!(r#"{{"type":"webauthn.create","challenge":"{text}","origin":"{ORIGIN}",{member}}}"#)
    };
    let key = passkey.cose();
    let data = passkey.registration(RP_ID, UP | UV).encode();
    let (x, y) = (bytes(&[1; 32]), bytes(&[2; 32]));
    let rsa =
        |n: &[u8], e: &[u8]| [&[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20][..], &bytes(n), &[0x21], &bytes(e)].concat();
    let table: Vec<(&str, Registration, NotVerified)> = vec![
        ("5 no JSON", with_data("{"), N::ClientDataMalformed),
        (
            "5 a byte order mark",
            with_data(&format!("\u{feff}{}", create(&text, ORIGIN))),
            N::ClientDataMalformed,
        ),
        ("6 no object", with_data("[]"), N::ClientDataMalformed),
        ("6 no type", with_data(r#"{"challenge":"","origin":""}"#), N::ClientDataMalformed),
        (
            "6 a number for a text",
            with_data(r#"{"type":1,"challenge":"","origin":""}"#),
            N::ClientDataMalformed,
        ),
        ("6 a member twice", with_data(&member(r#""origin":"https://evil.test""#)), N::ClientDataMalformed),
        ("6 4 KiB", with_data(&member(&format!(r#""x":"{}""#, "x".repeat(4096)))), N::ClientDataMalformed),
        ("7 another type", with_data(&client_data("webauthn.get", &text, ORIGIN)), N::WrongType),
        ("7 payment", with_data(&client_data("payment.create", &text, ORIGIN)), N::WrongType),
        ("8 another challenge", with_data(&create(&"A".repeat(43), ORIGIN)), N::WrongChallenge),
        ("8 a padded challenge", with_data(&create(&format!("{text}="), ORIGIN)), N::WrongChallenge),
        ("8 no challenge", with_data(&create("", ORIGIN)), N::WrongChallenge),
        ("9 another origin", with_data(&create(&text, "https://evil.test")), N::WrongOrigin),
        ("10 in a frame", with_data(&member(r#""crossOrigin":true"#)), N::CrossOrigin),
        ("10 neither yes nor no", with_data(&member(r#""crossOrigin":"false""#)), N::ClientDataMalformed),
        ("11 a top origin", with_data(&member(&format!(r#""topOrigin":"{ORIGIN}""#))), N::CrossOrigin),
        ("13 no CBOR", with_object(vec![0xff]), N::AttestationMalformed),
        ("13 more behind it", with_object([&good().object[..], &[0]].concat()), N::AttestationMalformed),
        (
            "13 no format",
            with_object([&[0xa1, 0x63][..], b"fmt", &[0x64], b"none"].concat()),
            N::AttestationMalformed,
        ),
        (
            "13 no map of a statement",
            with_object(attestation_object("none", &[0x80], &data)),
            N::AttestationMalformed,
        ),
        ("13 too short", with_object(no_attestation(&data[..36])), N::AuthenticatorDataMalformed),
        ("13 cut", with_object(no_attestation(&data[..60])), N::AuthenticatorDataMalformed),
        ("13 a byte more", with_fields(&|fields| fields.rest.push(0)), N::AuthenticatorDataMalformed),
        ("13 extensions missing", with_fields(&|fields| fields.flags |= ED), N::AuthenticatorDataMalformed),
        (
            "14 another relying party",
            with_fields(&|fields| fields.rp_id = "evil.test".to_owned()),
            N::WrongRelyingParty,
        ),
        (
            "14 a host below it",
            with_fields(&|fields| fields.rp_id = "login.example.com".to_owned()),
            N::WrongRelyingParty,
        ),
        ("15 nobody there", with_fields(&|fields| fields.flags = AT | UV), N::UserNotPresent),
        ("16 not verified", with_fields(&|fields| fields.flags = AT | UP), N::UserNotVerified),
        ("17 a backup of what can't be", with_fields(&|fields| fields.flags |= BS), N::BackupImpossible),
        (
            "20 no credential",
            with_fields(&|fields| (fields.flags, fields.rest) = (UP | UV, Vec::new())),
            N::NoCredential,
        ),
        // {1: 2, 3: -35, …}: P-384.
        (
            "20 another algorithm",
            with_key(&[&[0xa5, 1, 2, 3, 0x38, 34, 0x20, 2, 0x21][..], &x, &[0x22], &y].concat()),
            N::AlgorithmNotOffered,
        ),
        (
            "20 no algorithm",
            with_key(&[&[0xa3, 1, 2, 0x20, 1, 0x21][..], &x].concat()),
            N::PublicKeyMalformed,
        ),
        (
            "20 a key of another type",
            with_key(&[&[0xa4, 1, 1, 3, 0x26, 0x20, 6, 0x21][..], &x].concat()),
            N::PublicKeyMalformed,
        ),
        (
            "20 a point off the curve",
            with_key(&[&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21][..], &x, &[0x22], &y].concat()),
            N::PublicKeyMalformed,
        ),
        (
            "20 a compressed point",
            with_key(&[&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21][..], &x, &[0x22, 0xf5]].concat()),
            N::PublicKeyMalformed,
        ),
        (
            "20 a short coordinate",
            with_key(&[&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21][..], &x, &[0x22], &bytes(&[2; 31])].concat()),
            N::PublicKeyMalformed,
        ),
        (
            "20 a short key of Ed25519",
            with_key(&[&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21][..], &bytes(&[1; 31])].concat()),
            N::PublicKeyMalformed,
        ),
        ("20 a short modulus", with_key(&rsa(&[0xff; 255], &[1, 0, 1])), N::PublicKeyMalformed),
        ("20 an exponent of 1", with_key(&rsa(&[0xff; 256], &[1])), N::PublicKeyMalformed),
        ("20 an even exponent", with_key(&rsa(&[0xff; 256], &[2])), N::PublicKeyMalformed),
        (
            "22 none with a statement",
            with_object(attestation_object("none", b"\xa1\x63alg\x26", &data)),
            N::AttestationNotNone,
        ),
        ("25 no id", with_id(&[]), N::CredentialIdLength),
        ("25 an id of 1,024 bytes", with_id(&[7; 1024]), N::CredentialIdLength),
        (
            "an id that the response does not name",
            Registration { id: b"another".to_vec(), ..good() },
            N::WrongCredential,
        ),
    ];
    for (step, registration, expected) in table {
        assert_eq!(registration.check(UserVerification::Required).unwrap_err(), expected, "{step}");
    }
    assert!(good().check(UserVerification::Required).is_ok());
    assert!(with_key(&key).check(UserVerification::Required).is_ok());
    assert!(with_id(&[7; 1023]).check(UserVerification::Required).is_ok());
    assert!(
        with_fields(&|fields| fields.flags = AT | UP).check(UserVerification::Preferred).is_ok(),
        "a person who is not verified, where that is only preferred"
    );
}

/// A response to an authentication whose parts a test replaces.
#[derive(Clone)]
struct Assertion {
    id: Vec<u8>,
    client_data: String,
    data: Vec<u8>,
    signature: Vec<u8>,
    handle: Option<Vec<u8>>,
}

fn assertion_of(passkey: &SoftPasskey, client_data: String, fields: &AuthenticatorFields) -> Assertion {
    let data = fields.encode();
    let signature = passkey.sign(&data, client_data.as_bytes());
    Assertion { id: passkey.id.clone(), client_data, data, signature, handle: Some(HANDLE.to_vec()) }
}

fn stored(passkey: &SoftPasskey) -> Credential {
    Credential {
        id: passkey.id.clone().into(),
        user_handle: HANDLE.into(),
        public_key: PublicKey::from_cose(&passkey.cose()).unwrap(),
        sign_count: 5,
        backup_eligible: false,
    }
}

impl Assertion {
    fn check(
        &self,
        stored: &Credential,
        handle: UserHandleRule,
        user_verification: UserVerification,
    ) -> Result<Authenticated, NotVerified> {
        let (party, challenge) = (party(), challenge());
        let response = AuthenticationResponse {
            id: &self.id,
            client_data: self.client_data.as_bytes(),
            authenticator_data: &self.data,
            signature: &self.signature,
            user_handle: self.handle.as_deref(),
        };
        let expected = Expectation { party: &party, challenge: &challenge, user_verification };
        authenticate(&response, stored, handle, &expected)
    }

    fn strictly(&self, stored: &Credential) -> Result<Authenticated, NotVerified> {
        self.check(stored, UserHandleRule::Required, UserVerification::Required)
    }
}

fn get() -> String {
    client_data("webauthn.get", &challenge().to_text(), ORIGIN)
}

#[test]
fn the_owner_of_a_credential_is_authenticated() {
    for passkey in [SoftPasskey::es256(ID), SoftPasskey::eddsa(ID), SoftPasskey::rs256(ID)] {
        let fields = AuthenticatorFields::assertion(RP_ID, UP | UV, 6);
        let authenticated = assertion_of(&passkey, get(), &fields).strictly(&stored(&passkey)).unwrap();
        let expected =
            Authenticated { sign_count: 6, count_went_back: false, backed_up: false, user_verified: true };
        assert_eq!(authenticated, expected);
    }
}

#[test]
fn each_broken_step_of_an_authentication_is_refused() {
    use NotVerified as N;
    let (passkey, other) = (SoftPasskey::es256(ID), SoftPasskey::es256(ID));
    let fields = || AuthenticatorFields::assertion(RP_ID, UP | UV, 6);
    let good = || assertion_of(&passkey, get(), &fields());
    let with_data = |data: &str| assertion_of(&passkey, data.to_owned(), &fields());
    let with_fields = |change: &dyn Fn(&mut AuthenticatorFields)| {
        let mut changed = fields();
        change(&mut changed);
        assertion_of(&passkey, get(), &changed)
    };
    let text = challenge().to_text();
    let member = |member: &str| {
        format!(r#"{{"type":"webauthn.get","challenge":"{text}","origin":"{ORIGIN}",{member}}}"#)
    };
    let table: Vec<(&str, Assertion, NotVerified)> = vec![
        ("5 another credential", Assertion { id: b"another".to_vec(), ..good() }, N::WrongCredential),
        ("6 no user handle", Assertion { handle: None, ..good() }, N::WrongUserHandle),
        ("6 another user", Assertion { handle: Some(b"mallory".to_vec()), ..good() }, N::WrongUserHandle),
        (
            "6 a part of the handle",
            Assertion { handle: Some(b"handl".to_vec()), ..good() },
            N::WrongUserHandle,
        ),
        ("6 an empty handle", Assertion { handle: Some(Vec::new()), ..good() }, N::WrongUserHandle),
        ("9 no JSON", with_data("{"), N::ClientDataMalformed),
        ("10 a member twice", with_data(&member(r#""type":"webauthn.get""#)), N::ClientDataMalformed),
        ("11 another type", with_data(&client_data("webauthn.create", &text, ORIGIN)), N::WrongType),
        (
            "12 another challenge",
            with_data(&client_data("webauthn.get", &"A".repeat(43), ORIGIN)),
            N::WrongChallenge,
        ),
        (
            "13 another origin",
            with_data(&client_data("webauthn.get", &text, "https://evil.test")),
            N::WrongOrigin,
        ),
        ("14 in a frame", with_data(&member(r#""crossOrigin":true"#)), N::CrossOrigin),
        (
            "15 a top origin",
            with_data(&member(r#""crossOrigin":false,"topOrigin":"https://evil.test""#)),
            N::CrossOrigin,
        ),
        ("8 too short", Assertion { data: vec![0; 36], ..good() }, N::AuthenticatorDataMalformed),
        ("8 a byte more", with_fields(&|fields| fields.rest.push(0)), N::AuthenticatorDataMalformed),
        (
            "8 extensions that are no map",
            with_fields(&|fields| (fields.flags, fields.rest) = (UP | UV | ED, vec![0])),
            N::AuthenticatorDataMalformed,
        ),
        (
            "16 another relying party",
            with_fields(&|fields| fields.rp_id = "evil.test".to_owned()),
            N::WrongRelyingParty,
        ),
        ("17 nobody there", with_fields(&|fields| fields.flags = UV), N::UserNotPresent),
        ("18 not verified", with_fields(&|fields| fields.flags = UP), N::UserNotVerified),
        ("19 a backup of what can't be", with_fields(&|fields| fields.flags |= BS), N::BackupImpossible),
        (
            "20 it can be backed up now",
            with_fields(&|fields| fields.flags |= BE),
            N::BackupEligibilityChanged,
        ),
        ("23 another key", assertion_of(&other, get(), &fields()), N::WrongSignature),
        ("23 no signature", Assertion { signature: Vec::new(), ..good() }, N::WrongSignature),
        (
            "23 other client data",
            Assertion { client_data: format!("{} ", get()), ..good() },
            N::WrongSignature,
        ),
        (
            "23 other authenticator data",
            Assertion { data: AuthenticatorFields::assertion(RP_ID, UP | UV, 7).encode(), ..good() },
            N::WrongSignature,
        ),
    ];
    for (step, assertion, expected) in table {
        assert_eq!(assertion.strictly(&stored(&passkey)), Err(expected), "{step}");
    }
    assert!(good().strictly(&stored(&passkey)).is_ok());
    let eligible = Credential { backup_eligible: true, ..stored(&passkey) };
    assert_eq!(good().strictly(&eligible), Err(N::BackupEligibilityChanged));
    assert!(with_fields(&|fields| fields.flags |= BE | BS).strictly(&eligible).unwrap().backed_up);
    let lenient = |assertion: &Assertion| {
        assertion.check(&stored(&passkey), UserHandleRule::Optional, UserVerification::Preferred)
    };
    assert!(lenient(&Assertion { handle: None, ..good() }).is_ok());
    assert_eq!(lenient(&Assertion { handle: Some(b"mallory".to_vec()), ..good() }), Err(N::WrongUserHandle));
    assert!(!lenient(&with_fields(&|fields| fields.flags = UP)).unwrap().user_verified);
}

#[test]
fn an_origin_is_compared_whole() {
    let passkey = SoftPasskey::es256(ID);
    let fields = AuthenticatorFields::assertion(RP_ID, UP | UV, 6);
    let at = |origin: &str| {
        let client_data = client_data("webauthn.get", &challenge().to_text(), origin);
        assertion_of(&passkey, client_data, &fields).strictly(&stored(&passkey))
    };
    assert!(at(ORIGIN).is_ok() && at("https://wiki.example.com:8443").is_ok());
    for origin in [
        "https://login.example.com.evil.test",
        "https://evil-login.example.com",
        "https://evil-example.com",
        "https://example.com",
        "https://other.example.com",
        "https://wiki.example.com",
        "https://login.example.com:8443",
        "https://login.example.com:443",
        "https://login.example.com/",
        "https://login.example.com.",
        "https://LOGIN.example.com",
        "http://login.example.com",
        "https://evil.test#https://login.example.com",
        "https://login.example.com@evil.test",
        "android:apk-key-hash:AAAA",
        "null",
        "",
    ] {
        assert_eq!(at(origin), Err(NotVerified::WrongOrigin), "{origin}");
    }
}

#[test]
fn a_count_of_signatures_that_does_not_go_up_is_told() {
    let passkey = SoftPasskey::es256(ID);
    for (before, now, went_back) in
        [(0, 0, false), (0, 1, false), (5, 6, false), (5, 5, true), (5, 4, true), (5, 0, true)]
    {
        let fields = AuthenticatorFields::assertion(RP_ID, UP | UV, now);
        let stored = Credential { sign_count: before, ..stored(&passkey) };
        let authenticated = assertion_of(&passkey, get(), &fields).strictly(&stored).unwrap();
        assert_eq!(authenticated.count_went_back, went_back, "{before} {now}");
    }
}

#[test]
fn a_challenge_prints_no_secret_and_has_one_spelling() {
    let challenge = Challenge::generate().unwrap();
    assert_eq!(format!("{challenge:?}"), "…");
    let text = challenge.to_text();
    assert_eq!(Challenge::parse(&text), Some(challenge.clone()));
    assert_ne!(Challenge::generate().unwrap(), challenge);
    let spelling = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    assert!(Challenge::parse(spelling).is_some());
    // Another last character stands for the same bits.
    let tail = spelling.replace("Hh8", "Hh9");
    for wrong in [
        tail,
        format!("{spelling}="),
        format!("{spelling}A"),
        spelling.get(1..).unwrap().to_owned(),
        String::new(),
    ] {
        assert_eq!(Challenge::parse(&wrong), None, "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bit_of_an_assertion_can_be_changed(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let passkey = SoftPasskey::eddsa(ID);
        let good = assertion_of(&passkey, get(), &AuthenticatorFields::assertion(RP_ID, UP | UV, 6));
        let stored = stored(&passkey);
        prop_assert!(good.strictly(&stored).is_ok());
        let flip = |bytes: &[u8]| {
            let mut changed = bytes.to_vec();
            changed[at.index(bytes.len())] ^= 1 << bit;
            changed
        };
        let changed = Assertion { data: flip(&good.data), ..good.clone() };
        prop_assert!(changed.strictly(&stored).is_err());
        let changed = Assertion { signature: flip(&good.signature), ..good.clone() };
        prop_assert!(changed.strictly(&stored).is_err());
        let changed = Assertion { id: flip(&good.id), ..good.clone() };
        prop_assert!(changed.strictly(&stored).is_err());
        if let Ok(client_data) = String::from_utf8(flip(good.client_data.as_bytes())) {
            let changed = Assertion { client_data, ..good.clone() };
            prop_assert!(changed.strictly(&stored).is_err());
        }
    }

    #[test]
    fn changed_registrations_are_read_or_refused(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let passkey = SoftPasskey::es256(ID);
        let good = registration_of(&passkey);
        let mut changed = good.object.clone();
        changed[at.index(good.object.len())] = byte;
        let registered = Registration { object: changed, ..registration_of(&passkey) }.check(UserVerification::Required);
        if let Ok(new) = registered {
            prop_assert!((1..=MAX_CREDENTIAL_ID_BYTES).contains(&new.id.len()));
            prop_assert!(PublicKey::from_cose(new.public_key.as_cose()).is_ok());
        }
        let object = good.object[..cut.index(good.object.len())].to_vec();
        let part = Registration { object, ..good };
        prop_assert!(part.check(UserVerification::Required).is_err());
    }
}
