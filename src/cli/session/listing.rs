//! How sessions are shown: as a table, as JSON.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use serde::Serialize;

use crate::{
    clock::Timestamp,
    identity::{UserId, UserName},
    portal,
    session::{Limits, Owner, Record},
};

/// A listing that is being written.
pub(super) struct Listing<'a> {
    pub(super) names: &'a HashMap<UserId, UserName>,
    pub(super) limits: &'a Limits,
    pub(super) now: Timestamp,
    pub(super) json: bool,
    pub(super) written: usize,
}

impl Listing<'_> {
    pub(super) fn write(&mut self, record: &Record, out: &mut dyn Write) -> io::Result<()> {
        let first = self.written == 0;
        self.written += 1;
        if self.json {
            write!(out, "{}", if first { "[\n  " } else { ",\n  " })?;
            return Ok(serde_json::to_writer(out, &self.shown(record))?);
        }
        if first {
            line(out, ["KEY", "USER", "HOST", "SIGNED IN", "LAST USED", "ADDRESS", "DEVICE"])?;
        }
        let mut device = portal::device_in_words(&record.user_agent);
        if record.remembered {
            device.push_str(", kept signed in");
        }
        let ago = |time: Timestamp| portal::ago_in_words(self.now.since(time));
        line(
            out,
            [
                &record.key.to_string(),
                self.name(record).map_or_else(|| "-".to_owned(), ToString::to_string).as_str(),
                if record.host.is_empty() { "-" } else { &*record.host },
                &ago(record.signed_in),
                &ago(record.last_seen),
                &record.client_addr.to_canonical().to_string(),
                &device,
            ],
        )
    }

    /// What follows the last one.
    pub(super) fn finish(&self, out: &mut dyn Write) -> io::Result<()> {
        match (self.json, self.written) {
            (true, 0) => writeln!(out, "[]"),
            (true, _) => writeln!(out, "\n]"),
            (false, 0) => writeln!(out, "there are no sessions"),
            (false, _) => Ok(()),
        }
    }

    fn name(&self, record: &Record) -> Option<&UserName> {
        self.names.get(&record.owner.user()?)
    }

    fn shown<'r>(&'r self, record: &'r Record) -> Shown<'r> {
        Shown {
            key: record.key.to_hex(),
            user: self.name(record),
            visitor: record.owner == Owner::Visitor,
            host: Some(&*record.host).filter(|host| !host.is_empty()),
            signed_in: record.signed_in.to_string(),
            confirmed: record.confirmed.to_string(),
            last_used: record.last_seen.to_string(),
            ends: record.dies_at(self.limits).to_string(),
            kept_signed_in: record.remembered,
            address: record.client_addr.to_canonical().to_string(),
            device: portal::device_in_words(&record.user_agent),
            user_agent: &record.user_agent,
        }
    }
}

/// A session in JSON; the names of the fields are a promise to scripts.
#[derive(Serialize)]
struct Shown<'a> {
    key: String,
    user: Option<&'a UserName>,
    /// Somebody who has not signed in.
    visitor: bool,
    /// `None`: from before that was kept.
    host: Option<&'a str>,
    signed_in: String,
    confirmed: String,
    last_used: String,
    ends: String,
    kept_signed_in: bool,
    address: String,
    device: String,
    user_agent: &'a str,
}

fn line(out: &mut dyn Write, cells: [&str; 7]) -> io::Result<()> {
    let [key, user, host, signed_in, last_used, address, device] = cells;
    writeln!(out, "{key:16}  {user:16}  {host:24}  {signed_in:14}  {last_used:14}  {address:15}  {device}")
}
