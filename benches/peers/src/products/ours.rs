//! flag-core: the evaluator alone, with the full decision.

use benches::{ENVIRONMENT, PROJECT, signed};
use flag_client::trust::{SizeLimit, TrustState};
use flag_core::{Attributes, Context, Ruleset};

use crate::product::Product;
use crate::work::Person;

/// The evaluator.
pub struct Evaluator(Ruleset);

impl Product for Evaluator {
    const NAME: &'static str = "flag-core";
    const PACKAGE: Option<&'static str> = None;
    const UNEQUAL: &'static str = "gives the decision with variant, value, reason and rule; the evaluator without what would hold its ruleset; W5 verifies a signature";

    type Ready = Ruleset;
    type Context<'p> = Context<'p>;

    fn document(flags: usize) -> Vec<u8> {
        signed::snapshot(flags)
    }

    fn load(document: &[u8]) -> Ruleset {
        let root = signed::root();
        let mut trust = TrustState::open(&root, PROJECT, ENVIRONMENT).unwrap().with_size_limit(SizeLimit::HARD);
        trust.accept_snapshot(document, signed::now()).unwrap();
        Ruleset::from_json(trust.snapshot_payload().unwrap()).unwrap()
    }

    fn open(document: &[u8]) -> Self {
        Self(Self::load(document))
    }

    fn context(person: &Person) -> Context<'_> {
        let known =
            Attributes::new().with("os", person.os).with("app_version", person.app_version).with("team", person.team);
        // A context borrows what it knows. Contexts are made once and live as long as the run.
        Context::new(&person.id).with_attributes(Box::leak(Box::new(known)))
    }

    fn context_of_id(id: &str) -> Context<'_> {
        Context::new(id)
    }

    #[inline]
    fn is_on(&self, key: &str, context: &Context<'_>) -> bool {
        self.0.evaluate(key, context).bool_or(false)
    }

    fn count_on(&self, _keys: &[String], context: &Context<'_>) -> usize {
        let mut on = 0;
        self.0.evaluate_all(context, |decision| on += usize::from(decision.bool_or(false)));
        on
    }
}
