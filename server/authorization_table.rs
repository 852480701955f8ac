//! The options of authorization: a part of the table of options.

use crate::setting::{AUTHORIZATION, DefaultValue, Kind, Setting, setting};

use DefaultValue::{Text, Words};
use Kind::{List, Number, Switch};

const FILE: Kind = Kind::Text("FILE");
const NAME: Kind = Kind::Text("NAME");

/// In the order of the help. That they are Primus's `authorization` is said of the first one.
pub(crate) const AUTHORIZATION_SETTINGS: &[Setting] = &[
    setting("auth-sources", List, Text("bearer,query:token"))
        .help(
            "Where a request has its token, the first place counts: bearer (the header \
             Authorization), header:NAME, query:NAME, cookie:NAME. Whoever has none of what the \
             options auth-.. name gets 401; without any of them everybody may connect",
        )
        .within(AUTHORIZATION)
        .of_primus("authorization"),
    setting("auth-tokens-file", FILE, Words("none"))
        .help(
            "Static tokens: one per line, or sha256: and its digest in hexadecimal digits, and \
             behind it who has it",
        )
        .within(AUTHORIZATION),
    setting("auth-tokens", Kind::Text("TOKENS"), Words("none"))
        .help("The lines of such a file")
        .within(AUTHORIZATION)
        .secret(),
    setting("auth-jwt-secret-file", FILE, Words("none"))
        .help("The secret of JWTs that are signed with HS256, HS384 or HS512, of 32 bytes at least")
        .within(AUTHORIZATION),
    setting("auth-jwt-secret", Kind::Text("SECRET"), Words("none"))
        .help("That secret itself")
        .within(AUTHORIZATION)
        .secret(),
    setting("auth-jwt-key-file", FILE, Words("none"))
        .help("The public key of JWTs in PEM format (RSA, P-256, P-384, Ed25519)")
        .within(AUTHORIZATION),
    setting("auth-jwks-file", FILE, Words("none"))
        .help("A set of keys of JWTs in JSON (JWKS, RFC 7517); a token names its key (kid)")
        .within(AUTHORIZATION),
    setting(
        "auth-jwt-algorithms",
        List,
        Words("HS256, RS256, ES256, ES384, EdDSA, each with its own kind of key"),
    )
    .help(
        "Algorithms that keys may be used with: HS256, HS384, HS512, RS256, RS384, RS512, PS256, \
         PS384, PS512, ES256, ES384, EdDSA",
    )
    .within(AUTHORIZATION),
    setting("auth-jwt-issuer", List, Words("any"))
        .help("Who may have issued a JWT (iss)")
        .within(AUTHORIZATION),
    setting("auth-jwt-audience", List, Words("none"))
        .help(
            "For whom a JWT must be (aud), one of these; without, one that names somebody is \
             refused",
        )
        .within(AUTHORIZATION),
    setting("auth-jwt-leeway", Number("S", 0, 60 * 60), Text("60"))
        .help("Seconds by which the clocks of issuer and server may differ")
        .within(AUTHORIZATION),
    setting("auth-jwt-require-exp", Switch, Text("true"))
        .help(
            "Whether a JWT must say when it expires (exp): one that counts for ever can't be taken \
             back but with its key",
        )
        .within(AUTHORIZATION),
    setting("auth-session-secrets-file", FILE, Words("none"))
        .help(
            "Secrets of signed session cookies, one per line, the newest first; the signature \
             alone is judged, whether the session still exists only its store knows",
        )
        .within(AUTHORIZATION),
    setting("auth-session-secrets", Kind::Text("SECRETS"), Words("none"))
        .help("The lines of such a file")
        .within(AUTHORIZATION)
        .secret(),
    setting("auth-session-kind", NAME, Text("express"))
        .help("Who signs those cookies: express (express-session, connect) or cookie-session")
        .within(AUTHORIZATION),
    setting(
        "auth-session-cookie",
        NAME,
        Words("connect.sid, or session for cookie-session"),
    )
    .help("The name of the cookie")
    .within(AUTHORIZATION),
    setting("auth-url", Kind::Text("URL"), Words("none"))
        .help(
            "A URL that is asked about who has no other credential: 2xx allows (JSON: sub, exp, \
             ..), 401 and 403 refuse with their body, anything else is 503",
        )
        .within(AUTHORIZATION),
    setting("auth-url-headers", List, Text("authorization,cookie"))
        .help(
            "Headers of the request that it is told, besides X-Forwarded-Method, -Uri, -For, -Host",
        )
        .within(AUTHORIZATION),
    setting("auth-url-timeout", Number("MS", 1, 60 * 1000), Text("5000"))
        .help("How long it may take")
        .within(AUTHORIZATION),
    setting("auth-url-at-once", Number("N", 1, 256), Text("16"))
        .help("Requests that it may get at once; 4096 wait, further ones get 503")
        .within(AUTHORIZATION),
    setting(
        "auth-url-cache",
        Number("MS", 0, 60 * 60 * 1000),
        Text("10000"),
    )
    .help("How long its answer counts for requests of which it would be told the same")
    .within(AUTHORIZATION),
    setting("auth-expiry", NAME, Text("end"))
        .help(
            "What happens to a spark whose token expires: end, reconnect, refresh (a minute before \
             the server writes {\"authorization\":\"refresh\",\"expires\":MS}; unless the client \
             sends a new one, then reconnect), ignore",
        )
        .within(AUTHORIZATION),
];
