//! What must not compile.
//!
//! A value of another type than its flag's:
//! ```compile_fail,E0308
//! flag_client::flags! {
//!     /// All flags.
//!     pub const ALL: &[Declaration];
//!     /// How many
//!     pub const COUNT: i64 = "count" { default: 5 }
//! }
//! # let flags = flag_client::FlagClient::builder().declare(ALL).open();
//! let count: bool = flags.get(COUNT);
//! ```
//! A default of another type than its flag's:
//! ```compile_fail,E0308
//! flag_client::flags! {
//!     /// All flags.
//!     pub const ALL: &[Declaration];
//!     /// How many
//!     pub const COUNT: i64 = "count" { default: true }
//! }
//! ```
//! A flag that was taken away:
//! ```compile_fail,E0425
//! flag_client::flags! {
//!     /// All flags.
//!     pub const ALL: &[Declaration];
//! }
//! # let flags = flag_client::FlagClient::builder().declare(ALL).open();
//! flags.is_enabled(COMMAND_HISTORY);
//! ```
//! A key that is none:
//! ```compile_fail,E0080
//! flag_client::flags! {
//!     /// All flags.
//!     pub const ALL: &[Declaration];
//!     /// Remembers
//!     pub const COMMAND_HISTORY: bool = "Command-History" { default: false }
//! }
//! ```
//! A default that is none of the variants:
//! ```compile_fail,E0080
//! flag_client::choices! {
//!     /// Colours.
//!     pub enum Colour { /// Red.
//!         Red = "red" }
//! }
//! flag_client::flags! {
//!     /// All flags.
//!     pub const ALL: &[Declaration];
//!     /// Which colour
//!     pub const COLOUR: Colour = "colour" { default: "blue" }
//! }
//! ```
//! A field that does not exist:
//! ```compile_fail,E0599
//! flag_client::flags! {
//!     /// All flags.
//!     pub const ALL: &[Declaration];
//!     /// Remembers
//!     pub const COMMAND_HISTORY: bool = "command_history" { default: false, colour: "red" }
//! }
//! ```
//! Two flags that are each other's prerequisite:
//! ```compile_fail,E0391
//! flag_client::flags! {
//!     /// All flags.
//!     pub const ALL: &[Declaration];
//!     /// One
//!     pub const FIRST: bool = "first" { default: false, prerequisites: &[SECOND.on()] }
//!     /// Two
//!     pub const SECOND: bool = "second" { default: false, prerequisites: &[FIRST.on()] }
//! }
//! ```
//! A type that no flag can have:
//! ```compile_fail,E0599
//! flag_client::flags! {
//!     /// All flags.
//!     pub const ALL: &[Declaration];
//!     /// Letters
//!     pub const LETTER: char = "letter" { default: 'a' }
//! }
//! ```
//! A prerequisite on a flag that is not on or off:
//! ```compile_fail,E0599
//! flag_client::flags! {
//!     /// All flags.
//!     pub const ALL: &[Declaration];
//!     /// How many
//!     pub const COUNT: i64 = "count" { default: 5 }
//!     /// Remembers
//!     pub const COMMAND_HISTORY: bool = "command_history" { default: false, prerequisites: &[COUNT.on()] }
//! }
//! ```
