//! Real applications behind the gateway, set up with the code blocks of `docs/apps.md` themselves.
//!
//! Each application is tried with a request that changes something, a redirect, a WebSocket where it has one,
//! and a sign-out. A block of the document is changed in its addresses and folders only, and a test fails if
//! the document no longer contains what it replaces. `tests/run` installs the applications.

mod cgi;
mod clients;
mod development;
pub mod document;
mod heavy;
mod jupyterhub;
mod node;
mod python;
mod registry;
pub mod running;
mod transmission;

use std::collections::BTreeSet;

use document::{Recipe, recipes_tried};
use portcullis::forward::Preset;

#[test]
fn the_document_names_the_versions_that_the_tests_install() {
    let pins = [
        include_str!("../recipes/requirements.txt"),
        include_str!("../recipes/package.json"),
        include_str!("../recipes/development/requirements.txt"),
        include_str!("../recipes/moin/requirements.txt"),
        include_str!("../recipes/jupyterhub/requirements.txt"),
        include_str!("../recipes/jupyterhub/package.json"),
        include_str!("../recipes/pgadmin/requirements.txt"),
        include_str!("../recipes/superset/requirements.txt"),
        include_str!("../recipes/heavy/requirements.txt"),
        include_str!("../recipes/heavy/package.json"),
    ]
    .concat();
    let applications = [
        ("Buildbot", "buildbot"),
        ("Django", "django"),
        ("Flask-AppBuilder", "flask-appbuilder"),
        ("Gradio", "gradio"),
        ("Jupyter Server", "jupyter-server"),
        ("JupyterHub", "jupyterhub"),
        ("JupyterHub", "configurable-http-proxy"),
        ("MoinMoin", "moin"),
        ("Node-RED", "node-red"),
        ("Radicale", "radicale"),
        ("Roundup", "roundup"),
        ("Streamlit", "streamlit"),
        ("TensorBoard", "tensorboard"),
        ("TiddlyWiki", "tiddlywiki"),
        ("Trac", "trac"),
        ("WsgiDAV", "wsgidav"),
        ("pgAdmin", "pgadmin4"),
        ("Superset", "apache-superset"),
        ("wetty", "wetty"),
    ];
    for (application, name) in applications {
        let version = version_pinned(&pins, name).unwrap_or_else(|| panic!("{application} is not pinned"));
        let rows = recipes_tried();
        let row = rows.iter().find(|row| row.application == application);
        let row = row.unwrap_or_else(|| panic!("{application} is not in the table of docs/apps.md"));
        assert!(
            row.version.split([' ', ',']).any(|word| word == version),
            "docs/apps.md says {:?} of {application}; {version} is installed",
            row.version
        );
    }
}

/// Somebody who follows `portcullis preset show` and somebody who follows the document get the same application.
#[test]
fn the_lines_of_a_preset_stand_in_the_recipe_of_its_application() {
    let recipes = [
        ("flask-appbuilder", "Flask-AppBuilder"),
        ("gitea", "Gitea, Forgejo"),
        ("grafana", "Grafana"),
        ("pgadmin", "pgAdmin"),
    ];
    for (name, heading) in recipes {
        let preset = Preset::named(name).unwrap_or_else(|| panic!("there is no preset {name}"));
        let recipe = Recipe::of(heading);
        for line in preset.setup.lines().filter(|line| !line.starts_with('#')) {
            assert!(recipe.has_line(line), "docs/apps.md has no {line:?} below {heading}");
        }
    }
}

#[test]
fn every_recipe_says_whether_it_was_tried() {
    let rows: BTreeSet<String> = recipes_tried().into_iter().map(|row| row.application).collect();
    let headings: BTreeSet<String> = Recipe::all_headings().into_iter().collect();
    assert!(headings.len() > 20, "{headings:?}");
    assert_eq!(rows, headings, "the table of docs/apps.md (left) and its headings (right)");
}

/// The version in a line such as `name==1.2.3` or `"name": "1.2.3"`.
fn version_pinned<'t>(pins: &'t str, name: &str) -> Option<&'t str> {
    let quoted = format!("\"{name}\": \"");
    pins.lines().find_map(|line| {
        let line = line.trim();
        line.strip_prefix(name)
            .and_then(|rest| rest.strip_prefix("=="))
            .or_else(|| Some(line.strip_prefix(&*quoted)?.split('"').next().expect("a first part")))
    })
}
