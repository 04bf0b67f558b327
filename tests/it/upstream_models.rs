//! Models of how servers read the path of a request line, written after their documentation and their advisories, to
//! hold the gateway's readings against.
//!
//! The models are independent of the gateway. A model turns the path as it was sent into what it would serve,
//! or into nothing if it refuses; some versions of a server and some of its settings are models of
//! their own. The fuzz target `decision` uses them, too.

/// One way to serve a path.
pub struct Model {
    pub name: &'static str,
    /// Whether two paths that differ in case only are one.
    pub ignores_case: bool,
    /// Whether a slash at the end makes no difference.
    pub ignores_slash: bool,
    serve: fn(&str) -> Option<Vec<Served>>,
}

/// A page that a model serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// A page that the administrator knows by this path; `%2F` is a slash within a segment.
    Path(String),
    /// A program, whatever stands behind it in the path.
    Script { script: String, whole: String },
}

impl Model {
    pub fn serves(&self, sent: &str) -> Vec<Served> {
        (self.serve)(sent).unwrap_or_default()
    }
}

const fn model(name: &'static str, serve: fn(&str) -> Option<Vec<Served>>) -> Model {
    Model { name, ignores_case: false, ignores_slash: false, serve }
}

const fn careless(
    name: &'static str,
    case: bool,
    slash: bool,
    serve: fn(&str) -> Option<Vec<Served>>,
) -> Model {
    Model { name, ignores_case: case, ignores_slash: slash, serve }
}

pub const MODELS: &[Model] = &[
    model("nginx", |sent| path(resolve(&merge(&decode(sent)?))?)),
    model("nginx, merge_slashes off", |sent| path(resolve(&decode(sent)?)?)),
    model("nginx that passes a decoded URI on to nginx", |sent| path(nginx(&until_query(&nginx(sent)?))?)),
    model("Apache", |sent| if has_encoded_slash(sent) { None } else { apache(sent) }),
    model("Apache, AllowEncodedSlashes On", apache),
    model("Apache, AllowEncodedSlashes NoDecode", |sent| {
        let parts: Option<Vec<String>> = encoded_slashes_apart(sent).map(decode).collect();
        path(resolve(&merge(&parts?.join("%2F")))?)
    }),
    careless("Apache on Windows", true, false, |sent| path(windows(&resolve(&merge(&decode(sent)?))?)?)),
    model("Apache with PHP", php),
    model("nginx with PHP, by the pattern ^(.+\\.php)(/.+)$", |sent| {
        let found = resolve(&merge(&decode(sent)?))?;
        let Some(at) = found.rfind(".php/") else { return path(found) };
        let (script, rest) = found.split_at(at + ".php".len());
        let (folder, _) = script.rsplit_once('/')?;
        if rest.len() < 2 || script.ends_with("/.php") {
            return path(found);
        }
        let entered = Served::Path(format!("{folder}{rest}"));
        Some(vec![entered, Served::Script { script: script.to_owned(), whole: found.clone() }])
    }),
    careless("PHP on Windows", true, false, |sent| php(&sent.replace('\\', "/"))),
    model("Tomcat", |sent| {
        let refused = has_encoded_slash(sent) || sent.contains('\\') || sent.to_lowercase().contains("%5c");
        if refused { None } else { tomcat(sent) }
    }),
    model("Tomcat that allows encoded slashes and backslashes", tomcat),
    model("Tomcat, encodedSolidusHandling passthrough", |sent| {
        let cut = without_parameters(sent);
        let parts: Option<Vec<String>> = encoded_slashes_apart(&cut).map(decode).collect();
        path(resolve(&merge(&parts?.join("%2F")))?)
    }),
    model("Jetty that decodes before it cuts parameters", |sent| {
        path(resolve(&merge(&without_parameters(&decode(sent)?)))?)
    }),
    model("Tomcat behind nginx that passes a decoded URI on", |sent| tomcat(&until_query(&nginx(sent)?))),
    careless("Spring MVC", false, true, |sent| path(resolve(&merge(&decode(&without_parameters(sent))?))?)),
    careless("IIS", true, false, |sent| path(windows(&decode(sent)?)?)),
    careless("IIS of old, decoding twice", true, false, |sent| {
        path(windows(&unicode_escapes(&decode(&unicode_escapes(&decode(sent)?))?))?)
    }),
    careless("IIS with ASP.NET", true, false, |sent| script(&windows(&decode(sent)?)?, ".aspx")),
    careless("IIS with ASP.NET, sessions without cookies", true, false, |sent| {
        script(&windows(&without_sessions(&decode(sent)?))?, ".aspx")
    }),
    careless("IIS with ASP.NET services", true, false, |sent| script(&windows(&decode(sent)?)?, ".asmx")),
    careless("IIS with WCF", true, false, |sent| script(&windows(&decode(sent)?)?, ".svc")),
    careless("IIS on a volume with short names", true, false, |sent| {
        path(long_names(&windows(&decode(sent)?)?))
    }),
    careless("a program on Windows that asks for bytes", true, false, |sent| {
        path(windows(&code_page(&decode(sent)?))?)
    }),
    model("Apache with CGI in shell", |sent| script(&resolve(&merge(&decode(sent)?))?, ".sh")),
    model("Apache with PHP archives", |sent| script(&resolve(&merge(&decode(sent)?))?, ".phar")),
    model("a framework in Java that trims names", |sent| {
        let decoded = decode(sent)?;
        let names: Vec<&str> = decoded.split('/').map(|name| name.trim_matches(|c| c <= ' ')).collect();
        path(resolve(&merge(&names.join("/")))?)
    }),
    model("a framework in Python that strips names", |sent| {
        let decoded = decode(sent)?;
        path(resolve(&merge(&decoded.split('/').map(str::trim).collect::<Vec<_>>().join("/")))?)
    }),
    careless("files on a Mac of old", true, false, |sent| {
        let seen = decode(sent)?.replace(['\u{200c}', '\u{200d}', '\u{feff}', '\u{202e}'], "");
        path(resolve(&merge(&seen))?)
    }),
    model("Python's WSGI, Django", |sent| path(utf8(&latin1(sent))?)),
    model("Python's WSGI, Flask", |sent| path(merge(&utf8(&latin1(sent))?))),
    model("CGI in C, which ends at NUL", |sent| {
        let bytes = decode_bytes(sent);
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        path(resolve(&merge(std::str::from_utf8(&bytes[..end]).ok()?))?)
    }),
    careless("Express, routes", true, true, |sent| path(sent_by_browser(sent))),
    careless("Express, case sensitive routes", false, true, |sent| path(sent_by_browser(sent))),
    careless("Express, strict routes", true, false, |sent| path(sent_by_browser(sent))),
    model("Express, files", |sent| path(resolve(&merge(&decode(sent)?))?)),
    careless("Express, files on Windows or a Mac", true, false, |sent| {
        path(resolve(&merge(&compatible(&decode(sent)?).replace('\\', "/")))?)
    }),
    careless("a router that decodes each segment", true, true, |sent| {
        let segments: Option<Vec<String>> = sent.split('/').map(decode).collect();
        let kept: Vec<String> = segments?.iter().map(|segment| segment.replace('/', "%2F")).collect();
        path(kept.join("/"))
    }),
    model("Go's ServeMux", |sent| path(resolve(&merge(&decode(sent)?))?)),
    careless("Java's equalsIgnoreCase after Servlet's getPathInfo", true, true, tomcat),
];

