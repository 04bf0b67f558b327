//! The verdicts of the gateway's verifier compared with those of python-fido2, over thousands of changed responses.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

use portcullis::auth::webauthn::{
    AuthenticationResponse, Challenge, Credential, Expectation, NotVerified, PublicKey, RegistrationResponse,
    RelyingParty, UserHandleRule, UserVerification, authenticate, register,
};
use serde_json::json;

use crate::support::authenticator::{
    AuthenticatorFields, BE, BS, ED, SoftPasskey, UP, UV, attestation_object, base64url, client_data,
    no_attestation,
};

const RP_ID: &str = "example.com";
const ORIGINS: [&str; 2] = ["https://login.example.com", "https://wiki.example.com:8443"];
const CHALLENGE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

#[test]
fn ten_thousand_changed_assertions_get_the_verdict_of_another_implementation() {
    let passkeys = passkeys();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let cases: Vec<Assertion> = (0..10_000).map(|_| Assertion::random(&passkeys, &mut random)).collect();
    let theirs = verdicts_of_fido2(&passkeys, cases.iter().map(Assertion::to_json));
    let (mut both_accept, mut both_refuse, mut differ) = (0, 0, Vec::new());
    for (case, theirs) in cases.iter().zip(&theirs) {
        match (case.check(&passkeys), theirs == "accepted") {
            (Ok(()), true) => both_accept += 1,
            (Err(_), false) => both_refuse += 1,
            // The other implementation leaves out these steps of the specification.
            (
                Err(
                    NotVerified::BackupImpossible
                    | NotVerified::BackupEligibilityChanged
                    | NotVerified::CrossOrigin,
                ),
                true,
            ) => {}
            // The other implementation reads base64url in any spelling.
            (Err(NotVerified::WrongChallenge), true) if case.spells_the_challenge_in_another_way() => {}
            (ours, _) => differ.push(format!("{ours:?}, the other one: {theirs}: {}", case.to_json())),
        }
    }
    assert!(
        differ.is_empty(),
        "{} cases differ: {:#?}",
        differ.len(),
        differ.iter().take(20).collect::<Vec<_>>()
    );
    assert!(both_accept > 500 && both_refuse > 5000, "{both_accept} accepted, {both_refuse} refused");
}

#[test]
fn a_changed_registration_that_is_accepted_is_accepted_by_another_implementation() {
    let passkeys = passkeys();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let cases: Vec<Registration> = (0..4000).map(|_| Registration::random(&passkeys, &mut random)).collect();
    let theirs = verdicts_of_fido2(&passkeys, cases.iter().map(Registration::to_json));
    let (mut both_accept, mut both_refuse) = (0, 0);
    for (case, theirs) in cases.iter().zip(&theirs) {
        match (case.check(), theirs == "accepted") {
            (Ok(()), true) => both_accept += 1,
            (Err(_), false) => both_refuse += 1,
            // The other implementation checks neither keys nor much else of what it stores.
            (Err(_), true) => {}
            (Ok(()), false) => panic!("accepted, the other one: {theirs}: {}", case.to_json()),
        }
    }
    assert!(both_accept > 200 && both_refuse > 1000, "{both_accept} accepted, {both_refuse} refused");
}

fn passkeys() -> [SoftPasskey; 3] {
    [SoftPasskey::es256(b"one"), SoftPasskey::eddsa(b"two"), SoftPasskey::rs256(b"three")]
}

