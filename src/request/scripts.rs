//! Segments of a path that name a program, such as `report.php`.
//!
//! A web server may run the program and hand it the rest of the path as an argument. The readings of a path and the
//! rules of an app know such a path by both names.

/// The path up to each of its scripts after which it goes on, and which segment, from 0, that is.
///
/// Apache, PHP's own server and IIS run `/report.php` for `/report.php/anything`, and tell it the rest. Of two,
/// some take the first that exists, others (nginx, with the pattern that everybody copies) the last.
pub fn scripts_of(reading: &str) -> impl Iterator<Item = (usize, &str)> {
    let ends = reading.match_indices('/').skip(1).enumerate();
    ends.filter_map(move |(place, (end, _))| {
        let script = reading.get(..end)?;
        is_script(script.rsplit('/').next()?.as_bytes()).then_some((place, script))
    })
}

/// True if a segment is the name of a program that a web server may run.
pub(super) fn is_script(segment: &[u8]) -> bool {
    let Some(dot) = segment.iter().rposition(|byte| *byte == b'.') else { return false };
    let extension = segment.get(dot + 1..).unwrap_or_default();
    dot > 0 && SCRIPTS.iter().any(|script| extension.eq_ignore_ascii_case(script.as_bytes()))
}

/// The extensions of programs that a web server may run where the path goes on behind them.
const SCRIPTS: [&str; 46] = [
    "php", "php3", "php4", "php5", "php7", "php8", "phtml", "phar", "pht", "cgi", "fcgi", "fcg", "pl", "py",
    "pyc", "psp", "rb", "lua", "tcl", "sh", "bash", "ksh", "csh", "exe", "dll", "com", "bat", "cmd", "ps1",
    "vbs", "asp", "aspx", "ashx", "asmx", "asax", "ascx", "axd", "svc", "cfm", "cfc", "cfml", "do", "action",
    "jsp", "jspx", "nsf",
];

/// The longest of their names.
pub(super) const LONGEST_SCRIPT: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_and_what_it_is_told_are_found() {
        let scripts = |reading| scripts_of(reading).collect::<Vec<_>>();
        assert_eq!(scripts("/a/report.php/x/y"), [(1, "/a/report.php")]);
        assert_eq!(scripts("/index.PHP/"), [(0, "/index.PHP")]);
        assert_eq!(scripts("/a.php/b.cgi/c.pl"), [(0, "/a.php"), (1, "/a.php/b.cgi")]);
        for none in ["/", "/index.php", "/.php/x", "/php/x", "/a.phpx/x", "/jquery.js/x", ""] {
            assert!(scripts(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn no_name_of_a_script_is_longer_than_the_longest() {
        assert_eq!(SCRIPTS.iter().map(|script| script.len()).max(), Some(LONGEST_SCRIPT));
    }
}
