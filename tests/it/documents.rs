//! Configurations, commands and links in the documents work as they are written.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
};

use portcullis::config;

use crate::support::{
    gateway::{TestGateway, password},
    process::Workplace,
    visitor::Visitor,
};

#[test]
fn every_configuration_in_the_documents_can_be_used() {
    // Files with secrets, which the documents have in `/etc/portcullis`.
    let folder = tempfile::tempdir().unwrap();
    let here = format!("\"{}/", folder.path().display());
    for (document, least) in [("README.md", 1), ("docs/apps.md", 6), ("docs/install.md", 1)] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
        let blocks =
            between(&text, "```toml\n", "```").chain(between(&text, "gateway.toml <<'END'\n", "END\n"));
        // Without an app it is a piece, to be put into a file that has one.
        let whole: Vec<&str> = blocks.filter(|block| block.contains("[[app]]")).collect();
        assert!(whole.len() >= least, "{document} has {} configurations", whole.len());
        for block in whole {
            for secret in between(block, "file = \"/etc/portcullis/", "\"") {
                fs::write(folder.path().join(secret), "a secret of the document\n").unwrap();
            }
            let block = block.replace("\"/etc/portcullis/", &here);
            if let Err(diagnostics) = config::parse(&block, Path::new("gateway.toml")) {
                panic!("{document}: {}", config::ConfigError::Invalid(diagnostics));
            }
        }
    }
}

/// On free ports: each port of a document becomes one, whatever number of addresses has it.
#[test]
fn every_list_of_addresses_in_the_documents_can_be_listened_on() {
    let mut sections = vec!["https = [\"[::]:8443\"]\nstatus = \"127.0.0.1:9100\"\n".to_owned()];
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let tables = text.split("[server]\n").skip(1).map(|rest| rest.split("\n[").next().unwrap());
        let tables = tables.map(|table| table.split("\n```").next().unwrap().to_owned() + "\n");
        sections.extend(tables.filter(|table| table.contains("https =")));
    }
    assert!(sections.len() >= 5, "{} lists", sections.len());
    for section in sections {
        let app = "[[app]]\nupstream = \"builtin:whoami\"\n";
        let text = format!("[server]\n{section}{app}");
        let server = config::parse(&text, Path::new("gateway.toml")).unwrap().configuration.server;
        let mut ports = FreePorts::default();
        let mut addrs = |list: &[SocketAddr]| {
            let moved = list.iter().map(|addr| SocketAddr::new(addr.ip(), ports.instead_of(addr.port())));
            moved.collect::<Vec<SocketAddr>>()
        };
        let (https, http) = (addrs(&server.https), addrs(&server.http));
        let status = addrs(server.status.as_slice()).first().map_or("off".to_owned(), ToString::to_string);
        drop(ports);
        let show = |addrs: &[SocketAddr]| addrs.iter().map(ToString::to_string).collect::<Vec<_>>();
        let place = Workplace::empty();
        place.write(&format!(
            "[server]\nhttps = {:?}\nhttp = {:?}\nstatus = \"{status}\"\n{app}",
            show(&https),
            show(&http)
        ));
        let gateway = place.start();
        for addr in https.iter().chain(&http) {
            let ip = match addr.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
                ip => ip,
            };
            let reached = TcpStream::connect((ip, addr.port()));
            assert!(reached.is_ok(), "{addr}: {reached:?}\n{section}");
        }
        if https.len() == 1 && https[0].ip() == Ipv6Addr::UNSPECIFIED {
            TcpStream::connect((Ipv4Addr::LOCALHOST, https[0].port())).expect("alone, it serves IPv4, too");
        }
        let (status, _, err) = gateway.stop();
        assert_eq!(status.code(), Some(0), "{section}{err}");
    }
}

/// Ports that nobody has, held until this is dropped.
#[derive(Default)]
struct FreePorts(BTreeMap<u16, TcpListener>);

impl FreePorts {
    fn instead_of(&mut self, port: u16) -> u16 {
        let free = self.0.entry(port).or_insert_with(|| TcpListener::bind("[::]:0").expect("a free port"));
        free.local_addr().expect("its address").port()
    }
}

/// The files that show a configuration.
fn documents() -> Vec<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|it| it == "md"));
    docs.chain(["README.md", "gateway.toml"].map(|name| root.join(name))).collect()
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut links = 0;
    let others = ["CHANGELOG.md", "CONTRIBUTING.md"].map(|name| root.join(name));
    for document in documents().into_iter().chain(others) {
        let text = fs::read_to_string(&document).unwrap();
        for link in between(&text, "](", ")").filter(|link| !link.contains("://")) {
            links += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = if file.is_empty() { document.clone() } else { document.with_file_name(file) };
            assert!(path.exists(), "{} links to {link}", document.display());
            if !anchor.is_empty() {
                let there = fs::read_to_string(&path).unwrap();
                let found = there.contains(&format!("<a id=\"{anchor}\">"))
                    || there.lines().any(|line| line.starts_with('#') && anchor_of(line) == anchor);
                assert!(found, "{} links to {link}", document.display());
            }
        }
    }
    assert!(links > 100, "{links} links");
}

#[test]
fn every_address_of_the_gateway_in_the_documents_is_served() {
    let gateway = TestGateway::start("[[app]]\nupstream = \"builtin:whoami\"");
    let apps = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/apps.md")).unwrap();
    let rows: Vec<(&str, &str)> = apps
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter(|(address, _)| address.starts_with("/.gateway/"))
        .map(|(address, rest)| (address, rest.split(" |").next().unwrap()))
        .collect();
    assert!(rows.len() > 7, "{rows:?}");
    gateway.add_user("alice", &[]);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    for (address, methods) in rows.iter().filter(|(address, _)| *address != "/.gateway/setup") {
        for method in ["GET", "POST"] {
            let response = alice.fetch(&method.parse().unwrap(), address);
            let is_served = ![404, 405].contains(&response.status.as_u16());
            assert_eq!(
                is_served,
                methods.split(", ").any(|name| name == method),
                "{method} {address}: {response:?}"
            );
        }
    }
    assert_eq!(alice.get("/.gateway/nothing").status, 404);
}

/// As renderers of Markdown make it of a heading.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
}

fn between<'t>(text: &'t str, start: &'t str, end: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(start).skip(1).filter_map(move |rest| rest.split_once(end).map(|(inside, _)| inside))
}
