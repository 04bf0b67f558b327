//! A walk from a user to the groups of groups, breadth first.
//!
//! The walk does no I/O: it says for which entries the groups are to be searched, and takes what was found. A cycle of
//! groups ends, because each group is visited once; depth and number are limited, because the directory decides both.

use std::collections::HashSet;

use super::{Dn, Entry};

/// The walk of one user.
#[derive(Debug)]
pub(super) struct GroupWalk {
    found: Vec<FoundGroup>,
    visited: HashSet<String>,
    /// The groups that were found last.
    frontier: Vec<String>,
    depth: usize,
    is_cut_short: bool,
}

/// A group that a user belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundGroup {
    /// The DN, as the server sent it.
    pub dn: String,
    /// The name; `None` without a usable one.
    pub name: Option<String>,
    /// The number of groups between the user and this one; `None` if the server followed them.
    pub depth: Option<usize>,
}

impl GroupWalk {
    /// A walk that has found nothing.
    pub(super) fn new() -> Self {
        Self {
            found: Vec::new(),
            visited: HashSet::new(),
            frontier: Vec::new(),
            depth: 0,
            is_cut_short: false,
        }
    }

    /// Takes groups that list members of the frontier, or the user at first.
    pub(super) fn add(&mut self, entries: &[Entry], name_attribute: &str) {
        for entry in entries {
            if self.found.len() >= MAX_GROUPS {
                self.is_cut_short = true;
                return;
            }
            if self.visited.insert(visited_as(entry.dn())) {
                self.frontier.push(entry.dn().to_owned());
                self.found.push(FoundGroup {
                    dn: entry.dn().to_owned(),
                    name: entry.single_text(name_attribute).map(str::to_owned),
                    depth: Some(self.depth),
                });
            }
        }
    }

    /// The groups of which the groups are to be searched next; empty at the end.
    pub(super) fn step(&mut self) -> Vec<String> {
        if self.depth == MAX_DEPTH {
            self.is_cut_short |= !self.frontier.is_empty();
            return Vec::new();
        }
        self.depth += 1;
        std::mem::take(&mut self.frontier)
    }

    /// All groups, and whether there may be more beyond the limits.
    pub(super) fn finish(self) -> (Vec<FoundGroup>, bool) {
        (self.found, self.is_cut_short)
    }
}

/// Two spellings of a DN are one group.
fn visited_as(dn: &str) -> String {
    Dn::parse(dn).map_or_else(|_| dn.to_lowercase(), |dn| dn.key())
}

/// Maximum number of steps from a group to the group that it is a member of.
pub(super) const MAX_DEPTH: usize = 10;
/// Maximum number of groups of one user.
pub(super) const MAX_GROUPS: usize = 1_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{super::Attribute, *};

    fn group(name: &str) -> Entry {
        let cn = Attribute { name: "cn".to_owned(), values: vec![name.as_bytes().into()] };
        Entry::new(format!("cn={name},dc=example"), vec![cn])
    }

    /// Walks a directory in which `member_of` lists the groups of each user and group.
    fn walk(member_of: &BTreeMap<&str, Vec<&str>>) -> (Vec<String>, bool) {
        let groups_of = |name: &str| -> Vec<Entry> {
            member_of.get(name).into_iter().flatten().map(|name| group(name)).collect()
        };
        let mut walk = GroupWalk::new();
        walk.add(&groups_of("alice"), "cn");
        loop {
            let frontier = walk.step();
            if frontier.is_empty() {
                break;
            }
            for dn in frontier {
                let name = dn.strip_prefix("cn=").unwrap().split(',').next().unwrap().to_owned();
                walk.add(&groups_of(&name), "cn");
            }
        }
        let (found, is_cut_short) = walk.finish();
        (found.into_iter().filter_map(|group| group.name).collect(), is_cut_short)
    }

    #[test]
    fn a_walk_finds_groups_of_groups_once_and_ends_in_a_cycle() {
        let member_of = BTreeMap::from([
            ("alice", vec!["inner", "other"]),
            ("inner", vec!["middle"]),
            ("middle", vec!["outer", "other"]),
            ("outer", vec!["inner"]),
            ("bobs", vec!["secret"]),
        ]);
        let (names, is_cut_short) = walk(&member_of);
        assert_eq!(names, ["inner", "other", "middle", "outer"]);
        assert!(!is_cut_short);
        assert_eq!(walk(&BTreeMap::new()), (Vec::new(), false));
    }

    #[test]
    fn two_spellings_of_a_dn_are_one_group() {
        let mut walk = GroupWalk::new();
        for dn in ["cn=a,dc=example", "CN=A, DC=Example"] {
            walk.add(&[Entry::new(dn.to_owned(), Vec::new())], "cn");
        }
        assert_eq!(walk.finish().0.len(), 1);
    }

    #[test]
    fn a_walk_ends_at_its_depth_and_at_its_number() {
        let names: Vec<String> = (0..20).map(|index| format!("g{index}")).collect();
        let mut chain: BTreeMap<&str, Vec<&str>> =
            names.windows(2).map(|pair| (pair[0].as_str(), vec![pair[1].as_str()])).collect();
        chain.insert("alice", vec!["g0"]);
        let (found, is_cut_short) = walk(&chain);
        assert_eq!((found.len(), is_cut_short), (MAX_DEPTH + 1, true));

        let many: Vec<String> = (0..=MAX_GROUPS).map(|index| format!("g{index}")).collect();
        let wide = BTreeMap::from([("alice", many.iter().map(String::as_str).collect::<Vec<_>>())]);
        let (found, is_cut_short) = walk(&wide);
        assert_eq!((found.len(), is_cut_short), (MAX_GROUPS, true));
        let all = BTreeMap::from([("alice", many[1..].iter().map(String::as_str).collect::<Vec<_>>())]);
        assert!(!walk(&all).1);
    }

    proptest! {
        #[test]
        fn a_walk_ends_in_every_graph(edges in prop::collection::vec((0..12_usize, 0..12_usize), 0..60)) {
            let names: Vec<String> = (0..12).map(|index| if index == 0 { "alice".to_owned() } else { format!("g{index}") }).collect();
            let mut member_of = BTreeMap::<&str, Vec<&str>>::new();
            for (from, to) in edges {
                if to > 0 {
                    member_of.entry(&names[from]).or_default().push(&names[to]);
                }
            }
            let (found, _) = walk(&member_of);
            let mut unique = found.clone();
            unique.sort_unstable();
            unique.dedup();
            prop_assert_eq!(found.len(), unique.len());
        }
    }
}
