//! A provider of OpenID Connect that lies when a test says so.
//!
//! The provider knows one client, `portcullis`, whose secret has a colon and an umlaut. A browser is not needed: the test hands the
//! address of its sign-in page to [`OidcProvider::authorize`] and gets the address to come back to.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use aws_lc_rs::{
    digest, hmac,
    rand::{self, SystemRandom},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use portcullis::clock::Clock;
use serde_json::{Map, Value, json};

use super::upstream::{Conn, Received, Upstream};

/// A running provider.
pub struct OidcProvider {
    upstream: Upstream,
    state: Arc<Mutex<State>>,
}

/// A lie of a provider, or a way of not working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    AlgorithmNone,
    HmacByPublicKey,
    ForeignKey,
    UnknownKeyId,
    CriticalHeader,
    AccessTokenType,
    LogoutTokenType,
    DuplicateClaim,
    WrongIssuer,
    WrongAudience,
    SecondAudience,
    WrongParty,
    WrongNonce,
    NoNonce,
    NonceOfAnotherAttempt,
    Expired,
    HugeExpiry,
    TextExpiry,
    Old,
    FromFuture,
    NotYetValid,
    NoSubject,
    NumberAsSubject,
    WrongAccessHash,
    NoIdToken,
    IdTokenIsAccessToken,
    TokenPage,
    TokenRedirect,
    TokenHuge,
    TokenServerError,
    ClientRefused,
    UserinfoOtherSubject,
    UserinfoList,
    UserinfoSigned,
    UserinfoHuge,
    KeysHuge,
    KeysPage,
    KeysRedirect,
    KeysOfHmac,
    MetadataOfAnother,
    MetadataWithSlash,
    MetadataPage,
    MetadataHuge,
    MetadataRedirect,
    MetadataWithoutKeys,
    MetadataPlainEndpoint,
    /// Takes connections and says nothing.
    Hangs,
    /// Closes every connection.
    Down,
}

/// The claims beside the lie.
struct State {
    issuer: String,
    keys: Vec<SigningKey>,
    lie: Option<Lie>,
    clock: Clock,
    /// Claims of the user, in the ID token.
    claims: Value,
    /// Claims that only the userinfo endpoint tells.
    userinfo: Value,
    codes: HashMap<String, Grant>,
    /// The user of each access token.
    subjects: HashMap<String, Value>,
    asked: BTreeMap<String, usize>,
    /// Each code and token that was given out.
    secrets: Vec<String>,
}

/// The sign-in that a code stands for.
#[derive(Clone)]
struct Grant {
    nonce: String,
    challenge: String,
    redirect_uri: String,
    claims: Value,
}

struct SigningKey {
    pair: EcdsaKeyPair,
    id: String,
}

/// The secret of the client.
pub const SECRET: &str = "päss:word &=+%";

