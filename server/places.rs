//! All listeners of a server, from the words of a person to the engine's places.

use std::fmt;
use std::str::FromStr;

use allspark::{ListenAddress, Place, ProxyProtocol, TcpOptions, TrustedProxies, UnixSocket};
use allspark_engine::limits::LISTENERS_MAX;
use nix::unistd::{Group, User};

use crate::handover::Taken;
use crate::listener::{At, Listener, Proxy, Tls};
use crate::nearest::nearest;
use crate::systemd::Passed;
use crate::tls_sections::{StartedTls, TlsSections};

/// Places to listen in, at least one, as a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places(Vec<Listener>);

impl FromStr for Places {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let places: Result<Vec<_>, _> = text
            .split(',')
            .map(|at| at.trim_matches(' ').parse())
            .collect();
        let places = places?;
        match places.len() <= LISTENERS_MAX {
            true => Ok(Self(places)),
            false => Err(format!("these are more than {LISTENERS_MAX} places")),
        }
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<String> = self.0.iter().map(Listener::to_string).collect();
        f.write_str(&places.join(","))
    }
}

impl Places {
    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.0.iter()
    }

    /// Whether one of them is for operators alone.
    pub(crate) fn has_internal(&self) -> bool {
        self.0.iter().any(|listener| listener.internal)
    }

    /// Judges what can be judged only when everything is known.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn check(&self, proxies: &TrustedProxies) -> Result<(), String> {
        let is_public = |listener: &Listener| !listener.internal && listener.redirect.is_none();
        if !self.0.iter().any(is_public) {
            return Err(
                "nobody could reach Primus: every listener is internal or redirects".into(),
            );
        }
        let proxied = |listener: &&Listener| listener.proxy != Proxy::Off;
        match self.0.iter().find(proxied) {
            Some(listener) if proxies.is_empty() => Err(format!(
                "{listener} would listen to no proxy: a header of the PROXY protocol counts only \
                 from those that --trusted-proxies names"
            )),
            _ => Ok(()),
        }
    }

    /// Whether there is what they are to speak TLS with, and somebody who asks for it.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn check_tls(&self, has_own: bool, sections: &TlsSections) -> Result<(), String> {
        let mut named = Vec::new();
        for listener in &self.0 {
            match &listener.tls {
                Tls::On if !has_own => return Err(format!("{listener}: {NO_CERTIFICATE}")),
                Tls::Section(name) if !sections.names().any(|known| known == name) => {
                    return Err(format!(
                        "{listener}: {}",
                        no_section(name, sections.names())
                    ));
                }
                Tls::Section(name) => named.push(name.as_str()),
                Tls::On | Tls::Off | Tls::Unsaid => {}
            }
        }
        match sections.names().find(|name| !named.contains(name)) {
            Some(unused) => Err(format!(
                "no listener asks for [tls.{unused}] (tls={unused})"
            )),
            None => Ok(()),
        }
    }

    /// The places for the engine.
    ///
    /// # Errors
    /// A sentence, about what only the system knows.
    pub(crate) fn make(
        &self,
        mut sources: Sources<'_>,
        proxies: &TrustedProxies,
        tls: &StartedTls,
    ) -> Result<Vec<Made<'_>>, String> {
        let mut made = Vec::new();
        for listener in &self.0 {
            for (name, place) in sources.places_of(listener)? {
                let place = encrypt(dress(place, listener, proxies), listener, tls)?;
                made.push(Made {
                    place,
                    listener,
                    name,
                });
            }
        }
        Ok(made)
    }
}

/// A place for the engine, the listener that it came from, and the name by which another process
/// takes its sockets over.
pub(crate) struct Made<'l> {
    pub(crate) place: Place,
    pub(crate) listener: &'l Listener,
    pub(crate) name: String,
}

/// Whoever has sockets already: the server that ran before, and systemd.
pub(crate) struct Sources<'s> {
    pub(crate) taken: Option<&'s mut Taken>,
    pub(crate) passed: &'s mut Passed,
}

