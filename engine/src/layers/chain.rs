//! All layers of a server, in their order.

use std::sync::Arc;

use super::layer::{Act, Function, Layer};
use super::route::LayerRoute;

/// One thing that is done with a request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Finds out who asks.
    Forwarded,
    /// Says what scripts of other origins may do.
    Cors,
    /// Serves the client library.
    Library,
    /// Serves what the server says of itself.
    Spec,
    /// Switches the filter of Internet Explorer off.
    XssFilter,
    /// Forbids caches.
    NoCache,
    /// Asks the application's authorization, or a layer about an opening: refusals are 401.
    Authorization(Function),
    /// Asks a layer of the application, whose refusals are 500.
    Own(Function),
    /// Answers some requests itself.
    Route(Arc<LayerRoute>),
}

/// When a request is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// As soon as its head is there.
    Head,
    /// Once the transport has said that it opens a spark.
    Opening,
}

/// What stands at a place of the chain.
#[derive(Clone)]
enum What {
    /// One of Primus's that has nothing to be told.
    Primus(Step),
    /// Primus's that asks the application, if it wants to be asked.
    Authorization,
    Own(Act),
}

#[derive(Clone)]
struct Entry {
    name: Arc<str>,
    http: bool,
    upgrade: bool,
    stage: Stage,
    is_enabled: bool,
    what: What,
}

impl Entry {
    fn primus(name: &str, upgrade: bool, what: What) -> Self {
        Self {
            name: name.into(),
            http: true,
            upgrade,
            stage: Stage::Head,
            is_enabled: true,
            what,
        }
    }

    fn own(layer: Layer) -> Self {
        Self {
            name: layer.name,
            http: layer.http,
            upgrade: layer.upgrade,
            stage: match layer.openings {
                true => Stage::Opening,
                false => Stage::Head,
            },
            is_enabled: true,
            what: What::Own(layer.act),
        }
    }
}

/// All layers of a server. What requests walk is worked out when it changes.
#[derive(Clone)]
pub(crate) struct Chain {
    entries: Vec<Entry>,
    authorization: Option<Function>,
    http: Vec<Step>,
    upgrade: Vec<Step>,
    http_openings: Vec<Step>,
    upgrade_openings: Vec<Step>,
}

impl Default for Chain {
    /// Primus's own, in its order. `cors` is asked about upgrades, too, which in Primus it is not:
    /// it refuses those from origins that are not listed, and says nothing else to them.
    fn default() -> Self {
        let entries = [
            ("forwarded", true, What::Primus(Step::Forwarded)),
            ("cors", true, What::Primus(Step::Cors)),
            ("primus.js", false, What::Primus(Step::Library)),
            ("spec", false, What::Primus(Step::Spec)),
            ("x-xss", false, What::Primus(Step::XssFilter)),
            ("no-cache", false, What::Primus(Step::NoCache)),
            ("authorization", true, What::Authorization),
        ];
        let entries = entries.map(|(name, upgrade, what)| Entry::primus(name, upgrade, what));
        let mut chain = Self {
            entries: entries.into(),
            authorization: None,
            http: Vec::new(),
            upgrade: Vec::new(),
            http_openings: Vec::new(),
            upgrade_openings: Vec::new(),
        };
        chain.work_out();
        chain
    }
}

impl Chain {
    /// What a request is asked, in this order.
    pub(crate) fn steps(&self, stage: Stage, is_upgrade: bool) -> &[Step] {
        match (stage, is_upgrade) {
            (Stage::Head, true) => &self.upgrade,
            (Stage::Head, false) => &self.http,
            (Stage::Opening, true) => &self.upgrade_openings,
            (Stage::Opening, false) => &self.http_openings,
        }
    }

    /// Whether the application is asked about some requests. What Primus itself says can be asked
    /// for as often as one likes.
    pub(crate) fn asks_application(&self) -> bool {
        let mut steps = self.http.iter().chain(&self.upgrade);
        let asks =
            |step: &Step| matches!(step, Step::Own(_) | Step::Authorization(_) | Step::Route(_));
        steps.any(asks)
    }

    /// The largest body that a route among the layers may have.
    pub(crate) fn body_bytes_max(&self) -> usize {
        let bounds = self.http.iter().map(|step| match step {
            Step::Route(route) => route.body_bytes_max,
            _ => 0,
        });
        bounds.max().unwrap_or(0)
    }

    /// Adds a layer: in the place of the one that has its name, if there is one, else before the
    /// one that has this index, else behind all others.
    pub(crate) fn add(&mut self, index: Option<usize>, layer: Layer) {
        let entry = Entry::own(layer);
        match (self.index(&entry.name), index) {
            (Some(place), _) => self.entries[place] = entry,
            (None, Some(index)) if index < self.entries.len() => self.entries.insert(index, entry),
            (None, _) => self.entries.push(entry),
        }
        self.work_out();
    }

