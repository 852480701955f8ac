//! One listener, as people write it: where it listens, and behind a `?` what is special about it.
//!
//! | text | meaning |
//! |---|---|
//! | `8080`, `:8080`, .. | an address ([`Listen`]), with TLS if the server has a certificate |
//! | `tcp://:8080` | the same without TLS in any case |
//! | `tls://:8443` | the same with TLS |
//! | `unix:/run/allspark.sock` | a Unix socket |
//! | `unix:@allspark` | one without a file (abstract) |
//! | `systemd:` | every socket that systemd passes |
//! | `systemd:web` | those that it passes by this name (`FileDescriptorName=`) |
//!
//! The options are those of `[[listen]]` in a file: `unix:/run/a.sock?mode=660&owner=www:www`. A
//! path with one of `%?&,` writes it as in a URL, `%2C` for a comma.

use std::fmt::{self, Write};
use std::str::FromStr;

use allspark::{Interface, NoInterface};
use allspark_protocol::http::decode;

use crate::listen::Listen;
use crate::nearest::nearest;

/// A listener: its place, and what is special about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) at: At,
    pub(crate) tls: Tls,
    pub(crate) proxy: Proxy,
    /// Whether it serves what operators need, and nothing else.
    pub(crate) internal: bool,
    /// Where whoever comes is sent to: this port of `https`.
    pub(crate) redirect: Option<u16>,
    /// The permissions of a Unix socket, in octal digits as a person writes them.
    pub(crate) mode: Option<u32>,
    /// Whom its file belongs to: `USER`, `USER:GROUP` or `:GROUP`.
    pub(crate) owner: Option<String>,
    pub(crate) ipv6_only: Option<bool>,
    pub(crate) backlog: Option<u16>,
    /// The interface through which connections come.
    pub(crate) interface: Option<Interface>,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Tcp(Listen),
    /// A path, or `@` and a name.
    Unix(String),
    /// Sockets that systemd passes, by their name or all of them.
    Systemd(Option<String>),
}

/// Whether it speaks TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tls {
    /// If the server has a certificate.
    #[default]
    Unsaid,
    Off,
    /// With the server's certificate.
    On,
    /// As this section says.
    Section(String),
}

/// Whether connections begin with a header of the PROXY protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Proxy {
    #[default]
    Off,
    Optional,
    Required,
}

/// The options of a listener, in a file and behind the `?`.
const OPTIONS: [&str; 9] = [
    "tls",
    "proxy-protocol",
    "internal",
    "redirect",
    "mode",
    "owner",
    "ipv6-only",
    "backlog",
    "interface",
];

/// The usual port of `https`.
const HTTPS_PORT: u16 = 443;

impl FromStr for Listener {
    type Err = String;

    /// Reads what a person wrote.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    fn from_str(text: &str) -> Result<Self, String> {
        let (place, options) = text.split_once('?').unwrap_or((text, ""));
        let mut listener = Self::at(place)?;
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, "true"));
            let set = listener.set(name, &plain(value));
            set.map_err(|reason| format!("{text:?}: {reason}"))?;
        }
        let checked = listener.check();
        checked.map_err(|reason| format!("{text:?}: {reason}"))?;
        Ok(listener)
    }
}

