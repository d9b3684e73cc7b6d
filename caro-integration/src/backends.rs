use std::fmt;

use flag_client::{FeatureFlags, FlagClient};

use crate::flags::{MLX_BACKEND, OLLAMA_BACKEND};
use crate::{Features, Platform};

/// What turns a prompt into a command.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Apple's MLX, on the graphics part of an Apple processor.
    Mlx,
    /// A model served by Ollama.
    Ollama,
    /// The model that caro brings along. It runs everywhere.
    Embedded,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mlx => "mlx",
            Self::Ollama => "ollama",
            Self::Embedded => "embedded",
        })
    }
}

/// Something that knows which features are on.
pub trait Flags {
    /// Tells whether a feature is on.
    fn is_enabled(&self, feature: &str) -> bool;
}

impl Flags for Features {
    fn is_enabled(&self, feature: &str) -> bool {
        Self::is_enabled(self, feature)
    }
}

impl Flags for FlagClient {
    fn is_enabled(&self, feature: &str) -> bool {
        Self::is_enabled(self, feature)
    }
}

impl Flags for FeatureFlags {
    fn is_enabled(&self, feature: &str) -> bool {
        Self::is_enabled(self, feature)
    }
}

/// Returns the backend to use: MLX where its flag is on and it can run, else Ollama where its flag is on, else the embedded model.
///
/// Whether any backend may be used at all is the business of [`KillSwitches::llm_backends_disabled`](crate::KillSwitches).
pub fn select_backend(flags: &impl Flags, platform: Platform) -> Backend {
    if flags.is_enabled(MLX_BACKEND.key()) && platform.is_apple_silicon() {
        Backend::Mlx
    } else if flags.is_enabled(OLLAMA_BACKEND.key()) {
        Backend::Ollama
    } else {
        Backend::Embedded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct On(&'static [&'static str]);

    impl Flags for On {
        fn is_enabled(&self, feature: &str) -> bool {
            self.0.contains(&feature)
        }
    }

    const INTEL_MAC: Platform = Platform { os: "macos", arch: "x86_64" };
    const LINUX: Platform = Platform { os: "linux", arch: "x86_64" };
    const LINUX_ARM: Platform = Platform { os: "linux", arch: "aarch64" };
    const WINDOWS: Platform = Platform { os: "windows", arch: "x86_64" };

    #[test]
    fn every_platform_with_every_pair_of_flags() {
        let others = [INTEL_MAC, LINUX, LINUX_ARM, WINDOWS];
        for (on, on_apple_silicon, elsewhere) in [
            (&[][..], Backend::Embedded, Backend::Embedded),
            (&["mlx_backend"][..], Backend::Mlx, Backend::Embedded),
            (&["ollama_backend"][..], Backend::Ollama, Backend::Ollama),
            (&["mlx_backend", "ollama_backend"][..], Backend::Mlx, Backend::Ollama),
        ] {
            assert_eq!(select_backend(&On(on), Platform::APPLE_SILICON), on_apple_silicon, "{on:?} on Apple Silicon");
            for platform in others {
                assert_eq!(select_backend(&On(on), platform), elsewhere, "{on:?} on {platform:?}");
            }
        }
    }
}
