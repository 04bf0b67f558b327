//! `[[user_field]]`.

use std::path::Path;

use super::super::{Look, parse};
use crate::users::{FieldEditor, FieldKind};

fn whole(text: &str) -> String {
    format!("{text}\n[[app]]\nupstream = \"builtin:whoami\"\n")
}

#[test]
fn fields_are_read_in_their_order_with_their_defaults() {
    let text = whole(
        "[[user_field]]\nname = \"team\"\ntitle = \"Team\"\ntype = \"choice\"\nchoices = [\"red\", \" blue \"]\n\
         required = true\neditable_by = \"user\"\n[[user_field]]\nname = \"desk\"\n",
    );
    let fields = parse(&text, Path::new("gateway.toml")).unwrap().configuration.user_fields;
    let [team, desk] = fields.iter().collect::<Vec<_>>()[..] else { panic!("{fields:?}") };
    assert_eq!(team.kind, FieldKind::Choice(vec!["red".into(), "blue".into()]));
    assert_eq!((&*team.title, team.required, team.editable_by), ("Team", true, FieldEditor::User));
    assert_eq!((&*desk.title, &desk.kind), ("desk", &FieldKind::Text));
    assert_eq!((desk.required, desk.editable_by), (false, FieldEditor::Admin));
}

#[test]
fn mistakes_are_named_with_what_would_be_right() {
    for (text, said) in [
        ("[[user_field]]\ntitle = \"Team\"", "add `name = \"team\"`"),
        ("[[user_field]]\nname = \"my team\"", "a field cannot have the name \"my team\""),
        ("[[user_field]]\nname = \"a\"\n[[user_field]]\nname = \"a\"", "two fields have the name \"a\""),
        (
            "[[user_field]]\nname = \"a\"\ntype = \"boolean\"",
            "it is \"text\", \"choice\", \"number\" or \"date\"",
        ),
        ("[[user_field]]\nname = \"a\"\ntype = \"choice\"", "this field has no choices"),
        ("[[user_field]]\nname = \"a\"\ntype = \"choice\"\nchoices = [\"x\", \"x\"]", "is there twice"),
        ("[[user_field]]\nname = \"a\"\ntype = \"choice\"\nchoices = [\"x\\ny\"]", "a choice cannot be"),
        ("[[user_field]]\nname = \"a\"\neditable_by = \"users\"", "did you mean \"user\"?"),
        ("[[user_field]]\nname = \"a\"\nlabel = \"x\"", "unknown key `label`"),
        ("[user_field]\nname = \"a\"", "double brackets"),
    ] {
        let diagnostics = parse(&whole(text), Path::new("gateway.toml")).unwrap_err();
        let rendered = diagnostics.iter().map(|it| it.render(Look::Plain)).collect::<Vec<_>>().join("\n");
        assert!(rendered.contains(said), "{text}: {rendered}");
    }
    let loaded =
        parse(&whole("[[user_field]]\nname = \"a\"\nchoices = [\"x\"]"), Path::new("gateway.toml")).unwrap();
    assert!(loaded.warnings[0].render(Look::Plain).contains("for fields of type \"choice\""));
}
