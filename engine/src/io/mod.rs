//! The border to the kernel. Everything above it speaks [`Op`] and [`Completion`] only, so the
//! same shard runs on `io_uring`, on `epoll` and in the simulator.
//!
//! A driver never calls back, never decides anything about protocols, and owns every descriptor.
//!
//! # Invariants
//! - Completions are collected in [`Driver::turn`] and handed over after it returned: nothing of
//!   the engine runs inside a submission.
//! - Bytes given to [`Op::Send`] are needed only until the `turn` that submits it returns. At most
//!   one `Send` or `SendMany` per socket may be pushed between two turns; it never waits for the
//!   peer.
//! - After [`Op::Close`] exactly one [`Completion::Closed`] comes, after every other completion of
//!   that socket. Only then may its token be reused, and only then is the socket reused.
//! - After [`Op::Release`] exactly one [`Completion::Released`] comes, in the place of `Closed`. No
//!   byte of the peer is lost: what this driver received was delivered before, the rest is still
//!   in the kernel for the driver that adopts the connection.
//! - A receive that runs out of buffers is resumed by the driver as soon as buffers return.

mod accept_pause;
mod choose;
mod clock;
mod detached;
mod driver;
mod epoll;
mod interface;
mod introduction;
mod listener;
mod proxied;
mod rests;
mod room;
pub mod sim;
mod tls;
mod token;
mod unix;
mod uring;
mod waker;

pub(crate) use choose::explained;
pub use choose::{Chosen, DriverChoice, Unavailable, probe, probe_release};
pub use detached::Detached;
pub use driver::{Completion, Driver, DriverKind, Op, Socket, Wait};
pub use epoll::{Epoll, EpollOptions};
pub use interface::{Interface, NoInterface};
pub use introduction::{ClientCertificate, Introduction, Secure, TlsVersion};
pub(crate) use listener::BACKLOG;
pub use listener::{TcpOptions, UNIX_PEER, bind, bind_with};
pub use proxied::{Proxied, ProxyFault, ProxyProtocol};
pub use tls::{Tls, TlsAcceptor, TlsFault};
pub use token::Token;
pub use unix::UnixSocket;
pub use uring::{Buffers, RingSize, SetupError, Uring, UringOptions};
pub use waker::Waker;
