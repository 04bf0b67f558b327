//! An LDAP server of the tests: honest, with a count of what reaches it, and with one switch for each lie.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::ldap_wire::{
    Element, ber, done, elements, entry, enumerated, header, integer, message, number, octets, result, row,
    text,
};

/// A running server; it ends when this is dropped.
pub struct LdapServer {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// One person or group of the directory.
#[derive(Clone)]
pub struct Person {
    pub dn: String,
    pub password: Option<String>,
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

/// The operations of a client, as far as lies go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A bind of the service account.
    ServiceBind,
    /// Any other bind.
    UserBind,
    /// A search below the root. The server's own entry is always sent honestly.
    Search,
}

/// A lie: sent in place of the honest response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// 20,000 SEQUENCEs in one another.
    NestedSequences,
    /// A message that says that it has 2 GiB, and begins.
    HugeLength,
    /// A message without a length.
    IndefiniteLength,
    /// A message of almost 1 MiB, of which the end does not come.
    EndlessPartialMessage,
    /// Bytes of another protocol.
    OtherProtocol,
    ResultWithoutCode,
    EntryWithoutDn,
    /// An entry whose name is empty.
    EntryWithEmptyDn,
    /// So many references, each a message.
    References(usize),
    /// The result is a referral to so many places.
    Referral(usize),
    /// Half a million empty values in one message.
    EmptyValues,
    /// One entry after the other, for ever.
    EndlessEntries,
    /// One page after the other, each with an entry and a cookie.
    EndlessPages,
    /// The honest response, one byte a second.
    OneByteASecond,
    /// The honest response, with the number of another request.
    WrongMessageId,
    /// A response of another kind.
    OtherResponse,
    /// Notifications that nobody asked for, for ever.
    UnaskedNotifications,
    /// RFC 4511 §4.4.1.
    NoticeOfDisconnection,
    /// No answer, and the connection is closed.
    Disconnect,
    /// No answer, and the connection stays open.
    Silence,
    /// The honest refusal, with the password in its text.
    RepeatPassword,
    /// A result code.
    Code(u8),
}

/// The server's treatment of TLS.
#[derive(Clone)]
pub enum ServerTls {
    /// The server has no TLS, and refuses StartTLS.
    None,
    /// From the first byte.
    Ldaps(Arc<ServerConfig>),
    /// After StartTLS.
    StartTls(Arc<ServerConfig>),
    /// After StartTLS, with a bind response behind the answer in plain text.
    StartTlsWithInjection(Arc<ServerConfig>),
    /// A bind response comes before the answer to StartTLS.
    StartTlsAfterInjection(Arc<ServerConfig>),
}

struct Shared {
    tls: ServerTls,
    people: Mutex<Vec<Person>>,
    lies: Mutex<HashMap<Operation, Lie>>,
    /// Every connection with such a number is closed at once; 0 for none.
    drop_every: AtomicUsize,
    accepted: AtomicUsize,
    binds: Mutex<Vec<Bind>>,
    searches: AtomicUsize,
    unbinds: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
    running: AtomicBool,
}

/// A bind that reached the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    pub dn: String,
    pub password: String,
}

pub const SERVICE_DN: &str = "cn=gateway,dc=example";
pub const SERVICE_PASSWORD: &str = "service-secret-5281";
pub const BASE: &str = "dc=example";

impl Person {
    /// A person below `ou=people` with the attributes `uid`, `cn` and `mail`.
    pub fn new(name: &str, password: &str) -> Self {
        let attribute = |name: &str, value: String| (name.to_owned(), vec![value.into_bytes()]);
        Self {
            dn: format!("uid={name},ou=people,{BASE}"),
            password: Some(password.to_owned()),
            attributes: vec![
                attribute("objectClass", "inetOrgPerson".to_owned()),
                attribute("uid", name.to_owned()),
                attribute("cn", name.to_owned()),
                attribute("mail", format!("{name}@example.com")),
                attribute("entryUUID", format!("uuid-of-{name}")),
            ],
        }
    }
}

