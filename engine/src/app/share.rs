//! What one plugin has attached, so that it can be detached again.

use std::sync::{Arc, Mutex, MutexGuard};

use super::host::{Command, Listeners, Server, Transforms};
use crate::layers::Layer;

/// What a plugin has attached. While it sets itself up nothing of it counts but its layers; then
/// all of it counts at once.
#[derive(Default)]
pub(crate) struct Share(Mutex<State>);

#[derive(Default)]
struct State {
    stage: Stage,
    /// What is its own, and nothing else.
    own: Listeners,
    layers: Vec<Layer>,
}

/// How far the plugin is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// It sets itself up.
    #[default]
    Draft,
    Live,
    /// It was removed.
    Out,
}

impl Share {
    /// The plugin attaches something.
    pub(super) fn attach(&self, server: &Server, change: impl FnOnce(&mut Listeners)) {
        let mut state = self.lock();
        match state.stage {
            Stage::Draft => return change(&mut state.own),
            Stage::Out => return,
            Stage::Live => drop(state),
        }
        let mut more = Listeners::default();
        change(&mut more);
        // Nobody waits for a shard while it has the lock: the shard may wait for the lock.
        server.attach(|listeners| append(listeners, &more), || Command::Listeners);
        let mut state = self.lock();
        if state.stage == Stage::Live {
            append(&mut state.own, &more);
        } else {
            drop(state);
            server.attach(|listeners| remove(listeners, &more), || Command::Listeners);
        }
    }

    /// The plugin adds a layer. Returns false if it was removed.
    pub(super) fn note_layer(&self, layer: &Layer) -> bool {
        let mut state = self.lock();
        let is_in = state.stage != Stage::Out;
        if is_in {
            state.layers.push(layer.clone());
        }
        is_in
    }

    /// What the plugin has attached so far.
    pub(super) fn own(&self) -> Listeners {
        self.lock().own.clone()
    }

    /// From now on what it attaches counts.
    pub(super) fn set_live(&self) {
        self.lock().stage = Stage::Live;
    }

    /// The plugin is removed: takes what it has attached.
    pub(super) fn take(&self) -> (Listeners, Vec<Layer>) {
        let mut state = self.lock();
        state.stage = Stage::Out;
        let (own, layers) = (std::mem::take(&mut state.own), &mut state.layers);
        (own, std::mem::take(layers))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// Attaches what a plugin has attached.
pub(super) fn append(listeners: &mut Listeners, own: &Listeners) {
    let Listeners {
        connection,
        disconnection,
        data,
        heartbeat,
        error,
        room,
        ready_state_change,
        outgoing_ping,
        incoming_pong,
        authorization,
        initialised,
        close,
        layers,
        transforms,
        id_generator,
        plugin,
        plugout,
        reserved,
        files: _,
        plugins: _,
    } = own;
    listeners.connection.extend_from_slice(connection);
    listeners.disconnection.extend_from_slice(disconnection);
    listeners.data.extend_from_slice(data);
    listeners.heartbeat.extend_from_slice(heartbeat);
    listeners.error.extend_from_slice(error);
    listeners.room.extend_from_slice(room);
    let changes = &mut listeners.ready_state_change;
    changes.extend_from_slice(ready_state_change);
    listeners.outgoing_ping.extend_from_slice(outgoing_ping);
    listeners.incoming_pong.extend_from_slice(incoming_pong);
    let renewals = &mut listeners.authorization;
    renewals.extend_from_slice(authorization);
    listeners.initialised.extend_from_slice(initialised);
    listeners.close.extend_from_slice(close);
    listeners.plugin.extend_from_slice(plugin);
    listeners.plugout.extend_from_slice(plugout);
    if let Some(own) = transforms {
        let all = Arc::make_mut(listeners.transforms.get_or_insert_default());
        all.incoming.extend_from_slice(&own.incoming);
        all.outgoing.extend_from_slice(&own.outgoing);
        let per_spark = &mut all.outgoing_per_spark;
        per_spark.extend_from_slice(&own.outgoing_per_spark);
    }
    if let Some(own) = reserved {
        let all = listeners.reserved.get_or_insert_default();
        Arc::make_mut(all).extend_from_slice(own);
    }
    if id_generator.is_some() {
        listeners.id_generator.clone_from(id_generator);
    }
    if let Some(authorization) = layers.authorization() {
        Arc::make_mut(&mut listeners.layers).authorize(authorization);
    }
}

/// Detaches what a plugin has attached.
pub(super) fn remove(listeners: &mut Listeners, own: &Listeners) {
    without(&mut listeners.connection, &own.connection);
    without(&mut listeners.disconnection, &own.disconnection);
    without(&mut listeners.data, &own.data);
    without(&mut listeners.heartbeat, &own.heartbeat);
    without(&mut listeners.error, &own.error);
    without(&mut listeners.room, &own.room);
    let changes = &mut listeners.ready_state_change;
    without(changes, &own.ready_state_change);
    without(&mut listeners.outgoing_ping, &own.outgoing_ping);
    without(&mut listeners.incoming_pong, &own.incoming_pong);
    without(&mut listeners.authorization, &own.authorization);
    without(&mut listeners.initialised, &own.initialised);
    without(&mut listeners.close, &own.close);
    without(&mut listeners.plugin, &own.plugin);
    without(&mut listeners.plugout, &own.plugout);
    if let (Some(all), Some(own)) = (&mut listeners.transforms, &own.transforms) {
        // It stays, even if it is empty: what waits behind a transform that takes its time still
        // has to keep its order.
        remove_transforms(Arc::make_mut(all), own);
    }
    if let (Some(all), Some(own)) = (&mut listeners.reserved, &own.reserved) {
        without(Arc::make_mut(all), own);
        if all.is_empty() {
            listeners.reserved = None;
        }
    }
    let is_own = listeners
        .id_generator
        .as_ref()
        .zip(own.id_generator.as_ref());
    if is_own.is_some_and(|(one, other)| Arc::ptr_eq(one, other)) {
        listeners.id_generator = None;
    }
    if let Some(authorization) = own.layers.authorization() {
        Arc::make_mut(&mut listeners.layers).authorize_no_more(&authorization);
    }
}

fn remove_transforms(all: &mut Transforms, own: &Transforms) {
    without(&mut all.incoming, &own.incoming);
    without(&mut all.outgoing, &own.outgoing);
    without(&mut all.outgoing_per_spark, &own.outgoing_per_spark);
}

/// Removes what is the very same. Something may be there twice: each removes one.
fn without<F: ?Sized>(all: &mut Vec<Arc<F>>, own: &[Arc<F>]) {
    for one in own {
        let place = all.iter().rposition(|other| Arc::ptr_eq(one, other));
        if let Some(place) = place {
            all.remove(place);
        }
    }
}
