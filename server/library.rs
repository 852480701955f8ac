//! The client library of a server: served beside its transport, and handed to who asks for it.

use std::sync::{Arc, Mutex, MutexGuard};

use allspark_client::library::{Format, Library, LibraryError, Target};
use allspark_engine::Plugin;
use allspark_protocol::http::StaticBody;

/// The library, assembled and compressed once for each set of plugins.
#[derive(Debug)]
pub(crate) struct ServedLibrary {
    pathname: String,
    assembled: Mutex<Arc<Assembled>>,
}

#[derive(Debug)]
struct Assembled {
    library: Library,
    files: Files,
}

pub(crate) type Files = Arc<[(&'static str, StaticBody)]>;

/// As Primus calls it and serves it; caches and compression are ours.
const SCRIPT: &str = "/primus.js";

/// The same in ECMAScript 5, for old browsers, which Primus's own is for.
const LEGACY_SCRIPT: &str = "/primus.js?legacy";

/// The same as a module, which Primus does not have.
const MODULE: &str = "/primus.mjs";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

impl ServedLibrary {
    pub(crate) fn new(library: Library, pathname: &str) -> Result<Self, LibraryError> {
        Ok(Self {
            pathname: pathname.to_owned(),
            assembled: Mutex::new(Assembled::new(library)?),
        })
    }

    /// What the engine serves, by the names behind the pathname.
    pub(crate) fn files(&self) -> Files {
        Arc::clone(&self.assembled().files)
    }

    /// Adds or removes client halves of plugins. Returns what is served from now on.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(Library) -> Library,
    ) -> Result<Files, LibraryError> {
        let mut assembled = self.lock();
        let changed = Assembled::new(change(assembled.library.clone()))?;
        *assembled = changed;
        Ok(Arc::clone(&assembled.files))
    }

    /// The text for browsers.
    pub(crate) fn script(&self) -> Vec<u8> {
        self.assembled().file(SCRIPT).bytes().to_vec()
    }

    /// The text for old browsers.
    pub(crate) fn legacy_script(&self) -> Vec<u8> {
        self.assembled().file(LEGACY_SCRIPT).bytes().to_vec()
    }

    /// The path of that text, with a mark of its content.
    pub(crate) fn path(&self) -> String {
        let assembled = self.assembled();
        let hash = assembled.file(SCRIPT).hash();
        format!("{}{SCRIPT}?v={hash}", self.pathname)
    }

    fn assembled(&self) -> Arc<Assembled> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Assembled>> {
        let assembled = self.assembled.lock();
        assembled.expect("nothing panics while it holds the lock")
    }

    /// The text for Node.js.
    pub(crate) fn for_node(&self) -> String {
        let library = self.assembled().library.clone().target(Target::Node);
        let text = library.assemble(Format::Universal);
        text.expect("the same names were accepted when it was assembled")
    }
}

impl Assembled {
    fn new(library: Library) -> Result<Arc<Self>, LibraryError> {
        let file = |format, target| {
            let text = library.clone().target(target).assemble(format)?;
            Ok(StaticBody::new(JAVASCRIPT, text.into_bytes()))
        };
        let files = Arc::new([
            (LEGACY_SCRIPT, file(Format::Universal, Target::Legacy)?),
            (SCRIPT, file(Format::Universal, Target::Browser)?),
            (MODULE, file(Format::Module, Target::Browser)?),
        ]);
        Ok(Arc::new(Self { library, files }))
    }

    fn file(&self, name: &str) -> &StaticBody {
        let found = self.files.iter().find(|(file, _)| *file == name);
        &found.expect("each of them is there from the start").1
    }
}

/// A client library with the client half of a plugin, if it has one.
pub(crate) fn with_client(library: Library, plugin: &dyn Plugin) -> Library {
    let half = plugin.client();
    match half.is_empty() {
        true => library,
        false => library.plugin(plugin.name(), half.client, half.library),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use crate::{Builder, ClientPlugin, Destroy, Plugin, PluginError, Primus, Setup};

    /// A plugin that lets nobody in, or everybody.
    struct Gate {
        asks: bool,
    }

    impl Plugin for Gate {
        fn name(&self) -> &str {
            "gate"
        }

        fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
            if self.asks {
                setup.authorize(|_| Err::<(), _>("nobody"));
            }
            Ok(())
        }

        fn client(&self) -> ClientPlugin {
            "function (primus) {}".into()
        }
    }

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
    #[tokio::test]
    async fn it_knows_of_an_authorization_that_comes_later() {
        const ASKS: &str = "authorization: true";
        let served = |primus: &Primus| {
            let files = primus.library.files();
            let texts = files.iter().map(|(_, file)| file.bytes().to_vec());
            let texts = texts.map(|text| String::from_utf8(text).unwrap());
            texts.filter(|text| text.contains(ASKS)).count()
        };
        let primus = primus();
        let before = primus.library_path();
        // A plugin without an authorization changes nothing.
        primus.plugin(Gate { asks: false }).unwrap();
        assert_eq!(served(&primus), 0);
        assert!(primus.plugout("gate"));
        for _ in 0..2 {
            primus.authorize(|_| Err::<(), _>("nobody"));
            assert_eq!(served(&primus), 3);
            assert!(primus.library().contains(ASKS));
            assert!(primus.library_for_node().contains(ASKS));
            assert_ne!(primus.library_path(), before);
        }
        // The authorization of a plugin is one, too, and its client half stays in the library.
        let gate = Gate { asks: true };
        let with_plugin = Primus::builder().plugin(gate).build().unwrap();
        assert_eq!(served(&with_plugin), 3);
        let with_plugin = super::tests::primus();
        with_plugin.plugin(Gate { asks: true }).unwrap();
        assert_eq!(served(&with_plugin), 3);
        assert!(with_plugin.library().contains("ark[\"gate\"] = "));
        // Also a server that runs serves the one that knows, and so does a socket.
        let other = super::tests::primus();
        let server = other.start("127.0.0.1:0").unwrap();
        other.authorize_async(|_| async { Err::<(), _>("nobody") });
        let url = format!("http://{}", server.address());
        assert!(other.socket().connect(&url).await.is_err());
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let request = b"GET /chat/primus.js HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(ASKS));
        other.destroy(Destroy::default());
        server.join().unwrap();
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
