//! The table of layers in `src/lib.rs`, held against the imports of the code.
//!
//! A text scan and not a compiler: comments, strings and test modules are
//! taken out, then every path that starts with `crate::`, `portcullis::` or
//! enough `super::` to leave its module is an edge, use trees included. It
//! can't see an edge that a macro writes, and takes a glob over the whole
//! crate for a mistake.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test, what cannot go on has failed; helpers are part of tests"
)]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt, fs,
    path::{Path, PathBuf},
};

/// A module, and what it may import. An entry with `::` allows that item and what is below it, and
/// nothing else of its module.
type Row = (&'static str, &'static [&'static str]);

/// The table of `src/lib.rs`, in its order: what is further down may know what is further up, never
/// the other way round.
const LAYERS: &[(&str, &[Row])] = &[
    (
        "values",
        &[
            ("clock", &[]),
            ("identity", &["clock"]),
            ("interim", &[]),
            ("stall", &[]),
            ("pace", &[]),
            ("happy_eyeballs", &[]),
            ("store", &[]),
            ("error_chain", &[]),
            ("escape", &[]),
            ("language", &["clock", "escape"]),
        ],
    ),
    ("telemetry", &[("telemetry", &["clock", "escape"])]),
    (
        "reading",
        &[
            ("request", &[]),
            ("pages", &["clock", "language"]),
            ("refusal", &["language", "pages", "identity::ProofMethods"]),
        ],
    ),
    (
        "rules",
        &[
            ("access", &["clock", "identity", "request"]),
            ("shield", &["request"]),
            ("client_certificate", &["clock", "identity", "error_chain"]),
        ],
    ),
    (
        "state",
        &[
            ("session", &["clock", "identity", "store"]),
            ("throttle", &["clock", "identity", "store"]),
            ("users", &["clock", "error_chain", "identity", "store"]),
            ("mail", &["clock", "error_chain", "escape", "store"]),
            (
                "auth",
                &[
                    "error_chain",
                    "escape",
                    "clock",
                    "happy_eyeballs",
                    "identity",
                    "telemetry",
                    "request::ClientAddr",
                    // The secret of the set-up link is as long and as random as a session's token.
                    "session::SessionToken",
                    "session::SessionKey",
                    "session::NoRandomness",
                    // The backend of a sign-in, which the session keeps.
                    "session::SessionSource",
                    "throttle",
                    "users",
                ],
            ),
            (
                "assertion",
                // The key of a session, and when its sign-in began.
                &["clock", "identity", "store", "users", "session::Session", "session::SessionKey"],
            ),
            ("in_flight", &["identity", "request"]),
        ],
    ),
    (
        "actions",
        &[
            // No session, no token, no password: only the name of the cookie that is cut out, and
            // a permit in place of the rules.
            (
                "forward",
                &[
                    "error_chain",
                    "happy_eyeballs",
                    "identity",
                    "interim",
                    "stall",
                    "pace",
                    "request",
                    "access::Permit",
                    "session::cookie",
                ],
            ),
            (
                "portal",
                &[
                    "error_chain",
                    "escape",
                    "clock",
                    "language",
                    "identity",
                    "pace",
                    "telemetry",
                    "request",
                    "pages",
                    "refusal",
                    "session",
                    "throttle",
                    "users",
                    "mail",
                    "auth",
                ],
            ),
        ],
    ),
    (
        "the walk",
        &[
            (
                "snapshot",
                &[
                    "request",
                    "refusal",
                    "access",
                    "client_certificate",
                    "session::AppSessionLimits",
                    // The credentials that an app takes from programs.
                    "auth::programs",
                    "shield",
                    "assertion",
                    "in_flight",
                    "forward",
                    "portal",
                ],
            ),
            (
                "gateway",
                &[
                    "error_chain",
                    "clock",
                    "identity",
                    "stall",
                    "pace",
                    "interim",
                    "telemetry",
                    "request",
                    "refusal",
                    "access",
                    "client_certificate",
                    "shield",
                    "session",
                    "users",
                    // The credentials of programs, which come with each request.
                    "auth::programs",
                    "auth::Origin",
                    "auth::Entrance",
                    "assertion",
                    "in_flight",
                    "forward",
                    "portal",
                    "snapshot",
                ],
            ),
        ],
    ),
    (
        "edge",
        &[(
            "server",
            &[
                "error_chain",
                "clock",
                "interim",
                "stall",
                "pace",
                "telemetry",
                // The plain-HTTP port reads a target, but never asks a rule.
                "request",
                // Readiness is whether both stores do their work.
                "users::Directory",
                // Heads that cannot be read are refused where they are read.
                "refusal::Refusal",
                // The control socket lists and ends sessions, by key, and says which files are read.
                "session",
                "identity",
                "store",
                // Why a body broke off, to tell a fault from a client that left.
                "forward::BodyError",
                // Bytes that HTTP/2 streams hold for a client.
                "forward::UnsentBytes",
                // Certificates of clients are asked for and verified in the handshake.
                "client_certificate",
                "gateway",
            ],
        )],
    ),
    (
        "outside",
        &[
            (
                "config",
                &[
                    "clock",
                    "identity",
                    "escape",
                    "language",
                    "pages",
                    "telemetry",
                    "request",
                    "access",
                    "client_certificate",
                    "error_chain",
                    "shield",
                    "session",
                    "store",
                    "throttle",
                    "users",
                    "mail",
                    "auth",
                    "assertion",
                    "forward",
                    "portal",
                    "server",
                ],
            ),
            (
                "assembly",
                &[
                    "error_chain",
                    "assertion",
                    "auth",
                    "clock",
                    "identity",
                    "store",
                    "telemetry",
                    "request",
                    "access",
                    "session",
                    "throttle",
                    "users",
                    "mail",
                    "forward",
                    "portal",
                    "in_flight",
                    "snapshot",
                    "gateway",
                    "server",
                    "config",
                ],
            ),
            (
                "fuzzing",
                &[
                    "clock",
                    "identity",
                    "request",
                    "access",
                    "auth::ldap",
                    "forward",
                    "portal::form",
                    "server::http1_guard",
                    "config",
                ],
            ),
            (
                "cli",
                &[
                    "clock",
                    "identity",
                    "store",
                    "escape",
                    "language",
                    "telemetry",
                    "request",
                    "pages",
                    "access",
                    "shield",
                    "session",
                    "throttle",
                    "users",
                    "mail",
                    "assertion",
                    "auth",
                    "forward",
                    "portal",
                    "server",
                    "config",
                    "assembly",
                ],
            ),
            ("main", &["cli"]),
            ("lib", &[]),
        ],
    ),
];

/// Libraries that have one home: nobody else knows that they are used.
const HOMES: &[(&str, &[&str])] = &[
    ("toml", &["config"]),
    ("annotate_snippets", &["config"]),
    ("strsim", &["config", "cli"]),
    ("rustls_native_certs", &["auth", "config"]),
    ("jsonwebtoken", &["auth"]),
    ("clap", &["cli", "main"]),
    ("rpassword", &["cli"]),
    ("minijinja", &["pages"]),
    ("moka", &["session", "users", "auth"]),
    ("redis", &["store", "session", "throttle"]),
    ("rusqlite", &["store", "session", "throttle", "users", "mail"]),
    ("lettre", &["mail", "config"]),
    ("argon2", &["users"]),
    ("zxcvbn", &["users"]),
    ("rcgen", &["server"]),
    ("listenfd", &["server"]),
    ("socket2", &["server", "forward"]),
    ("dns_lookup", &["forward"]),
];

/// Names that a pure module does not use.
const IMPURE: &[&str] =
    &["async", "await", "tokio", "fs", "io", "TcpStream", "time", "thread", "clock", "tracing"];

#[test]
fn no_module_imports_what_its_layer_may_not_know() {
    let wrong: Vec<String> =
        edges().iter().filter(|edge| !is_allowed(edge)).map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "the table of layers does not allow:\n{}", wrong.join("\n"));
}

#[test]
fn an_exception_in_the_table_of_layers_is_still_needed() {
    let edges = edges();
    for (module, allowed) in rows() {
        for entry in allowed.iter().filter(|entry| entry.contains("::")) {
            let used = edges.iter().any(|edge| edge.from == module && is_below(&edge.to, entry));
            assert!(used, "`{module}` no longer imports `{entry}`: take it out of the table");
        }
    }
}

#[test]
fn the_table_of_layers_has_every_module_and_points_up() {
    let mut seen = BTreeSet::new();
    for (module, allowed) in rows() {
        for entry in allowed {
            let to = entry.split("::").next().unwrap();
            assert!(seen.contains(to), "`{module}` may import `{entry}`, which stands further down");
        }
        assert!(seen.insert(module), "`{module}` stands in the table twice");
    }
    let modules: BTreeSet<String> = sources()
        .iter()
        .map(|file| module_path(file).first().map_or("lib", String::as_str).to_owned())
        .collect();
    let listed: BTreeSet<String> = seen.into_iter().map(str::to_owned).collect();
    assert_eq!(modules, listed, "left: the modules of src; right: the table");
}

#[test]
fn the_tour_tells_the_same_layers_in_the_same_order() {
    let tour = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let (_, after) = tour.split_once("//! | layer | module |").expect("a table of modules");
    let mut layer = "";
    let listed: Vec<(&str, &str)> = after
        .lines()
        .skip(2)
        .map_while(|line| line.strip_prefix("//! | "))
        .map(|row| {
            let mut columns = row.split('|').map(str::trim);
            let (named, module) = (columns.next().unwrap(), columns.next().unwrap());
            layer = if named.is_empty() { layer } else { named };
            (layer, module.trim_matches(['[', ']', '`']))
        })
        .collect();
    let held: Vec<(&str, &str)> = LAYERS
        .iter()
        .flat_map(|(layer, rows)| rows.iter().map(move |(module, _)| (*layer, *module)))
        .filter(|(_, module)| !matches!(*module, "main" | "lib"))
        .collect();
    assert_eq!(listed, held, "left: src/lib.rs; right: the table in this file");
}

#[test]
fn a_library_with_a_home_stays_there() {
    for file in sources() {
        let module = module_path(&file).first().map_or("lib".to_owned(), Clone::clone);
        for pair in tokens(&fs::read_to_string(&file).unwrap()).windows(2) {
            let [name, then] = pair else { continue };
            let Some((_, homes)) = HOMES.iter().find(|(library, _)| *library == name.text) else { continue };
            assert!(
                then.text != "::" || homes.contains(&module.as_str()),
                "{}:{}: only {homes:?} may know of {}",
                file.display(),
                name.line,
                name.text
            );
        }
    }
}

#[test]
fn no_folder_has_a_circle_among_its_files() {
    let circles = circles(&inner_edges());
    assert!(circles.is_empty(), "what both need lies below both:\n{}", circles.join("\n"));
}

#[test]
fn the_scan_sees_circles_however_they_are_written() {
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Vec<String>>();
    let children = ["a", "a::b", "a::c", "a::d", "a::d::e"].map(module).into();
    let exports = [(module("a::Thing"), "c".to_owned()), (module("a::d::Deep"), "e".to_owned())].into();
    let tree = Tree { modules: children, exports };
    let edges = |from: &str, text: &str| {
        let edges = tree.inner_edges_of(&module(from), "x.rs", text);
        edges.iter().map(|edge| format!("{} {} {}", edge.folder, edge.from, edge.to)).collect::<Vec<_>>()
    };
    assert_eq!(
        edges("a::b", "use super::{c::X, Thing}; fn f() { crate::a::d::g() }"),
        ["a b c", "a b c", "a b d"]
    );
    // Imports of the file's own module, of its folder, and of another folder.
    assert!(edges("a::b", "use super::{Other, b::Y}; use crate::z::X;").is_empty());
    assert_eq!(edges("a::d::e", "use super::super::Thing; use crate::a::d::Deep;"), ["a d c"]);
    let edge = |from: &str, to: &str| InnerEdge {
        folder: "a".to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        place: "x.rs:1".to_owned(),
    };
    assert!(circles(&[edge("b", "c"), edge("c", "d"), edge("b", "d")]).is_empty());
    let found = circles(&[edge("b", "c"), edge("c", "d"), edge("d", "b"), edge("e", "b")]);
    assert_eq!(found, ["    a: b -> c -> d -> b (x.rs:1, x.rs:1, x.rs:1)"]);
}

#[test]
fn the_rules_are_pure() {
    for file in sources().iter().filter(|file| module_path(file).first().is_some_and(|name| name == "access"))
    {
        let tokens = tokens(&fs::read_to_string(file).unwrap());
        for (index, token) in tokens.iter().enumerate() {
            // A span of time and a point in time are values like others; what the time is comes in.
            let after: Vec<&str> = tokens.iter().skip(index + 1).take(2).map(|token| &*token.text).collect();
            let is_value = matches!(
                (token.text.as_str(), after.as_slice()),
                ("time", ["::", "Duration"]) | ("clock", ["::", "Timestamp"])
            );
            let impure = IMPURE.contains(&token.text.as_str()) && !is_value;
            assert!(
                !impure,
                "{}:{}: `{}` has no place in a decision",
                file.display(),
                token.line,
                token.text
            );
        }
    }
}

#[test]
fn the_scan_sees_edges_however_they_are_written() {
    let text = r##"
        //! [`crate::gateway`] in a comment is none.
        use crate::{clock::{self, Timestamp}, identity::User as Person, session};
        use super::super::users::Directory;
        pub(in crate::portal) fn f<'a>(x: &'a str) -> char { crate::pages::redirect("crate::forward", r#"crate::config"#); '"' }
        const BYTE: u8 = b'"';
        #[cfg(test)]
        mod tests;
        fn g() { crate::refusal::Refusal::SignIn; }
        #[cfg(test)]
        pub(crate) mod more { use crate::server::X; fn h() { if true {} } }
        fn i() { crate::access::decide(); }
        use crate::*;
    "##;
    let module = ["portal".to_owned(), "login".to_owned()];
    let to: Vec<String> = edges_of(&module, "login.rs", text).into_iter().map(|edge| edge.to).collect();
    assert_eq!(
        to,
        [
            "clock",
            "clock::Timestamp",
            "identity::User",
            "session",
            "users::Directory",
            "pages::redirect",
            "refusal::Refusal::SignIn",
            "access::decide",
            "*",
        ]
    );
}

fn rows() -> impl Iterator<Item = Row> {
    LAYERS.iter().flat_map(|(_, rows)| *rows).copied()
}

fn is_allowed(edge: &Edge) -> bool {
    rows()
        .any(|(module, allowed)| module == edge.from && allowed.iter().any(|entry| is_below(&edge.to, entry)))
}

/// Whether a path is that item, or something in it.
fn is_below(path: &str, item: &str) -> bool {
    path.strip_prefix(item).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// One path that leads from a module into another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: String,
    /// The path after `crate::`.
    to: String,
    file: String,
    line: usize,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "    {} -> {} ({}:{})", self.from, self.to, self.file, self.line)
    }
}

