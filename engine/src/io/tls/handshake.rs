//! A handshake, done by rustls. It is given one record after the other, so that it never sees what
//! comes behind the end of the handshake: that is for [`Channel`].

use std::borrow::Cow;
use std::sync::Arc;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::kernel::KernelConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use rustls::{ClientConfig, CommonState, Error, PeerIncompatible, ProtocolVersion};

use super::acceptor::Terms;
use super::channel::{Channel, Suite, record_len};
use super::fault::{TlsFault, alert};
use super::hello::Flaw;
use super::secrets::{Told, tapped};
use crate::io::{ClientCertificate, Secure, TlsVersion};
use crate::limits::TLS_HANDSHAKE_BYTES_MAX;

/// About what rustls needs for a handshake beside the bytes that have come.
pub(super) const HANDSHAKE_COST: usize = 8 * 1024;

/// One that is under way.
pub(super) struct Handshake {
    role: Role,
    /// What has come, without what rustls is done with.
    inbound: Vec<u8>,
    /// So much of it rustls has seen.
    seen: usize,
    /// Bytes that have come in all.
    received: usize,
    told: Told,
}

enum Role {
    Server(Box<UnbufferedServerConnection>, Arc<Terms>),
    Client(Box<UnbufferedClientConnection>),
}

/// The kernel connection of a client, which takes tickets.
pub(super) type Tickets = KernelConnection<ClientConnectionData>;

/// What a handshake comes to.
pub(super) struct Outcome {
    pub(super) channel: Channel,
    pub(super) secure: Secure,
    /// What came behind its end.
    pub(super) rest: Vec<u8>,
    pub(super) tickets: Option<Box<Tickets>>,
}

impl Handshake {
    pub(super) fn server(terms: Arc<Terms>) -> Result<Self, TlsFault> {
        let connection = UnbufferedServerConnection::new(Arc::clone(&terms.config));
        let connection = connection.map_err(|error| failed(&error))?;
        Ok(Self::new(Role::Server(Box::new(connection), terms)))
    }

    pub(super) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, TlsFault> {
        let connection = UnbufferedClientConnection::new(config, name);
        let connection = connection.map_err(|error| failed(&error))?;
        Ok(Self::new(Role::Client(Box::new(connection))))
    }

    fn new(role: Role) -> Self {
        Self {
            role,
            inbound: Vec::new(),
            seen: 0,
            received: 0,
            told: Told::default(),
        }
    }

