//! A provider: its settings, what is known of it, and the calls that a sign-in needs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::{
    AttemptSecrets, BadMetadata, CallFailure, Callback, KeySet, LogoutNotice, Metadata, OidcFailure,
    OidcSettings, Prompt, ProviderThread, Rejection, Secret,
    access_token::{self, ExaminedToken},
    authorization,
    cached::{Cached, Waits, Wanted},
    claims::Claims,
    failure::{Outage, Step},
    http_client::{Call, HttpClient},
    id_token::{self, Expected},
    json, logout_token, metadata, numeric_date, profile, second_factor,
    token_endpoint::{TokenRequest, Tokens},
};
use crate::{
    clock::{Clock, Timestamp},
    error_chain::ErrorChain,
    identity::{CertificateHash, IdentityPair},
    users::SourceProfile,
};

/// A provider. Cheap to share; a reload keeps it while its settings are the same.
#[derive(Debug)]
pub struct Provider {
    settings: OidcSettings,
    http: HttpClient,
    thread: Arc<ProviderThread>,
    clock: Clock,
    metadata: Cached<Metadata, Outage>,
    keys: Cached<KeySet, Outage>,
    /// A refresh of the keys is under way that nobody waits for.
    is_refreshing: AtomicBool,
}

/// An access token whose signature and claims are right.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The identity that it is for.
    pub pair: IdentityPair,
    /// Its end.
    pub until: Timestamp,
    /// Whether the settings let in the user whom its claims describe.
    pub admits: bool,
    /// The client certificate that its sender has to show with it.
    pub bound_to: Option<CertificateHash>,
}

/// An access token whose form and claims fit. Anybody can have made it: its signature is not checked yet.
#[derive(Debug)]
pub struct UnverifiedAccessToken<'t> {
    token: ExaminedToken<'t>,
    keys: Arc<KeySet>,
    claimed: IdentityPair,
    provider: Arc<Provider>,
}

/// Why a text is no access token of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAccessToken {
    /// The provider's access tokens are not taken.
    NotTaken,
    /// The token is not believed.
    Rejected(Rejection),
    /// The keys of the provider are not known at the moment.
    NoKeys,
}

/// A user who has signed in at a provider, and may come in as far as its settings say.
#[derive(Debug)]
pub struct ProviderSignIn {
    /// The user.
    pub profile: SourceProfile,
    /// The provider's session, by which it may end the sign-in later.
    pub provider_session: Option<String>,
    /// When the user signed in at the provider, which may be long ago; `None` if the provider does not say it.
    pub authenticated: Option<Timestamp>,
    /// Whether the provider says that the user has shown a second factor there.
    pub second_factor: bool,
    /// The ID token, which the provider asks for when the user signs out.
    pub id_token: Secret,
}

/// The return of a browser from a provider, with all that it has to fit.
#[derive(Debug)]
pub struct Return {
    /// The parameters.
    pub callback: Callback,
    /// The secrets of the attempt.
    pub secrets: AttemptSecrets,
    /// The address that the browser was to come back to.
    pub redirect_uri: String,
    /// The time since which the user has to have signed in at the provider, if it was asked for a new sign-in.
    pub signed_in_since: Option<Timestamp>,
}

