//! Flags for somebody else than this installation, as a service decides them for each of its requests.

use std::fmt;

use flag_core::Context;

use crate::client::FlagClient;
use crate::current::Lent;
use crate::hook::Hooks;
use crate::reads::Reader;
use crate::registry::{Evaluation, Flag, FlagName, FlagType};

/// The flags of one context: a user, a tenant, a request. [`FlagClient::for_context`] makes it.
///
/// * All its answers come from one state of the flags, whatever is fetched or changed meanwhile.
/// * What this machine's user or environment variables chose is theirs alone and does not count here, least of all an opt-in. Kills, what
///   test code forced, the snapshot, base values and code defaults count for everyone.
/// * Conditions see the attributes of the context and no others.
///
/// ```
/// use flag_client::{Attributes, Context, Declaration, FlagClient};
/// let flags = FlagClient::builder().declare([Declaration::boolean("command_history").default_on(true)]).open();
/// let attributes = Attributes::new().with("plan", "team");
/// let of_user = flags.for_context(Context::new("user-7").with_attributes(&attributes));
/// assert!(of_user.is_enabled("command_history"));
/// ```
#[derive(Clone)]
pub struct ContextFlags<'c> {
    in_force: Lent,
    /// Beside what is in force, which threads keep for longer than their client lives.
    hooks: Hooks,
    context: Context<'c>,
}

impl<'c> ContextFlags<'c> {
    pub(crate) fn new(in_force: Lent, hooks: Hooks, context: Context<'c>) -> Self {
        let context = if context.now().is_none() { context.at(in_force.now) } else { context };
        Self { in_force, hooks, context }
    }

    /// Tells whether a flag is on. One that nobody knows is off, unless it is a typed flag that is on by default.
    pub fn is_enabled(&self, flag: impl FlagName) -> bool {
        self.reader().is_enabled(&flag, &self.context)
    }

    /// Returns the id of the variant that a flag serves, unless there is no such flag.
    pub fn variant(&self, flag: impl FlagName) -> Option<String> {
        self.reader().variant(flag.key(), &self.context)
    }

    /// Returns the value of a typed flag, or its default in the code where there is none of its type.
    pub fn get<T: FlagType>(&self, flag: Flag<T>) -> T::Value {
        self.reader().get(flag, &self.context)
    }

    /// Returns the value of a typed flag and how it came about.
    pub fn evaluate<T: FlagType>(&self, flag: Flag<T>) -> Evaluation<T::Value> {
        self.reader().evaluate(flag, &self.context)
    }

    fn reader(&self) -> Reader<'_> {
        Reader::for_others(&self.in_force, &self.hooks)
    }
}

impl FlagClient {
    /// Returns the flags of another context than this installation's. A context without a time is at the client's.
    pub fn for_context<'c>(&self, context: Context<'c>) -> ContextFlags<'c> {
        ContextFlags::new(self.lend(), self.hooks().clone(), context)
    }
}

impl fmt::Debug for ContextFlags<'_> {
    /// Leaves out the context, which may identify somebody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextFlags").field("flags", &self.in_force.order.len()).finish_non_exhaustive()
    }
}
