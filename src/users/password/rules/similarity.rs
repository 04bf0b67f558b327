//! Similarity of a password to what belongs to the user, as Django's `UserAttributeSimilarityValidator` measures it.
//!
//! The measure is `quick_ratio` of Python's `difflib`: twice the number of characters that both texts have, whatever their
//! order, divided by the length of both.

use std::collections::HashMap;

use super::{OwnValue, PasswordOwner};

/// The first value of the owner that the password is similar to.
pub(super) fn similar_value(password: &str, owner: &PasswordOwner) -> Option<OwnValue> {
    let password = password.to_lowercase();
    let values = [
        (OwnValue::UserName, owner.name.as_str()),
        (OwnValue::FullName, &owner.full_name),
        (OwnValue::Email, &owner.email),
    ];
    let similar = values.into_iter().find(|(_, value)| is_similar_to_part(&password, value));
    similar.map(|(which, _)| which)
}

/// Whether the password is similar to the value, or to a word in it.
fn is_similar_to_part(password: &str, value: &str) -> bool {
    let value = value.to_lowercase();
    let is_between = |c: char| !(c.is_alphanumeric() || c == '_');
    let words = value.split(is_between).filter(|word| !word.is_empty());
    words.chain([value.as_str()]).filter(|part| !part.is_empty()).any(|part| is_similar(password, part))
}

fn is_similar(password: &str, part: &str) -> bool {
    let (password_chars, part_chars) = (password.chars().count(), part.chars().count());
    if is_far_longer(password_chars, part_chars) {
        return false;
    }
    let both = count(password_chars + part_chars);
    both > 0.0 && 2.0 * count(common_chars(password, part)) / both >= MAX_SIMILARITY
}

/// A part of three characters says nothing about a password of thirty.
fn is_far_longer(password: usize, part: usize) -> bool {
    let least = MAX_SIMILARITY / 2.0 * count(password);
    password >= 10 * part && count(part) < least
}

/// How many characters both texts have, each as often as the one that has fewer of it.
fn common_chars(a: &str, b: &str) -> usize {
    let mut left: HashMap<char, usize> = HashMap::new();
    for c in b.chars() {
        *left.entry(c).or_default() += 1;
    }
    let is_in_both = |c: &char| match left.get_mut(c) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    a.chars().filter(is_in_both).count()
}

#[expect(clippy::cast_precision_loss, reason = "lengths of texts, far below 2^53")]
fn count(length: usize) -> f64 {
    length as f64
}

/// Django's default.
const MAX_SIMILARITY: f64 = 0.7;
