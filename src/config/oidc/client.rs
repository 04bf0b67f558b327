//! Keys of the gateway as a client of the provider: its id and secret, the scopes that it asks for, and the signatures and
//! the audience that it takes.

use super::{Mistake, ProviderSection};
use crate::{
    auth::oidc::{Algorithm, ClientAuth, Secret},
    config::{excerpt::excerpt, secret_file, suggest},
};

impl ProviderSection<'_, '_> {
    /// The audience of access tokens.
    pub(super) fn audience(&self) -> Option<String> {
        let field = self.field("audience")?;
        let text = self.reader.text(&field)?;
        let is_client = self
            .field("client_id")
            .and_then(|field| self.reader.text(&field))
            .is_some_and(|id| id.content == text.content);
        if is_client {
            let error = self.reader.error(&text.span, "this `audience` is the id of the client");
            self.reader.report(error.label("ID tokens have it").help(
                "register an API at the provider, and write its identifier: an ID token must not pass for an access token",
            ));
            return None;
        }
        if text.content.is_empty() || text.content.len() > 255 || text.content.contains(char::is_control) {
            let error = self.reader.error(&text.span, "`audience` is no identifier of an API");
            self.reader
                .report(error.help("write it as the provider does, such as \"https://api.example.com\""));
            return None;
        }
        Some(text.content.to_owned())
    }

    pub(super) fn client_id(&self) -> Option<String> {
        let Some(field) = self.field("client_id") else {
            let help =
                "register the gateway at the provider, which gives it an id: `client_id = \"portcullis\"`";
            self.report_missing("client_id", "this provider has no `client_id`", help);
            return None;
        };
        let text = self.reader.text(&field)?;
        let fits = (1..=256).contains(&text.content.len())
            && text.content.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !fits {
            let error = self.reader.error(&text.span, "`client_id` is no id of a client");
            self.reader.report(error.help("copy it from the provider: up to 256 ASCII characters"));
        }
        fits.then(|| text.content.to_owned())
    }

    /// `None` for a public client.
    pub(super) fn client_secret(&self) -> Result<Option<Secret>, Mistake> {
        let Some(field) = self.field("client_secret_file") else { return Ok(None) };
        let secret = secret_file::read(self.reader, &field, self.folder).ok_or(Mistake)?;
        Ok(Some(Secret::new(secret.as_str().to_owned())))
    }

    /// `None`: as the provider's metadata say.
    pub(super) fn client_auth(&self, secret: Option<&Option<Secret>>) -> Result<Option<ClientAuth>, Mistake> {
        let Some(field) = self.field("client_auth") else { return Ok(None) };
        let chosen = self.reader.choice(&field, &["basic", "post", "none"]).ok_or(Mistake)?;
        if let Some(secret) = secret
            && secret.is_some() == (chosen == "none")
        {
            let span = field.value.span();
            let error = match chosen {
                "none" => self
                    .reader
                    .error(&span, "a client with a secret authenticates with it")
                    .help("leave out `client_auth`, or `client_secret_file`"),
                _ => self
                    .reader
                    .error(&span, "there is no secret to authenticate with")
                    .help("name the file that holds it: `client_secret_file = \"secrets/provider\"`"),
            };
            self.reader.report(error);
            return Err(Mistake);
        }
        Ok(match chosen {
            "basic" => Some(ClientAuth::Basic),
            "post" => Some(ClientAuth::Post),
            _ => None,
        })
    }

    pub(super) fn scopes(&self) -> Vec<String> {
        let Some(field) = self.field("scopes") else {
            return SCOPES.map(str::to_owned).to_vec();
        };
        let mut scopes = Vec::new();
        for text in self.reader.texts(&field) {
            let fits = !text.content.is_empty()
                && text.content.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
            if fits {
                scopes.push(text.content.to_owned());
            } else {
                let message = format!("\"{}\" is no scope", excerpt(text.content));
                let help = "write each scope by itself: `scopes = [\"openid\", \"email\"]`";
                self.reader.report(self.reader.error(&text.span, message).help(help));
            }
        }
        if scopes.iter().any(|scope| scope == "offline_access") {
            let warning = self.reader.warning(&field.value.span(), "`offline_access` has no effect");
            self.reader.report(warning.help("leave it out: the gateway keeps no token of the provider"));
        }
        if !scopes.iter().any(|scope| scope == "openid") {
            let error = self.reader.error(&field.value.span(), "`scopes` lacks \"openid\"");
            self.reader.report(
                error.label("without it, this is no OpenID Connect").help("add \"openid\" to the list"),
            );
        }
        scopes
    }

    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let Some(field) = self.field("algorithms") else { return ALGORITHMS.to_vec() };
        let names = Algorithm::ALL.map(Algorithm::as_str);
        let mut algorithms = Vec::new();
        for text in self.reader.texts(&field) {
            if let Some(algorithm) = Algorithm::parse(text.content) {
                algorithms.push(algorithm);
                continue;
            }
            let message = format!("tokens cannot be signed by \"{}\" here", excerpt(text.content));
            let error = self.reader.error(&text.span, message);
            self.reader.report(error.help(format!("it is {}", suggest::listed_or(&names))));
        }
        if algorithms.is_empty() {
            let error = self.reader.error(&field.value.span(), "`algorithms` allows no signature");
            self.reader.report(error.help("leave it out for RS256, PS256, ES256 and EdDSA"));
        }
        algorithms
    }
}

const SCOPES: [&str; 3] = ["openid", "email", "profile"];
const ALGORITHMS: [Algorithm; 4] = [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa];
