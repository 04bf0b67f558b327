//! nginx, Traefik, Caddy and Envoy with the configurations of `docs/forward-auth.md`.
//!
//! The document's blocks are changed in addresses and file names only; a test fails if the document does not contain what
//! is replaced. `tests/run` installs the proxies in `target/tools/proxies`.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use http::Request;
use rcgen::{CertificateParams, KeyPair};

use super::{gateway::TestGateway, visitor::Visitor};
use crate::recipes::running::{Application, Folder, is_root};

/// The host of the document's app.
pub const HOST: &str = "wiki.example.com";

/// A kind of proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Traefik,
    Caddy,
    Envoy,
}

pub const KINDS: [Kind; 4] = [Kind::Nginx, Kind::Traefik, Kind::Caddy, Kind::Envoy];

/// A running proxy in front of an application.
pub struct Proxy {
    pub addr: SocketAddr,
    pub certificate: PathBuf,
    _application: Application,
    _folder: Folder,
}

impl Proxy {
    /// Starts a proxy that asks `gateway`, and forwards to the application at `app`.
    #[expect(clippy::too_many_lines, reason = "four proxies, each with its own files")]
    pub fn start(kind: Kind, gateway: &TestGateway, app: SocketAddr) -> Self {
        let folder = Folder::new();
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new([HOST.to_owned()])
            .expect("parameters")
            .self_signed(&key)
            .expect("a certificate");
        folder.write("wiki.pem", &certificate.pem());
        folder.write("wiki.key", &key.serialize_pem());
        fs::copy(gateway.certificate(), folder.path("gateway.pem")).expect("the gateway's certificate");
        let checks = gateway.addrs.checks.first().expect("a listener of checks").to_string();
        let placed = |block: Text| {
            block
                .optionally("/etc/ssl/wiki.pem", &folder.text("wiki.pem"))
                .optionally("/etc/ssl/wiki.key", &folder.text("wiki.key"))
                .optionally("/etc/portcullis/certs/self-signed.pem", &folder.text("gateway.pem"))
        };
        let name = format!("{kind:?}").to_lowercase();
        let is_up = |port: u16| {
            let addr = SocketAddr::from(([127, 0, 0, 1], port));
            let origin = format!("https://{HOST}:{port}");
            let mut visitor = Visitor::new(&origin, addr, &folder.path("wiki.pem"), gateway.clock.clone());
            let page = Request::get("/.gateway/login").body(String::new()).expect("a request");
            let Ok(mut connection) = visitor.try_connect() else { return false };
            visitor.try_send_over(&mut connection, page).is_some_and(|response| response.status == 200)
        };
        let application = folder.start_when(&name, is_up, |port| match kind {
            Kind::Nginx => {
                folder.make(&["tmp"]);
                let text = placed(Text::nth("nginx", 0))
                    .with("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"))
                    .with("127.0.0.1:8443", &gateway.https().to_string())
                    .with("127.0.0.1:9180", &checks)
                    .with("127.0.0.1:8080", &app.to_string())
                    .with("http {\n", &nginx_folders(&folder));
                let user = if is_root() { "user root;\n" } else { "" };
                folder.write(
                    "nginx.conf",
                    &format!(
                        "{user}daemon off;\npid {};\nerror_log stderr warn;\n{}",
                        folder.text("nginx.pid"),
                        text.0
                    ),
                );
                folder.command(&format!("nginx -c {}", folder.text("nginx.conf")))
            }
            Kind::Traefik => {
                let fixed = placed(Text::nth("yaml", 0))
                    .with("\":443\"", &format!("\"127.0.0.1:{port}\""))
                    .with("/etc/traefik/dynamic.yml", &folder.text("dynamic.yml"));
                let quiet = "global: {checkNewVersion: false, sendAnonymousUsage: false}\n";
                folder.write("traefik.yml", &format!("{quiet}{}", fixed.0));
                let dynamic = placed(Text::nth("yaml", 1))
                    .with("127.0.0.1:8443", &gateway.https().to_string())
                    .with("127.0.0.1:9180", &checks)
                    .with("127.0.0.1:8080", &app.to_string());
                folder.write("dynamic.yml", &dynamic.0);
                folder.command(&format!("{} --configFile={}", program("traefik"), folder.text("traefik.yml")))
            }
            Kind::Caddy => {
                let text = placed(Text::nth("caddyfile", 0))
                    .with(
                        "wiki.example.com {\n",
                        &format!("https://wiki.example.com:{port} {{\n\tbind 127.0.0.1\n"),
                    )
                    .with("https://127.0.0.1:8443", &format!("https://{}", gateway.https()))
                    .with("127.0.0.1:9180", &checks)
                    .with("127.0.0.1:8080", &app.to_string());
                folder.write(
                    "Caddyfile",
                    &format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{}", text.0),
                );
                let mut command = folder.command(&format!(
                    "{} run --adapter caddyfile --config {}",
                    program("caddy"),
                    folder.text("Caddyfile")
                ));
                command
                    .env("XDG_DATA_HOME", folder.path("data"))
                    .env("XDG_CONFIG_HOME", folder.path("config"));
                command
            }
            Kind::Envoy => {
                let text = placed(Text::nth("yaml", 2))
                    .with(
                        "address: 0.0.0.0, port_value: 443",
                        &format!("address: 127.0.0.1, port_value: {port}"),
                    )
                    .with("http://127.0.0.1:9180", &format!("http://{checks}"))
                    .with("port_value: 8443", &format!("port_value: {}", gateway.https().port()))
                    .with(
                        "port_value: 9180",
                        &format!("port_value: {}", checks.rsplit_once(':').expect("a port").1),
                    )
                    .with("port_value: 8080", &format!("port_value: {}", app.port()));
                folder.write("envoy.yaml", &text.0);
                folder.command(&format!(
                    "{} -c {} --use-dynamic-base-id --concurrency 1 --log-level warning",
                    program("envoy"),
                    folder.text("envoy.yaml")
                ))
            }
        });
        let addr = SocketAddr::from(([127, 0, 0, 1], application.port));
        let certificate = folder.path("wiki.pem");
        Self { addr, certificate, _application: application, _folder: folder }
    }

    /// As in the address bar.
    pub fn origin(&self) -> String {
        format!("https://{HOST}:{}", self.addr.port())
    }

    /// Somebody with a browser in front of the proxy.
    pub fn visitor(&self, gateway: &TestGateway) -> Visitor {
        Visitor::new(&self.origin(), self.addr, &self.certificate, gateway.clock.clone())
    }
}

