//! Members of one name become one member.

/// With more members than this, doubles are found by sorting, not by comparing each with each.
const PAIRWISE_MEMBERS_MAX: usize = 24;

/// Leaves one member of each name: the value of the last in the place of the first.
pub(super) fn unite<V: Default>(members: &mut Vec<(String, V)>) {
    if members.len() <= PAIRWISE_MEMBERS_MAX {
        unite_pairwise(members);
    } else {
        unite_sorted(members);
    }
}

/// Unites members of one name: the fast way for a few members.
fn unite_pairwise<V: Default>(members: &mut Vec<(String, V)>) {
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
fn unite_sorted<V: Default>(members: &mut Vec<(String, V)>) {
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
