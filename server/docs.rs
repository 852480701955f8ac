//! docs/OPTIONS.md, docs/allspark.toml and docs/allspark.schema.json are made of the table of
//! options, so none of them can say anything else than the server.
//! `UPDATE_DOCS=1 cargo test --bin allspark docs` writes them anew.

mod schema;

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use crate::file;
use crate::said::Said;
use crate::settings::Settings;
use crate::table::{DefaultValue, Kind, SETTINGS, Setting};

/// The file says what the table says, or is made to.
pub(crate) fn assert_written(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == expected,
        "{name} is not that of the table: run with UPDATE_DOCS=1"
    );
}

#[test]
fn the_page_is_that_of_the_table() {
    let mut page = String::from(PAGE);
    for setting in SETTINGS {
        let code = |text: &str| match text {
            "" => String::new(),
            text => format!("`{}`", text.replace('|', "\\|")),
        };
        let section = match setting.kind {
            Kind::Pair => setting.name,
            Kind::Plugin => "plugins.NAME",
            _ => setting.section,
        };
        let default = match setting.default {
            DefaultValue::Text(text) => code(text),
            DefaultValue::Words(words) => words.to_owned(),
        };
        let name = match setting.is_secret {
            true => code(&format!(
                "ALLSPARK_{}",
                setting.name.replace('-', "_").to_uppercase()
            )),
            false => code(&format!("--{} {}", setting.name, setting.kind.name())),
        };
        let (section, primus) = (code(section), code(setting.primus));
        let (bounds, help) = (setting.kind.bounds(), setting.help);
        let help = help.replace('|', "\\|");
        let live = if setting.is_live { "yes" } else { "" };
        writeln!(
            page,
            "| {name} | {default} | {bounds} | {section} | {live} | {primus} | {help} |"
        )
        .unwrap();
    }
    page.push_str(NOTES);
    assert_written("docs/OPTIONS.md", &page);
}

const PAGE: &str = "\
# Options

<!-- Made of server/table.rs by its tests: UPDATE_DOCS=1 cargo test --bin allspark docs -->

The same names are those of the command line (`--ping-interval 1000`), of the environment
(`ALLSPARK_PING_INTERVAL=1000`) and of the file that `--config` names (`ping-interval = 1000`;
[allspark.toml](allspark.toml) has all of them). The command line outranks the environment, which
outranks the file. In the file an option stands at the top or in its section, not in both.

`allspark config check FILE` says all that is wrong with a file, each with line, column and what may
have been meant (exit code 2), or that it is all right (0), for a server with this environment;
`allspark config show` what counts and who has said it (`--json` for programs), with secrets hidden;
`allspark config default` prints allspark.toml, and `allspark config schema` a JSON schema of it,
[allspark.schema.json](allspark.schema.json): editors that know Taplo read it where the first line
of the file is `#:schema ./allspark.schema.json`. `allspark completions SHELL` and `allspark man`
print completions and the manual.