impl Sources<'_> {
    /// The places of a listener, each with its name. What systemd passes are the sockets that it
    /// has passed to the server before.
    fn places_of(&mut self, listener: &Listener) -> Result<Vec<(String, Place)>, String> {
        let name = listener.to_string();
        if !matches!(listener.at, At::Systemd(_))
            && let Some(taken) = &mut self.taken
            && let Some(sockets) = taken.sockets(&name)
        {
            return Ok(vec![(name.clone(), Place::taken(name, sockets))]);
        }
        let places = places_of(listener, self.passed)?;
        Ok(places
            .into_iter()
            .map(|place| (name.clone(), place))
            .collect())
    }
}

fn places_of(listener: &Listener, passed: &mut Passed) -> Result<Vec<Place>, String> {
    match &listener.at {
        At::Tcp(listen) => {
            let place = Place::first_of(listen).map_err(|error| error.to_string())?;
            Ok(vec![place])
        }
        At::Unix(name) => Ok(vec![unix(name, listener)?.into()]),
        At::Systemd(name) => {
            let sockets = passed.take(name.as_deref())?;
            Ok(sockets.into_iter().map(Place::from).collect())
        }
    }
}

fn unix(name: &str, listener: &Listener) -> Result<UnixSocket, String> {
    if let Some(name) = name.strip_prefix('@') {
        return Ok(UnixSocket::named(name));
    }
    let mut socket = UnixSocket::at(name);
    if let Some(mode) = listener.mode {
        socket = socket.mode(mode);
    }
    if let Some(owner) = &listener.owner {
        let (user, group) = owner_of(owner)?;
        socket = socket.owner(user, group);
    }
    Ok(socket)
}

/// The numbers of `USER`, `USER:GROUP` or `:GROUP`, each by its name or its number.
fn owner_of(owner: &str) -> Result<(Option<u32>, Option<u32>), String> {
    let (user, group) = owner.split_once(':').unwrap_or((owner, ""));
    let number = |name: &str| name.parse::<u32>().ok();
    let user_of = |name: &str| {
        let found = || User::from_name(name).ok()?.map(|user| user.uid.as_raw());
        let user = number(name).or_else(found);
        user.ok_or_else(|| format!("there is no user {name:?} on this machine"))
    };
    let group_of = |name: &str| {
        let found = || Group::from_name(name).ok()?.map(|group| group.gid.as_raw());
        let group = number(name).or_else(found);
        group.ok_or_else(|| format!("there is no group {name:?} on this machine"))
    };
    let is_said = |name: &&str| !name.is_empty();
    Ok((
        Some(user).filter(is_said).map(user_of).transpose()?,
        Some(group).filter(is_said).map(group_of).transpose()?,
    ))
}

/// Says what is special about a place.
fn dress(place: Place, listener: &Listener, proxies: &TrustedProxies) -> Place {
    let proxy = match listener.proxy {
        Proxy::Off => ProxyProtocol::Off,
        Proxy::Optional => ProxyProtocol::Optional(proxies.clone()),
        Proxy::Required => ProxyProtocol::Required(proxies.clone()),
    };
    let mut place = place.proxy_protocol(proxy).tcp_options(TcpOptions {
        ipv6_only: listener.ipv6_only,
        backlog: listener.backlog,
    });
    if listener.internal {
        place = place.internal();
    }
    if let Some(port) = listener.redirect {
        place = place.redirect_to_https(port);
    }
    place
}

fn encrypt(place: Place, listener: &Listener, tls: &StartedTls) -> Result<Place, String> {
    match &listener.tls {
        Tls::Off => Ok(place.plain()),
        Tls::Unsaid if !listener.speaks_tls(true) => Ok(place.plain()),
        // The server does it if it can.
        Tls::Unsaid => Ok(place),
        Tls::On => Ok(place.tls(tls.own().ok_or(NO_CERTIFICATE)?)),
        Tls::Section(name) => {
            let acceptor = tls.find(name);
            Ok(place.tls(acceptor.ok_or_else(|| no_section(name, tls.names()))?))
        }
    }
}

const NO_CERTIFICATE: &str = "it is to speak TLS, but there is no certificate: write --tls-cert";

