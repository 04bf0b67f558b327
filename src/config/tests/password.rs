//! `[password]`: rules for new passwords.

use std::fs;

use super::super::parse;
use crate::users::BreachedListWriter;

fn rendered(text: &str, folder: &std::path::Path) -> Result<Vec<String>, String> {
    let whole = format!("[[app]]\nupstream = \"builtin:whoami\"\n[password]\n{text}\n");
    let render = |diagnostics: Vec<super::super::Diagnostic>| {
        let look = super::super::Look::Plain;
        diagnostics.iter().map(|diagnostic| diagnostic.render(look)).collect::<Vec<_>>()
    };
    match parse(&whole, &folder.join("gateway.toml")) {
        Ok(loaded) => Ok(render(loaded.warnings)),
        Err(diagnostics) => Err(render(diagnostics).join("\n")),
    }
}

#[test]
fn rules_are_read() {
    let text = "[[app]]\nupstream = \"builtin:whoami\"\n[password]\nmin_length = 10\nmin_without_factor = 15\n\
                validators = [\"numeric\", \"common\"]\n";
    let rules = parse(text, std::path::Path::new("gateway.toml")).unwrap().configuration.password_rules;
    assert_eq!((rules.min_chars, rules.min_chars_without_factor), (10, 15));
    assert!(rules.numeric && rules.common && !rules.similarity && rules.breached.is_none());
}

#[test]
fn mistakes_are_named_with_what_would_be_right() {
    let temp = tempfile::tempdir().unwrap();
    for (text, said) in [
        ("min_length = 4", "it lies between 8 and 128"),
        ("min_length = 12\nmin_without_factor = 10", "it lies between 12 and 128"),
        ("validators = [\"similar\"]", "did you mean \"similarity\"?"),
        ("validators = \"length\"", "it is \"similarity\", \"common\" or \"numeric\""),
        ("breached_unreadable = \"ignore\"", "it is \"refuse\" or \"warn\""),
    ] {
        let refused = rendered(text, temp.path()).unwrap_err();
        assert!(refused.contains(said), "{text}: {refused}");
    }
    let warnings = rendered("breached_unreadable = \"warn\"", temp.path()).unwrap();
    assert!(warnings[0].contains("has no effect without `breached`"), "{warnings:?}");
}

#[test]
fn a_list_that_is_missing_or_cut_off_refuses_the_start_or_warns_as_configured() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("pwned.bin");
    let list = "breached = \"pwned.bin\"";
    let warning = format!("{list}\nbreached_unreadable = \"warn\"");
    let agree = |said: &str| {
        let refused = rendered(list, temp.path()).unwrap_err();
        assert!(refused.contains(said) && refused.contains("portcullis pwned import"), "{refused}");
        let warnings = rendered(&warning, temp.path()).unwrap();
        assert!(warnings[0].contains(said), "{warnings:?}");
    };
    agree("No such file");
    let mut writer = BreachedListWriter::create(&path).unwrap();
    writer.push([1; 20]).unwrap();
    writer.finish().unwrap();
    assert_eq!(rendered(list, temp.path()), Ok(Vec::new()));
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(30).unwrap();
    agree("it is damaged");
}
