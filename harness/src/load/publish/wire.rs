//! How a request to publish is put: as applications put it, by docs/API.md.

use allspark_protocol::http::write_request;

use super::plan::PublishPlan;

/// What stands before and behind a message in its command.
const BEFORE: &[u8] = br#"{"to":{"all":true},"data":"#;
const BEHIND: &[u8] = b"}";

/// What stands around the commands of a batch.
const BATCH_BEFORE: &[u8] = br#"{"commands":["#;
const BATCH_BEHIND: &[u8] = b"]}";

/// A body that is being put together.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Commands, with commas between them.
    commands: Vec<u8>,
    body: Vec<u8>,
}

impl Scratch {
    pub(super) fn begin(&mut self) {
        self.commands.clear();
    }

    /// Adds a message, which `write` appends.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.commands.is_empty() {
            self.commands.push(b',');
        }
        self.commands.extend_from_slice(BEFORE);
        // A message knows how long it is by where it begins.
        self.body.clear();
        write(&mut self.body);
        self.commands.extend_from_slice(&self.body);
        self.commands.extend_from_slice(BEHIND);
    }

    /// Appends the whole request.
    pub(super) fn finish(&mut self, plan: &PublishPlan, host: &str, out: &mut Vec<u8>) {
        let (path, body) = match plan.batch {
            1 => ("/api/v1/publish", &self.commands),
            _ => {
                self.body.clear();
                self.body.extend_from_slice(BATCH_BEFORE);
                self.body.extend_from_slice(&self.commands);
                self.body.extend_from_slice(BATCH_BEHIND);
                ("/api/v1/batch", &self.body)
            }
        };
        let key = format!("Bearer {}", plan.key);
        let headers = [
            ("Authorization", &*key),
            ("Content-Type", "application/json"),
        ];
        write_request(out, "POST", path, host, &headers, Some(body))
            .expect("the key was judged with the plan");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(batch: u16) -> String {
        let plan = PublishPlan {
            key: "a key".to_owned(),
            connections: 1,
            batch,
        };
        let mut scratch = Scratch::default();
        scratch.begin();
        (0..batch).for_each(|_| scratch.add(|out| out.extend_from_slice(b"[1]")));
        let mut out = Vec::new();
        scratch.finish(&plan, "h", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_request_is_one_command_or_a_batch() {
        let one = request(1);
        assert!(one.starts_with("POST /api/v1/publish HTTP/1.1\r\nHost: h\r\n"));
        assert!(one.contains("\r\nAuthorization: Bearer a key\r\n"));
        assert!(one.ends_with("\r\n\r\n{\"to\":{\"all\":true},\"data\":[1]}"));
        let two = request(2);
        let body = two.split_once("\r\n\r\n").unwrap().1;
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["commands"].as_array().unwrap().len(), 2);
    }
}
