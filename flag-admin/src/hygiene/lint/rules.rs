//! Rules that are never reached, or never match.

use flag_core::Share;
use flag_core::wire::Serve;

use super::finding::Collector;
use super::logic::{Contradiction, Tree};
use super::rule::LintRule;

pub(super) fn check(collector: &mut Collector<'_>) {
    let definitions = collector.definitions;
    for (key, definition) in definitions.flags.iter() {
        let flag = &definition.flag;
        let trees: Vec<Tree<'_>> = flag.rules.iter().map(|rule| Tree::new(&rule.when, &definitions.segments)).collect();
        // Whoever has no id, or did not opt in, passes by a split; a variant takes everyone.
        let all = || flag.rules.iter().zip(&trees).enumerate().map(|(place, (rule, tree))| (place, rule, tree));
        let takers = || all().filter(|(_, rule, _)| takes_everyone(&rule.serve));
        for (index, rule, tree) in all() {
            let within = format!("rules[{index}].when");
            match tree.contradiction() {
                Some(Contradiction::Always) => {
                    let message = format!("the condition of rule {:?} never holds", rule.id);
                    collector.flag(LintRule::UnsatisfiableRule, key, &within, message);
                    continue;
                }
                Some(Contradiction::Unless { list }) => {
                    let message = format!(
                        "no single value of {list:?} passes all its tests in rule {:?}: it matches only where {list:?} is a list",
                        rule.id
                    );
                    collector.flag(LintRule::ConflictingTests, key, &within, message);
                }
                None => {}
            }
            let mut earlier = takers().take_while(|(place, ..)| *place < index);
            if let Some((_, earlier, _)) = earlier.find(|(_, _, earlier)| earlier.is_implied_by(tree)) {
                let message =
                    format!("rule {:?} is never reached: rule {:?} takes everyone it is for", rule.id, earlier.id);
                collector.flag(LintRule::ShadowedRule, key, &format!("rules[{index}]"), message);
            }
        }
        let exposes = flag.fallthrough.exposure.is_some_and(|share| share > Share::NOBODY);
        if let Some((_, rule, _)) = takers().find(|(_, _, tree)| exposes && tree.always_holds()) {
            let message = format!("the rollout is never reached: rule {:?} takes everyone", rule.id);
            collector.flag(LintRule::ShadowedRule, key, "rollout", message);
        }
    }
}

const fn takes_everyone(serve: &Serve) -> bool {
    serve.variant.is_some()
}
