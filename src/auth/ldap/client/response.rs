//! Responses of a directory, decoded (RFC 4511 §4).

use super::{
    Attribute, Entry, ResultCode, ServerText,
    ber::{BerError, BerReader, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, SET},
    filter::is_attribute_description,
    request::PAGED_RESULTS,
    result_budget::ResultBudget,
};

/// A message of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The number of the request; 0 if the server speaks unasked.
    pub(super) id: u32,
    pub(super) response: Response,
}

/// The responses to the requests of this client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Response {
    /// §4.2.2.
    Bind(Outcome),
    /// §4.5.2, `SearchResultEntry`.
    Entry(Entry),
    /// §4.5.2, `SearchResultReference`.
    References(Vec<ServerText>),
    /// §4.5.2, `SearchResultDone`; the cookie of the next page, empty after the last.
    SearchDone(Outcome, Vec<u8>),
    /// §4.12; the name says of what kind.
    Extended(Outcome, Option<ServerText>),
}

/// The outcome of an operation (§4.1.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) code: ResultCode,
    pub(super) diagnostic: ServerText,
    /// Some of the URLs of a referral.
    pub(super) referrals: Vec<ServerText>,
}

impl Message {
    /// Reads one whole message, which `framing` has walked. What is kept is taken from the budget.
    pub(super) fn read(bytes: &[u8], budget: &mut ResultBudget) -> Result<Self, &'static str> {
        let mut message = BerReader::new(bytes).inside(SEQUENCE).map_err(BerError::problem)?;
        let id = message.number(INTEGER).map_err(BerError::problem)?;
        let (tag, operation) = message.element().map_err(BerError::problem)?;
        let mut operation = BerReader::new(operation);
        let response = match tag {
            BIND_RESPONSE => Response::Bind(Outcome::read(&mut operation)?),
            SEARCH_RESULT_ENTRY => Response::Entry(entry(operation, budget)?),
            SEARCH_RESULT_REFERENCE => Response::References(referrals(operation)?),
            SEARCH_RESULT_DONE => {
                let outcome = Outcome::read(&mut operation)?;
                Response::SearchDone(outcome, cookie(message).map_err(BerError::problem)?)
            }
            EXTENDED_RESPONSE => {
                let outcome = Outcome::read(&mut operation)?;
                let name = operation.optional(RESPONSE_NAME).map_err(BerError::problem)?;
                Response::Extended(outcome, name.map(ServerText::new))
            }
            _ => return Err("a message is no response that was asked for"),
        };
        Ok(Self { id, response })
    }
}

