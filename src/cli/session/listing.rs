//! Listings of sessions, as a table and as JSON.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use serde::Serialize;

use crate::{
    cli::table::Table,
    clock::Timestamp,
    identity::{UserId, UserName},
    portal,
    session::{ListedRecord, Owner, Record, SessionLimits},
};

/// The context of a listing.
pub(super) struct Listing<'a> {
    pub(super) names: &'a HashMap<UserId, UserName>,
    pub(super) limits: &'a SessionLimits,
    pub(super) now: Timestamp,
}

impl Listing<'_> {
    pub(super) fn as_table(&self, records: &[ListedRecord], out: &mut dyn Write) -> io::Result<()> {
        if records.is_empty() {
            return writeln!(out, "there are no sessions");
        }
        let mut table = Table::headed(["KEY", "USER", "HOST", "SIGNED IN", "LAST USED", "ADDRESS", "DEVICE"]);
        for record in records {
            table.push(self.row(record));
        }
        table.write("", out)
    }

    /// An array with one session a line.
    pub(super) fn as_json(&self, records: &[ListedRecord], out: &mut dyn Write) -> io::Result<()> {
        if records.is_empty() {
            return writeln!(out, "[]");
        }
        for (index, record) in records.iter().enumerate() {
            write!(out, "{}", if index == 0 { "[\n  " } else { ",\n  " })?;
            serde_json::to_writer(&mut *out, &self.json(record))?;
        }
        writeln!(out, "\n]")
    }

    fn row(&self, listed: &ListedRecord) -> [String; 7] {
        let record = &listed.record;
        let mut device = portal::describe_device(&record.user_agent);
        if record.remembered {
            device.push_str(", kept signed in");
        }
        let ago = |time: Timestamp| portal::ago(self.now.since(time));
        [
            record.key.to_string(),
            self.name(record).map_or_else(|| "-".to_owned(), ToString::to_string),
            hosts(listed),
            ago(record.signed_in),
            ago(record.last_seen),
            record.client_addr.to_canonical().to_string(),
            device,
        ]
    }

    fn name(&self, record: &Record) -> Option<&UserName> {
        self.names.get(&record.owner.user()?)
    }

    fn json<'r>(&'r self, listed: &'r ListedRecord) -> SessionJson<'r> {
        let ListedRecord { record, branch_hosts } = listed;
        SessionJson {
            key: record.key.to_hex(),
            user: self.name(record),
            visitor: record.owner == Owner::Visitor,
            host: Some(&*record.host).filter(|host| !host.is_empty()),
            reached: branch_hosts,
            signed_in: record.signed_in.to_string(),
            confirmed: record.proofs.newest().unwrap_or(record.signed_in).to_string(),
            last_used: record.last_seen.to_string(),
            ends: record.dies_at(self.limits).to_string(),
            kept_signed_in: record.remembered,
            address: record.client_addr.to_canonical().to_string(),
            device: portal::describe_device(&record.user_agent),
            user_agent: &record.user_agent,
        }
    }
}

/// The host of the session, and those that it reached from a portal host.
fn hosts(listed: &ListedRecord) -> String {
    let own = if listed.record.host.is_empty() { "-" } else { &*listed.record.host };
    std::iter::once(own).chain(listed.branch_hosts.iter().map(|host| &**host)).collect::<Vec<_>>().join(", ")
}

/// A session in JSON; the names of the fields are a promise to scripts.
#[derive(Serialize)]
struct SessionJson<'a> {
    key: String,
    user: Option<&'a UserName>,
    /// A session of a visitor, who has not signed in.
    visitor: bool,
    /// `None`: the session was made before hosts were recorded.
    host: Option<&'a str>,
    /// The other hosts that the sign-in reached, by the portal host.
    reached: &'a [Box<str>],
    signed_in: String,
    confirmed: String,
    last_used: String,
    ends: String,
    kept_signed_in: bool,
    address: String,
    device: String,
    user_agent: &'a str,
}
