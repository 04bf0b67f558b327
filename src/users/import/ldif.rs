//! Entries of an LDAP directory (RFC 2849), as `slapcat` and `ldapsearch` write them.
//!
//! Persons become users. Their groups are those that name them by `member`, `uniqueMember` or `memberUid`, and those of
//! their own `memberOf`. Other entries are counted and left out. A file of changes is refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufRead,
};

use data_encoding::BASE64;

use super::{
    ForeignUsers, MAX_USERS, UnreadableImport,
    line_reader::LineReader,
    record::{FilePosition, ForeignPassword, ForeignUser},
};

pub(super) fn read(file: impl BufRead) -> Result<ForeignUsers, UnreadableImport> {
    let mut lines = Unfolded { lines: LineReader::new(file), next: None };
    let mut found = ForeignUsers::default();
    // The normal form of the name of each user's entry, and its index.
    let mut by_dn = BTreeMap::new();
    let mut groups = Vec::new();
    let mut others = 0_usize;
    while let Some(entry) = Entry::read(&mut lines)? {
        if entry.is_group() {
            groups.push(entry);
        } else if entry.is_person() {
            if found.users.len() == MAX_USERS {
                return Err(UnreadableImport::TooManyUsers);
            }
            by_dn.insert(normal_dn(&entry.dn), found.users.len());
            let user = entry.user();
            check_groups(&user, entry.line)?;
            found.users.push(user);
        } else {
            others += 1;
        }
    }
    let by_name: BTreeMap<String, usize> =
        found.users.iter().enumerate().map(|(index, user)| (user.name.to_lowercase(), index)).collect();
    for group in &groups {
        let Some(name) = group.first("cn") else { continue };
        let by_member = group.all(&["member", "uniquemember"]).filter_map(|dn| by_dn.get(&normal_dn(dn)));
        let by_uid = group.all(&["memberuid"]).filter_map(|uid| by_name.get(&uid.to_lowercase()));
        let members: Vec<usize> = by_member.chain(by_uid).copied().collect();
        for index in members {
            if let Some(user) = found.users.get_mut(index) {
                user.groups.push(name.to_owned());
                check_groups(user, group.line)?;
            }
        }
    }
    for user in &mut found.users {
        let mut seen = BTreeSet::new();
        user.groups.retain(|group| seen.insert(group.clone()));
    }
    if others > 0 {
        found.remarks.push(format!("{others} entries that are neither persons nor groups are left out"));
    }
    Ok(found)
}

/// More groups than any person has; each of them is compared with the others.
fn check_groups(user: &ForeignUser, line: u64) -> Result<(), UnreadableImport> {
    if user.groups.len() <= MAX_GROUPS {
        return Ok(());
    }
    let problem = format!("user {:?} is in more than {MAX_GROUPS} groups", user.name);
    Err(UnreadableImport::line(line, problem))
}

/// Lines with their continuations, which start with a blank.
struct Unfolded<R> {
    lines: LineReader<R>,
    next: Option<(u64, String)>,
}

impl<R: BufRead> Unfolded<R> {
    fn next_line(&mut self) -> Result<Option<(u64, String)>, UnreadableImport> {
        let first = match self.next.take() {
            Some(line) => Some(line),
            None => self.lines.next_line()?,
        };
        let Some((number, mut line)) = first else { return Ok(None) };
        while let Some((next_number, next)) = self.lines.next_line()? {
            match next.strip_prefix(' ') {
                Some(rest) if !line.is_empty() => {
                    line.push_str(rest);
                    if line.len() > MAX_VALUE {
                        let problem = format!("a value has more than {MAX_VALUE} bytes");
                        return Err(UnreadableImport::line(number, problem));
                    }
                }
                _ => {
                    self.next = Some((next_number, next));
                    break;
                }
            }
        }
        Ok(Some((number, line)))
    }
}

/// One entry.
struct Entry {
    line: u64,
    dn: String,
    /// Names in lower case without options, and values.
    attributes: Vec<(String, String)>,
}

impl Entry {
    fn read(lines: &mut Unfolded<impl BufRead>) -> Result<Option<Self>, UnreadableImport> {
        let mut entry: Option<Self> = None;
        while let Some((number, line)) = lines.next_line()? {
            if line.starts_with('#') {
                continue;
            }
            if line.trim().is_empty() {
                match entry {
                    Some(entry) => return Ok(Some(entry)),
                    None => continue,
                }
            }
            let (name, value) = pair(number, &line)?;
            match (&mut entry, name.as_str()) {
                (None, "version") if value.trim() == "1" => {}
                (None, "dn") => entry = Some(Self { line: number, dn: value, attributes: Vec::new() }),
                (None, "search" | "result") => {}
                (None, _) => {
                    return Err(UnreadableImport::line(number, "expected an entry, which starts with `dn:`"));
                }
                (Some(_), "changetype") => {
                    return Err(UnreadableImport::line(number, "this is a file of changes; export entries"));
                }
                (Some(entry), _) if entry.attributes.len() < MAX_ATTRIBUTES => {
                    entry.attributes.push((name, value));
                }
                (Some(_), _) => return Err(UnreadableImport::line(number, "the entry has too many values")),
            }
        }
        Ok(entry)
    }

    fn all<'e>(&'e self, names: &'e [&str]) -> impl Iterator<Item = &'e str> {
        let found = self.attributes.iter().filter(|(name, _)| names.contains(&name.as_str()));
        found.map(|(_, value)| value.as_str())
    }

