//! The options of the dashboard: a part of the table of options.

use super::bounds::{LIVES_HIGHEST, SESSION_HOURS_HIGHEST};
use crate::setting::{ADMIN, DefaultValue, Kind, Setting, setting};

use DefaultValue::{Text, Words};
use Kind::Number;

/// In the order of the help.
pub(crate) const ADMIN_SETTINGS: &[Setting] = &[
    setting("admin-users-file", Kind::Text("FILE"), Words("none"))
        .help(
            "Who may log in to the dashboard at /admin: a name, a colon and a hash per line, as \
             allspark admin-password writes them; without this and tokens there is no dashboard",
        )
        .within(ADMIN)
        .own(),
    setting("admin-tokens-file", Kind::Text("FILE"), Words("none"))
        .help(
            "Tokens that open the dashboard: one per line, or sha256: and its digest in \
             hexadecimal digits, and behind it who has it",
        )
        .within(ADMIN)
        .own(),
    setting("admin-tokens", Kind::Text("TOKENS"), Words("none"))
        .help("The lines of such a file")
        .within(ADMIN)
        .own()
        .secret(),
    setting(
        "admin-listen",
        Kind::Text("[ADDRESS:]PORT"),
        Words("where what operators need is"),
    )
    .help(
        "An address of the dashboard's own, without TLS: 8081 on this machine alone, which one \
         reaches through ssh -L",
    )
    .within(ADMIN)
    .own(),
    setting(
        "admin-session-hours",
        Number("HOURS", 1, SESSION_HOURS_HIGHEST),
        Text("12"),
    )
    .help("After how long one has to log in again")
    .within(ADMIN)
    .own(),
    setting(
        "admin-history",
        Number("N", 0, LIVES_HIGHEST),
        Text("10000"),
    )
    .help("Sparks whose history is kept for the dashboard, about 1 KiB each")
    .within(ADMIN)
    .own(),
];
