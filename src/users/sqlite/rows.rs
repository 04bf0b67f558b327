//! Accounts as rows.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension, Row, types::Type};
use serde::de::DeserializeOwned;

use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, GroupName, IdentityPair, User, UserId, UserName},
    users::{Account, Factor, LinkedIdentity, PasswordHash, StoredToken, profile::sorted},
};

/// Whether there is no user at all.
pub(super) fn no_users(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM user)")?.query_row([], |row| row.get(0))
}

pub(super) fn load(connection: &Connection, id: UserId) -> rusqlite::Result<Option<Account>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
    statement.query_row([id.0], account).optional()
}

pub(super) fn load_by_name(connection: &Connection, name: &UserName) -> rusqlite::Result<Option<Account>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE name = ?1"))?;
    statement.query_row([name.as_str()], account).optional()
}

pub(super) fn load_by_pair(
    connection: &Connection,
    pair: &IdentityPair,
) -> rusqlite::Result<Option<Account>> {
    let sql = format!(
        "{SELECT} WHERE id = (SELECT user_id FROM identity WHERE backend = ?1 AND authority = ?2 AND subject = ?3)"
    );
    connection.prepare_cached(&sql)?.query_row(pair_values(pair), account).optional()
}

/// The key of an identity, as the first three values of a statement.
pub(super) fn pair_values(pair: &IdentityPair) -> (&str, &str, &str) {
    (pair.backend.as_str(), &pair.authority, &pair.subject)
}

/// The statement that finds the user with a name, or the next one by name, or the first after the last. Both searches are
/// always made.
pub(super) fn nearest() -> String {
    format!(
        "WITH near (next, first) AS MATERIALIZED (
             SELECT (SELECT id FROM user WHERE name >= ?1 ORDER BY name LIMIT 1),
                    (SELECT id FROM user ORDER BY name LIMIT 1))
         {SELECT} WHERE id = (SELECT coalesce(next, first) FROM near)"
    )
}

/// One statement, so that a user and the lists are of one point in time.
pub(super) const SELECT: &str = "
    SELECT id, name, email, full_name, active, superuser, credential, password, created, last_sign_in,
        (SELECT json_group_array(g.name) FROM user_group g WHERE g.user_id = u.id),
        (SELECT json_group_array(p.name) FROM user_permission p WHERE p.user_id = u.id),
        (SELECT json_group_object(a.key, a.value) FROM user_attribute a WHERE a.user_id = u.id),
        email_verified, waiting_since,
        (SELECT json_group_array(json_object(
            'backend', i.backend, 'authority', i.authority, 'subject', i.subject, 'name', i.name, 'email', i.email,
            'linked', i.linked, 'last_seen', i.last_seen, 'ended', i.ended,
            'home', json(iif(i.home, 'true', 'false')),
            'groups', json(i.groups), 'attributes', json(i.attributes)))
            FROM identity i WHERE i.user_id = u.id),
        (SELECT json_group_array(v.backend) FROM invitation v WHERE v.user_id = u.id),
        must_change_password,
        (SELECT json_group_array(json_object(
            'id', f.id, 'kind', f.kind, 'name', f.name, 'created', f.created, 'last_used', f.last_used,
            'synced', json(iif((SELECT p.backed_up FROM passkey p WHERE p.factor_id = f.id), 'true', 'false'))))
            FROM factor f WHERE f.user_id = u.id),
        (SELECT count(*) FROM recovery_code r WHERE r.user_id = u.id),
        machine,
        (SELECT json_group_array(json_object(
            'id', t.id, 'name', t.name, 'hash', t.hash, 'created', t.created, 'expires', t.expires,
            'last_used', t.last_used, 'credential', t.credential, 'limits', json(t.limits)))
            FROM api_token t WHERE t.user_id = u.id) AS tokens
    FROM user u";

pub(super) fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let name: String = row.get(1)?;
    let (local_groups, local_attributes): (Vec<GroupName>, Attributes) =
        (sorted(json(row, 10)?), json(row, 12)?);
    let mut identities: Vec<LinkedIdentity> = json(row, 15)?;
    let mut factors: Vec<Factor> = json(row, 18)?;
    factors.sort_by_key(|factor| factor.id);
    identities.sort_by(|a, b| (a.linked, &a.pair).cmp(&(b.linked, &b.pair)));
    let mut tokens: Vec<StoredToken> = json(row, row.as_ref().column_index("tokens")?)?;
    tokens.sort_by_key(|token| token.id);
    Ok(Account {
        user: Arc::new(User {
            id: UserId(row.get(0)?),
            name: UserName::parse(&name).map_err(|error| unreadable(1, error))?,
            email: row.get(2)?,
            full_name: row.get(3)?,
            superuser: row.get(5)?,
            groups: effective_groups(&local_groups, &identities),
            permissions: sorted(json(row, 11)?),
            attributes: effective_attributes(&local_attributes, &identities),
        }),
        active: row.get(4)?,
        credential: CredentialVersion(row.get(6)?),
        password: row.get::<_, Option<String>>(7)?.map(PasswordHash::stored),
        created: Timestamp::from_millis(row.get(8)?),
        last_sign_in: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_millis),
        email_verified: row.get(13)?,
        waiting_since: row.get::<_, Option<i64>>(14)?.map(Timestamp::from_millis),
        local_groups,
        local_attributes,
        identities,
        invited: sorted(json(row, 16)?),
        must_change_password: row.get(17)?,
        factors,
        recovery_codes_left: row.get(19)?,
        machine: row.get("machine")?,
        tokens,
    })
}

/// Groups given here and those that backends bring.
fn effective_groups(local: &[GroupName], identities: &[LinkedIdentity]) -> Vec<GroupName> {
    sorted(local.iter().chain(identities.iter().flat_map(|identity| &identity.groups)).cloned().collect())
}

/// One given here wins over one of a backend, and the identity that the profile comes from over later ones.
fn effective_attributes(local: &Attributes, identities: &[LinkedIdentity]) -> Attributes {
    let (home, linked): (Vec<_>, Vec<_>) = identities.iter().partition(|identity| identity.home);
    let brought = linked.into_iter().chain(home).map(|identity| &identity.attributes);
    let all = brought.chain([local]).flatten();
    all.map(|(key, value)| (key.clone(), value.clone())).collect()
}

type Attributes = BTreeMap<String, String>;

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, why: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(why))
}
