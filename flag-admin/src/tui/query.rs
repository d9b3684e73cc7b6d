//! The line that a list of flags is narrowed by: words, and `owner:@alice kind:release state:rolling >20% -word`.

use flag_core::Share;

use super::facts::FlagFacts;
use super::words;

/// What a flag must be to be listed: every term holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    not: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    /// The key, kind, stage, state, owner or a tag holds it.
    Word(String),
    Key(String),
    Owner(String),
    Kind(String),
    Stage(String),
    State(String),
    Tag(String),
    Above(Share),
    Below(Share),
    Exactly(Share),
}

impl Query {
    /// Reads a line. Nothing is wrong in it: what is no test is a word to look for.
    pub(super) fn read(line: &str) -> Self {
        Self(line.to_lowercase().split_whitespace().map(Term::read).collect())
    }

    pub(super) fn holds(&self, flag: &FlagFacts) -> bool {
        self.0.iter().all(|term| term.test.holds(flag) != term.not)
    }
}

impl Term {
    fn read(word: &str) -> Self {
        let (not, word) = match word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        Self { not, test: Test::read(word) }
    }
}

impl Test {
    fn read(word: &str) -> Self {
        let share = |text: &str| text.parse::<Share>().ok();
        for (sign, test) in [('>', Self::Above as fn(Share) -> Self), ('<', Self::Below), ('=', Self::Exactly)] {
            if let Some(share) = word.strip_prefix(sign).and_then(share) {
                return test(share);
            }
        }
        match word.split_once(':') {
            Some(("key", rest)) => Self::Key(rest.to_owned()),
            Some(("owner", rest)) => Self::Owner(rest.to_owned()),
            // What is shown as two words is written with an underscore, as commands have it.
            Some(("kind", rest)) => Self::Kind(rest.replace('_', " ")),
            Some(("stage", rest)) => Self::Stage(rest.to_owned()),
            Some(("state", rest)) => Self::State(rest.to_owned()),
            Some(("tag", rest)) => Self::Tag(rest.to_owned()),
            _ => Self::Word(word.to_owned()),
        }
    }

    fn holds(&self, flag: &FlagFacts) -> bool {
        let wire = &flag.definition.flag;
        let has = |text: &str, wanted: &str| text.to_lowercase().contains(wanted);
        let owner = flag.owner().unwrap_or_default();
        let tags = &flag.definition.documentation.tags;
        match self {
            Self::Word(word) => {
                [flag.key.as_str(), words::kind(wire.kind), words::stage(wire.stage), flag.phase.as_str(), owner]
                    .iter()
                    .any(|text| has(text, word))
                    || tags.iter().any(|tag| has(tag, word))
            }
            Self::Key(wanted) => has(flag.key.as_str(), wanted),
            Self::Owner(wanted) => has(owner, wanted),
            Self::Kind(wanted) => words::kind(wire.kind).starts_with(wanted.as_str()),
            Self::Stage(wanted) => words::stage(wire.stage).starts_with(wanted.as_str()),
            Self::State(wanted) => flag.phase.as_str().starts_with(wanted.as_str()),
            Self::Tag(wanted) => tags.iter().any(|tag| has(tag, wanted)),
            Self::Above(share) => flag.share.is_some_and(|found| found > *share),
            Self::Below(share) => flag.share.is_some_and(|found| found < *share),
            Self::Exactly(share) => flag.share == Some(*share),
        }
    }
}
