use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use hashbrown::{HashMap, HashSet};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A JSON object as it was written: names in their order, each once. A name that stands twice is refused when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries<T>(Vec<(Box<str>, T)>);

impl<T> Entries<T> {
    /// Returns the entries of names of which no two are the same.
    pub(super) fn of_distinct(entries: Vec<(Box<str>, T)>) -> Self {
        Self(entries)
    }

    /// Returns the value of a name.
    pub fn find(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// Returns the value of a name, to change it.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut T> {
        self.0.iter_mut().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// Puts a value under a name, in place of the one it had, else at the end.
    pub fn insert(&mut self, name: impl Into<Box<str>>, value: T) {
        let name = name.into();
        match self.find_mut(&name) {
            Some(slot) => *slot = value,
            None => self.0.push((name, value)),
        }
    }

    /// Returns how many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns names and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &T)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Returns the values in order, to change them.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Returns the names in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<(Box<str>, T)> for Entries<T> {
    /// Of two with one name, the later stands, in the place of the first.
    fn from_iter<I: IntoIterator<Item = (Box<str>, T)>>(entries: I) -> Self {
        let mut places: HashMap<Box<str>, usize> = HashMap::new();
        let mut collected: Vec<(Box<str>, T)> = Vec::new();
        for (name, value) in entries {
            match places.get(&name).and_then(|place| collected.get_mut(*place)) {
                Some(slot) => slot.1 = value,
                None => {
                    places.insert(name.clone(), collected.len());
                    collected.push((name, value));
                }
            }
        }
        Self(collected)
    }
}

impl<T> IntoIterator for Entries<T> {
    type Item = (Box<str>, T);
    type IntoIter = alloc::vec::IntoIter<(Box<str>, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T: Serialize> Serialize for Entries<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (&**name, value)))
    }
}

/// Up to here names are compared one by one; above, a set tells repeats apart without the quadratic cost.
const COMPARED_ONE_BY_ONE: usize = 16;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries: Vec<(Box<str>, T)> = Vec::new();
                while let Some(name) = map.next_key::<Box<str>>()? {
                    if entries.len() < COMPARED_ONE_BY_ONE && entries.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format_args!("{name:?} stands twice")));
                    }
                    entries.push((name, map.next_value()?));
                }
                if entries.len() > COMPARED_ONE_BY_ONE {
                    let mut seen = HashSet::with_capacity(entries.len());
                    if let Some((twice, _)) = entries.iter().find(|(name, _)| !seen.insert(&**name)) {
                        return Err(A::Error::custom(format_args!("{twice:?} stands twice")));
                    }
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};

    use super::*;

    #[test]
    fn keeps_order_and_refuses_a_repeat_in_small_and_large_objects() {
        let entries: Entries<u32> = serde_json::from_str("{\"b\":1,\"a\":2}").unwrap();
        assert_eq!(serde_json::to_string(&entries).unwrap(), "{\"b\":1,\"a\":2}");
        let small = serde_json::from_str::<Entries<u32>>("{\"b\":1,\"b\":2}").unwrap_err();
        assert!(small.to_string().starts_with("\"b\" stands twice"), "{small}");
        let many = (0..40).map(|n| format!("\"k{n}\":0")).collect::<alloc::vec::Vec<String>>().join(",");
        assert_eq!(serde_json::from_str::<Entries<u32>>(&format!("{{{many}}}")).unwrap().len(), 40);
        let large = serde_json::from_str::<Entries<u32>>(&format!("{{{many},\"k39\":1}}")).unwrap_err();
        assert!(large.to_string().starts_with("\"k39\" stands twice"), "{large}");
    }
}
