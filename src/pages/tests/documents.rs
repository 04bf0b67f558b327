//! Each page is one accessible document. The rendered pages are written to `tests/output/pages/`, to be looked at.

use std::{fs, path::Path};

use super::gallery::gallery;
use crate::pages::{Pages, samples::samples, template_files::STYLESHEET};

/// Writes the rendered pages to `tests/output/pages/`, to be looked at.
#[tokio::test]
async fn every_page_is_one_accessible_document_without_script_or_foreign_resources() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output/pages");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("style.css"), STYLESHEET).unwrap();
    let pages = Pages::new();
    let (mut fields, mut descriptions) = (0, 0);
    for (name, page) in gallery() {
        let html = pages.html(&page, pages.english()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        fs::write(folder.join(format!("{name}.html")), html.replace(&pages.0.stylesheet_path, "style.css"))
            .unwrap();
        let count = |needle: &str| html.matches(needle).count();
        assert_eq!((count("<h1>"), count("<main "), count("<title>")), (1, 1, 1), "{name}");
        assert!(count("autofocus") <= 1, "{name}");
        assert_eq!(count("<script") + count(" style=") + count("<style") + count("javascript:"), 0, "{name}");
        assert_eq!(
            count("//") - count("http://www.w3.org/2000/svg"),
            0,
            "{name} loads something from elsewhere"
        );
        let (labelled, described) = labels_and_descriptions(name, &html);
        fields += labelled;
        descriptions += described;
    }
    assert!(fields > 10 && descriptions > 5, "{fields} fields, {descriptions} descriptions");
}

/// The samples are all pages, in two states each.
#[test]
fn every_sample_is_one_accessible_document_with_no_script_but_that_of_passkeys() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output/pages");
    fs::create_dir_all(&folder).unwrap();
    let pages = Pages::new();
    let (mut fields, mut descriptions, mut scripts) = (0, 0, 0);
    for (number, page) in samples().iter().enumerate() {
        let name = format!("sample-{number:02}-{}", page.template());
        let html = pages.html(page, pages.english()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        fs::write(folder.join(&name), html.replace(&pages.0.stylesheet_path, "style.css")).unwrap();
        let count = |needle: &str| html.matches(needle).count();
        assert_eq!((count("<h1>"), count("<main "), count("<title>")), (1, 1, 1), "{name}");
        assert!(count("autofocus") <= 1, "{name}");
        assert_eq!(count(" style=") + count("<style") + count("javascript:"), 0, "{name}");
        let own_scripts = count("<script src=\"/.gateway/");
        assert!(count("<script") == own_scripts && own_scripts <= 1, "{name}");
        let (labelled, described) = labels_and_descriptions(&name, &html);
        scripts += own_scripts;
        fields += labelled;
        descriptions += described;
    }
    assert!(scripts > 3 && fields > 40 && descriptions > 40, "{scripts} {fields} {descriptions}");
}

/// Every visible field has a label, and what describes it exists. Returns how many there are.
fn labels_and_descriptions(name: &str, html: &str) -> (usize, usize) {
    let count = |needle: &str| html.matches(needle).count();
    let (mut fields, mut descriptions) = (0, 0);
    for id in attributes(html, "<input id=\"").into_iter().chain(attributes(html, "<select id=\"")) {
        assert_eq!(count(&format!("<label for=\"{id}\">")), 1, "{name}: {id}");
        fields += 1;
    }
    for ids in attributes(html, "aria-describedby=\"") {
        for id in ids.split(' ') {
            assert_eq!(count(&format!(" id=\"{id}\"")), 1, "{name}: {id}");
            descriptions += 1;
        }
    }
    (fields, descriptions)
}

fn attributes<'h>(html: &'h str, start: &str) -> Vec<&'h str> {
    html.split(start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}
