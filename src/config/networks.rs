//! Networks: `10.0.0.0/8`, or the address of a single host.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    excerpt::excerpt,
    reader::{Reader, Text},
};

/// Reads a network in CIDR notation, or a single address.
pub(super) fn network(reader: &Reader, text: &Text<'_>) -> Option<IpNet> {
    match parse(text.content) {
        Ok(network) => Some(network),
        Err((problem, help)) => {
            let message = format!("\"{}\" is no network", excerpt(text.content));
            reader.report(reader.error(&text.span, message).label(problem).help(help));
            None
        }
    }
}

/// Reads a network or a single address, for the command line.
pub fn parse_network(text: &str) -> Result<IpNet, String> {
    parse(text).map_err(|(problem, help)| format!("{problem}: {help}"))
}

fn parse(text: &str) -> Result<IpNet, (&'static str, String)> {
    let network = if text.contains('/') {
        text.parse::<IpNet>().ok()
    } else {
        text.parse::<IpAddr>().ok().map(IpNet::from)
    };
    let Some(network) = network else {
        return Err((
            "expected an address and the length of its prefix",
            "write a network such as `10.0.0.0/8` or `2001:db8::/32`, or a single address".to_owned(),
        ));
    };
    if network.addr() != network.network() {
        return Err((
            "the address has bits beyond the prefix",
            format!(
                "write `{}` for the network, or `{}` for the one address",
                network.trunc(),
                network.addr()
            ),
        ));
    }
    // Client addresses are compared in their IPv4 form, so no address would lie in an IPv4-mapped network.
    if let IpNet::V6(long) = network
        && let Some(short) = long.addr().to_ipv4_mapped()
    {
        let length = long.prefix_len().saturating_sub(96);
        return Err(("this is IPv4 written as IPv6", format!("write `{short}/{length}`")));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_single_addresses_are_read() {
        for (text, network) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("::1", "::1/128"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), network);
        }
    }

    #[test]
    fn an_invalid_network_has_a_hint() {
        for (text, help) in [
            ("10.1.2.3/8", "write `10.0.0.0/8` for the network, or `10.1.2.3` for the one address"),
            ("::ffff:10.0.0.0/104", "write `10.0.0.0/8`"),
            ("intranet", "write a network such as `10.0.0.0/8` or `2001:db8::/32`, or a single address"),
            ("10.0.0.0/33", "write a network such as `10.0.0.0/8` or `2001:db8::/32`, or a single address"),
        ] {
            assert_eq!(parse(text).unwrap_err().1, help);
        }
    }
}
