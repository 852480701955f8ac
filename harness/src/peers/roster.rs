//! The servers that take part, and the command that starts each of them.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use allspark_transformers::TransformerKind;
use clap::ValueEnum;
use serde::Serialize;

use super::reactor::{Host, Reactor};
use super::stage::{Stage, TlsFiles};
use crate::load::dialect::Dialect;
use crate::workload::Scenario;

/// What a server is to AllSpark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// AllSpark itself.
    Own,
    /// A server that people use.
    Peer,
    /// A bare loop that no server can undercut.
    Floor,
}

/// A server that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Entrant {
    /// The server of this repository, with one shard.
    Allspark,
    /// Primus on Node.js and ws.
    Primus,
    /// Bun's server, which is uWebSockets inside.
    Bun,
    /// Socket.IO on Node.js, for its rooms.
    SocketIo,
    /// tokio-tungstenite on a current-thread runtime.
    Tungstenite,
    /// The bare loop on `io_uring`, which is no server.
    FloorUring,
    /// The bare loop on epoll, which is no server.
    FloorEpoll,
    /// Our protocol core on a reactor.
    #[value(skip)]
    Reactor(Reactor),
}

impl Entrant {
    /// Those that echo and broadcast, in the order in which they take turns.
    pub(crate) const ALL: [Self; 6] = [
        Self::Allspark,
        Self::Primus,
        Self::Bun,
        Self::Tungstenite,
        Self::FloorUring,
        Self::FloorEpoll,
    ];

    /// Those that have rooms, in that order.
    pub(crate) const ROOMS: [Self; 3] = [Self::Allspark, Self::Bun, Self::SocketIo];

    /// How clients speak to it, if they speak to others this way.
    pub(super) fn dialect(self, usual: Dialect) -> Dialect {
        match self {
            Self::SocketIo => Dialect::find(TransformerKind::EngineIo, Some("websocket"))
                .expect("engine.io has that carrier"),
            _ => usual,
        }
    }

    /// The name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Allspark => "AllSpark",
            Self::Primus => "Primus",
            Self::Bun => "Bun",
            Self::SocketIo => "Socket.IO",
            Self::Tungstenite => "tungstenite",
            Self::Reactor(reactor) => reactor.name(),
            Self::FloorUring => "floor-uring",
            Self::FloorEpoll => "floor-epoll",
        }
    }

    /// What AllSpark is compared with it for.
    pub(super) const fn role(self) -> Role {
        match self {
            Self::Allspark => Role::Own,
            Self::Primus | Self::Bun | Self::SocketIo | Self::Tungstenite => Role::Peer,
            Self::FloorUring | Self::FloorEpoll => Role::Floor,
            Self::Reactor(reactor) => match reactor.host() {
                Host::Driver(_) => Role::Own,
                Host::Program(_) => Role::Peer,
            },
        }
    }
}

