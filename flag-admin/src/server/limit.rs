use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use flag_core::Timestamp;

/// How many addresses are told apart at most. Of more, those beyond share one budget.
const ADDRESSES_MAX: usize = 50_000;

/// How often one address may ask: so many times at once, and then so many times a second.
#[derive(Debug)]
pub(super) struct Limit {
    burst: f64,
    per_second: f64,
    budgets: Mutex<HashMap<IpAddr, Budget>>,
}

#[derive(Copy, Clone, Debug)]
struct Budget {
    left: f64,
    at: Timestamp,
}

impl Limit {
    pub(super) fn new(burst: u32, per_second: u32) -> Self {
        Self { burst: burst.into(), per_second: per_second.into(), budgets: Mutex::default() }
    }

    /// Takes one from what an address has left. Where nothing is left, returns in how many seconds there is, at least 1.
    pub(super) fn take(&self, address: IpAddr, now: Timestamp) -> Result<(), u32> {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = network(address);
        if !budgets.contains_key(&key) && budgets.len() >= ADDRESSES_MAX {
            budgets.retain(|_, budget| self.refilled(*budget, now) < self.burst);
            if budgets.len() >= ADDRESSES_MAX {
                key = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let budget = budgets.entry(key).or_insert(Budget { left: self.burst, at: now });
        let left = self.refilled(*budget, now);
        *budget = Budget { left: if left >= 1.0 { left - 1.0 } else { left }, at: now };
        if left >= 1.0 {
            return Ok(());
        }
        let seconds = ((1.0 - left) / self.per_second.max(0.01)).ceil().clamp(1.0, 3_600.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 3,600")]
        Err(seconds as u32)
    }

    fn refilled(&self, budget: Budget, now: Timestamp) -> f64 {
        // A clock that was set back gives nothing and takes nothing.
        let millis = u32::try_from(now.millis_since(budget.at).max(0)).unwrap_or(u32::MAX);
        (budget.left + f64::from(millis) / 1_000.0 * self.per_second).min(self.burst)
    }
}

/// An IPv4 address, or the /64 that one customer of IPv6 has.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_so_many_a_second() {
        let limit = Limit::new(3, 2);
        let at = |millis: i64| Timestamp::from_millis(1_768_487_521_000 + millis);
        let eve: IpAddr = "192.0.2.7".parse().unwrap();
        assert_eq!([0; 4].map(|millis| limit.take(eve, at(millis))), [Ok(()), Ok(()), Ok(()), Err(1)]);
        assert_eq!([500, 500].map(|millis| limit.take(eve, at(millis))), [Ok(()), Err(1)]);
        assert_eq!(limit.take("192.0.2.8".parse().unwrap(), at(500)), Ok(()));
        assert_eq!(limit.take(eve, at(-90_000)), Err(1), "a clock that was set back");
    }

    #[test]
    fn addresses_that_one_customer_has_share_a_budget_and_memory_is_bounded() {
        let limit = Limit::new(1, 1);
        let now = Timestamp::from_millis(1_768_487_521_000);
        assert_eq!(limit.take("2001:db8::1".parse().unwrap(), now), Ok(()));
        assert_eq!(limit.take("2001:db8::2".parse().unwrap(), now), Err(1));
        for number in 0..60_000_u32 {
            let _ = limit.take(IpAddr::V4(number.into()), now);
        }
        assert!(limit.budgets.lock().unwrap().len() <= ADDRESSES_MAX + 1);
    }
}
