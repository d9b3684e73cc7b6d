//! Networks in CIDR notation ([RFC 4632](https://www.rfc-editor.org/rfc/rfc4632),
//! [RFC 4291](https://www.rfc-editor.org/rfc/rfc4291#section-2.3)) and the addresses in them.

use alloc::{boxed::Box, string::ToString};
use core::{
    fmt,
    net::{AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// An IPv4 or IPv6 network.
///
/// Reads `10.0.0.0/8`, `2001:db8::/32`, or a bare address, which is the network of that address alone. Prints with the
/// prefix length always.
///
/// An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) *is* the IPv4 address in it, in a network as in what is looked up:
/// dual-stack sockets report IPv4 peers in that form. So `10.0.0.0/8` has `::ffff:10.1.2.3`, `::ffff:10.0.0.0/104` is
/// `10.0.0.0/8`, and no IPv6 network has an IPv4-mapped address, `::/0` included.
///
/// ```
/// # use flag_core::Cidr;
/// let office: Cidr = "10.0.0.0/8".parse()?;
/// assert_eq!(office.contains_text("10.1.2.3"), Some(true));
/// assert_eq!(office.contains_text("::ffff:10.1.2.3"), Some(true));
/// assert_eq!(office.contains_text("reception"), None);
/// # Ok::<(), flag_core::CidrError>(())
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cidr(Network);

/// A network's own address and the mask that gives it; no bit is set in `address` that is not in `mask`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4 { address: u32, mask: u32 },
    V6 { address: u128, mask: u128 },
}

impl Cidr {
    /// Returns the network of the addresses whose first `prefix` bits are those of `network`.
    ///
    /// # Errors
    ///
    /// Where `prefix` is above 32 (IPv4) or 128 (IPv6), or `network` has a bit set below the prefix.
    pub fn new(network: IpAddr, prefix: u8) -> Result<Self, CidrError> {
        let max = width(network);
        let Some(below) = max.checked_sub(prefix) else {
            return Err(CidrError::PrefixTooLong { found: prefix.to_string().into(), max });
        };
        // A shift by the whole width, which is prefix 0, has no result: its mask has no bit.
        let (cidr, expected) = match network {
            IpAddr::V4(found) => {
                let mask = u32::MAX.checked_shl(below.into()).unwrap_or(0);
                let address = found.to_bits() & mask;
                (Network::V4 { address, mask }, IpAddr::V4(Ipv4Addr::from_bits(address)))
            }
            IpAddr::V6(found) => {
                let mask = u128::MAX.checked_shl(below.into()).unwrap_or(0);
                let address = Ipv6Addr::from_bits(found.to_bits() & mask);
                (Network::v4_or_v6(address, mask), IpAddr::V6(address))
            }
        };
        if network == expected { Ok(Self(cidr)) } else { Err(CidrError::HostBits { found: network, prefix, expected }) }
    }

    /// Returns the first address of the network.
    pub fn network(&self) -> IpAddr {
        match self.0 {
            Network::V4 { address, .. } => IpAddr::V4(Ipv4Addr::from_bits(address)),
            Network::V6 { address, .. } => IpAddr::V6(Ipv6Addr::from_bits(address)),
        }
    }

    /// Returns how many leading bits the network's addresses share: 0 to 32 for IPv4, 0 to 128 for IPv6.
    pub fn prefix(&self) -> u32 {
        match self.0 {
            Network::V4 { mask, .. } => mask.count_ones(),
            Network::V6 { mask, .. } => mask.count_ones(),
        }
    }

    /// Returns whether `address` is in the network. Addresses of the other family are not.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.0, address.to_canonical()) {
            (Network::V4 { address, mask }, IpAddr::V4(found)) => found.to_bits() & mask == address,
            (Network::V6 { address, mask }, IpAddr::V6(found)) => found.to_bits() & mask == address,
            _ => false,
        }
    }

    /// Returns whether the address that `text` spells is in the network; `None` where it spells none, as with a port, a
    /// zone (`fe80::1%eth0`), spaces or an IPv4 part with a leading zero, which some readers take for octal.
    pub fn contains_text(&self, text: &str) -> Option<bool> {
        text.parse().ok().map(|address| self.contains(address))
    }
}

