//! Which flags the list shows, and in which order.

use super::facts::{Facts, FlagFacts};
use super::query::Query;
use crate::app::RolloutPhase;

/// A choice of flags.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum View {
    #[default]
    All,
    /// Killed, overdue, on its way, or with an owner missing.
    Attention,
    /// Served to a part of the units.
    Rolling,
    /// Owned by whoever is at work.
    Mine,
    /// Overdue at its stage or past its day.
    Stale,
}

impl View {
    const ALL: [Self; 5] = [Self::All, Self::Attention, Self::Rolling, Self::Mine, Self::Stale];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Attention => "attention",
            Self::Rolling => "rolling",
            Self::Mine => "mine",
            Self::Stale => "stale",
        }
    }

    pub(super) fn next(self) -> Self {
        let at = Self::ALL.iter().position(|view| *view == self).unwrap_or(0);
        Self::ALL.get(at.saturating_add(1)).copied().unwrap_or_default()
    }

    fn shows(self, flag: &FlagFacts, actor: &str) -> bool {
        match self {
            Self::All => true,
            Self::Attention => {
                matches!(flag.phase, RolloutPhase::Killed | RolloutPhase::Rolling)
                    || !flag.overdue.is_empty()
                    || flag.owner().is_none()
            }
            Self::Rolling => matches!(flag.phase, RolloutPhase::Rolling | RolloutPhase::Experiment),
            Self::Mine => flag.owner() == Some(actor),
            Self::Stale => !flag.overdue.is_empty(),
        }
    }

    /// Says why nothing is in it.
    pub(super) const fn empty(self) -> &'static str {
        match self {
            Self::All => "There are no flags yet.",
            Self::Attention => "Nothing needs attention: no kill, nothing rolling, nothing overdue.",
            Self::Rolling => "Nothing is on its way: every flag serves all or nobody.",
            Self::Mine => "No flag names you as its owner.",
            Self::Stale => "Nothing is stale.",
        }
    }
}

/// The order of the list.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    #[default]
    Key,
    /// Killed first, then what is on its way, then the rest.
    Urgency,
    /// The last changed first.
    Changed,
}

impl Sort {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Urgency => "urgency",
            Self::Changed => "last change",
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::Key => Self::Urgency,
            Self::Urgency => Self::Changed,
            Self::Changed => Self::Key,
        }
    }
}

/// Returns the places of the flags that are shown, in order.
pub(super) fn listed(facts: &Facts, filter: &str, view: View, sort: Sort) -> Vec<usize> {
    let query = Query::read(filter);
    let shown = |flag: &FlagFacts| view.shows(flag, &facts.actor) && query.holds(flag);
    let mut places: Vec<(usize, &FlagFacts)> = facts.flags.iter().enumerate().filter(|(_, flag)| shown(flag)).collect();
    match sort {
        Sort::Key => {}
        Sort::Urgency => places.sort_by_key(|(_, flag)| (urgency(flag.phase), flag.overdue.is_empty())),
        Sort::Changed => places.sort_by_key(|(_, flag)| std::cmp::Reverse(flag.changed)),
    }
    places.into_iter().map(|(place, _)| place).collect()
}

const fn urgency(phase: RolloutPhase) -> u8 {
    match phase {
        RolloutPhase::Killed => 0,
        RolloutPhase::Rolling => 1,
        RolloutPhase::Experiment => 2,
        RolloutPhase::Targeted => 3,
        RolloutPhase::Full => 4,
        RolloutPhase::Off => 5,
    }
}