/// A response to an authentication with some change in it.
struct Assertion {
    id: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

impl Assertion {
    /// A change before the authenticator signs, or after it, or none.
    fn random(passkeys: &[SoftPasskey], random: &mut Random) -> Self {
        let passkey = random.one_of(passkeys);
        let mut kind = "webauthn.get".to_owned();
        let mut challenge = CHALLENGE.to_owned();
        let mut origin = random.one_of(&ORIGINS).to_string();
        let mut fields =
            AuthenticatorFields::assertion(RP_ID, UP | UV, u32::try_from(random.below(9)).unwrap());
        let mut extra = String::new();
        let mut signer = passkey;
        match random.below(12) {
            0 => {
                kind = String::from(*random.one_of(&["webauthn.create", "", "webauthn.get ", "payment.get"]));
            }
            1 => challenge = base64url(&[u8::try_from(random.below(256)).unwrap(); 32]),
            2 => {
                origin = String::from(*random.one_of(&[
                    "https://login.example.com.evil.test",
                    "https://evil-login.example.com",
                    "https://example.com",
                    "https://login.example.com:8443",
                    "http://login.example.com",
                    "https://LOGIN.example.com",
                    "null",
                    "",
                ]));
            }
            3 => fields.rp_id = String::from(*random.one_of(&["evil.test", "login.example.com", "com", ""])),
            4 | 5 => fields.flags = u8::try_from(random.below(256)).unwrap(),
            6 => {
                fields.flags |= ED;
                // {}, {"credProps": true}, {"hmac-secret": h'00'}, a part of one, two of them.
                let maps: [&[u8]; 5] = [
                    &[0xa0],
                    b"\xa1\x69credProps\xf5",
                    b"\xa1\x6bhmac-secret\x41\x00",
                    b"\xa1\x69credP",
                    b"\xa0\xa0",
                ];
                fields.rest = random.one_of(&maps).to_vec();
            }
            7 => fields.rest = vec![0; random.below(3) + 1],
            8 => {
                extra = String::from(*random.one_of(&[
                    r#","crossOrigin":true"#,
                    r#","crossOrigin":true,"topOrigin":"https://evil.test""#,
                    r#","crossOrigin":false,"other":[1,{"a":null}]"#,
                    ",",
                ]));
            }
            9 => signer = random.one_of(passkeys),
            _ => {}
        }
        let mut client_data =
            format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"{extra}}}"#)
                .into_bytes();
        let mut authenticator_data = fields.encode();
        if random.below(5) == 0 {
            random.change(&mut client_data);
        }
        let mut signature = signer.sign(&authenticator_data, &client_data);
        let mut id = passkey.id.clone();
        match random.below(12) {
            0 => random.change(&mut client_data),
            1 => random.change(&mut authenticator_data),
            2 => random.change(&mut signature),
            3 => random.change(&mut id),
            _ => {}
        }
        Self { id, client_data, authenticator_data, signature }
    }

    fn to_json(&self) -> String {
        json!({
            "id": base64url(&self.id),
            "client_data": base64url(&self.client_data),
            "authenticator_data": base64url(&self.authenticator_data),
            "signature": base64url(&self.signature),
        })
        .to_string()
    }

    /// Whether the challenge differs in its last bits, which stand for nothing, or in characters that are none of base64url.
    fn spells_the_challenge_in_another_way(&self) -> bool {
        let object: serde_json::Value = serde_json::from_slice(&self.client_data).expect("client data");
        let is_digit = |digit: &char| digit.is_ascii_alphanumeric() || "-_".contains(*digit);
        let digits: String =
            object["challenge"].as_str().expect("a challenge").chars().filter(is_digit).collect();
        digits.get(..42) == CHALLENGE.get(..42) && digits.len() == CHALLENGE.len()
    }

