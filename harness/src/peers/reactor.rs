//! The reactors that the protocol core runs on, and what runs each.

use clap::ValueEnum;

/// A reactor that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reactor {
    /// AllSpark's engine on its driver of `io_uring`, with one shard.
    Uring,
    /// AllSpark's engine on its driver of epoll, with one shard.
    Epoll,
    /// tokio-uring: a ring under tokio.
    TokioUring,
    /// glommio: thread per core on `io_uring`.
    Glommio,
    /// compio: completion-based, on its driver of `io_uring`.
    Compio,
    /// tokio's current-thread runtime, which is on epoll.
    Tokio,
}

/// What runs a reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// AllSpark, told to use this driver.
    Driver(&'static str),
    /// A program of this name.
    Program(&'static str),
}

impl Reactor {
    /// All of them, in the order in which they take turns.
    pub(crate) const ALL: [Self; 6] = [
        Self::Uring,
        Self::Epoll,
        Self::TokioUring,
        Self::Glommio,
        Self::Compio,
        Self::Tokio,
    ];

    /// The name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Uring => "our io_uring",
            Self::Epoll => "our epoll",
            Self::TokioUring => "tokio-uring",
            Self::Glommio => "glommio",
            Self::Compio => "compio",
            Self::Tokio => "tokio",
        }
    }

    pub(super) const fn host(self) -> Host {
        match self {
            Self::Uring => Host::Driver("uring"),
            Self::Epoll => Host::Driver("epoll"),
            Self::TokioUring => Host::Program("reactor-tokio-uring"),
            Self::Glommio => Host::Program("reactor-glommio"),
            Self::Compio => Host::Program("reactor-compio"),
            Self::Tokio => Host::Program("reactor-tokio"),
        }
    }
}
