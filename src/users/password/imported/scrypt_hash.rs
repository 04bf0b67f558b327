//! scrypt, as Django, passlib, Authelia and `crypt(3)` write it.

use data_encoding::{BASE64, BASE64_NOPAD};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{UnusableHash, cost, crypt_base64};

/// A scrypt hash.
pub(in super::super) struct Scrypt {
    params: scrypt::Params,
    salt: Vec<u8>,
    expected: Zeroizing<Vec<u8>>,
}

impl Scrypt {
    /// Django's format after the name: `N$salt$r$p$hash`.
    pub(super) fn of_django(rest: &str) -> Result<Self, UnusableHash> {
        let parts: Vec<&str> = rest.split('$').collect();
        let [n, salt, r, p, hash] = parts.as_slice() else { return Err(MALFORMED) };
        let n: u64 = n.parse().map_err(|_| MALFORMED)?;
        if !n.is_power_of_two() {
            return Err(MALFORMED);
        }
        let hash = BASE64.decode(hash.as_bytes()).map_err(|_| MALFORMED)?;
        Self::new((n.ilog2(), number(r)?, number(p)?), salt.as_bytes().to_vec(), hash)
    }

    /// The format of passlib and Authelia after the name: `ln=16,r=8,p=1$salt$hash`.
    pub(super) fn of_passlib(rest: &str) -> Result<Self, UnusableHash> {
        let parts: Vec<&str> = rest.split('$').collect();
        let [parameters, salt, hash] = parts.as_slice() else { return Err(MALFORMED) };
        let mut values = parameters.split(',');
        let mut value = |name: &str| {
            let value = values.next().and_then(|pair| pair.strip_prefix(name)).ok_or(MALFORMED)?;
            number(value)
        };
        let cost = (value("ln=")?, value("r=")?, value("p=")?);
        let decode = |text: &str| BASE64_NOPAD.decode(text.trim_end_matches('=').as_bytes());
        let (salt, hash) = (decode(salt).map_err(|_| MALFORMED)?, decode(hash).map_err(|_| MALFORMED)?);
        Self::new(cost, salt, hash)
    }

    /// `$7$` of `crypt(3)`, without the prefix: one character of `log2 N`, five of `r`, five of `p`, salt, `$`, hash.
    pub(super) fn of_crypt(rest: &str) -> Result<Self, UnusableHash> {
        let (settings, hash) = rest.rsplit_once('$').ok_or(MALFORMED)?;
        let settings = settings.as_bytes();
        let read = |range: std::ops::Range<usize>| {
            let number = settings.get(range).and_then(crypt_base64::number);
            number.and_then(|number| u32::try_from(number).ok()).ok_or(MALFORMED)
        };
        let cost = (read(0..1)?, read(1..6)?, read(6..11)?);
        let salt = settings.get(11..).unwrap_or_default().to_vec();
        let hash = crypt_base64::bytes(hash.as_bytes()).ok_or(MALFORMED)?;
        Self::new(cost, salt, hash)
    }

    fn new((log_n, r, p): (u32, u32, u32), salt: Vec<u8>, expected: Vec<u8>) -> Result<Self, UnusableHash> {
        if !(16..=64).contains(&expected.len()) || !(1..64).contains(&log_n) {
            return Err(MALFORMED);
        }
        cost::scrypt("scrypt", 1 << log_n, r.into(), p.into())?;
        let log_n = u8::try_from(log_n).map_err(|_| MALFORMED)?;
        let params = scrypt::Params::new(log_n, r, p).map_err(|_| MALFORMED)?;
        Ok(Self { params, salt, expected: Zeroizing::new(expected) })
    }

    pub(super) fn fits(&self, password: &[u8]) -> bool {
        let mut output = Zeroizing::new(vec![0; self.expected.len()]);
        scrypt::scrypt(password, &self.salt, &self.params, &mut output).is_ok()
            && bool::from(output.ct_eq(&self.expected))
    }
}

fn number(text: &str) -> Result<u32, UnusableHash> {
    text.parse().map_err(|_| MALFORMED)
}

const MALFORMED: UnusableHash = UnusableHash::Malformed("scrypt");