/// Refuses to begin if a program is not there, and says how to get it.
pub(super) fn check(entrant: Entrant, stage: &Stage) -> io::Result<()> {
    for (path, remedy) in needs(entrant, stage) {
        if !path.exists() {
            let name = entrant.name();
            let why = format!("{name} needs {}: run `{remedy}`", path.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        }
    }
    Ok(())
}

/// What must be there, and what makes it.
fn needs(entrant: Entrant, stage: &Stage) -> Vec<(PathBuf, String)> {
    let install = format!("npm ci --prefix {}", stage.peers_directory.display());
    match entrant {
        Entrant::Allspark => vec![(stage.allspark.clone(), "cargo build --release".to_owned())],
        Entrant::Primus => vec![(stage.peers_directory.join("node_modules/primus"), install)],
        Entrant::Bun => vec![(bun(&stage.peers_directory), install)],
        Entrant::SocketIo => {
            vec![(
                stage.peers_directory.join("node_modules/socket.io"),
                install,
            )]
        }
        Entrant::Tungstenite => vec![(
            stage.tungstenite.clone(),
            "cargo build --release -p allspark-peer-tungstenite".to_owned(),
        )],
        Entrant::FloorUring | Entrant::FloorEpoll => vec![(
            stage.floor.clone(),
            "cargo build --release -p allspark-peer-floor".to_owned(),
        )],
        Entrant::Reactor(reactor) => match reactor.host() {
            Host::Driver(_) => needs(Entrant::Allspark, stage),
            Host::Program(name) => vec![(
                stage.reactors_directory.join(name),
                "scripts/compare-reactors".to_owned(),
            )],
        },
    }
}

/// The words that start the server, over TLS if the stage has what it needs for that.
pub(super) fn command(
    entrant: Entrant,
    scenario: Scenario,
    transformer: TransformerKind,
    port: u16,
    stage: &Stage,
) -> Vec<OsString> {
    let mut words = plain_command(entrant, scenario, transformer, port, stage);
    if let Some(TlsFiles { cert, key }) = &stage.tls {
        let prefix = match entrant.role() {
            Role::Own => "--tls-",
            Role::Peer | Role::Floor => "--",
        };
        for (name, path) in [("cert", cert), ("key", key)] {
            words.extend([format!("{prefix}{name}").into(), path.into()]);
        }
    }
    words
}

fn plain_command(
    entrant: Entrant,
    scenario: Scenario,
    transformer: TransformerKind,
    port: u16,
    stage: &Stage,
) -> Vec<OsString> {
    let app = match scenario {
        Scenario::Idle | Scenario::Echo | Scenario::Churn | Scenario::Storm => "echo",
        Scenario::Broadcast => "broadcast",
        Scenario::Mixed => "mixed",
        Scenario::Rooms => "rooms",
        // Messages come another way.
        Scenario::Publish | Scenario::Conflation | Scenario::Acks => "none",
    };
    let directory = &stage.peers_directory;
    let peer = |program: &Path, script: Option<&str>| {
        let mut words = vec![program.into()];
        words.extend(script.map(|script| directory.join(script).into()));
        words.extend([port.to_string().into(), app.into()]);
        words
    };
    match entrant {
        Entrant::Allspark if scenario == Scenario::Rooms => {
            let mut words = allspark(&stage.allspark, port, "none", transformer);
            words.extend(["--config".into(), directory.join("rooms.toml").into()]);
            words
        }
        Entrant::Allspark => allspark(&stage.allspark, port, app, transformer),
        Entrant::SocketIo => peer(Path::new("node"), Some("socketio.js")),
        Entrant::Primus => {
            let mut words = peer(Path::new("node"), Some("primus.js"));
            words.extend(["--transformer".into(), transformer.name().into()]);
            words
        }
        Entrant::Bun => peer(&bun(directory), Some("bun.js")),
        Entrant::Tungstenite => peer(&stage.tungstenite, None),
        Entrant::FloorUring => floor(&stage.floor, "uring", port, app),
        Entrant::FloorEpoll => floor(&stage.floor, "epoll", port, app),
        Entrant::Reactor(reactor) => match reactor.host() {
            Host::Program(name) => peer(&stage.reactors_directory.join(name), None),
            Host::Driver(driver) => {
                let mut words = allspark(&stage.allspark, port, app, transformer);
                words.extend(["--driver".into(), driver.into()]);
                words
            }
        },
    }
}

fn allspark(program: &Path, port: u16, app: &str, transformer: TransformerKind) -> Vec<OsString> {
    let mut words = vec![program.into(), "serve".into()];
    let listen = format!("0.0.0.0:{port}");
    for (option, value) in [
        ("--listen", &*listen),
        ("--transformer", transformer.name()),
        ("--app", app),
        ("--ping-interval", "off"),
        ("--shards", "1"),
    ] {
        words.extend([option.into(), value.into()]);
    }
    // The peers say nothing about TLS either.
    words.push("--iknowhttpsisbetter=true".into());
    words
}

fn floor(program: &Path, kind: &str, port: u16, app: &str) -> Vec<OsString> {
    let port = port.to_string();
    vec![program.into(), kind.into(), port.into(), app.into()]
}

fn bun(directory: &Path) -> PathBuf {
    directory.join("node_modules/@oven/bun-linux-x64/bin/bun")
}

/// What AllSpark calls itself; the peers say it when they start.
pub(super) fn allspark_version(program: &Path) -> io::Result<String> {
    let output = Command::new(program).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
