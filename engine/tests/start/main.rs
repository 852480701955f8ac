//! How a server starts on the machine that it finds, whom it lets in, and how it ends when
//! something fails in it.

mod client;
mod failure;
mod futures;
mod life;
mod machine;
mod places;
mod plain;
mod room;
mod secure;
mod shown;

use allspark_engine::io::{DriverChoice, probe};

/// The drivers of this machine.
fn drivers() -> Vec<DriverChoice> {
    match probe() {
        Ok(()) => vec![DriverChoice::Epoll, DriverChoice::Uring],
        Err(reason) => {
            eprintln!("io_uring is not tested: {reason}");
            vec![DriverChoice::Epoll]
        }
    }
}
