//! A registry of container images behind the gateway, used by skopeo: with tokens of the gateway, and with those of the
//! registry's own token server.

use std::{collections::BTreeSet, fs, io};

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use portcullis::clock::Clock;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::{
    clients::{run, text},
    document::{Block, Recipe},
    running::{Application, Folder},
};
use crate::support::{
    client::{RawClient, sign_in},
    gateway::TestGateway,
    upstream::{Conn, Received, Upstream},
};

/// A computer on which people use skopeo against a registry behind the gateway.
struct Skopeo<'g> {
    folder: Folder,
    gateway: &'g TestGateway,
    host: String,
}

impl<'g> Skopeo<'g> {
    fn new(gateway: &'g TestGateway) -> Self {
        let folder = Folder::new();
        folder.make(&["certificates"]);
        fs::copy(gateway.certificate(), folder.path("certificates/ca.crt")).expect("the certificate");
        Self { folder, gateway, host: gateway.origin.replace("https://", "") }
    }

    /// Whether a command succeeds, and all that it says.
    fn run(&self, line: &str, input: &str) -> (bool, String) {
        let output = run(self.folder.command(&format!("skopeo --insecure-policy {line}")), input);
        (output.status.success(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
    }

    fn sign_in(&self, name: &str, password: &str) -> (bool, String) {
        let line = format!(
            "login --cert-dir certificates --authfile {name}.json -u {name} --password-stdin {}",
            self.host
        );
        self.run(&line, password)
    }

    /// Signs in with an API token of the user.
    fn sign_in_with_token(&self, name: &str) {
        let (succeeded, said) = self.sign_in(name, &self.gateway.token_of(name));
        assert!(succeeded && said.contains("Login Succeeded"), "{name}: {said}");
    }

    fn push(&self, name: &str, tag: &str) -> (bool, String) {
        let to = format!("docker://{}/demo/hello:{tag}", self.host);
        self.run(
            &format!(
                "copy --preserve-digests --authfile {name}.json --dest-cert-dir certificates oci:image:1 {to}"
            ),
            "",
        )
    }

    fn pull(&self, name: &str, tag: &str) -> (bool, String) {
        let from = format!("docker://{}/demo/hello:{tag}", self.host);
        self.run(
            &format!(
                "copy --preserve-digests --authfile {name}.json --src-cert-dir certificates {from} oci:{name}:1"
            ),
            "",
        )
    }

    /// Whether the image that somebody has pulled has this layer.
    fn has_pulled(&self, name: &str, layer: &[u8]) -> bool {
        let blob = self.folder.path(name).join("blobs/sha256").join(sha256(layer));
        fs::read(blob).expect("the layer") == layer
    }
}

#[test]
fn skopeo_signs_in_to_a_registry_and_pushes_and_pulls_an_image_with_a_token() {
    let recipe = Recipe::of("Registry of container images");
    let folder = Folder::new();
    let registry = start_registry(&folder, "");
    let gateway = gateway(&configuration(recipe.nth("toml", 0), &url_of(&registry), None));
    let skopeo = Skopeo::new(&gateway);
    let layer = make_image(&skopeo.folder);

    let (succeeded, said) = skopeo.sign_in("alice", "wrong");
    assert!(!succeeded && said.contains("invalid username/password"), "{said}");
    skopeo.sign_in_with_token("alice");
    skopeo.sign_in_with_token("bob");
    for (succeeded, said) in [skopeo.push("alice", "1"), skopeo.pull("alice", "1"), skopeo.pull("bob", "1")] {
        assert!(succeeded, "{said}");
    }
    assert!(skopeo.has_pulled("alice", &layer), "it is the layer that was pushed");
    let (succeeded, said) = skopeo.push("bob", "2");
    assert!(!succeeded, "the rule is for alice: {said}");
    let (succeeded, said) =
        skopeo.run(&format!("list-tags --cert-dir certificates docker://{}/demo/hello", skopeo.host), "");
    assert!(!succeeded, "nothing without a credential: {said}");
}

#[test]
fn skopeo_brings_the_token_of_a_registry_that_its_own_server_has_made_for_the_user_of_the_gateway() {
    let recipe = Recipe::of("Registry of container images");
    let folder = Folder::new();
    let tokens = start_token_server(&folder);
    // The registry has to know the gateway's address, and the gateway that of the registry, which comes later.
    let gateway = gateway(&configuration(recipe.nth("toml", 1), &Upstream::dead(), Some(&tokens)));
    let host = gateway.origin.replace("https://", "");
    let auth = recipe
        .block("yaml")
        .with("registry.example.com", &host)
        .with("/etc/docker/registry/tokens.pem", &folder.text("tokens.pem"));
    let registry = start_registry(&folder, auth.text());
    gateway.reload("", configuration(recipe.nth("toml", 1), &url_of(&registry), Some(&tokens)).text());
    let skopeo = Skopeo::new(&gateway);
    let layer = make_image(&skopeo.folder);

    let (succeeded, said) = skopeo.sign_in("alice", "wrong");
    assert!(!succeeded && tokens.seen().is_empty(), "the gateway guards the token server: {said}");
    skopeo.sign_in_with_token("alice");
    skopeo.sign_in_with_token("bob");
    for (succeeded, said) in [skopeo.push("alice", "1"), skopeo.pull("bob", "1")] {
        assert!(succeeded, "{said}");
    }
    assert!(skopeo.has_pulled("bob", &layer), "it is the layer that was pushed");
    let (succeeded, said) = skopeo.push("bob", "2");
    assert!(!succeeded && said.contains("denied"), "the token server lets bob pull alone: {said}");
    let (succeeded, said) =
        skopeo.run(&format!("list-tags --cert-dir certificates docker://{}/demo/hello", skopeo.host), "");
    assert!(!succeeded, "nothing without a credential: {said}");
    let asked: BTreeSet<String> =
        tokens.seen().iter().map(|request| request.value("remote-user").to_owned()).collect();
    assert_eq!(asked, ["alice", "bob"].map(str::to_owned).into());
    assert!(tokens.seen().iter().all(|request| request.values("authorization").is_empty()));

    // A wrong token is the registry's business, whoever is signed in; one of the gateway stays here.
    let cookie = sign_in(&gateway, "alice");
    let challenge = |authorization: &str| {
        let fields = format!("Cookie: {cookie}\r\nAuthorization: {authorization}\r\n");
        let response = RawClient::connect(&gateway).get("/v2/", &fields);
        let challenges = response.values("www-authenticate").join(", ");
        (response.status, challenges)
    };
    let realm = format!("Bearer realm=\"{}/token\",service=\"{host}\"", gateway.origin);
    for foreign in ["Bearer eyJhbGciOiJub25lIn0.e30.", "Basic eDp5"] {
        let (status, said) = challenge(foreign);
        assert!(status == 401 && said.starts_with(&realm), "{foreign}: {said}");
    }
    let (status, said) = challenge(&format!("Bearer {}", gateway.token_of("alice")));
    assert!(status == 401 && !said.contains("realm=\"https"), "it never gets to the registry: {said}");
}

/// A registry with its images in this folder.
fn start_registry(folder: &Folder, auth: &str) -> Application {
    folder.start("docker-registry", |port| {
        let configuration = format!(
            "version: 0.1\nlog: {{ level: warn }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
             http: {{ addr: '127.0.0.1:{port}' }}\n{auth}",
            folder.text("images")
        );
        folder.write("registry.yml", &configuration);
        folder.command("docker-registry serve registry.yml")
    })
}

/// A block of the document with the addresses of this test.
fn configuration(block: Block, registry: &str, tokens: Option<&Upstream>) -> Block {
    let block = block.with("registry.example.com", "localhost").with("http://127.0.0.1:5000", registry);
    match tokens {
        Some(tokens) => block.with("http://127.0.0.1:5001", &tokens.url),
        None => block,
    }
}

fn url_of(registry: &Application) -> String {
    format!("http://127.0.0.1:{}", registry.port)
}

fn gateway(configuration: &Block) -> TestGateway {
    let gateway = TestGateway::start(configuration.text());
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    gateway
}

/// The token server of a registry. It believes the gateway who somebody is; alice may do everything, others may pull.
struct TokenServer {
    pair: EcdsaKeyPair,
    /// The certificate of its key, which the registry knows.
    certificate: String,
}

fn start_token_server(folder: &Folder) -> Upstream {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["tokens.example.com".to_owned()]).expect("parameters");
    let certificate = params.self_signed(&key).expect("a certificate");
    folder.write("tokens.pem", &certificate.pem());
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der());
    let server = TokenServer { pair: pair.expect("a key"), certificate: BASE64.encode(certificate.der()) };
    Upstream::scripted(move |conn| server.serve(conn))
}

