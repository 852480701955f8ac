//! One client: its half of the transport, its connections, and what it has heard.

use allspark_protocol::http::{ResponsePart, ResponseReader};
use allspark_protocol::transformer::{ClientTransport, Link};
use allspark_protocol::{Input, Instant};
use allspark_transformers::engine_io::ClientTransports;
use allspark_transformers::sockjs::SockJsTransport;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::halves;
use crate::ledger::{Numbered, Sequence};
use crate::pipes::Cable;

/// How a client speaks to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    EngineIo,
    XhrPolling,
    XhrStreaming,
    BrowserChannel,
    BrowserChannelPolling,
}

impl Transport {
    pub(crate) const ALL: [Self; 5] = [
        Self::EngineIo,
        Self::XhrPolling,
        Self::XhrStreaming,
        Self::BrowserChannel,
        Self::BrowserChannelPolling,
    ];

    /// Whether a session outlives a connection that breaks in the middle of a request: what was
    /// not acknowledged is sent again. Others end.
    pub(crate) fn survives_cuts(self) -> bool {
        matches!(self, Self::BrowserChannel | Self::BrowserChannelPolling)
    }

    fn half(self, host: &str, client: usize, seed: u64) -> Box<dyn ClientTransport> {
        let target = format!("/primus?client={client}");
        match self {
            Self::EngineIo => halves::engine_io(host, &target, seed, ClientTransports::Polling),
            Self::XhrPolling => halves::sockjs(host, &target, seed, SockJsTransport::XhrPolling),
            Self::XhrStreaming => {
                halves::sockjs(host, &target, seed, SockJsTransport::XhrStreaming)
            }
            Self::BrowserChannel => halves::browserchannel(host, &target, seed, true),
            Self::BrowserChannelPolling => halves::browserchannel(host, &target, seed, false),
        }
    }
}

/// How far a client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    New,
    Opening,
    /// Messages go both ways.
    Open,
    /// All messages have come.
    Served,
    Closing,
    /// Its half has reported the end.
    Over,
}

impl Stage {
    pub(crate) const COUNT: usize = Self::Over as usize + 1;
}

/// One client.
pub(crate) struct Member {
    pub(crate) client: usize,
    pub(crate) transport: Transport,
    pub(crate) half: Box<dyn ClientTransport>,
    pub(crate) links: Vec<Line>,
    pub(crate) stage: Stage,
    pub(crate) random: Random,
    /// When it does something next by itself.
    pub(crate) next_step: Option<Instant>,
    /// When the crowd looks at it next, at the latest.
    pub(crate) alarm: Option<Instant>,
    pub(crate) is_stalled: bool,
    /// After how many messages a connection with a request under way is to be cut.
    pub(crate) cut_after: Option<u32>,
    pub(crate) was_cut: bool,
    pub(crate) sent: u32,
    /// The client's own numbers, which come back.
    pub(crate) echoes: Sequence,
    /// Those of the server.
    pub(crate) owns: Sequence,
}

impl Member {
    pub(crate) fn new(host: &str, client: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let transport = Transport::ALL[client % Transport::ALL.len()];
        Self {
            client,
            transport,
            half: transport.half(host, client, random.next()),
            links: Vec::new(),
            stage: Stage::New,
            random,
            next_step: None,
            alarm: None,
            is_stalled: false,
            cut_after: None,
            was_cut: false,
            sent: 0,
            echoes: Sequence::default(),
            owns: Sequence::default(),
        }
    }

    /// Whether something is still to come.
    pub(crate) fn is_waiting(&self) -> bool {
        !matches!(self.stage, Stage::New | Stage::Served | Stage::Over)
    }

    /// Where it stands, for whoever must find out why it does not go on.
    pub(crate) fn describe(&self) -> String {
        let lines = self.links.iter();
        let lines: Vec<_> = lines
            .map(|line| (line.link.0, line.cable.0, line.is_busy))
            .collect();
        format!(
            "{}: {:?}, {:?}, sent {}, echoes {}, own {}, stalled {}, cut {}, links {lines:?}",
            self.client,
            self.transport,
            self.stage,
            self.sent,
            self.echoes.count(),
            self.owns.count(),
            self.is_stalled,
            self.was_cut,
        )
    }

    /// When something is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        let dues = [self.half.deadline(), self.next_step];
        dues.into_iter().flatten().min()
    }

    /// Whether it is to end before it was served.
    pub(crate) fn may_end(&self) -> bool {
        self.was_cut && !self.transport.survives_cuts()
    }

    /// Whether every number has come, and the first of the server.
    pub(crate) fn is_served(&self, messages: u32) -> bool {
        self.echoes.count() == messages && self.owns.count() == messages + 1
    }

    /// Takes note of a message. Fails with what was due instead.
    pub(crate) fn hear(&mut self, text: &[u8]) -> Result<(), String> {
        let is_due = match Numbered::parse(self.client, text) {
            Some(Numbered::Client(number)) => self.echoes.take(number),
            Some(Numbered::Server(number)) => self.owns.take(number),
            None => false,
        };
        if is_due {
            return Ok(());
        }
        let (text, echo, own) = (
            String::from_utf8_lossy(text),
            self.echoes.count(),
            self.owns.count(),
        );
        let (client, transport) = (self.client, self.transport);
        Err(format!(
            "session {client} ({transport:?}) hears {text}, not {echo} or own {own}"
        ))
    }

    pub(crate) fn line(&mut self, link: Link) -> Option<&mut Line> {
        self.links.iter_mut().find(|line| line.link == link)
    }

    pub(crate) fn remove(&mut self, link: Link) -> Option<Line> {
        let at = self.links.iter().position(|line| line.link == link)?;
        Some(self.links.swap_remove(at))
    }

    /// A connection on which nothing is under way, or on which something is.
    pub(crate) fn any_line(&self, is_busy: bool) -> Option<Link> {
        let line = self.links.iter().find(|line| line.is_busy == is_busy);
        line.map(|line| line.link)
    }
}

/// A connection of a client, and whether a request is under way on it.
pub(crate) struct Line {
    pub(crate) link: Link,
    pub(crate) cable: Cable,
    is_busy: bool,
    reader: ResponseReader,
}

impl Line {
    pub(crate) fn new(link: Link, cable: Cable) -> Self {
        Self {
            link,
            cable,
            is_busy: false,
            reader: ResponseReader::default(),
        }
    }

    /// A request was written: halves write each with one call, and none before the answer.
    pub(crate) fn asked(&mut self) {
        self.is_busy = true;
    }

    /// Looks for the end of the answer.
    pub(crate) fn answered(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let mut input = Input::new(&mut bytes);
        while let Ok(Some(part)) = self.reader.next(&mut input, false) {
            if let ResponsePart::End = part {
                self.is_busy = false;
            }
        }
    }
}

/// Chance from a seed.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
