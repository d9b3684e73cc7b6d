//! The program of `size_without` with feature flags.

#[path = "size/features.rs"]
mod features;
#[path = "size/program.rs"]
mod program;

use std::error::Error;

use caro_integration::{Host, HostPaths};

fn main() -> Result<(), Box<dyn Error>> {
    features::run(HostPaths::of_user()?, Host::new(env!("CARGO_PKG_VERSION")))
}
