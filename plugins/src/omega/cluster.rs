//! What knows the other servers, and which of them has which spark: metroplex, if it is there.

use super::order::Recipients;

/// Is told the answer to a question, or why nobody knows it.
pub(crate) type Answer<A> = Box<dyn FnOnce(Result<A, String>) + Send>;

/// Which servers there are. Answers come on any thread, and are errors if nobody can tell.
pub(crate) trait Cluster: Send + Sync {
    /// The other servers.
    fn others(&self, answer: Answer<Vec<String>>);

    /// For each id the server that has this spark, if there is one.
    fn owners(&self, ids: Vec<String>, answer: Answer<Vec<Option<String>>>);

    /// The address of this server, which is never asked: what a registry that is out of date says
    /// would go round in a circle.
    fn own(&self) -> Option<String>;
}

/// Sparks by their servers, in the order in which the servers come first. Those that nobody has are
/// left out, and so are those that are said to be here: whoever asks has looked.
pub(super) fn by_server(
    ids: Vec<String>,
    owners: Vec<Option<String>>,
    own: Option<&str>,
) -> Vec<(String, Recipients)> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (id, owner) in ids.into_iter().zip(owners) {
        let Some(owner) = owner.filter(|owner| Some(&**owner) != own) else {
            continue;
        };
        let place = *places.entry(owner.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push((owner, Vec::new()));
        }
        groups[place].1.push(id);
    }
    let groups = groups.into_iter();
    let group = |(server, ids)| (server, Recipients::Sparks(ids));
    groups.map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_is_asked_once_for_its_sparks_and_this_one_never() {
        let ids = ["1", "2", "3", "4", "5"].map(str::to_owned).to_vec();
        let owners = [Some("b"), None, Some("a"), Some("own"), Some("b")];
        let owners = owners.map(|owner| owner.map(str::to_owned)).to_vec();
        let groups = by_server(ids, owners, Some("own"));
        let of = |server: &str, ids: &[&str]| (server.to_owned(), Recipients::from(ids.to_vec()));
        assert_eq!(groups, [of("b", &["1", "5"]), of("a", &["3"])]);
    }
}