fn path(served: impl Into<Option<String>>) -> Option<Vec<Served>> {
    served.into().map(|served| vec![Served::Path(served)])
}

fn nginx(sent: &str) -> Option<String> {
    resolve(&merge(&decode(sent)?))
}

fn apache(sent: &str) -> Option<Vec<Served>> {
    path(resolve(&merge(&decode(sent)?))?)
}

fn tomcat(sent: &str) -> Option<Vec<Served>> {
    let decoded = decode(&without_parameters(sent))?.replace('\\', "/");
    path(resolve(&merge(&decoded))?)
}

fn php(sent: &str) -> Option<Vec<Served>> {
    script(&resolve(&merge(&decode(sent)?))?, ".php")
}

/// A file if there is no program in the path, else the program, and what an application behind it makes of it.
fn script(found: &str, extension: &str) -> Option<Vec<Served>> {
    let lower = found.to_ascii_lowercase();
    let Some(at) = lower.find(&format!("{extension}/")) else { return path(found.to_owned()) };
    let end = at + extension.len();
    let (script, rest) = (found.get(..end)?, found.get(end..)?);
    let (folder, name) = script.rsplit_once('/')?;
    if name.len() == extension.len() {
        return path(found.to_owned());
    }
    Some(vec![
        Served::Path(format!("{folder}{rest}")),
        Served::Script { script: script.to_owned(), whole: found.to_owned() },
    ])
}

/// Decodes once; NUL, and what is no UTF-8, is refused.
fn decode(text: &str) -> Option<String> {
    let text = String::from_utf8(decode_bytes(text)).ok()?;
    if text.contains('\0') { None } else { Some(text) }
}

