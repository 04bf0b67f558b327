//! The readings of a path by upstreams: the closure over every change that one of them is known to make.
//!
//! Upstreams make the changes in different orders, and some make one twice, so every order is gone through until no new
//! text comes out. A path with a dot segment or a control character in any of the texts is refused: no rule could tell
//! where it leads. The changes themselves are in `changes` and `code_pages`.

mod changes;
mod code_pages;

use changes::{CHANGES, decoded_where_needed, is_dots};
use code_pages::best_fits;

use super::{Malformed, scripts::scripts_of};

/// Every text that the path could be taken for; the percent-encoding is known to be valid.
///
/// Characters that a client has to encode (a blank, a letter that is not ASCII) are decoded in all of them. A character
/// that it need not have encoded stays encoded in one of them, as for a router
/// that compares what came with what it knows: `/%61dmin` is no `/admin` to it, but may be a `/:page`.
pub(super) fn readings(path: &str) -> Result<Vec<String>, Malformed> {
    let mut found = vec![decoded_where_needed(path)];
    let mut next = 0;
    while let Some(reading) = found.get(next).cloned() {
        let changed = CHANGES.iter().filter_map(|change| change(&reading));
        for changed in changed.chain(best_fits(&reading)) {
            if !found.contains(&changed) {
                found.push(changed);
            }
        }
        if found.len() > MAX_READINGS || found.len() * path.len() > MAX_BYTES {
            return Err(Malformed("the path can be read in too many ways"));
        }
        next += 1;
    }
    for reading in &found {
        if reading.chars().any(char::is_control) {
            return Err(Malformed("the path contains control characters"));
        }
        if reading.split('/').any(is_dots) {
            return Err(Malformed("the path contains dot segments"));
        }
        if scripts_of(reading).nth(MAX_SCRIPTS).is_some() {
            return Err(Malformed("the path can be read in too many ways"));
        }
    }
    Ok(found)
}

/// Real paths have one; there is a change for each.
const MAX_SCRIPTS: usize = 3;

/// Real paths have a handful; each costs a few look-ups.
const MAX_READINGS: usize = 48;

/// All texts together: a path as long as a head may be must not cost more than an ordinary one by far.
const MAX_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_goes_on_behind_three_scripts_at_most() {
        assert!(readings("/a.php/b.php/c.php/d").is_ok());
        assert!(readings("/a.php/b.php/c.php/d.php/e").is_err());
    }

    #[test]
    fn a_long_path_has_few_readings_or_none() {
        let long = "/a%2Fb".repeat(5000);
        assert_eq!(readings(&long).unwrap().len(), 2);
        assert!(readings(&format!("{long};//x%2561\\%3b%23.")).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { max_global_rejects: 65_536, ..ProptestConfig::default() })]

        #[test]
        fn every_change_of_a_reading_is_a_reading(
            path in "/([aB./\\\\ :$;éł∕／\u{200b}\u{3000}]|\\(S\\(x\\)\\)|%2[5efF0]|%5c|%3[bf]|%23|%u00|::\\$D|index\\.php/){0,12}"
        ) {
            let Ok(all) = readings(&path) else { return Err(TestCaseError::reject("refused")) };
            for reading in &all {
                for change in CHANGES {
                    let changed = change(reading).unwrap_or_else(|| reading.clone());
                    prop_assert!(all.contains(&changed), "{} of {}", changed, path);
                }
                for changed in best_fits(reading) {
                    prop_assert!(all.contains(&changed), "{} of {}", changed, path);
                }
            }
        }
    }
}
