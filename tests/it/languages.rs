//! The gateway's pages in the language of their reader, and catalogues of an operator.

use crate::support::{cookies::NOTICE, in_process::InProcess};

const APP: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"\n";
const BROWSER: (&str, &str) = ("accept", "text/html");

/// The languages that are part of the program, each with the heading of its sign-in page.
const LANGUAGES: [(&str, &str); 8] = [
    ("en", "Sign in"),
    ("de", "Anmelden"),
    ("es", "Iniciar sesión"),
    ("fr", "Se connecter"),
    ("it", "Accedi"),
    ("nl", "Inloggen"),
    ("pl", "Zaloguj się"),
    ("pt", "Iniciar sessão"),
];

fn heading(html: &str) -> &str {
    let (_, rest) = html.split_once("<h1>").expect("a heading");
    rest.split("</h1>").next().unwrap_or_default()
}

#[test]
fn sign_in_page_and_refusal_are_in_the_language_of_the_browser() {
    let mut gateway = InProcess::start(APP);
    for (tag, expected) in LANGUAGES {
        let wanted = ("accept-language", &*format!("tlh, {tag}-XX;q=0.8, *;q=0.1"));
        let page = gateway.get("/.gateway/login", &[BROWSER, wanted]);
        assert_eq!(heading(&page.body), expected);
        assert!(page.body.contains(&format!("<html lang=\"{tag}\" dir=\"ltr\">")), "{}", page.body);
        assert_eq!(page.header("content-language"), tag);
        let varies: Vec<_> = page.headers.get_all("vary").iter().collect();
        assert!(varies.iter().any(|value| value.to_str().unwrap().contains("Accept-Language")), "{varies:?}");

        let refused = gateway.get("/.gateway/no-such-page", &[BROWSER, wanted]);
        assert_eq!(refused.status, 404);
        assert_eq!(refused.header("content-language"), tag);
        assert_eq!(refused.body.contains("Page not found"), tag == "en", "{tag}");
    }
}

#[test]
fn problem_document_for_a_program_is_english_in_every_language() {
    let mut gateway = InProcess::start_with("[portal]\nlanguage = \"de\"\n", APP);
    let response = gateway.get("/.gateway/no-such-page", &[("accept-language", "de")]);
    let problem: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(problem["title"], "Page not found");
    assert_eq!(problem["detail"], "There is nothing at this address. Check it for typing errors.");
    assert_eq!(response.header("content-language"), "");
}

#[test]
fn flash_message_and_problem_of_a_form_are_in_the_language_of_the_browser() {
    let mut gateway = InProcess::start(APP);
    let german = ("accept-language", "de");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let method = http::Method::POST;
    let page = gateway.send(&method, "/.gateway/login", &[BROWSER, german, form], "username=a&password=b");
    assert_eq!(page.status, 403);
    assert!(page.body.contains("Dieses Formular ist abgelaufen."), "{}", page.body);
    assert!(page.body.contains("<title>Fehler: Anmelden"), "{}", page.body);
    let flash = ("cookie", &*format!("{NOTICE}=signed-out"));
    let page = gateway.get("/.gateway/login", &[BROWSER, german, flash]);
    assert!(page.body.contains("Sie haben sich abgemeldet."), "{}", page.body);
}

#[test]
fn configured_language_is_the_language_of_all_pages() {
    let mut gateway = InProcess::start_with("[portal]\nlanguage = \"pl\"\n", APP);
    let page = gateway.get("/.gateway/login", &[BROWSER, ("accept-language", "de")]);
    assert_eq!(heading(&page.body), "Zaloguj się");
    gateway.reload("[portal]\nlanguage = \"auto\"\n", APP);
    let page = gateway.get("/.gateway/login", &[BROWSER, ("accept-language", "de")]);
    assert_eq!(heading(&page.body), "Anmelden");
}

#[test]
fn operator_adds_a_language_and_replaces_single_texts() {
    let files: [(&str, &[u8]); 2] = [
        ("locales/eo/own.ftl", "sign-in-heading = Ensaluti\n".as_bytes()),
        ("locales/de/own.ftl", "sign-in-heading = Anmelden bei <b>uns</b>\n".as_bytes()),
    ];
    let mut gateway = InProcess::start_among(&files, "", APP);
    let page = gateway.get("/.gateway/login", &[BROWSER, ("accept-language", "eo")]);
    assert_eq!(heading(&page.body), "Ensaluti");
    assert!(page.body.contains("<html lang=\"eo\""), "{}", page.body);
    assert!(page.body.contains("to continue to"), "texts that the language lacks are English: {}", page.body);
    let page = gateway.get("/.gateway/login", &[BROWSER, ("accept-language", "de")]);
    assert_eq!(heading(&page.body), "Anmelden bei &lt;b&gt;uns&lt;&#x2f;b&gt;");
}

#[test]
fn broken_catalogue_is_refused_with_its_place_and_the_old_texts_stay() {
    let good: [(&str, &[u8]); 1] = [("locales/de/own.ftl", b"sign-in-heading = Hallo\n")];
    let mut gateway = InProcess::start_among(&good, "", APP);
    for (text, place, problem) in [
        ("sign-in-heading = Neu\nsing-in = Weg\n", "own.ftl:2:1", "no text with this key"),
        ("sign-in-heading = { $hots }\n", "own.ftl:1:22", "no argument of this name"),
        ("sign-in-heading = Neu\n\n??\n", "own.ftl:3:1", "no Fluent message"),
    ] {
        gateway.write_files(&[("locales/de/own.ftl", text.as_bytes())]);
        let refused = gateway.try_reload("", APP).expect_err(text);
        assert!(refused.contains(place) && refused.contains(problem), "{text}: {refused}");
        let page = gateway.get("/.gateway/login", &[BROWSER, ("accept-language", "de")]);
        assert_eq!(heading(&page.body), "Hallo");
    }
    gateway.write_files(&[("locales/de/own.ftl", b"sign-in-heading = Guten Tag\n")]);
    gateway.reload("", APP);
    let page = gateway.get("/.gateway/login", &[BROWSER, ("accept-language", "de")]);
    assert_eq!(heading(&page.body), "Guten Tag");
}

#[test]
fn file_that_is_no_text_or_in_a_folder_of_no_language_is_refused() {
    let gateway = InProcess::start(APP);
    gateway.write_files(&[("locales/de/own.ftl", b"sign-in = \xff\n")]);
    let refused = gateway.try_reload("", APP).unwrap_err();
    assert!(refused.contains("it is not UTF-8 text"), "{refused}");
    gateway.write_files(&[("locales/de/own.ftl", b""), ("locales/german language/own.ftl", b"")]);
    let refused = gateway.try_reload("", APP).unwrap_err();
    assert!(refused.contains("no name of a language"), "{refused}");
}

#[test]
fn hostile_language_header_gets_an_english_page() {
    let mut gateway = InProcess::start(APP);
    for hostile in
        ["../../../../etc/passwd", "<script>alert(1)</script>", "de\u{e4}", &"a-".repeat(4000), "\"de\""]
    {
        let page = gateway.get("/.gateway/login", &[BROWSER, ("accept-language", hostile)]);
        assert_eq!((page.status.as_u16(), heading(&page.body)), (200, "Sign in"), "{hostile}");
        assert!(!page.body.contains("script>alert"), "{}", page.body);
    }
}
