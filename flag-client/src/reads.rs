//! Reading a flag: for this installation, or for somebody else.

use std::sync::OnceLock;

use flag_core::{AccessError, Context, Decision, FlagRef, Reason, Ruleset};

use crate::decision::Layer;
use crate::hook::Hooks;
use crate::in_force::{InForce, is_on};
use crate::registry::{Evaluation, Flag, FlagName, FlagType, ValueError};

/// The flags without what the user of this installation chose; none where they chose nothing.
pub(crate) type ForOthers = OnceLock<Option<Box<(Option<Ruleset>, Ruleset)>>>;

/// One look at what is in force.
#[derive(Copy, Clone)]
pub(crate) struct Reader<'r> {
    in_force: &'r InForce,
    published: Option<&'r Ruleset>,
    local: &'r Ruleset,
    hooks: &'r Hooks,
}

impl<'r> Reader<'r> {
    /// Reads for this installation.
    #[inline]
    pub(crate) fn own(in_force: &'r InForce, hooks: &'r Hooks) -> Self {
        Self { in_force, published: in_force.published.as_ref(), local: &in_force.local, hooks }
    }

    /// Reads for others, whom the choices of this installation do not concern.
    pub(crate) fn for_others(in_force: &'r InForce, hooks: &'r Hooks) -> Self {
        let others = in_force.for_others.get_or_init(|| {
            let chosen = in_force.facts.values().any(|facts| facts.chosen.is_some());
            chosen.then(|| {
                let (mut published, mut local) = (in_force.published.clone(), in_force.local.clone());
                published.iter_mut().chain([&mut local]).for_each(Ruleset::forget_choices);
                Box::new((published, local))
            })
        });
        match others.as_deref() {
            Some((published, local)) => Self { in_force, published: published.as_ref(), local, hooks },
            None => Self::own(in_force, hooks),
        }
    }

    #[inline]
    fn flag(&self, key: &str) -> Option<FlagRef<'r>> {
        self.published.and_then(|published| published.flag(key)).or_else(|| self.local.flag(key))
    }

    #[inline]
    pub(crate) fn is_enabled(&self, name: &impl FlagName, context: &Context<'_>) -> bool {
        let key = name.key();
        let Some(flag) = self.flag(key) else { return self.is_unknown_enabled(name, context) };
        let decision = flag.evaluate(context);
        let on = is_on(&decision);
        if !self.hooks.is_empty() {
            self.tell(key, &self.evaluation(key, &decision, on, None));
        }
        on
    }

    #[cold]
    fn is_unknown_enabled(&self, name: &impl FlagName, context: &Context<'_>) -> bool {
        let decision = self.without_flag(name.key(), context);
        let on = decision.reason() != Reason::Killed && name.is_on_unless_known();
        if !self.hooks.is_empty() {
            let error = (decision.reason() != Reason::Killed).then(|| no_flag(&decision));
            self.tell(name.key(), &self.evaluation(name.key(), &decision, on, error));
        }
        on
    }

    pub(crate) fn variant(&self, key: &str, context: &Context<'_>) -> Option<String> {
        let decision = self.decide(key, context);
        if !self.hooks.is_empty() {
            let error = decision.flag().is_none().then(|| no_flag(&decision));
            self.tell(key, &self.evaluation(key, &decision, (), error));
        }
        decision.variant().map(str::to_owned)
    }

    /// Returns the value alone, without making anything that only an [`Evaluation`] needs.
    #[inline]
    pub(crate) fn get<T: FlagType>(&self, flag: Flag<T>, context: &Context<'_>) -> T::Value {
        if !self.hooks.is_empty() {
            return self.evaluate(flag, context).value;
        }
        let decision = self.decide(flag.key(), context);
        T::read(&decision).unwrap_or_else(|_| instead_of(flag, &decision))
    }

    pub(crate) fn evaluate<T: FlagType>(&self, flag: Flag<T>, context: &Context<'_>) -> Evaluation<T::Value> {
        let decision = self.decide(flag.key(), context);
        let (value, error) = match T::read(&decision) {
            Ok(value) => (value, None),
            // A kill of what is no flag here is a decision, and no error.
            Err(_) if decision.reason() == Reason::Killed && decision.flag().is_none() => {
                (instead_of(flag, &decision), None)
            }
            Err(error) => (instead_of(flag, &decision), Some(error)),
        };
        self.told(flag.key(), self.evaluation(flag.key(), &decision, value, error))
    }

    /// Reads the value of whatever type it is. There is none without a flag.
    #[cfg(feature = "openfeature")]
    pub(crate) fn untyped<V>(
        &self,
        key: &str,
        context: &Context<'_>,
        read: impl FnOnce(&Decision<'_>, &flag_core::Value) -> Result<V, AccessError>,
    ) -> Evaluation<Option<V>> {
        let decision = self.decide(key, context);
        let (value, error) = match decision.value().map(|value| read(&decision, value)) {
            Some(Ok(value)) => (Some(value), None),
            Some(Err(error)) => (None, Some(error.into())),
            None => (None, Some(no_flag(&decision))),
        };
        self.told(key, self.evaluation(key, &decision, value, error))
    }

    #[inline]
    fn decide(&self, key: &str, context: &Context<'_>) -> Decision<'r> {
        match self.flag(key) {
            Some(flag) => flag.evaluate(context),
            None => self.without_flag(key, context),
        }
    }

    /// A quarantined flag of the snapshot says more than one that nobody knows.
    #[cold]
    fn without_flag(&self, key: &str, context: &Context<'_>) -> Decision<'r> {
        let published = self.published.map(|published| published.evaluate(key, context));
        let known = published.filter(|decision| decision.reason() != Reason::FlagNotFound);
        known.unwrap_or_else(|| self.local.evaluate(key, context))
    }

    fn evaluation<V>(&self, key: &str, decision: &Decision<'_>, value: V, error: Option<ValueError>) -> Evaluation<V> {
        let facts = self.in_force.facts.get(key);
        let from_snapshot = decision.flag().is_some()
            && facts.is_none_or(|facts| facts.foundation.layer == Layer::Snapshot)
            && !matches!(decision.reason(), Reason::Killed | Reason::Forced | Reason::Override);
        Evaluation {
            value,
            variant: decision.variant().map(Into::into),
            reason: self.in_force.reason(key, decision),
            error,
            stale: from_snapshot && self.in_force.info.is_some_and(|info| info.stale),
            flag_version: decision.flag_version(),
        }
    }

    fn told<V>(&self, key: &str, evaluation: Evaluation<V>) -> Evaluation<V> {
        if !self.hooks.is_empty() {
            self.tell(key, &evaluation);
        }
        evaluation
    }

    fn tell<V>(&self, key: &str, evaluation: &Evaluation<V>) {
        self.hooks.tell(key, evaluation, self.in_force.info);
    }
}

fn no_flag(decision: &Decision<'_>) -> ValueError {
    AccessError::NoFlag { reason: decision.reason() }.into()
}

/// What stands in for a value that cannot be read.
#[cold]
fn instead_of<T: FlagType>(flag: Flag<T>, decision: &Decision<'_>) -> T::Value {
    let default = flag.declaration().default;
    let killed = decision.reason() == Reason::Killed && decision.flag().is_none();
    if killed { T::killed(default) } else { T::code_default(default) }
}
