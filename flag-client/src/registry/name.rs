//! How a flag is named where it is asked for.

use crate::declaration::CodeDefault;
use crate::registry::Flag;

/// What names a flag: its key as text, or a typed [`Flag`], whose code default also counts where a client does not know the flag.
pub trait FlagName: Copy {
    /// Returns the flag's key.
    fn key(&self) -> &str;

    /// Tells whether the flag is on where the client does not know it: never, if all that is known is the key.
    fn is_on_unless_known(&self) -> bool {
        false
    }
}

impl<S: AsRef<str> + ?Sized> FlagName for &S {
    #[inline]
    fn key(&self) -> &str {
        (*self).as_ref()
    }
}

impl<T> FlagName for Flag<T> {
    #[inline]
    fn key(&self) -> &str {
        Self::key(*self)
    }

    fn is_on_unless_known(&self) -> bool {
        match self.declaration().default {
            CodeDefault::Bool(on) => on,
            CodeDefault::Choice { variants, default } => variants.first().is_some_and(|off| *off != default),
            _ => false,
        }
    }
}
