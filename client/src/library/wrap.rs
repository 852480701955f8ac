//! What stands around the modules, so that others can use the class that they make.

use allspark_protocol::parser::Parser;

use super::{Format, Library, Plugin, literal};

/// The library: `body` is the code of all modules, in which the class is called `Primus`.
///
/// In the universal format it finds its place as Primus's library does: as a global variable (of
/// `module.exports` under CommonJS, which is then replaced), as what `require` gives, or as what an
/// AMD loader gets. Plugins run outside of its function, and so outside of strict mode: code that
/// is older than that may depend on it.
pub(super) fn wrap(library: &Library, format: Format, body: &str) -> String {
    let banner = format!(
        "/* AllSpark {}: a client of {} with {} and {} */\n",
        env!("CARGO_PKG_VERSION"),
        literal::comment(&library.pathname),
        library.transformer.name(),
        library.parser.name(),
    );
    let wrapped = match format {
        Format::Universal => universal(library, body),
        Format::Module => module(library, body),
    };
    banner + &wrapped
}

fn universal(library: &Library, body: &str) -> String {
    let global = literal::string(&library.global);
    let (parameter, call, argument) = match list(&library.plugins) {
        Some(list) => (", plugins", PLUG, format!(", {list}")),
        None => ("", "", String::new()),
    };
    format!(
        "(function (make, context, name{parameter}) {{\n\
         const Primus = context[name] = make();\n\
         {call}{PUBLISH}}})(function () {{\n'use strict';\n\
         {body}return Primus;\n}}, this ?? globalThis, {global}{argument});\n"
    )
}

const PLUG: &str = "for (const plug of plugins) plug(Primus);\n";

const PUBLISH: &str = "\
if (typeof module === 'object' && module.exports) module.exports = Primus;
else if (typeof define === 'function' && define.amd) define(() => Primus);
";

/// The class has another name here, so that a plugin's own `Primus` is always its parameter.
fn module(library: &Library, body: &str) -> String {
    let plugs = match list(&library.plugins) {
        Some(list) => format!("for (const plug of {list}) plug(AllSpark);\n"),
        None => String::new(),
    };
    format!(
        "const AllSpark = (() => {{\n'use strict';\n{body}return Primus;\n}})();\n\
         {plugs}export {{ AllSpark as default, AllSpark as Primus }};\n"
    )
}

/// A list of functions that take the class, one for each plugin, if there are any.
fn list(plugins: &[Plugin]) -> Option<String> {
    let functions: String = plugins.iter().map(plugin).collect();
    (!plugins.is_empty()).then(|| format!("[\n{functions}]"))
}

/// Line breaks keep a comment at the end of foreign code from swallowing ours. A semicolon at the
/// end of the function's source is no part of the function.
fn plugin(plugin: &Plugin) -> String {
    let name = literal::string(&plugin.name);
    let client = plugin.client.trim().trim_end_matches(';');
    let ark = match client.is_empty() {
        true => String::new(),
        false => format!("Primus.prototype.ark[{name}] = {client}\n;\n"),
    };
    format!(
        "function (Primus) {{\n{ark}{library}\n}},\n",
        library = plugin.library
    )
}
