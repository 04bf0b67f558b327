//! Proofs of who somebody is: by which method, and when.
//!
//! A session carries the proofs that were made in it. Rules ask how old they are, so that a stolen session is worth
//! little where a fresh proof is required. How a proof is checked is left to the modules that check credentials.

use crate::clock::Timestamp;

/// How a person can prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofMethod {
    /// The right password.
    Password,
    /// The word of an OpenID Connect provider.
    Provider,
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
}

impl ProofMethod {
    /// All methods.
    pub const ALL: [Self; 2] = [Self::Password, Self::Provider];

    /// The name of the method in stored sessions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Provider => "provider",
        }
    }

    /// The method with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

impl Proof {
    /// A proof by password.
    pub fn password(at: Timestamp) -> Self {
        Self { method: ProofMethod::Password, at }
    }
}

impl Proofs {
    /// One proof by password.
    pub fn password(at: Timestamp) -> Self {
        Self { password: Some(at), provider: None }
    }

    /// With one more proof; of two by the same method, the newer one counts.
    #[must_use]
    pub fn with(mut self, proof: Proof) -> Self {
        let slot = match proof.method {
            ProofMethod::Password => &mut self.password,
            ProofMethod::Provider => &mut self.provider,
        };
        *slot = (*slot).max(Some(proof.at));
        self
    }

    /// When the newest proof by this method was made.
    pub fn at(&self, method: ProofMethod) -> Option<Timestamp> {
        match method {
            ProofMethod::Password => self.password,
            ProofMethod::Provider => self.provider,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_proofs_by_one_method_the_newer_one_counts() {
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
}