impl Provider {
    /// A provider, of which nothing is known yet: it is asked when it is needed.
    pub fn new(settings: OidcSettings, thread: Arc<ProviderThread>, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            http: HttpClient::new(&settings.authorities),
            metadata: Cached::new(clock.clone(), METADATA_WAITS),
            keys: Cached::new(clock.clone(), KEYS_WAITS),
            is_refreshing: AtomicBool::new(false),
            settings,
            thread,
            clock,
        })
    }

    /// The settings.
    pub fn settings(&self) -> &OidcSettings {
        &self.settings
    }

    /// The pair of the user whom the provider calls by this subject.
    pub fn pair_of(&self, subject: &str) -> IdentityPair {
        profile::pair_of(&self.settings, subject)
    }

    /// Whether the provider has responded at least once, and its metadata are known.
    pub fn is_known(&self) -> bool {
        self.metadata.last_good().is_some()
    }

    /// The address of the provider's sign-in page for one attempt.
    pub async fn sign_in_address(
        self: &Arc<Self>,
        secrets: &AttemptSecrets,
        redirect_uri: &str,
        prompt: Prompt,
    ) -> Result<String, OidcFailure> {
        let metadata = self.on_thread(|provider| async move { provider.metadata().await }).await?;
        Ok(authorization::address(&self.settings, &metadata, secrets, redirect_uri, prompt))
    }

    /// The user who comes back from the provider.
    pub async fn redeem(self: &Arc<Self>, back: Return) -> Result<ProviderSignIn, OidcFailure> {
        self.on_thread(|provider| async move { provider.redeem_here(back).await }).await
    }

    /// Checks a logout token.
    pub async fn check_logout(self: &Arc<Self>, token: Secret) -> Result<LogoutNotice, OidcFailure> {
        self.on_thread(|provider| async move {
            let metadata = provider.metadata().await?;
            let check = |keys: &KeySet| {
                logout_token::check(token.reveal(), keys, &provider.settings, provider.clock.now())
            };
            provider.with_keys(&metadata, check).await
        })
        .await
    }

    /// The address at which the user signs out at the provider, too; `None` if the settings or the provider don't have
    /// that, or the provider does not respond.
    pub async fn sign_out_address(self: &Arc<Self>, id_token: Option<&Secret>, back: &str) -> Option<String> {
        if !self.settings.logout {
            return None;
        }
        let metadata = self.on_thread(|provider| async move { provider.metadata().await }).await.ok()?;
        let endpoint = metadata.end_session_endpoint.as_ref()?;
        let mut parameters =
            vec![("client_id", self.settings.client_id.as_str()), ("post_logout_redirect_uri", back)];
        if let Some(id_token) = id_token {
            parameters.push(("id_token_hint", id_token.reveal()));
        }
        Some(endpoint.with_parameters(&parameters))
    }

    /// Looks at everything in an access token but its signature. Never waits: if the keys are missing or old, or the token
    /// names another one, they are fetched meanwhile, on the thread of the providers.
    pub fn examine_access_token<'t>(
        self: &Arc<Self>,
        token: &'t str,
    ) -> Result<UnverifiedAccessToken<'t>, NoAccessToken> {
        let audience = self.settings.audience.as_deref().ok_or(NoAccessToken::NotTaken)?;
        let (keys, is_due) = self.keys.at_once();
        if is_due {
            self.refresh_keys(Wanted::Current);
        }
        let keys = keys.ok_or(NoAccessToken::NoKeys)?;
        let examined = access_token::examine(token, &keys, (&self.settings, audience), self.clock.now());
        if let Err(Rejection::TokenKey) = examined {
            self.refresh_keys(Wanted::Newer);
        }
        let token = examined.map_err(NoAccessToken::Rejected)?;
        let claimed = profile::pair_in(token.claims(), &self.settings).map_err(NoAccessToken::Rejected)?;
        Ok(UnverifiedAccessToken { token, keys, claimed, provider: Arc::clone(self) })
    }

    /// Fetches the keys, if they will be needed to check access tokens, so that the first one need not wait for them.
    pub fn prepare(self: &Arc<Self>) {
        if self.settings.audience.is_some() {
            self.refresh_keys(Wanted::Current);
        }
    }

    /// Fetches the keys on the thread of the providers, once at a time. How often, [`KEYS_WAITS`] limits.
    fn refresh_keys(self: &Arc<Self>, wanted: Wanted) {
        if self.is_refreshing.swap(true, Ordering::AcqRel) {
            return;
        }
        let provider = Arc::clone(self);
        let started = self.thread.start_call(async move {
            if let Ok(metadata) = provider.metadata().await {
                // A failure was logged, and the next request tries again.
                provider.keys(&metadata, wanted).await.ok();
            }
            provider.is_refreshing.store(false, Ordering::Release);
        });
        if !started {
            self.is_refreshing.store(false, Ordering::Release);
        }
    }

    /// Runs a call on the thread of the providers.
    async fn on_thread<T, F>(self: &Arc<Self>, call: impl FnOnce(Arc<Self>) -> F) -> Result<T, OidcFailure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, OidcFailure>> + Send + 'static,
    {
        let Ok(result) = self.thread.run(call(Arc::clone(self))).await else {
            tracing::warn!(provider = %self.settings.name, "provider not asked: too many calls are under way");
            return Err(Outage::busy().into());
        };
        result
    }

    async fn redeem_here(&self, back: Return) -> Result<ProviderSignIn, OidcFailure> {
        let metadata = self.metadata().await?;
        let code = back.callback.into_code(&self.settings, metadata.callback_has_issuer)?;
        let tokens = self.exchange(&metadata, (&code, &back.secrets.verifier), &back.redirect_uri).await?;
        let access_token = tokens.access_token.as_ref().map(Secret::reveal);
        let check = |keys: &KeySet| {
            let expected = Expected {
                settings: &self.settings,
                keys,
                nonce: back.secrets.nonce.reveal(),
                access_token,
                signed_in_since: back.signed_in_since,
                now: self.clock.now(),
            };
            id_token::check(tokens.id_token.reveal(), &expected)
        };
        let claims = self.with_keys(&metadata, check).await?;
        let provider_session = json::text(&claims, "sid").filter(|sid| !sid.is_empty() && sid.len() <= 255);
        let provider_session = provider_session.map(str::to_owned);
        let authenticated = claims.get("auth_time").and_then(|time| numeric_date::read(time).ok());
        let second_factor = second_factor::was_shown(&claims);
        let claims = self.with_userinfo(&metadata, Claims::of(claims), access_token).await?;
        let profile = profile::make(&claims, &self.settings)?;
        Ok(ProviderSignIn {
            profile,
            provider_session,
            authenticated,
            second_factor,
            id_token: tokens.id_token,
        })
    }

    /// Turns a code into tokens.
    async fn exchange(
        &self,
        metadata: &Metadata,
        code: (&Secret, &Secret),
        redirect_uri: &str,
    ) -> Result<Tokens, OidcFailure> {
        let client_auth = self.settings.client_auth.unwrap_or(metadata.client_auth);
        let request = TokenRequest::new(&self.settings, client_auth, code, redirect_uri);
        let authorization = request.authorization.and_then(|text| sensitive(&text));
        let call = Call {
            endpoint: &metadata.token_endpoint,
            authorization,
            form: Some(Bytes::copy_from_slice(request.body.as_bytes())),
        };
        let reply = self.http.call(call).await.map_err(|failure| self.log(Step::Tokens, &failure))?;
        match reply.status {
            StatusCode::OK => Ok(Tokens::parse(&reply.body)?),
            status if status.is_client_error() => {
                let refusal = Tokens::refusal(&reply.body);
                let error = error_code(&reply.body);
                tracing::warn!(provider = %self.settings.name, status = status.as_u16(), error, "token endpoint refused the code");
                Err(refusal.into())
            }
            status => Err(self.log(Step::Tokens, &CallFailure::Status(status)).into()),
        }
    }

    /// Asks the userinfo endpoint, if there is one and the settings say so.
    async fn with_userinfo(
        &self,
        metadata: &Metadata,
        claims: Claims,
        access_token: Option<&str>,
    ) -> Result<Claims, OidcFailure> {
        let endpoint = metadata.userinfo_endpoint.as_ref().filter(|_| self.settings.userinfo);
        let (Some(endpoint), Some(access_token)) = (endpoint, access_token) else { return Ok(claims) };
        let authorization = sensitive(&format!("Bearer {access_token}"));
        let got = self.http.get(endpoint, authorization).await;
        let bytes = got.map_err(|failure| self.log(Step::Userinfo, &failure))?;
        Ok(claims.with_userinfo(&bytes)?)
    }

    /// Checks something with the keys; once more with newer ones if none fits.
    async fn with_keys<T>(
        &self,
        metadata: &Metadata,
        check: impl Fn(&KeySet) -> Result<T, Rejection>,
    ) -> Result<T, OidcFailure> {
        let keys = self.keys(metadata, Wanted::Current).await?;
        match check(&keys) {
            Err(Rejection::TokenKey) => {
                let newer = self.keys(metadata, Wanted::Newer).await?;
                Ok(check(&newer)?)
            }
            checked => Ok(checked?),
        }
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, OidcFailure> {
        let fetch = || async {
            let read = self.fetch_metadata().await;
            read.map_err(|failure| match failure {
                MetadataFailure::Call(failure) => self.log(Step::Metadata, &failure),
                MetadataFailure::Bad(bad) => {
                    tracing::error!(provider = %self.settings.name, error = %bad, "metadata of a provider refused");
                    Outage::of_metadata(&bad)
                }
            })
        };
        Ok(self.metadata.get(Wanted::Current, fetch).await?)
    }

    pub(super) async fn fetch_metadata(&self) -> Result<Metadata, MetadataFailure> {
        let place = self.settings.issuer.discovery().below(metadata::WELL_KNOWN);
        let place = place.map_err(|problem| BadMetadata::Endpoint { name: "issuer", problem })?;
        let bytes = self.http.get(&place, None).await?;
        Ok(Metadata::parse(&bytes, &self.settings)?)
    }

    async fn keys(&self, metadata: &Metadata, wanted: Wanted) -> Result<Arc<KeySet>, OidcFailure> {
        let fetch = || async {
            match self.fetch_keys(metadata).await {
                Ok(Some(keys)) => Ok(keys),
                Ok(None) => {
                    tracing::error!(provider = %self.settings.name, "keys of a provider can't be read");
                    Err(Outage::of_keys())
                }
                Err(failure) => Err(self.log(Step::Keys, &failure)),
            }
        };
        Ok(self.keys.get(wanted, fetch).await?)
    }

    /// The keys; `None` if they can't be read, or none of them checks signatures.
    pub(super) async fn fetch_keys(&self, metadata: &Metadata) -> Result<Option<KeySet>, CallFailure> {
        let bytes = self.http.get(&metadata.jwks_uri, None).await?;
        Ok(KeySet::parse(&bytes).ok().filter(|keys| !keys.is_empty()))
    }

    fn log(&self, step: Step, failure: &CallFailure) -> Outage {
        let outage = Outage::of_call(step, failure);
        let (provider, error) = (&self.settings.name, ErrorChain(failure));
        tracing::warn!(%provider, step = %outage, %error, "provider not reached");
        outage
    }
}

