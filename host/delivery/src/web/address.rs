//! Addresses of the public internet, told from those of somebody's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet: what may be reached without being named by the user. By IANA's
/// registries of special-purpose addresses (RFC 6890), and what embeds an IPv4 address is judged by that one.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        (0, ..) // "this network", RFC 791
        | (100, 64..=127, _) // carrier-grade NAT, RFC 6598
        | (192, 0, 0) // protocol assignments, RFC 6890
        | (192, 88, 99) // 6to4 relays, RFC 7526
        | (198, 18..=19, _) // benchmarks, RFC 2544
        | (240..=255, ..) => true, // reserved, RFC 1112, and broadcast
        _ => false,
    };
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = embedded(address) {
        return is_public_v4(v4);
    }
    match address.segments() {
        [0x2001, 0..=0x1ff, ..] // protocol assignments, Teredo among them: RFC 2928, RFC 4380
        | [0x2001, 0xdb8, ..] // documentation, RFC 3849
        | [0x3fff, 0..=0x0fff, ..] => false, // documentation, RFC 9637
        // All that is global unicast so far, RFC 4291: leaves out loopback, unique local, link-local, multicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// The IPv4 address that an IPv6 one leads to.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] // mapped and compatible, RFC 4291
        | [0, 0, 0, 0, 0xffff, 0, high, low] // translated, RFC 2765
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] // NAT64, RFC 6052
        | [0x2002, high, low, ..] => Some(join(high, low)), // 6to4, RFC 3056
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_ones_own_network_are_told_from_public_ones() {
        for (text, public) in [
            ("8.8.8.8", true),
            ("140.82.121.6", true),
            ("100.63.255.255", true),
            ("100.64.0.0", false),
            ("100.127.255.255", false),
            ("100.128.0.0", true),
            ("127.0.0.1", false),
            ("10.0.0.1", false),
            ("172.15.0.1", true),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("198.18.0.1", false),
            ("192.0.2.1", false),
            ("2606:50c0:8000::153", true),
            ("::1", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("::127.0.0.1", false),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::8.8.8.8", true),
            ("64:ff9b:1::1", false),
            ("2002:7f00:1::", false),
            ("2002:808:808::", true),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2001:4860:4860::8888", true),
            ("3fff::1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("100::1", false),
            ("5f00::1", false),
        ] {
            assert_eq!(is_public(text.parse().unwrap()), public, "{text}");
        }
    }
}
