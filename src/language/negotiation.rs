//! The language that a browser asks for (`Accept-Language`, RFC 9110 §12.5.4).

use fluent_langneg::{NegotiationStrategy, negotiate_languages};
use http::{HeaderMap, header::ACCEPT_LANGUAGE};
use unic_langid::LanguageIdentifier;

use super::Language;

/// The languages of the request, the most wanted one first. Those with a quality of zero, `*`, and what is no language are
/// left out.
pub(super) fn preferred(headers: &HeaderMap) -> Vec<LanguageIdentifier> {
    let ranges = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let ranges = ranges.flat_map(|value| value.split(','));
    // A browser sends a handful; a client that sends thousands of them costs no more than one.
    let mut wanted: Vec<(f32, LanguageIdentifier)> = ranges.take(MAX_RANGES).filter_map(range).collect();
    // The sort is stable: of two with the same quality, the first one counts.
    wanted.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    wanted.into_iter().map(|(_, language)| language).collect()
}

/// The language that fits best. The wishes are looked up in turn, so that a second one that fits exactly does not beat a
/// first one that fits by its main part: `de-CH` is German.
pub(super) fn best<'l>(wanted: &[LanguageIdentifier], available: &'l [Language]) -> Option<&'l Language> {
    let ids: Vec<&LanguageIdentifier> = available.iter().map(Language::id).collect();
    let found = negotiate_languages(wanted, &ids, None, NegotiationStrategy::Lookup);
    let found = *found.first()?;
    available.iter().find(|language| language.id() == *found)
}

fn range(text: &str) -> Option<(f32, LanguageIdentifier)> {
    let mut parts = text.split(';').map(str::trim);
    let tag = parts.next().filter(|tag| !tag.is_empty() && tag.len() <= MAX_TAG_BYTES)?;
    let quality = parts
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .map_or(Some(1.0), |(_, quality)| quality.trim().parse::<f32>().ok())?;
    if !(quality > 0.0 && quality <= 1.0) {
        return None;
    }
    let language: LanguageIdentifier = tag.parse().ok()?;
    (!language.language.is_empty()).then_some((quality, language))
}

const MAX_RANGES: usize = 32;
/// No tag of a language with script, region and variants is longer (RFC 5646 §4.4.1).
const MAX_TAG_BYTES: usize = 35;
