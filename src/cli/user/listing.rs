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
    identity::{GroupName, Permission, UserId, UserName},
    users::Account,
};

/// A table with a row for each user.
pub(super) fn list_as_table(accounts: &[Account], out: &mut dyn Write) -> io::Result<()> {
    if accounts.is_empty() {
        return writeln!(out, "there are no users yet");
    }
    let mut table = Table::headed(["NAME", "STATE", "SUPERUSER", "GROUPS", "EMAIL", "LAST SIGN-IN"]);
    for account in accounts {
        table.push(row(account));
    }
    table.write("", out)
}

/// A table with a row for each fact about a user.
pub(super) fn show_as_text(account: &Account, out: &mut dyn Write) -> io::Result<()> {
    let user = &account.user;
    let facts = [
        ("name", user.name.to_string()),
        ("number", user.id.to_string()),
        ("full name", or_dash(&user.full_name)),
        ("email", or_dash(&user.email)),
        ("state", state(account).to_owned()),
        ("superuser", yes_no(user.superuser).to_owned()),
        ("password", if account.password.is_some() { "set" } else { "none" }.to_owned()),
        ("groups", or_dash(&joined(&user.groups))),
        ("permissions", or_dash(&joined(&user.permissions))),
        ("created", account.created.to_string()),
        ("last sign-in", last_sign_in(account)),
    ];
    let mut table = Table::new();
    for (what, fact) in facts {
        table.push([what.to_owned(), fact]);
    }
    for (index, (key, value)) in user.attributes.iter().enumerate() {
        let what = if index == 0 { "attributes" } else { "" };
        table.push([what.to_owned(), format!("{key}={value}")]);
    }
    table.write("", out)
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
struct UserJson<'a> {
    id: UserId,
    name: &'a UserName,
    full_name: &'a str,
    email: &'a str,
    active: bool,
    superuser: bool,
    has_password: bool,
    groups: &'a [GroupName],
    permissions: &'a [Permission],
    attributes: &'a BTreeMap<String, String>,
    created: String,
    last_sign_in: Option<String>,
}

impl<'a> From<&'a Account> for UserJson<'a> {
    fn from(account: &'a Account) -> Self {
        let user = &account.user;
        Self {
            id: user.id,
            name: &user.name,
            full_name: &user.full_name,
            email: &user.email,
            active: account.active,
            superuser: user.superuser,
            has_password: account.password.is_some(),
            groups: &user.groups,
            permissions: &user.permissions,
            attributes: &user.attributes,
            created: account.created.to_string(),
            last_sign_in: account.last_sign_in.as_ref().map(Timestamp::to_string),
        }
    }
}

fn print_json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

fn row(account: &Account) -> [String; 6] {
    let user = &account.user;
    [
        user.name.to_string(),
        state(account).to_owned(),
        yes_no(user.superuser).to_owned(),
        or_dash(&joined(&user.groups)),
        or_dash(&user.email),
        last_sign_in(account),
    ]
}

fn state(account: &Account) -> &'static str {
    match (account.active, account.password.is_some()) {
        (false, _) => "disabled",
        (true, true) => "active",
        (true, false) => "no password",
    }
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
