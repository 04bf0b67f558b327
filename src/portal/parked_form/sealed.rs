//! A parked form, sealed for one user in one browser.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{FormFields, mark::Mark};
use crate::{identity::UserId, session::SessionToken};

/// A form, and where it goes.
#[derive(Serialize, Deserialize)]
pub(super) struct ParkedForm {
    /// The host, with a port if it is not the default.
    pub(super) host: String,
    /// The path and query.
    pub(super) path: String,
    pub(super) form: FormFields,
}

/// The browser, the mark and the user that a form is parked for; without one of them its entry is not read.
pub(super) struct ParkedFor<'a> {
    /// The secret in the browser's cookie.
    pub(super) secret: &'a SessionToken,
    /// The mark in the address of the page.
    pub(super) mark: &'a Mark,
    pub(super) user: UserId,
}

impl ParkedFor<'_> {
    fn sealing_key(&self) -> Option<RandomizedNonceKey> {
        let Self { mark, user, .. } = self;
        let key: Zeroizing<[u8; 32]> =
            self.secret.derive(format!("portcullis parked form\0{user}\0{mark}").as_bytes());
        RandomizedNonceKey::new(&AES_256_GCM, &*key).ok()
    }
}

impl ParkedForm {
    /// The text for the store; `None` if it cannot be made.
    pub(super) fn seal(&self, parked_for: &ParkedFor<'_>) -> Option<String> {
        let mut sealed = Zeroizing::new(serde_json::to_vec(self).ok()?);
        let nonce = parked_for.sealing_key()?.seal_in_place_append_tag(Aad::empty(), &mut *sealed).ok()?;
        let sealed = [nonce.as_ref().as_slice(), &sealed].concat();
        Some(BASE64URL_NOPAD.encode(&sealed))
    }

    /// Reads the text of the store.
    pub(super) fn open(text: &str, parked_for: &ParkedFor<'_>) -> Option<Self> {
        let sealed = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = parked_for.sealing_key()?.open_in_place(nonce, Aad::empty(), &mut sealed).ok()?;
        serde_json::from_slice(opened).ok()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

    use super::*;
    use crate::{clock::Timestamp, portal::parked_form::mark::Slot};

    #[test]
    fn a_form_is_opened_by_the_same_browser_for_the_same_user_at_the_same_mark_alone() {
        let [secret, other] = [(); 2].map(|()| SessionToken::generate().unwrap());
        let urlencoded = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, urlencoded)]);
        let form = FormFields::read(&headers, b"text=velvet+turbine").unwrap();
        let parked = ParkedForm { host: "a.example".into(), path: "/save".into(), form };
        let [mark, kram] = [(); 2].map(|()| Mark::new(Slot::first(Timestamp::from_millis(0))).unwrap());
        let of = |secret, mark, user| ParkedFor { secret, mark, user: UserId(user) };
        let right = of(&secret, &mark, 1);
        let sealed = parked.seal(&right).unwrap();
        assert!(!sealed.contains("velvet"));
        assert_eq!(
            ParkedForm::open(&sealed, &right).unwrap().form.fields[0].value.as_deref(),
            Some("velvet turbine")
        );
        for wrong in [of(&other, &mark, 1), of(&secret, &mark, 2), of(&secret, &kram, 1)] {
            assert!(ParkedForm::open(&sealed, &wrong).is_none());
        }
        for end in 0..sealed.len() {
            assert!(ParkedForm::open(sealed.get(..end).unwrap(), &right).is_none(), "{end}");
        }
    }
}
