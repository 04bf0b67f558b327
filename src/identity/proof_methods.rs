//! A set of methods of proof.

use std::fmt;

use super::{FactorClass, ProofMethod};

/// A set of methods, of which any one is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProofMethods(u16);

impl ProofMethods {
    /// Every method.
    pub const ALL: Self = Self((1 << ProofMethod::ALL.len()) - 1);

    /// The set of the given methods.
    pub fn of(methods: impl IntoIterator<Item = ProofMethod>) -> Self {
        Self(methods.into_iter().fold(0, |bits, method| bits | bit(method)))
    }

    /// The methods that prove that the person has something.
    pub fn possession() -> Self {
        Self::of(ProofMethod::ALL.into_iter().filter(|method| method.class() != FactorClass::Knowledge))
    }

    /// The methods that prove that the person knows something.
    pub fn knowledge() -> Self {
        Self::of(ProofMethod::ALL.into_iter().filter(|method| method.class() != FactorClass::Possession))
    }

    /// Whether this method is among them.
    pub fn contains(self, method: ProofMethod) -> bool {
        self.0 & bit(method) != 0
    }

    /// The methods, in the order of [`ProofMethod::ALL`].
    pub fn iter(self) -> impl Iterator<Item = ProofMethod> {
        ProofMethod::ALL.into_iter().filter(move |method| self.contains(*method))
    }

    /// Number of methods.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Reads the form in an address, `totp.passkey`. Other words are skipped; without any method, all are meant.
    pub fn from_query(text: &str) -> Self {
        let methods = Self::of(text.split('.').filter_map(ProofMethod::parse));
        if methods.0 == 0 { Self::ALL } else { methods }
    }
}

/// The form in an address: `totp.passkey`.
impl fmt::Display for ProofMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(ProofMethod::as_str).collect();
        f.write_str(&words.join("."))
    }
}

impl fmt::Debug for ProofMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

fn bit(method: ProofMethod) -> u16 {
    ProofMethod::ALL.into_iter().position(|other| other == method).map_or(0, |place| 1 << place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_methods_is_read_as_it_is_written() {
        let methods = ProofMethods::of([ProofMethod::Passkey, ProofMethod::Totp]);
        assert_eq!(methods.to_string(), "totp.passkey");
        assert_eq!(ProofMethods::from_query("passkey.totp"), methods);
        assert_eq!(ProofMethods::from_query("totp.mind-reading.passkey"), methods);
        for text in ["", ".", "1", "mind-reading", "Totp"] {
            assert_eq!(ProofMethods::from_query(text), ProofMethods::ALL, "{text}");
        }
        assert_eq!(ProofMethods::ALL.iter().count(), ProofMethod::ALL.len());
        assert!(methods.contains(ProofMethod::Totp) && !methods.contains(ProofMethod::Password));
    }

    #[test]
    fn a_passkey_is_something_known_and_something_had() {
        let (knowledge, possession) = (ProofMethods::knowledge(), ProofMethods::possession());
        for method in ProofMethod::ALL {
            assert!(knowledge.contains(method) || possession.contains(method));
            let both = knowledge.contains(method) && possession.contains(method);
            assert_eq!(both, method == ProofMethod::Passkey, "{method:?}");
        }
    }
}
