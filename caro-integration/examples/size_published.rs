//! The program of `size_with` that asks for all there is: published flags, anonymous reports and the crash quarantine.

#[path = "size/features.rs"]
mod features;
#[path = "size/program.rs"]
mod program;

use std::error::Error;
use std::fs;

use caro_integration::{Consent, CrashQuarantine, Host, HostPaths, Remote};

fn main() -> Result<(), Box<dyn Error>> {
    let paths = HostPaths::of_user()?;
    let remote = Remote {
        project: "caro".to_owned(),
        environment: "production".to_owned(),
        pinned_root: fs::read(paths.state_dir.join("root.json"))?,
        state_file: paths.state_dir.join("published.json"),
        bundled_snapshot: None,
        url: None,
    };
    let host = Host::new(env!("CARGO_PKG_VERSION"));
    let host = host.remote(remote).reports(Consent::Given).crash_quarantine(CrashQuarantine::default());
    features::run(paths, host)
}
