//! The screens that the number keys lead to.

/// A screen.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Room {
    /// Every flag.
    #[default]
    Flags,
    /// What is killed, and what can be.
    Kills,
    /// Variants that are compared.
    Experiments,
    /// Everything that was done.
    Audit,
    /// What a change would come to.
    Simulate,
    /// What is not published yet.
    Pending,
}

impl Room {
    pub(super) const ALL: [Self; 6] =
        [Self::Flags, Self::Kills, Self::Experiments, Self::Audit, Self::Simulate, Self::Pending];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Flags => "Flags",
            Self::Kills => "Kills",
            Self::Experiments => "Experiments",
            Self::Audit => "Audit",
            Self::Simulate => "Simulate",
            Self::Pending => "Pending",
        }
    }

    /// Returns the number of the key that leads there, from 1 on.
    pub(super) fn number(self) -> usize {
        Self::ALL.iter().position(|room| *room == self).unwrap_or(0).saturating_add(1)
    }

    /// Returns the screen so many further on, around the end.
    pub(super) fn turned(self, by: usize) -> Self {
        let next = self.number().saturating_sub(1).saturating_add(by).checked_rem(Self::ALL.len()).unwrap_or(0);
        Self::ALL.get(next).copied().unwrap_or_default()
    }
}
