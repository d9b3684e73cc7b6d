use flag_core::wire::{Entries, Flag, Kind, OptIn, SCHEMA, Serve, Snapshot, Stage};
use flag_core::{Context, Ruleset, Share, Timestamp, UnitDigest, Value};

/// The flag that simulated units ask for.
const FLAG: &str = "simulated";

/// Simulated installations, whose ids are hashed once, as a client hashes its own.
#[derive(Debug)]
pub struct Fleet(Vec<UnitDigest>);

impl Fleet {
    /// The most units that there are.
    pub const MOST: u64 = 1_000_000;

    /// Makes so many units, at most [`Fleet::MOST`].
    pub fn of(units: u64) -> Self {
        Self((0..units.min(Self::MOST)).map(|number| UnitDigest::of(&format!("installation-{number}"))).collect())
    }

    /// Returns how many units there are.
    pub fn units(&self) -> usize {
        self.0.len()
    }

    /// Decides a flag that exposes a share for every unit, as clients do, and returns how many get it.
    pub fn exposed(&self, share: Share) -> usize {
        let ruleset = Ruleset::compile(&published(share));
        let Some(flag) = ruleset.flag(FLAG) else { return 0 };
        let mut exposed = 0_usize;
        flag.evaluate_units(&self.0, &Context::anonymous(), |_, decision| {
            exposed = exposed.saturating_add(usize::from(decision.bool_or(false)));
        });
        exposed
    }
}

fn published(share: Share) -> Snapshot {
    let variants = [("on".into(), Value::from(true)), ("off".into(), Value::from(false))];
    let flag = Flag {
        version: 1,
        kind: Kind::Release,
        stage: Stage::Beta,
        enabled: true,
        bucketing: 1,
        seed: None,
        unit: None,
        variants: variants.into_iter().collect(),
        off_variant: "off".into(),
        rules: Vec::new(),
        fallthrough: Serve::rollout(share, "on", "off"),
        prerequisites: Vec::new(),
        off_after: None,
        overridable: false,
        opt_in: OptIn::None,
        critical: false,
        group: None,
        holdout: Share::NOBODY,
        default_on_expiry: false,
        slow_above_micros: None,
        requires: Vec::new(),
    };
    Snapshot {
        schema: SCHEMA,
        project: "simulation".into(),
        environment: "simulation".into(),
        epoch: 0,
        version: 1,
        issued_at: Timestamp::default(),
        expires_at: Timestamp::default(),
        audit_head: None,
        flags: [(FLAG.into(), flag)].into_iter().collect(),
        segments: Entries::default(),
        groups: Entries::default(),
        kills: Vec::new(),
        lifted: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_units_get_a_flag_as_its_share_says() {
        let fleet = Fleet::of(20_000);
        assert_eq!((fleet.units(), fleet.exposed(Share::NOBODY), fleet.exposed(Share::EVERYONE)), (20_000, 0, 20_000));
        let tenth = fleet.exposed(Share::from_percent(10).unwrap_or_default());
        // Four standard deviations.
        assert!(tenth.abs_diff(2_000) < 170, "{tenth}");
    }
}
