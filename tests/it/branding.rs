//! Title, logo, colour, links and templates of an operator on the gateway's pages.

use std::path::Path;

use crate::support::in_process::InProcess;

const APP: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"\n";
const BROWSER: (&str, &str) = ("accept", "text/html");
const SVG: &[u8] =
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(2)</script></svg>";

fn login(gateway: &mut InProcess) -> String {
    let page = gateway.get("/.gateway/login", &[BROWSER]);
    assert_eq!(page.status, 200, "{}", page.body);
    page.body
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split(end).next().unwrap_or_default()
}

#[test]
fn pages_have_the_title_the_links_and_the_colour_of_the_operator() {
    let sections = "[portal]\ntitle = \"Example & Söhne\"\ncolour = \"#8a1c4a\"\n\
                    links = [{ title = \"Help <now>\", href = \"https://help.example.com/?a=1&b=2\" }]\n";
    let mut gateway = InProcess::start_with(sections, APP);
    let page = login(&mut gateway);
    assert!(page.contains("· Example &amp; Söhne</title>"), "{page}");
    assert!(page.contains("<p class=\"brand\">Example &amp; Söhne</p>"), "{page}");
    let footer = between(&page, "<footer>", "</footer>");
    assert!(footer.contains("Help &lt;now&gt;") && footer.contains("?a=1&amp;b=2"), "{footer}");
    let stylesheet = between(&page, "<link rel=\"stylesheet\" href=\"", "\"").to_owned();
    let style = gateway.get(&stylesheet, &[]);
    assert!(style.body.contains("--accent: #8a1c4a;"), "{}", style.body);
    assert!(page.contains("fill='%238a1c4a'"), "{page}");
}

#[test]
fn stylesheet_of_another_colour_has_another_name() {
    let mut gateway = InProcess::start(APP);
    let name = |page: &str| between(page, "<link rel=\"stylesheet\" href=\"", "\"").to_owned();
    let before = name(&login(&mut gateway));
    gateway.reload("[portal]\ncolour = \"#8a1c4a\"\n", APP);
    let after = name(&login(&mut gateway));
    assert_ne!(before, after);
    assert_eq!(gateway.get(&after, &[]).status, 200);
    assert_ne!(gateway.get(&before, &[]).status, 200);
}

#[test]
fn logo_is_served_under_a_name_of_its_content_and_runs_no_script() {
    let files: [(&str, &[u8]); 1] = [("logo.svg", SVG)];
    let mut gateway = InProcess::start_among(&files, "[portal]\nlogo = \"logo.svg\"\n", APP);
    let page = login(&mut gateway);
    let path = between(&page, "<img class=\"logo\" src=\"", "\"").to_owned();
    assert!(
        path.starts_with("/.gateway/logo-")
            && Path::new(&path).extension().is_some_and(|extension| extension == "svg"),
        "{path}"
    );
    assert!(!page.contains("alert("), "{page}");
    let logo = gateway.get(&path, &[]);
    assert_eq!((logo.status.as_u16(), logo.body.as_bytes()), (200, SVG));
    assert_eq!(logo.header("content-type"), "image/svg+xml");
    let policy = logo.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    assert!(logo.header("cache-control").contains("immutable"));
    assert_eq!(logo.header("x-content-type-options"), "nosniff");

    gateway.write_files(&[("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")]);
    gateway.reload("[portal]\nlogo = \"logo.svg\"\n", APP);
    let page = login(&mut gateway);
    assert_ne!(between(&page, "<img class=\"logo\" src=\"", "\""), path);
}

#[test]
fn logo_that_is_no_image_or_too_large_is_refused_with_its_place() {
    let gateway = InProcess::start(APP);
    let large = [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; 256 << 10]].concat();
    let files: [(&str, &[u8]); 2] = [("page.svg", b"<html><script>1</script></html>"), ("large.png", &large)];
    gateway.write_files(&files);
    for (name, problem) in [
        ("page.svg", "is no PNG, SVG or WebP image"),
        ("large.png", "is larger than 256 KiB"),
        ("missing.png", "no such file"),
    ] {
        let refused = gateway.try_reload(&format!("[portal]\nlogo = \"{name}\"\n"), APP).unwrap_err();
        assert!(refused.contains(problem) && refused.contains("gateway.toml:"), "{refused}");
    }
}

