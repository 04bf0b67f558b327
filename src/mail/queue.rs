//! The queue on the disk, `mail.db` in the state folder.
//!
//! A message is claimed for a while before it is delivered, so that of several gateways one delivers it, and so that a
//! crash in the middle loses nothing: the claim ends, and the message is delivered again. Its contents are removed as
//! soon as it is delivered or given up, because there are links in them.

use std::{path::Path, time::Duration};

use aws_lc_rs::rand;
use data_encoding::HEXLOWER;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::Serialize;

use super::{Message, backoff};
use crate::{
    clock::{Clock, Timestamp},
    store::sqlite::{Database, DatabaseError, DatabaseOptions, Schema},
};

/// The queue, open for reading and writing.
#[derive(Debug)]
pub struct MailQueue {
    database: Database,
    clock: Clock,
}

/// Why a message was not queued.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Too many messages wait.
    #[error("too many messages wait for the mail server already")]
    Full,
    /// The message is far too long.
    #[error("the message is too long")]
    TooLong,
    /// The database refused or failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// A message in the queue, as operators see it: without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueuedMail {
    /// Its number.
    pub id: i64,
    /// The recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// When it was queued.
    pub queued: Timestamp,
    /// How often a delivery was begun.
    pub attempts: u32,
    /// When the next one begins; `None` for a message that was given up.
    pub next_try: Option<Timestamp>,
    /// Why the last one failed.
    pub error: Option<String>,
}

/// A message that this process delivers.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) id: i64,
    pub(super) message: Message,
    pub(super) message_id: String,
    pub(super) queued: Timestamp,
    /// How often a delivery was begun, this one included.
    pub(super) attempts: u32,
}

