//! A session as the fields of a hash.
//!
//! `v` is the version, `user` the user's id or empty, `seen` the last use, `record` the rest as JSON, and `d:APP` the data
//! of an app, as JSON.

use std::collections::HashMap;

use crate::{
    clock::Timestamp,
    session::{AppData, Record, SessionData},
    store::redis::Failure,
};

/// The version of written fields. During a roll-out an older gateway runs beside a newer one: it takes a version that it
/// does not know for a failure, never for a session, and never for none. Raise it whenever an older gateway would misread
/// the fields of a newer one.
pub(super) const VERSION: &str = "1";

/// The fields that are not data.
pub(super) struct Fields {
    pub(super) user: String,
    pub(super) record: String,
    /// The data of apps, by their names.
    pub(super) data: Vec<(String, String)>,
}

pub(super) fn write(record: &Record) -> Result<Fields, serde_json::Error> {
    let mut bare = record.clone();
    let data = std::mem::take(&mut bare.data);
    let data = data.iter().map(|(app, data)| Ok((app.to_string(), serde_json::to_string(data)?)));
    Ok(Fields {
        user: record.owner.user().map_or_else(String::new, |user| user.0.to_string()),
        data: data.collect::<Result<_, serde_json::Error>>()?,
        record: serde_json::to_string(&bare)?,
    })
}

/// Reads a hash; one without fields is no session.
pub(super) fn read(fields: &HashMap<String, String>) -> Result<Option<Record>, Failure> {
    if fields.is_empty() {
        return Ok(None);
    }
    know(fields.get("v").map_or("", String::as_str))?;
    let field = |name: &str| fields.get(name).ok_or_else(|| format!("the field `{name}` is missing"));
    let mut record: Record = serde_json::from_str(field("record")?)?;
    record.last_seen = Timestamp::from_millis(field("seen")?.parse()?);
    record.data = fields
        .iter()
        .filter_map(|(name, text)| Some((name.strip_prefix("d:")?, text)))
        .map(|(app, text)| Ok((app.into(), serde_json::from_str::<AppData>(text)?)))
        .collect::<Result<SessionData, serde_json::Error>>()?;
    Ok(Some(record))
}

/// Fails for a version that we cannot read.
pub(super) fn know(version: &str) -> Result<(), Failure> {
    if version == VERSION {
        return Ok(());
    }
    Err(format!("it was written by another version of the gateway (`{version}`, this one knows `{VERSION}`)")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::{CredentialVersion, Proofs, UserId},
        session::{Owner, SessionKey},
    };

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
        let record = read(&fields("1")).unwrap().unwrap();
        assert_eq!(record.key, SessionKey::from_bytes([7; 32]));
        assert_eq!(record.owner, Owner::User { id: UserId(7), credential: CredentialVersion(3) });
        assert_eq!(record.last_seen, Timestamp::from_millis(2000));
        assert_eq!(record.proofs, Proofs::password(Timestamp::from_millis(1001)));
        assert_eq!(record.data["wiki"].encode(), "a=%C3%A4");
        let again = write(&record).unwrap();
        assert_eq!((again.user.as_str(), again.data.len()), ("7", 1));
        assert!(!again.record.contains("wiki"));
        // An older gateway beside this one reads when the password was confirmed.
        assert!(again.record.contains(r#""confirmed":1001,"proofs":"password@1001""#), "{}", again.record);
        // It has no host; a record with one is read by the first release as well, which ignores unknown fields.
        assert_eq!(&*record.host, "");
        let named = write(&Record { host: "wiki.example.com".into(), ..record.clone() }).unwrap().record;
        assert_eq!(again.record, named.replace(",\"host\":\"wiki.example.com\"", ""));
    }

    #[test]
    fn another_version_is_a_failure_and_not_an_absence() {
        assert!(read(&fields("2")).is_err());
        let mut without = fields("1");
        without.remove("v");
        assert!(read(&without).is_err());
        let mut broken = fields("1");
        broken.insert("record".into(), "{}".into());
        assert!(read(&broken).is_err());
        assert!(read(&HashMap::new()).unwrap().is_none());
    }
}
