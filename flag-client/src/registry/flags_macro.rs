//! The macro that declares flags.

/// Declares flags: each entry gives a typed constant with its default and its documentation, and the list of all goes to
/// [`ClientBuilder::declare`](crate::ClientBuilder::declare) and to [`docs`](crate::docs).
///
/// ```
/// use flag_client::{FlagClient, Metric, OptIn, Stage, choices, flags};
///
/// choices! {
///     /// The model that turns prompts into commands.
///     pub enum Model {
///         /// The one that ships.
///         Control = "control",
///         /// The larger one.
///         Treatment = "treatment",
///     }
/// }
///
/// flags! {
///     /// Every flag, in the order in which they are shown.
///     pub const ALL: &[Declaration];
///
///     /// All of telemetry
///     pub const TELEMETRY: bool = "telemetry" {
///         default: true,
///     }
///
///     /// Syncs telemetry to the cloud, besides keeping it here
///     pub const TELEMETRY_CLOUD_SYNC: bool = "telemetry_cloud_sync" {
///         default: false,
///         title: "Telemetry Cloud Sync",
///         stage: Stage::Beta,
///         opt_in: OptIn::Required,
///         prerequisites: &[TELEMETRY.on()],
///         owner: "@alice",
///         expires: "v1.3.0 (2026-05-01)",
///         metrics: &[Metric::with_target("sync success rate", ">95%")],
///     }
///
///     /// Runs models with MLX
///     pub const MLX_BACKEND: bool = "mlx_backend" {
///         default: cfg!(all(target_os = "macos", target_arch = "aarch64")),
///         overridable,
///     }
///
///     /// Which model is asked
///     pub const MODEL: Model = "model" { default: Model::Control.id() }
///
///     /// How many commands are remembered
///     pub const HISTORY_SIZE: u32 = "history_size" { default: 500 }
/// }
///
/// let flags = FlagClient::builder().declare(ALL).open();
/// assert!(!flags.is_enabled(TELEMETRY_CLOUD_SYNC));
/// assert_eq!(flags.get(MODEL), Model::Control);
/// assert_eq!(flags.get(HISTORY_SIZE), 500);
/// assert_eq!(TELEMETRY_CLOUD_SYNC.declaration().description, "Syncs telemetry to the cloud, besides keeping it here");
/// ```
///
/// * The comment above an entry documents the constant, and is the flag's description for users: a phrase without a full stop.
/// * `default` comes first, and may depend on the platform through `cfg!`. An object's default is JSON, a choice's is an id.
/// * Every other field is the method of that name of [`Declaration`](crate::Declaration). `overridable` and `critical` stand alone.
/// * A prerequisite names the other flag by its constant: `TELEMETRY.on()`, `MODEL.serves(&[Model::Treatment.id()])`.
///
/// An entry that is taken away makes the compiler list each place that used it. A key that is none, a default that is none, a field that
/// does not exist, and prerequisites that form a cycle do not compile.
#[macro_export]
macro_rules! flags {
    (
        $(#[$all_meta:meta])*
        $all_vis:vis const $all:ident: &[Declaration];
        $(
            $(#[doc = $doc:literal])+
            $vis:vis const $name:ident: $type:ty = $key:literal {
                default: $default:expr $(, $field:ident $(: $value:expr)?)* $(,)?
            }
        )*
    ) => {
        $(#[$all_meta])*
        $all_vis const $all: &[$crate::Declaration] = &[$(*$name.declaration()),*];

        $(
            $(#[doc = $doc])+
            #[doc = ""]
            #[doc = concat!("Flag `", $key, "`, `", stringify!($default), "` by default.")]
            #[allow(dead_code, reason = "a flag may be declared before it is used, or for its list only")]
            $vis const $name: $crate::Flag<$type> = {
                const DECLARATION: $crate::Declaration = <$crate::Flag<$type>>::declare($key, $default)
                    .describe(concat!($($doc),+).trim_ascii())
                    $(.$field($($value)?))*;
                $crate::Flag::declared(&DECLARATION)
            };
        )*
    };
}
