//! LDAP messages as a server of the tests reads and writes them; written apart from the client's own codec.

/// One element of BER with definite lengths.
pub fn ber(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a short content");
    let mut bytes = vec![tag];
    if let Some(short) = u8::try_from(length).ok().filter(|short| *short < 0x80) {
        bytes.push(short);
    } else {
        // The form that Active Directory writes.
        bytes.push(0x84);
        bytes.extend(length.to_be_bytes());
    }
    bytes.extend(content);
    bytes
}

/// Elements in a row.
pub fn row(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

pub fn octets(text: impl AsRef<[u8]>) -> Vec<u8> {
    ber(0x04, text.as_ref())
}

pub fn integer(number: u32) -> Vec<u8> {
    ber(0x02, &[&[0], &number.to_be_bytes()[..]].concat())
}

pub fn enumerated(number: u8) -> Vec<u8> {
    ber(0x0a, &[number])
}

/// A message with this number.
pub fn message(id: u32, operation: &[u8]) -> Vec<u8> {
    ber(0x30, &[&integer(id), operation].concat())
}

/// A result of the operation with this tag.
pub fn result(tag: u8, code: u8, diagnostic: &str) -> Vec<u8> {
    ber(tag, &row(&[enumerated(code), octets(""), octets(diagnostic)]))
}

/// A search result entry.
pub fn entry(dn: &str, attributes: &[(String, Vec<Vec<u8>>)]) -> Vec<u8> {
    let attribute = |(name, values): &(String, Vec<Vec<u8>>)| {
        let values: Vec<Vec<u8>> = values.iter().map(octets).collect();
        ber(0x30, &row(&[octets(name), ber(0x31, &row(&values))]))
    };
    let attributes: Vec<Vec<u8>> = attributes.iter().map(attribute).collect();
    ber(0x64, &row(&[octets(dn), ber(0x30, &row(&attributes))]))
}

/// A search result done; with the cookie of the next page, if the search asked for pages.
pub fn done(id: u32, code: u8, cookie: Option<&[u8]>) -> Vec<u8> {
    let done = result(0x65, code, "");
    let Some(cookie) = cookie else { return message(id, &done) };
    let value = ber(0x30, &row(&[integer(0), octets(cookie)]));
    let control = ber(0x30, &row(&[octets("1.2.840.113556.1.4.319"), octets(value)]));
    message(id, &row(&[done, ber(0xa0, &control)]))
}

/// An element: its tag and its content.
pub type Element<'b> = (u8, &'b [u8]);

/// The elements in these bytes. A client that writes something else makes the test fail.
pub fn elements(mut bytes: &[u8]) -> Vec<Element<'_>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (header, content) = header(bytes).expect("a whole header");
        found.push((bytes[0], &bytes[header..header + content]));
        bytes = &bytes[header + content..];
    }
    found
}

/// Bytes of the header that starts here, and of its content; `None` if more bytes have to come.
pub fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let length = bytes.get(2..2 + (first & 0x7f))?;
    Some((2 + length.len(), length.iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte))))
}

pub fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte))
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
