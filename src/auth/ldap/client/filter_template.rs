//! Filters that an operator writes, with placeholders.

use super::{
    Filter,
    filter::{is_attribute_description, is_numeric_oid},
};

/// A filter in the text form of RFC 4515, in which `{name}` stands for a value that comes later.
///
/// The text is read once, at start. A placeholder is a value of the tree, so that filling it in cannot change the
/// filter: `*`, `)` and `\` of a typed name are characters of a value. A brace that is no placeholder is written `\7b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterTemplate(Filter<ValueTemplate>);

type ValueTemplate = Vec<Piece>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    Placeholder(&'static str),
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFilter {
    /// The byte of the text at which the problem was seen.
    pub at: usize,
    /// The problem.
    pub problem: String,
}

impl FilterTemplate {
    /// Reads a filter with these placeholders.
    pub fn parse(text: &str, placeholders: &[&'static str]) -> Result<Self, BadFilter> {
        let mut parser = Parser { text, at: 0, placeholders };
        let filter = parser.filter(0)?;
        parser.skip_blanks();
        match parser.peek() {
            None => Ok(Self(filter)),
            Some(_) => {
                Err(parser.problem("the filter ends before this; write `(&(…)(…))` for several conditions"))
            }
        }
    }

    /// The filter with a value for each placeholder.
    pub fn fill<'v>(&self, value_of: impl Fn(&'static str) -> &'v [u8]) -> Filter {
        self.0.with_values(&|value: &ValueTemplate| {
            let mut filled = Vec::new();
            for piece in value {
                filled.extend_from_slice(match piece {
                    Piece::Bytes(bytes) => bytes,
                    Piece::Placeholder(name) => value_of(name),
                });
            }
            filled
        })
    }

    /// Whether the placeholder stands in the filter.
    pub fn has(&self, placeholder: &str) -> bool {
        let found = std::cell::Cell::new(false);
        self.0.with_values(&|value: &ValueTemplate| {
            if value.iter().any(|piece| matches!(piece, Piece::Placeholder(name) if *name == placeholder)) {
                found.set(true);
            }
        });
        found.get()
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    placeholders: &'t [&'static str],
}

