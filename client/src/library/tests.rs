//! What a library holds and what it does not. That it runs, `tests/library` shows.

use allspark_protocol::Value;
use allspark_protocol::parser::{
    ClientHalf, Custom, CustomParser, DecodeError, EncodeError, ParserKind,
};
use allspark_protocol::transformer::Kind;
use allspark_transformers::TransformerKind;

use super::module::Module;
use super::modules::{LEGACY_MODULES, MODULES};
use super::*;

const FORMATS: [Format; 2] = [Format::Universal, Format::Module];

fn text(library: &Library) -> String {
    library.assemble(Format::Universal).unwrap()
}

fn holds(text: &str, path: &str) -> bool {
    let (_, source) = MODULES.iter().find(|(name, _)| *name == path).unwrap();
    let code = Module::parse(path, source).unwrap().code;
    text.contains(&code)
}

#[test]
fn every_choice_can_be_assembled() {
    for transformer in TransformerKind::ALL {
        for parser in ParserKind::ALL {
            for target in [Target::Browser, Target::Node, Target::Legacy] {
                let library = Library::new()
                    .transformer(transformer)
                    .parser(parser)
                    .target(target);
                let formats = match target {
                    Target::Legacy => &FORMATS[..1],
                    _ => &FORMATS,
                };
                for format in formats.iter().copied() {
                    let text = library.assemble(format).unwrap();
                    assert_eq!(text, library.assemble(format).unwrap());
                    assert!(!text.lines().any(|line| line.starts_with("import ")));
                }
            }
        }
    }
}

#[test]
fn only_what_is_needed_is_taken() {
    let plain = text(&Library::new());
    for path in ["primus.js", "parsers/json.js", "transports/websocket.js"] {
        assert!(holds(&plain, path), "{path}");
    }
    for path in [
        "parsers/raw.js",
        "transports/engine-io.js",
        "node/websocket.js",
        "defaults.js",
    ] {
        assert!(!holds(&plain, path), "{path}");
    }
    let one = text(
        &Library::new()
            .transformer(TransformerKind::EngineIo)
            .parser(ParserKind::Raw),
    );
    assert!(holds(&one, "transports/engine-io.js") && holds(&one, "parsers/raw.js"));
    assert!(!holds(&one, "transports/sockjs.js") && !holds(&one, "parsers/json.js"));
    let all = text(&Library::new().transformer(TransformerKind::Any));
    for path in [
        "browserchannel.js",
        "engine-io.js",
        "sockjs.js",
        "websocket.js",
    ] {
        assert!(holds(&all, &format!("transports/{path}")), "{path}");
    }
    assert!(holds(
        &text(&Library::new().target(Target::Node)),
        "node/websocket.js"
    ));
}

/// All modules end up in one scope in some library, so none may take a name from another.
#[test]
fn a_name_at_the_top_level_is_used_by_one_module_only() {
    for modules in [MODULES, LEGACY_MODULES] {
        let mut owners = std::collections::HashMap::new();
        for (path, source) in modules {
            let module = Module::parse(path, source).unwrap_or_else(|broken| panic!("{broken}"));
            for (name, line) in module.names {
                if let Some(owner) = owners.insert(name, path) {
                    panic!("client/js/src/{path}:{line}: {name} is a name of {owner}, too");
                }
            }
        }
    }
}

#[test]
fn old_browsers_get_modules_of_their_own() {
    let library = Library::new()
        .target(Target::Legacy)
        .client_plugin("p", "function () {}");
    let text = text(&library);
    for part in [
        "var shims = ",
        "var Primus = context[name] = make();",
        "ES5",
    ] {
        assert!(text.contains(part), "{part}");
    }
    for word in ["=>", "const ", "class ", "?.", "fetch("] {
        assert!(!text.contains(word), "{word}");
    }
    assert_eq!(
        library.assemble(Format::Module),
        Err(LibraryError::LegacyModule)
    );
}