fn decode_bytes(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(value.unwrap_or(*byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    decoded
}

/// PEP 3333: every byte is a character.
fn latin1(sent: &str) -> String {
    decode_bytes(sent).into_iter().map(char::from).collect()
}

/// As a framework reads it: the bytes again, and those as UTF-8.
fn utf8(latin1: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = latin1.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    String::from_utf8(bytes?).ok()
}

/// The path with only those characters encoded that a browser encodes: a router that compares undecoded text was written
/// with blanks and letters encoded, which an administrator writes as they are.
fn sent_by_browser(sent: &str) -> String {
    let mut parts = sent.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let must_be = |byte: &u8| *byte >= 0x80 || b" \"<>[]^`{|}".contains(byte);
        if let Some(byte) = byte.filter(must_be) {
            bytes.push(byte);
            bytes.extend(&part.as_bytes()[2..]);
        } else {
            bytes.push(b'%');
            bytes.extend(part.as_bytes());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn unicode_escapes(text: &str) -> String {
    let mut parts = text.split("%u");
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match digits.and_then(char::from_u32) {
            Some(character) => {
                decoded.push(character);
                decoded.push_str(&part[4..]);
            }
            None => decoded.extend(["%u", part]),
        }
    }
    decoded
}

/// A few characters that file systems and libraries take for others.
fn compatible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            c => c,
        })
        .collect()
}

fn has_encoded_slash(sent: &str) -> bool {
    sent.to_lowercase().contains("%2f")
}

fn encoded_slashes_apart(sent: &str) -> impl Iterator<Item = &str> {
    sent.split("%2F").flat_map(|part| part.split("%2f"))
}

fn until_query(text: &str) -> String {
    text.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn merge(text: &str) -> String {
    let mut merged = text.to_owned();
    while merged.contains("//") {
        merged = merged.replace("//", "/");
    }
    merged
}

fn without_parameters(text: &str) -> String {
    let segments: Vec<&str> = text.split('/').map(|one| one.split(';').next().unwrap_or_default()).collect();
    segments.join("/")
}

/// Dot segments; a path that leaves the root is refused.
fn resolve(text: &str) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = text.split('/').skip(1).collect();
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        match *segment {
            "." => {}
            ".." => {
                kept.pop()?;
            }
            segment => kept.push(segment),
        }
        if is_last && matches!(*segment, "." | "..") {
            kept.push("");
        }
    }
    Some(format!("/{}", kept.join("/")))
}

/// Tokens such as `(S(x))` and `(A(x)F(y))`, wherever they stand, until there is none.
fn without_sessions(text: &str) -> String {
    let token = |text: &str| -> Option<usize> {
        let mut at = 1;
        loop {
            let rest = text.get(at..)?;
            if rest.starts_with(')') && at > 1 {
                return Some(at + 1);
            }
            let letter = rest.chars().next().filter(char::is_ascii_alphabetic)?;
            let value = rest.get(letter.len_utf8()..)?.strip_prefix('(')?;
            let end = value.find(['(', ')', '/']).filter(|end| value[*end..].starts_with(')'))?;
            at += 2 + end + 1;
        }
    };
    let found = text.match_indices('(').find_map(|(at, _)| Some((at, token(&text[at..])?)));
    match found {
        Some((at, length)) => without_sessions(&format!("{}{}", &text[..at], &text[at + length..])),
        None => text.to_owned(),
    }
}

/// The files that there are, each with a short name.
fn long_names(text: &str) -> String {
    let long = |name: &str| match name.to_ascii_uppercase().as_str() {
        "ADMINI~1" => "administration".to_owned(),
        "SECRET~1" => "secret files".to_owned(),
        "SE4F2C~5" => "secret folder".to_owned(),
        "REPORT~1.HTM" => "report.2026.html".to_owned(),
        _ => name.to_owned(),
    };
    text.split('/').map(long).collect::<Vec<_>>().join("/")
}

/// Windows-1252, as `WideCharToMultiByte` fits what is not in it.
fn code_page(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'ā' | 'ą' | 'α' => 'a',
            'ď' | 'đ' => 'd',
            'ī' | 'ı' => 'i',
            'ń' => 'n',
            '∕' | '⁄' => '/',
            '∖' => '\\',
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            c => c,
        })
        .collect()
}

/// File names on Windows.
fn windows(text: &str) -> Option<String> {
    let resolved = resolve(&merge(&text.replace('\\', "/")))?;
    let names: Vec<&str> = resolved
        .split('/')
        .map(|segment| {
            let streams = ["::$", ":$I30:$", ":$i30:$"].iter().filter_map(|stream| segment.find(stream));
            segment[..streams.min().unwrap_or(segment.len())].trim_end_matches(['.', ' '])
        })
        .collect();
    Some(merge(&names.join("/")))
}
