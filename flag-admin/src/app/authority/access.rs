use flag_core::{FlagKey, Plan};

use super::policy::{
    Action, ApprovalCause, Demand, PolicyError, Stake, Verdict, check_debug_flag, is_retreat, who_may,
};
use crate::app::project::Project;
use crate::log::{Change, ChangeSubject, EnvironmentState, Role};

/// A set of changes with all that decides who may make them.
pub(in crate::app) struct Case<'c> {
    pub(in crate::app) changes: &'c [Change],
    pub(in crate::app) demands: &'c [Demand],
    pub(in crate::app) before: &'c EnvironmentState,
    pub(in crate::app) after: &'c EnvironmentState,
    pub(in crate::app) plan: &'c Plan,
}

impl Project {
    /// Returns the role of whoever is at work. Until members are declared, the owner of a project is what they say.
    pub fn role(&self) -> Result<Role, PolicyError> {
        let members = self.state.members();
        let actor = &self.operator.actor;
        if members.is_empty() {
            return Ok(self.operator.role);
        }
        members.get(actor).copied().ok_or_else(|| PolicyError::NotAMember {
            actor: actor.clone(),
            release_managers: members
                .iter()
                .filter(|(_, role)| **role == Role::ReleaseManager)
                .map(|(member, _)| member.clone())
                .collect(),
        })
    }

    /// Decides what becomes of changes: for whoever is at work, and by all that they come to. An edit that changes whom another flag is
    /// served to, as a segment or a prerequisite does, is an edit of that flag.
    pub(in crate::app) fn judge(&self, case: &Case<'_>) -> Verdict {
        match self.judged(case) {
            Ok(verdict) => verdict,
            Err(refusal) => Verdict::Refused { refusal },
        }
    }

    fn judged(&self, case: &Case<'_>) -> Result<Verdict, PolicyError> {
        let kills_only = case.changes.iter().all(|change| match change {
            Change::KillActivated { .. } => true,
            Change::RolloutDecided { record, .. } => is_retreat(record),
            _ => false,
        });
        let mut demands = case.demands.to_vec();
        if !kills_only && !lifts_only(case.changes) {
            for effect in &case.plan.flags {
                let states = [case.before, case.after].into_iter().filter_map(|state| state.flags.get(&effect.flag));
                demands.extend(states.map(|flag| Demand::of_effect(&effect.flag, &flag.definition.flag)));
            }
        }
        for change in case.changes {
            if let Some(ChangeSubject::Flag(key)) = change.subject()
                && let Some((key, flag)) = case.after.flags.get_key_value(key)
                && !matches!(change, Change::KillActivated { .. } | Change::KillLifted { .. })
            {
                check_debug_flag(key, &flag.definition, self.now())?;
            }
        }
        let role = self.role()?;
        demands.iter().try_for_each(|demand| demand.check(&self.operator.actor, role))?;
        Ok(match self.approval_cause(case, &demands) {
            Some(why) => Verdict::NeedsApproval { cause: why },
            None => Verdict::Allowed,
        })
    }

    fn approval_cause(&self, case: &Case<'_>, demands: &[Demand]) -> Option<ApprovalCause> {
        // Where nobody is declared there is nobody to ask.
        if self.state.members().is_empty() {
            return None;
        }
        let is_of_project = case.changes.iter().any(Change::is_of_project);
        let required = if is_of_project {
            self.state.environments().any(|(_, environment)| environment.approvals_required > 0)
        } else {
            case.before.approvals_required > 0
        };
        // A lone release manager could never add the second one otherwise.
        let is_alone = is_of_project && self.others(who_may(Action::Govern, Stake::Project)) == 0;
        if required && !is_alone && demands.iter().any(Demand::is_agreed_on) {
            return Some(ApprovalCause::EveryChange);
        }
        let was_critical = |key: &FlagKey| {
            let before = case.before;
            let flag = before.flags.get(key).or_else(|| before.archived.get(key));
            flag.is_some_and(|flag| flag.definition.flag.critical)
        };
        let is_critical = |key: &FlagKey| case.after.flags.get(key).is_some_and(|flag| flag.definition.flag.critical);
        let lifted = case
            .changes
            .iter()
            .filter_map(Change::flag)
            .find(|key| was_critical(key) && case.after.flags.contains_key(*key) && !is_critical(key));
        if let Some(key) = lifted {
            return Some(ApprovalCause::NoLongerCritical(key.clone()));
        }
        let exposed = case.plan.flags.iter().find(|effect| {
            let reaches = !effect.gained.is_nobody() || !effect.moved.is_nobody();
            reaches && (was_critical(&effect.flag) || is_critical(&effect.flag))
        });
        exposed.map(|effect| ApprovalCause::Critical(effect.flag.clone()))
    }

    /// Returns how many members other than whoever is at work have one of some roles.
    pub(in crate::app) fn others(&self, may: &[Role]) -> usize {
        let others = self.state.members().iter().filter(|(member, _)| **member != self.operator.actor);
        others.filter(|(_, role)| may.contains(role)).count()
    }

    /// Refuses a change that whoever is at work may not make, in the light of the state before it or after it: the door to the log.
    pub(in crate::app) fn check_change(
        &self,
        change: &Change,
        state: Option<&EnvironmentState>,
    ) -> Result<(), PolicyError> {
        Ok(Demand::of(change, state).check(&self.operator.actor, self.role()?)?)
    }
}

fn lifts_only(changes: &[Change]) -> bool {
    changes.iter().all(|change| matches!(change, Change::KillLifted { .. }))
}
