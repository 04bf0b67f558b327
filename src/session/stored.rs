//! The stored form of a session: what SQLite and Redis keep of a [`Record`], and how older records are read.
//!
//! Records of releases that knew passwords alone have a time `confirmed` and no `proofs`. They are read as one proof by
//! password at that time, so nobody is signed out by an update. `confirmed` is written still: of several gateways on one
//! Redis, some may be older. Records of older releases have neither a source nor a parent.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Owner, Record, SessionData, SessionKey, SessionSource};
use crate::{clock::Timestamp, identity::Proofs};

/// The proofs of a session, in two columns or fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredProofs {
    /// The newest proof of all, for older gateways; the sign-in if there is none.
    pub(super) confirmed: Timestamp,
    /// `METHOD@MILLISECONDS`, with blanks between, or `none`. Empty in records of older releases.
    pub(super) proofs: String,
}

impl StoredProofs {
    pub(super) fn of(record: &Record) -> Self {
        let proofs = record.proofs.to_words();
        let confirmed = record.proofs.newest().unwrap_or(record.signed_in);
        let proofs = if proofs.is_empty() { NONE.to_owned() } else { proofs };
        Self { confirmed, proofs }
    }

    /// Reads the proofs. A method of a newer release is left out: less is proved then, never more.
    pub(super) fn read(&self, owner: Owner) -> Proofs {
        if self.proofs.is_empty() {
            return owner.user().map_or_else(Proofs::default, |_| Proofs::password(self.confirmed));
        }
        Proofs::from_words(&self.proofs)
    }
}

const NONE: &str = "none";

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredRecord::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        StoredRecord::deserialize(deserializer).map(Self::from)
    }
}

/// A [`Record`] as JSON.
#[derive(Serialize, Deserialize)]
struct StoredRecord {
    key: SessionKey,
    owner: Owner,
    signed_in: Timestamp,
    confirmed: Timestamp,
    #[serde(default)]
    proofs: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<SessionSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<SessionKey>,
    expires: Timestamp,
    last_seen: Timestamp,
    remembered: bool,
    client_addr: IpAddr,
    user_agent: Box<str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    host: Box<str>,
    #[serde(default, skip_serializing_if = "SessionData::is_empty")]
    data: SessionData,
}

impl From<Record> for StoredRecord {
    fn from(record: Record) -> Self {
        let StoredProofs { confirmed, proofs } = StoredProofs::of(&record);
        Self {
            key: record.key,
            owner: record.owner,
            signed_in: record.signed_in,
            confirmed,
            proofs,
            source: record.source,
            parent: record.parent,
            expires: record.expires,
            last_seen: record.last_seen,
            remembered: record.remembered,
            client_addr: record.client_addr,
            user_agent: record.user_agent,
            host: record.host,
            data: record.data,
        }
    }
}

impl From<StoredRecord> for Record {
    fn from(stored: StoredRecord) -> Self {
        let proofs = StoredProofs { confirmed: stored.confirmed, proofs: stored.proofs };
        Self {
            key: stored.key,
            owner: stored.owner,
            signed_in: stored.signed_in,
            proofs: proofs.read(stored.owner),
            source: stored.source,
            parent: stored.parent,
            expires: stored.expires,
            last_seen: stored.last_seen,
            remembered: stored.remembered,
            client_addr: stored.client_addr,
            user_agent: stored.user_agent,
            host: stored.host,
            data: stored.data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{CredentialVersion, Proof, ProofMethod, UserId};

    const USER: Owner = Owner::User { id: UserId(7), credential: CredentialVersion(1) };

    fn stored(proofs: &str) -> StoredProofs {
        StoredProofs { confirmed: Timestamp::from_millis(1001), proofs: proofs.to_owned() }
    }

    #[test]
    fn a_record_of_an_older_release_holds_one_proof_by_password() {
        assert_eq!(stored("").read(USER), Proofs::password(Timestamp::from_millis(1001)));
        assert_eq!(stored("").read(Owner::Visitor), Proofs::default());
    }

    #[test]
    fn a_proof_by_a_method_of_a_newer_release_counts_for_nothing() {
        let password = Proofs::password(Timestamp::from_millis(5));
        assert_eq!(stored("password@5 mind-reading@9").read(USER), password);
        for unreadable in [NONE, "mind-reading@9", "password", "password@", "password@x", "@5"] {
            assert_eq!(stored(unreadable).read(USER), Proofs::default(), "{unreadable}");
        }
    }

    #[test]
    fn proofs_of_every_method_are_read_as_they_were_written() {
        let methods = ProofMethod::ALL.into_iter().zip(1..);
        let proofs = methods
            .map(|(method, at)| Proof { method, at: Timestamp::from_millis(at) })
            .fold(Proofs::default(), Proofs::with);
        let text = "password@1 provider@2 provider-second-factor@3 totp@4 recovery-code@5 passkey@6 security-key@7 token@8 certificate@9";
        assert_eq!(stored(text).read(USER), proofs);
    }
}
