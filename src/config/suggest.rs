//! Hints for misspelt keys and values: "did you mean …?"
//!
//! `reader` and the sections ask for the nearest known word, and for the
//! sections of a misplaced key.

use super::keys::{ELSEWHERE, Keys, SECTIONS};

/// The word of `known` nearest to `found`; `None` if none is near.
pub(crate) fn similar<'k>(found: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if found.chars().count() > LONGEST {
        return None;
    }
    let folded = |text: &str| text.to_lowercase().replace('-', "_");
    let found = folded(found);
    let score = |known: &str| {
        let known = folded(known);
        // Jaro-Winkler weighs the first letters more, Damerau-Levenshtein swapped letters less.
        strsim::jaro_winkler(&found, &known).max(strsim::normalized_damerau_levenshtein(&found, &known))
    };
    known
        .into_iter()
        .map(|known| (score(known), known))
        .filter(|(score, _)| *score >= LIKELY)
        .max_by(|(first, _), (second, _)| first.total_cmp(second))
        .map(|(_, known)| known)
}

/// The key of `section` nearest to an unknown one.
pub(super) fn meant(found: &str, section: &Keys) -> Option<&'static str> {
    let ours = || ELSEWHERE.iter().find(|(theirs, _)| *theirs == found).map(|(_, ours)| *ours);
    // The word of another program is no slip of ours.
    if let Some(ours) = ours().filter(|ours| section.keys.contains(ours)) {
        return Some(ours);
    }
    match similar(found, section.keys.iter().copied()) {
        // A key of another section, unless it is very near to a key of this one.
        Some(near) if belongs_elsewhere(found, section) && strsim::jaro_winkler(found, near) < SURE => None,
        near => near,
    }
}

/// Whether another section has exactly this key.
pub(super) fn belongs_elsewhere(found: &str, section: &Keys) -> bool {
    !homes(found, section).is_empty()
}

/// The hint about a key that `section` does not have.
pub(super) fn for_key(found: &str, section: &Keys, present: impl Fn(&str) -> bool) -> String {
    if let Some(meant) = meant(found, section) {
        if present(meant) {
            return format!("remove it; `{meant}` is given already");
        }
        return format!("did you mean `{meant}`?");
    }
    if let Some((_, header)) = HEADERS.iter().find(|(name, _)| *name == found.trim_end_matches('s')) {
        return format!("write the header in full: {header}");
    }
    let at_home = homes(found, section);
    if !at_home.is_empty() && found != RARELY_MEANT {
        return format!("this key belongs {at_home}");
    }
    if let Some((_, ours)) = ELSEWHERE.iter().find(|(theirs, _)| *theirs == found) {
        return format!("did you mean `{ours}` {}?", homes(ours, section));
    }
    let elsewhere = SECTIONS.iter().find_map(|keys| {
        similar(found, keys.keys.iter().copied()).map(|meant| (meant, homes(meant, section)))
    });
    match elsewhere {
        Some((meant, homes)) if !homes.is_empty() => format!("did you mean `{meant}` {homes}?"),
        _ => format!("the keys {} are {}", section.within(), listed(section.keys)),
    }
}

/// `` `a`, `b` and `c` ``.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => "none".to_owned(),
    }
}

/// `"a", "b" or "c"`, as values.
pub(super) fn listed_or(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// The other sections with exactly this key: `` in `[session]` or in `[limits]` ``.
fn homes(key: &str, besides: &Keys) -> String {
    let homes: Vec<String> = SECTIONS
        .iter()
        .filter(|keys| keys.section != besides.section && keys.keys.contains(&key))
        .map(|keys| keys.within())
        .collect();
    homes.join(" or ")
}

/// Tables below another table.
const HEADERS: [(&str, &str); 2] = [
    ("rule", "`[[app.rule]]`, below the `[[app]]` that it belongs to"),
    ("certificate", "`[[tls.certificate]]`"),
];
/// A key of `[forward_auth]`, and what other programs call `https`.
const RARELY_MEANT: &str = "listen";
const LIKELY: f64 = 0.75;
const SURE: f64 = 0.9;
const LONGEST: usize = 40;

#[cfg(test)]
mod tests {
    use super::{
        super::keys::{ALLOW, APP, LIMITS, RULE, SERVER, TOP},
        *,
    };

    #[test]
    fn a_slip_is_recognised() {
        for (found, section, help) in [
            ("upsteam", &APP, "did you mean `upstream`?"),
            ("hosts", &APP, "did you mean `host`?"),
            ("trusted-proxies", &SERVER, "did you mean `trusted_proxies`?"),
            ("groups", &ALLOW, "did you mean `group`?"),
            ("method", &RULE, "did you mean `methods`?"),
            ("sever", &TOP, "did you mean `server`?"),
            ("proxy_pass", &APP, "did you mean `upstream`?"),
            ("upstream", &TOP, "this key belongs in `[[app]]`"),
            ("lifetime", &LIMITS, "this key belongs in `[session]` or in `[tokens]` or in `[app.session]`"),
            ("idle_timeout", &APP, "this key belongs in `[session]` or in `[limits]` or in `[app.session]`"),
            ("listen", &TOP, "did you mean `https` in `[server]`?"),
            ("port", &SERVER, "did you mean `https`?"),
            (
                "zzz",
                &RULE,
                "the keys in `[[app.rule]]` are `path`, `methods`, `allow`, `factors`, `max_age` and `enforce`",
            ),
        ] {
            assert_eq!(for_key(found, section, |_| false), help, "{found}");
        }
    }

    #[test]
    fn a_key_that_is_there_already_is_not_suggested() {
        let help = for_key("hosts", &APP, |key| key == "host");
        assert_eq!(help, "remove it; `host` is given already");
    }
}
