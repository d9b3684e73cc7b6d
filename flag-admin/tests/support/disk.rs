//! A disk that a test may fill up.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// A small file system of its own, where the one who runs the tests may mount one.
pub struct SmallDisk {
    pub at: PathBuf,
}

impl SmallDisk {
    pub fn mounted(at: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(&at).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self { at });
        }
        // Written past the harness, which swallows what passing tests print.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no file system can be mounted here: nothing was tested on a full one"
        );
        None
    }

    pub fn remount(&self, options: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.at).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.at).status();
    }
}
