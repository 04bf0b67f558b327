//! Rules that ask for factors and for recent proofs, through the front door: what was shown × how long ago × the rule, for
//! sessions of every origin and for programs.

use std::time::Duration;

use data_encoding::BASE64;
use portcullis::{
    identity::UserName,
    users::{ApiToken, FactorName, NewToken, RecoveryCodes, ShownTo, TokenLimits, TotpCode, TotpSecret},
};
use serde_json::json;

use crate::support::{
    authenticator::{UP, UV},
    gateway::{TestGateway, password},
    laptop::Laptop,
    oidc_provider::OidcProvider,
    process::until,
    visitor::{Response, Visitor},
};

/// The rules of the columns.
const RULES: [(&str, &str); 7] = [
    ("/any/x", ""),
    ("/recent/x", "max_age = \"10m\""),
    ("/two/x", "factors = 2"),
    ("/two-recent/x", "factors = 2\nmax_age = \"10m\""),
    ("/totp/x", "factors = [\"totp\"]"),
    ("/totp-recent/x", "factors = [\"totp\"]\nmax_age = \"10m\""),
    ("/passkey/x", "factors = [\"passkey\"]"),
];

const SECTIONS: &str = "[session]\nlifetime = \"12h\"\nidle_timeout = \"6h\"\nremember_lifetime = \"30d\"\n\
                        [accounts.passkeys]\nrp_id = \"localhost\"\nfirst_factor = true\n\
                        [[backend]]\ntype = \"local\"\n";

struct Scene {
    gateway: TestGateway,
    provider: OidcProvider,
}

impl Scene {
    /// A gateway with a provider, of which `trusted` believes a second factor.
    fn start() -> Self {
        let provider = OidcProvider::start();
        let rules = RULES.map(|(path, keys)| {
            let path = path.replace("/x", "/**");
            format!("[[app.rule]]\npath = \"{path}\"\nallow = \"authenticated\"\n{keys}\n")
        });
        let apps = format!(
            "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"\nprograms = {{ tokens = true, basic = true }}\n{}",
            rules.concat()
        );
        let sections = format!(
            "{SECTIONS}{}{}",
            provider.section("corp", ""),
            provider.section("trusted", "trusts_second_factor = true")
        );
        let gateway = TestGateway::start_with(&sections, &apps);
        provider.use_clock(&gateway.clock);
        for user in ["plain", "app", "recovery", "passkey", "basic", "token"] {
            gateway.add_user(user, &[]);
        }
        Self { gateway, provider }
    }

    /// Adds an authenticator app to an account; its first code is a minute old when this returns.
    fn add_app(&self, user: &str) -> (TotpSecret, RecoveryCodes) {
        let mut store = self.gateway.users();
        let account = store.find_by_name(&UserName::parse(user).unwrap()).unwrap().unwrap();
        let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: "test" };
        let shown = store.start_totp(shown_to).unwrap();
        let code = TotpCode::parse(&shown.secret.code_at(self.gateway.clock.now()).unwrap());
        let phone = FactorName::parse("Phone").unwrap();
        let enrolled = store.enrol_totp(shown_to, &shown.sealed, &phone, code.as_ref()).unwrap().unwrap();
        self.wait(1);
        let directory = &self.gateway.shared.directory;
        until("the gateway knows of the factor", || {
            directory.cached(account.user.id).is_none_or(|account| !account.factors.is_empty())
        });
        (shown.secret, enrolled.codes.unwrap())
    }

    fn wait(&self, minutes: u64) {
        self.gateway.clock.advance(Duration::from_mins(minutes));
    }

    fn code(&self, secret: &TotpSecret) -> String {
        secret.code_at(self.gateway.clock.now()).unwrap().to_string()
    }

    /// A browser after a sign-in with a password, and with this field of the second step if there is one.
    fn signed_in(&self, user: &str, second: Option<(&str, &str)>, remember: bool) -> Visitor {
        let mut visitor = Visitor::of(&self.gateway);
        let csrf = visitor.get("/.gateway/login?next=/any/x").field("csrf");
        let right = password(user);
        let mut fields =
            vec![("csrf", csrf.as_str()), ("next", "/any/x"), ("username", user), ("password", &right)];
        if remember {
            fields.push(("remember", "yes"));
        }
        let mut response = visitor.submit("/.gateway/login", &fields);
        if let Some(field) = second {
            assert_eq!(response.location(), SECOND_STEP, "{}", response.text());
            let csrf = visitor.get(SECOND_STEP).field("csrf");
            response = visitor.submit(SECOND_STEP, &[("csrf", &csrf), field]);
        }
        assert_eq!(response.location(), "/any/x", "{}", response.text());
        visitor
    }

    /// A browser after a sign-in with a passkey alone.
    fn with_passkey(&self, laptop: &mut Laptop, more: &[(&str, &str)]) -> Visitor {
        let mut visitor = Visitor::of(&self.gateway);
        let more = [&[("next", "/any/x")][..], more].concat();
        let pages = ("/.gateway/login?next=/any/x", "/.gateway/login/passkey");
        let response = laptop.use_at(&mut visitor, pages, UP | UV, &more);
        assert_eq!(response.location(), "/any/x", "{}", response.text());
        visitor
    }

    /// A browser after a sign-in with a password, and with a passkey as the second step.
    fn with_password_and_passkey(&self, user: &str, laptop: &mut Laptop, flags: u8) -> Visitor {
        let mut visitor = Visitor::of(&self.gateway);
        let first = visitor.sign_in_to("/any/x", user, &password(user));
        assert_eq!(first.location(), SECOND_STEP, "{}", first.text());
        let action = "/.gateway/login/second-step/passkey";
        let response = laptop.use_at(&mut visitor, (SECOND_STEP, action), flags, &[]);
        assert_eq!(response.location(), "/any/x", "{}", response.text());
        visitor
    }

    /// A browser after a sign-in through a provider.
    fn through(&self, provider: &str, claims: &serde_json::Value) -> Visitor {
        let mut visitor = Visitor::of(&self.gateway);
        let start = visitor.get(&format!("/.gateway/oidc/{provider}/start?next=%2Fany%2Fx"));
        let back = visitor.get(&self.provider.authorize_as(start.location(), claims));
        assert_eq!(back.location(), "/any/x", "{}", back.text());
        visitor
    }

    fn token(&self, limits: TokenLimits) -> ApiToken {
        let expires = self.gateway.clock.now() + Duration::from_hours(240);
        let new = NewToken { name: "test".to_owned(), expires, limits };
        let (account, token) =
            self.gateway.users().add_token(&UserName::parse("token").unwrap(), &new).unwrap();
        let made = account.tokens.last().unwrap().id;
        until("the gateway notices the token", || {
            let cached = self.gateway.shared.directory.cached(account.user.id);
            cached.is_none_or(|account| account.tokens.iter().any(|token| token.id == made))
        });
        token
    }
}