impl Network {
    /// The IPv4 network where every address of the IPv6 one is IPv4-mapped.
    fn v4_or_v6(address: Ipv6Addr, mask: u128) -> Self {
        match address.to_ipv4_mapped() {
            // The 96 bits that make an address IPv4-mapped end in ones, so the mask that kept them covers them.
            Some(mapped) => Self::V4 { address: mapped.to_bits(), mask: low_bits(mask) },
            None => Self::V6 { address: address.to_bits(), mask },
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low 32 bits of an IPv4-mapped address are the IPv4 address")]
const fn low_bits(bits: u128) -> u32 {
    bits as u32
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|source| CidrError::Address { found: address.into(), source })?;
        let max = width(network);
        let Some(prefix) = prefix else {
            return Self::new(network, max);
        };
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || (prefix.len() > 1 && prefix.starts_with('0')) {
            return Err(CidrError::Prefix { found: prefix.into() });
        }
        let bits = prefix.parse().map_err(|_| CidrError::PrefixTooLong { found: prefix.into(), max })?;
        Self::new(network, bits)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network(), self.prefix())
    }
}

/// Why something is not a [`Cidr`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CidrError {
    /// The part before the `/` is no address.
    #[error("network address {found:?} is neither IPv4 nor IPv6")]
    Address {
        /// The part before the `/`.
        found: Box<str>,
        /// What the address parser says.
        #[source]
        source: AddrParseError,
    },
    /// The part after the `/` is no number in plain digits.
    #[error("prefix length {found:?} is not a whole number without leading zeros")]
    Prefix {
        /// The part after the `/`.
        found: Box<str>,
    },
    /// The prefix is longer than an address.
    #[error("prefix length {found} is above {max}")]
    PrefixTooLong {
        /// The prefix length, in digits.
        found: Box<str>,
        /// The width of an address in bits: 32 for IPv4, 128 for IPv6.
        max: u8,
    },
    /// The address is not the network's first: it has bits set below the prefix.
    #[error("{found}/{prefix} has bits set below its prefix, expected {expected}/{prefix}")]
    HostBits {
        /// The address given.
        found: IpAddr,
        /// The prefix length given.
        prefix: u8,
        /// The address of the network that `found` is in.
        expected: IpAddr,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

    use alloc::string::String;
    use core::error::Error;

    use proptest::prelude::*;

    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn contains_by_leading_bits() {
        let table = [
            ("10.0.0.0/8", "10.0.0.0", Some(true)),
            ("10.0.0.0/8", "10.255.255.255", Some(true)),
            ("10.0.0.0/8", "11.0.0.0", Some(false)),
            ("10.0.0.0/8", "9.255.255.255", Some(false)),
            ("192.168.1.128/25", "192.168.1.127", Some(false)),
            ("192.168.1.128/25", "192.168.1.128", Some(true)),
            ("192.168.1.4/31", "192.168.1.5", Some(true)),
            ("192.168.1.4/31", "192.168.1.6", Some(false)),
            ("2001:db8::/32", "2001:db8:ffff::1", Some(true)),
            ("2001:db8::/32", "2001:DB8:0:0:0:0:0:1", Some(true)),
            ("2001:db8::/32", "2001:db9::", Some(false)),
            ("2001:db8::/127", "2001:db8::1", Some(true)),
            ("2001:db8::/127", "2001:db8::2", Some(false)),
        ];
        for (network, address, expected) in table {
            assert_eq!(cidr(network).contains_text(address), expected, "{address} in {network}");
        }
    }

    #[test]
    fn prefix_zero_is_every_address_of_the_family() {
        for address in ["0.0.0.0", "127.0.0.1", "255.255.255.255", "::ffff:1.2.3.4"] {
            assert_eq!(cidr("0.0.0.0/0").contains_text(address), Some(true), "{address}");
            assert_eq!(cidr("::/0").contains_text(address), Some(false), "{address}");
        }
        for address in ["::", "::1", "::1.2.3.4", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
            assert_eq!(cidr("0.0.0.0/0").contains_text(address), Some(false), "{address}");
            assert_eq!(cidr("::/0").contains_text(address), Some(true), "{address}");
        }
    }

    #[test]
    fn bare_address_is_itself_alone() {
        for (text, printed, other) in [("10.1.2.3", "10.1.2.3/32", "10.1.2.2"), ("::1", "::1/128", "::")] {
            assert_eq!(cidr(text).to_string(), printed);
            assert_eq!(cidr(text).contains_text(text), Some(true));
            assert_eq!(cidr(text).contains_text(other), Some(false));
        }
    }

    #[test]
    fn mapped_address_is_its_ipv4_address() {
        assert_eq!(cidr("10.0.0.0/8").contains_text("::ffff:10.1.2.3"), Some(true));
        assert_eq!(cidr("10.0.0.0/8").contains_text("::ffff:a01:203"), Some(true));
        assert_eq!(cidr("10.0.0.0/8").contains_text("::ffff:11.1.2.3"), Some(false));
        // IPv4-compatible (deprecated) and 6to4 addresses are not IPv4-mapped.
        assert_eq!(cidr("10.0.0.0/8").contains_text("::10.1.2.3"), Some(false));
        assert_eq!(cidr("10.0.0.0/8").contains_text("2002:a01:203::"), Some(false));
    }

    #[test]
    fn mapped_network_is_its_ipv4_network() {
        assert_eq!(cidr("::ffff:10.0.0.0/104"), cidr("10.0.0.0/8"));
        assert_eq!(cidr("::ffff:10.1.2.3"), cidr("10.1.2.3/32"));
        assert_eq!(cidr("::ffff:0.0.0.0/96"), cidr("0.0.0.0/0"));
        assert_eq!(cidr("::fffe:0:0/95").to_string(), "::fffe:0:0/95");
        assert_eq!(cidr("::fffe:0:0/95").contains_text("::ffff:1.2.3.4"), Some(false));
    }

    #[test]
    fn what_is_no_address_is_in_no_answer() {
        let texts = [
            "",
            " 10.0.0.1",
            "10.0.0.1 ",
            "10.0.0",
            "10.0.0.256",
            "010.0.0.1",
            "10.0.0.1:80",
            "10.0.0.0/8",
            "[::1]",
            "fe80::1%eth0",
            "localhost",
            "1",
            "١.٢.٣.٤",
        ];
        for text in texts {
            assert_eq!(cidr("0.0.0.0/0").contains_text(text), None, "{text:?}");
            assert_eq!(cidr("::/0").contains_text(text), None, "{text:?}");
        }
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        let table = [
            ("", r#"network address "" is neither IPv4 nor IPv6"#),
            ("/8", r#"network address "" is neither IPv4 nor IPv6"#),
            ("10.0.0/8", r#"network address "10.0.0" is neither IPv4 nor IPv6"#),
            (" 10.0.0.0/8", r#"network address " 10.0.0.0" is neither IPv4 nor IPv6"#),
            ("10.0.0.0/", r#"prefix length "" is not a whole number without leading zeros"#),
            ("10.0.0.0/+8", r#"prefix length "+8" is not a whole number without leading zeros"#),
            ("10.0.0.0/-1", r#"prefix length "-1" is not a whole number without leading zeros"#),
            ("10.0.0.0/08", r#"prefix length "08" is not a whole number without leading zeros"#),
            ("10.0.0.0/8/8", r#"prefix length "8/8" is not a whole number without leading zeros"#),
            ("10.0.0.0/255.0.0.0", r#"prefix length "255.0.0.0" is not a whole number without leading zeros"#),
            ("10.0.0.0/33", "prefix length 33 is above 32"),
            ("::/129", "prefix length 129 is above 128"),
            ("::/256", "prefix length 256 is above 128"),
            ("10.0.0.0/99999999999999999999", "prefix length 99999999999999999999 is above 32"),
            ("10.0.0.1/8", "10.0.0.1/8 has bits set below its prefix, expected 10.0.0.0/8"),
            ("10.0.0.1/0", "10.0.0.1/0 has bits set below its prefix, expected 0.0.0.0/0"),
            ("2001:db8::1/32", "2001:db8::1/32 has bits set below its prefix, expected 2001:db8::/32"),
            ("::ffff:10.0.0.1/104", "::ffff:10.0.0.1/104 has bits set below its prefix, expected ::ffff:10.0.0.0/104"),
            ("::ffff:0.0.0.0/95", "::ffff:0.0.0.0/95 has bits set below its prefix, expected ::fffe:0:0/95"),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<Cidr>().unwrap_err().to_string(), expected, "{text:?}");
        }
    }

    #[test]
    fn address_refusal_keeps_its_source() {
        let error = "10.0.0/8".parse::<Cidr>().unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "invalid IP address syntax");
    }

    fn address_and_prefix() -> impl Strategy<Value = (IpAddr, u8)> {
        prop_oneof![
            (any::<Ipv4Addr>().prop_map(IpAddr::V4), 0..=32_u8),
            (any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))), 0..=128_u8)
                .prop_filter("an IPv4-mapped address is in no shorter network", |(address, _)| !is_mapped(*address)),
            (any::<Ipv4Addr>().prop_map(|mapped| IpAddr::V6(mapped.to_ipv6_mapped())), 96..=128_u8),
        ]
    }

    fn is_mapped(address: IpAddr) -> bool {
        address.to_canonical() != address
    }

    /// The network of `address`, by way of the address that a refusal names.
    fn network_of(address: IpAddr, prefix: u8) -> Cidr {
        match Cidr::new(address, prefix) {
            Err(CidrError::HostBits { expected, .. }) => Cidr::new(expected, prefix).unwrap(),
            answer => answer.unwrap(),
        }
    }

    fn bits(address: IpAddr) -> String {
        match address.to_canonical() {
            IpAddr::V4(address) => alloc::format!("4:{:032b}", address.to_bits()),
            IpAddr::V6(address) => alloc::format!("6:{:0128b}", address.to_bits()),
        }
    }

    proptest! {
        #[test]
        fn network_has_the_address_it_was_made_of((address, prefix) in address_and_prefix()) {
            let cidr = network_of(address, prefix);
            prop_assert!(cidr.contains(address));
            prop_assert!(cidr.contains(cidr.network()));
        }

        #[test]
        fn contains_agrees_with_binary_text((address, prefix) in address_and_prefix(), flipped in 0..128_u32) {
            let cidr = network_of(address, prefix);
            let other = match address {
                IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() ^ (1 << (flipped % 32)))),
                IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() ^ (1 << flipped))),
            };
            let family_and_prefix = "4:".len().saturating_add(cidr.prefix() as usize);
            let shared: String = bits(cidr.network()).chars().take(family_and_prefix).collect();
            prop_assert_eq!(cidr.contains(other), bits(other).starts_with(&shared));
        }

        #[test]
        fn printed_network_reads_back((address, prefix) in address_and_prefix()) {
            let network = network_of(address, prefix);
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }

        #[test]
        fn any_text_has_an_answer(text in "[0-9a-f:./%]{0,24}|.{0,24}") {
            if let Ok(network) = text.parse::<Cidr>() {
                prop_assert!(network.contains(network.network()));
            }
            prop_assert_eq!(cidr("10.0.0.0/8").contains_text(&text).is_some(), text.parse::<IpAddr>().is_ok());
        }
    }
}
