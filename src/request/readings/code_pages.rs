//! Windows turns a path into text of an old code page and fits each letter that the page lacks to a similar one.

use encoding_rs::{
    BIG5, EUC_KR, Encoding, GBK, SHIFT_JIS, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252,
    WINDOWS_1253, WINDOWS_1254, WINDOWS_1255, WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The path in each code page in which it changes: `ł` is `l`, `∕` is `/`, and `¥` is `\\`. Each page keeps the
/// letters that it has: `/é/ł` is `/é/l` in Western Europe and `/é/ł` in Poland, and `/e/l` where neither is known.
pub(super) fn best_fits(path: &str) -> impl Iterator<Item = String> {
    let pages = CODE_PAGES.iter().map(|page| Some(*page)).chain([None]);
    let pages = pages.take(if path.is_ascii() { 0 } else { usize::MAX });
    pages.filter_map(|page| best_fitted(path, page))
}

/// The path in one code page; `None`: in none that has more than ASCII.
fn best_fitted(path: &str, page: Option<&'static Encoding>) -> Option<String> {
    let mut fitted = String::with_capacity(path.len());
    for character in path.chars() {
        if character.is_ascii() || page.is_some_and(|page| is_in(page, character)) {
            fitted.push(character);
        } else {
            let base = std::iter::once(character).nfkd().filter(|c| !is_combining_mark(*c));
            fitted.extend(base.map(best_fit));
        }
    }
    (fitted != path).then_some(fitted)
}

fn is_in(page: &'static Encoding, character: char) -> bool {
    let (_, _, is_missing) = page.encode(character.encode_utf8(&mut [0; 4]));
    // A yen sign that Japan's page writes as a backslash.
    !is_missing && best_fit(character) != '\\'
}

/// As `bestfit1252.txt` and its kind have it, where Unicode knows no decomposition.
fn best_fit(character: char) -> char {
    let fits = || BEST_FIT.iter().find(|(from, _)| from.contains(character));
    if character.is_ascii() { character } else { fits().map_or(character, |(_, to)| *to) }
}

/// The ANSI code pages of Windows.
static CODE_PAGES: [&Encoding; 14] = [
    WINDOWS_1250,
    WINDOWS_1251,
    WINDOWS_1252,
    WINDOWS_1253,
    WINDOWS_1254,
    WINDOWS_1255,
    WINDOWS_1256,
    WINDOWS_1257,
    WINDOWS_1258,
    WINDOWS_874,
    SHIFT_JIS,
    GBK,
    EUC_KR,
    BIG5,
];

/// Characters, and the one that they become.
const BEST_FIT: [(&str, char); 34] = [
    ("α", 'a'),
    ("ƀ", 'b'),
    ("đðδ", 'd'),
    ("Đ\u{d0}", 'D'),
    ("ε", 'e'),
    ("ƒφ", 'f'),
    ("Φ", 'F'),
    ("ɡ", 'g'),
    ("Γ", 'G'),
    ("ħ", 'h'),
    ("Ħ", 'H'),
    ("ı", 'i'),
    ("ł", 'l'),
    ("Ł", 'L'),
    ("ø", 'o'),
    ("ØΩ", 'O'),
    ("π", 'p'),
    ("σ", 's'),
    ("Σ", 'S'),
    ("ŧτ", 't'),
    ("ŦΘ", 'T'),
    ("\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}\u{2212}\u{ad}", '-'),
    ("\u{2018}\u{2019}\u{201a}\u{201b}\u{2032}\u{2b9}\u{2bc}\u{2c8}", '\''),
    ("\u{2035}\u{2cb}", '`'),
    ("\u{201c}\u{201d}\u{201e}\u{201f}\u{2ba}", '"'),
    ("\u{2044}\u{2215}\u{29f8}", '/'),
    ("\u{2216}\u{29f5}¥₩", '\\'),
    ("\u{2217}", '*'),
    ("\u{2236}\u{2d0}", ':'),
    ("\u{223c}\u{2dc}", '~'),
    ("\u{2039}\u{2329}\u{3008}", '<'),
    ("\u{203a}\u{232a}\u{3009}", '>'),
    ("·\u{2219}\u{22c5}\u{3002}", '.'),
    ("¦\u{1c0}\u{2223}", '|'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_page_keeps_the_letters_that_it_has() {
        for (path, page, fitted) in [
            ("/ādmiń∕Łx", None, Some("/admin/Lx")),
            ("/日本", None, None),
            ("/é∖ādmin", Some(WINDOWS_1252), Some("/é\\admin")),
            ("/é/ł", Some(WINDOWS_1252), Some("/é/l")),
            ("/é/ł", Some(WINDOWS_1250), None),
            ("/é/ł", Some(WINDOWS_1251), Some("/e/l")),
            ("/a¥b", Some(SHIFT_JIS), Some("/a\\b")),
        ] {
            assert_eq!(best_fitted(path, page).as_deref(), fitted, "{path} {page:?}");
        }
        assert_eq!(best_fits("/x").count(), 0);
    }
}
