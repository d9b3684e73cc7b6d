/// Numbers that look random and are the same for the same seed, on every machine (SplitMix64; Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Returns the numbers of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 to 1, never 0 itself.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub fn unit(&mut self) -> f64 {
        ((self.draw() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Returns how many of `n` come out with probability `p`. From 1,000 expected on either side it is drawn from the normal distribution,
    /// which then is off by less than what anybody could see.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts stay far below 2^53, and a cast from a float saturates"
    )]
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if n == 0 || p <= 0.0 {
            return 0;
        }
        if p >= 1.0 {
            return n;
        }
        if p > 0.5 {
            return n.saturating_sub(self.binomial(n, 1.0 - p));
        }
        let mean = n as f64 * p;
        if mean > 1_000.0 {
            let (radius, angle) = (libm::sqrt(-2.0 * libm::log(self.unit())), core::f64::consts::TAU * self.unit());
            let drawn = mean + libm::sqrt(mean * (1.0 - p)) * radius * libm::cos(angle);
            return (libm::round(drawn.max(0.0)) as u64).min(n);
        }
        // From one success to the next: a geometric number of trials.
        let scale = libm::log1p(-p);
        let (mut successes, mut trials) = (0, 0_u64);
        loop {
            let skipped = libm::floor(libm::log(self.unit()) / scale) as u64;
            trials = trials.saturating_add(skipped).saturating_add(1);
            if trials > n {
                return successes;
            }
            successes += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    fn counts_have_the_mean_and_the_spread_of_a_binomial() {
        let mut chance = Chance::new(7);
        for (n, p) in [(10_u64, 0.3), (1_000, 0.001), (1_000, 0.97), (100_000, 0.2)] {
            let draws: Vec<f64> = (0..4_000).map(|_| chance.binomial(n, p) as f64).collect();
            let mean = draws.iter().sum::<f64>() / 4_000.0;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 4_000.0;
            let (expected, spread) = (n as f64 * p, n as f64 * p * (1.0 - p));
            assert!((mean - expected).abs() < 5.0 * (spread / 4_000.0).sqrt(), "{n} {p}: {mean}");
            assert!((variance / spread - 1.0).abs() < 0.15, "{n} {p}: {variance} for {spread}");
        }
        assert_eq!((chance.binomial(0, 0.5), chance.binomial(9, 0.0), chance.binomial(9, 1.0)), (0, 0, 9));
    }
}
