//! How many may come, how fast, and how much a client may send.

use super::Builder;

impl Builder {
    /// Connections from one address; with 0 any number. At most 1,048,576; default 16,384. A
    /// further one is answered with 503 and `Retry-After`, and closed. An IPv6 network of 64 bits
    /// counts as one address. As many sparks may come from one client's address, which is what
    /// trusted proxies say it is ([`Builder::trusted_proxies`]); those proxies themselves are not
    /// counted.
    #[must_use]
    pub fn connections_per_address(self, count: usize) -> Self {
        let limit = count.try_into();
        self.set("connections_per_address", limit, |o| {
            &mut o.limits.connections_per_address
        })
    }

    /// Networks whose addresses are not counted, separated by commas, or `none`. Default
    /// `127.0.0.0/8,::1`: the machine itself.
    #[must_use]
    pub fn per_address_exempt(self, networks: impl AsRef<str>) -> Self {
        let networks = networks.as_ref().parse();
        self.set("per_address_exempt", networks, |o| {
            &mut o.limits.per_address_exempt
        })
    }

    /// New connections per second of all shards together, and as many at once; with 0 any number,
    /// which is the default. What becomes of others says [`Builder::accept_policy`].
    #[must_use]
    pub fn accept_rate(self, per_s: u64) -> Self {
        let limit = per_s.try_into();
        self.set("accept_rate", limit, |o| &mut o.limits.accept_rate)
    }

    /// What happens to connections that come faster: `refuse`, they are answered with 503 and
    /// `Retry-After`; or `wait`, they are not accepted and wait in the kernel's backlog, until
    /// their clients give up. In any case; default `refuse`.
    #[must_use]
    pub fn accept_policy(self, name: impl AsRef<str>) -> Self {
        let policy = name.as_ref().parse();
        self.set("accept_policy", policy, |o| &mut o.limits.accept_policy)
    }

    /// New connections per second from one address, and as many at once; with 0 any number, which
    /// is the default. Others are answered with 503 and `Retry-After`.
    #[must_use]
    pub fn accept_rate_per_address(self, per_s: u64) -> Self {
        let limit = per_s.try_into();
        self.set("accept_rate_per_address", limit, |o| {
            &mut o.limits.accept_rate_per_address
        })
    }

    /// Handshakes of TLS that are under way, of all shards together. Further connections are
    /// closed. At least 1; default 8,192.
    #[must_use]
    pub fn handshakes_max(self, count: usize) -> Self {
        let limit = count.try_into();
        self.set("handshakes_max", limit, |o| &mut o.limits.handshakes_max)
    }

    /// Requests that are under way, of all shards together: heads or bodies that have not come
    /// whole, and requests that wait for a layer or for a [`Ticket`](crate::Ticket). Further ones
    /// are answered with 503 and `Retry-After`. Polls and streams are not counted. At least 1;
    /// default 65,536.
    #[must_use]
    pub fn requests_max(self, count: usize) -> Self {
        let limit = count.try_into();
        self.set("requests_max", limit, |o| &mut o.limits.requests_max)
    }

    /// Messages per second that the client of a spark may send, heartbeats included; with 0 any
    /// number, which is the default.
    #[must_use]
    pub fn message_rate(self, per_s: u64) -> Self {
        let limit = per_s.try_into();
        self.set("message_rate", limit, |o| &mut o.limits.message_rate)
    }

    /// Bytes of messages per second that the client of a spark may send, as they are once they are
    /// decompressed; with 0 any number, which is the default.
    #[must_use]
    pub fn message_bytes_rate(self, bytes_per_s: u64) -> Self {
        let limit = bytes_per_s.try_into();
        self.set("message_bytes_rate", limit, |o| {
            &mut o.limits.message_bytes_rate
        })
    }

    /// Milliseconds whose worth of messages, and of bytes, may come at once. A message that is
    /// longer passes when nothing came before it for as long. From 1 to a minute; default 2,000.
    #[must_use]
    pub fn message_burst_ms(self, burst_ms: u64) -> Self {
        let limit = burst_ms.try_into();
        self.set("message_burst_ms", limit, |o| &mut o.limits.message_burst)
    }

    /// What happens to messages of a client that sends more: `pause`, it is not listened to until
    /// it may send again, and loses nothing; `drop`, they are dropped and counted; `end`, its spark
    /// ends with an error, over WebSocket with close code 1008, and may reconnect. In any case;
    /// default `pause`.
    #[must_use]
    pub fn message_policy(self, name: impl AsRef<str>) -> Self {
        let policy = name.as_ref().parse();
        self.set("message_policy", policy, |o| &mut o.limits.message_policy)
    }

    /// Bytes of the head of a request; with more it is answered with 431. From 256 to 16,384, which
    /// is the default.
    #[must_use]
    pub fn head_max(self, bytes: usize) -> Self {
        let limit = bytes.try_into();
        self.set("head_max", limit, |o| &mut o.limits.head_max)
    }
}
