//! What is left to chance in a report: rounding, which durations stand for all, the nonce, and the order.

use std::collections::BTreeMap;

use super::form::{MAX_DURATIONS, Nonce, Sixteenths};

/// Where randomness comes from: the operating system, or a test.
pub(super) struct Chance<'a>(pub(super) &'a mut dyn FnMut() -> Result<u64, getrandom::Error>);

impl Chance<'_> {
    fn draw(&mut self) -> Result<u64, getrandom::Error> {
        (self.0)()
    }

    /// Returns a number below another one, each equally likely but for one part in 2⁶⁴ of the limit.
    fn below(&mut self, limit: u64) -> Result<u64, getrandom::Error> {
        let product = u128::from(self.draw()?) * u128::from(limit);
        Ok(u64::try_from(product >> 64).unwrap_or(0))
    }

    pub(super) fn nonce(&mut self) -> Result<Nonce, getrandom::Error> {
        Ok(Nonce::of((u128::from(self.draw()?) << 64) | u128::from(self.draw()?)))
    }

    /// Rounds a part of a whole to sixteenths, up with the probability of what rounding down would cut off: the expected value is the part
    /// itself. Rounding to the nearest would turn one failure in forty uses into none, for everyone and every day.
    pub(super) fn sixteenths(&mut self, part: u64, whole: u64) -> Result<Option<Sixteenths>, getrandom::Error> {
        if whole == 0 {
            return Ok(None);
        }
        let scaled = u128::from(part.min(whole)) * u128::from(Sixteenths::WHOLE);
        let (down, cut_off) = (scaled / u128::from(whole), scaled % u128::from(whole));
        let up = cut_off > 0 && u128::from(self.below(whole)?) < cut_off;
        let count = u8::try_from(down).unwrap_or(Sixteenths::WHOLE) + u8::from(up);
        Ok(Sixteenths::try_from(count).ok())
    }

    /// Draws 100 of the uses whose durations are known, each set of 100 equally likely, or takes all if they are no more.
    pub(super) fn sample(&mut self, durations: &BTreeMap<u16, u64>) -> Result<Vec<(u16, u8)>, getrandom::Error> {
        let mut left = durations.clone();
        let mut total = left.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        if total <= MAX_DURATIONS {
            let whole = left.iter().filter(|(_, count)| **count > 0);
            return Ok(whole.map(|(place, count)| (*place, u8::try_from(*count).unwrap_or(u8::MAX))).collect());
        }
        let mut drawn: BTreeMap<u16, u8> = BTreeMap::new();
        for _ in 0..MAX_DURATIONS {
            let mut at = self.below(total)?;
            for (place, count) in &mut left {
                if at < *count {
                    *count -= 1;
                    *drawn.entry(*place).or_default() += 1;
                    break;
                }
                at -= *count;
            }
            total -= 1;
        }
        Ok(drawn.into_iter().collect())
    }

    /// Puts things into a random order, each equally likely: the order in which flags were used would say something.
    pub(super) fn shuffle<T>(&mut self, things: &mut [T]) -> Result<(), getrandom::Error> {
        for last in (1..things.len()).rev() {
            let limit = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
            let other = usize::try_from(self.below(limit)?).unwrap_or(last);
            things.swap(last, other);
        }
        Ok(())
    }
}

/// Draws from the operating system.
pub(super) fn from_system() -> Result<u64, getrandom::Error> {
    getrandom::u64()
}
