//! The rules, one by one and together.

use super::*;
use crate::users::UnusablePassword;

fn owner() -> PasswordOwner {
    let name = UserName::parse("alice").unwrap();
    PasswordOwner::new(name, "Alice Wonderland", "a.liddell@zubrowkiewicz.example")
}

fn check_with(rules: &PasswordRules, text: &str) -> Vec<Weakness> {
    let checked = rules.check(&Password::new(text.to_owned()), &owner());
    checked.err().map(|weak| weak.weaknesses().to_vec()).unwrap_or_default()
}

fn check_for_alice(text: &str) -> Vec<Weakness> {
    check_with(&PasswordRules::default(), text)
}

#[test]
fn common_and_regular_passwords_are_refused_with_the_reason() {
    for (text, said) in [
        ("password1", "many people"),
        ("P@ssw0rd", "many people"),
        ("qwertyuiop", "many people"),
        ("dfghjkl;'", "keyboard"),
        ("aaaaaaaaaaaa", "repeats"),
        ("abcdefghijk", "counts"),
        ("12.03.1984", "date"),
        ("portcullis1", "own name"),
    ] {
        let weak = PasswordRules::default().check(&Password::new(text.to_owned()), &owner()).unwrap_err();
        assert!(weak.to_string().contains(said), "{text}: {weak}");
    }
}

#[test]
fn passwords_made_of_the_users_own_words_are_refused() {
    for text in ["wonderland9", "Alice.Wonderland", "zubrowkiewicz1", "aLiddell12"] {
        assert!(!check_for_alice(text).is_empty(), "{text}");
    }
    assert_eq!(check_for_alice("zubrowkiewicz1"), [Weakness::OwnWords]);
    let bob = PasswordOwner::new(UserName::parse("bob").unwrap(), "", "");
    assert_eq!(PasswordRules::default().check(&Password::new("zubrowkiewicz1".to_owned()), &bob), Ok(()));
}

#[test]
fn length_counts_in_characters_of_the_normal_form() {
    let short = [Weakness::TooShort { least: 8 }];
    assert_eq!(check_for_alice("ab3$xyz"), short);
    assert_eq!(check_for_alice("ééééééé"), short);
    assert_eq!(check_for_alice(&"e\u{301}".repeat(7)), short);
    // A long password that is not guessable, in a form whose normal form has half as many characters.
    let words = "velvet turbine oyster ";
    let long = |accents: usize| format!("{words}{}", "e\u{301}".repeat(accents));
    assert_eq!(check_for_alice(&long(128 - words.len())), []);
    assert_eq!(check_for_alice(&long(129 - words.len())), [Weakness::TooLong { most: 128 }]);
    assert_eq!(check_for_alice(&"x1".repeat(65)), [Weakness::TooLong { most: 128 }]);
    assert_eq!(check_for_alice(&"x1".repeat(513)), [Weakness::Unusable(UnusablePassword::TooLong)]);
    assert_eq!(check_for_alice("velvet\0turbine"), [Weakness::Unusable(UnusablePassword::Nul)]);
    assert_eq!(check_for_alice(""), [Weakness::Unusable(UnusablePassword::Empty)]);
}

#[test]
fn any_composition_will_do_if_it_is_not_guessable() {
    for text in ["velvet turbine oyster", "gänseblümchenwiese im nebel", "tr0ub4dor&3x", "🦆🦆🐙🎻🪁🧊🪵🧲"]
    {
        assert_eq!(check_for_alice(text), [], "{text}");
    }
}

fn all_of_django() -> PasswordRules {
    PasswordRules { similarity: true, common: true, numeric: true, ..PasswordRules::default() }
}

#[test]
fn all_weaknesses_of_a_password_are_named_at_once() {
    let rules = all_of_django();
    assert_eq!(
        check_with(&rules, "123456"),
        [Weakness::TooShort { least: 8 }, Weakness::Numeric, Weakness::Common]
    );
    let weak = rules.check(&Password::new("123456".to_owned()), &owner()).unwrap_err();
    assert_eq!(
        weak.to_string(),
        "the password is too short: it needs at least 8 characters, better 15; it consists of digits alone; \
         it is too common"
    );
    assert_eq!(
        check_with(&rules, "ALICE12"),
        [Weakness::TooShort { least: 8 }, Weakness::Similar(OwnValue::UserName),]
    );
    assert_eq!(check_with(&rules, "zubrowkiewicz1"), [Weakness::Similar(OwnValue::Email)]);
    assert_eq!(check_with(&rules, "87345093458723"), [Weakness::Numeric]);
    assert_eq!(check_with(&rules, "velvet turbine oyster"), []);
}

#[test]
fn a_password_alone_has_to_be_longer_than_one_beside_a_second_factor() {
    let rules = PasswordRules { min_chars_without_factor: 15, ..PasswordRules::default() };
    let (short, long) = ("tr0ub4dor&3x", "velvet turbine oyster");
    assert_eq!(check_with(&rules, short), [Weakness::TooShortAlone { least: 15 }]);
    assert_eq!(check_with(&rules, long), []);
    let with_factor = PasswordOwner { has_factor: true, ..owner() };
    assert_eq!(rules.check(&Password::new(short.to_owned()), &with_factor), Ok(()));
    assert_eq!((rules.min_chars_for(false), rules.min_chars_for(true)), (15, 8));
}

#[test]
fn a_breached_password_is_refused_and_so_is_every_one_while_the_list_cannot_be_read() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("list");
    let known = "velvet turbine oyster";
    let mut writer = BreachedListWriter::create(&path).unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, known.as_bytes());
    writer.push(hash.as_ref().try_into().unwrap()).unwrap();
    writer.finish().unwrap();
    let list = Arc::new(BreachedList::open(&path).unwrap());
    let rules = |required| PasswordRules {
        breached: Some(Breached { list: Arc::clone(&list), required }),
        ..PasswordRules::default()
    };
    assert_eq!(check_with(&rules(true), known), [Weakness::Breached]);
    assert_eq!(check_with(&rules(true), "velvet turbine oysters"), []);
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(20).unwrap();
    assert_eq!(check_with(&rules(true), "velvet turbine oysters"), [Weakness::Unchecked]);
    assert_eq!(check_with(&rules(false), "velvet turbine oysters"), []);
}