impl TokenServer {
    fn serve(&self, conn: &mut Conn) -> io::Result<()> {
        while let Some(request) = conn.request()? {
            let body = json!({ "token": self.token(&request) }).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
            conn.send(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes())?;
        }
        Ok(())
    }

    /// A token as the registry wants it: who may do what with which repository.
    fn token(&self, request: &Received) -> String {
        let query = request.asked().split_once('?').map_or("", |(_, query)| query);
        let asked: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let service = asked.iter().find(|(name, _)| name == "service").map_or("", |(_, value)| value);
        let scopes = asked.iter().filter(|(name, _)| name == "scope").flat_map(|(_, value)| value.split(' '));
        let user = request.value("remote-user");
        let access: Vec<Value> = scopes
            .filter_map(|scope| {
                let [kind, name, actions] = scope.splitn(3, ':').collect::<Vec<_>>().try_into().ok()?;
                let granted = actions
                    .split(',')
                    .filter(|action| user == "alice" || *action == "pull")
                    .collect::<Vec<_>>();
                Some(json!({ "type": kind, "name": name, "actions": granted }))
            })
            .collect();
        let now = Clock::system().now().as_millis() / 1000;
        let header = json!({ "alg": "ES256", "typ": "JWT", "x5c": [self.certificate] });
        let claims = json!({
            "iss": "the token server", "aud": service, "sub": user, "access": access,
            "iat": now, "nbf": now - 10, "exp": now + 300, "jti": "1",
        });
        let [header, claims] =
            [header, claims].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
        let message = format!("{header}.{claims}");
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
        format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

/// Makes an image of one layer below `image`, in the format of the Open Container Initiative; returns the layer.
fn make_image(folder: &Folder) -> Vec<u8> {
    folder.make(&["image/blobs/sha256"]);
    folder.run("sh -c 'head -c 3000000 /dev/urandom >file && tar -cf layer file && gzip -nk layer'");
    let read = |name: &str| fs::read(folder.path(name)).expect("a file that was made");
    let (plain, layer) = (read("layer"), read("layer.gz"));
    let put = |bytes: &[u8], kind: &str| {
        let digest = sha256(bytes);
        fs::write(folder.path("image/blobs/sha256").join(&digest), bytes).expect("a blob");
        serde_json::json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": bytes.len() })
    };
    let kind = |name: &str| format!("application/vnd.oci.image.{name}");
    let root = serde_json::json!({ "type": "layers", "diff_ids": [format!("sha256:{}", sha256(&plain))] });
    let config = serde_json::json!({ "architecture": "amd64", "os": "linux", "config": {}, "rootfs": root });
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": kind("manifest.v1+json"),
        "config": put(config.to_string().as_bytes(), &kind("config.v1+json")),
        "layers": [put(&layer, &kind("layer.v1.tar+gzip"))],
    });
    let mut manifest = put(manifest.to_string().as_bytes(), &kind("manifest.v1+json"));
    manifest["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": "1" });
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [manifest] });
    folder.write("image/index.json", &index.to_string());
    folder.write("image/oci-layout", "{\"imageLayoutVersion\": \"1.0.0\"}");
    layer
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}