#[test]
fn the_options_of_the_server_are_compiled_in() {
    let library = Library::new()
        .pathname("/a\"</script>")
        .ping_interval_ms(Some(25))
        .authorization(true)
        .transformer(TransformerKind::SockJs)
        .parser(ParserKind::Raw)
        .global("Chat");
    let text = text(&library);
    for line in [
        "version: \"8.0.9\",\n",
        "pathname: \"/a\\\"\\u003c/script>\",\n",
        "transformer: \"sockjs\",\nparser: \"raw\",\n",
        "pingTimeout: 38,\n",
        "authorization: true\n}",
        "Primus.prototype.renewAuthorization = ",
        "this ?? globalThis, \"Chat\", [\n",
    ] {
        assert!(text.contains(line), "{line}");
    }
    assert!(!text.contains("</script>"));
    let without = self::text(&library.clone().authorization(false));
    assert!(!without.contains("renewAuthorization"));
    for off in [None, Some(0)] {
        let text = library
            .clone()
            .ping_interval_ms(off)
            .assemble(Format::Module)
            .unwrap();
        assert!(text.contains("pingTimeout: false,\n"));
    }
}

/// A parser of the application, in as far as the library knows it.
struct Own {
    encoder: &'static str,
}

impl CustomParser for Own {
    fn name(&self) -> &'static str {
        "own"
    }

    fn encode(&self, _: &Value, _: &mut Vec<u8>) -> Result<Kind, EncodeError> {
        Ok(Kind::Text)
    }

    fn decode(&self, _: Kind, _: &[u8]) -> Result<Value, DecodeError> {
        Ok(Value::Null)
    }

    fn client_half(&self) -> ClientHalf {
        ClientHalf {
            encoder: self.encoder.into(),
            decoder: "function (packet, done) { done(null, packet); } // last".into(),
            library: "var x = 1; // last".into(),
        }
    }
}

#[test]
fn a_parser_of_the_application_is_compiled_in() {
    const OWN: Own = Own {
        encoder: "(value, done) => done(null, x);",
    };
    let library = Library::new()
        .parser(ParserKind::Custom(Custom::new(&OWN)))
        .client_plugin("p", "() => 1");
    for (format, parameters) in FORMATS.into_iter().zip(["Primus", "Primus, require"]) {
        let text = library.assemble(format).unwrap();
        let functions = format!(
            "[\n\
            function ({parameters}) {{\nvar x = 1; // last\n\
            Primus.prototype.encoder = (value, done) => done(null, x)\n;\n\
            Primus.prototype.decoder = function (packet, done) {{ done(null, packet); }} // last\n\
            ;\n}},\nfunction"
        );
        assert!(text.contains(&functions), "{text}");
        assert!(text.contains("parser: \"own\",\n"));
        assert!(!holds(&text, "parsers/json.js"));
    }
    const BROKEN: Own = Own { encoder: "later" };
    let library = Library::new().parser(ParserKind::Custom(Custom::new(&BROKEN)));
    assert_eq!(
        library.check().unwrap_err().to_string(),
        "the encoder of the parser \"own\" can't be used: a function can't begin with `later` \
         (line 1)"
    );
}

#[test]
fn plugins_follow_in_their_order() {
    let library = Library::new()
        .client_plugin("a\"b", "function () {} // last;\n;")
        .plugin("c", "", "var c = 1; // last");
    for (format, parameters) in FORMATS.into_iter().zip(["Primus", "Primus, require"]) {
        let plugins = format!(
            "[\n\
            function ({parameters}) {{\nPrimus.prototype.ark[\"a\\\"b\"] = \
            function () {{}} // last;\n\n;\n\n}},\n\
            function ({parameters}) {{\nvar c = 1; // last\n}}\n]"
        );
        let text = library.assemble(format).unwrap();
        assert!(text.contains(&plugins), "{text}");
    }
}

#[test]
fn what_can_not_be_is_a_clear_error() {
    let refusal = |library: Library| library.assemble(Format::Universal).unwrap_err().to_string();
    assert_eq!(
        refusal(Library::new().global("my-app")),
        "\"my-app\" can't be the name of a variable in JavaScript"
    );
    assert_eq!(
        refusal(Library::new().client_plugin("", "() => {}")),
        "a plugin has no name"
    );
    assert_eq!(
        refusal(
            Library::new()
                .client_plugin("a", "() => 1")
                .client_plugin("a", "() => 2")
        ),
        "there is a plugin named \"a\" already"
    );
    assert_eq!(
        refusal(Library::new().client_plugin("a", " ")),
        "the plugin \"a\" has no code for the client"
    );
    assert_eq!(
        refusal(Library::new().client_plugin("a", "\nlater")),
        "the client code of the plugin \"a\" can't be used: a function can't begin with `later` \
         (line 2)"
    );
    assert_eq!(
        refusal(Library::new().plugin("a", "() => {}", "var a = 'b;")),
        "the library code of the plugin \"a\" can't be used: a string is not closed (line 1)"
    );
}
