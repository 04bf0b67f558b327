//! The commands and scripts of the session store.

use std::{collections::HashMap, time::Duration};

use redis::{Script, ScriptInvocation, aio::MultiplexedConnection};

use super::{
    keys::Keys,
    values::{self, BRANCH_VERSION, Stored, VERSION},
};
use crate::{
    clock::Timestamp,
    identity::UserId,
    session::{
        AppData, DataChange, DataRefused, Inserted, InsertedBranch, ListedRecord, NewBranch, NewSession,
        OneTimeEntry, OneTimeKey, OneTimePurpose, Record, SessionKey, Which, branch::MAX_BRANCHES,
    },
    store::redis::Failure,
};

/// The commands, with the names of keys and the scripts.
#[derive(Debug)]
pub(super) struct Commands {
    keys: Keys,
    scripts: Scripts,
}

impl Commands {
    pub(super) fn new(keys: Keys) -> Self {
        Self { keys, scripts: Scripts::new() }
    }

    pub(super) async fn find(
        &self,
        mut connection: MultiplexedConnection,
        key: SessionKey,
    ) -> Result<Option<Record>, Failure> {
        let mut looked_under = None;
        loop {
            let branch = match self.read(&mut connection, key).await? {
                None => return Ok(None),
                Some(Stored::SignIn(record)) => return Ok(Some(record)),
                Some(Stored::Branch(branch)) => branch,
            };
            if let Some(Stored::SignIn(parent)) = self.read(&mut connection, branch.parent).await? {
                return Ok(branch.under(&parent));
            }
            // A confirmation in between has given the branch another parent; otherwise the parent has ended.
            if looked_under.replace(branch.parent) == Some(branch.parent) {
                return Ok(None);
            }
        }
    }

    async fn read(
        &self,
        connection: &mut MultiplexedConnection,
        key: SessionKey,
    ) -> Result<Option<Stored>, Failure> {
        let fields: HashMap<String, String> =
            redis::cmd("HGETALL").arg(self.keys.session(key)).query_async(connection).await?;
        values::read(key, &fields)
    }