/// What is said of a section that there is not.
fn no_section<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let near = nearest(name, known).map(|near| format!("; did you mean {near}?"));
    format!(
        "there is no section [tls.{name}]{}",
        near.unwrap_or_default()
    )
}

/// What is said of a listener when the server serves.
pub(crate) fn described(
    listener: &Listener,
    address: &ListenAddress,
    pathname: &str,
    tls_by_default: bool,
) -> String {
    let scheme = match (address, listener.speaks_tls(tls_by_default)) {
        (ListenAddress::Unix(_), _) => "",
        (_, true) => "https://",
        (_, false) => "http://",
    };
    let mut text = format!("{scheme}{address}");
    match (listener.internal, listener.redirect) {
        (true, _) => text += " (internal)",
        (_, Some(port)) => text += &format!(" (redirects to https, port {port})"),
        _ if scheme.is_empty() => text += &format!(" (Primus at {pathname})"),
        _ => text += pathname,
    }
    match listener.proxy {
        Proxy::Off => {}
        Proxy::Optional => text += " (PROXY protocol optional)",
        Proxy::Required => text += " (PROXY protocol required)",
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Places {
        text.parse().unwrap()
    }

    #[test]
    fn several_places_are_a_list() {
        let text = "8080, [::1]:80,a:1,unix:/a?internal";
        assert_eq!(
            places(text).to_string(),
            "127.0.0.1:8080,[::1]:80,a:1,unix:/a?internal"
        );
        let wrong = |text: &str| text.parse::<Places>().unwrap_err();
        assert!(wrong("8080,").contains("has no port"));
        assert!(wrong("8080,,8081").contains("has no port"));
        let many = ["0"; 17].join(",");
        assert_eq!(wrong(&many), "these are more than 16 places");
    }

    #[test]
    fn listeners_that_make_no_sense_together_are_refused() {
        let check = |text: &str, proxies: &str| places(text).check(&proxies.parse().unwrap());
        assert_eq!(check("8080,unix:/a?internal,80?redirect", ""), Ok(()));
        let unreachable = check("unix:/a?internal,80?redirect", "").unwrap_err();
        assert!(unreachable.contains("nobody could reach Primus"));
        let deaf = check("8080?proxy-protocol=required", "").unwrap_err();
        assert!(deaf.contains("--trusted-proxies"), "{deaf}");
        assert_eq!(check("8080?proxy-protocol=required", "10.0.0.0/8"), Ok(()));
    }

    #[test]
    fn an_owner_is_a_name_or_a_number() {
        assert_eq!(owner_of("7:8"), Ok((Some(7), Some(8))));
        assert_eq!(owner_of(":8"), Ok((None, Some(8))));
        assert_eq!(owner_of("root:"), Ok((Some(0), None)));
        assert_eq!(owner_of("root:root"), Ok((Some(0), Some(0))));
        let nobody = owner_of("no-such-user").unwrap_err();
        assert_eq!(nobody, "there is no user \"no-such-user\" on this machine");
        assert!(owner_of(":no-such-group").unwrap_err().contains("no group"));
    }

    #[test]
    fn it_is_told_what_each_listener_speaks() {
        let tell = |text: &str, address: ListenAddress| {
            described(&text.parse().unwrap(), &address, "/primus", false)
        };
        let tcp = || ListenAddress::Tcp(([127, 0, 0, 1], 80).into());
        let unix = || ListenAddress::Unix("unix:/a".to_owned());
        assert_eq!(tell("80", tcp()), "http://127.0.0.1:80/primus");
        assert_eq!(tell("tls://80", tcp()), "https://127.0.0.1:80/primus");
        assert_eq!(tell("80?internal", tcp()), "http://127.0.0.1:80 (internal)");
        assert_eq!(
            tell("80?redirect", tcp()),
            "http://127.0.0.1:80 (redirects to https, port 443)"
        );
        assert_eq!(
            tell("unix:/a?proxy-protocol=required", unix()),
            "unix:/a (Primus at /primus) (PROXY protocol required)"
        );
    }
}
