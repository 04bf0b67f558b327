//! Access tokens that a provider has bound to a key (`cnf`, RFC 7800): worth nothing without the client certificate, and
//! refused where the binding cannot be checked.

use data_encoding::BASE64URL_NOPAD;
use http::{Request, header::AUTHORIZATION};
use portcullis::{
    client_certificate::PresentedCertificate,
    identity::{BackendName, IdentityPair, UserName},
    users::NewUser,
};
use rcgen::SanType;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    certificates::{ClientIdentity, TestAuthority},
    gateway::TestGateway,
    oidc_provider::OidcProvider,
    process::until,
    upstream::Upstream,
    visitor::Visitor,
};

/// A gateway whose app takes client certificates and access tokens, with the machine `backup`.
struct Stage {
    folder: TempDir,
    authority: TestAuthority,
    provider: OidcProvider,
    upstream: Upstream,
    gateway: TestGateway,
    sections: String,
    apps: String,
}

impl Stage {
    fn new() -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), TestAuthority::new());
        let (provider, upstream) = (OidcProvider::start(), Upstream::ok());
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, authority.pem()).unwrap();
        let sections = format!(
            "[[tls.client_ca]]\ncert = {:?}\n[[tls.client_ca.user]]\nemail = \"*@example.com\"\n\
             [[backend]]\ntype = \"local\"\n{}",
            file.display().to_string(),
            provider.section("corp", "audience = \"https://api.example.com\"\n")
        );
        let apps = format!(
            "[[app]]\nhost = \"a.example\"\nupstream = {:?}\nclient_certificate = \"optional\"\n\
             programs = {{ bearer = true }}\n",
            upstream.url
        );
        let gateway = TestGateway::start_with(&sections, &apps);
        provider.use_clock(&gateway.clock);
        let (mut users, name) = (gateway.users(), UserName::parse("backup").unwrap());
        users.add(NewUser { machine: true, ..NewUser::named(name.clone()) }).unwrap();
        let backend = BackendName::parse("corp").unwrap();
        let (authority_of_id, subject) = (provider.issuer().into(), "machine".into());
        users.link_pair(&name, &IdentityPair { backend, authority: authority_of_id, subject }).unwrap();
        let stage = Self { folder, authority, provider, upstream, gateway, sections, apps };
        until("the keys are known", || stage.send(stage.visitor(), &json!({})).0 == 200);
        stage
    }

    fn visitor(&self) -> Visitor {
        Visitor::of(&self.gateway).on_host("a.example")
    }

    /// A certificate that names no user: the token does that.
    fn identity(&self) -> ClientIdentity {
        self.authority.issue_to(vec![SanType::DnsName("backup.example.com".try_into().unwrap())], 7)
    }

    /// Sends an access token with these claims; the status, and the challenge.
    fn send(&self, visitor: Visitor, claims: &Value) -> (u16, String) {
        send_token(visitor, &self.provider.access_token(claims))
    }
}

/// Sends this access token; the status, and the challenge.
fn send_token(mut visitor: Visitor, token: &str) -> (u16, String) {
    let request = Request::get("/").header("accept", "*/*").header(AUTHORIZATION, format!("Bearer {token}"));
    let response = visitor.send(request.body(String::new()).unwrap());
    (response.status.as_u16(), response.header("www-authenticate").to_owned())
}

/// The claim that binds a token to a certificate (RFC 8705 §3.1).
fn bound_to(identity: &ClientIdentity) -> Value {
    let hash = PresentedCertificate::of_chain(&identity.chain).unwrap().hash();
    json!({"x5t#S256": BASE64URL_NOPAD.encode(&hash.0)})
}

const INVALID: &str = "Bearer realm=\"Portcullis\", error=\"invalid_token\"";

#[test]
fn a_token_that_is_bound_to_a_certificate_is_taken_with_that_certificate_alone() {
    let stage = Stage::new();
    let (own, other) = (stage.identity(), stage.identity());
    let token = stage.provider.access_token(&json!({"cnf": bound_to(&own)}));
    let stolen = |stage: &Stage| {
        for visitor in [stage.visitor(), stage.visitor().showing(&other)] {
            let (status, challenge) = send_token(visitor, &token);
            assert_eq!(status, 401);
            assert!(challenge.starts_with(INVALID), "{challenge}");
        }
    };
    stolen(&stage);
    assert_eq!(send_token(stage.visitor().showing(&own), &token).0, 200);
    assert_eq!(stage.upstream.last().values("remote-user"), ["backup"]);
    // It is remembered now, and still worth nothing by itself.
    stolen(&stage);
    assert_eq!(send_token(stage.visitor().showing(&own), &token).0, 200);
    assert_eq!(
        stage.send(stage.visitor().showing(&other), &json!({})).0,
        200,
        "a token that is bound to nothing"
    );
}

#[test]
fn the_certificate_of_a_proxy_is_not_that_of_a_token() {
    let stage = Stage::new();
    let own = stage.identity();
    let token = stage.provider.access_token(&json!({"cnf": bound_to(&own)}));
    let text = TestGateway::configuration(&stage.sections, &stage.apps);
    let trusting = "workers = 2\ntrusted_proxies = [\"127.0.0.0/8\"]\n";
    stage.gateway.reload_text(&text.replace("workers = 2\n", trusting));
    until("the keys are known", || stage.send(stage.visitor(), &json!({})).0 == 200);
    assert_eq!(send_token(stage.visitor().showing(&own), &token).0, 401);
}

/// A provider may bind a token to any certificate (RFC 8705 §2.2). Here an authority vouches for it, as of now.
#[test]
fn a_token_that_is_bound_to_a_certificate_is_refused_once_no_authority_vouches_for_it() {
    let stage = Stage::new();
    let own = stage.identity();
    let token = stage.provider.access_token(&json!({"cnf": bound_to(&own)}));
    let mut visitor = stage.visitor().showing(&own);
    let mut connection = visitor.connect();
    let mut status = || {
        let request =
            Request::get("/").header("accept", "*/*").header(AUTHORIZATION, format!("Bearer {token}"));
        visitor.send_over(&mut connection, request.body(String::new()).unwrap()).status.as_u16()
    };
    assert_eq!(status(), 200);
    std::fs::write(stage.folder.path().join("ca.pem"), TestAuthority::new().pem()).unwrap();
    stage.gateway.reload(&stage.sections, &stage.apps);
    assert_eq!(status(), 401);
}

#[test]
fn a_token_whose_binding_cannot_be_checked_is_refused_and_the_response_says_why() {
    let stage = Stage::new();
    let own = stage.identity();
    let hash = bound_to(&own)["x5t#S256"].clone();
    for binding in [
        json!({"jkt": hash}),
        json!({"jkt": hash, "x5t#S256": hash}),
        json!({"jwk": {"kty": "EC"}}),
        json!({"kid": "one"}),
        json!({}),
        json!("x"),
    ] {
        let (status, challenge) = stage.send(stage.visitor().showing(&own), &json!({"cnf": binding}));
        assert_eq!(status, 401, "{binding}");
        let reason = "error_description=\"the token is bound to a key that the request does not show\"";
        assert!(challenge.starts_with(INVALID) && challenge.contains(reason), "{binding}: {challenge}");
    }
}