impl OidcProvider {
    /// Starts a provider whose user is alice.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            issuer: String::new(),
            keys: vec![SigningKey::generate("first")],
            lie: None,
            clock: Clock::system(),
            claims: json!({
                "sub": "248289761001", "preferred_username": "alice", "name": "Alice Example",
                "email": "alice@example.com", "email_verified": true,
            }),
            userinfo: json!({}),
            codes: HashMap::new(),
            subjects: HashMap::new(),
            asked: BTreeMap::new(),
            secrets: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let upstream = Upstream::scripted(move |conn| serve(conn, &shared));
        state.lock().expect("the state").issuer.clone_from(&upstream.url);
        Self { upstream, state }
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.upstream.url
    }

    /// The section of the configuration for this provider; `more` are further keys. The secret is in the file
    /// `secret`, which [`Self::write_secret`] makes.
    pub fn section(&self, name: &str, more: &str) -> String {
        format!(
            "[[backend]]\ntype = \"oidc\"\nname = \"{name}\"\nissuer = \"{}\"\ninsecure = true\n\
             client_id = \"portcullis\"\nclient_secret_file = \"{}\"\n{more}\n",
            self.issuer(),
            secret_file().display(),
        )
    }

    /// Tells the time that the gateway of a test has.
    pub fn use_clock(&self, clock: &Clock) {
        self.state().clock = clock.clone();
    }

    /// Lies from now on, or no longer.
    pub fn lie(&self, lie: impl Into<Option<Lie>>) {
        self.state().lie = lie.into();
    }

    /// Replaces claims of the user; `null` removes one.
    pub fn say(&self, changes: &Value) {
        merge(&mut self.state().claims, changes);
    }

    /// Replaces claims that only the userinfo endpoint tells.
    pub fn say_at_userinfo(&self, changes: &Value) {
        merge(&mut self.state().userinfo, changes);
    }

    /// Signs with a new key from now on; the old one is gone.
    pub fn rotate_keys(&self, id: &str) {
        self.state().keys = vec![SigningKey::generate(id)];
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.state().asked.get(path).copied().unwrap_or_default()
    }

    /// Each code and token that was given out.
    pub fn secrets(&self) -> Vec<String> {
        self.state().secrets.clone()
    }

    /// Signs the user in who is sent to this address; returns the path and query that the browser comes back to.
    #[track_caller]
    pub fn authorize(&self, address: &str) -> String {
        self.authorize_as(address, &json!({}))
    }

    /// The same for a user with other claims.
    #[track_caller]
    pub fn authorize_as(&self, address: &str, changes: &Value) -> String {
        let query = address.strip_prefix(&format!("{}/auth?", self.issuer()));
        let query = query.unwrap_or_else(|| panic!("not this provider's sign-in page: {address}"));
        let asked: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        for (name, value) in [
            ("response_type", "code"),
            ("response_mode", "query"),
            ("client_id", "portcullis"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(asked[name], value, "{name}");
        }
        let mut state = self.state();
        let mut claims = state.claims.clone();
        merge(&mut claims, changes);
        let code = random();
        let grant = Grant {
            nonce: asked["nonce"].clone(),
            challenge: asked["code_challenge"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
            claims,
        };
        state.codes.insert(code.clone(), grant);
        state.secrets.extend([code.clone(), asked["nonce"].clone(), asked["state"].clone()]);
        let issuer = state.issuer.clone();
        drop(state);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("state", &asked["state"])
            .append_pair("iss", &issuer)
            .finish();
        let path = asked["redirect_uri"].splitn(4, '/').nth(3).expect("a path");
        format!("/{path}?{query}")
    }

    /// A logout token with these claims changed.
    pub fn logout_token(&self, changes: &Value) -> String {
        let mut state = self.state();
        let now = state.now();
        let mut claims = json!({
            "iss": state.issuer, "aud": "portcullis", "iat": now, "exp": now + 120, "jti": random(),
            "sub": state.claims["sub"],
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        merge(&mut claims, changes);
        let key = state.keys.first().expect("a key");
        let header = json!({"alg": "ES256", "kid": key.id, "typ": "logout+jwt"});
        let token = key.sign(&header.to_string(), &without_nulls(claims).to_string());
        state.secrets.push(token.clone());
        token
    }

    /// An access token for a machine, with these claims beside the usual ones; `null` removes one.
    pub fn access_token(&self, changes: &Value) -> String {
        self.access_token_by(None, changes)
    }

    /// The same, signed by a key that calls itself the provider's.
    pub fn forged_access_token(&self, changes: &Value) -> String {
        self.access_token_by(Some(&SigningKey::generate("forged")), changes)
    }

    fn access_token_by(&self, forger: Option<&SigningKey>, changes: &Value) -> String {
        let state = self.state();
        let now = state.now();
        let mut claims = json!({
            "iss": state.issuer, "aud": "https://api.example.com", "sub": "machine", "azp": "another client",
            "iat": now, "exp": now + 300,
        });
        merge(&mut claims, changes);
        let key = state.keys.first().expect("a key");
        let header = json!({"alg": "ES256", "kid": key.id, "typ": "at+jwt"});
        forger.unwrap_or(key).sign(&header.to_string(), &without_nulls(claims).to_string())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state")
    }
}

/// The file with the client's secret, below the target folder's temporary one.
pub fn secret_file() -> std::path::PathBuf {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    static MADE: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
    MADE.get_or_init(|| {
        let folder =
            tempfile::Builder::new().prefix("portcullis-provider").tempdir().expect("a folder").keep();
        let path = folder.join("secret");
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).expect("a file");
        writeln!(file, "{SECRET}").expect("writing the secret");
        path
    })
    .clone()
}

fn serve(conn: &mut Conn, state: &Mutex<State>) -> io::Result<()> {
    while let Some(request) = conn.request()? {
        let mut locked = state.lock().expect("the state");
        let path = request.asked().split([' ', '?']).nth(1).unwrap_or_default().to_owned();
        *locked.asked.entry(path.clone()).or_default() += 1;
        match locked.lie {
            Some(Lie::Down) => return Ok(()),
            Some(Lie::Hangs) => {
                drop(locked);
                // Until the gateway gives up.
                conn.request()?;
                return Ok(());
            }
            _ => {}
        }
        let response = locked.respond(&path, &request);
        drop(locked);
        conn.send(&response)?;
    }
    Ok(())
}

impl State {
    fn now(&self) -> i64 {
        self.clock.now().as_millis() / 1000
    }

    fn respond(&mut self, path: &str, request: &Received) -> Vec<u8> {
        match path {
            "/.well-known/openid-configuration" => self.metadata(),
            "/keys" => self.key_set(),
            "/token" => self.tokens(request),
            "/userinfo" => self.user(request),
            _ => respond(404, "{}"),
        }
    }

    fn metadata(&self) -> Vec<u8> {
        let issuer = &self.issuer;
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "end_session_endpoint": format!("{issuer}/end"),
            "authorization_response_iss_parameter_supported": true,
            "code_challenge_methods_supported": ["S256"],
        });
        match self.lie {
            Some(Lie::MetadataOfAnother) => document["issuer"] = json!("https://id.example.com"),
            Some(Lie::MetadataWithSlash) => document["issuer"] = json!(format!("{issuer}/")),
            Some(Lie::MetadataPage) => return page(),
            Some(Lie::MetadataHuge) => return huge(),
            Some(Lie::MetadataRedirect) => return redirect(),
            Some(Lie::MetadataWithoutKeys) => document["jwks_uri"] = Value::Null,
            Some(Lie::MetadataPlainEndpoint) => document["token_endpoint"] = json!("http://192.0.2.1/token"),
            _ => {}
        }
        respond(200, &document.to_string())
    }

    fn key_set(&self) -> Vec<u8> {
        match self.lie {
            Some(Lie::KeysHuge) => huge(),
            Some(Lie::KeysPage) => page(),
            Some(Lie::KeysRedirect) => redirect(),
            Some(Lie::KeysOfHmac) => {
                respond(200, &json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}).to_string())
            }
            _ => {
                let keys: Vec<Value> = self.keys.iter().map(SigningKey::jwk).collect();
                respond(200, &json!({ "keys": keys }).to_string())
            }
        }
    }

    fn tokens(&mut self, request: &Received) -> Vec<u8> {
        match self.lie {
            Some(Lie::TokenPage) => return page(),
            Some(Lie::TokenRedirect) => return redirect(),
            Some(Lie::TokenHuge) => return huge(),
            Some(Lie::TokenServerError) => return respond(500, "{}"),
            Some(Lie::ClientRefused) => return respond(401, r#"{"error":"invalid_client"}"#),
            _ => {}
        }
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let expected = BASE64.encode(format!("portcullis:{}", encoded(SECRET)).as_bytes());
        if request.values("authorization") != [format!("Basic {expected}")] {
            return respond(401, r#"{"error":"invalid_client"}"#);
        }
        let form: HashMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
        let text = |name: &str| form.get(name).map_or("", String::as_str);
        let Some(grant) = self.codes.remove(text("code")) else {
            return respond(400, r#"{"error":"invalid_grant"}"#);
        };
        let hash = digest::digest(&digest::SHA256, text("code_verifier").as_bytes());
        let is_right = BASE64URL_NOPAD.encode(hash.as_ref()) == grant.challenge
            && text("redirect_uri") == grant.redirect_uri
            && text("grant_type") == "authorization_code";
        if !is_right {
            return respond(400, r#"{"error":"invalid_grant"}"#);
        }
        self.secrets.push(text("code_verifier").to_owned());
        let access_token = random();
        let id_token = self.id_token(&grant, &access_token);
        self.subjects.insert(access_token.clone(), grant.claims["sub"].clone());
        self.secrets.extend([access_token.clone(), id_token.clone()]);
        let mut tokens = json!({"access_token": access_token, "token_type": "Bearer", "id_token": id_token});
        match self.lie {
            Some(Lie::NoIdToken) => tokens["id_token"] = Value::Null,
            Some(Lie::IdTokenIsAccessToken) => tokens["id_token"] = tokens["access_token"].clone(),
            _ => {}
        }
        respond(200, &tokens.to_string())
    }

    fn id_token(&self, grant: &Grant, access_token: &str) -> String {
        let now = self.now();
        let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
        let mut claims = json!({
            "iss": self.issuer, "aud": "portcullis", "nonce": grant.nonce, "iat": now, "exp": now + 300,
            "auth_time": now, "at_hash": BASE64URL_NOPAD.encode(&hash.as_ref()[..16]),
        });
        merge(&mut claims, &grant.claims);
        let key = self.keys.first().expect("a key");
        let mut header = json!({"alg": "ES256", "kid": key.id, "typ": "JWT"});
        match self.lie {
            Some(Lie::WrongIssuer) => claims["iss"] = json!("https://id.example.com"),
            Some(Lie::WrongAudience) => claims["aud"] = json!("another"),
            Some(Lie::SecondAudience) => claims["aud"] = json!(["portcullis", "another"]),
            Some(Lie::WrongParty) => claims["azp"] = json!("another"),
            Some(Lie::WrongNonce) => claims["nonce"] = json!("another"),
            Some(Lie::NonceOfAnotherAttempt) => claims["nonce"] = json!(random()),
            Some(Lie::NoNonce) => claims["nonce"] = Value::Null,
            Some(Lie::Expired) => claims["exp"] = json!(now - 65),
            Some(Lie::HugeExpiry) => claims["exp"] = json!(1e300),
            Some(Lie::TextExpiry) => claims["exp"] = json!((now + 300).to_string()),
            Some(Lie::Old) => claims["iat"] = json!(now - 700),
            Some(Lie::FromFuture) => claims["iat"] = json!(now + 65),
            Some(Lie::NotYetValid) => claims["nbf"] = json!(now + 65),
            Some(Lie::NoSubject) => claims["sub"] = Value::Null,
            Some(Lie::NumberAsSubject) => claims["sub"] = json!(248_289_761_001_u64),
            Some(Lie::WrongAccessHash) => claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA"),
            Some(Lie::UnknownKeyId) => header["kid"] = json!("unknown"),
            Some(Lie::CriticalHeader) => header["crit"] = json!(["exp"]),
            Some(Lie::AccessTokenType) => header["typ"] = json!("at+jwt"),
            Some(Lie::LogoutTokenType) => header["typ"] = json!("logout+jwt"),
            Some(Lie::ForeignKey) => {
                return SigningKey::generate(&key.id).sign(&header.to_string(), &claims.to_string());
            }
            Some(Lie::AlgorithmNone) => {
                let header = json!({"alg": "none", "typ": "JWT"}).to_string();
                return format!("{}.{}.", encode(&header), encode(&claims.to_string()));
            }
            Some(Lie::HmacByPublicKey) => {
                let header = json!({"alg": "HS256", "kid": key.id}).to_string();
                let message = format!("{}.{}", encode(&header), encode(&claims.to_string()));
                let secret = hmac::Key::new(hmac::HMAC_SHA256, key.pair.public_key().as_ref());
                let tag = hmac::sign(&secret, message.as_bytes());
                return format!("{message}.{}", BASE64URL_NOPAD.encode(tag.as_ref()));
            }
            Some(Lie::DuplicateClaim) => {
                let claims = claims.to_string().replacen('{', "{\"sub\":\"1\",", 1);
                return key.sign(&header.to_string(), &claims);
            }
            _ => {}
        }
        key.sign(&header.to_string(), &without_nulls(claims).to_string())
    }

    fn user(&self, request: &Received) -> Vec<u8> {
        let token = request.value("authorization").strip_prefix("Bearer ").unwrap_or_default();
        let Some(subject) = self.subjects.get(token) else { return respond(401, "{}") };
        let mut user = json!({ "sub": subject });
        merge(&mut user, &self.userinfo);
        match self.lie {
            Some(Lie::UserinfoOtherSubject) => user["sub"] = json!("1"),
            Some(Lie::UserinfoList) => user = json!([user]),
            Some(Lie::UserinfoSigned) => {
                return respond(200, &self.keys[0].sign("{\"alg\":\"ES256\"}", &user.to_string()));
            }
            Some(Lie::UserinfoHuge) => return huge(),
            _ => {}
        }
        respond(200, &user.to_string())
    }
}

impl SigningKey {
    fn generate(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self { pair, id: id.to_owned() }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": BASE64URL_NOPAD.encode(&point[1..33]), "y": BASE64URL_NOPAD.encode(&point[33..]),
        })
    }

    fn sign(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(payload));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
        format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

fn encode(text: &str) -> String {
    BASE64URL_NOPAD.encode(text.as_bytes())
}

fn random() -> String {
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).expect("randomness");
    BASE64URL_NOPAD.encode(&bytes)
}

/// Replaces members; `null` removes one.
fn merge(into: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().expect("an object") {
        into[name] = value.clone();
    }
}

fn without_nulls(object: Value) -> Value {
    let Value::Object(object) = object else { panic!("an object") };
    Value::from(object.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
}

fn respond(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn page() -> Vec<u8> {
    respond(200, "<!doctype html><title>Sign in</title>")
}

fn redirect() -> Vec<u8> {
    b"HTTP/1.1 302 Found\r\nLocation: https://id.example.com/\r\nContent-Length: 0\r\n\r\n".to_vec()
}

/// 10 MiB of white space in an object.
fn huge() -> Vec<u8> {
    respond(200, &format!("{{{}\"keys\":[]}}", " ".repeat(10 << 20)))
}
