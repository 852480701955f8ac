//! The modules of the library, as they are in `client/js/src`, and what
//! `client/js/scripts/legacy.js` makes of them for old browsers.

/// The text of the module at `path`.
pub(super) fn text(path: &str) -> Option<&'static str> {
    find(MODULES, path)
}

/// The text of the module at `path` in ECMAScript 5.
pub(super) fn legacy_text(path: &str) -> Option<&'static str> {
    find(LEGACY_MODULES, path)
}

fn find(modules: &[(&str, &'static str)], path: &str) -> Option<&'static str> {
    let found = modules.iter().find(|(name, _)| *name == path);
    found.map(|(_, text)| *text)
}

/// The module that a library begins with. It exports the class `Primus`.
pub(super) const ENTRY: &str = "primus.js";

macro_rules! modules {
    ($folder:literal: $($path:literal,)*) => {
        &[$(($path, include_str!(concat!("../../js/", $folder, "/", $path))),)*]
    };
}

/// Paths and texts. `defaults.js` is only read by a test: a library has one of its own.
pub(super) const MODULES: &[(&str, &str)] = modules!["src":
    "address.js",
    "defaults.js",
    "emitter.js",
    "lifecycle.js",
    "link.js",
    "network.js",
    "node/frames.js",
    "node/websocket.js",
    "options.js",
    "parsers/binary.js",
    "parsers/ejson.js",
    "parsers/json.js",
    "parsers/msgpack.js",
    "parsers/packs.js",
    "parsers/raw.js",
    "primus.js",
    "recovery.js",
    "timers.js",
    "transports/base64.js",
    "transports/browserchannel.js",
    "transports/engine-io.js",
    "transports/http.js",
    "transports/socket.js",
    "transports/sockjs.js",
    "transports/websocket.js",
];

/// Those for old browsers, and what they need besides: `helpers.js` and `shims.js`.
pub(super) const LEGACY_MODULES: &[(&str, &str)] = modules!["legacy/made":
    "address.js",
    "emitter.js",
    "helpers.js",
    "lifecycle.js",
    "link.js",
    "network.js",
    "options.js",
    "parsers/binary.js",
    "parsers/ejson.js",
    "parsers/json.js",
    "parsers/msgpack.js",
    "parsers/packs.js",
    "parsers/raw.js",
    "primus.js",
    "recovery.js",
    "shims.js",
    "timers.js",
    "transports/base64.js",
    "transports/browserchannel.js",
    "transports/engine-io.js",
    "transports/http.js",
    "transports/socket.js",
    "transports/sockjs.js",
    "transports/websocket.js",
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Paths of all files below `folder`, from there.
    fn files(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => files(&entry.path(), &format!("{path}/"), found),
                false => found.push(path),
            }
        }
    }

    #[test]
    fn every_module_is_listed() {
        for (folder, modules) in [("js/src", MODULES), ("js/legacy/made", LEGACY_MODULES)] {
            let mut found = Vec::new();
            files(
                &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
                "",
                &mut found,
            );
            // The entries of the npm package, and what a library has otherwise (wrap.rs).
            let others = ["browser.js", "index.js", "renewal.js"];
            found.retain(|path| !others.contains(&path.as_str()));
            found.sort();
            let listed: Vec<_> = modules.iter().map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(
                found, listed,
                "the list in client/src/library/modules.rs is not complete"
            );
        }
    }

    /// `npm test` in `client/js` says whether they are up to date.
    #[test]
    fn every_module_for_browsers_has_one_for_old_browsers() {
        for (path, _) in MODULES {
            let is_for_browsers = !path.starts_with("node/") && *path != "defaults.js";
            assert_eq!(legacy_text(path).is_some(), is_for_browsers, "{path}");
        }
    }
}
