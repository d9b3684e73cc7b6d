//! Base values of local files, judged against the flag that they are for.

use flag_core::{Value, wire};

use super::Merger;
use crate::decision::{LocalValue, Origin, Refusal};
use crate::in_force::{BaseTried, Facts};
use crate::problem::Problem;

impl Merger<'_> {
    /// The strongest base value that the flag has a variant for. The others are problems.
    pub(super) fn base_variant(
        &mut self,
        key: &str,
        flag: &wire::Flag,
        facts: &mut Facts,
    ) -> Option<(Box<str>, Origin)> {
        let base = self.settings.get(key).map(|settings| settings.base.clone()).unwrap_or_default();
        let mut strongest = None;
        for (origin, value) in base {
            let judged = match wire_variant(flag, &value) {
                Ok(variant) if flag.critical && *variant != *flag.off_variant => Err(Refusal::Critical),
                judged => judged,
            };
            let refusal = match judged {
                Ok(variant) => {
                    strongest = strongest.or_else(|| Some((variant.into(), origin.clone())));
                    None
                }
                Err(why) => {
                    let problem = Problem::BaseValue { origin: origin.clone(), flag: key.into(), why: why.clone() };
                    self.problems.push(problem);
                    Some(why)
                }
            };
            facts.base.push(BaseTried { origin, value, refusal });
        }
        strongest
    }
}

/// The variant that a value means for a flag that is not compiled yet.
fn wire_variant<'f>(flag: &'f wire::Flag, value: &LocalValue) -> Result<&'f str, Refusal> {
    let expected = || {
        let ids: Vec<_> = flag.variants.names().map(|id| format!("{id:?}")).collect();
        ids.join(", ").into()
    };
    let off = &*flag.off_variant;
    match value {
        LocalValue::Switch(false) => Ok(off),
        LocalValue::Switch(true) => {
            let truthful = flag.variants.iter().find(|(_, value)| **value == Value::Bool(true)).map(|(id, _)| id);
            let others: Vec<&str> = flag.variants.names().filter(|id| *id != off).collect();
            let only = (flag.variants.len() == 2).then(|| others.first().copied()).flatten();
            truthful.or(only).ok_or_else(|| Refusal::NoOnVariant { expected: expected() })
        }
        LocalValue::Variant(wanted) => flag
            .variants
            .names()
            .find(|id| **id == **wanted)
            .ok_or_else(|| Refusal::NoVariant { variant: wanted.clone(), expected: expected() }),
    }
}