impl Listener {
    fn at(place: &str) -> Result<Self, String> {
        let (scheme, rest) = match place.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, place),
        };
        let tls = match scheme {
            None => Tls::Unsaid,
            Some("tcp") => Tls::Off,
            Some("tls") => Tls::On,
            Some(_) => {
                let forms = "write tcp://:8080 or tls://:8443, unix:/run/allspark.sock, systemd:";
                return Err(format!("{place:?} is no place to listen in: {forms}"));
            }
        };
        let at = match (scheme, rest.split_once(':')) {
            (None, Some(("unix", name))) => At::Unix(plain(name)),
            (None, Some(("systemd", ""))) => At::Systemd(None),
            (None, Some(("systemd", name))) => At::Systemd(Some(plain(name))),
            _ => At::Tcp(rest.parse()?),
        };
        Ok(Self {
            at,
            tls,
            proxy: Proxy::default(),
            internal: false,
            redirect: None,
            mode: None,
            owner: None,
            ipv6_only: None,
            backlog: None,
            interface: None,
        })
    }

    /// Whether it speaks TLS. Where nothing is said about it, it does if the server has a
    /// certificate (`by_default`), but for a Unix socket: nobody reads what two programs say there.
    pub(crate) fn speaks_tls(&self, by_default: bool) -> bool {
        match self.tls {
            Tls::On | Tls::Section(_) => true,
            Tls::Off => false,
            Tls::Unsaid => by_default && self.redirect.is_none() && !matches!(self.at, At::Unix(_)),
        }
    }

    /// Whether clients of Primus come here without TLS, and not through a proxy.
    pub(crate) fn is_plain(&self, by_default: bool) -> bool {
        let is_public = !self.internal && self.redirect.is_none();
        is_public && self.proxy == Proxy::Off && !self.speaks_tls(by_default)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "tls" => self.set_tls(value)?,
            "proxy-protocol" => {
                self.proxy = match value {
                    "off" | "false" => Proxy::Off,
                    "optional" => Proxy::Optional,
                    "required" | "true" => Proxy::Required,
                    _ => {
                        return Err(format!(
                            "proxy-protocol is required, optional or off, not {value:?}"
                        ));
                    }
                }
            }
            "internal" => self.internal = switch(name, value)?,
            "redirect" => {
                self.redirect = match value {
                    "true" => Some(HTTPS_PORT),
                    "false" => None,
                    port => Some(number(name, port)?),
                }
            }
            "mode" => {
                let mode = u32::from_str_radix(value, 8).ok();
                let mode = mode.filter(|mode| *mode <= 0o777 && value.len() <= 4);
                self.mode = Some(mode.ok_or("mode is three octal digits, such as 660")?);
            }
            "owner" if value.is_empty() => return Err("owner is USER, USER:GROUP or :GROUP".into()),
            "owner" => self.owner = Some(value.to_owned()),
            "ipv6-only" => self.ipv6_only = Some(switch(name, value)?),
            "backlog" => self.backlog = Some(number(name, value)?),
            "interface" => {
                let interface = value.parse();
                self.interface = Some(interface.map_err(|error: NoInterface| error.to_string())?);
            }
            _ => return Err(no_such_option(name)),
        }
        Ok(())
    }

    fn set_tls(&mut self, value: &str) -> Result<(), String> {
        let said = match value {
            "true" => Tls::On,
            "false" => Tls::Off,
            section => Tls::Section(section.to_owned()),
        };
        // `tls://` and a name belong together.
        let contradicts = match (&self.tls, &said) {
            (Tls::Unsaid, _) | (Tls::On, Tls::On | Tls::Section(_)) => false,
            (before, said) => before != said,
        };
        if contradicts {
            return Err("it is said twice, and differently, whether it speaks TLS".to_owned());
        }
        self.tls = said;
        Ok(())
    }

    /// Refuses what could have no effect, and what contradicts itself.
    fn check(&self) -> Result<(), String> {
        let has_file = matches!(&self.at, At::Unix(name) if !name.starts_with('@'));
        let is_v4 = matches!(&self.at, At::Tcp(Listen::Address(address)) if address.is_ipv4());
        let is_tcp = matches!(self.at, At::Tcp(_));
        let speaks_tls = matches!(self.tls, Tls::On | Tls::Section(_));
        let wrong = match self {
            Self {
                at: At::Unix(name), ..
            } if ["", "@"].contains(&name.as_str()) => "a Unix socket has a path, or @ and a name",
            Self { mode: Some(_), .. } | Self { owner: Some(_), .. } if !has_file => {
                "only the file of a Unix socket has a mode and an owner"
            }
            Self {
                ipv6_only: Some(_), ..
            } if !is_tcp || is_v4 => "ipv6-only is about addresses of IPv6",
            Self {
                interface: Some(_), ..
            } if !is_tcp => "only an address of TCP is listened on through one interface",
            Self {
                backlog: Some(_),
                at: At::Systemd(_),
                ..
            } => "systemd has set the backlog of its sockets (Backlog=)",
            Self {
                redirect: Some(_),
                internal: true,
                ..
            } => "an internal listener sends nobody elsewhere",
            Self {
                redirect: Some(_), ..
            } if speaks_tls => "who speaks TLS already need not be sent to https",
            _ => return Ok(()),
        };
        Err(wrong.to_owned())
    }
}

/// The words that name the place of a listener in a table.
const PLACES: [&str; 3] = ["address", "unix", "systemd"];

