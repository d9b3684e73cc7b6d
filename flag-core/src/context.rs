use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::bucket::{UnitDigest, is_missing};
use crate::text::Name;
use crate::value::integral;
use crate::{Timestamp, Value, text};

/// The attribute that stands for the unit id itself, unless the context has an attribute of that name.
pub const UNIT_ATTRIBUTE: &str = "unit";

/// Named facts that conditions test, made once and borrowed by contexts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<(Name, Value)>);

static NO_ATTRIBUTES: Attributes = Attributes(Vec::new());

impl Attributes {
    /// Returns no attributes.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets an attribute, in place of one of that name.
    pub fn set(&mut self, name: impl Into<Box<str>>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        match self.0.binary_search_by(|(known, _)| known.as_str().cmp(&name)) {
            Ok(at) => {
                if let Some(slot) = self.0.get_mut(at) {
                    slot.1 = value;
                }
            }
            Err(at) => self.0.insert(at, (Name::new(name), value)),
        }
    }

    /// Returns these attributes with one more, for building in one expression.
    #[must_use]
    pub fn with(mut self, name: impl Into<Box<str>>, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Returns the attribute of that very name.
    #[inline]
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| text::same(known.as_str(), name)).map(|(_, value)| value)
    }

    /// Returns the attribute of that very name, for the evaluator: one comparison of numbers for each attribute that is another.
    #[inline]
    pub(crate) fn named(&self, name: &Name) -> Option<&Value> {
        for (known, value) in &self.0 {
            if known.is(name) {
                return Some(value);
            }
        }
        None
    }

    /// Returns names and values in order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<N: Into<Box<str>>, V: Into<Value>> FromIterator<(N, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(attributes: I) -> Self {
        let mut collected = Self::new();
        for (name, value) in attributes {
            collected.set(name, value);
        }
        collected
    }
}

/// A unit id with its digest, for a program that decides for the same unit again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    id: Box<str>,
    digest: UnitDigest,
}

impl Unit {
    /// Returns the unit of an id, unless the id counts as missing ([`crate::is_missing`]).
    pub fn new(id: impl Into<Box<str>>) -> Option<Self> {
        let id = id.into();
        (!is_missing(&id)).then(|| Self { digest: UnitDigest::of(&id), id })
    }

    /// Returns the id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// The digest of a context's unit.
#[derive(Copy, Clone, Debug)]
enum Digest<'a> {
    None,
    Made(UnitDigest),
    /// Kept by a [`Unit`], so that a context made for one decision copies nothing.
    Kept(&'a UnitDigest),
}

/// The facts of one evaluation: who, with which attributes, and when. It borrows everything, so making one allocates nothing.
#[derive(Copy, Clone, Debug)]
pub struct Context<'a> {
    unit: Option<&'a str>,
    digest: Digest<'a>,
    attributes: &'a Attributes,
    now: Option<Timestamp>,
}

impl<'a> Context<'a> {
    /// Returns the context of a unit. An id that counts as missing ([`crate::is_missing`]) makes the context anonymous.
    pub fn new(unit: &'a str) -> Self {
        if is_missing(unit) {
            return Self::anonymous();
        }
        Self { unit: Some(unit), digest: Digest::Made(UnitDigest::of(unit)), ..Self::anonymous() }
    }

    /// Returns the context of a unit whose digest is at hand already.
    #[inline]
    pub fn of(unit: &'a Unit) -> Self {
        Self { unit: Some(&unit.id), digest: Digest::Kept(&unit.digest), ..Self::anonymous() }
    }

    /// Returns the context of nobody in particular: splits are skipped.
    #[inline]
    pub fn anonymous() -> Self {
        Self { unit: None, digest: Digest::None, attributes: &NO_ATTRIBUTES, now: None }
    }

    /// Returns this context with these attributes in place of its own.
    #[must_use]
    pub const fn with_attributes(self, attributes: &'a Attributes) -> Self {
        Self { attributes, ..self }
    }

    /// Returns this context at a point in time. Without one, `off_after` has not come.
    #[must_use]
    pub const fn at(self, now: Timestamp) -> Self {
        Self { now: Some(now), ..self }
    }

    /// Returns this context for another unit, of which only the digest is known.
    pub(crate) const fn with_digest(self, digest: &'a UnitDigest) -> Self {
        Self { unit: None, digest: Digest::Kept(digest), ..self }
    }

    /// Returns the unit id, if there is one that counts and it is known.
    pub fn unit(&self) -> Option<&'a str> {
        self.unit
    }

    /// Returns the digest of the unit id, if there is one that counts.
    #[inline]
    pub fn unit_digest(&self) -> Option<&UnitDigest> {
        match &self.digest {
            Digest::None => None,
            Digest::Made(digest) => Some(digest),
            Digest::Kept(digest) => Some(*digest),
        }
    }

    /// Returns the attributes.
    pub const fn attributes(&self) -> &'a Attributes {
        self.attributes
    }

    /// Returns the time of the evaluation.
    pub const fn now(&self) -> Option<Timestamp> {
        self.now
    }

    /// Returns the digest of the attribute that a flag names as its unit. Text is taken as it is; whole numbers, and floats that are
    /// whole within ±2⁵³, as decimal digits; everything else, and ids that count as missing, as none.
    pub(crate) fn digest_of_attribute(&self, path: &Path) -> Option<UnitDigest> {
        let of = |id: &str| (!is_missing(id)).then(|| UnitDigest::of(id));
        match path.find(self)? {
            Found::Text(text) => of(text),
            Found::Value(Value::String(text)) => of(text),
            Found::Value(Value::Integer(number)) => of(Decimal::new(*number).as_str()),
            Found::Value(Value::Float(number)) => {
                integral(*number).and_then(|number| of(Decimal::new(number).as_str()))
            }
            Found::Value(_) => None,
        }
    }
}

