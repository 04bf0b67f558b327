//! The page of API tokens: what the user's programs use, made and ended here.
//!
//! A new token is shown in the response to the form and never again. Making one needs a proof that is not older than ten
//! minutes, by a second factor if the account has one: Mallory, at Alice's unlocked screen, must not take a way in along.
//! No token opens this page.

use std::time::Duration;

use http::StatusCode;

use super::{
    Notice, PageRequest, PageResponse, Portal, SignedIn, csrf::Genuine, flash::FlashMessage, form::Form,
    problem::FORM_EXPIRED, signed_in::RECENT,
};
use crate::{
    auth::programs::NotChanged,
    clock::Timestamp,
    identity::{Scope, ScopePath},
    language::Text,
    pages::{self, DisplayTime, ListedToken, Page, paths},
    refusal::Refusal,
    users::{ApiToken, InvalidToken, NewToken, StoredToken, TokenLimits, TokenRules},
};

impl Portal {
    /// The list of tokens, and the form for a new one.
    pub(super) fn show_tokens(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        let flash = FlashMessage::waiting(request);
        let messages =
            PageMessages { flash: flash.map(|flash| request.say(&flash.text())), ..PageMessages::default() };
        let mut response = self.tokens_page(request, &signed_in, StatusCode::OK, &messages);
        if flash.is_some() {
            FlashMessage::clear(request, response.headers_mut());
        }
        Ok(response)
    }

    /// Makes a token, or ends the one that the field `revoke` names.
    pub(super) async fn change_tokens(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        let Ok(genuine) = Genuine::check(request, Some(&signed_in.token), form) else {
            let messages = PageMessages::problem(request, &FORM_EXPIRED);
            return Ok(self.tokens_page(request, &signed_in, StatusCode::FORBIDDEN, &messages));
        };
        let form = genuine.into_form();
        if !form.text("revoke").is_empty() {
            return self.end_token(request, &signed_in, form.text("revoke")).await;
        }
        let now = self.clock.now();
        if let Err(response) = signed_in.recently_proved_for(request, now, paths::TOKENS) {
            return Ok(*response);
        }
        let may_be_multi_factor = shows_two_factors(&signed_in, now);
        let made = match new_token(&form, request.settings.tokens, now, may_be_multi_factor) {
            Ok(new) => {
                let name = new.name.clone();
                let made = self.sign_in.make_token(signed_in.account, new, request.request_id).await;
                made.map(|token| (name, token))
            }
            Err(problem) => {
                let messages = PageMessages::problem(request, &problem);
                return Ok(self.tokens_page(
                    request,
                    &signed_in,
                    StatusCode::UNPROCESSABLE_ENTITY,
                    &messages,
                ));
            }
        };
        match made {
            Ok((name, token)) => {
                self.notify(request, signed_in.account, &Notice::TokenMade { name }).await;
                let messages = PageMessages { made: Some(token), ..PageMessages::default() };
                Ok(self.tokens_page(request, &signed_in, StatusCode::OK, &messages))
            }
            Err(not_made) => {
                let messages = PageMessages::problem(request, &problem_of(not_made)?);
                Ok(self.tokens_page(request, &signed_in, StatusCode::UNPROCESSABLE_ENTITY, &messages))
            }
        }
    }

    async fn end_token(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
        number: &str,
    ) -> Result<PageResponse, Refusal> {
        // Only the user's own tokens are looked through.
        let mut own = signed_in.account.tokens.iter();
        let token = own.find(|token| token.id.to_string() == number);
        if let Some(StoredToken { id, name, .. }) = token {
            let ended = self.sign_in.end_token(signed_in.account, *id, request.request_id).await;
            if let Err(not_ended) = ended {
                let messages = PageMessages::problem(request, &problem_of(not_ended)?);
                return Ok(self.tokens_page(request, signed_in, StatusCode::UNPROCESSABLE_ENTITY, &messages));
            }
            self.notify(request, signed_in.account, &Notice::TokenRemoved { name: name.clone() }).await;
        }
        let mut response = pages::redirect(paths::TOKENS);
        FlashMessage::TokenEnded.leave(&request.settings.cookies, response.headers_mut());
        Ok(response)
    }

    fn tokens_page(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
        status: StatusCode,
        messages: &PageMessages,
    ) -> PageResponse {
        let (account, now, rules) = (signed_in.account, self.clock.now(), request.settings.tokens);
        let page = Page::Tokens(pages::Tokens {
            host: request.host,
            csrf: &signed_in.token.form_token(),
            made: messages.made.as_ref().map(ApiToken::expose),
            tokens: account.tokens.iter().map(|token| listed(token, now)).collect(),
            days: days(rules.lifetime),
            max_days: days(rules.max_lifetime),
            offers_multi_factor: shows_two_factors(signed_in, now),
            problem: messages.problem.as_deref(),
            flash: messages.flash.as_deref(),
        });
        request.render(status, &page)
    }
}

/// Messages of the page beside the list and the form.
#[derive(Default)]
struct PageMessages {
    /// A token that was just made.
    made: Option<ApiToken>,
    problem: Option<String>,
    flash: Option<String>,
}

impl PageMessages {
    fn problem(request: &PageRequest<'_>, text: &Text) -> Self {
        Self { problem: Some(request.say(text)), ..Self::default() }
    }
}

