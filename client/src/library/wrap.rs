//! What stands around the modules, so that others can use the class that they make.

use allspark_protocol::parser::{ClientHalf, Parser, ParserKind};

use super::literal;
use super::options::{Format, Library, Plugin, Target};

/// The library: `body` is the code of all modules, in which the class is called `Primus`.
///
/// In the universal format it finds its place as Primus's library does: as a global variable (of
/// `module.exports` under CommonJS, which is then replaced), as what `require` gives, or as what an
/// AMD loader gets. Plugins, and a parser of the application, run outside of its function, and so
/// outside of strict mode: code that is older than that may depend on it.
///
/// Around the modules is also what gives them modules of Node.js (`Primus.requires`), such as the
/// package `ws`. Neither format names `require` or `import.meta`: bundlers would look for what is
/// asked for, warn, or write down where the file lay.
pub(super) fn wrap(library: &Library, format: Format, body: &str) -> String {
    let banner = format!(
        "/* AllSpark {}: a client of {} with {} and {}, in {} */\n",
        env!("CARGO_PKG_VERSION"),
        literal::comment(&library.pathname),
        library.transformer.name(),
        literal::comment(library.parser.name()),
        baseline(library.target),
    );
    let wrapped = match format {
        Format::Universal if library.target == Target::Legacy => legacy(library, body),
        Format::Universal => universal(library, body),
        Format::Module => module(library, body),
    };
    banner + &wrapped
}

/// What a browser must know to run it.
fn baseline(target: Target) -> &'static str {
    match target {
        Target::Browser => "ES2022 (primus.js?legacy: in ES5)",
        Target::Node => "ES2022",
        Target::Legacy => "ES5",
    }
}

fn universal(library: &Library, body: &str) -> String {
    let global = literal::string(&library.global);
    let (parameter, call, argument) = match list(library, "Primus") {
        Some(list) => (", plugins", PLUG, format!(", {list}")),
        None => ("", "", String::new()),
    };
    format!(
        "(function (make, context, name{parameter}) {{\n\
         const Primus = context[name] = make();\n\
         {PUBLISH}{call}}})(function () {{\n'use strict';\n\
         {body}return Primus;\n}}, this ?? globalThis, {global}{argument});\n"
    )
}

/// As [`universal`], in ECMAScript 5.
fn legacy(library: &Library, body: &str) -> String {
    let global = literal::string(&library.global);
    let (parameter, call, argument) = match list(library, "Primus") {
        Some(list) => (", plugins", PLUG_LEGACY, format!(", {list}")),
        None => ("", "", String::new()),
    };
    format!(
        "(function (make, context, name{parameter}) {{\n\
         var Primus = context[name] = make();\n\
         {PUBLISH_LEGACY}{call}}})(function () {{\n'use strict';\n\
         {body}return Primus;\n}}, this || self, {global}{argument});\n"
    )
}

const PLUG_LEGACY: &str = "for (var i = 0; i < plugins.length; i++) plugins[i](Primus);\n";

const PUBLISH_LEGACY: &str = "\
if (typeof module === 'object' && module.exports) (context = module).exports = Primus;
else if (typeof define === 'function' && define.amd) {
define(context = function () { return Primus; });
}
Primus.requires = Primus.require = function (name) {
return context.require && context.require(name);
};
";

const PLUG: &str = "for (const plug of plugins) plug(Primus);\n";

/// `context` becomes what has a `require`: the module, under CommonJS, or the global object of a
/// sandbox in Node.js; an AMD loader's is another one.
const PUBLISH: &str = "\
if (typeof module === 'object' && module.exports) (context = module).exports = Primus;
else if (typeof define === 'function' && define.amd) define(context = () => Primus);
Primus.requires = Primus.require = (name) => context.require?.(name);
";

/// A module finds what the program can find that runs.
const REQUIRES: &str = "\
AllSpark.requires = AllSpark.require = (name) => {
const { process } = globalThis;
return process?.getBuiltinModule?.('module')
.createRequire(process.argv[1] ?? process.cwd() + '/')(name);
};
";

/// The class has another name here, so that a plugin's own `Primus` is always its parameter. So is
/// `require`, which plugins look for to know whether they are in Node.js.
fn module(library: &Library, body: &str) -> String {
    let plugs = match list(library, "Primus, require") {
        Some(list) => format!("for (const plug of {list}) {PLUG_MODULE}"),
        None => String::new(),
    };
    format!(
        "const AllSpark = (() => {{\n'use strict';\n{body}return Primus;\n}})();\n\
         {REQUIRES}{plugs}export {{ AllSpark as default, AllSpark as Primus }};\n"
    )
}

const PLUG_MODULE: &str =
    "plug(AllSpark, globalThis.process?.getBuiltinModule && AllSpark.requires);\n";

/// A list of functions that take the class, one for the parser of the application, one for each
/// plugin, and one for what only clients of a server with authorization need, if there are any.
fn list(library: &Library, parameters: &str) -> Option<String> {
    let parser = match &library.parser {
        ParserKind::Custom(custom) => Some(parser(&custom.client_half(), parameters)),
        _ => None,
    };
    let plugins = library.plugins.iter().map(|each| plugin(each, parameters));
    let renewal = library.authorization.then(|| renewal(parameters));
    let functions: Vec<_> = renewal.into_iter().chain(parser).chain(plugins).collect();
    // Old browsers take a comma at the end for one more entry.
    (!functions.is_empty()).then(|| format!("[\n{}\n]", functions.join(",\n")))
}

/// The same as client/js/src/renewal.js, which the npm package has.
fn renewal(parameters: &str) -> String {
    format!(
        "function ({parameters}) {{\n\
         Primus.prototype.renewAuthorization = function (credential) {{\n\
         this._write('primus::authorization::' + credential);\n\
         return this;\n}};\n}}"
    )
}

/// As in Primus, the functions of a parser see what its library declares, and that sees the class.
fn parser(half: &ClientHalf, parameters: &str) -> String {
    let function = |source: &str| source.trim().trim_end_matches(';').to_owned();
    format!(
        "function ({parameters}) {{\n{library}\n\
         Primus.prototype.encoder = {encoder}\n;\n\
         Primus.prototype.decoder = {decoder}\n;\n}}",
        library = half.library,
        encoder = function(&half.encoder),
        decoder = function(&half.decoder),
    )
}

/// Line breaks keep a comment at the end of foreign code from swallowing ours. A semicolon at the
/// end of the function's source is no part of the function.
fn plugin(plugin: &Plugin, parameters: &str) -> String {
    let name = literal::string(&plugin.name);
    let client = plugin.client.trim().trim_end_matches(';');
    let ark = match client.is_empty() {
        true => String::new(),
        false => format!("Primus.prototype.ark[{name}] = {client}\n;\n"),
    };
    format!(
        "function ({parameters}) {{\n{ark}{library}\n}}",
        library = plugin.library
    )
}