    fn check(&self, passkeys: &[SoftPasskey]) -> Result<(), NotVerified> {
        let passkey = passkeys.iter().find(|passkey| passkey.id == self.id);
        let passkey = passkey.ok_or(NotVerified::WrongCredential)?;
        let stored = Credential {
            id: passkey.id.clone().into(),
            user_handle: b"handle".as_slice().into(),
            public_key: PublicKey::from_cose(&passkey.cose())?,
            sign_count: 0,
            backup_eligible: false,
        };
        let response = AuthenticationResponse {
            id: &self.id,
            client_data: &self.client_data,
            authenticator_data: &self.authenticator_data,
            signature: &self.signature,
            user_handle: None,
        };
        let (party, challenge) = (party(), Challenge::parse(CHALLENGE).unwrap());
        let expected = expectation(&party, &challenge);
        authenticate(&response, &stored, UserHandleRule::Optional, &expected).map(|_| ())
    }
}

/// A response to a registration with some change in it.
struct Registration {
    id: Vec<u8>,
    client_data: Vec<u8>,
    attestation_object: Vec<u8>,
}

impl Registration {
    fn random(passkeys: &[SoftPasskey], random: &mut Random) -> Self {
        let passkey = random.one_of(passkeys);
        let mut fields = passkey.registration(RP_ID, UP | UV | *random.one_of(&[0, BE, BE | BS]));
        if random.below(8) == 0 {
            random.change(&mut fields.rest);
        }
        let mut authenticator_data = fields.encode();
        if random.below(3) == 0 {
            random.change(&mut authenticator_data);
        }
        let mut attestation_object = match random.below(4) {
            0 => attestation_object("packed", b"\xa2\x63alg\x26\x63sig\x41\x00", &authenticator_data),
            _ => no_attestation(&authenticator_data),
        };
        let mut client_data = client_data("webauthn.create", CHALLENGE, ORIGINS[0]).into_bytes();
        match random.below(8) {
            0 => random.change(&mut attestation_object),
            1 => random.change(&mut client_data),
            _ => {}
        }
        Self { id: passkey.id.clone(), client_data, attestation_object }
    }

    fn to_json(&self) -> String {
        json!({
            "id": base64url(&self.id),
            "client_data": base64url(&self.client_data),
            "attestation_object": base64url(&self.attestation_object),
        })
        .to_string()
    }

    fn check(&self) -> Result<(), NotVerified> {
        let response = RegistrationResponse {
            id: &self.id,
            client_data: &self.client_data,
            attestation_object: &self.attestation_object,
        };
        let (party, challenge) = (party(), Challenge::parse(CHALLENGE).unwrap());
        register(&response, &expectation(&party, &challenge)).map(|_| ())
    }
}

fn party() -> RelyingParty {
    RelyingParty::new(RP_ID, ORIGINS.map(Into::into))
}

fn expectation<'e>(party: &'e RelyingParty, challenge: &'e Challenge) -> Expectation<'e> {
    Expectation { party, challenge, user_verification: UserVerification::Required }
}

/// The verdict of python-fido2 on each case.
fn verdicts_of_fido2(passkeys: &[SoftPasskey], cases: impl Iterator<Item = String>) -> Vec<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/tools/webauthn/python/bin/python");
    assert!(
        python.exists(),
        "python-fido2 is missing in {}: run tests/run, which installs it",
        python.display()
    );
    let mut child = Command::new(python)
        .arg(root.join("tests/webauthn/verify.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let credentials: Vec<_> = passkeys
        .iter()
        .map(|passkey| json!({"id": base64url(&passkey.id), "cose": base64url(&passkey.cose())}))
        .collect();
    let setting =
        json!({"rp_id": RP_ID, "origins": ORIGINS, "challenge": CHALLENGE, "credentials": credentials});
    let lines: Vec<String> = std::iter::once(setting.to_string()).chain(cases).collect();
    let expected = lines.len() - 1;
    let mut stdin = child.stdin.take().expect("a pipe");
    // The pipe of the verdicts fills up before all cases are written.
    let writer = thread::spawn(move || {
        for line in lines {
            writeln!(stdin, "{line}").expect("python reads");
        }
    });
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let verdicts: Vec<String> = stdout.lines().map(|line| line.expect("a line")).collect();
    writer.join().expect("all cases are written");
    assert!(child.wait().expect("python ends").success());
    assert_eq!(verdicts.len(), expected);
    verdicts
}

/// Reproducible random numbers (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Flips a bit, removes a byte, repeats one, or cuts the end off.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(6) {
            0 => {
                bytes.remove(at);
            }
            1 => bytes.insert(at, bytes[at]),
            2 => bytes.truncate(at),
            _ => bytes[at] ^= 1 << self.below(8),
        }
    }
}