impl LdapServer {
    /// A server without TLS.
    pub fn start(people: impl IntoIterator<Item = Person>) -> Self {
        Self::start_with(ServerTls::None, people)
    }

    pub fn start_with(tls: ServerTls, people: impl IntoIterator<Item = Person>) -> Self {
        Self::start_at("127.0.0.1:0", tls, people)
    }

    pub fn start_at(addr: &str, tls: ServerTls, people: impl IntoIterator<Item = Person>) -> Self {
        let listener = TcpListener::bind(addr).expect("a port");
        let shared = Shared {
            tls,
            people: Mutex::new(people.into_iter().collect()),
            lies: Mutex::default(),
            drop_every: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            binds: Mutex::default(),
            searches: AtomicUsize::new(0),
            unbinds: AtomicUsize::new(0),
            open: Mutex::default(),
            running: AtomicBool::new(false),
        };
        let addr = listener.local_addr().expect("an address");
        let mut server = Self { addr, shared: Arc::new(shared), accepting: None };
        server.accept_on(listener);
        server
    }

    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// The URL by address.
    pub fn url(&self) -> String {
        let scheme = if matches!(self.shared.tls, ServerTls::Ldaps(_)) { "ldaps" } else { "ldap" };
        format!("{scheme}://{}", self.addr)
    }

    /// Lies from now on, when this operation is asked for.
    pub fn lie(&self, operation: Operation, lie: Lie) {
        self.lies().insert(operation, lie);
    }

    /// Tells the truth from now on.
    pub fn be_honest(&self) {
        self.lies().clear();
    }

    /// Closes each connection whose number can be divided by this, as soon as it is accepted.
    pub fn drop_every(&self, number: usize) {
        self.shared.drop_every.store(number, Ordering::SeqCst);
    }

    /// The directory, to be changed.
    pub fn people(&self) -> MutexGuard<'_, Vec<Person>> {
        self.shared.people.lock().expect("the people")
    }

    /// Number of connections so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// The binds so far.
    pub fn binds(&self) -> Vec<Bind> {
        self.shared.binds.lock().expect("the binds").clone()
    }

    /// The binds so far that are not the service account's.
    pub fn user_binds(&self) -> Vec<Bind> {
        self.binds().into_iter().filter(|bind| bind.dn != SERVICE_DN).collect()
    }

    /// Number of searches below the root so far.
    pub fn searches(&self) -> usize {
        self.shared.searches.load(Ordering::SeqCst)
    }

    /// Number of connections that the client ended properly.
    pub fn unbinds(&self) -> usize {
        self.shared.unbinds.load(Ordering::SeqCst)
    }

    /// Closes all connections; new ones are accepted.
    pub fn disconnect_all(&self) {
        for stream in self.shared.open.lock().expect("the connections").drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// Closes all connections and accepts no more.
    pub fn stop(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.shared.running.store(false, Ordering::SeqCst);
        // The thread waits for a connection.
        TcpStream::connect(self.addr).ok();
        accepting.join().expect("its end");
        self.disconnect_all();
    }

    /// Accepts connections again at the same address.
    pub fn start_again(&mut self) {
        self.accept_on(TcpListener::bind(self.addr).expect("the port of before"));
    }

    fn accept_on(&mut self, listener: TcpListener) {
        self.shared.running.store(true, Ordering::SeqCst);
        let shared = Arc::clone(&self.shared);
        self.accepting = Some(thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if !shared.running.load(Ordering::SeqCst) {
                    return;
                }
                let number = shared.accepted.fetch_add(1, Ordering::SeqCst) + 1;
                let drop_every = shared.drop_every.load(Ordering::SeqCst);
                if drop_every != 0 && number.is_multiple_of(drop_every) {
                    continue;
                }
                stream.set_nodelay(true).ok();
                shared.open.lock().expect("the connections").extend(stream.try_clone());
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let socket = stream.try_clone();
                    // A client that goes away ends it.
                    serve(&shared, stream).ok();
                    socket.map(|socket| socket.shutdown(Shutdown::Both).ok()).ok();
                });
            }
        }));
    }

    fn lies(&self) -> MutexGuard<'_, HashMap<Operation, Lie>> {
        self.shared.lies.lock().expect("the lies")
    }
}