impl Outcome {
    fn read(from: &mut BerReader<'_>) -> Result<Self, &'static str> {
        let code = from.number(ENUMERATED).map_err(|_| "a result has no code")?;
        from.expect(OCTET_STRING).map_err(|_| "a result has no matched name")?;
        let diagnostic = from.expect(OCTET_STRING).map_err(|_| "a result has no diagnostic message")?;
        let urls = from.optional(REFERRAL).map_err(BerError::problem)?;
        let referrals = urls.map(|urls| referrals(BerReader::new(urls))).transpose()?.unwrap_or_default();
        Ok(Self { code: ResultCode(code), diagnostic: ServerText::new(diagnostic), referrals })
    }
}

fn entry(mut from: BerReader<'_>, budget: &mut ResultBudget) -> Result<Entry, &'static str> {
    let dn = from.expect(OCTET_STRING).map_err(|_| "an entry has no name")?;
    if dn.len() > MAX_DN {
        return Err("the name of an entry is too long");
    }
    budget.spend(dn.len())?;
    let dn = str::from_utf8(dn).map_err(|_| "the name of an entry is no UTF-8")?.to_owned();
    let mut list = from.inside(SEQUENCE).map_err(|_| "an entry has no attributes")?;
    let mut attributes: Vec<Attribute> = Vec::new();
    while !list.is_empty() {
        let mut one = list.inside(SEQUENCE).map_err(BerError::problem)?;
        let name = one.expect(OCTET_STRING).map_err(BerError::problem)?;
        let name = str::from_utf8(name).ok().filter(|name| is_attribute_description(name));
        let name = name.ok_or("an attribute has no proper name")?;
        if attributes.len() == MAX_ATTRIBUTES {
            return Err("an entry has too many attributes");
        }
        if attributes.iter().any(|other| other.name.eq_ignore_ascii_case(name)) {
            return Err("an entry has an attribute twice");
        }
        budget.spend(name.len())?;
        let mut set = one.inside(SET).map_err(BerError::problem)?;
        let mut values: Vec<Box<[u8]>> = Vec::new();
        while !set.is_empty() {
            let value = set.expect(OCTET_STRING).map_err(BerError::problem)?;
            if value.len() > MAX_VALUE {
                return Err("a value is too long");
            }
            budget.spend(value.len())?;
            values.push(value.into());
        }
        attributes.push(Attribute { name: name.to_owned(), values });
    }
    Ok(Entry::new(dn, attributes))
}

/// The first of some URLs; the others are read and left out.
fn referrals(mut from: BerReader<'_>) -> Result<Vec<ServerText>, &'static str> {
    let mut kept = Vec::new();
    while !from.is_empty() {
        let url = from.expect(OCTET_STRING).map_err(BerError::problem)?;
        if kept.len() < KEPT_REFERRALS {
            kept.push(ServerText::new(url));
        }
    }
    Ok(kept)
}

/// The cookie among the controls that follow the operation (§4.1.11); empty if there is none.
fn cookie(mut message: BerReader<'_>) -> Result<Vec<u8>, BerError> {
    let Some(controls) = message.optional(CONTROLS)? else { return Ok(Vec::new()) };
    let mut controls = BerReader::new(controls);
    while !controls.is_empty() {
        let mut control = controls.inside(SEQUENCE)?;
        let kind = control.expect(OCTET_STRING)?;
        control.optional(super::ber::BOOLEAN)?;
        let value = control.optional(OCTET_STRING)?;
        if kind == PAGED_RESULTS.as_bytes() {
            let mut value = BerReader::new(value.unwrap_or_default()).inside(SEQUENCE)?;
            // An estimate of the size of the whole result, which may be anything.
            value.expect(INTEGER)?;
            let cookie = value.expect(OCTET_STRING)?;
            return if cookie.len() > MAX_COOKIE { Err(BerError::Overlong) } else { Ok(cookie.to_owned()) };
        }
    }
    Ok(Vec::new())
}

const BIND_RESPONSE: u8 = 0x61;
const SEARCH_RESULT_ENTRY: u8 = 0x64;
const SEARCH_RESULT_DONE: u8 = 0x65;
const SEARCH_RESULT_REFERENCE: u8 = 0x73;
const EXTENDED_RESPONSE: u8 = 0x78;
const REFERRAL: u8 = 0xa3;
const RESPONSE_NAME: u8 = 0x8a;
const CONTROLS: u8 = 0xa0;

/// Longest distinguished name, in bytes.
const MAX_DN: usize = 8 * 1024;
/// Longest value of an attribute, in bytes.
const MAX_VALUE: usize = 64 * 1024;
/// Maximum number of attributes of an entry.
const MAX_ATTRIBUTES: usize = 256;
/// Longest cookie of a page, in bytes.
const MAX_COOKIE: usize = 16 * 1024;
/// Number of referrals that are shown.
const KEPT_REFERRALS: usize = 4;

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER_PERMISSIVE;
    use proptest::prelude::*;

    use super::*;
    use crate::auth::ldap::client::{ber::BerWriter, framing::message_length};

    fn read(hex: &str) -> Result<Message, &'static str> {
        let bytes = HEXLOWER_PERMISSIVE.decode(hex.replace(' ', "").as_bytes()).unwrap();
        assert_eq!(message_length(&bytes), Ok(Some(bytes.len())));
        Message::read(&bytes, &mut ResultBudget::new())
    }

    fn outcome(code: u32, diagnostic: &str) -> Outcome {
        Outcome {
            code: ResultCode(code),
            diagnostic: ServerText::new(diagnostic.as_bytes()),
            referrals: vec![],
        }
    }

    #[test]
    fn a_bind_response_is_read() {
        let message = Message { id: 1, response: Response::Bind(outcome(0, "")) };
        assert_eq!(read("300c 020101 6107 0a0100 0400 0400"), Ok(message.clone()));
        // The spelling of Active Directory.
        assert_eq!(read("3084 00000010 020101 6184 00000007 0a0100 0400 0400"), Ok(message));
        let refused = Message { id: 2, response: Response::Bind(outcome(49, "52e")) };
        assert_eq!(read("300f 020102 610a 0a0131 0400 0403353265"), Ok(refused));
        // With serverSaslCreds, and an element that a later version may add.
        assert!(read("3012 020101 610d 0a0100 0400 0400 870178 880178").is_ok());
    }

    #[test]
    fn an_entry_is_read() {
        let hex = "3028 020102 6423 0404 64633d78 301b 300c 0402 636e 3106 0401 61 0401 62 300b 0405 656d707479 3102 0400";
        // dc=x with cn: a, b; and with an empty value of `empty`.
        let Ok(Message { id: 2, response: Response::Entry(entry) }) = read(hex) else {
            panic!("{:?}", read(hex))
        };
        assert_eq!(entry.dn(), "dc=x");
        assert_eq!(entry.texts("CN").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(entry.single("empty"), Some(&b""[..]));
    }

    #[test]
    fn broken_entries_are_refused() {
        for (hex, problem) in [
            ("3005 020102 6400", "an entry has no name"),
            ("3009 020102 6404 0402 6161", "an entry has no attributes"),
            ("300a 020102 6405 0401 ff 3000", "the name of an entry is no UTF-8"),
            ("3010 020102 640b 0400 3007 3005 0401 29 3100", "an attribute has no proper name"),
            (
                "3018 020102 6413 0400 300f 3006 0402 636e 3100 3005 0402 434e 31 00".trim_end(),
                "an element is longer than its surroundings",
            ),
            (
                "3019 020102 6414 0400 3010 3006 0402 636e 3100 3006 0402 434e 3100",
                "an entry has an attribute twice",
            ),
            (
                "3012 020102 640d 0400 3009 3007 0402 636e 0401 61",
                "a message does not have the elements of its kind",
            ),
        ] {
            let bytes = HEXLOWER_PERMISSIVE.decode(hex.replace(' ', "").as_bytes()).unwrap();
            let read = message_length(&bytes).and_then(|_| Message::read(&bytes, &mut ResultBudget::new()));
            assert_eq!(read, Err(problem), "{hex}");
        }
    }

    #[test]
    fn a_result_without_a_code_is_refused() {
        for hex in ["3005 020101 6100", "3009 020101 6104 0400 0400", "300c 020101 6107 0a01ff 0400 0400"] {
            assert_eq!(read(hex), Err("a result has no code"), "{hex}");
        }
        assert_eq!(read("3008 020101 6103 0a0100"), Err("a result has no matched name"));
        assert_eq!(read("300a 020101 6105 0a0100 0400"), Err("a result has no diagnostic message"));
    }

    #[test]
    fn requests_and_unknown_responses_are_no_responses() {
        for hex in ["3005 020101 4200", "3005 020101 7900", "3005 020101 6000", "3005 020101 0400"] {
            assert_eq!(read(hex), Err("a message is no response that was asked for"), "{hex}");
        }
    }

    fn done_with_cookie(cookie: &[u8]) -> Vec<u8> {
        let mut writer = BerWriter::with_capacity(0);
        writer.constructed(SEQUENCE, |to| {
            to.number(INTEGER, 3);
            to.constructed(SEARCH_RESULT_DONE, |to| {
                to.number(ENUMERATED, 0);
                to.octets(b"");
                to.octets(b"");
            });
            to.constructed(CONTROLS, |to| {
                to.constructed(SEQUENCE, |to| to.octets(b"1.2.3"));
                to.constructed(SEQUENCE, |to| {
                    to.octets(PAGED_RESULTS.as_bytes());
                    to.boolean(false);
                    let mut value = BerWriter::with_capacity(0);
                    value.constructed(SEQUENCE, |to| {
                        to.number(INTEGER, 0);
                        to.octets(cookie);
                    });
                    to.octets(&value.finish());
                });
            });
        });
        writer.finish().to_vec()
    }

    #[test]
    fn the_cookie_of_the_next_page_is_read() {
        let read = |bytes: &[u8]| Message::read(bytes, &mut ResultBudget::new());
        let done = |cookie: &[u8]| Message {
            id: 3,
            response: Response::SearchDone(outcome(0, ""), cookie.to_owned()),
        };
        assert_eq!(read(&done_with_cookie(b"next")), Ok(done(b"next")));
        assert_eq!(read(&done_with_cookie(b"")), Ok(done(b"")));
        assert!(read(&done_with_cookie(&vec![7; MAX_COOKIE + 1])).is_err());
    }

    #[test]
    fn a_notice_of_disconnection_is_read() {
        let oid = data_encoding::HEXLOWER.encode(b"1.3.6.1.4.1.1466.20036");
        let notice = read(&format!("3024 020100 781f 0a0134 0400 0400 8a16 {oid}"));
        let name = Some(ServerText::new(b"1.3.6.1.4.1.1466.20036"));
        assert_eq!(notice, Ok(Message { id: 0, response: Response::Extended(outcome(52, ""), name) }));
    }

    #[test]
    fn a_bounded_number_of_referrals_is_kept() {
        let mut writer = BerWriter::with_capacity(0);
        writer.constructed(SEQUENCE, |to| {
            to.number(INTEGER, 3);
            to.constructed(SEARCH_RESULT_REFERENCE, |to| (0..10_000).for_each(|_| to.octets(b"ldap://x/")));
        });
        let bytes = writer.finish();
        let read = Message::read(&bytes, &mut ResultBudget::new()).unwrap();
        assert_eq!(read.response, Response::References(vec![ServerText::new(b"ldap://x/"); KEPT_REFERRALS]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), tag in any::<u8>()) {
            let mut writer = BerWriter::with_capacity(0);
            writer.constructed(SEQUENCE, |to| {
                to.number(INTEGER, 1);
                to.primitive(tag, &bytes);
            });
            Message::read(&writer.finish(), &mut ResultBudget::new()).ok();
        }
    }
}
