//! An examination of a configured directory, step by step, for `portcullis backend test`.
//!
//! Each step says what was asked, what came, and what to do about a problem. No step holds a password; the values of
//! entries are those that the gateway reads anyway.

use std::collections::BTreeMap;

use super::{
    AccountState, DirectoryUser, Filter, Found, Ldap, LdapError, ResultCode, Scope, SearchRequest,
    SearchResult, server_kind::IN_CHAIN, user_filter,
};
use crate::{
    auth::{Step, StepResult},
    identity::GroupName,
    users::Password,
};

/// Examines a directory; with a typed name also that user, and with a password the sign-in.
pub async fn examine(ldap: &Ldap, typed_name: Option<&str>, password: Option<&Password>) -> Vec<Step> {
    let mut examination = Examination { ldap, steps: Vec::new() };
    if examination.server().await {
        examination.user_branch().await;
        examination.group_branch().await;
        if let Some(name) = typed_name {
            examination.user(name, password).await;
        }
    }
    examination.steps
}

struct Examination<'l> {
    ldap: &'l Ldap,
    steps: Vec<Step>,
}

impl Examination<'_> {
    /// Whether there is a server to go on with.
    async fn server(&mut self) -> bool {
        let connection = &self.ldap.settings().connection;
        let urls: Vec<String> = connection.urls.iter().map(ToString::to_string).collect();
        let protection = match connection.urls.first() {
            Some(url) if url.is_tls() => "TLS",
            _ if connection.start_tls => "StartTLS",
            _ => "no TLS",
        };
        let account = connection.service.as_ref().map_or("nobody (anonymous)", |service| &*service.bind_dn);
        let mut details =
            vec![format!("servers: {} ({protection})", urls.join(", ")), format!("account: {account}")];
        let request = Self::request("", Scope::Base, Filter::present("objectClass"), &ROOT_ATTRIBUTES, 1);
        let root = match self.ldap.pool().search(request).await {
            Ok(result) => result,
            // The server is there, and keeps its RootDSE to itself.
            Err(LdapError::Refused { .. }) => SearchResult::default(),
            Err(error) => {
                self.fail("connection", details, &error);
                return false;
            }
        };
        details.push("connected, and the account was accepted".to_owned());
        let root = root.entries.first();
        let vendor = root.and_then(|root| root.texts("vendorName").next()).map(|name| format!(", {name}"));
        let (mut result, mut remedy) = (StepResult::Ok, String::new());
        match self.ldap.server_kind().await {
            Ok(kind) if kind.follows_groups => {
                details.push(format!(
                    "the server says that it is an Active Directory{}",
                    vendor.unwrap_or_default()
                ));
            }
            Ok(_) => {
                details.push(format!("the server is no Active Directory{}", vendor.unwrap_or_default()));
                if self.uses_in_chain() {
                    result = StepResult::Failed;
                    details.push(format!(
                        "a filter has the rule {IN_CHAIN}, by which this server finds nothing"
                    ));
                    "take the rule out of the filter; `nested = true` finds groups of groups on every server"
                        .clone_into(&mut remedy);
                }
            }
            Err(error) => details.push(error.to_string()),
        }
        self.steps.push(Step { step: "connection", result, details, remedy });
        result != StepResult::Failed
    }

    fn uses_in_chain(&self) -> bool {
        let settings = self.ldap.settings();
        [&settings.groups.filter, &settings.users.filter.fill(|_| b"")].into_iter().any(has_in_chain)
    }

    async fn user_branch(&mut self) {
        let users = &self.ldap.settings().users;
        let mut details = vec![format!("base: {}", users.base)];
        let filter = user_filter::for_any_name(self.ldap.settings());
        let found = match self.ldap.search_users(filter, 20).await {
            Ok((entries, _)) => entries,
            Err(error) => return self.fail("users", details, &error),
        };
        details.push(match found.len() {
            0 => "no entry matches `user_filter` for any name".to_owned(),
            1 => "one entry matches `user_filter`".to_owned(),
            20.. => "20 entries or more match `user_filter`".to_owned(),
            number => format!("{number} entries match `user_filter`"),
        });
        if found.is_empty() {
            let remedy = "compare `user_base` and `user_filter` with an entry; the account may also not be allowed to read users";
            return self.push("users", StepResult::Failed, details, remedy);
        }
        let now = self.ldap.clock().now();
        let mut problems: BTreeMap<String, usize> = BTreeMap::new();
        let mut unreadable = 0_usize;
        for entry in found {
            match DirectoryUser::read(entry, self.ldap.settings(), now) {
                Ok(user) => unreadable += usize::from(user.state == AccountState::Unreadable),
                Err(why) => *problems.entry(why.to_string()).or_default() += 1,
            }
        }
        for (problem, number) in &problems {
            details.push(format!("{number} of them cannot be a user: {problem}"));
        }
        if unreadable > 0 {
            details.push(format!("the state of {unreadable} of them cannot be read"));
        }
        if problems.is_empty() && unreadable == 0 {
            return self.push("users", StepResult::Ok, details, "");
        }
        let remedy = "let the account read these attributes, or name others in `user_id` and `user_name`";
        self.push("users", StepResult::Warning, details, remedy);
    }

    async fn group_branch(&mut self) {
        let settings = &self.ldap.settings().groups;
        let mut details = vec![format!("base: {}", settings.base)];
        if settings.map.is_empty() {
            details.push("`groups` maps no group, so nobody gets any".to_owned());
            return self.push("groups", StepResult::Ok, details, "");
        }
        let request = SearchRequest {
            page_size: Some(500),
            ..Self::request(
                &settings.base,
                Scope::Subtree,
                settings.filter.clone(),
                &[settings.name.as_str()],
                0,
            )
        };
        let result = match self.ldap.pool().search(request).await {
            Ok(result) => result,
            Err(error) => return self.fail("groups", details, &error),
        };
        details.push(match result.entries.len() {
            1 => "one entry matches `group_filter`".to_owned(),
            number => format!("{number} entries match `group_filter`"),
        });
        let mut names: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        let mut mapped = 0_usize;
        for entry in &result.entries {
            let name = entry.single_text(&settings.name);
            mapped += usize::from(!settings.map.ours(entry.dn(), name).is_empty());
            if let Some(name) = name.filter(|name| settings.map.has_name(name)) {
                names.entry(name.trim().to_lowercase()).or_default().push(entry.dn());
            }
        }
        details.push(format!("mapped by `groups`: {mapped}"));
        let missing: Vec<String> =
            settings.map.names().filter(|name| !names.contains_key(*name)).map(str::to_owned).collect();
        for name in &missing {
            details.push(format!("no group is called \"{name}\""));
        }
        let twins: Vec<&Vec<&str>> = names.values().filter(|dns| dns.len() > 1).collect();
        for dns in &twins {
            details.push(format!("several groups have one name: {}", dns.join(" | ")));
        }
        match (missing.is_empty(), twins.is_empty()) {
            (true, true) => self.push("groups", StepResult::Ok, details, ""),
            (_, false) => {
                let remedy = "write the DN of the one that is meant in place of its name: `\"cn=editors,ou=groups,dc=example,dc=com\" = \"editors\"`";
                self.push("groups", StepResult::Warning, details, remedy);
            }
            (false, true) => {
                let remedy =
                    "compare the names in `groups`, and `group_base` and `group_filter`, with the entries";
                self.push("groups", StepResult::Warning, details, remedy);
            }
        }
    }

    async fn user(&mut self, typed_name: &str, password: Option<&Password>) {
        let mut details = vec![format!("searched for \"{typed_name}\"")];
        let user = match self.ldap.find(typed_name).await {
            Err(error) => return self.fail("user", details, &error),
            Ok(Found::Nobody) => {
                details.push("no entry matches".to_owned());
                let remedy = "compare `user_base` and `user_filter` with the entry of this user";
                return self.push("user", StepResult::Failed, details, remedy);
            }
            Ok(Found::Several(dns)) => {
                details
                    .push(format!("several entries match, so the sign-in is refused: {}", dns.join(" | ")));
                return self.push("user", StepResult::Failed, details, "make `user_filter` stricter");
            }
            Ok(Found::Unusable { dn, why }) => {
                details.extend([format!("entry: {dn}"), why.to_string()]);
                let remedy =
                    "let the account read the attribute, or name another in `user_id` or `user_name`";
                return self.push("user", StepResult::Failed, details, remedy);
            }
            Ok(Found::User(user)) => user,
        };
        details.push(format!("entry: {}", user.dn()));
        details.push(format!("{}: {}", self.ldap.settings().users.id.attribute(), user.pair.subject));
        let mut remedy = String::new();
        match user.name() {
            Ok(name) => details.push(format!("user name: {name}")),
            Err(why) => {
                details.push(format!("\"{}\" cannot be a user name: {why}", user.name_there));
                "rename the entry, or name another attribute in `user_name`".clone_into(&mut remedy);
            }
        }
        if let Some(email) = user.email(&self.ldap.settings().users) {
            details.push(format!("e-mail address: {email}"));
        }
        if user.state != AccountState::Active {
            details.push(format!("the account {}, so the sign-in is refused", user.state.described()));
            if remedy.is_empty() {
                "change the account in the directory".clone_into(&mut remedy);
            }
        }
        let result = if remedy.is_empty() { StepResult::Ok } else { StepResult::Failed };
        self.push("user", result, details, &remedy);
        self.user_groups(&user).await;
        if let Some(password) = password {
            self.password(&user, password).await;
        }
    }

    async fn user_groups(&mut self, user: &DirectoryUser) {
        let settings = &self.ldap.settings().groups;
        let groups = match self.ldap.groups(user).await {
            Ok(groups) => groups,
            Err(error) => return self.fail("groups of the user", Vec::new(), &error),
        };
        let mut details = Vec::new();
        for group in &groups.found {
            let ours = settings.map.ours(&group.dn, group.name.as_deref());
            let ours: Vec<&str> = ours.iter().map(GroupName::as_str).collect();
            let meaning = if ours.is_empty() { "not mapped".to_owned() } else { ours.join(", ") };
            details.push(format!("{} → {meaning}", group.dn));
        }
        if details.is_empty() {
            let none = if settings.map.is_empty() { "not searched: `groups` maps none" } else { "none" };
            details.push(none.to_owned());
        }
        let ours: Vec<String> = groups.ours(settings).iter().map(ToString::to_string).collect();
        details.push(format!(
            "groups here: {}",
            if ours.is_empty() { "none".to_owned() } else { ours.join(", ") }
        ));
        if groups.is_cut_short {
            details.push("the search ended at a limit: there may be more".to_owned());
            return self.push(
                "groups of the user",
                StepResult::Warning,
                details,
                "map groups that users are in more directly",
            );
        }
        self.push("groups of the user", StepResult::Ok, details, "");
    }

    async fn password(&mut self, user: &DirectoryUser, password: &Password) {
        let details = vec![format!("bind as {}", user.dn())];
        match self.ldap.verify(Some(user), password).await {
            Err(error) => self.fail("password", details, &error),
            Ok(Ok(())) => self.push("password", StepResult::Ok, details, ""),
            Ok(Err(refusal)) => {
                let details = details.into_iter().chain([format!("refused: {}", refusal.as_str())]).collect();
                self.push("password", StepResult::Failed, details, refusal.remedy());
            }
        }
    }

    fn request(base: &str, scope: Scope, filter: Filter, attributes: &[&str], limit: u32) -> SearchRequest {
        SearchRequest {
            base: base.to_owned(),
            scope,
            filter,
            attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
            size_limit: limit,
            page_size: None,
        }
    }

    fn push(&mut self, step: &'static str, result: StepResult, details: Vec<String>, remedy: &str) {
        self.steps.push(Step { step, result, details, remedy: remedy.to_owned() });
    }

    fn fail(&mut self, step: &'static str, mut details: Vec<String>, error: &LdapError) {
        details.push(error.to_string());
        self.push(step, StepResult::Failed, details, remedy(error));
    }
}

