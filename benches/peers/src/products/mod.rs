//! One file a product.

mod configcat;
mod eppo;
mod flagd;
mod growthbook;
mod launchdarkly;
mod our_client;
mod ours;
mod posthog;
mod statsig;
mod unleash;

use crate::product::Visit;

pub use configcat::ConfigCat;
pub use eppo::Eppo;
pub use flagd::Flagd;
pub use growthbook::GrowthBook;
pub use launchdarkly::LaunchDarkly;
pub use our_client::OurClient;
pub use ours::Evaluator;
pub use posthog::PostHog;
pub use statsig::Statsig;
pub use unleash::Unleash;

/// Visits every product: our own first, then the peers in the order of their names.
pub fn each(visitor: &mut impl Visit) {
    visitor.visit::<Evaluator>();
    visitor.visit::<OurClient>();
    visitor.visit::<ConfigCat>();
    visitor.visit::<Eppo>();
    visitor.visit::<Flagd>();
    visitor.visit::<GrowthBook>();
    visitor.visit::<LaunchDarkly>();
    visitor.visit::<PostHog>();
    visitor.visit::<Statsig>();
    visitor.visit::<Unleash>();
}