impl UnverifiedAccessToken<'_> {
    /// The identity that the token claims to be for.
    pub fn claimed(&self) -> &IdentityPair {
        &self.claimed
    }

    /// The client certificate that its sender has to show with it, as the token claims.
    pub fn bound_to(&self) -> Option<CertificateHash> {
        self.token.bound_to()
    }

    /// Checks the signature.
    pub fn verify(self) -> Result<AccessToken, Rejection> {
        let Self { token, keys, claimed, provider } = self;
        let bound_to = token.bound_to();
        let (claims, until) = token.verify(&keys)?;
        let admits = profile::admits(&Claims::of(claims), &provider.settings);
        Ok(AccessToken { pair: claimed, until, admits, bound_to })
    }
}

/// Why the metadata could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum MetadataFailure {
    #[error(transparent)]
    Call(#[from] CallFailure),
    #[error(transparent)]
    Bad(#[from] BadMetadata),
}

/// `error` of a response, if it has the form of a code (RFC 6749 §5.2), for the log.
fn error_code(body: &[u8]) -> String {
    let is_code =
        |code: &&str| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let response = json::object(body).unwrap_or_default();
    response.get("error").and_then(Value::as_str).filter(is_code).unwrap_or("none").to_owned()
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

const METADATA_WAITS: Waits = Waits {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(30),
    after_success: Duration::from_secs(1),
};
/// A token that names an unknown key is easily made: it must not make the gateway ask more often than this.
const KEYS_WAITS: Waits = Waits {
    first: Duration::from_mins(1),
    longest: Duration::from_mins(1),
    after_success: Duration::from_mins(1),
};
