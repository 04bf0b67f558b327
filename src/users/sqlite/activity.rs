//! The newest activity of each account, as rows.

use rusqlite::Row;

use super::store::UserStore;
use crate::{
    clock::Timestamp,
    identity::UserId,
    users::{Action, Activity, UserStoreError},
};

impl UserStore {
    /// Notes what happened to an account, and forgets the oldest beyond `KEPT`. Nothing is noted for a user who is gone.
    pub fn note_activity(&mut self, id: UserId, activity: Activity) -> Result<(), UserStoreError> {
        let activity = activity.bounded();
        self.write("noting activity", |write| {
            let sql = "INSERT INTO activity (user_id, at, kind, address, device, host)
                       SELECT id, ?2, ?3, ?4, ?5, ?6 FROM user WHERE id = ?1";
            let Activity { at, kind, address, user_agent, host } = &activity;
            let values = (id.0, at.as_millis(), kind, address, user_agent, host);
            write.transaction.prepare_cached(sql)?.execute(values)?;
            let sql = "DELETE FROM activity WHERE user_id = ?1 AND seq <=
                           (SELECT seq FROM activity WHERE user_id = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)";
            write.transaction.prepare_cached(sql)?.execute((id.0, KEPT))?;
            Ok(())
        })
    }

    /// The activity of an account, newest first: what its owner did, and what others did to it.
    pub fn activity_of(&self, id: UserId) -> Result<Vec<Activity>, UserStoreError> {
        self.read("reading activity", |connection| {
            let sql =
                "SELECT at, kind, address, device, host FROM activity WHERE user_id = ?1 ORDER BY seq DESC";
            let own =
                connection.prepare_cached(sql)?.query_map([id.0], from_row)?.collect::<Result<Vec<_>, _>>();
            // Acts of the owner have entries of their own.
            let sql = "SELECT c.at, c.action FROM change c JOIN user u ON u.id = c.user_id
                       WHERE c.user_id = ?1 AND c.actor <> u.name ORDER BY c.seq DESC LIMIT ?2";
            let changed = |row: &Row<'_>| {
                let action = Action::parse(&row.get::<_, String>(1)?);
                Ok(action.map(|action| {
                    Activity::of_change(Timestamp::from_millis(row.get(0).unwrap_or(0)), action)
                }))
            };
            let mut statement = connection.prepare_cached(sql)?;
            let others = statement.query_map((id.0, KEPT), changed)?.collect::<Result<Vec<_>, _>>()?;
            let mut all: Vec<Activity> = own?.into_iter().chain(others.into_iter().flatten()).collect();
            all.sort_by_key(|activity| std::cmp::Reverse(activity.at));
            Ok(all)
        })
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Activity> {
    Ok(Activity {
        at: Timestamp::from_millis(row.get(0)?),
        kind: row.get(1)?,
        address: row.get(2)?,
        user_agent: row.get(3)?,
        host: row.get(4)?,
    })
}

/// Entries of one account.
const KEPT: i64 = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        identity::UserName,
        users::{NewUser, PasswordHash},
    };

    #[test]
    fn an_account_keeps_its_newest_activity_and_what_others_did_to_it() {
        let temp = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        let mut store = UserStore::open(&temp.path().join("users.db"), clock.clone()).unwrap();
        let name = |text: &str| UserName::parse(text).unwrap();
        let (alice, bob) = (
            store.add(NewUser::named(name("alice"))).unwrap(),
            store.add(NewUser::named(name("bob"))).unwrap(),
        );
        let activity = |number: i64| Activity {
            at: Timestamp::from_millis(2_000 + number),
            kind: Activity::SIGNED_IN.to_owned(),
            address: "192.0.2.1".to_owned(),
            user_agent: format!("Browser {number}\u{1b}"),
            host: "wiki.example.com".to_owned(),
        };
        for number in 0..60 {
            store.note_activity(alice.user.id, activity(number)).unwrap();
        }
        store.note_activity(bob.user.id, activity(100)).unwrap();
        clock.advance(std::time::Duration::from_secs(8));
        store.set_password(&name("alice"), &PasswordHash::stored("x".to_owned())).unwrap();
        let found = store.activity_of(alice.user.id).unwrap();
        assert_eq!(found.len(), 52, "fifty of her own, and two of others");
        assert_eq!(found[0].kind, "operator-password-changed");
        assert_eq!((found[1].user_agent.as_str(), found[1].at.as_millis()), ("Browser 59", 2_059));
        assert_eq!(found[50].user_agent, "Browser 10");
        assert_eq!(found[51].kind, "operator-added");
        store.remove(&name("alice")).unwrap();
        assert_eq!(store.activity_of(alice.user.id).unwrap(), []);
        store.note_activity(alice.user.id, activity(1)).unwrap();
        assert_eq!(store.activity_of(alice.user.id).unwrap(), [], "a user who is gone has none");
        assert_eq!(store.activity_of(bob.user.id).unwrap().len(), 2);
    }
}
