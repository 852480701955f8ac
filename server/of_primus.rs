//! Options of Primus that are none here, and what to write instead.

/// What to say to who writes one of them, in any spelling.
pub(crate) fn instead(name: &str) -> Option<&'static str> {
    let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    let name = plain(name);
    let mut names = INSTEAD.iter();
    let found = names.find(|(other, _)| plain(other) == name);
    found.map(|(_, instead)| *instead)
}

const SPDY: &str = "nobody speaks it any more: write tls-cert and tls-key for https";
const REDIRECT: &str = "write a listener that redirects behind listen, see docs/TLS.md";

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
    ("root", "write tls-root"),
    ("cert", "write tls-cert"),
    ("key", "write tls-key"),
    ("ca", "write tls-ca"),
    ("pfx", "write tls-pfx"),
    ("crl", "write tls-crl"),
    (
        "passphrase",
        "write tls-passphrase-file, or ALLSPARK_TLS_PASSPHRASE in the environment",
    ),
    ("ciphers", "write tls-ciphers"),
    ("ecdhCurve", "write tls-ecdh-curve"),
    ("honorCipherOrder", "write tls-honor-cipher-order"),
    ("requestCert", "write tls-request-cert"),
    ("rejectUnauthorized", "write tls-reject-unauthorized"),
    ("minVersion", "write tls-min-version"),
    ("maxVersion", "write tls-max-version"),
    (
        "secureProtocol",
        "write tls-min-version and tls-max-version",
    ),
    ("ALPNProtocols", "write tls-alpn-protocols"),
    ("NPNProtocols", "write tls-alpn-protocols"),
    ("sessionTimeout", "write tls-session-timeout"),
    ("ticketKeys", "write tls-ticket-keys"),
    ("SNICallback", "write tls-certificates"),
    ("sni", "write tls-certificates"),
    (
        "dhparam",
        "a key exchange over numbers (DHE) is not done: see tls-ecdh-curve",
    ),
    ("redirect", REDIRECT),
    ("spdy", SPDY),
    (
        "iknowclusterwillbreakconnections",
        "there is no warning that it would switch off",
    ),
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