impl Drop for LdapServer {
    fn drop(&mut self) {
        self.stop();
    }
}

trait Duplex: Read + Write {}
impl<S: Read + Write> Duplex for S {}

fn serve(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    let plain = stream.try_clone()?;
    let over_tls = |config: &Arc<ServerConfig>, stream| -> io::Result<Box<dyn Duplex>> {
        let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        Ok(Box::new(StreamOwned::new(connection, stream)))
    };
    let mut stream: Box<dyn Duplex> = match &shared.tls {
        ServerTls::Ldaps(config) => over_tls(config, stream)?,
        _ => Box::new(stream),
    };
    while let Some(bytes) = read_message(&mut stream)? {
        let parts = elements(&bytes);
        let (id, (tag, content)) = (number(parts[0].1), parts[1]);
        match tag {
            BIND => shared.bind(&mut stream, id, content)?,
            SEARCH => shared.search(&mut stream, id, content, parts.get(2).copied())?,
            EXTENDED => {
                let bound = message(id, &result(0x61, 0, ""));
                let agreed = message(id, &result(0x78, 0, ""));
                let (config, answer) = match &shared.tls {
                    ServerTls::StartTls(config) => (config, agreed),
                    ServerTls::StartTlsWithInjection(config) => {
                        (config, row(&[agreed, message(id + 1, &result(0x61, 0, ""))]))
                    }
                    ServerTls::StartTlsAfterInjection(config) => (config, row(&[bound, agreed])),
                    ServerTls::None | ServerTls::Ldaps(_) => {
                        stream.write_all(&message(id, &result(0x78, 52, "no TLS here")))?;
                        continue;
                    }
                };
                stream.write_all(&answer)?;
                stream = over_tls(config, plain.try_clone()?)?;
            }
            UNBIND => {
                shared.unbinds.fetch_add(1, Ordering::SeqCst);
                return Ok(());
            }
            other => panic!("the client asked for {other:#x}"),
        }
    }
    Ok(())
}

/// The content of the next message.
fn read_message(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    loop {
        if let Some((header, content)) = header(&bytes)
            && bytes.len() == header + content
        {
            return Ok(Some(bytes.split_off(header)));
        }
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        bytes.push(byte[0]);
    }
}

impl Shared {
    fn bind(&self, stream: &mut dyn Duplex, id: u32, content: &[u8]) -> io::Result<()> {
        let parts = elements(content);
        let bind = Bind { dn: text(parts[1].1), password: text(parts[2].1) };
        self.binds.lock().expect("the binds").push(bind.clone());
        let service = bind.dn == SERVICE_DN && bind.password == SERVICE_PASSWORD;
        // As RFC 4513 §5.1.2 has it, and as some servers still do.
        let unauthenticated = bind.password.is_empty();
        let is_right = service
            || unauthenticated
            || self.people.lock().expect("the people").iter().any(|person| {
                person.dn.eq_ignore_ascii_case(&bind.dn) && person.password.as_ref() == Some(&bind.password)
            });
        let operation = if bind.dn == SERVICE_DN { Operation::ServiceBind } else { Operation::UserBind };
        let honest = message(id, &result(0x61, if is_right { 0 } else { 49 }, "data 52e\0"));
        let lie = self.lies.lock().expect("the lies").get(&operation).copied();
        match lie {
            None => stream.write_all(&honest),
            Some(Lie::RepeatPassword) => {
                let diagnostic = format!("no entry {} with the password {}", bind.dn, bind.password);
                stream.write_all(&message(id, &result(0x61, 49, &diagnostic)))
            }
            Some(lie) => tell(lie, stream, id, 0x61, &honest),
        }
    }

