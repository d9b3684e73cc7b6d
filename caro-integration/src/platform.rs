use std::env::consts;

/// The operating system and the processor that defaults depend on, in the words of [`std::env::consts`].
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Platform {
    /// The operating system: `macos`, `linux`, `windows`, ...
    pub os: &'static str,
    /// The processor: `aarch64`, `x86_64`, ...
    pub arch: &'static str,
}

impl Platform {
    /// A Mac with an Apple processor.
    pub const APPLE_SILICON: Self = Self { os: "macos", arch: "aarch64" };

    /// Returns the platform this program was compiled for.
    pub const fn current() -> Self {
        Self { os: consts::OS, arch: consts::ARCH }
    }

    /// Tells whether this is a Mac with an Apple processor, the only place where MLX runs.
    pub fn is_apple_silicon(self) -> bool {
        self == Self::APPLE_SILICON
    }
}
