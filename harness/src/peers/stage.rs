//! Where a comparison takes place.

use std::path::PathBuf;

use allspark_engine::io::DriverChoice;

/// Where servers and the load run, and where the programs of servers are.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) server_cpu: usize,
    pub(crate) client_cpu: usize,
    pub(crate) driver: DriverChoice,
    /// The folder of the peers' sources, with what was installed there.
    pub(crate) peers_directory: PathBuf,
    /// AllSpark's program.
    pub(crate) allspark: PathBuf,
    /// The program of the peer written in Rust.
    pub(crate) tungstenite: PathBuf,
    /// The program of the bare loops.
    pub(crate) floor: PathBuf,
    /// The folder of the programs of reactors that are not ours.
    pub(crate) reactors_directory: PathBuf,
    /// What servers need that are to speak TLS.
    pub(crate) tls: Option<TlsFiles>,
}

/// The files of a server's certificate, in PEM format.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}