/// The token that the form asks for, or the reason why there can be no such token.
fn new_token(
    form: &Form,
    rules: TokenRules,
    now: Timestamp,
    may_be_multi_factor: bool,
) -> Result<NewToken, Text> {
    let days = form.text("days").trim();
    let lifetime = match days.parse::<u64>() {
        _ if days.is_empty() => rules.lifetime,
        Ok(days @ 1..) => days.checked_mul(24 * 60 * 60).map(Duration::from_secs).ok_or(LIFETIME)?,
        _ => return Err(LIFETIME),
    };
    if lifetime > rules.max_lifetime {
        return Err(LIFETIME);
    }
    let words = |name: &str| -> Vec<String> {
        let words = form.text(name).split([',', ' ', '\r', '\n', '\t']);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let paths: Result<_, _> = words("paths").iter().map(|path| ScopePath::parse(path)).collect();
    let networks: Result<_, _> = words("networks").iter().map(|text| network(text).ok_or(NETWORK)).collect();
    let limits = TokenLimits {
        scope: Scope {
            apps: words("apps").into_iter().map(Into::into).collect(),
            paths: paths.map_err(|_| SCOPE)?,
            methods: words("methods").into_iter().map(|method| method.to_uppercase().into()).collect(),
        },
        networks: networks?,
        multi_factor: may_be_multi_factor && form.text("multi_factor") == "yes",
    };
    let new = NewToken { name: form.text("name").trim().to_owned(), expires: now + lifetime, limits };
    new.check().map_err(|invalid| invalid_text(&invalid))?;
    Ok(new)
}

/// A network, or a single address.
fn network(text: &str) -> Option<ipnet::IpNet> {
    let address = || text.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from);
    text.parse().ok().or_else(address)
}

/// Whether the user has shown two factors in the last ten minutes.
fn shows_two_factors(signed_in: &SignedIn<'_>, now: Timestamp) -> bool {
    signed_in.session.proofs.factors(now, Some(RECENT)) >= 2
}

fn listed(token: &StoredToken, now: Timestamp) -> ListedToken {
    let scope = &token.limits.scope;
    ListedToken {
        id: token.id.to_string(),
        name: token.name.clone(),
        scope: if scope.is_unlimited() { String::new() } else { scope.to_string() },
        networks: token.limits.networks.iter().map(ToString::to_string).collect(),
        created: DisplayTime::from(token.created),
        expires: DisplayTime::from(token.expires),
        has_ended: now >= token.expires,
        last_used: token.last_used.at().map(|at| DisplayTime::from(at).ago(now.since(at))),
        multi_factor: token.limits.multi_factor,
    }
}

fn problem_of(not_changed: NotChanged) -> Result<Text, Refusal> {
    match not_changed {
        NotChanged::Invalid(invalid) => Ok(invalid_text(&invalid)),
        NotChanged::TooMany => Ok(TOO_MANY),
        NotChanged::CredentialChanged => Err(Refusal::SignIn),
        NotChanged::Unavailable => Err(Refusal::Unavailable),
    }
}

fn invalid_text(invalid: &InvalidToken) -> Text {
    match invalid {
        InvalidToken::Name => NAME,
        InvalidToken::Scope(_) => SCOPE,
        InvalidToken::Networks => NETWORK,
    }
}

fn days(lifetime: Duration) -> u64 {
    (lifetime.as_secs() / (24 * 60 * 60)).max(1)
}

const LIFETIME: Text = Text::of("tokens-wrong-lifetime");
const NAME: Text = Text::of("tokens-wrong-name");
const SCOPE: Text = Text::of("tokens-wrong-scope");
const NETWORK: Text = Text::of("tokens-wrong-network");
const TOO_MANY: Text = Text::of("tokens-too-many");

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &str) -> Result<NewToken, Text> {
        let form = Form::parse(fields.as_bytes()).unwrap();
        new_token(&form, TokenRules::default(), Timestamp::from_millis(0), false)
    }

    #[test]
    fn a_form_makes_a_token_with_a_lifetime() {
        let token = read("name=backup&days=&apps=wiki,+shop&paths=/api/**&methods=get+POST").unwrap();
        assert_eq!(token.expires, Timestamp::from_millis(0) + TokenRules::default().lifetime);
        assert_eq!(token.limits.scope.to_string(), "GET,POST /api/** of wiki, shop");
        let token = read("name=x&days=1&networks=10.0.0.0/8+192.0.2.7").unwrap();
        assert_eq!(token.expires, Timestamp::from_millis(24 * 60 * 60 * 1000));
        assert_eq!(token.limits.networks.len(), 2);
    }

    #[test]
    fn a_form_with_a_mistake_makes_no_token() {
        for (fields, problem) in [
            ("name=&days=1", NAME),
            ("name=x&days=0", LIFETIME),
            ("name=x&days=366", LIFETIME),
            ("name=x&days=-1", LIFETIME),
            ("name=x&days=99999999999999999999", LIFETIME),
            ("name=x&days=18446744073709551615", LIFETIME),
            ("name=x&paths=api", SCOPE),
            ("name=x&paths=/a/../b", SCOPE),
            ("name=x&methods=G%45T!", SCOPE),
            ("name=x&networks=10.0.0.0/33", NETWORK),
        ] {
            assert_eq!(read(fields).unwrap_err(), problem, "{fields}");
        }
    }

    #[test]
    fn only_two_fresh_factors_make_a_token_that_counts_as_two() {
        let form = Form::parse(b"name=x&multi_factor=yes").unwrap();
        let made = |may: bool| {
            let new = new_token(&form, TokenRules::default(), Timestamp::from_millis(0), may).unwrap();
            new.limits.multi_factor
        };
        assert!(made(true));
        assert!(!made(false));
    }
}
