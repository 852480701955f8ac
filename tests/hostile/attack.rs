//! Plays an attack against every kind of server, and judges what it cost.

use std::time::Duration;

use allspark_engine::io::probe_release;

use crate::server::Server;
use crate::witness::Witness;

/// What an attack may cost.
pub(crate) struct Attack {
    /// Arguments of the server.
    pub(crate) args: &'static [&'static str],
    /// Bytes of memory above what the server has at rest, at any moment.
    pub(crate) memory_max: u64,
    /// The longest that another client may wait for an answer.
    pub(crate) wait_max: Duration,
}

impl Default for Attack {
    fn default() -> Self {
        Self {
            args: &[],
            memory_max: 64 * MIB,
            // A shard that answers nobody for seconds is what is looked for. Less than one can be
            // the scheduler's, on a machine that runs other tests beside this one.
            wait_max: Duration::from_secs(2),
        }
    }
}

pub(crate) const MIB: u64 = 1024 * 1024;

impl Attack {
    /// Plays it against each driver with one and with two shards.
    pub(crate) fn play(&self, run: impl Fn(&Server)) {
        for driver in drivers() {
            for shards in [1, 2] {
                self.play_against(driver, shards, &run);
            }
        }
    }

    /// The same against all of them at a time, for an attack that mostly waits.
    pub(crate) fn play_together(&self, run: impl Fn(&Server) + Sync) {
        std::thread::scope(|scope| {
            for driver in drivers() {
                for shards in [1, 2] {
                    let run = &run;
                    scope.spawn(move || self.play_against(driver, shards, run));
                }
            }
        });
    }

    fn play_against(&self, driver: &str, shards: usize, run: impl Fn(&Server)) {
        let mut server = Server::start(driver, shards, self.args);
        let witness = Witness::start(&server);
        let rest = server.memory();
        server.forget_peak();
        run(&server);
        server.assert_lives();
        let cost = server.memory_peak().saturating_sub(rest);
        let wait = witness.conclude();
        eprintln!(
            "{driver}, {shards} shards: {:.1} MiB, the witness waited {wait:?}",
            cost as f64 / MIB as f64
        );
        let max = self.memory_max;
        assert!(cost <= max, "{driver}, {shards}: {cost} bytes of memory");
        assert!(wait <= self.wait_max, "{driver}, {shards}: {wait:?}");
    }
}

/// The drivers that this kernel can run.
pub(crate) fn drivers() -> Vec<&'static str> {
    match probe_release() {
        Ok(()) => vec!["epoll", "uring"],
        Err(reason) => {
            eprintln!("io_uring is left out: {reason:?}");
            vec!["epoll"]
        }
    }
}

/// `count`, or as many times more as the environment asks for.
pub(crate) fn scaled(count: usize) -> usize {
    count * variable("HOSTILE_SCALE", 1) as usize
}

/// What chooses names and pieces.
pub(crate) fn seed() -> u64 {
    variable("HOSTILE_SEED", 20_261_129)
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is no number"))
    })
}
