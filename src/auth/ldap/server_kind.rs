//! The kind of a server, as it says itself in its RootDSE (RFC 4512 §5.1).

use super::{Entry, Filter, LdapError, LdapPool, Scope, SearchRequest};

/// The features of a server that decide how it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerKind {
    /// Active Directory: the server follows groups of groups itself, by the matching rule `IN_CHAIN`. Other servers
    /// find nothing by a rule that they do not know, and call that a success.
    pub follows_groups: bool,
}

impl ServerKind {
    /// Asks the server. A server that keeps its RootDSE to itself has no feature.
    pub(super) async fn probe(pool: &LdapPool) -> Result<Self, LdapError> {
        let request = SearchRequest {
            base: String::new(),
            scope: Scope::Base,
            filter: Filter::present("objectClass"),
            attributes: vec![CAPABILITIES.to_owned()],
            size_limit: 1,
            page_size: None,
        };
        match pool.search(request).await {
            Ok(result) => Ok(Self::of(result.entries.first())),
            Err(LdapError::Refused { .. }) => Ok(Self::of(None)),
            Err(error) => Err(error),
        }
    }

    fn of(root: Option<&Entry>) -> Self {
        let follows_groups =
            root.is_some_and(|root| root.values(CAPABILITIES).any(|value| value == ACTIVE_DIRECTORY));
        Self { follows_groups }
    }
}

/// `LDAP_MATCHING_RULE_TRANSITIVE_EVAL`, MS-ADTS §3.1.1.3.4.4.3.
pub(super) const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";
const CAPABILITIES: &str = "supportedCapabilities";
/// `LDAP_CAP_ACTIVE_DIRECTORY_OID`, MS-ADTS §3.1.1.3.4.3.1.
const ACTIVE_DIRECTORY: &[u8] = b"1.2.840.113556.1.4.800";

#[cfg(test)]
mod tests {
    use super::{super::Attribute, *};

    #[test]
    fn active_directory_is_known_by_its_capability() {
        let root = |values: &[&str]| {
            let values = values.iter().map(|value| value.as_bytes().into()).collect();
            Entry::new(String::new(), vec![Attribute { name: "supportedcapabilities".to_owned(), values }])
        };
        let kind = |root: Option<&Entry>| ServerKind::of(root).follows_groups;
        assert!(kind(Some(&root(&["1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.800"]))));
        assert!(!kind(Some(&root(&["1.2.840.113556.1.4.8001"]))));
        assert!(!kind(Some(&root(&[]))));
        assert!(!kind(None));
    }
}
