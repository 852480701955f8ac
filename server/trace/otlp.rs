//! Spans as OTLP has them in JSON (opentelemetry-proto 1.x, `ExportTraceServiceRequest`): ids are
//! hexadecimal digits, and numbers of 64 bits are strings.

use serde_json::{Value as Json, json};

use super::ended::{Ended, Value};

/// Spans of servers, which all of these are.
const KIND_SERVER: u8 = 2;

/// Codes of a status.
const UNSET: u8 = 0;
const ERROR: u8 = 2;

/// The body of a request with these spans.
pub(super) fn encode(service: &str, spans: &[Ended]) -> Vec<u8> {
    let spans: Vec<Json> = spans.iter().map(span).collect();
    let version = env!("CARGO_PKG_VERSION");
    let body = json!({
        "resourceSpans": [{
            "resource": {"attributes": [
                attribute("service.name", &service.into()),
                attribute("service.version", &version.into()),
            ]},
            "scopeSpans": [{"scope": {"name": "allspark", "version": version}, "spans": spans}],
        }]
    });
    body.to_string().into_bytes()
}

fn span(span: &Ended) -> Json {
    let attributes = span.attributes.iter();
    let attributes: Vec<Json> = attributes
        .map(|(name, value)| attribute(name, value))
        .collect();
    let mut json = json!({
        "traceId": format!("{:032x}", span.context.trace),
        "spanId": format!("{:016x}", span.context.span),
        "name": span.name,
        "kind": KIND_SERVER,
        "startTimeUnixNano": span.begun_ns.to_string(),
        "endTimeUnixNano": span.ended_ns.to_string(),
        "attributes": attributes,
        "status": {"code": if span.error.is_some() { ERROR } else { UNSET }},
    });
    if let Some(parent) = span.parent {
        json["parentSpanId"] = format!("{parent:016x}").into();
    }
    if let Some(state) = &span.state {
        json["traceState"] = (**state).into();
    }
    if let Some(error) = &span.error {
        json["status"]["message"] = (**error).into();
    }
    json
}

fn attribute(name: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({"stringValue": text}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
    };
    json!({"key": name, "value": value})
}