    fn search(
        &self,
        stream: &mut dyn Duplex,
        id: u32,
        content: &[u8],
        controls: Option<Element<'_>>,
    ) -> io::Result<()> {
        let parts = elements(content);
        let (base, scope, limit) = (text(parts[0].1), number(parts[1].1), number(parts[3].1) as usize);
        if base.is_empty() && scope == 0 {
            return stream.write_all(&row(&[message(id, &entry("", &[])), done(id, 0, None)]));
        }
        self.searches.fetch_add(1, Ordering::SeqCst);
        let page = controls.map(|(_, controls)| {
            let control = elements(elements(controls)[0].1);
            let value = elements(elements(control.last().expect("a value").1)[0].1);
            (number(value[0].1) as usize, text(value[1].1).parse().unwrap_or(0_usize))
        });
        let wanted: Vec<String> = elements(parts[7].1).iter().map(|(_, name)| text(name)).collect();
        let people = self.people.lock().expect("the people").clone();
        let all: Vec<&Person> = people
            .iter()
            .filter(|person| is_in_scope(&person.dn, &base, scope) && matches(person, parts[6]))
            .collect();
        let (start, length) = page.map_or((0, usize::MAX), |(length, start)| (start, length));
        let on_page = all.iter().skip(start).take(length.min(if limit == 0 { usize::MAX } else { limit }));
        let mut honest = Vec::new();
        let mut sent = 0;
        for person in on_page {
            let attributes = person.attributes.iter().filter(|(name, _)| {
                wanted.iter().any(|wanted| wanted == "*" || wanted.eq_ignore_ascii_case(name))
            });
            honest.push(message(id, &entry(&person.dn, &attributes.cloned().collect::<Vec<_>>())));
            sent += 1;
        }
        let next = start + sent;
        let cookie = page.map(|_| if next < all.len() { next.to_string() } else { String::new() });
        let code = if limit != 0 && page.is_none() && all.len() > limit { 4 } else { 0 };
        honest.push(done(id, code, cookie.as_deref().map(str::as_bytes)));
        let lie = self.lies.lock().expect("the lies").get(&Operation::Search).copied();
        match lie {
            None => stream.write_all(&honest.concat()),
            Some(lie) => tell(lie, stream, id, 0x65, &honest.concat()),
        }
    }
}