/// Every edge of the code that is shipped.
fn edges() -> Vec<Edge> {
    let mut edges = Vec::new();
    for file in sources() {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        edges.extend(edges_of(&module_path(&file), &name, &fs::read_to_string(&file).unwrap()));
    }
    edges
}

fn edges_of(module: &[String], file: &str, text: &str) -> Vec<Edge> {
    let from = module.first().map_or("lib", String::as_str);
    let tokens = tokens(text);
    let mut edges = Vec::new();
    for start in 0..tokens.len() {
        let Some((root, after_root)) = root_of_path(&tokens, start, module) else { continue };
        if !root.is_empty() {
            continue;
        }
        let mut paths = Vec::new();
        paths_of_tree(&tokens, after_root, "", &mut paths);
        for to in paths {
            if to.split("::").next() != Some(from) {
                edges.push(Edge {
                    from: from.to_owned(),
                    to,
                    file: file.to_owned(),
                    line: tokens[start].line,
                });
            }
        }
    }
    edges
}

/// One path that leads from a file of a folder into another file, or folder, beside it.
#[derive(Debug, Clone)]
struct InnerEdge {
    folder: String,
    from: String,
    to: String,
    place: String,
}

/// The modules of the crate, and which of a folder's files has what its `mod.rs` names.
struct Tree {
    modules: BTreeSet<Vec<String>>,
    exports: BTreeMap<Vec<String>, String>,
}

