//! Options of Primus that are none here, and what to write instead.

/// What to say to who writes one of them, in any spelling.
pub(crate) fn instead(name: &str) -> Option<&'static str> {
    let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    let name = plain(name);
    let mut names = INSTEAD.iter();
    let found = names.find(|(other, _)| plain(other) == name);
    found.map(|(_, instead)| *instead)
}

const TLS: &str = "it speaks no TLS: put a proxy that does in front";
const NO_WARNING: &str = "there is no warning that it would switch off";

/// What `new Primus` and `Primus.createServer` take.
const INSTEAD: &[(&str, &str)] = &[
    (
        "timeout",
        "it has been removed, as from Primus: see ping-interval",
    ),
    (
        "authorization",
        "a function in Primus; without a program, see the options auth-..",
    ),
    (
        "idGenerator",
        "a function: only an application in Rust can have one",
    ),
    ("middleware", "an application in Rust: see Primus::layers"),
    ("port", "write it behind listen"),
    ("host", "write it in front of the port in listen"),
    ("hostname", "write it in front of the port in listen"),
    ("root", TLS),
    ("cert", TLS),
    ("key", TLS),
    ("ca", TLS),
    ("pfx", TLS),
    ("crl", TLS),
    ("passphrase", TLS),
    ("redirect", TLS),
    ("spdy", TLS),
    ("sni", TLS),
    ("iknowhttpsisbetter", NO_WARNING),
    ("iknowclusterwillbreakconnections", NO_WARNING),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::find;

    #[test]
    fn an_option_of_primus_is_known_in_any_spelling() {
        for name in ["idGenerator", "id-generator", "ID_GENERATOR"] {
            assert!(instead(name).unwrap().contains("Rust"), "{name}");
        }
        assert_eq!(instead("listen"), None);
        for (name, _) in INSTEAD {
            assert!(find(name).is_none(), "{name} is an option");
        }
    }
}
