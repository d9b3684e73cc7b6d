use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::error::ConditionError;
use super::operands::Operands;
use super::{Condition, Test};
use crate::Value;
use crate::context::Path;
use crate::wire::{self, Operator};

/// The deepest nesting of a condition, segments followed.
pub const CONDITION_MAX_DEPTH: usize = 16;
/// The most nodes of a condition, segments followed.
pub const CONDITION_MAX_NODES: usize = 4_096;
/// The most regular expressions of one ruleset.
pub const RULESET_MAX_PATTERNS: usize = 1_000;

/// The segments of a ruleset while it is compiled: each is compiled when something first refers to it.
pub(crate) struct Segments<'w> {
    named: HashMap<&'w str, (&'w wire::Condition, Progress)>,
    /// What is wrong with those that could not be read, by their names.
    malformed: HashMap<&'w str, &'w str>,
    compiled: Vec<Condition>,
    /// How many regular expressions there are so far, those of rules included.
    patterns: usize,
    /// How many of them stand in segments, which are compiled once and stay.
    kept_patterns: usize,
}

#[derive(Clone)]
enum Progress {
    Waiting,
    Underway,
    Done { place: u32, size: Size },
    Broken(ConditionError),
}

/// A segment that waits for those it refers to.
struct Underway<'w> {
    key: &'w str,
    condition: &'w wire::Condition,
    references: alloc::vec::IntoIter<&'w str>,
}

/// How much of the limits a condition takes.
#[derive(Copy, Clone, Default)]
pub(super) struct Size {
    depth: usize,
    nodes: usize,
}

impl Size {
    /// Returns the size of a node above what has this one, if both limits allow it.
    pub(super) fn with_node_above(self, depth_left: usize) -> Result<Self, ConditionError> {
        let size = Self { depth: self.depth.saturating_add(1), nodes: self.nodes.saturating_add(1) };
        if size.depth > depth_left {
            return Err(ConditionError::TooDeep);
        }
        if size.nodes > CONDITION_MAX_NODES {
            return Err(ConditionError::TooLarge);
        }
        Ok(size)
    }
}

/// The size of parts side by side.
#[derive(Default)]
pub(super) struct Total(Size);

impl Total {
    pub(super) fn add(&mut self, part: Size) -> Result<(), ConditionError> {
        let nodes = self.0.nodes.saturating_add(part.nodes);
        self.0 = Size { depth: self.0.depth.max(part.depth), nodes };
        if nodes > CONDITION_MAX_NODES { Err(ConditionError::TooLarge) } else { Ok(()) }
    }

    pub(super) const fn size(&self) -> Size {
        self.0
    }
}

impl<'w> Segments<'w> {
    pub(crate) fn new(segments: impl Iterator<Item = (&'w str, &'w wire::Condition)>) -> Self {
        let named = segments.map(|(name, condition)| (name, (condition, Progress::Waiting))).collect();
        Self { named, malformed: HashMap::new(), compiled: Vec::new(), patterns: 0, kept_patterns: 0 }
    }

    /// Takes the segments that could not be read.
    pub(crate) fn with_malformed(self, malformed: &'w [wire::Malformed]) -> Self {
        Self { malformed: wire::Malformed::by_key(malformed).collect(), ..self }
    }

    pub(crate) fn into_compiled(self) -> Box<[Condition]> {
        self.compiled.into()
    }

    /// Returns how many regular expressions the rules have so far.
    pub(crate) const fn patterns_of_rules(&self) -> usize {
        self.patterns.saturating_sub(self.kept_patterns)
    }

    /// Goes back to how many the rules had, where those compiled since are compiled anew. Segments compiled since are kept, and count.
    pub(crate) const fn set_patterns_of_rules(&mut self, patterns: usize) {
        self.patterns = self.kept_patterns.saturating_add(patterns);
    }

    pub(super) fn resolve(&mut self, name: &str) -> Result<(u32, Size), ConditionError> {
        self.compile_from(name);
        match self.named.get(name).map(|(_, progress)| progress) {
            None => Err(self.absent(name)),
            Some(Progress::Done { place, size }) => Ok((*place, *size)),
            Some(Progress::Broken(error)) => Err(error.clone()),
            Some(Progress::Waiting | Progress::Underway) => Err(ConditionError::SegmentCycle { segment: name.into() }),
        }
    }

    fn absent(&self, name: &str) -> ConditionError {
        let segment = name.into();
        match self.malformed.get(name) {
            Some(message) => ConditionError::MalformedSegment { segment, message: (*message).into() },
            None => ConditionError::NoSegment { segment },
        }
    }

