//! One option, as the table of options has it: what is known of it besides its value.

/// Sections whose options have a prefix elsewhere.
pub(crate) const ADMIN: &str = "admin";
pub(crate) const AUTHORIZATION: &str = "authorization";
pub(crate) const TLS: &str = "tls";
pub(crate) const API: &str = "api";
pub(crate) const HOOKS: &str = "hooks";

/// One option, the same on the command line, in the environment and in a file.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    /// Its name in kebab case: `--name`, `ALLSPARK_NAME`, `name = ..`.
    pub(crate) name: &'static str,
    /// What its value is like.
    pub(crate) kind: Kind,
    /// What it is unless somebody says otherwise.
    pub(crate) default: DefaultValue,
    /// What it means.
    pub(crate) help: &'static str,
    /// The section of the file in which it may stand, too; none if this is empty.
    pub(crate) section: &'static str,
    /// The name of the option of Primus that it is; empty if Primus has no such option.
    pub(crate) primus: &'static str,
    /// Whether the binary alone has it, and no server of the library.
    pub(crate) is_own: bool,
    /// Whether it changes the client library, so that `allspark library` has it, too.
    pub(crate) is_for_library: bool,
    /// Whether it is a secret, so that only the environment has it: everybody on a machine sees
    /// flags, and the file is shown around.
    pub(crate) is_secret: bool,
    /// Whether a reload has a new value count; otherwise that takes a restart.
    pub(crate) is_live: bool,
}

/// What a value is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text, with what stands for it in the help.
    Text(&'static str),
    /// Yes or no; on the command line yes if it is only named.
    Switch,
    /// A list, which a file may have as an array.
    List,
    /// A list of these, which a file may have as an array and the command line one by one.
    Repeated(&'static str),
    /// A name and a value. It may be given more than once, and a file has a table of them.
    Pair,
    /// A plugin, or an option of one. It may be given more than once, and a file has a table of
    /// tables of them.
    Plugin,
    /// A certificate for further names. It may be given more than once, and a file has an array of
    /// tables of them.
    Certificate,
    /// A section of options with a name. It may be given more than once, and a file has a table of
    /// that name within the section.
    Section,
    /// A whole number of this unit, from the least to the most.
    Number(&'static str, u64, u64),
}

/// What an option is unless somebody says otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DefaultValue {
    /// This, as one would write it.
    Text(&'static str),
    /// What these words say.
    Words(&'static str),
}

impl Kind {
    /// What stands for the value in the help.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text(name) | Self::Number(name, ..) | Self::Repeated(name) => name,
            Self::Switch => "BOOL",
            Self::List => "LIST",
            Self::Pair => "KEY=VALUE",
            Self::Plugin => "NAME[.OPTION=VALUE]",
            Self::Certificate => "cert=FILE,key=FILE",
            Self::Section => "NAME={JSON}",
        }
    }

    /// Whether it may be given more than once.
    pub(crate) const fn is_repeated(self) -> bool {
        matches!(
            self,
            Self::Pair | Self::Plugin | Self::Certificate | Self::Section
        )
    }

    /// The bounds of a number, in words; empty if it has none.
    pub(crate) fn bounds(self) -> String {
        match self {
            Self::Number(_, least, u64::MAX) => format!("at least {least}"),
            Self::Number(_, least, most) => format!("{least} to {most}"),
            _ => String::new(),
        }
    }
}

impl DefaultValue {
    /// What the help says.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Text(words) | Self::Words(words) => words,
        }
    }
}

impl Setting {
    pub(crate) const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    pub(crate) const fn within(mut self, section: &'static str) -> Self {
        self.section = section;
        self
    }

    pub(crate) const fn of_primus(mut self, name: &'static str) -> Self {
        self.primus = name;
        self
    }

    pub(crate) const fn own(mut self) -> Self {
        self.is_own = true;
        self
    }

    pub(crate) const fn for_library(mut self) -> Self {
        self.is_for_library = true;
        self
    }

    pub(crate) const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// A reload has a new value count.
    pub(crate) const fn live(mut self) -> Self {
        self.is_live = true;
        self
    }

    /// Its name in its section of the file, and as a field: there what stands before the hyphen
    /// would only say again what section it is.
    pub(crate) fn key(&self) -> &'static str {
        let prefix = match self.section {
            AUTHORIZATION => "auth",
            section => section,
        };
        let rest = self.name.strip_prefix(prefix);
        let key = rest.and_then(|rest| rest.strip_prefix('-'));
        key.filter(|_| !prefix.is_empty()).unwrap_or(self.name)
    }

    /// The structs that lead to its field.
    pub(crate) fn struct_path(&self) -> impl Iterator<Item = &'static str> {
        let options = if self.is_own { "" } else { "options" };
        [options, self.section]
            .into_iter()
            .filter(|name| !name.is_empty())
    }

    /// What `--help` says about it.
    pub(crate) fn help_text(&self) -> String {
        let (help, default) = (self.help, self.default.words());
        match self.kind.bounds().as_str() {
            "" => format!("{help} [default: {default}]"),
            bounds => format!("{help} [{bounds}; default: {default}]"),
        }
    }
}

pub(crate) const fn setting(name: &'static str, kind: Kind, default: DefaultValue) -> Setting {
    Setting {
        name,
        kind,
        default,
        help: "",
        section: "",
        primus: "",
        is_own: false,
        is_for_library: false,
        is_secret: false,
        is_live: false,
    }
}
