//! The catalogues against the code and against each other; the choice of a language; texts.

#![expect(clippy::string_slice, reason = "the places come from searches in the same text")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use fluent_syntax::{ast::Entry, parser};
use http::{HeaderMap, HeaderValue, header::ACCEPT_LANGUAGE};
use proptest::prelude::*;

use super::{added, embedded, *};
use crate::clock::Timestamp;

/// A use of a text: the file, the key, and the names of its arguments if the use shows them.
struct Use {
    file: String,
    key: String,
    arguments: BTreeSet<String>,
}

/// The uses in templates, `t("key", name=…)`, and in the code, `Text::of("key").with("name", …)`.
fn uses() -> Vec<Use> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut uses = Vec::new();
    for file in files_below(&root) {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        // Comments of `language` name keys as examples, and the tests of other modules make some up.
        if name.starts_with("language/") && name != "language/times.rs" && name != "language/language.rs" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("html") => uses.extend(uses_in_template(&name, &text)),
            Some("rs") if !name.contains("tests") => {
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                uses.extend(uses_in_code(&name, text));
            }
            _ => {}
        }
    }
    let date = BTreeSet::from(["day", "month", "year", "hour", "minute"].map(str::to_owned));
    uses.push(Use { file: "language.rs".into(), key: "date-and-time".into(), arguments: date });
    assert!(uses.len() > 100, "{}", uses.len());
    uses
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn uses_in_template(file: &str, text: &str) -> Vec<Use> {
    let calls =
        text.match_indices(" t(\"").chain(text.match_indices("(t(\"")).chain(text.match_indices("=t(\""));
    calls
        .map(|(at, start)| {
            let call = balanced(&text[at + start.len() - 2..]);
            let key = literals(&call).remove(0);
            let parts = split_top(&call);
            let names = parts.iter().skip(1).filter_map(|part| part.split_once('='));
            let arguments = names.map(|(name, _)| name.trim().to_owned()).collect();
            Use { file: file.to_owned(), key, arguments }
        })
        .collect()
}

fn uses_in_code(file: &str, text: &str) -> Vec<Use> {
    // Another module may have a `Text` of its own.
    if !text.contains("language::") && !text.contains("use super::Text") {
        return Vec::new();
    }
    let mut uses = Vec::new();
    for (at, start) in text.match_indices("Text::of(") {
        // A type of another name, such as `PaddedText`.
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let call = balanced(&text[at + start.len() - 1..]);
        let mut rest = &text[at + start.len() - 1 + call.len() + 2..];
        // Texts within this one have uses of their own.
        let keys = results(&without_nested(&call));
        assert!(!keys.is_empty(), "{file}: the key of `Text::of({call})` is not written there");
        let mut arguments = BTreeSet::new();
        while let Some((inner, after)) = argument(rest) {
            arguments.insert(literals(&inner).remove(0));
            rest = after;
        }
        uses.extend(keys.into_iter().map(|key| Use {
            file: file.to_owned(),
            key,
            arguments: arguments.clone(),
        }));
    }
    uses
}

/// The inner text of a `.with(…)` at the start, and the text after it.
fn argument(text: &str) -> Option<(String, &str)> {
    let with = text.trim_start().strip_prefix(".with")?;
    let inner = balanced(with);
    Some((inner.clone(), &with[inner.len() + 2..]))
}

/// A text without the texts within it and their arguments.
fn without_nested(call: &str) -> String {
    let Some((before, after)) = call.split_once("Text::of") else { return call.to_owned() };
    let mut rest = &after[balanced(after).len() + 2..];
    while let Some((_, after)) = argument(rest) {
        rest = after;
    }
    format!("{before}{}", without_nested(rest))
}

