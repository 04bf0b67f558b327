//! The gateway's pages with axe-core in Chromium, in light and dark, wide and narrow; and with the keyboard alone.

use std::{fs, path::Path, time::Duration};

use http::{Method, Response};
use http_body_util::BodyExt;
use portcullis::pages::{Brand, Colour, Pages};

use crate::support::{
    block_on,
    browser::{Browser, Look},
    gateway::{TestGateway, password},
    process::until,
};

/// The rules of axe-core, which `tests/run` installs.
fn axe() -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/axe/node/node_modules/axe-core/axe.min.js");
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("reading {}: {error}; tests/run installs it", path.display()))
}

/// The problems that axe-core finds on the page that is open.
fn violations(browser: &Browser, axe: &str) -> Vec<String> {
    browser.evaluate(&format!("(() => {{ if (!window.axe) {{ {axe}; }} return true; }})()"));
    let found = browser.resolve(
        "axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations.flatMap((it) => \
         it.nodes.map((node) => `${it.id}: ${it.help}: ${node.html} ${node.failureSummary}`)))",
    );
    let found = found.as_array().unwrap_or_else(|| panic!("axe-core: {found}")).iter();
    found.map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// Writes all pages of a language into a folder, each as `NUMBER-TEMPLATE`.
fn write_previews(pages: &Pages, tag: &str, folder: &Path) -> Vec<String> {
    fs::create_dir_all(folder).expect("a folder");
    let style = pages.file_at(&Method::GET, pages.stylesheet_path()).expect("the stylesheet");
    fs::write(folder.join("style.css"), text(style)).expect("the stylesheet");
    let language = pages.languages().find(&tag.parse().expect("a tag")).expect("a language");
    let previews = pages.previews(language).into_iter().enumerate();
    previews
        .map(|(number, (template, response))| {
            assert_eq!(response.status(), 200, "{template}");
            let name = format!("{number}-{template}");
            let html = text(response).replace(pages.stylesheet_path(), "style.css");
            fs::write(folder.join(&name), html).expect("a page");
            name
        })
        .collect()
}

fn text(response: Response<http_body_util::Full<bytes::Bytes>>) -> String {
    #[expect(clippy::disallowed_methods, reason = "a body of our own")]
    let body = block_on(response.into_body().collect()).expect("a body").to_bytes();
    String::from_utf8(body.to_vec()).expect("UTF-8")
}

fn previews() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn axe_finds_nothing_on_any_page_in_light_and_dark_wide_and_narrow() {
    let (folder, browser, axe) = (previews(), Browser::start(), axe());
    let names = write_previews(&Pages::new(), "en", folder.path());
    assert!(names.len() > 20, "{names:?}");
    for name in &names {
        browser.open(&format!("file://{}", folder.path().join(name).display()));
        for look in [Look::light(1280), Look::dark(1280), Look::light(320), Look::dark(320)] {
            browser.look(look);
            assert_eq!(violations(&browser, &axe), Vec::<String>::new(), "{name} {look:?}");
            assert_no_overflow(&browser, &format!("{name} {look:?}"));
        }
    }
}

#[test]
fn axe_finds_nothing_with_the_name_links_and_colour_of_an_operator() {
    let (browser, axe) = (Browser::start(), axe());
    for colour in ["#8a1c4a", "#1d4ed8", "#595959", "#000000", "#b34700"] {
        let colour = Colour::parse(colour).expect("a colour");
        assert!(colour.is_readable(), "{colour}");
        let link =
            portcullis::pages::FooterLink { title: "Help".into(), href: "https://example.com/".into() };
        let brand =
            Brand { title: Some("Example Ltd".into()), logo: None, colour: Some(colour), links: vec![link] };
        let pages =
            Pages::of_operator(brand, portcullis::language::Languages::default(), &[]).expect("pages");
        let folder = previews();
        for name in write_previews(&pages, "en", folder.path()).iter().take(8) {
            browser.open(&format!("file://{}", folder.path().join(name).display()));
            for look in [Look::light(1280), Look::dark(1280)] {
                browser.look(look);
                assert_eq!(violations(&browser, &axe), Vec::<String>::new(), "{colour} {name} {look:?}");
            }
        }
    }
}

#[test]
fn no_page_of_any_language_is_wider_than_a_phone() {
    let browser = Browser::start();
    let pages = Pages::new();
    for language in pages.languages().iter() {
        let folder = previews();
        for name in write_previews(&pages, language.tag(), folder.path()) {
            browser.open(&format!("file://{}", folder.path().join(&name).display()));
            browser.look(Look::light(320));
            assert_no_overflow(&browser, &format!("{} {name}", language.tag()));
            let broken = "[...document.querySelectorAll('.codes code')].filter(it => it.getClientRects().length > 1).length";
            assert_eq!(browser.evaluate(broken), 0, "{name}: recovery codes are broken in two");
        }
    }
}

#[test]
fn long_words_in_the_links_of_an_operator_make_no_page_wider_than_a_phone() {
    let browser = Browser::start();
    let title = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau".into();
    let links = vec![portcullis::pages::FooterLink { title, href: "/help".into() }];
    let brand = Brand { title: Some("W".repeat(60).into()), logo: None, colour: None, links };
    let pages = Pages::of_operator(brand, portcullis::language::Languages::default(), &[]).expect("pages");
    let folder = previews();
    for name in write_previews(&pages, "en", folder.path()) {
        browser.open(&format!("file://{}", folder.path().join(&name).display()));
        browser.look(Look::light(320));
        assert_no_overflow(&browser, &name);
    }
}

/// `window.innerWidth` of a phone grows with a page that is too wide; the width of the layout does not.
fn assert_no_overflow(browser: &Browser, page: &str) {
    let root = "document.documentElement";
    let wide = browser.evaluate(&format!("{root}.scrollWidth - {root}.clientWidth"));
    assert!(wide.as_f64().is_some_and(|wide| wide <= 0.0), "{page} is {wide} too wide");
}

#[test]
fn person_signs_in_and_out_with_the_keyboard_alone() {
    let gateway = TestGateway::start("[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"\n");
    gateway.add_user("alice", &[]);
    let (browser, axe) = (Browser::start(), axe());
    browser.open(&format!("{}/.gateway/login?next=/.gateway/account", gateway.origin));
    assert_eq!(violations(&browser, &axe), Vec::<String>::new());
    let focused =
        || browser.evaluate("document.activeElement.id || document.activeElement.textContent.trim()");
    assert_eq!(focused(), "username");
    browser.press("alice\u{e004}");
    assert_eq!(focused(), "password");
    browser.press(&format!("{}\u{e006}", password("alice")));
    until("the account page", || browser.title().starts_with("Your account"));
    assert_eq!(violations(&browser, &axe), Vec::<String>::new());
    // From the top of the page, the Tab key reaches every control in the order of the page.
    let controls = browser.evaluate(
        "[...document.querySelectorAll('a[href], button, input:not([hidden]):not([type=hidden])')].length",
    );
    let mut seen = Vec::new();
    for _ in 0..controls.as_u64().expect("a number") {
        browser.press("\u{e004}");
        seen.push(browser.evaluate(
            "[...document.querySelectorAll('a[href], button, input:not([hidden]):not([type=hidden])')]\
             .indexOf(document.activeElement)",
        ));
    }
    let expected: Vec<serde_json::Value> = (0..seen.len()).map(Into::into).collect();
    assert_eq!(seen, expected);
    let outline = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle");
    assert_ne!(outline, "none", "the focus can be seen");
}

#[test]
fn form_with_a_problem_has_its_focus_where_the_problem_is() {
    let gateway = TestGateway::start("[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"\n");
    gateway.add_user("alice", &[]);
    let browser = Browser::start();
    browser.open(&format!("{}/.gateway/login", gateway.origin));
    browser.fill_in("#username", "alice");
    browser.fill_in("#password", &password("alice"));
    browser.click("button[type=submit]");
    browser.open(&format!("{}/.gateway/account/password", gateway.origin));
    browser.fill_in("#current", &password("alice"));
    browser.fill_in("#new", "a quite unusual sentence");
    browser.fill_in("#again", "another quite unusual one");
    browser.click("button[type=submit]");
    // All passwords have to be typed again, from the first field on: its description says what was wrong.
    assert_eq!(browser.evaluate("document.activeElement.id"), "current");
    assert_eq!(browser.evaluate("document.getElementById('again').getAttribute('aria-invalid')"), "true");
    assert!(browser.title().starts_with("Error: "), "{}", browser.title());
    let described = browser.evaluate(
        "document.getElementById(document.activeElement.getAttribute('aria-describedby').split(' ')[0]).textContent",
    );
    assert_eq!(described, "The two new passwords are not the same.");
    let seconds = browser.evaluate("getComputedStyle(document.querySelector('.button')).transitionDuration");
    assert_ne!(seconds, "0s");
    browser.look(Look::light(320));
    let seconds = browser.evaluate(
        "Math.max(...getComputedStyle(document.querySelector('.button')).transitionDuration.split(',').map(parseFloat))",
    );
    assert!(
        seconds.as_f64().is_some_and(|it| Duration::from_secs_f64(it) < Duration::from_millis(2)),
        "{seconds}"
    );
}
