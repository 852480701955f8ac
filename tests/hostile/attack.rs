//! Plays an attack against every kind of server, and judges what it cost.

use std::time::Duration;

use allspark_engine::io::probe_release;

use crate::moment::Moment;
use crate::server::Server;
use crate::witness::{Longest, Witness};

/// What an attack may cost.
pub(crate) struct Attack {
    /// Arguments of the server.
    pub(crate) args: &'static [&'static str],
    /// Bytes of memory above what the server has at rest, at any moment.
    pub(crate) memory_max: u64,
    /// The longest that another client may wait for an answer.
    pub(crate) wait_max: Duration,
    /// The most that is done before that answer, as a part of all that is done for the attack. It
    /// is processor time of one thread, so no other program and no slow machine makes it more. Few
    /// attacks are so much work that a part of it says something.
    pub(crate) work_max: Option<f64>,
    /// Whether it is played over TLS.
    pub(crate) is_secure: bool,
}

impl Default for Attack {
    fn default() -> Self {
        Self::USUAL
    }
}

pub(crate) const MIB: u64 = 1024 * 1024;

impl Attack {
    pub(crate) const USUAL: Self = Self {
        args: &[],
        memory_max: 64 * MIB,
        // A shard that answers nobody for seconds is what is looked for. Less than one can be the
        // scheduler's, on a machine that runs other tests beside this one.
        wait_max: Duration::from_secs(2),
        work_max: None,
        is_secure: false,
    };

    /// The same attack through TLS.
    pub(crate) fn over_tls(self) -> Self {
        Self {
            is_secure: true,
            ..self
        }
    }

    /// Plays it against each driver with one and with two shards.
    pub(crate) fn play(&self, run: impl Fn(&Server)) {
        for (driver, shards) in self.servers() {
            self.play_against(driver, shards, &run);
        }
    }

    /// The same against all of them at a time, for an attack that mostly waits.
    pub(crate) fn play_together(&self, run: impl Fn(&Server) + Sync) {
        std::thread::scope(|scope| {
            for (driver, shards) in self.servers() {
                let run = &run;
                scope.spawn(move || self.play_against(driver, shards, run));
            }
        });
    }

    /// Encryption is below all that shards do, so with it two are enough.
    fn servers(&self) -> Vec<(&'static str, usize)> {
        let shards = if self.is_secure { &[2][..] } else { &[1, 2] };
        let with = |driver| shards.iter().map(move |shards| (driver, *shards));
        drivers().into_iter().flat_map(with).collect()
    }

    fn play_against(&self, driver: &str, shards: usize, run: impl Fn(&Server)) {
        let start = if self.is_secure {
            Server::start_secure
        } else {
            Server::start
        };
        let mut server = start(driver, shards, self.args);
        let witness = Witness::start(&server);
        let rest = server.memory();
        server.forget_peak();
        let before = Moment::now(server.process());
        run(&server);
        server.assert_lives();
        let cost = server.memory_peak().saturating_sub(rest);
        let all = Moment::now(server.process()).busiest_since(&before);
        let Longest { wait, work } = witness.conclude();
        let part = work.as_secs_f64() / all.as_secs_f64().max(f64::EPSILON);
        let (mib, secure) = (cost as f64 / MIB as f64, self.is_secure);
        eprintln!(
            "{driver}, {shards} shards, TLS {secure}: {mib:.1} MiB, the witness waited {wait:?}, \
             for {work:?} of {all:?} of work ({part:.3})"
        );
        let max = self.memory_max;
        assert!(cost <= max, "{driver}, {shards}: {cost} bytes of memory");
        assert!(wait <= self.wait_max, "{driver}, {shards}: {wait:?}");
        let is_bounded = self.work_max.is_none_or(|work_max| part <= work_max);
        assert!(is_bounded, "{driver}, {shards}: {work:?} of {all:?}");
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
