#![no_main]
//! Any text read as a network: no panic, what is printed reads back, and a network has its own first address.

use arbitrary::Arbitrary;
use flag_core::Cidr;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    address: [u8; 16],
    network: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let Ok(cidr) = input.network.parse::<Cidr>() else { return };
    let printed = cidr.to_string();
    assert_eq!(printed.parse(), Ok(cidr), "{printed}");
    assert!(cidr.contains(cidr.network()), "{printed}");
    assert_eq!(cidr.contains_text(&cidr.network().to_string()), Some(true), "{printed}");
    assert_eq!(cidr.contains_text(input.network), input.network.parse().ok().map(|address| cidr.contains(address)));
    let address = std::net::Ipv6Addr::from(input.address);
    assert_eq!(cidr.contains(address.into()), cidr.contains(address.to_canonical()), "{address} in {printed}");
});