/// What an attribute path leads to.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Found<'a> {
    Value(&'a Value),
    /// The unit id, which is text without being a [`Value`].
    Text(&'a str),
}

impl Found<'_> {
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Value(value) => value.as_str(),
            Self::Text(text) => Some(text),
        }
    }
}

/// An attribute's name, or a dotted path into objects: `user.plan` is the attribute of that very name if there is one, else the field
/// `plan` of the attribute `user`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Name);

impl Path {
    pub(crate) fn new(path: Box<str>) -> Self {
        Self(Name::new(path))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn find<'c>(&self, context: &Context<'c>) -> Option<Found<'c>> {
        self.attribute(context).map_or_else(|| self.walk(context), |value| Some(Found::Value(value)))
    }

    /// Finds the attribute whose own name this is.
    #[inline]
    pub(crate) fn attribute<'c>(&self, context: &Context<'c>) -> Option<&'c Value> {
        context.attributes.named(&self.0)
    }

    /// Finds what is no attribute's own name.
    pub(crate) fn walk<'c>(&self, context: &Context<'c>) -> Option<Found<'c>> {
        let path = self.as_str();
        if path == UNIT_ATTRIBUTE {
            return context.unit().map(Found::Text);
        }
        let (first, rest) = path.split_once('.')?;
        rest.split('.')
            .try_fold(context.attributes.attribute(first)?, |value, name| match value {
                Value::Object(object) => object.field(name),
                _ => None,
            })
            .map(Found::Value)
    }
}

/// An `i64` in decimal digits, on the stack.
struct Decimal {
    digits: [u8; 20],
    from: usize,
}

impl Decimal {
    fn new(number: i64) -> Self {
        let mut digits = [b'0'; 20];
        let mut from = digits.len();
        let mut rest = number.unsigned_abs();
        for (at, slot) in digits.iter_mut().enumerate().rev() {
            let digit = u8::try_from(rest.wrapping_rem(10)).unwrap_or(0);
            *slot = b'0'.wrapping_add(digit);
            rest = rest.wrapping_div(10);
            from = at;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            from = from.saturating_sub(1);
            if let Some(slot) = digits.get_mut(from) {
                *slot = b'-';
            }
        }
        Self { digits, from }
    }

    fn as_str(&self) -> &str {
        self.digits.get(self.from..).and_then(|digits| core::str::from_utf8(digits).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::value::Object;

    #[test]
    fn e20_numbers_as_units_are_their_decimal_digits() {
        for number in [0, 7, -7, 10, 1_234_567_890, i64::MAX, i64::MIN] {
            assert_eq!(Decimal::new(number).as_str(), number.to_string());
        }
        let digest = |value: Value| {
            let attributes = Attributes::new().with("account", value);
            Context::anonymous().with_attributes(&attributes).digest_of_attribute(&Path::new("account".into()))
        };
        let seven = Some(UnitDigest::of("7"));
        assert_eq!(digest(7.into()), seven);
        assert_eq!(digest(7.0.into()), seven);
        assert_eq!(digest("7".into()), seven);
        assert_eq!(digest((-7.0).into()), Some(UnitDigest::of("-7")));
        for missing in [
            Value::Float(7.5),
            Value::Float(-0.0),
            Value::Float(1e300),
            Value::Integer(0),
            Value::Bool(true),
            Value::Null,
            Value::from(f64::NAN),
            Value::List([].into()),
            "unknown".into(),
        ] {
            assert_eq!(digest(missing.clone()), None, "{missing}");
        }
    }

    #[test]
    fn a_kept_unit_is_the_same_as_its_id() {
        let unit = Unit::new("install-7").unwrap();
        assert_eq!(Context::of(&unit).unit(), Context::new("install-7").unit());
        assert_eq!(Context::of(&unit).unit_digest(), Context::new("install-7").unit_digest());
        assert_eq!(Unit::new("unknown"), None);
    }

    #[test]
    fn a_path_is_a_name_first_and_then_a_walk() {
        let user =
            Object::from_fields([("plan".into(), "team".into()), ("org".into(), Value::Object(Object::default()))]);
        let attributes = Attributes::new().with("user", Value::Object(user)).with("a.b", 1);
        let context = Context::new("u1").with_attributes(&attributes);
        let text = |path: &str| {
            Path::new(path.into()).find(&context).map(|found| match found {
                Found::Value(value) => value.to_string(),
                Found::Text(text) => text.to_string(),
            })
        };
        assert_eq!(text("user.plan").as_deref(), Some("\"team\""));
        assert_eq!(text("a.b").as_deref(), Some("1"));
        assert_eq!(text("unit").as_deref(), Some("u1"));
        for absent in ["user.plan.deeper", "user.nothing", "a", "a.c", "", ".", "user."] {
            assert_eq!(text(absent), None, "{absent:?}");
        }
    }
}