SIGHUP has the file be read anew. What is **live** below changes; of the rest the log says that it
needs a restart. A file that is wrong changes nothing ([DEPLOY.md](DEPLOY.md#reload)).

| option | default | bounds | section | live | in Primus | meaning |
|---|---|---|---|---|---|---|
";

const NOTES: &str = "
- `MS` are milliseconds. `BYTES` are bytes, of `--min-rate` and
  `--message-bytes-rate` per second.
- A `BOOL` is `true`, `yes`, `on` or `1`, or the opposite; on the command line it is true if it is
  only named.
- A `LIST` has commas between its elements. In the file it may be an array.
- `--transport` may be repeated. In the file `[transport]` is a table of keys and values, and a key
  with a dot (`perMessageDeflate.threshold = 64`) needs no quotes.
- `--plugin` may be repeated, and names several plugins with commas between them. In the file each
  plugin is a table, `[plugins.NAME]`, with its options ([PLUGINS.md](PLUGINS.md)). A value on the
  command line is JSON, or else a text: `--plugin 'rooms.join=[\"news:*\"]'`.
- A secret is no flag and stands in no configuration file: there is a file for it, or a variable.
- In the section `[authorization]` names have no `auth-` in front: `jwks-file` is
  `--auth-jwks-file`.
- A name is read in any case.
- What is wrong is one line, which names the flag, the variable, or the file with its line, then the
  value and what is allowed, and the exit code is 2. So is a variable or a key that only looks like
  an option.
- `allspark library` has the options that change the client library: `--pathname`, `--transformer`,
  `--parser`, `--global`, `--plugin` and `--ping-interval`.
- In Rust [`Builder`](../server/builder.rs) has the same options, and `allspark::Options` is read by
  serde under the same names; both refuse what the command line refuses.
";

#[test]
fn the_page_names_the_options_of_the_library() {
    for setting in SETTINGS.iter().filter(|setting| setting.is_for_library) {
        let (_, note) = NOTES.split_once("`allspark library`").unwrap();
        assert!(
            note.contains(&format!("`--{}`", setting.name)),
            "{}",
            setting.name
        );
    }
}

/// And what it says is what a server does without it.
#[test]
fn the_example_is_that_of_the_table() {
    let mut file = String::from(EXAMPLE);
    let mut sections: Vec<&str> = SETTINGS.iter().map(|setting| setting.section).collect();
    sections.sort_unstable();
    sections.dedup();
    for section in sections {
        if !section.is_empty() {
            write!(file, "\n[{section}]").unwrap();
        }
        for setting in SETTINGS.iter().filter(|setting| setting.section == section) {
            if !setting.kind.is_repeated() && !setting.is_secret {
                file.push_str(&example_of(setting));
            }
        }
    }
    for setting in SETTINGS.iter().filter(|setting| setting.kind == Kind::Pair) {
        let (name, help) = (setting.name, wrapped(setting.help));
        write!(file, "\n[{name}]\n{help}# pingTimeout = 5000\n").unwrap();
    }
    file.push_str(PLUGINS);
    assert_written("docs/allspark.toml", &file);
    let mut said = Said::nothing();
    assert_eq!(file::read(&mut said, "allspark.toml", &file), []);
    let defaults = Settings::read(&Said::nothing());
    assert_eq!(Settings::read(&said), defaults);
}

const EXAMPLE: &str = "\
# Every option of allspark with its default. What each means: docs/OPTIONS.md.
# Made of server/table.rs by its tests: UPDATE_DOCS=1 cargo test --bin allspark docs
";

const PLUGINS: &str = "
# Plugins: each has a table of its options, and is there if the table is. PLUGINS.md has them.
# [plugins.emit]
";

fn example_of(setting: &Setting) -> String {
    let name = setting.key();
    let line = match (setting.default, setting.kind) {
        (DefaultValue::Words(words), kind) => {
            format!("# {name} = {}    # default: {words}", kind.name())
        }
        (DefaultValue::Text(text), Kind::List) => {
            let elements: Vec<String> = text.split(',').map(|text| format!("{text:?}")).collect();
            format!("{name} = [{}]", elements.join(", "))
        }
        (DefaultValue::Text(text), Kind::Text(_) | Kind::Repeated(_))
            if text.parse::<u64>().is_err() =>
        {
            format!("{name} = {text:?}")
        }
        (DefaultValue::Text(text), _) => format!("{name} = {text}"),
    };
    let bounds = match setting.kind {
        Kind::Number(unit, ..) => format!(" ({unit}, {})", setting.kind.bounds()),
        _ => String::new(),
    };
    format!(
        "\n{}{line}\n",
        wrapped(&format!("{}{bounds}.", setting.help))
    )
}

/// A remark in lines that are not too long.
fn wrapped(text: &str) -> String {
    const COLUMNS_MAX: usize = 100;
    let (mut lines, mut line) = (String::new(), String::from("#"));
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > COLUMNS_MAX {
            lines += &format!("{line}\n");
            line = String::from("#");
        }
        line += &format!(" {word}");
    }
    format!("{lines}{line}\n")
}
