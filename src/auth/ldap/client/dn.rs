//! Distinguished names in their text form (RFC 4514).

use std::fmt::Write;

/// A parsed distinguished name.
///
/// The value serves to compare names and to read their parts. A name that goes back to the server goes as the text that the
/// server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dn(Vec<Rdn>);

/// One step of the name: usually one attribute with its value, several after a `+`.
type Rdn = Vec<(String, Vec<u8>)>;

/// The text is no distinguished name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no distinguished name, such as `ou=people,dc=example,dc=com`")]
pub struct BadDn;

impl Dn {
    /// Reads a name; the empty text is the root. Blanks around `,`, `+` and `=` are left out, as older servers write
    /// them.
    pub fn parse(text: &str) -> Result<Self, BadDn> {
        let mut rest = text.trim_start_matches(' ');
        let mut rdns = Vec::new();
        if rest.is_empty() {
            return Ok(Self(rdns));
        }
        let mut rdn = Rdn::new();
        loop {
            let (attribute, after) = rest.split_once('=').ok_or(BadDn)?;
            let attribute = attribute.trim_matches(' ');
            if !super::is_attribute_description(attribute) {
                return Err(BadDn);
            }
            let (value, after) = read_value(after.trim_start_matches(' '))?;
            rdn.push((attribute.to_ascii_lowercase(), value));
            let mut characters = after.chars();
            let separator = characters.next();
            rest = characters.as_str();
            if separator != Some('+') {
                rdns.push(std::mem::take(&mut rdn));
            }
            match separator {
                None => return Ok(Self(rdns)),
                Some(',' | '+') => {}
                Some(_) => return Err(BadDn),
            }
        }
    }

    /// The value of the first step, if that has only one: `alice` of `uid=alice,ou=people`.
    pub fn leaf(&self) -> Option<&[u8]> {
        match self.0.first()?.as_slice() {
            [(_, value)] => Some(value),
            _ => None,
        }
    }

    /// Whether this is the name `base` or one below it.
    pub fn is_within(&self, base: &Self) -> bool {
        let (own, others) = (self.keys(), base.keys());
        own.ends_with(&others)
    }

    /// A text that two spellings of one name share: case, blanks within values, escapes and the order after `+` mean
    /// nothing. Servers compare most attributes of names like this.
    pub fn key(&self) -> String {
        self.keys().join(",")
    }

    fn keys(&self) -> Vec<String> {
        let key = |rdn: &Rdn| {
            let mut parts: Vec<String> =
                rdn.iter().map(|(name, value)| format!("{name}={}", folded(value))).collect();
            parts.sort_unstable();
            parts.join("+")
        };
        self.0.iter().map(key).collect()
    }
}

/// A value as part of a distinguished name (RFC 4514 §2.4). The escapes are others than those of a filter.
pub fn escape_dn_value(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, character) in value.chars().enumerate() {
        match character {
            '\0' => escaped.push_str("\\00"),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '#' if at == 0 => escaped.push_str("\\#"),
            ' ' if at == 0 || at == last => escaped.push_str("\\ "),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// The value that starts here, and the text from the separator after it.
fn read_value(text: &str) -> Result<(Vec<u8>, &str), BadDn> {
    if let Some(hex) = text.strip_prefix('#') {
        let length = hex.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (digits, rest) = hex.split_at_checked(length).ok_or(BadDn)?;
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| BadDn)?;
        return if bytes.is_empty() { Err(BadDn) } else { Ok((bytes, rest.trim_start_matches(' '))) };
    }
    let bytes = text.as_bytes();
    let (mut value, mut at) = (Vec::new(), 0);
    // Blanks at the end that are not escaped belong to no value.
    let mut kept = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b',' | b'+' => break,
            b'"' | b';' | b'<' | b'>' | 0 => return Err(BadDn),
            b'\\' => {
                let pair = bytes.get(at + 1..at + 3).unwrap_or_default();
                if let Some(b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' | b'=' | b'#' | b' ') =
                    bytes.get(at + 1)
                {
                    value.extend(bytes.get(at + 1));
                    at += 2;
                } else {
                    let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(pair).map_err(|_| BadDn)?;
                    value.push(*decoded.first().ok_or(BadDn)?);
                    at += 3;
                }
                kept = value.len();
            }
            _ => {
                value.push(byte);
                at += 1;
                if byte != b' ' {
                    kept = value.len();
                }
            }
        }
    }
    value.truncate(kept);
    Ok((value, text.get(at..).ok_or(BadDn)?))
}

