use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Tells whether an address is one of the public network: of nobody's own machine, link or site, and none that stands for another.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation();
    // "This network", carrier-grade NAT, protocol assignments, 6to4 relays, benchmarks, reserved.
    let is_reserved = first == 0
        || (first == 100 && second & 0xc0 == 64)
        || (first, second, third) == (192, 0, 0)
        || (first, second, third) == (192, 88, 99)
        || (first == 198 && second & 0xfe == 18)
        || first >= 240;
    !is_special && !is_reserved
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Only 2000::/3 is given out for the public network, which leaves out loopback, links, sites, multicast, mapped and NAT64 addresses.
    let [first, second, ..] = address.segments();
    let is_global = first & 0xe000 == 0x2000;
    // Protocol assignments with Teredo, documentation, and 6to4, which holds an IPv4 address.
    let is_protocol = first == 0x2001 && second < 0x0200;
    let is_documentation = (first == 0x2001 && second == 0x0db8) || (first & 0xfff0 == 0x3ff0);
    is_global && !is_protocol && !is_documentation && first != 0x2002
}
