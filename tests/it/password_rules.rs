//! Rules for new passwords: against Django's own validators, and through the front door.

use std::{collections::BTreeSet, process::Command};

use portcullis::{
    identity::UserName,
    users::{BreachedList, BreachedListWriter, HashRecord, Password, PasswordOwner, PasswordRules, Weakness},
};

use crate::support::accounts::{output_of, python, script};

/// User name, full name, address.
const USERS: [[&str; 3]; 6] = [
    ["alice", "Alice Wonderland", "a.liddell@example.com"],
    ["bob", "", ""],
    ["joe_smith", "Joe Smith", "joe.smith@mail.example.org"],
    ["zoë", "Zoë Müller-Lüdenscheidt", "zoe+list@example.com"],
    ["x", "Y Z", "x@y.example"],
    ["averyveryverylongusername", "A", "a@bb.example"],
];

/// Passwords that lie on both sides of each rule, and many made of the user's own words.
fn passwords(user: [&str; 3]) -> Vec<String> {
    let fixed = [
        "",
        "1",
        "12345678",
        "123456789012",
        "12345678a",
        "password",
        "PassWord",
        " iloveyou ",
        "qwerty123",
        "trustno1",
        "letmein",
        "abc123",
        "velvet turbine oyster",
        "tr0ub4dor&3",
        "aaaaaaaa",
        "eiloahcedw",
        "Grüße aus Köln",
        "ßßßßßßßß",
        "dragon\u{a0}",
        "sunshine1",
        "michael1",
        "٣٤٥٦٧٨٩٠",
    ];
    let mut all: Vec<String> = fixed.iter().map(|text| (*text).to_owned()).collect();
    let words = user.iter().flat_map(|value| value.split(['@', '.', ' ', '_', '-', '+']).chain([*value]));
    for word in words.filter(|word| !word.is_empty()) {
        let reversed: String = word.chars().rev().collect();
        let swapped: String =
            word.chars().enumerate().map(|(i, c)| if i % 3 == 2 { '9' } else { c }).collect();
        for text in [word.to_owned(), reversed, swapped, word.to_uppercase()] {
            for tail in ["", "1", "12", "123", "!2026", "xyzxyzxyz", "-and-something-much-longer-than-it"] {
                all.push(format!("{text}{tail}"));
                all.push(format!("{tail}{text}"));
            }
        }
    }
    all
}

/// The names of Django's validators that refuse the password, by the rules of the gateway.
fn refused_by(rules: &PasswordRules, password: &str, owner: &PasswordOwner) -> BTreeSet<&'static str> {
    let Err(weak) = rules.check(&Password::new(password.to_owned()), owner) else { return BTreeSet::new() };
    let name = |weakness: &Weakness| match weakness {
        Weakness::TooShort { .. } => Some("length"),
        Weakness::Similar(_) => Some("similarity"),
        Weakness::Common => Some("common"),
        Weakness::Numeric => Some("numeric"),
        _ => None,
    };
    weak.weaknesses().iter().filter_map(name).collect()
}

#[test]
fn the_rules_refuse_what_djangos_validators_refuse() {
    let rules = PasswordRules { similarity: true, common: true, numeric: true, ..PasswordRules::default() };
    // The gateway has a message of its own for no password at all.
    let questions: Vec<(String, [&str; 3])> = USERS
        .into_iter()
        .flat_map(|user| passwords(user).into_iter().map(move |password| (password, user)))
        .filter(|(password, _)| !password.is_empty())
        .collect();
    let asked: Vec<[&str; 4]> = questions
        .iter()
        .map(|(password, [name, full, email])| [password.as_str(), *name, *full, *email])
        .collect();
    let asked = serde_json::to_string(&asked).unwrap();
    let answered = output_of(Command::new(python()).arg(script("validators.py")), &asked);
    let django: Vec<BTreeSet<String>> = serde_json::from_str(&answered).unwrap();
    assert_eq!(django.len(), questions.len());
    let mut counted = std::collections::BTreeMap::<&str, usize>::new();
    for ((password, [name, full_name, email]), django) in questions.iter().zip(&django) {
        let owner = PasswordOwner::new(UserName::parse(name).unwrap(), *full_name, *email);
        let own = refused_by(&rules, password, &owner);
        let django: BTreeSet<&str> = django.iter().map(String::as_str).collect();
        assert_eq!(own, django, "{password:?} of {name}");
        for name in own {
            *counted.entry(name).or_default() += 1;
        }
    }
    assert!(counted.len() == 4 && counted.values().all(|count| *count > 10), "{counted:?}");
}

#[test]
fn every_common_password_of_django_is_refused() {
    let rules = PasswordRules { common: true, ..PasswordRules::default() };
    let list = "import gzip, json, django.contrib.auth, pathlib, sys\n\
                path = pathlib.Path(django.contrib.auth.__file__).parent / 'common-passwords.txt.gz'\n\
                json.dump([line.strip() for line in gzip.open(path, 'rt', encoding='utf-8')], sys.stdout)";
    let words = output_of(Command::new(python()).args(["-c", list]), "");
    let words: Vec<String> = serde_json::from_str(&words).unwrap();
    assert!(words.len() > 19_000, "{}", words.len());
    let owner = PasswordOwner::new(UserName::parse("zz").unwrap(), "", "");
    // zxcvbn takes milliseconds for each: every tenth one is enough.
    for word in words.iter().step_by(10).filter(|word| !word.is_empty()) {
        assert!(refused_by(&rules, word, &owner).contains("common"), "{word:?}");
    }
}

#[test]
fn a_list_of_a_million_passwords_is_searched_without_reading_it_whole() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("pwned.bin");
    let mut writer = BreachedListWriter::create(&path).unwrap();
    // `password`, among a million hashes in even steps.
    let known: HashRecord = [
        0x5b, 0xaa, 0x61, 0xe4, 0xc9, 0xb9, 0x3f, 0x3f, 0x06, 0x82, 0x25, 0x0b, 0x6c, 0xf8, 0x33, 0x1b, 0x7e,
        0xe6, 0x8f, 0xd8,
    ];
    let step = |number: u32| {
        let mut hash = HashRecord::default();
        hash[..4].copy_from_slice(&(number * 4294).to_be_bytes());
        hash
    };
    let mut is_pending = true;
    for hash in (0..1_000_000).map(step) {
        if is_pending && hash > known {
            assert!(writer.push(known).unwrap());
            is_pending = false;
        }
        assert!(writer.push(hash).unwrap());
    }
    assert_eq!(writer.finish().unwrap(), 1_000_001);
    let list = BreachedList::open(&path).unwrap();
    let has = |text: &str| list.contains(&Password::new(text.to_owned())).unwrap();
    assert!(has("password"));
    for number in 0..1000 {
        assert!(!has(&format!("velvet turbine oyster {number}")));
    }
}