    /// Compiles a segment after those it refers to. They wait on a stack of their own: a document can chain more segments than the call
    /// stack has room for.
    fn compile_from(&mut self, name: &str) {
        let mut stack: Vec<_> = self.begin(name).into_iter().collect();
        while let Some(Underway { key, condition, references }) = stack.last_mut() {
            if let Some(reference) = references.next() {
                stack.extend(self.begin(reference));
                continue;
            }
            let (key, condition) = (*key, *condition);
            stack.pop();
            let before = self.patterns;
            let outcome = self.node(condition.clone(), CONDITION_MAX_DEPTH).and_then(|(compiled, size)| {
                let place = u32::try_from(self.compiled.len()).map_err(|_| ConditionError::TooLarge)?;
                self.compiled.push(compiled);
                Ok(Progress::Done { place, size })
            });
            self.kept_patterns = self.kept_patterns.saturating_add(self.patterns.saturating_sub(before));
            let progress = outcome.unwrap_or_else(|source| {
                Progress::Broken(match source {
                    // What refers to a broken segment names that one, not the whole way to it.
                    inner @ (ConditionError::SegmentCycle { .. } | ConditionError::Segment { .. }) => inner,
                    source => ConditionError::Segment { segment: key.into(), source: Box::new(source) },
                })
            });
            self.named.insert(key, (condition, progress));
        }
    }

    /// Marks a segment as underway, unless it is already, or compiled, or not there.
    fn begin(&mut self, name: &str) -> Option<Underway<'w>> {
        let (key, (condition, progress)) = self.named.get_key_value(name)?;
        let (key, condition) = (*key, *condition);
        if !matches!(progress, Progress::Waiting) {
            return None;
        }
        self.named.insert(key, (condition, Progress::Underway));
        let mut references = Vec::new();
        refer(condition, CONDITION_MAX_DEPTH, &mut references);
        Some(Underway { key, condition, references: references.into_iter() })
    }

    fn node(&mut self, wire: wire::Condition, depth_left: usize) -> Result<(Condition, Size), ConditionError> {
        let Some(depth_below) = depth_left.checked_sub(1) else { return Err(ConditionError::TooDeep) };
        let wire::Condition { all, any, not, segment, attribute, operator, values } = wire;
        let (condition, below) = match (all, any, not, segment, attribute) {
            (Some(parts), None, None, None, None) => {
                let (parts, size) = self.nodes(parts, depth_below)?;
                (Condition::All(parts), size)
            }
            (None, Some(parts), None, None, None) => {
                let (parts, size) = self.nodes(parts, depth_below)?;
                (Condition::Any(parts), size)
            }
            (None, None, Some(inner), None, None) => {
                let (inner, size) = self.node(*inner, depth_below)?;
                (Condition::Not(Box::new(inner)), size)
            }
            (None, None, None, Some(name), None) => {
                let (place, size) = self.resolve(&name)?;
                (Condition::Segment(place), size)
            }
            (None, None, None, None, Some(attribute)) => {
                let test = self.test(attribute, operator, values.unwrap_or_default())?;
                (Condition::Test(test), Size::default())
            }
            (all, any, not, segment, attribute) => {
                let forms = [all.is_some(), any.is_some(), not.is_some(), segment.is_some(), attribute.is_some()];
                return Err(ConditionError::Forms { found: forms.into_iter().filter(|present| *present).count() });
            }
        };
        below.with_node_above(depth_left).map(|size| (condition, size))
    }

    fn nodes(
        &mut self,
        parts: Vec<wire::Condition>,
        depth_left: usize,
    ) -> Result<(Box<[Condition]>, Size), ConditionError> {
        let mut compiled = Vec::with_capacity(parts.len());
        let mut total = Total::default();
        for part in parts {
            let (condition, size) = self.node(part, depth_left)?;
            total.add(size)?;
            compiled.push(condition);
        }
        Ok((compiled.into(), total.size()))
    }

    pub(super) fn test(
        &mut self,
        attribute: Box<str>,
        operator: Option<Operator>,
        values: Vec<Value>,
    ) -> Result<Test, ConditionError> {
        let Some(operator) = operator else { return Err(ConditionError::NoOperator { attribute }) };
        if operator == Operator::Matches {
            self.patterns = self.patterns.saturating_add(values.len());
            if self.patterns > RULESET_MAX_PATTERNS {
                return Err(ConditionError::TooManyPatterns { attribute });
            }
        }
        let matcher = Operands { attribute: &attribute, operator: &operator }.matcher(values)?;
        Ok(Test { path: Path::new(attribute), operator, matcher })
    }
}

/// Collects the segments a condition names itself, as far down as it may be nested.
fn refer<'w>(condition: &'w wire::Condition, depth_left: usize, names: &mut Vec<&'w str>) {
    let Some(depth_below) = depth_left.checked_sub(1) else { return };
    names.extend(condition.segment.as_deref());
    let lists = condition.all.iter().chain(&condition.any).flatten();
    for part in lists.chain(condition.not.as_deref()) {
        refer(part, depth_below, names);
    }
}

/// Compiles a condition against the segments it may refer to.
pub(crate) fn compile(wire: wire::Condition, segments: &mut Segments<'_>) -> Result<Condition, ConditionError> {
    segments.node(wire, CONDITION_MAX_DEPTH).map(|(condition, _)| condition)
}
