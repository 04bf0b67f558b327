//! Users as a table, as text and as JSON.

use insta::assert_snapshot;

use super::fixture::*;

#[test]
fn users_are_listed_as_a_table_and_shown_as_text() {
    let it = Fixture::with_alice();
    it.run(&["add", "zoë", "--superuser", "--no-password", "--group=staff,ops"], "").ok();
    it.run(&["set", "alice", "--attribute=team=blue", "--attribute=floor=2"], "").ok();
    it.run(&["add", "bob"], GOOD).ok();
    it.run(&["disable", "bob"], "").ok();
    assert_snapshot!(it.run(&["list"], "").ok().out, @r"
    NAME   STATE        SUPERUSER  SIGN-IN   GROUPS      EMAIL              LAST SIGN-IN
    alice  active       no         password  staff       alice@example.com  never
    bob    disabled     no         password  -           -                  never
    zoë    no password  yes        -         ops, staff  -                  never
    ");
    assert_snapshot!(it.run(&["show", "alice"], "").ok().out, @r"
    name          alice
    number        1
    full name     -
    email         alice@example.com
    state         active
    superuser     no
    password      set
    groups        staff
    permissions   -
    created       2023-11-14T22:13:20.000Z
    last sign-in  never
    attributes    floor=2
                  team=blue
    ");
}

#[test]
fn users_are_shown_as_json_without_their_hashes() {
    let it = Fixture::with_alice();
    let object = it.run(&["show", "alice", "--json"], "").ok().out;
    assert_snapshot!(object, @r#"
    {
      "id": 1,
      "name": "alice",
      "full_name": "",
      "email": "alice@example.com",
      "email_verified": false,
      "active": true,
      "waiting_since": null,
      "superuser": false,
      "machine": false,
      "has_password": true,
      "must_change_password": false,
      "groups": [
        "staff"
      ],
      "local_groups": [
        "staff"
      ],
      "permissions": [],
      "attributes": {},
      "created": "2023-11-14T22:13:20.000Z",
      "last_sign_in": null,
      "identities": [],
      "invited": [],
      "factors": [],
      "recovery_codes_left": 0
    }
    "#);
    let listed: Vec<serde_json::Value> =
        serde_json::from_str(&it.run(&["list", "--json"], "").ok().out).unwrap();
    assert_eq!(listed, [serde_json::from_str::<serde_json::Value>(&object).unwrap()]);
    assert_eq!(Fixture::new().run(&["list", "--json"], "").ok().out, "[]\n");
}

#[test]
fn a_damaged_database_is_an_error_that_names_the_file() {
    let it = Fixture::new();
    std::fs::write(it.temp.path().join("users.db"), "no database\n".repeat(100)).unwrap();
    let message = it.run(&["list"], "").error();
    assert!(message.contains("users.db is damaged or no SQLite database"), "{message}");
}
