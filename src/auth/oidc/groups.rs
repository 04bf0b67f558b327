//! The groups of a user, as the provider names them, and as the gateway does.
//!
//! Groups that are not told are not the same as no groups: a user of two hundred groups at Entra has no claim at all.
//! Such a user is in no group here, so that no rule that asks for one lets them pass, and the log says why.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{claim_path::ClaimPath, claims::Claims};
use crate::identity::GroupName;

/// The groups that a provider told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ToldGroups {
    /// The groups, perhaps none.
    Known(Vec<String>),
    /// The groups are unknown, for a reason.
    Unknown(WhyUnknown),
}

/// Why the groups of a user are unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhyUnknown {
    /// The claim is missing.
    Absent,
    /// Entra says that there are too many for a token.
    Overage,
    /// More than 500, or one that is longer than 256 characters.
    TooMany,
    /// The claim is no list of texts.
    Malformed,
}

impl WhyUnknown {
    /// The reason, for a log message.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "the claim is missing",
            Self::Overage => {
                "the provider says that there are too many for a token; with Entra, put only groups that are assigned to \
                 the application into it, or use app roles"
            }
            Self::TooMany => "the claim has more than 500 groups, or one of more than 256 characters",
            Self::Malformed => "the claim is no list of texts",
        }
    }
}

impl ToldGroups {
    /// Reads the claim. A text stands for a list of one.
    pub(super) fn read(claims: &Claims, path: &ClaimPath) -> Self {
        let Some((value, _)) = claims.find(path) else {
            let why = if is_overage(claims, path) { WhyUnknown::Overage } else { WhyUnknown::Absent };
            return Self::Unknown(why);
        };
        let list = match value {
            Value::String(one) => vec![one.as_str()],
            Value::Array(list) => match list.iter().map(Value::as_str).collect() {
                Some(list) => list,
                None => return Self::Unknown(WhyUnknown::Malformed),
            },
            _ => return Self::Unknown(WhyUnknown::Malformed),
        };
        if list.len() > MAX_GROUPS || list.iter().any(|group| group.chars().nth(MAX_CHARS).is_some()) {
            return Self::Unknown(WhyUnknown::TooMany);
        }
        Self::Known(list.into_iter().map(str::to_owned).collect())
    }

    /// Whether the user is in the group with this name. Keycloak begins the name of a group with a slash.
    pub(super) fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::Known(groups) => groups.iter().any(|group| is_same(group, wanted)),
            Self::Unknown(_) => false,
        }
    }

    /// The gateway's groups: those of the map, sorted. A group that is not in the map is dropped.
    pub(super) fn mapped(&self, map: &BTreeMap<String, GroupName>) -> Vec<GroupName> {
        let mut mapped: Vec<GroupName> =
            map.iter().filter(|(theirs, _)| self.contains(theirs)).map(|(_, ours)| ours.clone()).collect();
        mapped.sort();
        mapped.dedup();
        mapped
    }
}

fn is_same(group: &str, wanted: &str) -> bool {
    group == wanted || group.strip_prefix('/') == Some(wanted)
}

/// Whether the provider says that the groups are elsewhere (OpenID Connect Core 1.0 §5.6.2), as Entra does for a user
/// of more than 200. They are not fetched: Microsoft Graph asks for a permission and an access token of its own.
fn is_overage(claims: &Claims, path: &ClaimPath) -> bool {
    let id_token = claims.id_token();
    let names = id_token.get("_claim_names").and_then(Value::as_object);
    id_token.get("hasgroups") == Some(&Value::Bool(true))
        || names.is_some_and(|names| names.contains_key(path.as_str()))
}

const MAX_GROUPS: usize = 500;
const MAX_CHARS: usize = 256;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn groups(claims: Value, path: &str) -> ToldGroups {
        let Value::Object(claims) = claims else { panic!("an object") };
        ToldGroups::read(&Claims::of(claims), &ClaimPath::parse(path).unwrap())
    }

    #[test]
    fn absent_groups_are_unknown_and_an_empty_list_is_known() {
        use ToldGroups::{Known, Unknown};
        let many: Vec<String> = (0..501).map(|n| format!("g{n}")).collect();
        let table = [
            (json!({}), "groups", Unknown(WhyUnknown::Absent)),
            (json!({"groups": null}), "groups", Unknown(WhyUnknown::Absent)),
            (json!({"groups": []}), "groups", Known(vec![])),
            (json!({"groups": "staff"}), "groups", Known(vec!["staff".into()])),
            (json!({"groups": "staff,admins"}), "groups", Known(vec!["staff,admins".into()])),
            (json!({"groups": ["staff", "ops"]}), "groups", Known(vec!["staff".into(), "ops".into()])),
            (json!({"groups": ["staff", 7]}), "groups", Unknown(WhyUnknown::Malformed)),
            (json!({"groups": [["staff"]]}), "groups", Unknown(WhyUnknown::Malformed)),
            (json!({"groups": {"staff": true}}), "groups", Unknown(WhyUnknown::Malformed)),
            (json!({"groups": true}), "groups", Unknown(WhyUnknown::Malformed)),
            (json!({"groups": many}), "groups", Unknown(WhyUnknown::TooMany)),
            (json!({"groups": many[..500]}), "groups", Known(many[..500].to_vec())),
            (json!({"groups": ["ä".repeat(257)]}), "groups", Unknown(WhyUnknown::TooMany)),
            (json!({"groups": ["ä".repeat(256)]}), "groups", Known(vec!["ä".repeat(256)])),
            (json!({"realm_access": {"roles": ["a"]}}), "/realm_access/roles", Known(vec!["a".into()])),
            (json!({"realm_access": {}}), "/realm_access/roles", Unknown(WhyUnknown::Absent)),
            (json!({"hasgroups": true}), "groups", Unknown(WhyUnknown::Overage)),
            (json!({"_claim_names": {"groups": "src1"}}), "groups", Unknown(WhyUnknown::Overage)),
            (json!({"_claim_names": {"other": "src1"}}), "groups", Unknown(WhyUnknown::Absent)),
        ];
        for (claims, path, expected) in table {
            let shown: String = claims.to_string().chars().take(60).collect();
            assert_eq!(groups(claims, path), expected, "{shown}");
        }
    }

    #[test]
    fn a_group_is_mapped_by_its_whole_name() {
        let ours = |name| GroupName::parse(name).unwrap();
        let map = BTreeMap::from([
            ("Wiki Editors".to_owned(), ours("editors")),
            ("staff".to_owned(), ours("staff")),
            ("/team/ops".to_owned(), ours("ops")),
            ("people".to_owned(), ours("staff")),
        ]);
        for (told, expected) in [
            (json!(["Wiki Editors", "unmapped"]), vec![ours("editors")]),
            (json!(["/staff", "people"]), vec![ours("staff")]),
            (json!(["/team/ops"]), vec![ours("ops")]),
            (json!(["team/ops", "STAFF", "staff ", "//staff", "/other/staff"]), vec![]),
            (json!([]), vec![]),
        ] {
            assert_eq!(groups(json!({ "groups": told }), "groups").mapped(&map), expected);
        }
        assert_eq!(ToldGroups::Unknown(WhyUnknown::Absent).mapped(&map), []);
    }
}