impl MailQueue {
    /// Opens the queue; makes the file if it is missing, readable by its owner alone.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, DatabaseError> {
        Ok(Self { database: Database::open(path, &SCHEMA, DatabaseOptions::default())?, clock })
    }

    /// Queues a message, which is on the disk when this returns.
    pub fn add(&mut self, message: &Message) -> Result<(), QueueError> {
        if !message.fits() {
            return Err(QueueError::TooLong);
        }
        let most = if message.to_stranger { MAX_TO_STRANGERS } else { MAX_WAITING };
        let now = self.clock.now();
        let added = self.write("queueing a message", |connection| {
            // One statement, so that the bound holds for several processes.
            let sql =
                "INSERT INTO mail (message_id, recipient, subject, text, html, queued, next_try, expires)
                       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7
                       WHERE (SELECT count(*) FROM mail WHERE failed IS NULL) < ?8";
            connection.prepare_cached(sql)?.execute(params![
                random_id(),
                message.to,
                message.subject,
                message.text,
                message.html,
                now.as_millis(),
                message.expires.map(Timestamp::as_millis),
                most,
            ])
        })?;
        if added == 1 { Ok(()) } else { Err(QueueError::Full) }
    }

    /// The messages that wait, and those that were given up lately, the oldest first.
    pub fn list(&self) -> Result<Vec<QueuedMail>, DatabaseError> {
        let sql =
            "SELECT id, recipient, subject, queued, attempts, next_try, error, failed FROM mail ORDER BY id";
        let row = |row: &Row<'_>| {
            let has_failed = row.get::<_, Option<i64>>(7)?.is_some();
            Ok(QueuedMail {
                id: row.get(0)?,
                to: row.get(1)?,
                subject: row.get(2)?,
                queued: Timestamp::from_millis(row.get(3)?),
                attempts: row.get(4)?,
                next_try: if has_failed { None } else { Some(Timestamp::from_millis(row.get(5)?)) },
                error: row.get(6)?,
            })
        };
        let connection = self.database.connection();
        let listed = || connection.prepare_cached(sql)?.query_map([], row)?.collect::<rusqlite::Result<_>>();
        listed().map_err(|reason| self.database.failed("listing messages", reason))
    }

    /// Lets the messages that wait be delivered now; returns how many there are.
    pub fn retry_now(&mut self) -> Result<usize, DatabaseError> {
        let now = self.clock.now().as_millis();
        self.write("changing messages", |connection| {
            let sql = "UPDATE mail SET next_try = min(next_try, ?1) WHERE failed IS NULL";
            connection.prepare_cached(sql)?.execute([now])
        })
    }

    /// How many messages wait.
    pub(super) fn waiting(&mut self) -> Result<u64, DatabaseError> {
        self.write("counting messages", |connection| {
            let sql = "SELECT count(*) FROM mail WHERE failed IS NULL";
            connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))
        })
        .map(|count| u64::try_from(count).unwrap_or_default())
    }

    /// Claims the message that is due first, for `lease`. Those that nobody has any use for are given up before.
    pub(super) fn claim(&mut self, lease: Duration) -> Result<Claim, DatabaseError> {
        let now = self.clock.now();
        self.write("claiming a message", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let sql = "UPDATE mail SET failed = ?1, text = '', html = '', error = ?2
                       WHERE failed IS NULL AND expires <= ?1 AND leased_until <= ?1";
            let expired = transaction.prepare_cached(sql)?.execute((now.as_millis(), OUT_OF_DATE))?;
            let sql = "UPDATE mail SET leased_until = ?2, attempts = attempts + 1
                       WHERE id = (SELECT id FROM mail WHERE failed IS NULL AND next_try <= ?1 AND leased_until <= ?1
                                   ORDER BY next_try, id LIMIT 1)
                       RETURNING id, message_id, recipient, subject, text, html, queued, attempts";
            let claimed = transaction
                .prepare_cached(sql)?
                .query_row((now.as_millis(), (now + lease).as_millis()), claimed)
                .optional()?;
            let sql = "DELETE FROM mail WHERE failed < ?1";
            transaction.prepare_cached(sql)?.execute([(now - FAILED_LISTED_FOR).as_millis()])?;
            transaction.commit()?;
            Ok(Claim { claimed, expired })
        })
    }

    /// A claimed message was delivered.
    pub(super) fn delivered(&mut self, id: i64) -> Result<(), DatabaseError> {
        self.write("removing a message", |connection| {
            connection.prepare_cached("DELETE FROM mail WHERE id = ?1")?.execute([id]).map(drop)
        })
    }

    /// A claimed message was not delivered: it waits, or is given up if it has waited for long enough. Whether it waits.
    pub(super) fn put_off(&mut self, claimed: &Claimed, error: &str) -> Result<bool, DatabaseError> {
        let now = self.clock.now();
        if now.since(claimed.queued) >= backoff::GIVEN_UP_AFTER {
            self.give_up(claimed.id, error)?;
            return Ok(false);
        }
        let next_try = now + backoff::after(claimed.attempts);
        self.write("putting a message off", |connection| {
            let sql = "UPDATE mail SET next_try = ?2, leased_until = 0, error = ?3 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute((claimed.id, next_try.as_millis(), error))?;
            Ok(true)
        })
    }

    /// A claimed message will not be delivered.
    pub(super) fn give_up(&mut self, id: i64, error: &str) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        self.write("giving a message up", |connection| {
            let sql = "UPDATE mail SET failed = ?2, text = '', html = '', error = ?3 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute((id, now.as_millis(), error)).map(drop)
        })
    }

    /// Gives a claim back: the delivery was broken off before its result was known.
    pub(super) fn release(&mut self, id: i64) -> Result<(), DatabaseError> {
        self.write("releasing a message", |connection| {
            let sql = "UPDATE mail SET leased_until = 0 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute([id]).map(drop)
        })
    }

    fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        self.database.follow(|| (), |_| Ok(()))?;
        work(self.database.connection_mut()).map_err(|reason| self.database.failed(doing, reason))
    }
}

/// The result of a look for a message that is due.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) claimed: Option<Claimed>,
    /// How many were given up, because their links are void.
    pub(super) expired: usize,
}

fn claimed(row: &Row<'_>) -> rusqlite::Result<Claimed> {
    Ok(Claimed {
        id: row.get(0)?,
        message_id: row.get(1)?,
        message: Message {
            to: row.get(2)?,
            subject: row.get(3)?,
            text: row.get(4)?,
            html: row.get(5)?,
            expires: None,
            to_stranger: false,
        },
        queued: Timestamp::from_millis(row.get(6)?),
        attempts: row.get(7)?,
    })
}

