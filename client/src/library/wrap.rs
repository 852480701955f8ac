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
        "/*! AllSpark {}: a client of {} with {} and {} */\n",
        env!("CARGO_PKG_VERSION"),
        literal::comment(&library.pathname),
        library.transformer.name(),
        library.parser.name(),
    );
    let plugins = plugins(&library.plugins);
    match format {
        Format::Universal => format!(
            "{banner}{UNIVERSAL_BEGIN}{body}return Primus;\n}}, \
             this ?? globalThis, {global}, [\n{plugins}]);\n",
            global = literal::string(&library.global),
        ),
        Format::Module => format!(
            "{banner}{MODULE_BEGIN}{body}return Primus;\n}})();\n\
             for (const plug of [\n{plugins}]) plug(AllSpark);\n\
             export {{ AllSpark as default, AllSpark as Primus }};\n"
        ),
    }
}

const UNIVERSAL_BEGIN: &str = "\
(function (make, context, name, plugins) {
const Primus = context[name] = make();
for (const plug of plugins) plug(Primus);
if (typeof module !== 'undefined' && module.exports) module.exports = Primus;
else if (typeof define === 'function' && define.amd) define(() => Primus);
})(function () {
'use strict';
";

/// The class has another name here, so that a plugin's own `Primus` is always its parameter.
const MODULE_BEGIN: &str = "\
const AllSpark = (() => {
'use strict';
";

/// A list of functions that take the class, one for each plugin.
fn plugins(plugins: &[Plugin]) -> String {
    plugins.iter().map(plugin).collect()
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
