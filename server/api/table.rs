//! The options of the API: a part of the table of options.

use super::options::{BODY_BYTES_HIGHEST, BODY_BYTES_LEAST, RATE_HIGHEST};
use crate::setting::{API, DefaultValue, Kind, Setting, setting};

use DefaultValue::{Text, Words};

/// In the order of the help.
pub(crate) const API_SETTINGS: &[Setting] = &[
    setting("api-keys-file", Kind::Text("FILE"), Words("none"))
        .help(
            "Keys of the publishing API, which is on as soon as there is one, at /api/v1: one per \
             line, or sha256: and its digest in hexadecimal digits, then what it may be used for \
             (publish,read,manage) and whose it is; read anew on SIGHUP",
        )
        .within(API)
        .own(),
    setting("api-keys", Kind::Text("KEYS"), Words("none"))
        .help("The lines of such a file")
        .within(API)
        .own()
        .secret(),
    setting(
        "api-body-max",
        Kind::Number("BYTES", BODY_BYTES_LEAST, BODY_BYTES_HIGHEST),
        Text("1048576"),
    )
    .help("The longest body of a request to the API; a longer one gets 413")
    .within(API)
    .own(),
    setting("api-rate", Kind::Number("N", 0, RATE_HIGHEST), Text("0"))
        .help(
            "Commands per second that one key may ask for, and as many at once, each one of a \
             batch counted; beyond it the answer is 429 and Retry-After; 0 for any number",
        )
        .within(API)
        .own(),
];