impl Tree {
    fn of_the_crate() -> Self {
        let mut this = Self { modules: BTreeSet::new(), exports: BTreeMap::new() };
        for file in sources() {
            let path = module_path(&file);
            this.modules.extend((1..=path.len()).map(|length| path[..length].to_vec()));
        }
        for file in sources().iter().filter(|file| file.ends_with("mod.rs")) {
            let folder = module_path(file);
            let tokens = tokens(&fs::read_to_string(file).unwrap());
            for start in (0..tokens.len()).filter(|at| tokens[*at].text == "use") {
                let mut paths = Vec::new();
                paths_of_tree(&tokens, start + 1, "", &mut paths);
                for path in paths {
                    let names: Vec<&str> = path.split("::").collect();
                    if let [first, .., last] = names[..]
                        && this.modules.contains(&child(&folder, first))
                    {
                        this.exports.insert(child(&folder, last), first.to_owned());
                    }
                }
            }
        }
        this
    }

    /// The edges of one file, each in the folder that both its ends have in common.
    fn inner_edges_of(&self, module: &[String], file: &str, text: &str) -> Vec<InnerEdge> {
        let tokens = tokens(text);
        let mut edges = Vec::new();
        for start in 0..tokens.len() {
            let Some((root, at)) = root_of_path(&tokens, start, module) else { continue };
            let mut paths = Vec::new();
            paths_of_tree(&tokens, at, "", &mut paths);
            for path in paths {
                let path: Vec<String> =
                    root.iter().cloned().chain(path.split("::").map(str::to_owned)).collect();
                let common = module.iter().zip(&path).take_while(|(one, other)| one == other).count();
                let (folder, Some(from), Some(to)) = (&path[..common], module.get(common), path.get(common))
                else {
                    continue;
                };
                let place = child(folder, to);
                let to = if self.modules.contains(&place) { Some(to) } else { self.exports.get(&place) };
                if let Some(to) = to.filter(|to| *to != from)
                    && !folder.is_empty()
                {
                    edges.push(InnerEdge {
                        folder: folder.join("::"),
                        from: from.clone(),
                        to: to.clone(),
                        place: format!("{file}:{}", tokens[start].line),
                    });
                }
            }
        }
        edges
    }
}