    /// Returns false if there is none of this name.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let place = self.index(name);
        if let Some(place) = place {
            self.entries.remove(place);
            self.work_out();
        }
        place.is_some()
    }

    /// Returns false if there is none of this name.
    pub(crate) fn enable(&mut self, name: &str, is_enabled: bool) -> bool {
        let place = self.index(name);
        if let Some(place) = place {
            self.entries[place].is_enabled = is_enabled;
            self.work_out();
        }
        place.is_some()
    }

    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| *entry.name == *name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let names = self.entries.iter().map(|entry| (*entry.name).to_owned());
        names.collect()
    }

    /// Sets what Primus's layer `authorization` asks.
    pub(crate) fn authorize(&mut self, function: Function) {
        self.authorization = Some(function);
        self.work_out();
    }

    /// What Primus's layer `authorization` asks.
    pub(crate) fn authorization(&self) -> Option<Function> {
        self.authorization.clone()
    }

    /// Primus's layer `authorization` asks this no more.
    pub(crate) fn authorize_no_more(&mut self, function: &Function) {
        let asked = self.authorization.as_ref();
        if asked.is_some_and(|asked| Arc::ptr_eq(asked, function)) {
            self.authorization = None;
            self.work_out();
        }
    }

    /// Removes this layer, unless another one has taken its place.
    pub(crate) fn remove_same(&mut self, layer: &Layer) {
        let is_same = |entry: &Entry| match &entry.what {
            What::Own(act) => act.is_same(&layer.act),
            What::Primus(_) | What::Authorization => false,
        };
        self.entries.retain(|entry| !is_same(entry));
        self.work_out();
    }

    fn work_out(&mut self) {
        self.http = self.steps_of(Stage::Head, |entry| entry.http);
        self.upgrade = self.steps_of(Stage::Head, |entry| entry.upgrade);
        self.http_openings = self.steps_of(Stage::Opening, |entry| entry.http);
        self.upgrade_openings = self.steps_of(Stage::Opening, |entry| entry.upgrade);
    }

    fn steps_of(&self, stage: Stage, is_asked: fn(&Entry) -> bool) -> Vec<Step> {
        let asked = |entry: &&Entry| entry.is_enabled && entry.stage == stage && is_asked(entry);
        let steps = self.entries.iter().filter(asked);
        let steps = steps.filter_map(|entry| match &entry.what {
            What::Primus(step) => Some(step.clone()),
            What::Authorization => self.authorization.clone().map(Step::Authorization),
            What::Own(Act::Judge(function)) => Some(match stage {
                Stage::Head => Step::Own(Arc::clone(function)),
                Stage::Opening => Step::Authorization(Arc::clone(function)),
            }),
            What::Own(Act::Route(route)) => Some(Step::Route(Arc::clone(route))),
        });
        steps.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::layer::function_of;
    use super::*;

    const PRIMUS: [&str; 7] = [
        "forwarded",
        "cors",
        "primus.js",
        "spec",
        "x-xss",
        "no-cache",
        "authorization",
    ];

    fn layer(name: &str) -> Layer {
        Layer::new(name, |_| ())
    }

    #[test]
    fn the_layers_of_primus_stand_in_its_order() {
        let mut chain = Chain::default();
        assert_eq!(chain.names(), PRIMUS);
        assert_eq!(chain.index("spec"), Some(3));
        assert_eq!(
            (
                chain.steps(Stage::Head, false).len(),
                chain.steps(Stage::Head, true).len()
            ),
            (6, 2)
        );
        assert!(!chain.asks_application());
        chain.authorize(function_of(|_| ()));
        assert_eq!(
            (
                chain.steps(Stage::Head, false).len(),
                chain.steps(Stage::Head, true).len()
            ),
            (7, 3)
        );
        assert!(chain.asks_application());
    }

    #[test]
    fn a_layer_replaces_the_one_of_its_name_or_is_inserted() {
        let mut chain = Chain::default();
        chain.add(None, layer("last"));
        chain.add(Some(0), layer("first"));
        chain.add(Some(2), layer("third"));
        chain.add(Some(99), layer("behind"));
        assert_eq!(chain.index("first"), Some(0));
        assert_eq!(chain.index("third"), Some(2));
        assert_eq!(chain.index("last"), Some(9));
        assert_eq!(chain.index("behind"), Some(10));
        chain.add(Some(0), layer("last"));
        assert_eq!(chain.index("last"), Some(9), "it stays where it was");
        assert_eq!(chain.names().len(), 11);
    }

    #[test]
    fn each_can_be_switched_off_and_removed() {
        let mut chain = Chain::default();
        assert!(chain.enable("spec", false));
        assert_eq!(chain.steps(Stage::Head, false).len(), 5);
        assert!(chain.enable("spec", true));
        assert_eq!(chain.steps(Stage::Head, false).len(), 6);
        for name in PRIMUS {
            assert!(chain.remove(name));
            assert!(!chain.remove(name) && !chain.enable(name, true));
        }
        assert!(
            chain.steps(Stage::Head, false).is_empty() && chain.steps(Stage::Head, true).is_empty()
        );
        chain.enable("nobody", false);
        chain.add(None, layer("http").upgrade(false));
        chain.add(None, layer("upgrade").http(false));
        chain.add(None, layer("none").http(false).upgrade(false));
        assert_eq!(
            (
                chain.steps(Stage::Head, false).len(),
                chain.steps(Stage::Head, true).len()
            ),
            (1, 1)
        );
        chain.enable("http", false);
        chain.add(None, layer("http"));
        assert_eq!(
            chain.steps(Stage::Head, false).len(),
            1,
            "who replaces it is enabled"
        );
    }

    #[test]
    fn who_is_asked_about_openings_is_asked_about_nothing_else() {
        let mut chain = Chain::default();
        let before = [false, true].map(|upgrade| chain.steps(Stage::Head, upgrade).len());
        chain.add(None, layer("openings").openings());
        chain.add(None, layer("polls").openings().upgrade(false));
        let after = [false, true].map(|upgrade| chain.steps(Stage::Head, upgrade).len());
        assert_eq!(after, before);
        let of =
            |chain: &Chain| [false, true].map(|upgrade| chain.steps(Stage::Opening, upgrade).len());
        assert_eq!(of(&chain), [2, 1]);
        chain.remove("openings");
        assert_eq!(of(&chain), [1, 0]);
    }
}
