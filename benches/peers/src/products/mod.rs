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

use crate::product::{Visit, VisitHeld};

pub use configcat::ConfigCat;
pub use eppo::Eppo;
pub use flagd::Flagd;
pub use growthbook::GrowthBook;
pub use launchdarkly::LaunchDarkly;
pub use our_client::{ForOthers, Installation};
pub use ours::Evaluator;
pub use posthog::PostHog;
pub use statsig::Statsig;
pub use unleash::Unleash;

/// Visits every product: our own first, then the peers in the order of their names.
pub fn each(visitor: &mut impl Visit) {
    visitor.visit::<Evaluator>();
    visitor.visit::<ForOthers>();
    visitor.visit::<ConfigCat>();
    visitor.visit::<Eppo>();
    visitor.visit::<Flagd>();
    visitor.visit::<GrowthBook>();
    visitor.visit::<LaunchDarkly>();
    visitor.visit::<PostHog>();
    visitor.visit::<Statsig>();
    visitor.visit::<Unleash>();
}

/// Visits every product that can replace its configuration, in the same order. flag-core alone is not among them: flag-client holds it.
pub fn each_held(visitor: &mut impl VisitHeld) {
    visitor.visit::<ForOthers>();
    visitor.visit::<ConfigCat>();
    visitor.visit::<Eppo>();
    visitor.visit::<Flagd>();
    visitor.visit::<GrowthBook>();
    visitor.visit::<LaunchDarkly>();
    visitor.visit::<PostHog>();
    visitor.visit::<Statsig>();
    visitor.visit::<Unleash>();
}