/// The text between a parenthesis at the start and the one that closes it.
fn balanced(text: &str) -> String {
    let (mut depth, mut in_literal, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => in_literal = !in_literal,
            '(' if !in_literal => depth += 1,
            ')' if !in_literal => {
                depth -= 1;
                if depth == 0 {
                    return text[1..at].to_owned();
                }
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    panic!("a parenthesis stays open: {}", &text[..text.len().min(200)]);
}

/// The literals that are no pattern of a `match`, and in no guard of one.
fn results(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('"').collect();
    let around =
        |at: usize| (parts[at - 1].trim_end(), parts.get(at + 1).map_or("", |after| after.trim_start()));
    let is_result = |at: &usize| {
        let (before, after) = around(*at);
        let is_pattern = after.starts_with("=>") || after.starts_with('|') || before.ends_with('|');
        !is_pattern && (!text.contains("=>") || !before.ends_with('('))
    };
    (1..parts.len()).step_by(2).filter(is_result).map(|at| parts[at].to_owned()).collect()
}

fn literals(text: &str) -> Vec<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The arguments of a call, split at its own commas.
fn split_top(call: &str) -> Vec<String> {
    let (mut parts, mut depth, mut in_literal) = (vec![String::new()], 0, false);
    for c in call.chars() {
        match c {
            '"' => in_literal = !in_literal,
            '(' | '[' if !in_literal => depth += 1,
            ')' | ']' if !in_literal => depth -= 1,
            ',' if !in_literal && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    parts
}

fn english() -> BTreeMap<String, BTreeSet<String>> {
    added::messages(embedded::sources(&embedded::english()))
}

#[test]
fn english_catalogue_has_exactly_the_texts_that_the_code_uses() {
    let (uses, english) = (uses(), english());
    let missing: Vec<_> = uses.iter().filter(|used| !english.contains_key(&used.key)).collect();
    let missing: Vec<_> = missing.iter().map(|used| format!("{}: {}", used.file, used.key)).collect();
    let keys: BTreeSet<&str> = uses.iter().map(|used| used.key.as_str()).collect();
    let surplus: Vec<_> = english.keys().filter(|key| !keys.contains(key.as_str())).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "missing: {missing:#?}\nsurplus: {surplus:#?}");
}

#[test]
fn texts_get_exactly_the_arguments_that_they_have() {
    let english = english();
    let wrong: Vec<String> = uses()
        .iter()
        .filter(|used| english.get(&used.key).is_some_and(|expected| *expected != used.arguments))
        .map(|used| format!("{}: {} is given {:?}", used.file, used.key, used.arguments))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn catalogues_of_the_program_are_well_formed_plain_text_without_duplicates() {
    for language in embedded::languages() {
        let mut keys = BTreeSet::new();
        for (topic, text) in embedded::topics(&language) {
            let problems = added::problems(text);
            assert!(problems.is_empty(), "{language}/{topic}: {problems:#?}");
            let resource = parser::parse(*text).unwrap();
            for entry in &resource.body {
                if let Entry::Message(message) = entry {
                    assert!(
                        keys.insert(message.id.name),
                        "{language}/{topic}: {} is there twice",
                        message.id.name
                    );
                }
            }
            for forbidden in ["<", "&", "\t", "...", " )", "\u{2068}"] {
                assert!(!text.contains(forbidden), "{language}/{topic} contains {forbidden:?}");
            }
        }
    }
}

/// Languages of the program have every text, so that no page is half English.
#[test]
fn every_language_has_exactly_the_texts_and_arguments_of_the_english_catalogue() {
    let english = english();
    let mut wrong = Vec::new();
    for language in embedded::languages() {
        let own = added::messages(embedded::sources(&language));
        let missing = english.keys().filter(|key| !own.contains_key(*key));
        wrong.extend(missing.map(|key| format!("{language}: {key} is missing")));
        let surplus = own.keys().filter(|key| !english.contains_key(*key));
        wrong.extend(surplus.map(|key| format!("{language}: {key} is surplus")));
        // A plural form may say “a minute” without its number, but not lose any other argument.
        let differs =
            own.iter().filter(|(key, arguments)| english.get(*key).is_some_and(|it| it != *arguments));
        wrong.extend(differs.map(|(key, arguments)| format!("{language}: {key} has {arguments:?}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn plural_forms_are_those_of_the_language() {
    let languages = Languages::default();
    let polish = languages.find(&"pl".parse().unwrap()).unwrap();
    for (days, expected) in [(1, "wczoraj"), (2, "2 dni temu"), (5, "5 dni temu")] {
        assert_eq!(polish.say(&ago(Duration::from_hours(24 * days))), expected);
    }
    for (hours, expected) in [(1, "1 godzinę"), (3, "3 godziny"), (5, "5 godzin"), (23, "23 godziny")] {
        assert_eq!(polish.say(&exactly(Duration::from_hours(hours))), expected);
    }
    let date = Timestamp::from_millis(1_791_273_600_000);
    for (tag, expected) in [
        ("de", "6. Oktober 2026, 08:00 Uhr UTC"),
        ("fr", "6 octobre 2026 à 08:00 UTC"),
        ("pl", "6 października 2026, 08:00 UTC"),
        ("pt", "6 de outubro de 2026, 08:00 UTC"),
    ] {
        assert_eq!(languages.find(&tag.parse().unwrap()).unwrap().date(date), expected);
    }
}

#[test]
fn files_of_a_language_are_those_in_its_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/language/catalogues");
    let mut folders: Vec<String> =
        fs::read_dir(&root).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    let mut tags: Vec<String> = embedded::languages().map(|language| language.to_string()).collect();
    assert_eq!(tags[0], "en");
    for language in embedded::languages() {
        let mut topics: Vec<String> =
            embedded::topics(&language).iter().map(|(topic, _)| format!("{topic}.ftl")).collect();
        topics.sort();
        let mut files: Vec<String> = fs::read_dir(root.join(language.to_string()))
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(topics, files, "{language}");
    }
    tags.sort();
    assert_eq!(tags, folders);
}

fn chosen(languages: &Languages, wanted: &str) -> String {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(wanted).unwrap());
    languages.for_request(&headers).tag().to_owned()
}

/// English with German, French and Brazilian Portuguese, each of which has one text.
fn some_languages(choice: LanguageChoice) -> Languages {
    let file = |tag: &str, text: &str| AddedFile::check(tag.parse().unwrap(), text.to_owned()).unwrap();
    let files = [
        file(
            "de",
            "sign-in = Anmelden\nago-days = { $number ->\n [one] vor einem Tag\n *[other] vor { $number } Tagen\n }\n",
        ),
        file("fr", "sign-in = Se connecter\n"),
        file("pt-BR", "sign-in = Entrar\n"),
        file("eo", "sign-in = Ensaluti\n"),
        file("ar", "sign-in = تسجيل الدخول\n"),
    ];
    Languages::new(&files, choice)
}

#[test]
fn browser_gets_the_language_that_it_wants_most() {
    let languages = some_languages(LanguageChoice::Auto);
    for (wanted, expected) in [
        ("de", "de"),
        ("DE", "de"),
        ("de-CH,en;q=0.5", "de"),
        ("de-Latn-AT-1996", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("en;q=0.2, fr;q=0.9", "fr"),
        ("fr;q=0.5,de;q=0.5", "fr"),
        ("ja,de;q=0.3", "de"),
        ("de;q=0,fr", "fr"),
        ("de;q=0", "en"),
        ("pt-BR", "pt-BR"),
        ("*", "en"),
        ("", "en"),
        ("tlh", "en"),
        ("de;q=2", "en"),
        ("de;q=nan", "en"),
        ("de;level=1;q=0.4, fr;q=0.3", "de"),
        ("../../etc/passwd, de", "de"),
        (";;;,,,=", "en"),
    ] {
        assert_eq!(chosen(&languages, wanted), expected, "{wanted:?}");
    }
    assert_eq!(languages.for_request(&HeaderMap::new()).tag(), "en");
}

#[test]
fn configured_language_is_that_of_everybody() {
    let languages = some_languages(LanguageChoice::Always("fr".parse().unwrap()));
    for wanted in ["de", "en", "*", ""] {
        assert_eq!(chosen(&languages, wanted), "fr");
    }
    assert_eq!(languages.without_request().tag(), "fr");
    assert_eq!(some_languages(LanguageChoice::Auto).without_request().tag(), "en");
}

#[test]
fn long_header_costs_no_more_than_its_first_languages() {
    let languages = some_languages(LanguageChoice::Auto);
    let many = format!("{}de", "tlh,".repeat(32));
    assert_eq!(chosen(&languages, &many), "en");
    assert_eq!(chosen(&languages, &format!("{}x,de", "a".repeat(30_000))), "de");
}

proptest! {
    #[test]
    fn any_header_value_chooses_a_language(value in "[ -~]{0,200}") {
        let languages = some_languages(LanguageChoice::Auto);
        prop_assert!(languages.iter().any(|language| language.tag() == chosen(&languages, &value)));
    }
}

#[test]
fn text_that_a_language_lacks_is_english() {
    let languages = some_languages(LanguageChoice::Auto);
    let esperanto = languages.find(&"eo".parse().unwrap()).unwrap();
    assert_eq!(esperanto.say(&Text::of("sign-in")), "Ensaluti");
    assert_eq!(esperanto.say(&Text::of("request-id").with("id", "x")), "Request x");
    assert_eq!(esperanto.say(&Text::verbatim("Salutojn")), "Salutojn");
    assert_eq!(esperanto.direction(), "ltr");
    assert_eq!(languages.find(&"ar".parse().unwrap()).unwrap().direction(), "rtl");
}

#[test]
fn argument_is_a_value_and_never_a_text_of_the_catalogue() {
    let english = Language::english();
    let text = Text::of("sign-in-with").with("provider", "{ $host } { sign-in }\n[one] <b>");
    assert_eq!(english.say(&text), "Sign in with { $host } { sign-in }\n[one] <b>");
}

#[test]
fn spans_of_time_are_in_the_unit_that_people_use() {
    let english = Language::english();
    for (seconds, expected) in [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (86_399, "23 hours ago"),
        (86_400, "1 day ago"),
        (30 * 86_400, "30 days ago"),
    ] {
        assert_eq!(english.say(&ago(Duration::from_secs(seconds))), expected);
    }
    for (seconds, expected) in [
        (30 * 86_400, "30 days"),
        (36 * 3600, "36 hours"),
        (3600, "1 hour"),
        (90, "90 seconds"),
        (120, "2 minutes"),
        (1, "1 second"),
    ] {
        assert_eq!(english.say(&exactly(Duration::from_secs(seconds))), expected);
    }
    let languages = some_languages(LanguageChoice::Auto);
    let german = languages.find(&"de".parse().unwrap()).unwrap();
    assert_eq!(german.say(&ago(Duration::from_hours(48))), "vor 2 Tagen");
}

#[test]
fn waiting_time_is_never_too_short() {
    let english = Language::english();
    for (millis, expected) in [
        (0, "1 second"),
        (39_001, "40 seconds"),
        (60_000, "1 minute"),
        (60_001, "61 seconds"),
        (240_001, "5 minutes"),
        (3_600_000, "60 minutes"),
        (86_399_000, "24 hours"),
    ] {
        assert_eq!(english.say(&waiting(Duration::from_millis(millis))), expected, "{millis}");
    }
}

#[test]
fn date_is_in_utc_with_the_name_of_its_month() {
    let english = Language::english();
    assert_eq!(english.date(Timestamp::from_millis(1_791_273_600_000)), "6 October 2026, 08:00 UTC");
    assert_eq!(english.date(Timestamp::from_millis(0)), "1 January 1970, 00:00 UTC");
    assert_eq!(english.date(Timestamp::from_millis(i64::MAX)), "1 January 1970, 00:00 UTC");
    let text = Text::of("sessions-signed-in").with("date", Timestamp::from_millis(0)).with("address", "::1");
    assert_eq!(english.say(&text), "Signed in 1 January 1970, 00:00 UTC from ::1");
}

#[test]
fn mistakes_in_a_file_of_an_operator_are_found_at_their_places() {
    for (text, place, problem) in [
        ("sign-in = ok\nsing-out = Weg\n", "sing-out", "no text with this key"),
        ("sign-in-with = Mit { $providre }\n", "providre", "no argument of this name"),
        ("sign-in = a\nsign-in = b\n", "sign-in = b", "twice"),
        ("sign-in = { NUMBER($x) }\n", "NUMBER", "no functions"),
        ("sign-in = { other-key }\n", "other-key", "no text with this key"),
        ("sign-in = a\n    .title = b\n", "title", "attributes"),
        ("ago-days = { $number ->\n    [one] x\n    [other] y\n}\n", "", "default variant"),
        ("sign-in = a\n?? = b\n", "??", "no Fluent message"),
        ("sign-in = { $number\n", "", "no Fluent message"),
    ] {
        let problems = AddedFile::check("de".parse().unwrap(), text.to_owned()).unwrap_err();
        let found = problems.iter().find(|found| found.message.contains(problem));
        let found = found.unwrap_or_else(|| panic!("{text:?}: {problems:#?}"));
        assert!(found.span.end <= text.len() + 1, "{found:?}");
        if !place.is_empty() {
            assert!(text[found.span.start..].starts_with(place), "{text:?}: {found:?}");
        }
    }
}

#[test]
fn missing_texts_of_an_added_language_are_counted() {
    let file = AddedFile::check("eo".parse().unwrap(), "sign-in = Ensaluti\n".to_owned()).unwrap();
    let missing = AddedFile::missing(&[file]);
    assert_eq!((missing.len(), missing[0].language.as_str()), (1, "eo"));
    assert_eq!(missing[0].number, english().len() - 1);
    let file = AddedFile::check("en".parse().unwrap(), "sign-in = Log in\n".to_owned()).unwrap();
    assert_eq!(AddedFile::missing(std::slice::from_ref(&file)), []);
    let languages = Languages::new(&[file], LanguageChoice::Auto);
    assert_eq!(languages.for_request(&HeaderMap::new()).say(&Text::of("sign-in")), "Log in");
    assert_eq!(Language::english().say(&Text::of("sign-in")), "Sign in");
}

proptest! {
    #[test]
    fn any_text_is_checked_without_a_panic(text in "[ -~\n]{0,200}", tail in "\\PC{0,40}") {
        let text = format!("sign-in = x\n{text}{tail}");
        for problem in added::problems(&text) {
            prop_assert!(problem.span.start <= text.len(), "{problem:?}");
        }
    }
}
