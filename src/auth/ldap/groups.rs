//! The groups of a user in the directory, and which of ours they mean.
//!
//! Groups are searched for by their members. The attribute `memberOf` is not read: OpenLDAP has it only with an overlay,
//! Active Directory sends at most 1,500 of its values, and it never has the primary group.

use super::{
    DirectoryUser, Entry, Filter, FoundGroup, GroupSettings, LdapError, LdapPool, MemberForm, Scope,
    SearchRequest, ServerKind,
    directory_user::{OBJECT_SID, PRIMARY_GROUP_ID},
    group_walk::GroupWalk,
    server_kind::IN_CHAIN,
};
use crate::identity::GroupName;

/// The groups of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserGroups {
    /// Theirs, in the order in which they were found.
    pub found: Vec<FoundGroup>,
    /// The search ended at a limit: there may be more groups.
    pub is_cut_short: bool,
}

impl UserGroups {
    /// Ours.
    pub fn ours(&self, settings: &GroupSettings) -> Vec<GroupName> {
        let mapped = |group: &FoundGroup| settings.map.ours(&group.dn, group.name.as_deref());
        let mut ours: Vec<GroupName> = self.found.iter().flat_map(mapped).collect();
        ours.sort_unstable();
        ours.dedup();
        ours
    }

    /// Searches the directory. Without a mapped group nothing is searched.
    pub(super) async fn of(
        user: &DirectoryUser,
        settings: &GroupSettings,
        pool: &LdapPool,
        kind: ServerKind,
    ) -> Result<Self, LdapError> {
        if settings.map.is_empty() {
            return Ok(Self::default());
        }
        let search = GroupSearch { settings, pool };
        let primary = search.primary_group(user).await?;
        if settings.nested && settings.member_form == MemberForm::Dn && kind.follows_groups {
            return search.in_chain(user, primary).await;
        }
        search.walk(user, primary).await
    }
}

/// The searches for the groups of one user.
struct GroupSearch<'s> {
    settings: &'s GroupSettings,
    pool: &'s LdapPool,
}

impl GroupSearch<'_> {
    /// One search: the server follows groups of groups itself.
    async fn in_chain(&self, user: &DirectoryUser, primary: Vec<Entry>) -> Result<UserGroups, LdapError> {
        let roots = primary.iter().map(Entry::dn).chain([user.dn()]);
        let in_chain = roots.map(|dn| Filter::Extensible {
            attribute: Some(self.settings.members.clone()),
            rule: Some(IN_CHAIN.to_owned()),
            in_dn: false,
            value: dn.as_bytes().to_vec(),
        });
        let (entries, is_truncated) = self.matching(Filter::Or(in_chain.collect())).await?;
        let mut walk = GroupWalk::new();
        walk.add(&primary, &self.settings.name);
        walk.add(&entries, &self.settings.name);
        let (mut found, is_cut_short) = walk.finish();
        for group in &mut found {
            group.depth = None;
        }
        Ok(UserGroups { found, is_cut_short: is_cut_short || is_truncated })
    }

    /// One search for each step of the walk and each [`AT_ONCE`] groups.
    async fn walk(&self, user: &DirectoryUser, primary: Vec<Entry>) -> Result<UserGroups, LdapError> {
        let itself = match self.settings.member_form {
            MemberForm::Dn => user.dn(),
            MemberForm::Name => &user.name_there,
        };
        let mut walk = GroupWalk::new();
        walk.add(&primary, &self.settings.name);
        let (entries, mut is_truncated) = self.with_members([itself]).await?;
        walk.add(&entries, &self.settings.name);
        // A group lists other groups by their DN.
        let nested = self.settings.nested && self.settings.member_form == MemberForm::Dn;
        loop {
            let frontier = if nested { walk.step() } else { Vec::new() };
            if frontier.is_empty() {
                break;
            }
            for some in frontier.chunks(AT_ONCE) {
                let (entries, truncated) = self.with_members(some.iter().map(String::as_str)).await?;
                walk.add(&entries, &self.settings.name);
                is_truncated |= truncated;
            }
        }
        let (found, is_cut_short) = walk.finish();
        Ok(UserGroups { found, is_cut_short: is_cut_short || is_truncated })
    }

    /// The groups that list one of these members.
    async fn with_members<'m>(
        &self,
        members: impl IntoIterator<Item = &'m str>,
    ) -> Result<(Vec<Entry>, bool), LdapError> {
        let listed = members.into_iter().map(|member| Filter::equal(&self.settings.members, member));
        self.matching(Filter::Or(listed.collect())).await
    }

    /// The primary group of Active Directory: the group of the same domain with the number in `primaryGroupID`.
    async fn primary_group(&self, user: &DirectoryUser) -> Result<Vec<Entry>, LdapError> {
        let sid = self.settings.primary_group.then(|| primary_group_sid(user.entry())).flatten();
        let Some(sid) = sid else { return Ok(Vec::new()) };
        let (entries, _) = self.matching(Filter::equal(OBJECT_SID, sid)).await?;
        Ok(entries)
    }

    async fn matching(&self, filter: Filter) -> Result<(Vec<Entry>, bool), LdapError> {
        let request = SearchRequest {
            base: self.settings.base.to_string(),
            scope: Scope::Subtree,
            filter: Filter::And(vec![self.settings.filter.clone(), filter]),
            attributes: vec![self.settings.name.clone()],
            size_limit: 0,
            page_size: Some(PAGE),
        };
        let result = self.pool.search(request).await?;
        Ok((result.entries, result.is_truncated))
    }
}

/// The SID of the primary group: that of the user, with another last number (MS-DTYP §2.4.2).
fn primary_group_sid(entry: &Entry) -> Option<Vec<u8>> {
    let group: u32 = entry.single_text(PRIMARY_GROUP_ID)?.parse().ok()?;
    let (domain, _) = entry.single(OBJECT_SID)?.split_last_chunk::<4>()?;
    Some([domain, &group.to_le_bytes()].concat())
}

/// Members that are asked for in one filter.
const AT_ONCE: usize = 50;
const PAGE: u16 = 500;

#[cfg(test)]
mod tests {
    use super::{super::Attribute, *};

    #[test]
    fn the_sid_of_the_primary_group_is_that_of_the_domain_with_its_number() {
        let sid = data_encoding::BASE64.decode(b"AQUAAAAAAAUVAAAAPds4plCq6ZHnvaW2TgQAAA==").unwrap();
        let entry = |group: &str, sid: &[u8]| {
            let attribute =
                |name: &str, value: &[u8]| Attribute { name: name.to_owned(), values: vec![value.into()] };
            Entry::new(
                String::new(),
                vec![attribute("primaryGroupID", group.as_bytes()), attribute("objectSid", sid)],
            )
        };
        let expected = data_encoding::BASE64.decode(b"AQUAAAAAAAUVAAAAPds4plCq6ZHnvaW2AQIAAA==").unwrap();
        assert_eq!(primary_group_sid(&entry("513", &sid)), Some(expected));
        for (group, sid) in [("513", &b"abc"[..]), ("x", &sid), ("-1", &sid), ("99999999999", &sid)] {
            assert_eq!(primary_group_sid(&entry(group, sid)), None, "{group}");
        }
    }
}
