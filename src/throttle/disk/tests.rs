//! The counters on the disk, over restarts, failures and commands.

use tempfile::TempDir;

use super::*;
use crate::throttle::{
    Attempt, AttemptedAccount, PasswordAttempt, Throttle, ThrottleFiles, ThrottleLimits, Wait,
};

const START: Timestamp = Timestamp::from_millis(1_791_273_600_000);
const ALICE: ThrottleKey = ThrottleKey::Account(UserId(1));

struct Fixture {
    files: ThrottleFiles,
    _folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [database, key] = ["throttle.db", "device.key"].map(|name| folder.path().join(name));
        Self { files: ThrottleFiles { database, key }, _folder: folder }
    }

    fn open(&self) -> Throttle {
        Throttle::open(&self.files, Clock::manual(START)).unwrap()
    }

    fn written(&self) -> Vec<(ThrottleKey, Counter)> {
        list(&self.files.database).unwrap()
    }

    fn execute(&self, sql: &str) {
        open(&self.files.database).unwrap().connection().execute_batch(sql).unwrap();
    }
}

async fn attempt(throttle: &Throttle, limits: &ThrottleLimits) -> Result<Attempt, Wait> {
    let client_addr = [192, 0, 2, 1].into();
    throttle
        .attempt(
            PasswordAttempt { account: AttemptedAccount::User(UserId(1)), client_addr, device: None },
            limits,
        )
        .await
}

async fn use_up(throttle: &Throttle, limits: &ThrottleLimits) {
    for _ in 0..limits.per_account {
        attempt(throttle, limits).await.unwrap().failed().await;
    }
}

#[tokio::test]
async fn counters_survive_a_restart_and_reservations_do_not() {
    let (fixture, limits) = (Fixture::new(), ThrottleLimits::default());
    let throttle = fixture.open();
    let under_way = attempt(&throttle, &limits).await.unwrap();
    attempt(&throttle, &limits).await.unwrap().failed().await;
    throttle.flush();
    let written = fixture.written();
    assert_eq!(written.len(), 2);
    assert!(written.iter().all(|(_, counter)| (counter.failures, counter.pending) == (1, 0)));
    drop(under_way);
    for _ in 1..5 {
        attempt(&throttle, &limits).await.unwrap().failed().await;
    }
    drop(throttle);
    let throttle = fixture.open();
    assert!(attempt(&throttle, &limits).await.is_err(), "what was counted last is lost");
    let (_, alice) = fixture.written()[0];
    assert_eq!((alice.step, alice.blocked_until, alice.total), (1, START + Duration::from_mins(1), 5));
}

#[tokio::test]
async fn counters_are_written_once_a_failing_disk_works_again() {
    let (fixture, limits) = (Fixture::new(), ThrottleLimits::default());
    let throttle = fixture.open();
    fixture
        .execute("CREATE TRIGGER full BEFORE INSERT ON counter BEGIN SELECT raise(ABORT, 'no space'); END");
    use_up(&throttle, &limits).await;
    throttle.flush();
    assert!(attempt(&throttle, &limits).await.is_err());
    assert!(fixture.written().is_empty());
    fixture.execute("DROP TRIGGER full");
    throttle.flush();
    assert_eq!(fixture.written().first().map(|(key, _)| *key), Some(ALICE));
}

#[tokio::test]
async fn a_connection_that_cannot_write_any_more_is_replaced() {
    let fixture = Fixture::new();
    let table = Arc::<Mutex<CounterTable>>::default();
    let disk = Disk::start(&fixture.files.database, Clock::manual(START), Arc::clone(&table)).unwrap();
    // As after a fault of the disk: this connection refuses every write, and a new one would not.
    let broken =
        disk.thread.run(|writer| writer.database.connection().execute_batch("PRAGMA query_only = 1"));
    broken.await.unwrap().unwrap();
    table.lock().unwrap().load(ALICE, Counter { failures: 1, last: START, ..Counter::BLANK }, Duration::ZERO);
    table.lock().unwrap().changed_again(Changed::Everything);
    disk.flush();
    disk.flush();
    assert_eq!(fixture.written().first().map(|(key, _)| *key), Some(ALICE));
}

#[tokio::test]
async fn a_counter_that_a_command_cleared_is_not_written_again() {
    let (fixture, limits) = (Fixture::new(), ThrottleLimits::default());
    let throttle = fixture.open();
    use_up(&throttle, &limits).await;
    throttle.flush();
    let cleared = [Cleared::One(ALICE), Cleared::Devices(UserId(1))];
    assert_eq!(clear(&fixture.files.database, &cleared).unwrap(), 1);
    throttle.flush();
    let left: Vec<ThrottleKey> = fixture.written().into_iter().map(|(key, _)| key).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    use_up(&throttle, &limits).await;
    // Whether these are written yet or not.
    clear(&fixture.files.database, &[Cleared::All]).unwrap();
    throttle.flush();
    assert!(fixture.written().is_empty() && attempt(&throttle, &limits).await.is_ok());
    // A gateway that starts later does not see it again.
    use_up(&throttle, &limits).await;
    drop(throttle);
    let throttle = fixture.open();
    throttle.flush();
    assert_eq!(fixture.written().len(), 2);
}