impl Parser<'_> {
    fn filter(&mut self, depth: usize) -> Result<Filter<ValueTemplate>, BadFilter> {
        if depth > MAX_DEPTH {
            return Err(self.problem("the filter is nested too deeply"));
        }
        self.skip_blanks();
        if !self.take(b'(') {
            return Err(self.problem("a condition begins with `(`"));
        }
        self.skip_blanks();
        let filter = match self.peek() {
            Some(b'&') => Filter::And(self.list(depth)?),
            Some(b'|') => Filter::Or(self.list(depth)?),
            Some(b'!') => {
                self.at += 1;
                Filter::Not(Box::new(self.filter(depth + 1)?))
            }
            _ => self.condition()?,
        };
        self.skip_blanks();
        if self.take(b')') { Ok(filter) } else { Err(self.problem("the condition ends with `)`")) }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Filter<ValueTemplate>>, BadFilter> {
        self.at += 1;
        let mut filters = Vec::new();
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'(') {
                break;
            }
            filters.push(self.filter(depth + 1)?);
        }
        // RFC 4526 gives an empty list a meaning: always, or never. A filter for people has no use for either.
        if filters.is_empty() {
            Err(self.problem("conditions follow here, each in parentheses"))
        } else {
            Ok(filters)
        }
    }

    fn condition(&mut self) -> Result<Filter<ValueTemplate>, BadFilter> {
        let start = self.at;
        let attribute = self.until(b"=~<>:()").trim_ascii_end().to_owned();
        if self.peek() == Some(b':') {
            return self.extensible(start, attribute);
        }
        check_attribute(start, &attribute)?;
        let kind = self.peek();
        if matches!(kind, Some(b'~' | b'<' | b'>')) {
            self.at += 1;
        }
        if !self.take(b'=') {
            return Err(self.problem("`=`, `>=`, `<=`, `~=` or `:=` follows the name of an attribute"));
        }
        let mut parts = self.value()?;
        let is_one = parts.len() == 1;
        let mut first = || parts.drain(..).next().unwrap_or_default();
        match kind {
            Some(b'~') if is_one => Ok(Filter::Approximate(attribute, first())),
            Some(b'<') if is_one => Ok(Filter::LessOrEqual(attribute, first())),
            Some(b'>') if is_one => Ok(Filter::GreaterOrEqual(attribute, first())),
            Some(b'~' | b'<' | b'>') => {
                Err(self.problem("`*` stands only after `=`; as a character it is `\\2a`"))
            }
            _ if is_one => Ok(Filter::Equal(attribute, first())),
            _ => Ok(substrings(attribute, parts)),
        }
    }

    /// `attr:=value`, `attr:rule:=value`, `attr:dn:=value`, `:rule:=value`.
    fn extensible(&mut self, start: usize, attribute: String) -> Result<Filter<ValueTemplate>, BadFilter> {
        let (mut in_dn, mut rule) = (false, None);
        while self.take(b':') {
            if self.take(b'=') {
                if attribute.is_empty() && rule.is_none() {
                    return Err(self.problem("an attribute or a rule stands before `:=`"));
                }
                if !attribute.is_empty() {
                    check_attribute(start, &attribute)?;
                }
                let mut parts = self.value()?;
                if parts.len() != 1 {
                    return Err(self.problem("`*` stands only after `=`; as a character it is `\\2a`"));
                }
                let value = parts.drain(..).next().unwrap_or_default();
                let attribute = Some(attribute).filter(|attribute| !attribute.is_empty());
                return Ok(Filter::Extensible { attribute, rule, in_dn, value });
            }
            let word = self.until(b"=~<>:()").to_owned();
            if word.eq_ignore_ascii_case("dn") && !in_dn && rule.is_none() {
                in_dn = true;
            } else if rule.is_none() && (is_numeric_oid(&word) || is_attribute_description(&word)) {
                rule = Some(word);
            } else {
                return Err(self.problem("a rule such as `1.2.840.113556.1.4.1941` stands before `:=`"));
            }
        }
        Err(self.problem("`:=` stands before the value"))
    }

    /// The parts of a value between its `*`; one if there is none.
    fn value(&mut self) -> Result<Vec<ValueTemplate>, BadFilter> {
        let (mut parts, mut bytes) = (vec![ValueTemplate::new()], Vec::new());
        loop {
            match self.peek() {
                None | Some(b')') => break,
                Some(b'(' | 0) => return Err(self.problem("`(` in a value is written `\\28`")),
                Some(b'\\') => {
                    let digits = self.text.get(self.at + 1..self.at + 3).unwrap_or_default();
                    let is_hex = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                    match u8::from_str_radix(digits, 16) {
                        Ok(byte) if is_hex => bytes.push(byte),
                        _ => {
                            return Err(
                                self.problem("two hexadecimal digits follow `\\`; `\\` itself is `\\5c`")
                            );
                        }
                    }
                    self.at += 3;
                }
                Some(b'*') => {
                    flush(&mut parts, &mut bytes);
                    parts.push(ValueTemplate::new());
                    self.at += 1;
                }
                Some(b'{') => {
                    flush(&mut parts, &mut bytes);
                    let placeholder = self.placeholder()?;
                    if let Some(last) = parts.last_mut() {
                        last.push(Piece::Placeholder(placeholder));
                    }
                }
                Some(byte) => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
        flush(&mut parts, &mut bytes);
        Ok(parts)
    }

    fn placeholder(&mut self) -> Result<&'static str, BadFilter> {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let word = rest.split_once('}').map_or(rest, |(word, _)| word);
        if let Some(name) = self.placeholders.iter().find(|name| **name == word) {
            self.at += word.len() + 2;
            return Ok(name);
        }
        let known: Vec<String> = self.placeholders.iter().map(|name| format!("`{{{name}}}`")).collect();
        Err(self.problem(&format!("the placeholders are {}; `{{` itself is `\\7b`", known.join(", "))))
    }

    /// The text before one of these bytes.
    fn until(&mut self, ends: &[u8]) -> &str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.bytes().position(|byte| ends.contains(&byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn problem(&self, problem: &str) -> BadFilter {
        BadFilter { at: self.at.min(self.text.len()), problem: problem.to_owned() }
    }
}

fn check_attribute(at: usize, attribute: &str) -> Result<(), BadFilter> {
    if is_attribute_description(attribute) {
        return Ok(());
    }
    Err(BadFilter { at, problem: "the name of an attribute stands here, such as `uid`".to_owned() })
}

/// Ends a piece of literal bytes.
fn flush(parts: &mut [ValueTemplate], bytes: &mut Vec<u8>) {
    if let Some(last) = parts.last_mut().filter(|_| !bytes.is_empty()) {
        last.push(Piece::Bytes(std::mem::take(bytes)));
    }
}

/// `*` alone asks whether there is a value. Two `*` in a row are one.
fn substrings(attribute: String, mut parts: Vec<ValueTemplate>) -> Filter<ValueTemplate> {
    let last = parts.pop().filter(|part| !part.is_empty());
    let mut parts = parts.into_iter();
    let initial = parts.next().filter(|part| !part.is_empty());
    let any: Vec<ValueTemplate> = parts.filter(|part| !part.is_empty()).collect();
    if initial.is_none() && any.is_empty() && last.is_none() {
        return Filter::Present(attribute);
    }
    Filter::Substrings { attribute, initial, any, last }
}

/// Nesting of an operator's filter.
const MAX_DEPTH: usize = 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(text: &str, name: &str) -> Result<Filter, BadFilter> {
        FilterTemplate::parse(text, &["name", "dn"]).map(|template| {
            template.fill(|placeholder| if placeholder == "name" { name.as_bytes() } else { b"dc=example" })
        })
    }

    #[test]
    fn the_examples_of_rfc_4515_are_read() {
        let equal = |attribute: &str, value: &[u8]| Filter::equal(attribute, value);
        let extensible =
            |attribute: Option<&str>, rule: Option<&str>, in_dn, value: &str| Filter::Extensible {
                attribute: attribute.map(str::to_owned),
                rule: rule.map(str::to_owned),
                in_dn,
                value: value.into(),
            };
        let substrings = |attribute: &str, initial: Option<&[u8]>, any: &[&[u8]], last: Option<&[u8]>| {
            Filter::Substrings {
                attribute: attribute.to_owned(),
                initial: initial.map(Into::into),
                any: any.iter().map(|part| part.to_vec()).collect(),
                last: last.map(Into::into),
            }
        };
        for (text, filter) in [
            ("(cn=Babs Jensen)", equal("cn", b"Babs Jensen")),
            ("(!(cn=Tim Howes))", Filter::Not(Box::new(equal("cn", b"Tim Howes")))),
            (
                "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))",
                Filter::And(vec![
                    equal("objectClass", b"Person"),
                    Filter::Or(vec![equal("sn", b"Jensen"), substrings("cn", Some(b"Babs J"), &[], None)]),
                ]),
            ),
            ("(o=univ*of*mich*)", substrings("o", Some(b"univ"), &[b"of", b"mich"], None)),
            ("(seeAlso=)", equal("seeAlso", b"")),
            ("(cn:caseExactMatch:=Fred)", extensible(Some("cn"), Some("caseExactMatch"), false, "Fred")),
            ("(cn:=Betty Rubble)", extensible(Some("cn"), None, false, "Betty Rubble")),
            ("(sn:dn:2.4.6.8.10:=Barney)", extensible(Some("sn"), Some("2.4.6.8.10"), true, "Barney")),
            ("(o:dn:=Ace)", extensible(Some("o"), None, true, "Ace")),
            ("(:1.2.3:=Wilma)", extensible(None, Some("1.2.3"), false, "Wilma")),
            ("(:DN:2.4.6.8.10:=Dino)", extensible(None, Some("2.4.6.8.10"), true, "Dino")),
            (
                r"(o=Parens R Us \28for all your parenthetical needs\29)",
                equal("o", b"Parens R Us (for all your parenthetical needs)"),
            ),
            (r"(cn=*\2A*)", substrings("cn", None, &[b"*"], None)),
            (r"(filename=C:\5cMyFile)", equal("filename", br"C:\MyFile")),
            (r"(bin=\00\00\00\04)", equal("bin", &[0, 0, 0, 4])),
            (r"(sn=Lu\c4\8di\c4\87)", equal("sn", "Lučić".as_bytes())),
            ("(sn=Lučić)", equal("sn", "Lučić".as_bytes())),
            ("(cn=*)", Filter::present("cn")),
            ("(cn=**)", Filter::present("cn")),
            ("(a>=1)", Filter::GreaterOrEqual("a".into(), b"1".into())),
            ("(a<=1)", Filter::LessOrEqual("a".into(), b"1".into())),
            ("(a~=1)", Filter::Approximate("a".into(), b"1".into())),
            ("(a=a=b)", equal("a", b"a=b")),
            (" (& (a=1)\n  (b= 2 ) ) ", Filter::And(vec![equal("a", b"1"), equal("b", b" 2 ")])),
            (
                "(memberOf:1.2.840.113556.1.4.1941:={dn})",
                extensible(Some("memberOf"), Some("1.2.840.113556.1.4.1941"), false, "dc=example"),
            ),
        ] {
            assert_eq!(filled(text, "alice"), Ok(filter), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_filter() {
        let deep = format!("{}(a=1){}", "(!".repeat(50), ")".repeat(50));
        let endless = "(&".repeat(300_000);
        for (text, at) in [
            ("", 0),
            ("uid={name}", 0),
            ("(uid={name}", 11),
            ("(uid={name}))", 12),
            ("(uid={name})(a=b)", 12),
            ("(uid={user})", 5),
            ("(uid={name)", 5),
            ("({name}=x)", 1),
            ("(u id=x)", 1),
            ("(=x)", 1),
            ("(&)", 2),
            ("(!)", 2),
            ("(uid)", 4),
            ("(uid>x)", 5),
            ("(uid>=a*)", 8),
            (r"(a=\2)", 3),
            (r"(a=\+1)", 3),
            (r"(a=\zz)", 3),
            ("(a=(b))", 3),
            ("(:=x)", 3),
            ("(a:b:c:=x)", 6),
            (&deep, 42),
            (&endless, 42),
        ] {
            let wrong = filled(text, "alice").expect_err(text);
            assert_eq!(wrong.at, at, "{text:.20}: {}", wrong.problem);
        }
    }

    #[test]
    fn a_typed_name_cannot_change_the_filter() {
        for name in ["*", "a*", ")(uid=*", r"\2a", "(((((", "{dn}", "\0", "ö", ""] {
            assert_eq!(
                filled("(|(uid={name})(mail={name}@example.com))", name),
                Ok(Filter::Or(vec![
                    Filter::equal("uid", name),
                    Filter::equal("mail", format!("{name}@example.com"))
                ])),
            );
        }
    }

    #[test]
    fn a_template_knows_its_placeholders() {
        let template = FilterTemplate::parse("(|(cn=x)(!(uid=a{name}*)))", &["name", "dn"]).unwrap();
        assert!(template.has("name"));
        assert!(!template.has("dn"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in r"[()&|!=~<>:*\\{}a-f0-9 ö\x00]{0,60}") {
            if let Ok(template) = FilterTemplate::parse(&text, &["a"]) {
                template.fill(|_| b"x");
            }
        }
    }
}
