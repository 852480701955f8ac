//! The registry in Redis: its keys, which are those of npm's plugin, and what is done with them.
//!
//! | key | type | what it holds |
//! |---|---|---|
//! | `<namespace>:servers` | set | addresses of servers |
//! | `<namespace>:<address>` | text that expires | the sign of life of a server |
//! | `<namespace>:sparks` | hash | for each spark the address of its server |
//! | `<namespace>:<address>:sparks` | set | the sparks of a server |
//!
//! Much is done in portions: Redis does one thing at a time, for everybody, and a script can't take
//! apart a list of more than some thousand.

use std::time::{Duration, SystemTime};

use redis::{Client, Connection, RedisResult, Script, cmd, pipe};

use super::batch::Changes;

/// Sparks that are named in one command.
const PORTION: usize = 1000;

/// A connection to the registry.
pub(super) struct Registry {
    connection: Connection,
    names: Names,
    forget: Script,
    remove: Script,
}

/// What the registry is told of this server.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) namespace: String,
    pub(super) address: String,
    pub(super) interval_ms: u64,
}

impl Names {
    fn servers(&self) -> String {
        format!("{}:servers", self.namespace)
    }

    fn sparks(&self) -> String {
        format!("{}:sparks", self.namespace)
    }

    fn alive(&self, address: &str) -> String {
        format!("{}:{address}", self.namespace)
    }

    fn sparks_of(&self, address: &str) -> String {
        format!("{}:{address}:sparks", self.namespace)
    }
}

impl Registry {
    /// Connects. Everything takes at most `timeout`.
    pub(super) fn connect(client: &Client, names: Names, timeout: Duration) -> RedisResult<Self> {
        let connection = client.get_connection_with_timeout(timeout)?;
        connection.set_read_timeout(Some(timeout))?;
        connection.set_write_timeout(Some(timeout))?;
        Ok(Self {
            connection,
            names,
            forget: Script::new(include_str!("forget.lua")),
            remove: Script::new(include_str!("remove.lua")),
        })
    }

    /// Registers this server, without a spark.
    pub(super) fn register(&mut self) -> RedisResult<()> {
        let own = self.names.address.clone();
        self.forget_server(&own, false)?;
        let mut register = pipe();
        register.atomic();
        register
            .cmd("SADD")
            .arg(self.names.servers())
            .arg(&own)
            .ignore();
        register.add_command(self.sign_of_life()).ignore();
        register.query(&mut self.connection)
    }

    /// Says that this server is alive. Returns all servers.
    pub(super) fn live(&mut self) -> RedisResult<Vec<String>> {
        let mut live = pipe();
        live.add_command(self.sign_of_life()).ignore();
        live.cmd("SMEMBERS").arg(self.names.servers());
        let (servers,) = live.query(&mut self.connection)?;
        Ok(servers)
    }

    /// Whether this server is registered, and alive.
    pub(super) fn knows_this(&mut self) -> RedisResult<bool> {
        let (servers, own) = (self.names.servers(), self.names.address.clone());
        let mut ask = pipe();
        ask.cmd("SISMEMBER").arg(servers).arg(&own);
        ask.cmd("EXISTS").arg(self.names.alive(&own));
        let (is_member, is_alive): (bool, bool) = ask.query(&mut self.connection)?;
        Ok(is_member && is_alive)
    }

    fn sign_of_life(&self) -> redis::Cmd {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now_ms = since_1970.map_or(0, |time| time.as_millis() as u64);
        let mut command = cmd("PSETEX");
        command.arg(self.names.alive(&self.names.address));
        command.arg(self.names.interval_ms).arg(now_ms);
        command
    }

    /// Those of these servers that are not alive.
    pub(super) fn dead(&mut self, servers: &[String]) -> RedisResult<Vec<String>> {
        if servers.is_empty() {
            return Ok(Vec::new());
        }
        let mut ask = pipe();
        for server in servers {
            ask.cmd("EXISTS").arg(self.names.alive(server));
        }
        let alive: Vec<bool> = ask.query(&mut self.connection)?;
        let servers = servers.iter().zip(alive);
        let dead = servers.filter(|(_, is_alive)| !is_alive);
        Ok(dead.map(|(server, _)| server.clone()).collect())
    }

    /// Takes a server and its sparks out; if `only_dead`, as long as it is not alive again.
    pub(super) fn forget_server(&mut self, address: &str, only_dead: bool) -> RedisResult<()> {
        loop {
            let mut forget = self.forget.key(self.names.sparks());
            forget.key(self.names.sparks_of(address));
            forget.key(self.names.servers());
            forget.key(self.names.alive(address));
            forget.arg(address).arg(PORTION).arg(u8::from(only_dead));
            if !forget.invoke::<bool>(&mut self.connection)? {
                return Ok(());
            }
        }
    }

    /// Writes which sparks of this server have come and gone.
    pub(super) fn change(&mut self, changes: &Changes) -> RedisResult<()> {
        for ids in changes.came.chunks(PORTION) {
            let mut add = pipe();
            add.atomic();
            let hset = add.cmd("HSET").arg(self.names.sparks());
            for id in ids {
                hset.arg(id).arg(&self.names.address);
            }
            hset.ignore();
            let sparks = self.names.sparks_of(&self.names.address);
            add.cmd("SADD").arg(sparks).arg(ids).ignore();
            add.query::<()>(&mut self.connection)?;
        }
        for ids in changes.went.chunks(PORTION) {
            let mut remove = self.remove.key(self.names.sparks());
            remove.key(self.names.sparks_of(&self.names.address));
            remove.arg(&self.names.address).arg(ids);
            remove.invoke::<()>(&mut self.connection)?;
        }
        Ok(())
    }

    /// All servers.
    pub(super) fn servers(&mut self) -> RedisResult<Vec<String>> {
        let servers = self.names.servers();
        cmd("SMEMBERS").arg(servers).query(&mut self.connection)
    }

    /// The servers of sparks.
    pub(super) fn owners(&mut self, ids: &[String]) -> RedisResult<Vec<Option<String>>> {
        let mut owners = Vec::with_capacity(ids.len());
        for ids in ids.chunks(PORTION) {
            let mut ask = cmd("HMGET");
            ask.arg(self.names.sparks()).arg(ids);
            let found: Vec<Option<String>> = ask.query(&mut self.connection)?;
            owners.extend(found);
        }
        Ok(owners)
    }
}