/// Shows a further proof at the page that asks for one.
fn confirm(visitor: &mut Visitor, need: &str, field: (&str, &str)) {
    let address = format!("/.gateway/confirm?next=/any/x&need={need}");
    let csrf = visitor.get(&address).field("csrf");
    let confirmed = visitor.submit(&address, &[("csrf", &csrf), ("next", "/any/x"), field]);
    assert_eq!(confirmed.location(), "/any/x", "{}", confirmed.text());
}

/// The same with a passkey.
fn confirm_with_passkey(visitor: &mut Visitor, laptop: &mut Laptop, need: &str, flags: u8) {
    let address = format!("/.gateway/confirm?next=/any/x&need={need}");
    let pages = (address.as_str(), "/.gateway/confirm/passkey");
    let confirmed = laptop.use_at(visitor, pages, flags, &[("next", "/any/x")]);
    assert_eq!(confirmed.location(), "/any/x", "{}", confirmed.text());
}

/// A letter for each rule: it passes, asks for a further step, or is refused.
fn row(mut get: impl FnMut(&str) -> Response) -> String {
    let letter = |(path, _): (&str, &str)| {
        let response = get(path);
        match response.status.as_u16() {
            200 => 'P',
            303 if response.location().starts_with("/.gateway/confirm") => 'S',
            403 => 'F',
            status => panic!("{path}: {status} {} {}", response.location(), response.text()),
        }
    };
    RULES.map(letter).iter().collect()
}

fn of_browser(visitor: &mut Visitor) -> String {
    row(|path| visitor.get(path))
}

