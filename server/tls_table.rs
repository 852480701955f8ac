//! The options of TLS: a part of the table of options. Their names are those of Node's https, and
//! so of Primus's `createServer`.

use crate::setting::{DefaultValue, Kind, Setting, TLS, setting};

use DefaultValue::{Text, Words};
use Kind::{List, Number, Switch};

const FILE: Kind = Kind::Text("FILE");
const NAME: Kind = Kind::Text("NAME");

/// In the order of the help.
pub(crate) const TLS_SETTINGS: &[Setting] = &[
    setting("tls-cert", FILE, Words("none: no TLS"))
        .help(
            "The server's certificate in PEM format, behind it those that lead to its authority. \
             With it every listener that does not say otherwise speaks TLS",
        )
        .within(TLS)
        .of_primus("cert"),
    setting("tls-key", FILE, Words("none"))
        .help(
            "Its private key in PEM format: RSA (2048 to 4096 bits), P-256, P-384 or Ed25519; it \
             may be encrypted (PKCS #8), and stand in the file of the certificate",
        )
        .within(TLS)
        .of_primus("key"),
    setting("tls-pfx", FILE, Words("none"))
        .help("Certificate and key in one file of PKCS #12, instead of the two")
        .within(TLS)
        .of_primus("pfx"),
    setting("tls-passphrase-file", FILE, Words("none"))
        .help("A file with the passphrase of the key or of the PKCS #12 file")
        .within(TLS),
    setting("tls-passphrase", Kind::Text("PASSPHRASE"), Words("none"))
        .help("That passphrase itself")
        .within(TLS)
        .of_primus("passphrase")
        .secret(),
    setting(
        "tls-root",
        Kind::Text("FOLDER"),
        Words("where it was started"),
    )
    .help("The folder in which files with a relative name lie")
    .within(TLS)
    .of_primus("root"),
    setting("tls-certificates", Kind::Certificate, Words("none"))
        .help(
            "A further certificate for the names that it has: cert, key, pfx, passphrase-file, \
             ocsp; may be repeated",
        )
        .within(TLS),
    setting("tls-unknown-names", NAME, Text("first"))
        .help(
            "What a client gets that asks for a name which no certificate has: the first \
             certificate (first), or nothing (refuse)",
        )
        .within(TLS),
    setting("tls-ca", List, Words("none"))
        .help(
            "Files in PEM format of the authorities whose certificates of clients count; what is \
             missing between the server's own certificate and its authority is taken from them",
        )
        .within(TLS)
        .of_primus("ca"),
    setting("tls-crl", List, Words("none"))
        .help(
            "Files with the lists of what these authorities have revoked; with one of them each \
             authority needs one, and one that has expired lets nobody in",
        )
        .within(TLS)
        .of_primus("crl"),
    setting("tls-request-cert", Switch, Text("false"))
        .help("Whether clients are asked for a certificate")
        .within(TLS)
        .of_primus("requestCert"),
    setting("tls-reject-unauthorized", Switch, Text("true"))
        .help("Whether one without a valid certificate is refused, if they are asked")
        .within(TLS)
        .of_primus("rejectUnauthorized"),
    setting("tls-ciphers", List, Words("all that there are"))
        .help(
            "Cipher suites by the names of OpenSSL, with : or commas between them; of a version \
             none of whose suites is named there are all",
        )
        .within(TLS)
        .of_primus("ciphers"),
    setting("tls-min-version", NAME, Text("TLSv1.2"))
        .help("The oldest version that is spoken: TLSv1.2 or TLSv1.3")
        .within(TLS)
        .of_primus("minVersion"),
    setting("tls-max-version", NAME, Text("TLSv1.3"))
        .help("The newest version that is spoken")
        .within(TLS)
        .of_primus("maxVersion"),
    setting("tls-ecdh-curve", List, Text("X25519,P-256,P-384"))
        .help("Curves of the key exchange, the best first")
        .within(TLS)
        .of_primus("ecdhCurve"),
    setting("tls-honor-cipher-order", Switch, Text("true"))
        .help("Whether the server's order of cipher suites counts, and not the client's")
        .within(TLS)
        .of_primus("honorCipherOrder"),
    setting("tls-alpn-protocols", List, Text("http/1.1"))
        .help("Protocols that are offered by ALPN")
        .within(TLS)
        .of_primus("ALPNProtocols"),
    setting(
        "tls-session-timeout",
        Number("S", 0, 7 * 24 * 60 * 60),
        Text("21600"),
    )
    .help("Seconds for which a client can resume its session; 0 for never")
    .within(TLS)
    .of_primus("sessionTimeout"),
    setting("tls-ticket-keys", List, Words("made by the process"))
        .help(
            "Files of 48 or 80 random bytes, the newest first: sessions are resumed on all \
             machines that have the same, and after a restart",
        )
        .within(TLS)
        .of_primus("ticketKeys"),
    setting("tls-ocsp", FILE, Words("none"))
        .help(
            "The OCSP response for the certificate in DER, which clients get along with it; \
             whoever fetches it writes this file",
        )
        .within(TLS),
    setting(
        "tls-hsts",
        Kind::Text("S[; includeSubDomains]"),
        Words("none"),
    )
    .help(
        "Seconds for which browsers come to this name by https only \
             (Strict-Transport-Security), in answers of Primus over TLS",
    )
    .within(TLS),
    setting("tls-sections", Kind::Section, Words("none"))
        .help(
            "A further configuration of TLS for listeners that name it, with the options of this \
             section in JSON; may be repeated, and inherits nothing",
        )
        .within(TLS)
        .own(),
];
