//! The dashboard: what an operator sees of a server that runs, live over Primus itself.
//!
//! | file | what it is |
//! |---|---|
//! | `options`, `bounds` | what an operator says, and how much of everything there may be |
//! | `operators`, `guesses`, `hasher`, `sessions` | who may log in, how often, for how long |
//! | `door`, `files` | its pages, and who sees them |
//! | `site`, `way` | its server, a second Primus in the process, and how that is reached |
//! | `desk`, `inbox` | the thread that knows everything, and what reaches it |
//! | `samples`, `machine`, `hooks`, `refused`, `refused_counts` | the numbers |
//! | `walk`, `walks`, `census`, `rooms`, `look` | what is found out by asking sparks |
//! | `listen`, `chronicle`, `taps`, `clock` | what is noted as it happens |
//! | `words` | what it says to its page |
//! | `page/` | the page |
//!
//! # Invariants
//! - Without somebody who may log in there is nothing of it: no thread, no listener, no function
//!   that a spark goes through.
//! - No shard of the server that is shown ever waits for it.
//! - Whatever is kept has a bound, in `bounds`.
//! - Nobody sees anything of it without having logged in, but its scripts and styles.

use std::sync::Arc;

use crate::assembly::Assembly;
use crate::hooks::Hooks;

mod bounds;
mod census;
mod chance;
mod chronicle;
mod clock;
mod desk;
mod door;
mod files;
mod guesses;
mod hasher;
mod hooks;
mod inbox;
mod listen;
mod look;
mod machine;
pub(crate) mod metrics;
mod operators;
pub(crate) mod options;
mod password;
mod refused;
mod refused_counts;
mod rooms;
mod samples;
mod sessions;
mod site;
mod table;
mod taps;
mod walk;
mod walks;
mod way;
mod words;

pub(crate) use password::print_hash;
pub(crate) use table::ADMIN_SETTINGS;
pub(crate) use words::About;

use desk::Desk;
use door::Door;
use hooks::WatchedHooks;
use inbox::Inbox;
use operators::Operators;
use options::AdminSettings;
pub(crate) use way::PATH;
use way::Way;

/// Adds the dashboard, if somebody may log in. `may_wait` says that another process may still
/// listen at its address, which this one takes over from. Hooks are shown, if there are some.
///
/// # Errors
/// What is wrong with the files of users and tokens, or that there can be no thread; in one line.
pub(crate) fn assemble(
    settings: &AdminSettings,
    about: About,
    may_wait: bool,
    hooks: Option<Arc<Hooks>>,
    assembly: &mut Assembly,
) -> Result<(), String> {
    if !settings.is_on() {
        return Ok(());
    }
    let session_s = settings.session_hours.get() * 60 * 60;
    let way = Way::new(settings.listen.clone(), may_wait);
    let door = Door::new(read_operators(settings)?, session_s, way.knock());
    let door = Arc::new(door.map_err(|error| format!("admin: {error}"))?);
    way.add_routes(assembly.for_operators())?;
    let (inbox, events) = Inbox::new();
    let inbox = Arc::new(inbox);
    let (counted, lost) = (Arc::clone(&door), Arc::clone(&inbox));
    for (place, outcome) in metrics::OUTCOMES.into_iter().enumerate() {
        let counted = Arc::clone(&counted);
        let read = move || counted.logins(place);
        assembly
            .metrics
            .counter_of(&metrics::LOGINS, &[outcome], read);
    }
    let read = move || lost.notes.lost();
    assembly.metrics.counter_of(&metrics::LOST, &[], read);
    let (changed, files) = (Arc::clone(&door), settings.clone());
    assembly.on_reload("admin", move || Ok(changed.change(read_operators(&files)?)));
    let listening = Arc::clone(&inbox);
    assembly.when_built(move |primus| {
        listen::attach(primus, &listening);
        Ok(())
    });
    let lives_max = settings.history.size();
    assembly.when_started(move |server| {
        let site = site::build(&door, &inbox, way.is_proxied())?;
        let about = about.of(server);
        let desk = Desk::new(
            server.handle(),
            site.handle(),
            door,
            inbox,
            about,
            hooks.map(WatchedHooks::new),
            lives_max,
        );
        // They live as long as the process.
        let live = move || {
            let _started = way.open(&site);
            desk.run(&events);
        };
        let thread = std::thread::Builder::new().name("admin".to_owned());
        let spawned = thread.spawn(live);
        spawned.map(drop).map_err(|error| format!("admin: {error}"))
    });
    Ok(())
}

fn read_operators(settings: &AdminSettings) -> Result<Operators, String> {
    let operators = Operators::read(settings);
    operators.map_err(|(option, reason)| format!("{option}: {reason}"))
}

#[cfg(test)]
mod tests;