    /// Bytes that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        HANDSHAKE_COST + self.inbound.capacity()
    }

    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), TlsFault> {
        self.received += bytes.len();
        if self.received > TLS_HANDSHAKE_BYTES_MAX {
            let what = "a handshake has no end";
            return Err(TlsFault::new(alert::UNEXPECTED_MESSAGE, what));
        }
        self.inbound.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether there is a record that rustls has not seen.
    pub(super) fn has_record(&self) -> bool {
        !matches!(self.next_end(), Ok(None))
    }

    fn next_end(&self) -> Result<Option<usize>, TlsFault> {
        let rest = &self.inbound[self.seen..];
        let end = record_len(rest)?.filter(|len| *len <= rest.len());
        Ok(end.map(|len| self.seen + len))
    }

    /// Goes on as far as what has come allows, and appends what is to be sent. Returns whether the
    /// handshake is done.
    pub(super) fn proceed(&mut self, out: &mut Vec<u8>) -> Result<bool, TlsFault> {
        loop {
            if self.drive(out)? {
                return Ok(true);
            }
            match self.next_end()? {
                Some(end) => self.seen = end,
                None => return Ok(false),
            }
        }
    }

    /// Shows rustls what it is to see, until it wants more.
    fn drive(&mut self, out: &mut Vec<u8>) -> Result<bool, TlsFault> {
        loop {
            let (role, seen) = (&mut self.role, &mut self.inbound[..self.seen]);
            let flaw = Flaw::of(seen);
            let (discard, step) = tapped(&mut self.told, || match role {
                Role::Server(connection, _) => step(connection.process_tls_records(seen), out),
                Role::Client(connection) => step(connection.process_tls_records(seen), out),
            });
            self.inbound.drain(..discard);
            self.seen -= discard;
            match step {
                Step::On => {}
                Step::Wait => return Ok(false),
                Step::Done => return Ok(true),
                Step::Incompatible(why) => {
                    if let Some(flaw) = flaw {
                        return Err(flaw.fault());
                    }
                    self.say_why(out);
                    return Err(failed(&Error::from(why)));
                }
                Step::Failed(fault) => {
                    self.say_why(out);
                    return Err(fault);
                }
            }
        }
    }

    /// Appends the alert that rustls has for the peer. It is not asked again once it has said that:
    /// it would look at the same records, and want to say it twice.
    fn say_why(&mut self, out: &mut Vec<u8>) {
        let before = out.len();
        while out.len() == before {
            // It still knows what it has seen, and wants to see it.
            let (role, seen) = (&mut self.role, &mut self.inbound[..self.seen]);
            let (discard, step) = match role {
                Role::Server(connection, _) => step(connection.process_tls_records(seen), out),
                Role::Client(connection) => step(connection.process_tls_records(seen), out),
            };
            self.inbound.drain(..discard);
            self.seen -= discard;
            if !matches!(step, Step::On) {
                return;
            }
        }
    }

    /// Takes the keys out of a handshake that is done. rustls is not needed any more.
    pub(super) fn finish(mut self) -> Result<Outcome, TlsFault> {
        let secure = self.secure()?;
        let common = self.common();
        let (suite, version) = (common.negotiated_cipher_suite(), common.protocol_version());
        let suite = suite.ok_or_else(unfinished)?.suite();
        let is_tls13 = version == Some(ProtocolVersion::TLSv1_3);
        let rest = self.inbound.split_off(self.seen);
        let (extracted, is_server, tickets) = match self.role {
            Role::Server(connection, _) => {
                let taken = connection.dangerous_into_kernel_connection();
                (taken.map_err(|error| failed(&error))?.0, true, None)
            }
            Role::Client(connection) => {
                let taken = connection.dangerous_into_kernel_connection();
                let (extracted, kernel) = taken.map_err(|error| failed(&error))?;
                (extracted, false, is_tls13.then(|| Box::new(kernel)))
            }
        };
        let suite = Suite::new(suite, is_tls13, &extracted);
        let channel = Channel::new(suite, &extracted, self.told, is_server);
        Ok(Outcome {
            channel: channel.ok_or_else(unfinished)?,
            secure,
            rest,
            tickets,
        })
    }

    fn common(&self) -> &CommonState {
        match &self.role {
            Role::Server(connection, _) => connection,
            Role::Client(connection) => connection,
        }
    }

    /// What is to be known of the connection.
    fn secure(&self) -> Result<Secure, TlsFault> {
        let common = self.common();
        let suite = common.negotiated_cipher_suite().ok_or_else(unfinished)?;
        let terms = match &self.role {
            Role::Server(_, terms) => Some(terms),
            Role::Client(_) => None,
        };
        let chain = common.peer_certificates().unwrap_or_default();
        let client = terms
            .zip(chain.first())
            .map(|(terms, leaf)| ClientCertificate {
                der: Some(Arc::from(leaf.as_ref())),
                common_name: None,
                is_valid: terms.judge(chain),
            });
        Ok(Secure {
            version: match common.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
                _ => TlsVersion::V1_2,
            },
            cipher: name_of(suite.suite().as_str().unwrap_or_default()),
            server_name: self.told.server_name.clone(),
            client,
        })
    }
}

/// The name in the RFCs: those of TLS 1.3 do not name the version.
fn name_of(suite: &'static str) -> Cow<'static, str> {
    match suite.strip_prefix("TLS13_") {
        Some(rest) => Cow::Owned(format!("TLS_{rest}")),
        None => Cow::Borrowed(suite),
    }
}

/// What rustls wants next.
enum Step {
    On,
    Wait,
    Done,
    /// The peer does not offer what it takes.
    Incompatible(PeerIncompatible),
    Failed(TlsFault),
}

/// Does what rustls wants, and says how many bytes it does not need any more.
fn step<Data>(status: UnbufferedStatus<'_, '_, Data>, out: &mut Vec<u8>) -> (usize, Step) {
    let UnbufferedStatus { discard, state } = status;
    let step = match state {
        Ok(ConnectionState::EncodeTlsData(mut data)) => {
            let begin = out.len();
            while let Err(EncodeError::InsufficientSize(error)) = data.encode(&mut out[begin..]) {
                out.resize(begin + error.required_size, 0);
            }
            Step::On
        }
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done();
            Step::On
        }
        Ok(ConnectionState::BlockedHandshake) => Step::Wait,
        Ok(ConnectionState::WriteTraffic(_)) => Step::Done,
        Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => {
            Step::Failed(TlsFault::silent("the peer has ended the handshake"))
        }
        Ok(_) => Step::Failed(TlsFault::new(
            alert::UNEXPECTED_MESSAGE,
            "data comes before the end of the handshake",
        )),
        Err(Error::PeerIncompatible(why)) => Step::Incompatible(why),
        Err(error) => Step::Failed(failed(&error)),
    };
    (discard, step)
}

/// rustls has an alert for the peer, if the peer is to have one.
fn failed(error: &rustls::Error) -> TlsFault {
    TlsFault::silent(error.to_string())
}

fn unfinished() -> TlsFault {
    TlsFault::new(
        alert::INTERNAL_ERROR,
        "a handshake is done without an outcome",
    )
}
