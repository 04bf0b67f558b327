//! Listings of users, as tables and as JSON. They show no password and no hash.

use std::{
    collections::BTreeMap,
    fmt::Display,
    io::{self, Write},
};

use serde::Serialize;

use crate::{
    cli::table::Table,
    clock::Timestamp,
    identity::{BackendName, GroupName, Permission, UserId, UserName},
    users::{Account, Factor, FactorId, FactorKind, LinkedIdentity, UnfitValue, UserFields},
};

/// A table with a row for each user.
pub(super) fn list_as_table(accounts: &[Account], out: &mut dyn Write) -> io::Result<()> {
    if accounts.is_empty() {
        return writeln!(out, "there are no users yet");
    }
    let mut table =
        Table::headed(["NAME", "STATE", "SUPERUSER", "SIGN-IN", "GROUPS", "EMAIL", "LAST SIGN-IN"]);
    for account in accounts {
        table.push(row(account));
    }
    table.write("", out)
}

/// A table with a row for each fact about a user.
pub(super) fn show_as_text(account: &Account, fields: &UserFields, out: &mut dyn Write) -> io::Result<()> {
    let user = &account.user;
    let facts = [
        ("name", user.name.to_string()),
        ("number", user.id.to_string()),
        ("full name", or_dash(&user.full_name)),
        ("email", email(account)),
        ("state", state_with_time(account)),
        ("superuser", yes_no(user.superuser).to_owned()),
        ("password", password(account).to_owned()),
        ("groups", or_dash(&groups_with_sources(account).join(", "))),
        ("permissions", or_dash(&joined(&user.permissions))),
        ("created", account.created.to_string()),
        ("last sign-in", last_sign_in(account)),
    ];
    let mut table = Table::new();
    for (what, fact) in facts {
        table.push([what.to_owned(), fact]);
    }
    for field in fields {
        let value = field.value_of(user);
        let fact = match field.check(value) {
            Ok(()) => or_dash(value),
            Err(UnfitValue::Missing) if account.machine => or_dash(value),
            Err(UnfitValue::Missing) => "- (a value is required)".to_owned(),
            Err(unfit) => format!("{} (does not fit any more: {unfit})", or_dash(value)),
        };
        table.push([field.title.to_string(), fact]);
    }
    let others = user.attributes.iter().filter(|(key, _)| fields.named(key).is_none());
    for (index, (key, value)) in others.enumerate() {
        let what = if index == 0 { "attributes" } else { "" };
        table.push([what.to_owned(), format!("{key}={value}")]);
    }
    for identity in &account.identities {
        table.push([format!("through {}", identity.pair.backend), described(identity)]);
    }
    if !account.factors.is_empty() {
        table.push(["second factors".to_owned(), second_factors(account)]);
        table.push(["recovery codes".to_owned(), format!("{} left", account.recovery_codes_left)]);
    }
    for backend in &account.invited {
        table.push([format!("through {backend}"), "invited, not signed in yet".to_owned()]);
    }
    table.write("", out)
}

/// Each group, with the backends that bring it: `ops, staff (company)`.
fn groups_with_sources(account: &Account) -> Vec<String> {
    let sourced = |group: &GroupName| {
        let brought = account.identities.iter().filter(|identity| identity.groups.contains(group));
        let backends: Vec<String> = brought.map(|identity| identity.pair.backend.to_string()).collect();
        match (account.local_groups.contains(group), backends.is_empty()) {
            (_, true) => group.to_string(),
            (true, false) => format!("{group} (here and {})", backends.join(", ")),
            (false, false) => format!("{group} ({})", backends.join(", ")),
        }
    };
    account.user.groups.iter().map(sourced).collect()
}

/// One identity in words.
fn described(identity: &LinkedIdentity) -> String {
    let LinkedIdentity { pair, name, email, linked, last_seen, ended, .. } = identity;
    let mut words = vec![pair.subject.to_string()];
    words.extend((!name.is_empty()).then(|| format!("named {name}")));
    words.extend((!email.is_empty()).then(|| email.clone()));
    words.push(format!("linked {linked}"));
    words.push(last_seen.map_or_else(|| "no sign-in yet".to_owned(), |at| format!("last sign-in {at}")));
    words.extend(ended.as_ref().map(|reason| format!("ended: {reason}")));
    words.push(format!("at {}", pair.authority));
    words.join(", ")
}

fn password(account: &Account) -> &'static str {
    match (&account.password, account.must_change_password) {
        (None, _) => "none",
        (Some(_), false) => "set",
        (Some(_), true) => "set, to be changed at the next sign-in",
    }
}

fn email(account: &Account) -> String {
    let email = or_dash(&account.user.email);
    if account.email_verified { format!("{email} (verified)") } else { email }
}

/// An array of the objects of [`show_as_json`].
pub(super) fn list_as_json(accounts: &[Account], out: &mut dyn Write) -> io::Result<()> {
    print_json(&accounts.iter().map(UserJson::from).collect::<Vec<_>>(), out)
}

/// A user as one object.
pub(super) fn show_as_json(account: &Account, out: &mut dyn Write) -> io::Result<()> {
    print_json(&UserJson::from(account), out)
}

/// `ops, staff`
pub(super) fn joined<T: Display>(names: &[T]) -> String {
    names.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// A user in JSON; the names of the fields are a promise to scripts.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own for scripts")]
struct UserJson<'a> {
    id: UserId,
    name: &'a UserName,
    full_name: &'a str,
    email: &'a str,
    email_verified: bool,
    active: bool,
    waiting_since: Option<String>,
    superuser: bool,
    machine: bool,
    has_password: bool,
    must_change_password: bool,
    groups: &'a [GroupName],
    local_groups: &'a [GroupName],
    permissions: &'a [Permission],
    attributes: &'a BTreeMap<String, String>,
    created: String,
    last_sign_in: Option<String>,
    identities: Vec<IdentityJson<'a>>,
    invited: &'a [BackendName],
    factors: Vec<FactorJson<'a>>,
    recovery_codes_left: u32,
}

