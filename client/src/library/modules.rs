//! The modules of the library, as they are in `client/js/src`.

/// The text of the module at `path`.
pub(super) fn text(path: &str) -> Option<&'static str> {
    let found = MODULES.iter().find(|(name, _)| *name == path);
    found.map(|(_, text)| *text)
}

/// The module that a library begins with. It exports the class `Primus`.
pub(super) const ENTRY: &str = "primus.js";

macro_rules! modules {
    ($($path:literal,)*) => {
        &[$(($path, include_str!(concat!("../../js/src/", $path))),)*]
    };
}

/// Paths and texts. `defaults.js` is only read by a test: a library has one of its own.
pub(super) const MODULES: &[(&str, &str)] = modules![
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
        let mut found = Vec::new();
        files(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("js/src"),
            "",
            &mut found,
        );
        // The entries of the npm package, with which a library has nothing to do.
        found.retain(|path| !["browser.js", "index.js"].contains(&path.as_str()));
        found.sort();
        let listed: Vec<_> = MODULES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(
            found, listed,
            "the list in client/src/library/modules.rs is not complete"
        );
    }
}
