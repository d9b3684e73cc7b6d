use flag_client::{ClientDecision, ClientError, Layer, ResetScope};
use serde::Serialize;

use super::choose::known;
use super::table::wrapped;
use super::{Answer, CommandError, Outcome, list, words};
use crate::Features;

#[derive(Serialize)]
struct Reset<'a> {
    changed: bool,
    forgotten: Vec<&'a str>,
    kills_lifted: Vec<&'a str>,
    new_install_id: bool,
    decisions: Vec<ClientDecision>,
}

/// Forgets choices, and what else is in the scope.
pub(super) fn answer(features: &Features, feature: Option<&str>, scope: ResetScope) -> Result<Answer, CommandError> {
    let (before, kills) = (features.client().list(), user_kills(features));
    // A choice may outlive its feature, so a name that nobody knows is an error only where nothing stood under it.
    let change = match features.client().reset(feature, scope) {
        Err(ClientError::UnknownFlag { flag }) => {
            known(features, &flag)?;
            return Err(ClientError::UnknownFlag { flag }.into());
        }
        change => change?,
    };
    if let Some(feature) = feature.filter(|_| !change.written && !scope.id) {
        known(features, feature)?;
    }
    let after = features.client().list();
    let kept: Vec<&str> =
        after.iter().filter(|decision| is_users_choice(decision)).map(|decision| &*decision.key).collect();
    let forgotten: Vec<&str> = before
        .iter()
        .filter(|decision| is_users_choice(decision) && !kept.contains(&&*decision.key))
        .map(|decision| &*decision.key)
        .collect();
    let kills_left = user_kills(features);
    let kills_lifted: Vec<&str> =
        kills.iter().filter(|target| !kills_left.contains(target)).map(|target| &**target).collect();
    let states: Vec<ClientDecision> =
        after.iter().filter(|decision| forgotten.contains(&&*decision.key)).cloned().collect();

    let mut text = String::new();
    for decision in &states {
        let (feature, state, because) = (&decision.key, words::state(decision), words::because(features, decision));
        let changed = before.iter().any(|before| before.key == decision.key && before.variant != decision.variant);
        let is = if changed { "is now" } else { "is still" };
        text.push_str(&wrapped(&format!("{feature} {is} {state}: {because}."), 2));
    }
    for target in &kills_lifted {
        let stays = if features.is_killed(target) { " by you, but stays so by another kill switch" } else { "" };
        text.push_str(&wrapped(&format!("{target} is no longer switched off{stays}."), 2));
    }
    if scope.id {
        text.push_str("The install id is gone; a new one is drawn when it is needed.\n");
    }
    if text.is_empty() {
        text.push_str(match (feature, change.written) {
            (_, true) => "Your choices are forgotten; no feature changed.\n",
            (Some(_), false) => "Nothing to forget: you chose nothing for this feature.\n",
            (None, false) => "Nothing to forget: you chose nothing.\n",
        });
    }
    for decision in after.iter().filter(|decision| feature.is_none_or(|feature| *decision.key == *feature)) {
        if let Some(refusal) = list::refusal(decision) {
            text.push_str(&wrapped(&format!("! {refusal}"), 2));
        }
    }
    let changed = change.written || scope.id;
    let outcome = if changed { Outcome::Changed } else { Outcome::Unchanged };
    let json = Reset { changed, forgotten, kills_lifted, new_install_id: scope.id, decisions: states };
    Answer::new(outcome, text, &json)
}

/// Tells whether the user chose something for the feature, obeyed or not.
fn is_users_choice(decision: &ClientDecision) -> bool {
    let chosen = decision.chosen.as_ref().map(|chosen| &chosen.origin);
    let refused = decision.refused.as_ref().map(|refused| &refused.origin);
    chosen.into_iter().chain(refused).any(|origin| origin.layer == Layer::UserOverride)
}

/// What the user's own kill switches stand for. Where they stand is left out: an edit above one moves it.
fn user_kills(features: &Features) -> Vec<Box<str>> {
    let kills = features.client().kills().into_iter();
    kills.filter(|kill| kill.origin.layer == Layer::UserKill).map(|kill| kill.target).collect()
}