#[test]
fn sessions_pass_the_rules_whose_factors_and_ages_they_have() {
    let scene = Scene::start();
    let mut seen: Vec<(&str, String, &str)> = Vec::new();
    // any, recent, two, two of ten minutes, code, code of ten minutes, passkey

    let mut plain = scene.signed_in("plain", None, false);
    seen.push(("a password", of_browser(&mut plain), "PPSSSSS"));
    let mut remembered = scene.signed_in("plain", None, true);
    seen.push(("a password, remembered", of_browser(&mut remembered), "PPSSSSS"));
    scene.wait(11);
    seen.push(("a password of eleven minutes", of_browser(&mut plain), "PSSSSSS"));
    confirm(&mut plain, "password", ("password", &password("plain")));
    seen.push(("a password, confirmed", of_browser(&mut plain), "PPSSSSS"));

    let (secret, _) = scene.add_app("app");
    let mut app = scene.signed_in("app", Some(("code", &scene.code(&secret))), false);
    seen.push(("a password and a code", of_browser(&mut app), "PPPPPPS"));
    scene.wait(11);
    seen.push(("both of eleven minutes", of_browser(&mut app), "PSPSPSS"));
    confirm(&mut app, "password", ("password", &password("app")));
    seen.push(("the password confirmed", of_browser(&mut app), "PPPSPSS"));
    scene.wait(11);
    confirm(&mut app, "totp", ("code", &scene.code(&secret)));
    seen.push(("the code confirmed", of_browser(&mut app), "PPPSPPS"));
    confirm(&mut app, "password", ("password", &password("app")));
    seen.push(("both confirmed", of_browser(&mut app), "PPPPPPS"));
    scene.wait(1);
    let mut kept = scene.signed_in("app", Some(("code", &scene.code(&secret))), true);
    seen.push(("both, remembered", of_browser(&mut kept), "PPPPPPS"));

    let (_, codes) = scene.add_app("recovery");
    let code = codes.iter().next().unwrap().to_groups().to_string();
    let mut recovered = scene.signed_in("recovery", Some(("recovery", &code)), false);
    seen.push(("a password and a recovery code", of_browser(&mut recovered), "PPPPSSS"));

    let mut laptop = Laptop::enrol(&mut scene.signed_in("passkey", None, false));
    let mut alone = scene.with_passkey(&mut laptop, &[]);
    seen.push(("a passkey alone", of_browser(&mut alone), "PPPPSSP"));
    let mut alone_kept = scene.with_passkey(&mut laptop, &[("remember", "yes")]);
    seen.push(("a passkey alone, remembered", of_browser(&mut alone_kept), "PPPPSSP"));
    let mut verified = scene.with_password_and_passkey("passkey", &mut laptop, UP | UV);
    seen.push(("a password and a passkey", of_browser(&mut verified), "PPPPSSP"));
    let mut touched = scene.with_password_and_passkey("passkey", &mut laptop, UP);
    seen.push(("a password and a passkey that was only touched", of_browser(&mut touched), "PPPPSSS"));
    scene.wait(11);
    seen.push(("a passkey of eleven minutes", of_browser(&mut alone), "PSPSSSP"));
    seen.push(("a password and a touched passkey of eleven", of_browser(&mut touched), "PSPSSSS"));
    confirm(&mut alone, "password", ("password", &password("passkey")));
    seen.push(("a passkey, the password confirmed", of_browser(&mut alone), "PPPSSSP"));
    confirm_with_passkey(&mut alone, &mut laptop, "passkey", UP | UV);
    seen.push(("a passkey, confirmed by it", of_browser(&mut alone), "PPPPSSP"));
    confirm_with_passkey(&mut touched, &mut laptop, "security-key", UP);
    seen.push(("a touched passkey, touched again", of_browser(&mut touched), "PPPSSSS"));
    confirm_with_passkey(&mut touched, &mut laptop, "passkey", UP | UV);
    seen.push(("a touched passkey, confirmed by the verified person", of_browser(&mut touched), "PPPPSSP"));

    let mut corp = scene.through("corp", &json!({"amr": ["pwd", "mfa"]}));
    seen.push(("a provider that is not trusted in it", of_browser(&mut corp), "PPSSSSS"));
    let other =
        json!({"sub": "7", "preferred_username": "seven", "email": "seven@example.com", "amr": ["mfa"]});
    let mut trusted = scene.through("trusted", &other);
    seen.push(("a provider's second factor", of_browser(&mut trusted), "PPPPSSS"));
    let none =
        json!({"sub": "8", "preferred_username": "eight", "email": "eight@example.com", "amr": ["pwd"]});
    let mut without = scene.through("trusted", &none);
    seen.push(("a trusted provider without one", of_browser(&mut without), "PPSSSSS"));
    scene.wait(11);
    seen.push(("a provider of eleven minutes", of_browser(&mut corp), "PSSSSSS"));
    seen.push(("a provider's second factor of eleven minutes", of_browser(&mut trusted), "PSPSSSS"));

    // A day later the sessions of "keep me signed in" are left.
    scene.gateway.clock.advance(Duration::from_hours(24));
    seen.push(("a password of a day, remembered", of_browser(&mut remembered), "PSSSSSS"));
    seen.push(("both of a day, remembered", of_browser(&mut kept), "PSPSPSS"));
    seen.push(("a passkey of a day, remembered", of_browser(&mut alone_kept), "PSPSSSP"));
    assert_eq!(alone.get("/any/x").location(), "/.gateway/login?next=/any/x");
    assert_eq!(plain.get("/any/x").location(), "/.gateway/login?next=/any/x");

    let wrong: Vec<_> = seen.iter().filter(|(_, row, expected)| row != expected).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn programs_pass_no_rule_that_asks_for_a_person() {
    let scene = Scene::start();
    let asks = |credential: &str| {
        row(|path| {
            let request = http::Request::get(path).header("authorization", credential).body(String::new());
            Visitor::of(&scene.gateway).send(request.unwrap())
        })
    };
    let password = format!("Basic {}", BASE64.encode(format!("basic:{}", password("basic")).as_bytes()));
    let [one, two] = [false, true].map(|multi_factor| {
        let token = scene.token(TokenLimits { multi_factor, ..TokenLimits::default() });
        format!("Bearer {}", token.expose())
    });
    for (what, credential, expected) in [
        ("a password", &password, "PFFFFFF"),
        ("a token", &one, "PFFFFFF"),
        ("a token that was made with two factors", &two, "PFPFFFF"),
    ] {
        assert_eq!(asks(credential), expected, "{what}");
    }
}

const SECOND_STEP: &str = "/.gateway/login/second-step";