/// Lower case, one blank for several; bytes that are no text in hexadecimal digits. Separators are escaped, so that
/// two names never get one key.
fn folded(value: &[u8]) -> String {
    let Ok(text) = str::from_utf8(value) else {
        return format!("#{}", data_encoding::HEXLOWER.encode(value));
    };
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let mut folded = String::with_capacity(text.len());
    for character in words.join(" ").to_lowercase().chars() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' | '#' | '\0' => {
                write!(folded, "\\{:02x}", u32::from(character)).expect("a String takes any text");
            }
            _ => folded.push(character),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        Dn::parse(text).unwrap().key()
    }

    #[test]
    fn the_examples_of_rfc_4514_are_read() {
        for (text, key) in [
            ("UID=jsmith,DC=example,DC=net", "uid=jsmith,dc=example,dc=net"),
            ("OU=Sales+CN=J.  Smith,DC=example,DC=net", "cn=j. smith+ou=sales,dc=example,dc=net"),
            (
                r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#,
                r"cn=james \22jim\22 smith\2c iii,dc=example,dc=net",
            ),
            (r"CN=Before\0dAfter,DC=example,DC=net", "cn=before\rafter,dc=example,dc=net"),
            ("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=\u{4}\u{2}hi"),
            (r"CN=Lu\C4\8Di\C4\87", "cn=lučić"),
            ("CN=Lučić", "cn=lučić"),
            ("", ""),
        ] {
            assert_eq!(Dn::parse(text).map(|dn| dn.key()), Ok(key.to_owned()), "{text}");
        }
    }

    #[test]
    fn spellings_of_one_name_share_a_key_and_other_names_do_not() {
        let one = key(r"cn=Doe\, John,ou=People,dc=example");
        for same in [r"CN=doe\2C john , OU=people, dc=example", r"cn = Doe\,   John,ou=People,dc=Example"] {
            assert_eq!(key(same), one);
        }
        for other in ["cn=Doe,cn=John,ou=People,dc=example", r"cn=Doe\, John,ou=People\,dc=example"] {
            assert_ne!(key(other), one);
        }
        assert_ne!(key(r"cn=\#61"), key("cn=#61"));
        assert_ne!(key(r"cn=a\+cn=b"), key("cn=a+cn=b"));
    }

    #[test]
    fn other_texts_are_no_name() {
        for text in [
            "alice",
            "=alice",
            "u id=a",
            "uid=a,",
            "uid=a,,dc=b",
            "uid=a;dc=b",
            r"uid=a\",
            r"uid=a\4",
            r"uid=a\zz",
            "uid=#",
            "uid=#0",
            "uid=#00zz",
            r#"uid="a""#,
            "uid=a+",
            "uid=\0",
        ] {
            assert_eq!(Dn::parse(text), Err(BadDn), "{text}");
        }
    }

    #[test]
    fn a_name_is_within_its_base() {
        let within = |text: &str, base: &str| Dn::parse(text).unwrap().is_within(&Dn::parse(base).unwrap());
        assert!(within("uid=a,OU=People,dc=example", "ou=people,DC=Example"));
        assert!(within("dc=example", "dc=example"));
        assert!(within("dc=example", ""));
        assert!(!within("uid=a,dc=example", "ou=people,dc=example"));
        assert!(!within("uid=a,xdc=example", "dc=example"));
        assert!(!within(r"uid=a\,dc=example", "dc=example"));
    }

    #[test]
    fn a_leaf_is_one_value() {
        assert_eq!(Dn::parse(r"cn=Doe\, John,dc=example").unwrap().leaf(), Some(&b"Doe, John"[..]));
        assert_eq!(Dn::parse("cn=a+sn=b,dc=example").unwrap().leaf(), None);
        assert_eq!(Dn::parse("").unwrap().leaf(), None);
    }

    proptest! {
        #[test]
        fn an_escaped_value_is_read_as_it_was(value in r#"[ #"+,;<>\\=a-cöß\x00\r\n]{0,12}"#) {
            let text = format!("cn={},dc=example", escape_dn_value(&value));
            let dn = Dn::parse(&text).unwrap();
            prop_assert_eq!(dn.leaf(), Some(value.as_bytes()));
            prop_assert!(dn.is_within(&Dn::parse("dc=example").unwrap()));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in r#"[ #"+,;<>\\=a-c0-9ö\x00]{0,30}"#) {
            if let Ok(dn) = Dn::parse(&text) {
                dn.key();
            }
        }
    }
}
