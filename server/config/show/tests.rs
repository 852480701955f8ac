use super::*;
use crate::file;
use crate::settings::Settings;
use crate::table::find;

fn said(text: &str) -> Said {
    let mut said = Said::nothing();
    assert_eq!(file::read(&mut said, "a.toml", text), []);
    said
}

/// What is shown can be read again, and means the same.
#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    for text in [
        "",
        "shards = 2\ncompression = \"yes\"\nping-interval = false\nlisten = [':81', 'unix:@a b']",
        "[cors]\norigins = ['http://a', 'http://b']\nheaders = ''\n[limits]\nmax-length = 1_000",
        "[transport]\npingTimeout = 5_000\nperMessageDeflate.threshold = 64\ncookie = 'i\"o'",
        "[hooks]\nurl = 'http://a'\nevent-url = { connect = 'http://b', message = 'http://c' }",
        "[plugins.rooms]\njoin = ['news:*']\n[plugins]\nemit = true\nmetroplex = false",
        "[tls.a]\ncert = 'a.pem'\nkey = 'a.key'\nca = ['b', 'c']\n\
         [[tls.certificates]]\ncert = 'x'\nkey = 'y'",
    ] {
        let said = said(text);
        let shown = super::text(&said, Form::Toml);
        let mut again = Said::nothing();
        assert_eq!(file::read(&mut again, "b.toml", &shown), [], "{shown}");
        let (one, other) = (Settings::read(&said), Settings::read(&again));
        assert_eq!(one.unwrap(), other.unwrap(), "{shown}");
    }
}

#[test]
fn each_value_names_its_origin() {
    let mut said = said("\n[limits]\n  max-length = 7\n");
    said.say(
        find("shards").unwrap(),
        "3",
        Origin::of_variable("ALLSPARK_SHARDS"),
    );
    said.say(find("app").unwrap(), "echo", Origin::of_flag("app"));
    let shown = text(&said, Form::Toml);
    for line in [
        "max-length = 7    # a.toml:3:3",
        "shards = 3    # ALLSPARK_SHARDS",
        "app = \"echo\"    # --app",
        "parser = \"json\"    # default",
        "# send-queue: twice max-length and 1 MiB, at least 4 MiB    # default",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    let shown: Value = serde_json::from_str(&text(&said, Form::Json)).unwrap();
    let options = shown["options"].as_array().unwrap();
    assert_eq!(options.len(), SETTINGS.len());
    let option = |name: &str| options.iter().find(|option| option["name"] == name);
    let length = option("max-length").unwrap();
    assert_eq!(
        (&length["value"], &length["line"]),
        (&json!("7"), &json!(3))
    );
    assert_eq!(
        (&length["file"], &length["column"]),
        (&json!("a.toml"), &json!(3))
    );
    assert_eq!(option("shards").unwrap()["source"], "environment");
    assert_eq!(option("send-queue").unwrap()["value"], Value::Null);
}

#[test]
fn no_secret_is_shown() {
    let mut said = said(
        "[plugins.omega-supreme]\nusername = 'ann'\npassword = 'hush'\n\
         [plugins.metroplex]\nredis = 'redis://me:hush@localhost/1'\n\
         [plugins]\nmine = { api-token = 'hush', deep = { secret = ['hush'] } }",
    );
    for setting in SETTINGS.iter().filter(|setting| setting.is_secret) {
        said.say(setting, "hush", Origin::of_variable("ALLSPARK_X"));
    }
    for form in [Form::Toml, Form::Json] {
        let shown = text(&said, form);
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("ann") && shown.contains("localhost/1"));
        assert!(shown.contains("jwt-secret"), "that it is set is no secret");
    }
}
