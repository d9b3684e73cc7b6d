//! When to ask again: a pure function of what came of asking, so that hours pass in a test in no time.

use std::time::Duration;

/// The longest delay after failures, and the usual one where the server does not let this client in.
pub(crate) const LONGEST: Duration = Duration::from_secs(15 * 60);

/// More doublings than this reach [`LONGEST`] from any interval.
const MAX_DOUBLINGS: u32 = 20;

/// What came of asking once.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was fetched, or there is nothing new.
    Success,
    /// Something could not be fetched or was refused.
    Failure,
    /// The server does not let this client in. It is still asked, now and then: keys are given back as they are taken away.
    Denied,
    /// The server asks to be left alone for a time.
    Later(Duration),
}

/// What the schedule remembers.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// How often in a row it failed.
    pub(crate) failures: u32,
}

/// Returns how long to wait after an outcome, and what to remember.
///
/// The delay is `min(interval × 2^failures, 15 min)` times a random factor from ½ to 1, so that clients which failed together do not
/// come back together. A server that asks to be left alone gets at least the time it asked for, and up to half an interval more.
/// `random` is uniform over all of `u32`.
pub(crate) fn next(schedule: Schedule, outcome: Outcome, interval: Duration, random: u32) -> (Schedule, Duration) {
    let failures = match outcome {
        Outcome::Success => 0,
        _ => schedule.failures.saturating_add(1),
    };
    let longest = LONGEST.max(interval);
    let doubled = interval.saturating_mul(1 << failures.min(MAX_DOUBLINGS)).min(longest);
    let delay = match outcome {
        Outcome::Success | Outcome::Failure => jittered(doubled, random),
        Outcome::Denied => jittered(longest, random),
        Outcome::Later(asked) => {
            let spread = part(interval / 2, random);
            asked.saturating_add(spread).max(jittered(doubled, random))
        }
    };
    (Schedule { failures }, delay)
}

/// Within what time clients come back whose event streams ended in the same moment, as when a server is replaced. Until then they poll.
const RECONNECTING: Duration = Duration::from_secs(15);

/// How long to wait at most before a broken event stream is asked for again, not counting the time that spreads clients.
pub(crate) const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// Returns how long to wait before an event stream is asked for again that has failed a number of times in a row: `retry × 2^(failures - 1)`,
/// a minute at most, times a random factor from ½ to 1, and up to 15 seconds by chance.
pub(crate) fn reconnect(retry: Duration, failures: u32, random: u32) -> Duration {
    let doubled = retry.saturating_mul(1 << failures.saturating_sub(1).min(MAX_DOUBLINGS));
    jittered(doubled.min(LONGEST_RETRY.max(retry)), random).saturating_add(part(RECONNECTING, random))
}

/// Returns between half of a time and all of it.
pub(crate) fn jittered(time: Duration, random: u32) -> Duration {
    (time / 2).saturating_add(part(time / 2, random))
}