/// Sends the lie in place of the honest response, whose kind has this tag.
fn tell(lie: Lie, stream: &mut dyn Duplex, id: u32, tag: u8, honest: &[u8]) -> io::Result<()> {
    let one_entry = |number: usize| message(id, &entry(&format!("uid=p{number},{BASE}"), &[]));
    match lie {
        Lie::NestedSequences => {
            // From the inside: each header is one that surrounds all bytes behind it.
            let (mut headers, mut behind) = (Vec::new(), 0_usize);
            for _ in 0..20_000 {
                let header =
                    [&[0x30, 0x84][..], &u32::try_from(behind).expect("a length").to_be_bytes()].concat();
                behind += header.len();
                headers.push(header);
            }
            headers.reverse();
            stream.write_all(&message(id, &ber(tag, &headers.concat())))
        }
        Lie::HugeLength => {
            stream.write_all(&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff])?;
            for _ in 0..64 {
                stream.write_all(&vec![0x30; 64 * 1024])?;
            }
            Ok(())
        }
        Lie::IndefiniteLength => stream.write_all(&[&[0x30, 0x80], &honest[2..], &[0, 0]].concat()),
        Lie::EndlessPartialMessage => {
            stream.write_all(&[0x30, 0x84, 0x00, 0x0f, 0xff, 0x00])?;
            stream.write_all(&vec![0x30; 0x000f_fe00])
        }
        Lie::OtherProtocol => stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        Lie::ResultWithoutCode => {
            stream.write_all(&message(id, &ber(tag, &[octets(""), octets("")].concat())))
        }
        Lie::EntryWithoutDn => stream.write_all(&message(id, &ber(0x64, &ber(0x30, &[])))),
        Lie::EntryWithEmptyDn => stream.write_all(&row(&[message(id, &entry("", &[])), done(id, 0, None)])),
        Lie::References(count) => {
            let reference = message(id, &ber(0x73, &octets("ldap://elsewhere.example/dc=example??sub")));
            stream.write_all(&reference.repeat(count))?;
            stream.write_all(&done(id, 0, None))
        }
        Lie::Referral(count) => {
            let urls = octets("ldap://elsewhere.example/dc=example").repeat(count);
            let parts = [enumerated(10), octets(""), octets(""), ber(0xa3, &urls)];
            stream.write_all(&message(id, &ber(tag, &row(&parts))))
        }
        Lie::EmptyValues => {
            let values = [0x04, 0x00].repeat(500_000);
            let attribute = ber(0x30, &row(&[octets("cn"), ber(0x31, &values)]));
            stream.write_all(&message(id, &ber(0x64, &row(&[octets(BASE), ber(0x30, &attribute)]))))
        }
        Lie::EndlessEntries => (0..).try_for_each(|number| stream.write_all(&one_entry(number))),
        Lie::EndlessPages => stream.write_all(&row(&[one_entry(1), done(id, 0, Some(b"1"))])),
        Lie::OneByteASecond => honest.iter().try_for_each(|byte| {
            thread::sleep(Duration::from_secs(1));
            stream.write_all(&[*byte])
        }),
        Lie::WrongMessageId => {
            // The same response, with the next number.
            stream.write_all(&message(id + 1, &elements_after_id(honest)))
        }
        Lie::OtherResponse => {
            stream.write_all(&message(id, &result(if tag == 0x61 { 0x65 } else { 0x61 }, 0, "")))
        }
        Lie::UnaskedNotifications => {
            let parts = [enumerated(0), octets(""), octets(""), ber(0x8a, b"1.2.3.4")];
            let notification = message(0, &ber(0x78, &row(&parts)));
            loop {
                stream.write_all(&notification)?;
            }
        }
        Lie::NoticeOfDisconnection => {
            let parts =
                [enumerated(52), octets(""), octets("going down"), ber(0x8a, b"1.3.6.1.4.1.1466.20036")];
            stream.write_all(&message(0, &ber(0x78, &row(&parts))))?;
            Err(io::ErrorKind::Other.into())
        }
        Lie::Disconnect => Err(io::ErrorKind::Other.into()),
        // The next read waits for the client.
        Lie::Silence => Ok(()),
        Lie::RepeatPassword => stream.write_all(honest),
        Lie::Code(code) => stream.write_all(&message(id, &result(tag, code, "not today"))),
    }
}

/// The operation of the first message in these bytes.
fn elements_after_id(bytes: &[u8]) -> Vec<u8> {
    let (start, content) = header(bytes).expect("a message");
    let inside = &bytes[start..start + content];
    inside[integer(0).len()..].to_vec()
}

fn is_in_scope(dn: &str, base: &str, scope: u32) -> bool {
    let (dn, base) = (dn.to_lowercase(), base.to_lowercase());
    match scope {
        0 => dn == base,
        1 => dn.split_once(',').is_some_and(|(_, parent)| parent == base),
        _ => dn == base || dn.ends_with(&format!(",{base}")),
    }
}

/// Whether a filter fits, as far as tests need it.
fn matches(person: &Person, (tag, content): Element<'_>) -> bool {
    let values = |name: &[u8]| {
        let name = text(name);
        let found = person.attributes.iter().find(|(other, _)| other.eq_ignore_ascii_case(&name));
        found.map(|(_, values)| values.as_slice()).unwrap_or_default()
    };
    match tag {
        0xa0 => elements(content).into_iter().all(|one| matches(person, one)),
        0xa1 => elements(content).into_iter().any(|one| matches(person, one)),
        0xa2 => !matches(person, elements(content)[0]),
        0xa3 => {
            let parts = elements(content);
            values(parts[0].1).iter().any(|value| value.eq_ignore_ascii_case(parts[1].1))
        }
        0x87 => !values(content).is_empty(),
        _ => false,
    }
}

const BIND: u8 = 0x60;
const UNBIND: u8 = 0x42;
const SEARCH: u8 = 0x63;
const EXTENDED: u8 = 0x77;
