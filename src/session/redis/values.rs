//! A session as the fields of a hash.
//!
//! `v` is the version, `user` the user's id or empty, `seen` the last use, `record` the rest as JSON, and `d:APP` the data
//! of an app, as JSON. A branch has its `parent` in a field of its own, in its `record` what is its own, and no user.

use std::{collections::HashMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    session::{AppData, NewBranch, Record, SessionData, SessionKey},
    store::redis::Failure,
};

/// The version of written fields. During a roll-out an older gateway runs beside a newer one: it takes a version that it
/// does not know for a failure, never for a session, and never for none. Raise it whenever an older gateway would misread
/// the fields of a newer one.
pub(super) const VERSION: &str = "1";
/// The version of a branch, which a gateway without a portal host would take for a session of its own.
pub(super) const BRANCH_VERSION: &str = "2";

/// A stored session.
#[derive(Debug)]
pub(super) enum Stored {
    SignIn(Record),
    Branch(NewBranch),
}

/// All that is a branch's own, as JSON.
#[derive(Serialize, Deserialize)]
struct StoredBranch {
    client_addr: IpAddr,
    user_agent: Box<str>,
    host: Box<str>,
}

/// The fields to write.
pub(super) struct Fields {
    pub(super) user: String,
    pub(super) record: String,
    /// The data of apps, by their names.
    pub(super) data: Vec<(String, String)>,
}

pub(super) fn write(record: &Record) -> Result<Fields, serde_json::Error> {
    let mut bare = record.clone();
    let data = std::mem::take(&mut bare.data);
    Ok(Fields {
        user: record.owner.user().map_or_else(String::new, |user| user.0.to_string()),
        data: write_data(&data)?,
        record: serde_json::to_string(&bare)?,
    })
}

pub(super) fn write_branch(new: &NewBranch) -> Result<Fields, serde_json::Error> {
    let NewBranch { client_addr, user_agent, host, .. } = new.clone();
    let record = serde_json::to_string(&StoredBranch { client_addr, user_agent, host })?;
    Ok(Fields { user: String::new(), data: write_data(&new.data)?, record })
}

fn write_data(data: &SessionData) -> Result<Vec<(String, String)>, serde_json::Error> {
    data.iter().map(|(app, data)| Ok((app.to_string(), serde_json::to_string(data)?))).collect()
}

/// Reads a hash; one without fields is no session.
pub(super) fn read(key: SessionKey, fields: &HashMap<String, String>) -> Result<Option<Stored>, Failure> {
    if fields.is_empty() {
        return Ok(None);
    }
    let version = fields.get("v").map_or("", String::as_str);
    know(version)?;
    let field = |name: &str| fields.get(name).ok_or_else(|| format!("the field `{name}` is missing"));
    let seen = Timestamp::from_millis(field("seen")?.parse()?);
    let data = fields
        .iter()
        .filter_map(|(name, text)| Some((name.strip_prefix("d:")?, text)))
        .map(|(app, text)| Ok((app.into(), serde_json::from_str::<AppData>(text)?)))
        .collect::<Result<SessionData, serde_json::Error>>()?;
    if version == BRANCH_VERSION {
        let parent = SessionKey::from_hex(field("parent")?).ok_or("the field `parent` is no key")?;
        let StoredBranch { client_addr, user_agent, host } = serde_json::from_str(field("record")?)?;
        let opened = seen;
        let branch = NewBranch { key, parent, client_addr, user_agent, host, data, opened, replaces: None };
        return Ok(Some(Stored::Branch(branch)));
    }
    let mut record: Record = serde_json::from_str(field("record")?)?;
    (record.last_seen, record.data) = (seen, data);
    Ok(Some(Stored::SignIn(record)))
}

/// Fails for a version that we cannot read.
pub(super) fn know(version: &str) -> Result<(), Failure> {
    if [VERSION, BRANCH_VERSION].contains(&version) {
        return Ok(());
    }
    Err(format!("it was written by another version of the gateway (`{version}`, this one knows `{VERSION}` and `{BRANCH_VERSION}`)")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::{CredentialVersion, Proofs, UserId},
        session::{Owner, SessionKey},
    };

    const KEY: SessionKey = SessionKey::from_bytes([7; 32]);

    fn fields(version: &str) -> HashMap<String, String> {
        let record = r#"{"key":"0707070707070707070707070707070707070707070707070707070707070707","owner":{"User":{"id":7,"credential":3}},
            "signed_in":1000,"confirmed":1001,"expires":9000,"last_seen":1000,"remembered":false,"client_addr":"::1","user_agent":"x"}"#;
        [("v", version), ("user", "7"), ("seen", "2000"), ("record", record), ("d:wiki", r#"{"a":"ä"}"#)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn a_session_of_the_first_release_is_read() {
        let Some(Stored::SignIn(record)) = read(KEY, &fields("1")).unwrap() else { panic!("no sign-in") };
        assert_eq!(record.key, KEY);
        assert_eq!(record.owner, Owner::User { id: UserId(7), credential: CredentialVersion(3) });
        assert_eq!(record.last_seen, Timestamp::from_millis(2000));
        assert_eq!(record.proofs, Proofs::password(Timestamp::from_millis(1001)));
        assert_eq!(record.data["wiki"].encode(), "a=%C3%A4");
        let again = write(&record).unwrap();
        assert_eq!((again.user.as_str(), again.data.len()), ("7", 1));
        assert!(!again.record.contains("wiki"));
        // An older gateway beside this one reads when the password was confirmed.
        assert!(again.record.contains(r#""confirmed":1001,"proofs":"password@1001""#), "{}", again.record);
        // The record has no host; one with a host is read by the first release as well, which ignores unknown fields.
        assert_eq!(&*record.host, "");
        let named = write(&Record { host: "wiki.example.com".into(), ..record.clone() }).unwrap().record;
        assert_eq!(again.record, named.replace(",\"host\":\"wiki.example.com\"", ""));
    }

    #[test]
    fn another_version_is_a_failure_and_not_an_absence() {
        assert!(read(KEY, &fields("3")).is_err());
        assert!(read(KEY, &fields("2")).is_err(), "a branch without a parent");
        let mut without = fields("1");
        without.remove("v");
        assert!(read(KEY, &without).is_err());
        let mut broken = fields("1");
        broken.insert("record".into(), "{}".into());
        assert!(read(KEY, &broken).is_err());
        assert!(read(KEY, &HashMap::new()).unwrap().is_none());
    }
}