/// Returns the part of a time that a random number stands for: none for 0, all for the largest.
pub(crate) fn part(time: Duration, random: u32) -> Duration {
    let nanos = time.as_nanos().saturating_mul(u128::from(random)) / u128::from(u32::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn failures_double_the_delay_up_to_a_quarter_of_an_hour_and_one_success_ends_that() {
        use Outcome::{Denied, Failure, Later, Success};
        let table = [
            (Success, 0, 30),
            (Failure, 1, 60),
            (Failure, 2, 120),
            (Failure, 3, 240),
            (Failure, 4, 480),
            (Failure, 5, 900),
            (Failure, 6, 900),
            (Success, 0, 30),
            (Denied, 1, 900),
            (Denied, 2, 900),
            (Failure, 3, 240),
            (Later(secs(5)), 4, 480),
            (Success, 0, 30),
            (Later(secs(3_600)), 1, 3_615),
            (Later(secs(0)), 2, 120),
            (Success, 0, 30),
        ];
        let mut schedule = Schedule::default();
        for (row, (outcome, failures, delay)) in table.into_iter().enumerate() {
            let (most, all) = next(schedule, outcome, INTERVAL, u32::MAX);
            let (least, half) = next(schedule, outcome, INTERVAL, 0);
            assert_eq!((most.failures, all), (failures, secs(delay)), "row {row}");
            let expected = if let Later(asked) = outcome { asked.max(secs(delay) / 2) } else { secs(delay) / 2 };
            assert_eq!((least, half), (most, expected.min(secs(3_600))), "row {row}");
            schedule = most;
        }
    }

    #[test]
    fn a_stream_that_fails_again_and_again_is_asked_for_once_a_minute() {
        let table =
            [(1, 0, 500), (1, u32::MAX, 16_000), (2, 0, 1_000), (5, 0, 8_000), (9, 0, 30_000), (u32::MAX, 0, 30_000)];
        for (failures, random, millis) in table {
            assert_eq!(reconnect(secs(1), failures, random), Duration::from_millis(millis), "{failures} {random}");
        }
    }

    #[test]
    fn e47_two_hundred_streams_that_end_at_once_do_not_come_back_at_once() {
        for seed in 0..32_u64 {
            let mut per_second = [0_u32; 20];
            let mut random = numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            for _ in 0..200 {
                let delay = reconnect(secs(1), 1, random());
                per_second[usize::try_from(delay.as_secs()).unwrap()] += 1;
            }
            let busiest = per_second.iter().max().unwrap();
            assert!(*busiest <= 30, "{busiest} of 200 clients in one second");
        }
    }

    /// Numbers that look random.
    fn numbers(seed: u64) -> impl FnMut() -> u32 {
        let mut state = seed | 1;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(state >> 32).unwrap()
        }
    }

    /// Two hundred clients, and what became of them in virtual time.
    struct Herd {
        /// How many asked in each second.
        per_second: Vec<u32>,
        /// When the last one had what it asked for.
        all_current: Duration,
    }

    /// The clients poll, the server is down for `down`, and then it is up again.
    fn herd(clients: u32, down: Duration, mut random: impl FnMut() -> u32) -> Herd {
        let mut per_second = vec![0; 3 * 3_600];
        let mut all_current = Duration::ZERO;
        for _ in 0..clients {
            // All of them hear of the failure in the worst way: in the same second.
            let (mut schedule, mut now) = (Schedule::default(), Duration::ZERO);
            while now < down {
                let delay;
                (schedule, delay) = next(schedule, Outcome::Failure, INTERVAL, random());
                now += delay;
                per_second[usize::try_from(now.as_secs()).unwrap()] += 1;
            }
            all_current = all_current.max(now);
        }
        Herd { per_second, all_current }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn fault_07_two_hundred_clients_do_not_come_back_as_a_herd(seed in any::<u64>()) {
            let herd = herd(200, secs(300), numbers(seed));
            let busiest = herd.per_second.iter().max().unwrap();
            prop_assert!(*busiest <= 30, "{busiest} of 200 clients in one second");
            prop_assert!(herd.all_current <= secs(20 * 60), "{:?}", herd.all_current);
        }

        #[test]
        fn a_delay_is_never_beyond_its_bounds(
            failures in any::<u32>(),
            interval in 1_u64..100_000,
            asked in 0_u64..3_601,
            random in any::<u32>(),
        ) {
            let (schedule, interval) = (Schedule { failures }, secs(interval));
            for outcome in [Outcome::Success, Outcome::Failure, Outcome::Denied] {
                let (_, delay) = next(schedule, outcome, interval, random);
                prop_assert!(delay >= interval.min(LONGEST) / 2 && delay <= LONGEST.max(interval));
            }
            let (_, delay) = next(schedule, Outcome::Later(secs(asked)), interval, random);
            prop_assert!(delay >= secs(asked));
            prop_assert!(delay <= (secs(asked) + interval / 2).max(LONGEST).max(interval));
        }
    }
}
