//! The browser and the system of a session, described from its `User-Agent`.
//!
//! For people who look for the session that is not theirs, not for decisions: any client can send any `User-Agent`.
//! Half of all browsers claim to be the others as well, so the order of the tables matters.

use crate::language::{Argument, Text};

/// `Firefox on Windows`, `Safari on an iPhone`, `curl`; `an unknown program` if the tables name neither.
pub fn describe(user_agent: &str) -> String {
    let program = first(user_agent, &PROGRAMS);
    let system = first(user_agent, &SYSTEMS);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        (None, Some(system)) => format!("an unknown program on {system}"),
        (None, None) => "an unknown program".to_owned(),
    }
}

/// The same for the start of a line of a page.
pub(super) fn text_at_line_start(user_agent: &str) -> Text {
    let program = match first(user_agent, &PROGRAMS) {
        Some("a Go program") => Argument::Message(Text::of("device-go-program")),
        Some("an Android app") => Argument::Message(Text::of("device-android-app")),
        Some(name) => Argument::Text(name.to_owned()),
        None => Argument::Message(Text::of("device-unknown-program")),
    };
    let Some(system) = first(user_agent, &SYSTEMS) else {
        return match program {
            Argument::Message(text) => text,
            Argument::Text(name) => Text::verbatim(name),
            Argument::Number(_) | Argument::Date(_) => Text::of("device-unknown-program"),
        };
    };
    Text::of(match system {
        "an iPhone" => "device-iphone",
        "an iPad" => "device-ipad",
        "Android" => "device-android",
        "Windows" => "device-windows",
        "ChromeOS" => "device-chromeos",
        "a Mac" => "device-mac",
        "FreeBSD" => "device-freebsd",
        "OpenBSD" => "device-openbsd",
        _ => "device-linux",
    })
    .with("program", program)
}

/// The name that belongs to the first product token of the table that occurs in the text.
fn first(text: &str, table: &[(&str, &'static str)]) -> Option<&'static str> {
    table.iter().find(|(token, _)| text.contains(token)).map(|(_, name)| *name)
}

/// A browser that claims to be another one stands above it.
const PROGRAMS: [(&str, &str); 25] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("Focus/", "Firefox Focus"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Trident/", "Internet Explorer"),
    ("Epiphany/", "GNOME Web"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("python-requests/", "Python"),
    ("Go-http-client/", "a Go program"),
    ("okhttp/", "an Android app"),
];

const SYSTEMS: [(&str, &str); 9] = [
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "a Mac"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("Linux", "Linux"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn browsers_and_systems_are_named() {
        let mozilla = "Mozilla/5.0";
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (user_agent, expected) in [
            (
                format!("{mozilla} (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"),
                "Firefox on Windows",
            ),
            (
                format!("{mozilla} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
                "Firefox on Linux",
            ),
            (
                format!("{mozilla} (Windows NT 10.0; Win64; x64) {webkit} Chrome/140.0.0.0 Safari/537.36"),
                "Chrome on Windows",
            ),
            (
                format!(
                    "{mozilla} (Windows NT 10.0; Win64; x64) {webkit} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
                ),
                "Edge on Windows",
            ),
            (
                format!("{mozilla} (Linux; Android 10; K) {webkit} Chrome/140.0.0.0 Mobile Safari/537.36"),
                "Chrome on Android",
            ),
            (
                format!(
                    "{mozilla} (Linux; Android 15; SM-S931B) {webkit} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"
                ),
                "Samsung Internet on Android",
            ),
            (
                format!(
                    "{mozilla} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15"
                ),
                "Safari on a Mac",
            ),
            (
                format!(
                    "{mozilla} (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
                ),
                "Safari on an iPhone",
            ),
            (
                format!(
                    "{mozilla} (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1"
                ),
                "Chrome on an iPhone",
            ),
            (
                format!(
                    "{mozilla} (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/143.0 Mobile/15E148 Safari/604.1"
                ),
                "Firefox on an iPad",
            ),
            (
                format!(
                    "{mozilla} (X11; Linux x86_64) {webkit} Chrome/140.0.0.0 Safari/537.36 OPR/124.0.0.0"
                ),
                "Opera on Linux",
            ),
            (
                format!("{mozilla} (X11; CrOS x86_64 14541.0.0) {webkit} Chrome/140.0.0.0 Safari/537.36"),
                "Chrome on ChromeOS",
            ),
            (
                format!("{mozilla} (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"),
                "Internet Explorer on Windows",
            ),
            ("curl/8.14.1".to_owned(), "curl"),
            ("Wget/1.25.0 (linux-gnu)".to_owned(), "Wget"),
            ("python-requests/2.32.5".to_owned(), "Python"),
            (format!("{mozilla} (Windows NT 10.0)"), "an unknown program on Windows"),
            (String::new(), "an unknown program"),
            ("<script>alert(1)</script>".to_owned(), "an unknown program"),
            ("\u{202e}Fire\u{fffd}fox".to_owned(), "an unknown program"),
        ] {
            assert_eq!(describe(&user_agent), expected, "{user_agent}");
        }
    }

    #[test]
    fn only_an_article_gets_a_capital_letter() {
        for (user_agent, expected) in [
            ("", "An unknown program"),
            ("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "Firefox on Linux"),
            ("Go-http-client/2.0 (Windows)", "A Go program on Windows"),
            ("Go-http-client/2.0", "A Go program"),
            ("okhttp/4.12.0", "An Android app"),
            ("curl/8.14.1", "curl"),
        ] {
            assert_eq!(Language::english().say(&text_at_line_start(user_agent)), expected);
        }
    }
}