/// The left part of a Message-ID (RFC 5322 §3.6.4). It stays the same however often the message is sent.
pub(super) fn random_id() -> String {
    let mut bytes = [0; 16];
    // Without randomness there is no link to send either.
    rand::fill(&mut bytes).ok();
    HEXLOWER.encode(&bytes)
}

/// Marked `Prtd`.
const SCHEMA: Schema = Schema { what: "mail queue", application_id: 0x5072_7464, migrations: &[MESSAGES] };

const MESSAGES: &str = "
    CREATE TABLE mail (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id   TEXT    NOT NULL,
        recipient    TEXT    NOT NULL,
        subject      TEXT    NOT NULL,
        text         TEXT    NOT NULL,
        html         TEXT    NOT NULL,
        queued       INTEGER NOT NULL,
        next_try     INTEGER NOT NULL,
        expires      INTEGER,
        leased_until INTEGER NOT NULL DEFAULT 0,
        attempts     INTEGER NOT NULL DEFAULT 0,
        failed       INTEGER,
        error        TEXT
    ) STRICT;
    CREATE INDEX mail_due ON mail (next_try, id) WHERE failed IS NULL;
";

/// Maximum number of messages that wait: Mallory, who asks for many, fills no disk.
const MAX_WAITING: i64 = 1000;
/// With as many waiting, none to a stranger is added.
const MAX_TO_STRANGERS: i64 = MAX_WAITING / 2;
const OUT_OF_DATE: &str = "it could not be delivered before its link expired";
const FAILED_LISTED_FOR: Duration = Duration::from_hours(7 * 24);

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const LEASE: Duration = Duration::from_mins(5);

    fn open() -> (MailQueue, Clock, TempDir) {
        let temp = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let queue = MailQueue::open(&temp.path().join("mail.db"), clock.clone()).unwrap();
        (queue, clock, temp)
    }

    fn message(to: &str) -> Message {
        Message {
            to: to.into(),
            subject: "Hello".into(),
            text: "a text".into(),
            html: "<p>a text</p>".into(),
            expires: None,
            to_stranger: false,
        }
    }

    fn claim(queue: &mut MailQueue) -> Option<Claimed> {
        queue.claim(LEASE).unwrap().claimed
    }

    /// The texts of the only message.
    fn stored_texts(queue: &MailQueue) -> String {
        let sql = "SELECT text || html FROM mail";
        queue.database.connection().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn messages_are_claimed_in_their_order_and_each_by_one_process() {
        let (mut queue, clock, temp) = open();
        let mut other = MailQueue::open(&temp.path().join("mail.db"), clock).unwrap();
        queue.add(&message("a@example.com")).unwrap();
        other.add(&message("b@example.com")).unwrap();
        assert_eq!(claim(&mut queue).unwrap().message.to, "a@example.com");
        assert_eq!(claim(&mut other).unwrap().message.to, "b@example.com");
        assert!(claim(&mut queue).is_none() && claim(&mut other).is_none());
    }

    /// Many messages to an address whose server is away must not go before all others whenever they are due again.
    #[test]
    fn a_message_that_is_due_earlier_goes_before_an_older_one_that_was_put_off() {
        let (mut queue, clock, _temp) = open();
        queue.add(&message("away@example.com")).unwrap();
        let away = claim(&mut queue).unwrap();
        queue.put_off(&away, "451 try later").unwrap();
        clock.advance(Duration::from_secs(30));
        queue.add(&message("new@example.com")).unwrap();
        clock.advance(Duration::from_mins(1));
        let next = [claim(&mut queue), claim(&mut queue)].map(|claimed| claimed.unwrap().message.to);
        assert_eq!(next, ["new@example.com", "away@example.com"]);
    }

    #[test]
    fn a_message_goes_to_the_file_that_was_put_in_place_of_the_queue() {
        let (mut queue, clock, temp) = open();
        let path = temp.path().join("mail.db");
        for end in ["", "-wal", "-shm"] {
            let file = |name: &str| temp.path().join(format!("{name}{end}"));
            std::fs::rename(file("mail.db"), file("old.db")).ok();
        }
        let new = MailQueue::open(&path, clock).unwrap();
        queue.add(&message("a@example.com")).unwrap();
        assert_eq!(new.list().unwrap().len(), 1);
    }

    #[test]
    fn a_message_survives_a_restart_and_a_crash_during_its_delivery() {
        let (mut queue, clock, temp) = open();
        queue.add(&message("a@example.com")).unwrap();
        let first = claim(&mut queue).unwrap();
        drop(queue);
        let mut queue = MailQueue::open(&temp.path().join("mail.db"), clock.clone()).unwrap();
        assert!(claim(&mut queue).is_none(), "it may still be on its way");
        clock.advance(LEASE);
        let again = claim(&mut queue).unwrap();
        assert_eq!((again.message_id, again.attempts), (first.message_id, 2));
        queue.delivered(again.id).unwrap();
        assert_eq!(queue.list().unwrap(), []);
    }

    #[test]
    fn the_queue_takes_a_thousand_messages() {
        let (mut queue, _, _temp) = open();
        for _ in 0..MAX_WAITING {
            queue.add(&message("a@example.com")).unwrap();
        }
        assert!(matches!(queue.add(&message("a@example.com")), Err(QueueError::Full)));
        let one = claim(&mut queue).unwrap();
        queue.give_up(one.id, "refused").unwrap();
        queue.add(&message("a@example.com")).unwrap();
    }

    #[test]
    fn messages_to_strangers_leave_half_of_the_queue_to_users() {
        let (mut queue, _, _temp) = open();
        let to_stranger = Message { to_stranger: true, ..message("a@example.com") };
        for _ in 0..MAX_TO_STRANGERS {
            queue.add(&to_stranger).unwrap();
        }
        assert!(matches!(queue.add(&to_stranger), Err(QueueError::Full)));
        queue.add(&message("ada@example.com")).unwrap();
    }

    #[test]
    fn a_failed_delivery_is_repeated_with_growing_waits_and_given_up_after_two_days() {
        let (mut queue, clock, _temp) = open();
        queue.add(&message("a@example.com")).unwrap();
        let mut tries = 0;
        loop {
            let Some(one) = claim(&mut queue) else {
                clock.advance(Duration::from_mins(1));
                continue;
            };
            tries += 1;
            if !queue.put_off(&one, "451 try later").unwrap() {
                break;
            }
        }
        // 1 + 2 + 4 + 8 + 16 + 32 minutes, then each hour.
        assert_eq!(tries, 54);
        let [listed] = &*queue.list().unwrap() else { panic!("one message") };
        assert_eq!((listed.next_try, listed.error.as_deref()), (None, Some("451 try later")));
        assert_eq!(stored_texts(&queue), "", "the links of a message that was given up are removed");
        clock.advance(FAILED_LISTED_FOR + Duration::from_mins(1));
        assert!(claim(&mut queue).is_none());
        assert_eq!(queue.list().unwrap(), []);
    }

    #[test]
    fn a_message_whose_link_has_expired_is_not_delivered() {
        let (mut queue, clock, _temp) = open();
        let expires = Some(clock.now() + Duration::from_mins(30));
        queue.add(&Message { expires, ..message("a@example.com") }).unwrap();
        let one = claim(&mut queue).unwrap();
        queue.put_off(&one, "451 try later").unwrap();
        clock.advance(Duration::from_mins(31));
        let looked = queue.claim(LEASE).unwrap();
        assert!(looked.claimed.is_none());
        assert_eq!(looked.expired, 1);
        assert_eq!(queue.list().unwrap().first().unwrap().error.as_deref(), Some(OUT_OF_DATE));
        assert_eq!(stored_texts(&queue), "");
    }

    #[test]
    fn a_message_that_is_far_too_long_is_refused() {
        let (mut queue, _, _temp) = open();
        let long = Message { text: "x".repeat(65 << 10), ..message("a@example.com") };
        assert!(matches!(queue.add(&long), Err(QueueError::TooLong)));
        let long = Message { to: format!("{}@example.com", "x".repeat(300)), ..message("") };
        assert!(matches!(queue.add(&long), Err(QueueError::TooLong)));
    }
}
