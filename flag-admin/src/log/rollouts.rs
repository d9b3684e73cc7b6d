//! What changes of rollouts come to.

use flag_core::{FlagKey, Share};

use super::environment_state::EnvironmentState;
use super::exposure::set_exposure;
use super::fold_error::FoldError;
use super::{Change, Entry, ExposureError};
use crate::rollout::{OpenSignal, Plan, Rate, Record, Rollout, Severity};

impl EnvironmentState {
    /// Takes a change of a rollout, or a signal.
    pub(super) fn apply_rollout(&mut self, entry: &Entry) -> Result<(), FoldError> {
        // What changes nothing that is published need not be published.
        match &entry.change {
            Change::RolloutStarted { flag, plan, holdout, record } => {
                self.start_rollout(entry, flag, plan, *holdout, record)?;
                self.count_change();
            }
            Change::RolloutDecided { flag, exposes, holdout, record } => {
                self.record_rollout(entry, flag, *exposes, *holdout, record)?;
                if exposes.is_some() || holdout.is_some() {
                    self.count_change();
                }
            }
            Change::SignalRaised { flag, severity, affected } => {
                self.raise_signal(entry, flag, *severity, *affected)?;
            }
            Change::SignalCleared { flag, signal } => {
                self.clear_signal(flag, *signal)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn start_rollout(
        &mut self,
        entry: &Entry,
        flag: &FlagKey,
        plan: &Plan,
        holdout: Option<Share>,
        record: &Record,
    ) -> Result<(), FoldError> {
        self.expose(entry, flag, plan.rule.as_deref(), Some(record.state.share), holdout)?;
        let rollout = Rollout {
            plan: plan.clone(),
            state: record.state.clone(),
            by: entry.actor.clone(),
            began: entry.seq,
            holds_out: holdout.is_some(),
            seen: 0,
            recorded: entry.time,
            check: None,
        };
        self.rollouts.insert(flag.clone(), rollout);
        Ok(())
    }

    fn record_rollout(
        &mut self,
        entry: &Entry,
        flag: &FlagKey,
        exposes: Option<Share>,
        holdout: Option<Share>,
        record: &Record,
    ) -> Result<(), FoldError> {
        let unknown = || FoldError::Unknown { what: "rollout", name: flag.as_str().into() };
        let rule = self.rollouts.get(flag).ok_or_else(unknown)?.plan.rule.clone();
        if exposes.is_some() || holdout.is_some() {
            self.expose(entry, flag, rule.as_deref(), exposes, holdout)?;
        }
        let rollout = self.rollouts.get_mut(flag).ok_or_else(unknown)?;
        rollout.state = record.state.clone();
        rollout.recorded = entry.time;
        if exposes.is_some() {
            rollout.check = record.check;
        }
        rollout.seen = record.evidence.arms.reports();
        rollout.holds_out &= holdout.is_none();
        Ok(())
    }

    fn raise_signal(
        &mut self,
        entry: &Entry,
        flag: &FlagKey,
        severity: Severity,
        affected: Option<Rate>,
    ) -> Result<(), FoldError> {
        self.flag_mut(flag)?;
        let (by, since, reason) = (entry.actor.clone(), entry.time, entry.reason.clone());
        let signal = OpenSignal { id: entry.seq, severity, affected, by, since, reason };
        self.signals.entry(flag.clone()).or_default().push(signal);
        Ok(())
    }

    fn clear_signal(&mut self, flag: &FlagKey, id: u64) -> Result<(), FoldError> {
        let unknown = || FoldError::Unknown { what: "signal", name: id.to_string().into() };
        let signals = self.signals.get_mut(flag).ok_or_else(unknown)?;
        let place = signals.iter().position(|signal| signal.id == id).ok_or_else(unknown)?;
        signals.remove(place);
        if signals.is_empty() {
            self.signals.remove(flag);
        }
        Ok(())
    }

    pub(super) fn rename_rollout(&mut self, from: &FlagKey, to: &FlagKey) {
        if let Some(rollout) = self.rollouts.remove(from) {
            self.rollouts.insert(to.clone(), rollout);
        }
        if let Some(signals) = self.signals.remove(from) {
            self.signals.insert(to.clone(), signals);
        }
    }

    fn expose(
        &mut self,
        entry: &Entry,
        flag: &FlagKey,
        rule: Option<&str>,
        exposes: Option<Share>,
        holdout: Option<Share>,
    ) -> Result<(), FoldError> {
        let edited = self.flag_mut(flag)?.edit(entry, |definition| {
            if let Some(holdout) = holdout {
                definition.flag.holdout = holdout;
            }
            exposes.map_or(Ok::<(), ExposureError>(()), |share| set_exposure(&mut definition.flag, rule, share))
        });
        edited.map_err(|source| FoldError::Exposure { flag: flag.clone(), source })?;
        self.settle(flag.as_str(), entry.time);
        Ok(())
    }
}
