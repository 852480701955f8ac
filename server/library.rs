//! The client library of a server: served beside its transport, and handed to who asks for it.

use std::sync::atomic::{AtomicBool, Ordering};

use allspark_client::library::{Format, Library, LibraryError, Target};
use allspark_engine::{File, Files};
use allspark_protocol::http::StaticBody;

/// The library, assembled and compressed once.
#[derive(Debug)]
pub(crate) struct ServedLibrary {
    library: Library,
    pathname: String,
    files: Files,
    /// Whether clients know that they may be refused, so that they do not try again and again.
    asks: AtomicBool,
}

/// As Primus calls it and serves it; caches and compression are ours.
const SCRIPT: &str = "/primus.js";

/// The same in ECMAScript 5, for old browsers, which Primus's own is for.
const LEGACY_SCRIPT: &str = "/primus.js?legacy";

/// The same as a module, which Primus does not have.
const MODULE: &str = "/primus.mjs";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

impl ServedLibrary {
    /// With an authorization, if the server `asks`.
    pub(crate) fn new(library: Library, pathname: &str, asks: bool) -> Result<Self, LibraryError> {
        let library = library.authorization(asks);
        Ok(Self {
            files: Files::new(assemble(&library)?),
            library,
            pathname: pathname.to_owned(),
            asks: AtomicBool::new(asks),
        })
    }

    /// The server may refuse clients from now on: if the library does not say so, it is made again.
    pub(crate) fn authorize(&self) {
        if !self.asks.swap(true, Ordering::Relaxed) {
            let files = assemble(&self.library.clone().authorization(true));
            self.files.replace(files.expect(ACCEPTED));
        }
    }

    /// Whether clients know that they may be refused.
    #[cfg(feature = "client")]
    pub(crate) fn asks(&self) -> bool {
        self.asks.load(Ordering::Relaxed)
    }

    /// What the engine serves, by the names behind the pathname.
    pub(crate) fn files(&self) -> Files {
        self.files.clone()
    }

    /// The text for browsers.
    pub(crate) fn script(&self) -> &[u8] {
        self.file(SCRIPT).bytes()
    }

    /// The text for old browsers.
    pub(crate) fn legacy_script(&self) -> &[u8] {
        self.file(LEGACY_SCRIPT).bytes()
    }

    fn file(&self, name: &str) -> &StaticBody {
        let found = self.files.current().iter().find(|(file, _)| *file == name);
        &found.expect("each of them is there from the start").1
    }

    /// The path of that text, with a mark of its content.
    pub(crate) fn path(&self) -> String {
        let hash = self.file(SCRIPT).hash();
        format!("{}{SCRIPT}?v={hash}", self.pathname)
    }

    /// The text for Node.js.
    pub(crate) fn for_node(&self) -> String {
        let asks = self.asks.load(Ordering::Relaxed);
        let library = self.library.clone().target(Target::Node);
        let text = library.authorization(asks).assemble(Format::Universal);
        text.expect(ACCEPTED)
    }
}

const ACCEPTED: &str = "the same names were accepted when the server was built";

fn assemble(library: &Library) -> Result<[File; 3], LibraryError> {
    let file = |format, target| {
        let text = library.clone().target(target).assemble(format)?;
        Ok(StaticBody::new(JAVASCRIPT, text.into_bytes()))
    };
    Ok([
        (LEGACY_SCRIPT, file(Format::Universal, Target::Legacy)?),
        (SCRIPT, file(Format::Universal, Target::Browser)?),
        (MODULE, file(Format::Module, Target::Browser)?),
    ])
}

#[cfg(test)]
mod tests {
    use crate::{Builder, Primus};

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
        let legacy = primus().library_for_old_browsers();
        assert!(legacy.contains("pathname: \"/chat\"") && !legacy.contains("=>"));
        assert!(primus().library_for_node().contains("getBuiltinModule"));
        let path = primus().library_path();
        let hash = path.strip_prefix("/chat/primus.js?v=").unwrap();
        assert!(
            hash.len() > 8 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{hash}"
        );
    }

    /// Who is refused does not come back by itself, whenever the server was told whom to refuse.
    #[test]
    fn it_knows_of_an_authorization_that_comes_later() {
        const ASKS: &str = "authorization: true";
        let served = |primus: &Primus| {
            let files = primus.library.files();
            let texts = files
                .current()
                .iter()
                .map(|(_, file)| file.bytes().to_vec());
            let texts = texts.map(|text| String::from_utf8(text).unwrap());
            texts.filter(|text| text.contains(ASKS)).count()
        };
        let primus = primus();
        let before = primus.library_path();
        assert_eq!(served(&primus), 0);
        for _ in 0..2 {
            primus.authorize(|_| Err::<(), _>("nobody"));
            assert_eq!(served(&primus), 3);
            assert!(primus.library().contains(ASKS));
            assert!(primus.library_for_node().contains(ASKS));
            assert_ne!(primus.library_path(), before);
        }
        let other = super::tests::primus();
        other.authorize_async(|_| async { Err::<(), _>("nobody") });
        assert!(other.library().contains(ASKS) && other.library.asks());
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
        let refusal = |builder: Builder| builder.build().unwrap_err().to_string();
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