fn inner_edges() -> Vec<InnerEdge> {
    let tree = Tree::of_the_crate();
    let of_file = |file: &PathBuf| {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        tree.inner_edges_of(&module_path(file), &name, &fs::read_to_string(file).unwrap())
    };
    sources().iter().flat_map(of_file).collect()
}

/// One circle through each file that lies on one, the shortest, each reported once.
fn circles(edges: &[InnerEdge]) -> Vec<String> {
    let mut found = BTreeMap::new();
    for first in edges {
        // Breadth first, so that the first way back is the shortest.
        let mut ways: VecDeque<Vec<&InnerEdge>> = [vec![first]].into();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        while let Some(way) = ways.pop_front() {
            let end = way[way.len() - 1];
            if end.to == first.from {
                let files: BTreeSet<&str> = way.iter().map(|edge| edge.from.as_str()).collect();
                found.entry((first.folder.as_str(), files)).or_insert(way);
                break;
            }
            for next in edges.iter().filter(|next| next.folder == first.folder && next.from == end.to) {
                if seen.insert(&next.to) {
                    ways.push_back([&way[..], &[next]].concat());
                }
            }
        }
    }
    let shown = |way: &Vec<&InnerEdge>| {
        let files: Vec<&str> = way.iter().map(|edge| edge.from.as_str()).collect();
        let places: Vec<&str> = way.iter().map(|edge| edge.place.as_str()).collect();
        format!("    {}: {} -> {} ({})", way[0].folder, files.join(" -> "), files[0], places.join(", "))
    };
    found.values().map(shown).collect()
}

