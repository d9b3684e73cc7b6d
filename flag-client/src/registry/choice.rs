//! Flags that serve one of a fixed list of variants, as Rust enums.

/// An enum whose values are the variants of a flag. [`choices!`](crate::choices) makes them.
pub trait Choice: Copy + Eq + 'static {
    /// The ids, in the order of [`VARIANTS`](Self::VARIANTS). The first one is served when a flag is off.
    const IDS: &'static [&'static str];
    /// The values.
    const VARIANTS: &'static [Self];
    /// The first value.
    const FIRST: Self;

    /// Returns the value of an id.
    fn from_id(id: &str) -> Option<Self> {
        let place = Self::IDS.iter().position(|known| *known == id)?;
        Self::VARIANTS.get(place).copied()
    }
}

/// Makes an enum of a flag's variants, each with its id. The first one is what the flag serves when it is off.
///
/// The enum is `Copy`, `Debug`, `Eq` and `Hash`, implements [`Choice`](crate::Choice), and has `id`, a `const fn`.
///
/// ```
/// flag_client::choices! {
///     /// The model that turns prompts into commands.
///     pub enum Model {
///         /// The one that ships.
///         Control = "control",
///         /// The larger one.
///         Treatment = "treatment",
///     }
/// }
/// use flag_client::Choice;
/// assert_eq!(Model::Treatment.id(), "treatment");
/// assert_eq!(Model::from_id("control"), Some(Model::Control));
/// ```
#[macro_export]
macro_rules! choices {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $(#[$first_meta:meta])* $first:ident = $first_id:literal
        $(, $(#[$variant_meta:meta])* $variant:ident = $id:literal)* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
        $vis enum $name {
            $(#[$first_meta])*
            $first,
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            /// Returns the variant's id.
            #[allow(dead_code, reason = "not every choice is asked for its id")]
            $vis const fn id(self) -> &'static str {
                match self {
                    Self::$first => $first_id,
                    $(Self::$variant => $id,)*
                }
            }
        }

        impl $crate::Choice for $name {
            const IDS: &'static [&'static str] = &[$first_id $(, $id)*];
            const VARIANTS: &'static [Self] = &[Self::$first $(, Self::$variant)*];
            const FIRST: Self = Self::$first;
        }
    };
}