/// An identity in JSON.
#[derive(Serialize)]
struct IdentityJson<'a> {
    backend: &'a BackendName,
    authority: &'a str,
    subject: &'a str,
    name: &'a str,
    email: &'a str,
    linked: String,
    last_sign_in: Option<String>,
    ended: Option<&'a str>,
    groups: &'a [GroupName],
    attributes: &'a BTreeMap<String, String>,
}

impl<'a> From<&'a LinkedIdentity> for IdentityJson<'a> {
    fn from(identity: &'a LinkedIdentity) -> Self {
        Self {
            backend: &identity.pair.backend,
            authority: &identity.pair.authority,
            subject: &identity.pair.subject,
            name: &identity.name,
            email: &identity.email,
            linked: identity.linked.to_string(),
            last_sign_in: identity.last_seen.as_ref().map(Timestamp::to_string),
            ended: identity.ended.as_deref(),
            groups: &identity.groups,
            attributes: &identity.attributes,
        }
    }
}

impl<'a> From<&'a Account> for UserJson<'a> {
    fn from(account: &'a Account) -> Self {
        let user = &account.user;
        Self {
            id: user.id,
            name: &user.name,
            full_name: &user.full_name,
            email: &user.email,
            email_verified: account.email_verified,
            active: account.active,
            waiting_since: account.waiting_since.as_ref().map(Timestamp::to_string),
            superuser: user.superuser,
            machine: account.machine,
            has_password: account.password.is_some(),
            must_change_password: account.must_change_password,
            groups: &user.groups,
            local_groups: &account.local_groups,
            permissions: &user.permissions,
            attributes: &user.attributes,
            created: account.created.to_string(),
            last_sign_in: account.last_sign_in.as_ref().map(Timestamp::to_string),
            identities: account.identities.iter().map(IdentityJson::from).collect(),
            invited: &account.invited,
            factors: account.factors.iter().map(FactorJson::from).collect(),
            recovery_codes_left: account.recovery_codes_left,
        }
    }
}

/// A second factor in JSON.
#[derive(Serialize)]
struct FactorJson<'a> {
    id: FactorId,
    kind: FactorKind,
    name: &'a str,
    created: String,
    last_used: Option<String>,
}

impl<'a> From<&'a Factor> for FactorJson<'a> {
    fn from(factor: &'a Factor) -> Self {
        Self {
            id: factor.id,
            kind: factor.kind,
            name: &factor.name,
            created: factor.created.to_string(),
            last_used: factor.last_used.as_ref().map(Timestamp::to_string),
        }
    }
}

/// The second factors of a user, as a table or as an array.
pub(super) fn factors(account: &Account, json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        return print_json(&account.factors.iter().map(FactorJson::from).collect::<Vec<_>>(), out);
    }
    if account.factors.is_empty() {
        return writeln!(out, "user {} has no second factor", account.user.name);
    }
    let last_used =
        |factor: &Factor| factor.last_used.map_or_else(|| "never".to_owned(), |at| at.to_string());
    for factor in &account.factors {
        let Factor { id, kind, name, created, .. } = factor;
        writeln!(out, "{id:<6} {kind:<8} {name}, added {created}, last used {}", last_used(factor))?;
    }
    writeln!(out, "recovery codes left: {}", account.recovery_codes_left)
}

/// The second factors in words: `Phone (totp), Key (passkey)`.
fn second_factors(account: &Account) -> String {
    let named = account.factors.iter().map(|factor| format!("{} ({})", factor.name, factor.kind));
    or_dash(&named.collect::<Vec<_>>().join(", "))
}

fn print_json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

fn row(account: &Account) -> [String; 7] {
    let user = &account.user;
    [
        user.name.to_string(),
        state(account).to_owned(),
        yes_no(user.superuser).to_owned(),
        or_dash(&ways_in(account).join(", ")),
        or_dash(&joined(&user.groups)),
        or_dash(&user.email),
        last_sign_in(account),
    ]
}

fn state(account: &Account) -> &'static str {
    match (account.active, account.waiting_since.is_some()) {
        (false, true) => "waiting",
        (false, false) => "disabled",
        (true, _) if account.machine => "machine",
        (true, _) if ways_in(account).is_empty() => "no password",
        (true, _) => "active",
    }
}

fn state_with_time(account: &Account) -> String {
    match account.waiting_since {
        Some(since) => format!("waiting for approval since {since}; `portcullis user enable` approves"),
        None => state(account).to_owned(),
    }
}

/// The means to sign in: a password here, and backends.
fn ways_in(account: &Account) -> Vec<String> {
    let password = account.password.is_some().then(|| "password".to_owned());
    let linked = account.identities.iter().filter(|identity| identity.ended.is_none());
    let backends = linked.map(|identity| identity.pair.backend.to_string());
    let invited = account.invited.iter().map(|backend| format!("{backend} (invited)"));
    password.into_iter().chain(backends).chain(invited).collect()
}

fn last_sign_in(account: &Account) -> String {
    account.last_sign_in.map_or_else(|| "never".to_owned(), |at| at.to_string())
}

fn yes_no(it_is: bool) -> &'static str {
    if it_is { "yes" } else { "no" }
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}
