//! The module that says what is compiled in, in place of `client/js/src/defaults.js`. Old browsers
//! get the same, so it is ECMAScript 5.

use allspark_protocol::parser::{Parser, ParserKind};
use allspark_protocol::primus::PRIMUS_VERSION;
use allspark_transformers::TransformerKind;

use super::literal;
use super::options::{Library, Target};

/// The text of the module for this library.
pub(super) fn module(library: &Library) -> String {
    let kinds = transformers(library.transformer);
    let mut imports = Vec::new();
    let mut entries = Vec::new();
    for kind in kinds {
        let (name, path) = transport(*kind);
        let import = format!("import {{ {name} }} from './transports/{path}';\n");
        if !imports.contains(&import) {
            imports.push(import);
        }
        entries.push(format!("{}: {name}", literal::string(kind.name())));
    }
    let parser = library.parser.name();
    let parsers = match library.parser {
        ParserKind::Custom(_) => custom_parser(parser),
        // A module of a parser has the name of the parser, and so has what it exports.
        _ => {
            imports.push(format!(
                "import {{ {parser} }} from './parsers/{parser}.js';\n"
            ));
            format!("{parser}: {parser}")
        }
    };
    let mut web_socket = "";
    if library.target == Target::Node {
        imports.push("import { NodeWebSocket } from './node/websocket.js';\n".to_owned());
        web_socket = "WebSocket: NodeWebSocket,\n";
    }
    let ping_timeout = library.ping_timeout_ms;
    let ping_timeout = ping_timeout.map_or_else(|| "false".to_owned(), |ms| ms.to_string());
    format!(
        "{imports}\
         export var defaults = {{\n\
         version: {version},\n\
         pathname: {pathname},\n\
         transformer: {transformer},\n\
         parser: {parser_name},\n\
         pingTimeout: {ping_timeout},\n\
         {web_socket}\
         authorization: {authorization}\n\
         }};\n\
         export var transports = {{ {transports} }};\n\
         export var parsers = {{ {parsers} }};\n",
        imports = imports.concat(),
        version = literal::string(PRIMUS_VERSION),
        pathname = literal::string(&library.pathname),
        transformer = literal::string(kinds[0].name()),
        parser_name = literal::string(parser),
        authorization = library.authorization,
        transports = entries.join(", "),
    )
}

/// A parser of the application gets its functions once the class exists (see `wrap.rs`): until
/// then, and by its name, it is what the class has.
fn custom_parser(name: &str) -> String {
    let [encoder, decoder] = ["encoder", "decoder"].map(|half| {
        format!(
            "{half}: function (value, done) {{ \
             Primus.prototype.{half}.call(this, value, done); }}"
        )
    });
    format!("{}: {{ {encoder}, {decoder} }}", literal::string(name))
}

/// What a client of a server with this transformer may speak; first what it speaks unless it is
/// told otherwise.
fn transformers(kind: TransformerKind) -> &'static [TransformerKind] {
    use TransformerKind::*;
    match kind {
        WebSockets => &[WebSockets],
        Faye => &[Faye],
        Uws => &[Uws],
        EngineIo => &[EngineIo],
        SockJs => &[SockJs],
        BrowserChannel => &[BrowserChannel],
        Any => &[WebSockets, Faye, Uws, EngineIo, SockJs, BrowserChannel],
    }
}

/// What the transport of a transformer is called in JavaScript, and its module.
fn transport(kind: TransformerKind) -> (&'static str, &'static str) {
    match kind {
        TransformerKind::EngineIo => ("engineIo", "engine-io.js"),
        TransformerKind::SockJs => ("sockjs", "sockjs.js"),
        TransformerKind::BrowserChannel => ("browserchannel", "browserchannel.js"),
        _ => ("websocket", "websocket.js"),
    }
}