/// A listener of a file, as it is written on the command line.
///
/// # Errors
/// A sentence.
pub(crate) fn written(options: &[(String, String)]) -> Result<String, String> {
    let is_place = |(name, _): &&(String, String)| PLACES.contains(&name.as_str());
    let mut places = options.iter().filter(is_place);
    let (Some((name, place)), None) = (places.next(), places.next()) else {
        return Err("a listener has one of address, unix and systemd".to_owned());
    };
    let mut text = match name.as_str() {
        "address" => place.clone(),
        // Which of them is not said.
        "systemd" if place == "true" => "systemd:".to_owned(),
        kind => format!("{kind}:{}", escaped(place)),
    };
    let options = options.iter().filter(|option| !is_place(option));
    for ((name, value), mark) in options.zip(marks()) {
        if !OPTIONS.contains(&name.as_str()) {
            return Err(no_such_option(name));
        }
        text += &format!("{mark}{name}={}", escaped(value));
    }
    Ok(text)
}

/// What stands in front of each option.
fn marks() -> impl Iterator<Item = char> {
    std::iter::once('?').chain(std::iter::repeat('&'))
}

/// What is said about an option that there is not.
fn no_such_option(name: &str) -> String {
    match nearest(name, OPTIONS.into_iter()) {
        Some(near) => format!("a listener has no option {name:?}; did you mean {near}?"),
        None => format!(
            "a listener has no option {name:?}: there are {}",
            OPTIONS.join(", ")
        ),
    }
}

fn switch(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{name} is true or false, not {value:?}")),
    }
}

fn number(name: &str, value: &str) -> Result<u16, String> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|number| is_number && *number > 0);
    number.ok_or_else(|| format!("{name} is a number from 1 to 65535, not {value:?}"))
}

/// What was written as in a URL.
fn plain(text: &str) -> String {
    // There a plus would be a space.
    decode(&text.replace('+', "%2B")).into_owned()
}

/// Writes a text so that it can stand in front of a `?`, and behind it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '%' | '?' | '&' | ',' | ' ' => {
                let written = write!(escaped, "%{:02X}", u32::from(char));
                written.expect("a string takes everything");
            }
            char => escaped.push(char),
        }
    }
    escaped
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listen) => listen.fmt(f),
            Self::Unix(name) => write!(f, "unix:{}", escaped(name)),
            Self::Systemd(None) => f.write_str("systemd:"),
            Self::Systemd(Some(name)) => write!(f, "systemd:{}", escaped(name)),
        }
    }
}

