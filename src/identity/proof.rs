//! Proofs of who somebody is: by which method, and when.
//!
//! A session carries the proofs that were made in it. Rules ask how many independent factors they are and how old each is,
//! so that a stolen session is worth little where a fresh proof is required. How a proof is checked is left to the modules
//! that check credentials.

use std::time::Duration;

use crate::clock::Timestamp;

/// How a person, or a program, can prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProofMethod {
    /// The right password.
    Password,
    /// The word of an OpenID Connect provider.
    Provider,
    /// The word of an OpenID Connect provider that is believed in this, that a second factor was shown there.
    ProviderSecondFactor,
    /// A one-time password of an authenticator app.
    Totp,
    /// A recovery code, which is used once.
    RecoveryCode,
    /// A passkey, whose authenticator has verified the person by a PIN or a fingerprint.
    Passkey,
    /// A passkey whose authenticator has only seen that somebody is there.
    SecurityKey,
    /// An API token.
    Token,
    /// A client certificate.
    Certificate,
}

/// The kind of thing that a proof rests on. Two proofs of one kind are one factor: Mallory, who reads over Alice's
/// shoulder, has both of her passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorClass {
    /// Something that can be told or copied: a password, the word of a provider, an API token.
    Knowledge,
    /// A thing that the person has.
    Possession,
    /// Both at once.
    Both,
}

/// One proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How it was made.
    pub method: ProofMethod,
    /// When.
    pub at: Timestamp,
}

/// The newest proof by each method. The default holds none: nobody has proved anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    password: Option<Timestamp>,
    provider: Option<Timestamp>,
    provider_second_factor: Option<Timestamp>,
    totp: Option<Timestamp>,
    recovery_code: Option<Timestamp>,
    passkey: Option<Timestamp>,
    security_key: Option<Timestamp>,
    token: Option<Timestamp>,
    certificate: Option<Timestamp>,
}

impl ProofMethod {
    /// All methods.
    pub const ALL: [Self; 9] = [
        Self::Password,
        Self::Provider,
        Self::ProviderSecondFactor,
        Self::Totp,
        Self::RecoveryCode,
        Self::Passkey,
        Self::SecurityKey,
        Self::Token,
        Self::Certificate,
    ];

    /// The name of the method in stored sessions, in rules and in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Provider => "provider",
            Self::ProviderSecondFactor => "provider-second-factor",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery-code",
            Self::Passkey => "passkey",
            Self::SecurityKey => "security-key",
            Self::Token => "token",
            Self::Certificate => "certificate",
        }
    }

    /// The method with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }

    /// The kind of thing that a proof by this method rests on.
    pub fn class(self) -> FactorClass {
        match self {
            Self::Password | Self::Provider | Self::Token => FactorClass::Knowledge,
            Self::ProviderSecondFactor
            | Self::Totp
            | Self::RecoveryCode
            | Self::SecurityKey
            | Self::Certificate => FactorClass::Possession,
            Self::Passkey => FactorClass::Both,
        }
    }
}

impl Proof {
    /// A proof by password.
    pub fn password(at: Timestamp) -> Self {
        Self { method: ProofMethod::Password, at }
    }

    /// Whether the proof is not older than `max_age`; every proof is recent if there is no maximum.
    pub fn is_recent(&self, now: Timestamp, max_age: Option<Duration>) -> bool {
        max_age.is_none_or(|max_age| now.since(self.at) <= max_age)
    }
}

impl Proofs {
    /// One proof by password.
    pub fn password(at: Timestamp) -> Self {
        Self { password: Some(at), ..Self::default() }
    }

    /// With one more proof; of two by the same method, the newer one counts.
    #[must_use]
    pub fn with(mut self, proof: Proof) -> Self {
        let slot = self.slot(proof.method);
        *slot = (*slot).max(Some(proof.at));
        self
    }

    /// With all proofs of another.
    #[must_use]
    pub fn and(self, others: &Self) -> Self {
        others.iter().fold(self, Self::with)
    }

    /// When the newest proof by this method was made.
    pub fn at(&self, method: ProofMethod) -> Option<Timestamp> {
        match method {
            ProofMethod::Password => self.password,
            ProofMethod::Provider => self.provider,
            ProofMethod::ProviderSecondFactor => self.provider_second_factor,
            ProofMethod::Totp => self.totp,
            ProofMethod::RecoveryCode => self.recovery_code,
            ProofMethod::Passkey => self.passkey,
            ProofMethod::SecurityKey => self.security_key,
            ProofMethod::Token => self.token,
            ProofMethod::Certificate => self.certificate,
        }
    }

    /// When the newest proof of all was made.
    pub fn newest(&self) -> Option<Timestamp> {
        self.iter().map(|proof| proof.at).max()
    }

    /// All proofs.
    pub fn iter(&self) -> impl Iterator<Item = Proof> {
        ProofMethod::ALL.into_iter().filter_map(|method| Some(Proof { method, at: self.at(method)? }))
    }