    pub(super) async fn insert(
        &self,
        mut connection: MultiplexedConnection,
        new: NewSession,
        now: Timestamp,
    ) -> Result<Inserted, Failure> {
        let NewSession { record, replaces, adopts, max_per_user } = new;
        let fields = values::write(&record)?;
        // A duration and not a time: the server's clock may be another.
        let ttl = record.expires.since(now) + KEPT_LONGER;
        let mut call = self.scripts.insert.call(&self.keys, record.key);
        call.arg(VERSION)
            .arg(record.key.to_hex())
            .arg(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX >> 2))
            .arg(replaces.map_or_else(String::new, |old| old.to_hex()))
            .arg(max_per_user.map_or(0, |most| most.max(1)))
            .arg(fields.user)
            .arg(record.signed_in.as_millis())
            .arg(record.expires.as_millis())
            .arg(record.last_seen.as_millis())
            .arg(u8::from(record.remembered))
            .arg(fields.record)
            .arg(u8::from(adopts));
        for (app, data) in fields.data {
            call.arg(app).arg(data);
        }
        let (ended, adopted): (Vec<String>, Vec<String>) = call.invoke_async(&mut connection).await?;
        Ok(Inserted { ended: read_keys(&ended), adopted: read_keys(&adopted) })
    }

    pub(super) async fn insert_branch(
        &self,
        mut connection: MultiplexedConnection,
        new: NewBranch,
    ) -> Result<Option<InsertedBranch>, Failure> {
        // All of a sign-in but its data and its last use stays as it is, so that reading it first loses nothing.
        let Some(Stored::SignIn(parent)) = self.read(&mut connection, new.parent).await? else {
            return Ok(None);
        };
        let Some(record) = new.under(&parent) else { return Ok(None) };
        let fields = values::write_branch(&new)?;
        let mut call = self.scripts.insert_branch.call(&self.keys, new.key);
        call.arg(BRANCH_VERSION)
            .arg(new.key.to_hex())
            .arg(new.parent.to_hex())
            .arg(VERSION)
            .arg(new.replaces.map_or_else(String::new, |old| old.to_hex()))
            .arg(MAX_BRANCHES)
            .arg(new.opened.as_millis())
            .arg(fields.record);
        for (app, data) in fields.data {
            call.arg(app).arg(data);
        }
        let (is_there, ended): (bool, Vec<String>) = call.invoke_async(&mut connection).await?;
        Ok(is_there.then(|| InsertedBranch { record, ended: read_keys(&ended) }))
    }

    pub(super) async fn remove(
        &self,
        mut connection: MultiplexedConnection,
        which: Which,
    ) -> Result<Vec<SessionKey>, Failure> {
        let (kind, whose, except) = match which {
            Which::One(key) => ("one", key.to_hex(), None),
            Which::OfUser { user, except } => ("user", user.0.to_string(), except),
            Which::All => ("all", String::new(), None),
        };
        let routed_by = if let Which::One(key) = which { key } else { NO_SESSION };
        let except = except.map_or_else(String::new, |key| key.to_hex());
        let mut ended = Vec::new();
        loop {
            let mut call = self.scripts.remove.call(&self.keys, routed_by);
            call.arg(kind).arg(&whose).arg(&except).arg(BATCH);
            let (looked_at, batch): (usize, Vec<String>) = call.invoke_async(&mut connection).await?;
            ended.extend(read_keys(&batch));
            if which_is_one(which) || looked_at < BATCH {
                return Ok(ended);
            }
        }
    }

    pub(super) async fn list(
        &self,
        mut connection: MultiplexedConnection,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> Result<Vec<ListedRecord>, Failure> {
        let mut of_user = match of {
            Some(user) => Some(self.keys_of_user(&mut connection, user).await?),
            None => None,
        };
        let mut records: Vec<ListedRecord> = Vec::new();
        let mut after = after;
        // Listed sessions may have expired since: go on until there are enough.
        while records.len() < most {
            let wanted = (most - records.len()).min(BATCH);
            let page = match &mut of_user {
                Some(all) => {
                    all.retain(|key| after.is_none_or(|after| *key > after));
                    all.iter().take(wanted).copied().collect()
                }
                None => self.keys_after(&mut connection, after, wanted).await?,
            };
            let Some(last) = page.last() else { break };
            after = Some(*last);
            let mut asked = redis::pipe();
            for key in &page {
                asked.cmd("HGETALL").arg(self.keys.session(*key));
            }
            let found: Vec<HashMap<String, String>> = asked.query_async(&mut connection).await?;
            for (key, fields) in page.iter().zip(&found) {
                if let Some(Stored::SignIn(record)) = values::read(*key, fields)? {
                    let hosts = self.branch_hosts(&mut connection, record.key).await?;
                    records.push(ListedRecord::new(record, hosts));
                }
            }
        }
        Ok(records)
    }

    async fn branch_hosts(
        &self,
        connection: &mut MultiplexedConnection,
        parent: SessionKey,
    ) -> Result<Vec<Box<str>>, Failure> {
        let branches: Vec<String> = redis::cmd("ZRANGE")
            .arg(self.keys.branches_of(parent))
            .arg(0)
            .arg(-1)
            .query_async(connection)
            .await?;
        let mut hosts = Vec::new();
        for branch in read_keys(&branches) {
            if let Some(Stored::Branch(branch)) = self.read(connection, branch).await? {
                hosts.push(branch.host);
            }
        }
        Ok(hosts)
    }

    async fn keys_of_user(
        &self,
        connection: &mut MultiplexedConnection,
        user: UserId,
    ) -> Result<Vec<SessionKey>, Failure> {
        let listed: Vec<String> =
            redis::cmd("ZRANGE").arg(self.keys.of_user(user)).arg(0).arg(-1).query_async(connection).await?;
        let mut listed = read_keys(&listed);
        listed.sort_unstable();
        Ok(listed)
    }

    async fn keys_after(
        &self,
        connection: &mut MultiplexedConnection,
        after: Option<SessionKey>,
        most: usize,
    ) -> Result<Vec<SessionKey>, Failure> {
        let after = after.map_or_else(|| "-".to_owned(), |key| format!("({}", key.to_hex()));
        let mut command = redis::cmd("ZRANGEBYLEX");
        command.arg(self.keys.all()).arg(after).arg("+").arg("LIMIT").arg(0).arg(most);
        let listed: Vec<String> = command.query_async(connection).await?;
        Ok(read_keys(&listed))
    }

    /// Reads the data of an app, changes it here, and writes it if no other gateway has changed it since; otherwise tries
    /// again.
    pub(super) async fn change_data(
        &self,
        mut connection: MultiplexedConnection,
        key: SessionKey,
        app: &str,
        change: DataChange,
    ) -> Result<Option<Result<AppData, DataRefused>>, Failure> {
        for _ in 0..DATA_ATTEMPTS {
            let mut asked = redis::cmd("HMGET");
            asked.arg(self.keys.session(key)).arg("v").arg(format!("d:{app}"));
            let (version, before): (Option<String>, Option<String>) =
                asked.query_async(&mut connection).await?;
            let Some(version) = version else { return Ok(None) };
            values::know(&version)?;
            let current: AppData =
                before.as_deref().map_or_else(|| Ok(AppData::default()), serde_json::from_str)?;
            let changed = match current.clone().with(change.clone()) {
                Ok(changed) if changed != current => changed,
                // Some applications set the same with every response; that costs no write.
                unchanged => return Ok(Some(unchanged)),
            };
            let after = if changed.is_empty() { None } else { Some(serde_json::to_string(&changed)?) };
            let mut call = self.scripts.change_data.call(&self.keys, key);
            call.arg(&version).arg(key.to_hex()).arg(app);
            for text in [before, after] {
                call.arg(u8::from(text.is_some())).arg(text.unwrap_or_default());
            }
            if call.invoke_async::<bool>(&mut connection).await? {
                return Ok(Some(Ok(changed)));
            }
        }
        Err("other gateways change it all the time".into())
    }

    pub(super) async fn note_use(
        &self,
        mut connection: MultiplexedConnection,
        key: SessionKey,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let mut call = self.scripts.note_use.call(&self.keys, key);
        call.arg(VERSION).arg(key.to_hex()).arg(at.as_millis());
        Ok(call.invoke_async(&mut connection).await?)
    }

    pub(super) async fn put_one_time(
        &self,
        mut connection: MultiplexedConnection,
        entry: OneTimeEntry,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        let OneTimeEntry { key, purpose, value, expires } = entry;
        // The caller judges by its own clock; the duration only clears up.
        let ttl = expires.since(now) + KEPT_LONGER;
        let mut call = self.scripts.put_one_time.call(&self.keys, NO_SESSION);
        call.arg(self.keys.one_time(purpose, key))
            .arg(self.keys.one_time_of(purpose))
            .arg(&*value)
            .arg(expires.as_millis())
            .arg(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX >> 2))
            .arg(purpose.max_entries());
        Ok(call.invoke_async(&mut connection).await?)
    }

    pub(super) async fn take_one_time(
        &self,
        mut connection: MultiplexedConnection,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> Result<Option<Box<str>>, Failure> {
        let mut call = self.scripts.take_one_time.call(&self.keys, NO_SESSION);
        call.arg(self.keys.one_time(purpose, key)).arg(self.keys.one_time_of(purpose)).arg(now.as_millis());
        unless_expired(call.invoke_async(&mut connection).await?, now)
    }

    pub(super) async fn read_one_time(
        &self,
        mut connection: MultiplexedConnection,
        key: OneTimeKey,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> Result<Option<Box<str>>, Failure> {
        let name = self.keys.one_time(purpose, key);
        unless_expired(redis::cmd("GET").arg(name).query_async(&mut connection).await?, now)
    }

    pub(super) async fn prune(
        &self,
        mut connection: MultiplexedConnection,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<u64, Failure> {
        let mut dropped = 0;
        loop {
            let mut call = self.scripts.prune.call(&self.keys, NO_SESSION);
            call.arg(now.as_millis()).arg(idle_since.as_millis()).arg(BATCH);
            let (looked_at, batch): (usize, u64) = call.invoke_async(&mut connection).await?;
            dropped += batch;
            if looked_at < BATCH {
                return Ok(dropped);
            }
        }
    }
}

/// The value of a stored one-time entry, behind its expiry.
fn unless_expired(stored: Option<String>, now: Timestamp) -> Result<Option<Box<str>>, Failure> {
    let Some(stored) = stored else { return Ok(None) };
    let (expires, value) = stored.split_once(' ').ok_or("a one-time entry without its expiry")?;
    Ok((now < Timestamp::from_millis(expires.parse()?)).then(|| value.into()))
}

fn which_is_one(which: Which) -> bool {
    matches!(which, Which::One(_))
}

fn read_keys(texts: &[String]) -> Vec<SessionKey> {
    texts.iter().filter_map(|text| SessionKey::from_hex(text)).collect()
}

/// The scripts; each runs as a whole, so that no other gateway comes between its steps.
#[derive(Debug)]
struct Scripts {
    insert: Script,
    insert_branch: Script,
    remove: Script,
    change_data: Script,
    note_use: Script,
    prune: Script,
    put_one_time: Script,
    take_one_time: Script,
}

impl Scripts {
    fn new() -> Self {
        let script = |text: &str| Script::new(&format!("{}{text}", include_str!("scripts/prelude.lua")));
        Self {
            insert: script(include_str!("scripts/insert.lua")),
            insert_branch: script(include_str!("scripts/insert_branch.lua")),
            remove: script(include_str!("scripts/remove.lua")),
            change_data: script(include_str!("scripts/change_data.lua")),
            note_use: script(include_str!("scripts/note_use.lua")),
            prune: script(include_str!("scripts/prune.lua")),
            put_one_time: script(include_str!("scripts/put_one_time.lua")),
            take_one_time: script(include_str!("scripts/take_one_time.lua")),
        }
    }
}

trait Callable {
    fn call(&self, keys: &Keys, routed_by: SessionKey) -> ScriptInvocation<'_>;
}

impl Callable for Script {
    /// Starts a call. One key is named for all: they share a slot.
    fn call(&self, keys: &Keys, routed_by: SessionKey) -> ScriptInvocation<'_> {
        let mut call = self.prepare_invoke();
        call.key(keys.session(routed_by)).arg(keys.prefix());
        call
    }
}

/// Names the slot of a call that is about no session in particular.
const NO_SESSION: SessionKey = SessionKey::from_bytes([0; 32]);
/// In each round one of several gateways that change the same data succeeds, so this many can at the same time.
const DATA_ATTEMPTS: usize = 200;
/// Sessions that one script looks at: a few milliseconds, in which Redis serves no other command.
const BATCH: usize = 250;
/// Gateways remove a session when it has expired; Redis removes it by itself only after this, if no gateway is running.
const KEPT_LONGER: Duration = Duration::from_mins(10);
