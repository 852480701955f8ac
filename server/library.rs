//! The client library of a server: served beside its transport, and handed to who asks for it.

use std::path::Path;
use std::sync::Arc;

use allspark_client::library::{Format, Library, LibraryError, Target};
use allspark_protocol::http::StaticBody;

use crate::{Error, Primus, save};

/// The library, assembled and compressed once.
#[derive(Debug)]
pub(crate) struct ServedLibrary {
    library: Library,
    pathname: String,
    files: Files,
}

type Files = Arc<[(&'static str, StaticBody)]>;

/// As Primus calls it and serves it; caches and compression are ours.
const SCRIPT: &str = "/primus.js";

/// The same as a module, which Primus does not have.
const MODULE: &str = "/primus.mjs";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

impl ServedLibrary {
    pub(crate) fn new(library: Library, pathname: &str) -> Result<Self, LibraryError> {
        let file = |format| {
            let text = library.assemble(format)?;
            Ok(StaticBody::new(JAVASCRIPT, text.into_bytes()))
        };
        let files = Arc::new([
            (SCRIPT, file(Format::Universal)?),
            (MODULE, file(Format::Module)?),
        ]);
        Ok(Self {
            library,
            pathname: pathname.to_owned(),
            files,
        })
    }

    /// What the engine serves, by the names behind the pathname.
    pub(crate) fn files(&self) -> Files {
        Arc::clone(&self.files)
    }

    fn script(&self) -> &StaticBody {
        &self.files[0].1
    }
}

impl Primus {
    /// The client library in JavaScript, with the options of this server compiled in, for a script
    /// tag, `import` for its side effect, CommonJS and AMD. It is served as
    /// `<pathname>/primus.js`; `<pathname>/primus.mjs` is the same with `export default`.
    pub fn library(&self) -> String {
        String::from_utf8_lossy(self.library.script().bytes()).into_owned()
    }

    /// The same for Node.js from 20.16 on, which needs a WebSocket of the library's own.
    pub fn library_for_node(&self) -> String {
        let library = self.library.library.clone().target(Target::Node);
        let text = library.assemble(Format::Universal);
        text.expect("the same names were accepted when the server was built")
    }

    /// The path of the library with a mark of its content, `/primus/primus.js?v=<hash>`: what is
    /// asked for so may be kept by caches, and another library has another path. Without the mark
    /// they have to ask whether it is still the same.
    pub fn library_path(&self) -> String {
        let ServedLibrary { pathname, .. } = &self.library;
        format!("{pathname}{SCRIPT}?v={}", self.library.script().hash())
    }

    /// Saves [`Primus::library`] to a file. A file that is there is replaced in one step, once the
    /// new one is complete.
    ///
    /// # Errors
    /// [`Error::Save`]; then what was there is still there.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        save::save(path, self.library.script().bytes()).map_err(|source| Error::Save {
            path: path.to_owned(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn primus() -> Primus {
        let builder = Primus::builder()
            .pathname("chat")
            .global("Chat")
            .ping_interval_ms(Some(10));
        builder
            .client_plugin("p", "function (primus, options) {}")
            .build()
            .unwrap()
    }

    #[test]
    fn the_library_matches_the_server() {
        let library = primus().library();
        for part in [
            "pathname: \"/chat\"",
            "pingTimeout: 15",
            "\"Chat\"",
            "ark[\"p\"] = ",
        ] {
            assert!(library.contains(part), "{part}");
        }
        assert!(!library.contains("getBuiltinModule"));
        assert!(primus().library_for_node().contains("getBuiltinModule"));
        let path = primus().library_path();
        let hash = path.strip_prefix("/chat/primus.js?v=").unwrap();
        assert_eq!(hash, primus().library.script().hash());
    }

    #[test]
    fn it_is_saved_in_place_of_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("primus.js");
        for _ in 0..2 {
            primus().save(&path).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), primus().library());
        }
        let error = primus()
            .save(folder.path().join("no/primus.js"))
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("no/primus.js: No such file or directory (os error 2)"),
            "{error}"
        );
    }

    #[test]
    fn what_can_not_be_compiled_in_is_refused_when_the_server_is_built() {
        let refusal = |builder: crate::Builder| builder.build().unwrap_err().to_string();
        assert_eq!(
            refusal(Primus::builder().global("a b")),
            "option `global`: \"a b\" can't be the name of a variable in JavaScript"
        );
        let twice = Primus::builder()
            .client_plugin("a", "() => 1")
            .client_plugin("a", "() => 2");
        assert_eq!(
            refusal(twice),
            "option `client_plugin`: there is a plugin named \"a\" already"
        );
    }
}