    /// The number of independent factors, 0 to 2, among the proofs that are not older than `max_age`.
    pub fn factors(&self, now: Timestamp, max_age: Option<Duration>) -> u8 {
        let recent = self.iter().filter(|proof| proof.is_recent(now, max_age));
        let (knowledge, possession) = recent.fold((false, false), |(knowledge, possession), proof| {
            let class = proof.method.class();
            (knowledge || class != FactorClass::Possession, possession || class != FactorClass::Knowledge)
        });
        u8::from(knowledge) + u8::from(possession)
    }

    /// Whether there is a proof of something that the person has.
    pub fn have_possession(&self) -> bool {
        self.iter().any(|proof| proof.method.class() != FactorClass::Knowledge)
    }

    /// The proofs as stores keep them: `METHOD@MILLISECONDS`, with blanks between; empty if there are none.
    pub fn to_words(&self) -> String {
        let words: Vec<String> = self
            .iter()
            .map(|Proof { method, at }| format!("{}@{}", method.as_str(), at.as_millis()))
            .collect();
        words.join(" ")
    }

    /// Reads [`Proofs::to_words`]. A method of a newer release is left out: less is proved then, never more.
    pub fn from_words(words: &str) -> Self {
        let proof = |word: &str| {
            let (method, at) = word.split_once('@')?;
            let at = Timestamp::from_millis(at.parse().ok()?);
            Some(Proof { method: ProofMethod::parse(method)?, at })
        };
        words.split(' ').filter_map(proof).fold(Self::default(), Self::with)
    }

    fn slot(&mut self, method: ProofMethod) -> &mut Option<Timestamp> {
        match method {
            ProofMethod::Password => &mut self.password,
            ProofMethod::Provider => &mut self.provider,
            ProofMethod::ProviderSecondFactor => &mut self.provider_second_factor,
            ProofMethod::Totp => &mut self.totp,
            ProofMethod::RecoveryCode => &mut self.recovery_code,
            ProofMethod::Passkey => &mut self.passkey,
            ProofMethod::SecurityKey => &mut self.security_key,
            ProofMethod::Token => &mut self.token,
            ProofMethod::Certificate => &mut self.certificate,
        }
    }
}

impl From<Proof> for Proofs {
    fn from(proof: Proof) -> Self {
        Self::default().with(proof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_of_two_proofs_by_one_method_counts() {
        let [old, new] = [1, 2].map(Timestamp::from_millis);
        for (first, second) in [(old, new), (new, old)] {
            let proofs = Proofs::password(first).with(Proof { method: ProofMethod::Password, at: second });
            assert_eq!(proofs.iter().collect::<Vec<_>>(), [Proof { method: ProofMethod::Password, at: new }]);
            assert_eq!(proofs.newest(), Some(new));
        }
        assert_eq!(Proofs::default().newest(), None);
    }

    #[test]
    fn proofs_by_different_methods_are_kept_apart() {
        let [first, second] = [1, 2].map(Timestamp::from_millis);
        let provider = Proof { method: ProofMethod::Provider, at: second };
        let proofs = Proofs::password(first).with(provider);
        assert_eq!(proofs.at(ProofMethod::Password), Some(first));
        assert_eq!(proofs.at(ProofMethod::Provider), Some(second));
        assert_eq!(Proofs::default().with(provider).at(ProofMethod::Password), None);
    }

    #[test]
    fn a_method_is_read_by_its_name() {
        for method in ProofMethod::ALL {
            assert_eq!(ProofMethod::parse(method.as_str()), Some(method));
        }
        assert_eq!(ProofMethod::parse("Password"), None);
    }

    #[test]
    fn independent_factors_are_counted() {
        use ProofMethod::{Certificate, Passkey, Password, Provider, RecoveryCode, SecurityKey, Token, Totp};
        let now = Timestamp::from_millis(1000);
        let factors = |methods: &[ProofMethod]| {
            let proofs = methods.iter().map(|method| Proof { method: *method, at: now });
            proofs.fold(Proofs::default(), Proofs::with).factors(now, None)
        };
        for (methods, expected) in [
            (&[] as &[_], 0),
            (&[Password], 1),
            (&[Password, Provider], 1),
            (&[Password, Token], 1),
            (&[Totp], 1),
            (&[Totp, RecoveryCode, SecurityKey, Certificate], 1),
            (&[Passkey], 2),
            (&[Passkey, Password, Totp], 2),
            (&[Password, Totp], 2),
            (&[Password, RecoveryCode], 2),
            (&[Provider, SecurityKey], 2),
            (&[Token, Certificate], 2),
        ] {
            assert_eq!(factors(methods), expected, "{methods:?}");
        }
    }

    #[test]
    fn a_factor_counts_up_to_its_maximum_age() {
        let at = |method, millis| Proof { method, at: Timestamp::from_millis(millis) };
        let proofs = Proofs::from(at(ProofMethod::Password, 100)).with(at(ProofMethod::Totp, 200));
        let within = |now, age| proofs.factors(Timestamp::from_millis(now), Some(Duration::from_millis(age)));
        assert_eq!([within(200, 100), within(201, 100), within(300, 100), within(301, 100)], [2, 1, 1, 0]);
        assert_eq!(proofs.factors(Timestamp::from_millis(9_999_999), None), 2);
    }
}
