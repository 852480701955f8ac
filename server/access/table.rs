//! The options of the access log: a part of the table of options.

use crate::setting::{DefaultValue, Kind, Setting, setting};

use DefaultValue::{Text, Words};

const SECTION: &str = "access-log";

/// In the order of the help.
pub(crate) const ACCESS_SETTINGS: &[Setting] = &[
    setting("access-log-file", Kind::Text("FILE"), Words("none"))
        .help(
            "Where a line goes for each request that was answered: a file, which SIGUSR1 and \
             SIGHUP open anew, stdout, or stderr, where the log goes",
        )
        .within(SECTION)
        .own(),
    setting("access-log-format", Kind::Text("NAME"), Text("combined"))
        .help(
            "How such a line looks: combined, as web servers write it with the seconds behind it, \
             or json",
        )
        .within(SECTION)
        .own(),
    setting("access-log-query", Kind::Switch, Text("false"))
        .help(
            "Whether it has what stands behind the ? of targets and referers; values that hold a \
             credential or name a session are hidden all the same",
        )
        .within(SECTION)
        .own(),
];
