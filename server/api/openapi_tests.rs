//! Whether docs/openapi.json is true.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::command::{Command, ROOMS_MAX, SPARKS_MAX};
use super::super::gather::PAGE_MAX;
use super::super::publish::BATCH_MAX;
use super::super::replays::IDEMPOTENCY_KEY_BYTES_MAX;
use super::*;

fn document() -> Value {
    serde_json::from_str(OPENAPI).expect("it is JSON")
}

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// Method, path and scope of each operation.
fn described(document: &Value) -> BTreeSet<(String, String, String)> {
    let mut all = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // Those of other parts are judged by them.
            if METHODS.contains(&method.as_str()) && operation.get("x-part").is_none() {
                let scope = operation["x-scope"].as_str().unwrap_or("none");
                all.insert((method.to_uppercase(), path.clone(), scope.to_owned()));
            }
        }
    }
    all
}

#[test]
fn the_document_has_the_routes_and_no_others() {
    let document = document();
    let mut served: BTreeSet<_> = ROUTES
        .iter()
        .map(|route| {
            let scope = route.scope.map_or("by command", Scope::name);
            (route.method.into(), route.path.into(), scope.into())
        })
        .collect();
    served.insert(("GET".into(), OPENAPI_PATH.into(), "none".into()));
    assert_eq!(described(&document), served);
    assert_eq!(document["servers"][0]["url"], PATH);
}

#[test]
fn each_operation_says_what_goes_wrong_and_each_reference_leads_somewhere() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let operations = METHODS.iter().filter_map(|method| item.get(method));
        for operation in operations.filter(|operation| operation["security"].is_null()) {
            let responses = operation["responses"].as_object().unwrap();
            for status in ["401", "403", "429", "503"] {
                assert!(responses.contains_key(status), "{path}: {status}");
            }
        }
    }
    let pieces = OPENAPI.split("\"$ref\": \"#").skip(1);
    let references: Vec<&str> = pieces.filter_map(|piece| piece.split('"').next()).collect();
    assert!(references.len() > 20);
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[test]
fn its_examples_are_commands_and_its_bounds_are_those_of_the_code() {
    let document = document();
    let content = &document["paths"]["/publish"]["post"]["requestBody"]["content"];
    let examples = content["application/json"]["examples"].as_object().unwrap();
    assert!(examples.len() >= 8);
    for (name, example) in examples {
        let read = Command::try_from(example["value"].clone());
        assert!(read.is_ok(), "{name}: {read:?}");
    }
    let bound = |pointer: &str| document.pointer(pointer).unwrap().as_u64().unwrap() as usize;
    let schemas = "/components/schemas";
    let of = |path: &str| bound(&format!("{schemas}/{path}"));
    assert_eq!(of("Batch/properties/commands/maxItems"), BATCH_MAX);
    assert_eq!(of("Publish/properties/except/maxItems"), SPARKS_MAX);
    let rooms = "Publish/properties/to/oneOf/1/properties/rooms/maxItems";
    assert_eq!(of(rooms), ROOMS_MAX);
    let limit = "/paths/~1sparks/get/parameters/0/schema/maximum";
    assert_eq!(bound(limit), PAGE_MAX);
    let once = "/paths/~1batch/post/parameters/0/schema/maxLength";
    assert_eq!(bound(once), IDEMPOTENCY_KEY_BYTES_MAX);
}