/// A block of the document.
struct Text(String);

impl Text {
    fn nth(language: &str, before: usize) -> Self {
        let document = fs::read_to_string(root().join("docs/forward-auth.md")).expect("the document");
        let marker = format!("\n```{language}\n");
        let block = document
            .split(&*marker)
            .nth(before + 1)
            .unwrap_or_else(|| panic!("no block {before} of {language}"));
        Self(block.split("\n```").next().expect("a first part").to_owned() + "\n")
    }

    fn with(self, example: &str, actual: &str) -> Self {
        assert!(self.0.contains(example), "docs/forward-auth.md has no {example:?} any more:\n{}", self.0);
        self.optionally(example, actual)
    }

    fn optionally(self, example: &str, actual: &str) -> Self {
        Self(self.0.replace(example, actual))
    }
}

/// A process that is not root cannot write where nginx would.
fn nginx_folders(folder: &Folder) -> String {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let lines = kinds.map(|kind| format!("{kind}_temp_path {};\n", folder.text(&format!("tmp/{kind}"))));
    format!("http {{\naccess_log off;\n{}", lines.concat())
}

fn program(name: &str) -> String {
    let path = root().join("target/tools/proxies/python/bin").join(name);
    assert!(path.exists(), "{} is missing; tests/run installs it", path.display());
    path.display().to_string()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
