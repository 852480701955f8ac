//! Objects: values by name, in the order in which they were put in.

use std::fmt;

use super::Value;

/// Members that are more than this are searched for doubles by sorting, not each with each.
const PAIRWISE_MEMBERS_MAX: usize = 24;

/// Values by name, in the order in which they were put in. Look-up walks the members: objects of
/// messages are small. Two objects with the same members in another order are equal.
#[derive(Clone, Default)]
pub struct Object {
    members: Vec<(String, Value)>,
}

impl Object {
    /// An object without members.
    pub const fn new() -> Self {
        Self {
            members: Vec::new(),
        }
    }

    /// How many members there are.
    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The member of that name.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let (_, value) = self.members.iter().find(|(name, _)| name == key)?;
        Some(value)
    }

    /// The member of that name, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let (_, value) = self.members.iter_mut().find(|(name, _)| name == key)?;
        Some(value)
    }

    /// Sets a member and returns what it was before. A new one comes last.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        if let Some(member) = self.get_mut(&key) {
            return Some(std::mem::replace(member, value));
        }
        self.members.push((key, value));
        None
    }

    /// Takes a member out. Those after it move up.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.members.iter().position(|(name, _)| name == key)?;
        Some(self.members.remove(at).1)
    }

    /// The members in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.members.iter().map(|(key, value)| (&**key, value))
    }

    fn sorted(&self) -> Vec<(&str, &Value)> {
        let mut members: Vec<_> = self.iter().collect();
        members.sort_unstable_by_key(|(key, _)| *key);
        members
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && if self
                .iter()
                .map(|(key, _)| key)
                .eq(other.iter().map(|(key, _)| key))
            {
                self.iter().eq(other.iter())
            } else {
                self.sorted() == other.sorted()
            }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(String, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        Self::from(Vec::from_iter(members))
    }
}

impl From<Vec<(String, Value)>> for Object {
    /// Of several members with one name, the value of the last stands in the place of the first,
    /// as in JavaScript.
    fn from(mut members: Vec<(String, Value)>) -> Self {
        if members.len() <= PAIRWISE_MEMBERS_MAX {
            unite_pairwise(&mut members);
        } else {
            unite_sorted(&mut members);
        }
        Self { members }
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

/// Unites members of one name: the fast way for a few members.
fn unite_pairwise(members: &mut Vec<(String, Value)>) {
    let mut at = 1;
    while at < members.len() {
        let (before, rest) = members.split_at_mut(at);
        let (key, value) = &mut rest[0];
        match before.iter_mut().find(|(name, _)| name == key) {
            Some((_, earlier)) => {
                *earlier = std::mem::take(value);
                members.remove(at);
            }
            None => at += 1,
        }
    }
}

/// Unites members of one name: a peer chooses how many there are, so this must not be quadratic.
fn unite_sorted(members: &mut Vec<(String, Value)>) {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by(|&one, &other| members[one].0.cmp(&members[other].0));
    let mut doubled = vec![false; members.len()];
    let mut moves = Vec::new();
    for group in order.chunk_by(|&one, &other| members[one].0 == members[other].0) {
        if let [first, later @ .., last] = group {
            later
                .iter()
                .chain([last])
                .for_each(|&at| doubled[at] = true);
            moves.push((*first, *last));
        }
    }
    for (first, last) in moves {
        members[first].1 = std::mem::take(&mut members[last].1);
    }
    let mut doubled = doubled.into_iter();
    members.retain(|_| !doubled.next().unwrap_or(false));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(members: &[(u16, i64)]) -> Object {
        let member = |&(key, value): &(u16, i64)| (key.to_string(), Value::from(value));
        members.iter().map(member).collect()
    }

    #[test]
    fn members_keep_their_place() {
        let mut object = object(&[(1, 10), (2, 20), (3, 30)]);
        assert_eq!(object.insert("2", 21), Some(Value::from(20)));
        assert_eq!(object.insert("4", "x"), None);
        assert_eq!(object.remove("1"), Some(Value::from(10)));
        assert_eq!(object.remove("1"), None);
        let keys: Vec<_> = object.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["2", "3", "4"]);
        assert_eq!(object.get("2"), Some(&Value::from(21)));
        assert_eq!(object.len(), 3);
    }

    #[test]
    fn equality_does_not_look_at_the_order() {
        assert_eq!(object(&[(1, 1), (2, 2)]), object(&[(2, 2), (1, 1)]));
        assert_ne!(object(&[(1, 1), (2, 2)]), object(&[(2, 1), (1, 2)]));
        assert_ne!(object(&[(1, 1), (2, 2)]), object(&[(1, 1), (3, 2)]));
        assert_ne!(object(&[(1, 1)]), object(&[(1, 1), (2, 2)]));
    }

    proptest! {
        #[test]
        fn the_last_value_of_a_name_stands_in_the_place_of_the_first(
            members in prop::collection::vec((0..40u16, any::<i64>()), 0..80),
        ) {
            let mut expected = Object::new();
            for (key, value) in &members {
                expected.insert(key.to_string(), *value);
            }
            let united = object(&members);
            prop_assert!(united.iter().eq(expected.iter()), "{united:?} {expected:?}");
        }
    }
}