    fn first(&self, name: &str) -> Option<&str> {
        let (_, value) = self.attributes.iter().find(|(found, value)| found == name && !value.is_empty())?;
        Some(value)
    }

    fn has_class(&self, classes: &[&str]) -> bool {
        self.all(&["objectclass"]).any(|class| classes.contains(&class.to_lowercase().as_str()))
    }

    fn is_group(&self) -> bool {
        self.has_class(&["groupofnames", "groupofuniquenames", "groupofmembers", "posixgroup", "group"])
    }

    fn is_person(&self) -> bool {
        let classes = ["person", "inetorgperson", "organizationalperson", "posixaccount", "account", "user"];
        self.has_class(&classes) && !self.has_class(&["computer"])
    }

    fn user(&self) -> ForeignUser {
        let name = ["uid", "samaccountname", "cn"].into_iter().find_map(|name| self.first(name));
        let mut user = ForeignUser::named(FilePosition::Line(self.line), name.unwrap_or_default());
        let full = ["displayname", "cn"].into_iter().find_map(|name| self.first(name));
        full.unwrap_or_default().clone_into(&mut user.full_name);
        self.first("mail").unwrap_or_default().clone_into(&mut user.email);
        user.password = self.password();
        user.active = !self.is_disabled();
        user.must_change_password =
            self.first("pwdreset").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        user.groups = self.all(&["memberof"]).filter_map(first_value).collect();
        user
    }

    /// Whether the directory lets the user in no more. A value that cannot be read may be the one that disables.
    fn is_disabled(&self) -> bool {
        let is_locked = self.first("nsaccountlock").is_some_and(|value| !value.eq_ignore_ascii_case("false"));
        let is_locked_for_good = self.first("pwdaccountlockedtime") == Some(LOCKED_FOR_GOOD);
        let account_control = self.first("useraccountcontrol").map(|bits| bits.trim().parse::<i64>().ok());
        let is_off = account_control.is_some_and(|bits| bits.is_none_or(|bits| bits & ACCOUNT_DISABLE != 0));
        is_locked || is_locked_for_good || is_off
    }

    /// The first password that can be taken over; of several, one is enough to sign in with.
    fn password(&self) -> ForeignPassword {
        let mut passwords = self.all(&["userpassword"]).map(ForeignPassword::read);
        let first = passwords.next().unwrap_or(ForeignPassword::None);
        match first {
            ForeignPassword::Unusable(_) => {
                passwords.find(|password| matches!(password, ForeignPassword::Hash { .. })).unwrap_or(first)
            }
            first => first,
        }
    }
}

/// `name: text`, or `name:: base64`; the name in lower case and without options.
fn pair(number: u64, line: &str) -> Result<(String, String), UnreadableImport> {
    let (name, value) = line.split_once(':').ok_or_else(|| {
        UnreadableImport::line(number, "expected an attribute and a value, as in `uid: alice`")
    })?;
    let name = name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if let Some(encoded) = value.strip_prefix(':') {
        let decoded = BASE64.decode(encoded.trim().as_bytes());
        let bytes = decoded.map_err(|_| UnreadableImport::line(number, "the value is not base64"))?;
        // A photograph is no text, and nobody asks for it.
        let text = String::from_utf8(bytes).unwrap_or_default();
        return Ok((name, text));
    }
    if value.starts_with('<') {
        return Err(UnreadableImport::line(number, "values in other files are not read"));
    }
    Ok((name, value.trim_start().to_owned()))
}

/// A name of an entry in a form in which two spellings are equal: lower case, without blanks around commas, escapes
/// decoded (RFC 4514 §2.4).
fn normal_dn(dn: &str) -> Vec<String> {
    parts(dn).into_iter().map(|part| part.to_lowercase()).collect()
}

/// The value of the first part of a name: `staff` of `cn=staff,ou=groups,dc=example`.
fn first_value(dn: &str) -> Option<String> {
    let first = parts(dn).into_iter().next()?;
    let (_, value) = first.split_once('=')?;
    Some(value.trim().to_owned())
}

fn parts(dn: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut bytes = dn.bytes().peekable();
    let push = |part: &mut Vec<u8>, parts: &mut Vec<String>| {
        parts.push(String::from_utf8_lossy(part).trim().to_owned());
        part.clear();
    };
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                let hex = |byte: &u8| char::from(*byte).to_digit(16);
                let Some(first) = bytes.next() else { break };
                match (hex(&first), bytes.peek().and_then(hex)) {
                    (Some(high), Some(low)) => {
                        bytes.next();
                        part.push(u8::try_from(high * 16 + low).unwrap_or_default());
                    }
                    _ => part.push(first),
                }
            }
            b',' | b';' => push(&mut part, &mut parts),
            byte => part.push(byte),
        }
    }
    push(&mut part, &mut parts);
    parts
}

/// `ADS_UF_ACCOUNTDISABLE` of Active Directory.
const ACCOUNT_DISABLE: i64 = 2;
/// OpenLDAP's mark of an account that an administrator has locked (draft-behera-ldap-password-policy §5.3.3).
const LOCKED_FOR_GOOD: &str = "000001010000Z";
const MAX_VALUE: usize = 1 << 20;
const MAX_GROUPS: usize = 1000;
const MAX_ATTRIBUTES: usize = 50_000;
