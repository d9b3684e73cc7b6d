//! How often somebody may be wrong about a token.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use flag_core::Timestamp;

/// How many failures a minute one address may have.
pub const FAILURES_PER_MINUTE: u32 = 10;
const WINDOW_MILLIS: i64 = 60_000;
/// How many addresses are remembered. Those beyond share one count.
const ADDRESSES_MAX: usize = 16_384;

/// Counts failed tries by address: an IPv4 address, or the /64 that one customer of IPv6 has.
///
/// A good token always counts for what it is: somebody else's failures on the same network must not keep a kill from getting through, and
/// 256 random bits are not guessed whatever the rate.
#[derive(Debug, Default)]
pub struct Throttle {
    windows: BTreeMap<IpAddr, Window>,
}

#[derive(Copy, Clone, Debug)]
struct Window {
    since: Timestamp,
    failures: u32,
}

impl Window {
    fn is_over(&self, now: Timestamp) -> bool {
        // A clock that was set back must not lock anybody out for long.
        !(0..WINDOW_MILLIS).contains(&now.millis_since(self.since))
    }
}

impl Throttle {
    /// Counts a failure. Returns for how many seconds the address is to wait, if it has had too many.
    pub fn fail(&mut self, address: IpAddr, now: Timestamp) -> Option<u32> {
        let mut key = network(address);
        if !self.windows.contains_key(&key) && self.windows.len() >= ADDRESSES_MAX {
            self.windows.retain(|_, window| !window.is_over(now));
            if self.windows.len() >= ADDRESSES_MAX {
                key = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let window = self.windows.entry(key).or_insert(Window { since: now, failures: 0 });
        if window.is_over(now) {
            *window = Window { since: now, failures: 0 };
        }
        window.failures = window.failures.saturating_add(1);
        if window.failures <= FAILURES_PER_MINUTE {
            return None;
        }
        let left = WINDOW_MILLIS.saturating_sub(now.millis_since(window.since));
        Some(u32::try_from(left / 1_000).unwrap_or(0).saturating_add(1))
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_768_487_521_000 + seconds * 1_000)
    }

    #[test]
    fn ten_failures_a_minute_and_then_a_wait() {
        let mut throttle = Throttle::default();
        let eve: IpAddr = "192.0.2.7".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(throttle.fail(eve, at(0)), None);
        }
        assert_eq!(throttle.fail(eve, at(15)), Some(46));
        assert_eq!(throttle.fail("::ffff:192.0.2.7".parse().unwrap(), at(15)), Some(46));
        assert_eq!(throttle.fail("192.0.2.8".parse().unwrap(), at(15)), None);
        assert_eq!(throttle.fail(eve, at(60)), None);
        for _ in 0..20 {
            throttle.fail(eve, at(60));
        }
        // The clock was set back by an hour.
        assert_eq!(throttle.fail(eve, at(-3_600)), None);
    }

    #[test]
    fn one_customer_of_ipv6_is_one_and_memory_is_bounded() {
        let mut throttle = Throttle::default();
        for host in 0..10_u128 {
            assert_eq!(throttle.fail(IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | host)), at(0)), None);
        }
        assert!(throttle.fail(IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | 0x63)), at(0)).is_some());
        for network in 0..20_000_u128 {
            throttle.fail(IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db9 << 96 | network << 64)), at(1));
        }
        assert!(throttle.windows.len() <= ADDRESSES_MAX + 1, "{}", throttle.windows.len());
    }
}
