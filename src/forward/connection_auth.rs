//! Authentication schemes that authenticate a connection and not a request: NTLM and Negotiate (RFC 4559 §6).
//!
//! `forward` and the reader of response heads ask for them. Which upstream connection is bound to whom then, `bound`
//! decides.

use http::HeaderValue;

/// Whether a header field that names authentication schemes names one that authenticates the connection.
///
/// Looked for in every word of the value: a challenge may stand behind others in a list, and one too many costs
/// no more than a connection of one's own.
pub(super) fn names_bound_scheme(value: &HeaderValue) -> bool {
    let mut words = value.as_bytes().split(|byte| !byte.is_ascii_alphanumeric());
    words.any(|word| SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme)))
}

/// `Negotiate` stands for Kerberos and NTLM; some servers name what it would choose. `CredSSP` is that of `WinRM`.
const SCHEMES: [&[u8]; 6] = [b"ntlm", b"negotiate", b"kerberos", b"nego2", b"pku2u", b"credssp"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_that_authenticate_a_connection_are_found_in_any_position() {
        for bound in [
            "NTLM",
            "ntlm TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAKAGNFAAAADw==",
            "Negotiate",
            "Negotiate YIIJvwYGKwYBBQUCoIIJszCCCa+gJDAi",
            "Negotiate:Kerberos",
            "Basic realm=\"intranet\", NTLM",
            "Basic realm=\"intranet\",Negotiate,NTLM",
            "Kerberos",
            "CredSSP",
        ] {
            assert!(names_bound_scheme(&HeaderValue::from_static(bound)), "{bound}");
        }
        for other in [
            "Basic YWxpY2U6c2VjcmV0",
            "Bearer mF_9.B5f-4.1JqM",
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\"",
            "Bearer realm=\"ntlmish\"",
            "",
        ] {
            assert!(!names_bound_scheme(&HeaderValue::from_static(other)), "{other}");
        }
    }
}