fn child(folder: &[String], name: &str) -> Vec<String> {
    [folder, &[name.to_owned()]].concat()
}

/// The module in which a path starts here, if it says so, and where the path goes on.
fn root_of_path(tokens: &[Token], start: usize, module: &[String]) -> Option<(Vec<String>, usize)> {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.text == text);
    if start > 0 && is(start - 1, "::") {
        return None;
    }
    if (is(start, "crate") || is(start, "portcullis")) && is(start + 1, "::") {
        return Some((Vec::new(), start + 2));
    }
    let (mut at, mut ups) = (start, 0);
    while is(at, "super") && is(at + 1, "::") {
        at += 2;
        ups += 1;
    }
    (ups > 0).then(|| (module[..module.len().saturating_sub(ups)].to_vec(), at))
}

/// All paths of a use tree, and where it ends; a path in an expression is a tree with one.
fn paths_of_tree(tokens: &[Token], mut at: usize, before: &str, paths: &mut Vec<String>) -> usize {
    let mut path = before.to_owned();
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    if tokens[at].text == "," {
                        at += 1;
                    } else {
                        at = paths_of_tree(tokens, at, &path, paths);
                    }
                }
                return at + 1;
            }
            // `self` in a tree is the module itself.
            "self" => {}
            text if text == "*" || text.starts_with(is_name) => {
                if !path.is_empty() {
                    path.push_str("::");
                }
                path.push_str(text);
            }
            _ => break,
        }
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        at += 1;
    }
    paths.push(path);
    // A new name for it, `as Other`, is no path.
    if tokens.get(at).is_some_and(|token| token.text == "as") { at + 2 } else { at.max(1) }
}