/// As it can be written again.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)?;
        let options = [
            match &self.tls {
                Tls::Unsaid => None,
                Tls::Off => Some("tls=false".to_owned()),
                Tls::On => Some("tls".to_owned()),
                Tls::Section(name) => Some(format!("tls={}", escaped(name))),
            },
            match self.proxy {
                Proxy::Off => None,
                Proxy::Optional => Some("proxy-protocol=optional".to_owned()),
                Proxy::Required => Some("proxy-protocol=required".to_owned()),
            },
            self.internal.then(|| "internal".to_owned()),
            self.redirect.map(|port| format!("redirect={port}")),
            self.mode.map(|mode| format!("mode={mode:o}")),
            self.owner
                .as_deref()
                .map(|owner| format!("owner={}", escaped(owner))),
            self.ipv6_only.map(|only| format!("ipv6-only={only}")),
            self.backlog.map(|backlog| format!("backlog={backlog}")),
            self.interface
                .map(|interface| format!("interface={}", escaped(interface.name()))),
        ];
        for (option, mark) in options.iter().flatten().zip(marks()) {
            write!(f, "{mark}{option}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_shown_so_that_it_can_be_written_again() {
        for (text, shown) in [
            (":8080", ":8080"),
            ("tcp://:8080", ":8080?tls=false"),
            ("tls://[::1]:8443", "[::1]:8443?tls"),
            ("tls://:8443?tls=inner", ":8443?tls=inner"),
            ("tls://:8443?tls=true", ":8443?tls"),
            ("[fe80::1%1]:80", "[fe80::1%1]:80"),
            (
                "unix:/run/a.sock?mode=0660&owner=www:www",
                "unix:/run/a.sock?mode=660&owner=www:www",
            ),
            ("unix:@allspark?tls", "unix:@allspark?tls"),
            ("unix:/a%2Cb+%25", "unix:/a%2Cb+%25"),
            ("systemd:", "systemd:"),
            ("systemd:web?internal", "systemd:web?internal"),
            (":80?redirect", ":80?redirect=443"),
            (":80?redirect=8443", ":80?redirect=8443"),
            (
                ":80?redirect=false&internal=false&proxy-protocol=off",
                ":80",
            ),
            ("a:1?proxy-protocol=required", "a:1?proxy-protocol=required"),
            (
                "a:1?proxy-protocol=optional&backlog=16",
                "a:1?proxy-protocol=optional&backlog=16",
            ),
            ("[::]:1?ipv6-only", "[::]:1?ipv6-only=true"),
            (":1?interface=eth0&internal", ":1?internal&interface=eth0"),
        ] {
            let listener: Listener = text.parse().unwrap_or_else(|reason| panic!("{reason}"));
            assert_eq!(listener.to_string(), shown, "{text}");
            assert_eq!(listener.to_string().parse(), Ok(listener));
        }
    }

    #[test]
    fn a_table_is_written_as_on_the_command_line() {
        let write = |options: &[(&str, &str)]| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            written(&options.iter().map(own).collect::<Vec<_>>())
        };
        let is = |text: &str| Ok(text.to_owned());
        assert_eq!(write(&[("address", ":80")]), is(":80"));
        assert_eq!(
            write(&[("mode", "660"), ("unix", "/a,b"), ("tls", "true")]),
            is("unix:/a%2Cb?mode=660&tls=true")
        );
        assert_eq!(write(&[("systemd", "true")]), is("systemd:"));
        assert_eq!(write(&[("systemd", "web")]), is("systemd:web"));
        for (options, sentence) in [
            (
                &[("tls", "true")][..],
                "has one of address, unix and systemd",
            ),
            (&[("unix", "/a"), ("address", "1")], "has one of address"),
            (&[("unix", "/a"), ("modus", "1")], "did you mean mode?"),
        ] {
            let reason = write(options).unwrap_err();
            assert!(reason.contains(sentence), "{reason}");
        }
    }

    #[test]
    fn what_has_no_effect_or_contradicts_itself_is_refused_with_a_sentence() {
        for (text, sentence) in [
            (
                "http://:80",
                "is no place to listen in: write tcp://:8080 or tls://:8443",
            ),
            ("tls://unix:/a", "does not end with a port"),
            ("unix:", "has a path, or @ and a name"),
            ("unix:@", "has a path, or @ and a name"),
            (
                "8080?intern",
                "no option \"intern\"; did you mean internal?",
            ),
            (
                "8080?zzzzzz",
                "no option \"zzzzzz\": there are tls, proxy-protocol",
            ),
            (
                "8080?internal=maybe",
                "internal is true or false, not \"maybe\"",
            ),
            (
                "8080?proxy-protocol=v2",
                "is required, optional or off, not \"v2\"",
            ),
            ("8080?mode=660", "only the file of a Unix socket has a mode"),
            (
                "unix:@a?owner=www",
                "only the file of a Unix socket has a mode",
            ),
            ("unix:/a?mode=888", "three octal digits"),
            ("unix:/a?mode=1777", "three octal digits"),
            ("unix:/a?owner=", "owner is USER, USER:GROUP or :GROUP"),
            ("unix:/a?ipv6-only", "ipv6-only is about addresses of IPv6"),
            (
                "127.0.0.1:80?ipv6-only=false",
                "ipv6-only is about addresses of IPv6",
            ),
            (
                "unix:/a?interface=lo",
                "only an address of TCP is listened on",
            ),
            ("8080?interface=a b", "has 1 to 15 bytes"),
            ("systemd:?backlog=9", "systemd has set the backlog"),
            ("8080?backlog=0", "backlog is a number from 1 to 65535"),
            ("8080?redirect=+80", "redirect is a number from 1 to 65535"),
            (
                "8080?redirect&internal",
                "an internal listener sends nobody elsewhere",
            ),
            ("tls://8080?redirect", "need not be sent to https"),
            ("tls://8080?tls=false", "said twice, and differently"),
            ("tcp://8080?tls=a", "said twice, and differently"),
        ] {
            let reason = text.parse::<Listener>().unwrap_err();
            assert!(reason.contains(sentence), "{text}: {reason}");
            assert!(!reason.contains('\n'), "{text}: {reason}");
        }
    }
}
