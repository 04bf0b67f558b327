//! Every way in which an upstream could take an accepted path is among its readings.
//!
//! The changes are written a second time here, and made in an order that the fuzzer chooses. The
//! first four bytes of the input are that order, the rest is the path.
#![no_main]

use http::uri::PathAndQuery;
use libfuzzer_sys::fuzz_target;
use portcullis::request::{NormalPath, fold};

fuzz_target!(|input: &[u8]| {
    let Some((order, path)) = input.split_at_checked(4) else { return };
    let Ok(received) = PathAndQuery::try_from(path) else { return };
    let Ok(path) = NormalPath::parse(received.clone()) else { return };
    assert_eq!(path.path_and_query().as_str(), received.as_str(), "what is judged is what is forwarded");
    assert_eq!(path.as_str(), received.path());

    let readings: Vec<&str> = path.readings().collect();
    let mut reading = sent(received.path());
    for step in order {
        reading = change(*step, &reading);
        assert!(
            readings.contains(&reading.as_str()),
            "{reading:?} is no reading of {received}: {readings:?}"
        );
        assert!(reading.starts_with('/'), "{reading:?}");
        assert!(!reading.contains(char::is_control), "{reading:?}");
        let dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
        assert!(!reading.split(['/', '\\']).any(dots), "{reading:?}");
    }
    let plain: Vec<&str> = path.segments().collect();
    let slashes = received.path().matches('/').count();
    assert_eq!(plain.len(), slashes, "the plain reading splits at the slashes that were received");
    let differs = |reading: &str| fold(reading) != received.path();
    assert!(path.folds() || !path.readings().any(differs), "what folds says so");
});

/// The path as a browser has it before it encodes what it must.
fn sent(path: &str) -> String {
    let needless = b"-._~!$&'()*+,;=:@/?#\\%";
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = u8::from_str_radix(&part[..2], 16).expect("the encoding is valid");
        if byte.is_ascii_alphanumeric() || needless.contains(&byte) {
            bytes.push(b'%');
            bytes.extend(part.as_bytes());
        } else {
            bytes.push(byte);
            bytes.extend(&part.as_bytes()[2..]);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn change(step: u8, path: &str) -> String {
    let each = |change: fn(&str) -> &str| path.split('/').map(change).collect::<Vec<_>>().join("/");
    match step % 11 {
        0 => decode(path),
        1 => path.chars().map(|c| if c == '\\' { '/' } else { c }).collect(),
        2 => {
            let mut merged = path.to_owned();
            while merged.contains("//") {
                merged = merged.replace("//", "/");
            }
            merged
        }
        3 => each(|segment| segment.split_once(';').map_or(segment, |(before, _)| before)),
        4 => path.find(['?', '#']).map_or(path, |end| &path[..end]).to_owned(),
        5 => each(|segment| segment.trim_end_matches(['.', ' '])),
        6 => each(|segment| match (segment.find(":$"), segment.find(':')) {
            (Some(_), Some(end)) => &segment[..end],
            _ => segment,
        }),
        7 => each(str::trim),
        8 => path.chars().filter(|c| !is_invisible(*c)).collect(),
        9 => without_sessions(path),
        _ => match path.to_ascii_lowercase().find("/index.php/") {
            Some(at) => format!("{}{}", &path[..at], &path[at + "/index.php".len()..]),
            None => path.to_owned(),
        },
    }
}

fn is_invisible(character: char) -> bool {
    matches!(
        u32::from(character),
        0xad | 0x34f | 0x61c | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f | 0xfeff
    )
}

/// Tokens such as `(S(x))` and `(A(x)F(y))` go, the first one first, until there is none.
fn without_sessions(path: &str) -> String {
    let token = |text: &str| -> Option<usize> {
        let mut at = 1;
        loop {
            let rest = text.get(at..)?;
            if rest.starts_with(')') && at > 1 {
                return Some(at + 1);
            }
            rest.chars().next().filter(char::is_ascii_alphabetic)?;
            let value = rest.get(1..)?.strip_prefix('(')?;
            let end = value.find(['(', ')', '/']).filter(|end| value[*end..].starts_with(')'))?;
            at += 2 + end + 1;
        }
    };
    match path.match_indices('(').find_map(|(at, _)| Some((at, token(&path[at..])?))) {
        Some((at, length)) => without_sessions(&format!("{}{}", &path[..at], &path[at + length..])),
        None => path.to_owned(),
    }
}

/// Byte by byte; what is no encoding stays.
fn decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let (mut decoded, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let value = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(|digits| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
        });
        decoded.push(value.unwrap_or(bytes[at]));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