/// `src/a/b.rs` is `a`, `b`; `src/a/mod.rs` is `a`; `src/lib.rs` and `src/main.rs` are the root and `main`.
fn module_path(file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(root().join("src")).unwrap().with_extension("");
    let mut path: Vec<String> = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib")) {
        path.pop();
    }
    path
}

/// All files of `src` but `tests.rs` and folders `tests`, which hold nothing else.
fn sources() -> Vec<PathBuf> {
    let mut folders = vec![root().join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_stem().is_some_and(|name| name == "tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

/// Names, `::` and single characters of what is not a test, a comment or a literal.
fn tokens(text: &str) -> Vec<Token> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens: Vec<Token> = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&character) = characters.get(at) {
        let rest = &characters[at..];
        let length = match character {
            '/' if rest.starts_with(&['/', '/']) => until(rest, |rest| rest[0] == '\n'),
            '/' if rest.starts_with(&['/', '*']) => until(rest, |rest| rest.starts_with(&['*', '/'])) + 2,
            '"' => string(rest),
            'r' | 'b' | 'c' if literal_prefix(rest).is_some() => literal_prefix(rest).unwrap(),
            // A character, and not a lifetime: 'x' or '\…'.
            '\'' if rest.get(1) == Some(&'\\') => 3 + until(&rest[3..], |rest| rest[0] == '\'') + 1,
            '\'' if rest.get(2) == Some(&'\'') => 3,
            _ if is_name(character) => {
                let length = until(rest, |rest| !is_name(rest[0]));
                tokens.push(Token { text: rest[..length].iter().collect(), line });
                length
            }
            ':' if rest.get(1) == Some(&':') => {
                tokens.push(Token { text: "::".to_owned(), line });
                2
            }
            _ => {
                if !character.is_whitespace() {
                    tokens.push(Token { text: character.to_string(), line });
                }
                1
            }
        };
        let end = (at + length).min(characters.len());
        line += characters[at..end].iter().filter(|&&character| character == '\n').count();
        at = end;
    }
    without_test_modules(tokens)
}

/// The tokens without `#[cfg(test)] mod … { … }`; one that is declared only, `mod tests;`, is a file that is not read.
fn without_test_modules(tokens: Vec<Token>) -> Vec<Token> {
    let words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let mut kept = vec![true; tokens.len()];
    for start in 0..tokens.len() {
        if !words[start..].starts_with(&["#", "[", "cfg", "(", "test", ")", "]"]) {
            continue;
        }
        let body =
            start + words[start..].iter().position(|word| matches!(*word, "{" | ";")).expect("an item");
        if !words[start..body].contains(&"mod") || words[body] == ";" {
            continue;
        }
        let mut depth = 0;
        let end = (body..tokens.len()).find(|&at| {
            depth += match words[at] {
                "{" => 1,
                "}" => -1,
                _ => 0,
            };
            depth == 0
        });
        kept[start..=end.expect("a closed module")].fill(false);
    }
    tokens.into_iter().zip(kept).filter_map(|(token, kept)| kept.then_some(token)).collect()
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn until(rest: &[char], ends: impl Fn(&[char]) -> bool) -> usize {
    (0..rest.len()).find(|&at| ends(&rest[at..])).unwrap_or(rest.len())
}

/// The length of a string in quotation marks, with them.
fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of `r"…"`, `r#"…"#`, `b"…"`, `b'…'` and their mixtures, if that is what starts here.
fn literal_prefix(rest: &[char]) -> Option<usize> {
    let letters = until(rest, |rest| !matches!(rest[0], 'r' | 'b' | 'c'));
    let hashes = until(&rest[letters..], |rest| rest[0] != '#');
    let quote = letters + hashes;
    match rest.get(quote)? {
        '"' if rest[..letters].contains(&'r') => {
            let mut end = vec!['"'];
            end.resize(hashes + 1, '#');
            Some(quote + 1 + until(&rest[quote + 1..], |rest| rest.starts_with(&end)) + end.len())
        }
        '"' if hashes == 0 => Some(quote + string(&rest[quote..])),
        '\'' if rest[..letters] == ['b'] && hashes == 0 => {
            let escaped = usize::from(rest.get(quote + 1) == Some(&'\\'));
            Some(quote + 3 + escaped)
        }
        _ => None,
    }
}