const OWN: &str = "{% extends \"layout.html\" %}\n{% block title %}Come in{% endblock %}\n{% block content %}\n\
    <h1>Come in, {{ host }}</h1>\n<form method=\"post\">\n\
    <input type=\"hidden\" name=\"csrf\" value=\"{{ csrf }}\">\n\
    <input type=\"hidden\" name=\"next\" value=\"{{ next }}\">\n\
    <input name=\"username\" value=\"{{ username }}\">\n<input name=\"password\" type=\"password\">\n\
    {% if remember %}<input type=\"checkbox\" name=\"remember\" value=\"yes\">{% endif %}\n\
    <button>{{ t(\"sign-in\") }}</button>\n</form>\n{% endblock %}\n";

#[test]
fn operator_replaces_a_single_template() {
    let files: [(&str, &[u8]); 1] = [("templates/login.html", OWN.as_bytes())];
    let mut gateway = InProcess::start_among(&files, "", APP);
    let page = login(&mut gateway);
    assert!(
        page.contains("<h1>Come in, localhost</h1>") && page.contains("<button>Sign in</button>"),
        "{page}"
    );
    let german = gateway.get("/.gateway/login", &[BROWSER, ("accept-language", "de")]);
    assert!(german.body.contains("<button>Anmelden</button>"), "{}", german.body);
    let refused = gateway.get("/.gateway/no-such-page", &[BROWSER]);
    assert!(refused.body.contains("Page not found"), "{}", refused.body);
    let hostile = gateway.get("/.gateway/login?next=%2F%22%3E%3Cscript%3E", &[BROWSER]);
    assert!(!hostile.body.contains("<script"), "{}", hostile.body);
}

#[test]
fn broken_template_is_refused_with_its_place_and_the_old_pages_stay() {
    let files: [(&str, &[u8]); 1] = [("templates/login.html", OWN.as_bytes())];
    let mut gateway = InProcess::start_among(&files, "", APP);
    let cases = [
        (
            OWN.replace("{% endblock %}\n{% block content", "\n{% block content"),
            "login.html:",
            "cannot be used",
        ),
        (OWN.replace("{{ host }}", "{{ hots }}"), "login.html:4:", "undefined"),
        (OWN.replace("{{ csrf }}", "{{ csrf"), "login.html:", "syntax error"),
        (OWN.replace("t(\"sign-in\")", "t(\"sing-in\")"), "login.html:11:", "there is no text `sing-in`"),
        (OWN.replace("name=\"csrf\"", ""), "login.html:1:1", "lacks the field `csrf`"),
        (OWN.replace("layout.html", "outlay.html"), "login.html:1:", "outlay.html"),
    ];
    for (text, place, problem) in cases {
        gateway.write_files(&[("templates/login.html", text.as_bytes())]);
        let refused = gateway.try_reload("", APP).expect_err(&text);
        assert!(refused.contains(place) && refused.contains(problem), "{place} {problem}: {refused}");
        assert!(login(&mut gateway).contains("Come in, localhost"));
    }
}

#[test]
fn template_of_no_page_is_refused_with_the_name_that_was_meant() {
    let gateway = InProcess::start(APP);
    gateway.write_files(&[("templates/logn.html", b"x")]);
    let refused = gateway.try_reload("", APP).unwrap_err();
    assert!(
        refused.contains("replaces no template") && refused.contains("did you mean `login.html`?"),
        "{refused}"
    );
}

#[test]
fn replaced_layout_is_that_of_every_page() {
    let layout = "<!doctype html>\n<html lang=\"{{ language.tag }}\">\n<title>{% block title %}{% endblock %}</title>\n\
        <main class=\"{% block breadth %}{% endblock %}\">Ours {% block content %}{% endblock %}</main>\n</html>\n";
    let files: [(&str, &[u8]); 1] = [("templates/layout.html", layout.as_bytes())];
    let mut gateway = InProcess::start_among(&files, "", APP);
    assert!(login(&mut gateway).contains("<main class=\"\">Ours"));
    gateway.write_files(&[(
        "templates/layout.html",
        layout.replace("{% block content %}{% endblock %}", "").as_bytes(),
    )]);
    let refused = gateway.try_reload("", APP).unwrap_err();
    assert!(refused.contains("layout.html:1:1") && refused.contains("lacks the field"), "{refused}");
}

#[test]
fn password_manager_finds_the_page_that_changes_the_password() {
    let mut gateway = InProcess::start(APP);
    let found = gateway.get("/.well-known/change-password", &[]);
    assert_eq!((found.status.as_u16(), found.header("location")), (303, "/.gateway/account/password"));
    // The manager asks for a path that cannot exist, too: a server that says 200 to everything has no such page.
    let path = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
    assert_eq!(gateway.get(path, &[]).status, 401);
    let sent = gateway.send(&http::Method::POST, "/.well-known/change-password", &[], "x");
    assert_eq!(sent.status, 401, "only the question is answered by the gateway");
}