/// The remedy for an error.
pub fn remedy(error: &LdapError) -> &'static str {
    match (error, error.code()) {
        (LdapError::Unreachable { .. }, _) => {
            "check host and port in `url`, and that no firewall is between; without a port it is 389, or 636 for `ldaps://`"
        }
        (LdapError::Tls { .. }, _) => {
            "name the file with the authority's certificate in `ca`, and write the host in `url` as the certificate has it"
        }
        (_, Some(ResultCode::STRONGER_AUTH_REQUIRED | ResultCode::CONFIDENTIALITY_REQUIRED)) => {
            "the server wants TLS before a password: write `ldaps://` in `url`, or add `start_tls = true`"
        }
        (LdapError::ServiceBindRefused { .. }, _) => {
            "check `bind_dn`, and the password in the file of `bind_password_file`; the account may be locked or expired"
        }
        (_, Some(ResultCode::NO_SUCH_OBJECT)) => "there is no such entry: compare `base` with the directory",
        (_, Some(ResultCode::INSUFFICIENT_ACCESS_RIGHTS)) => {
            "let the account of `bind_dn` read users and groups"
        }
        (LdapError::Refused { .. }, _) => "look into the log of the directory for the reason",
        (LdapError::Protocol { .. }, _) => {
            "make sure that `url` leads to an LDAP server, with `ldaps://` only to a port with TLS"
        }
        (LdapError::Timeout { .. }, _) => {
            "look at the load of the directory, and for a firewall that swallows packets"
        }
        (LdapError::Busy | LdapError::Stopped, _) => "try again",
    }
}

fn has_in_chain(filter: &Filter) -> bool {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => filters.iter().any(has_in_chain),
        Filter::Not(filter) => has_in_chain(filter),
        Filter::Extensible { rule, .. } => rule.as_deref() == Some(IN_CHAIN),
        _ => false,
    }
}

const ROOT_ATTRIBUTES: [&str; 2] = ["vendorName", "namingContexts"];
