//! The map of tests in `docs/security.md`: each test that it names exists, and each row names one.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The part of the document that has the tables.
fn map() -> String {
    let text = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let (_, after) = text.split_once("\n## Guarantees and their tests\n").expect("the section");
    after.split("\n## ").next().unwrap().to_owned()
}

/// The cells of its rows, without heads and rules.
fn rows(map: &str) -> Vec<Vec<String>> {
    let lines = map.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let rows =
        lines.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect());
    let heads = ["no.", "mistake", "requirement", "topic", "behaviour", "fuzz target"];
    rows.filter(|row: &Vec<String>| !heads.contains(&row[0].as_str())).collect()
}

/// The paths of names in backticks.
fn named(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |name: &&str| {
        name.contains("::")
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_:".contains(&byte))
    };
    quoted.filter(is_path).collect()
}

/// Whether one of the files that the module can be in has the test. Some are made by a macro, which names
/// them in a list.
fn exists(name: &str) -> bool {
    let (module, test) = name.rsplit_once("::").unwrap();
    let module = module.replace("::", "/");
    let files = [
        format!("tests/it/{module}.rs"),
        format!("src/{module}.rs"),
        format!("src/{module}/mod.rs"),
        format!("src/{module}/tests.rs"),
    ];
    files.iter().filter_map(|file| fs::read_to_string(root().join(file)).ok()).any(|text| {
        text.lines().map(str::trim).any(|line| {
            let declared = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            declared.and_then(|rest| rest.split('(').next()) == Some(test) || line == format!("{test},")
        })
    })
}

#[test]
fn every_test_that_the_map_names_exists() {
    let map = map();
    let names = named(&map);
    assert!(names.len() > 150, "{} names", names.len());
    let missing: Vec<&str> = names.into_iter().filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "docs/security.md names tests that are not there:\n{}", missing.join("\n"));
    let fuzzed: BTreeSet<String> = rows(&map)
        .iter()
        .filter(|row| {
            row.len() == 2 && root().join(format!("fuzz/targets/{}.rs", row[0].trim_matches('`'))).exists()
        })
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect();
    let targets = fs::read_dir(root().join("fuzz/targets")).unwrap();
    let targets: BTreeSet<String> = targets
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(fuzzed, targets, "left: the table; right: the folder");
}

#[test]
fn every_row_of_the_map_has_a_test_or_a_reason() {
    let map = map();
    let rows = rows(&map);
    let numbers: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    for number in (1..=74).map(|number| number.to_string()).chain(["19b".to_owned(), "19c".to_owned()]) {
        assert!(numbers.contains(number.as_str()), "row {number} is missing");
    }
    assert!(!map.contains("(pending)"), "what is not shown has a reason");
    let (tables, _) = map.split_once("### Fuzz targets").expect("the last tables");
    for row in self::rows(tables) {
        let shown = row.last().unwrap();
        let reasons = ["does not apply: ", "not covered, because ", "fuzz target"];
        let has_reason = shown.starts_with("as ") || reasons.iter().any(|reason| shown.contains(reason));
        assert!(!named(shown).is_empty() || has_reason, "nothing shows {row:?}");
    }
}

/// A test that says in its name what it shows stands in the map.
#[test]
fn no_test_that_is_named_for_a_row_is_missing_from_the_map() {
    let map = map();
    let mapped: BTreeSet<&str> = named(&map).into_iter().collect();
    let mut files = Vec::new();
    files_below(&root().join("src"), &mut files);
    files_below(&root().join("tests/it"), &mut files);
    let mut found = 0;
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let tests = text.lines().filter_map(|line| {
            let line = line.trim_start();
            line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?.split('(').next()
        });
        for test in tests {
            let Some(("advisory" | "asvs" | "mistake", number)) = test.split_once('_') else { continue };
            assert!(number.starts_with(|c: char| c.is_ascii_digit()), "{test} has no number");
            found += 1;
            let name = module(&path) + "::" + test;
            assert!(mapped.contains(name.as_str()), "docs/security.md does not name {name}");
        }
    }
    assert!(found > 80, "{found} tests");
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The name in the map of a file in `src` or in `tests/it`.
fn module(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap().with_extension("");
    let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
    let parts = parts.strip_prefix(&["src"]).or_else(|| parts.strip_prefix(&["tests", "it"])).unwrap();
    parts.strip_suffix(&["mod"]).unwrap_or(parts).join("::")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
