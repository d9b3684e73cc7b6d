use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::documents;
use super::route::{Access, Answer, Operation, table};
use super::served::Asset;

/// Written once: it is large, and whoever asks for it again and again must not keep the server busy.
static WRITTEN: LazyLock<Asset> = LazyLock::new(|| Asset::new(document().to_string().into_bytes()));

/// Says what the server answers, to people and to generators of clients.
pub(super) async fn openapi(headers: HeaderMap) -> Response {
    documents::revalidated(&WRITTEN, &headers)
}

/// Returns the OpenAPI document of every route.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in table() {
        let operations = route.operations.iter().map(|said| (said.method.to_owned(), operation(route.path, said)));
        paths.insert(route.path.to_owned(), Value::Object(operations.collect()));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "flag-admin serve",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "parameters": shared_parameters(),
            "schemas": schemas(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(path: &str, said: &Operation) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".into(), said.id.into());
    operation.insert("tags".into(), json!([said.tag]));
    operation.insert("summary".into(), said.summary.into());
    if said.access == Access::Token {
        operation.insert("security".into(), json!([{ "token": [] }]));
    }
    let mut parameters: Vec<Value> = path
        .split(['{', '}'])
        .skip(1)
        .step_by(2)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let answered = |status| said.answers.iter().any(|answer| answer.status == status);
    let shared =
        [("environment", path.starts_with("/admin/v1/")), ("ifMatch", answered(412)), ("ifNoneMatch", answered(304))];
    let taken = shared.into_iter().filter(|(_, is_taken)| *is_taken);
    parameters.extend(taken.map(|(name, _)| json!({ "$ref": format!("#/components/parameters/{name}") })));
    if !parameters.is_empty() {
        operation.insert("parameters".into(), parameters.into());
    }
    if let Some((media, schema)) = said.body {
        operation.insert("requestBody".into(), json!({ "required": true, "content": content(media, schema) }));
    }
    let answers = said.answers.iter().map(|Answer { status, says, body }| {
        let mut answer = Map::new();
        answer.insert("description".into(), (*says).into());
        if let Some((media, schema)) = body {
            answer.insert("content".into(), content(media, schema));
        }
        (status.to_string(), Value::Object(answer))
    });
    operation.insert("responses".into(), Value::Object(answers.collect()));
    operation.into()
}

/// Returns what many operations take besides.
fn shared_parameters() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "environment": {
            "name": "environment", "in": "query", "schema": text,
            "description": "The environment that it is about; else the one that is served",
        },
        "ifMatch": {
            "name": "If-Match", "in": "header", "schema": text,
            "description": "The ETag that was answered last: nothing is done if the log has moved on since",
        },
        "ifNoneMatch": {
            "name": "If-None-Match", "in": "header", "schema": text,
            "description": "The ETag of what is held: the answer is 304 if that still is the one",
        },
    })
}

fn content(media: &str, schema: &str) -> Value {
    json!({ media: { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

fn schemas() -> Value {
    let mut schemas = schemas_of_documents();
    if let (Some(all), Value::Object(more)) = (schemas.as_object_mut(), schemas_of_evaluation()) {
        all.extend(more);
    }
    schemas
}

fn schemas_of_evaluation() -> Value {
    json!({
        "Report": { "type": "object", "description": "Exactly the bytes that a client's report --show prints" },
        "EvaluationRequest": {
            "type": "object",
            "properties": {
                "context": {
                    "type": "object",
                    "properties": { "targetingKey": { "type": ["string", "null"] } },
                    "additionalProperties": true,
                },
            },
        },
        "Evaluation": {
            "type": "object",
            "required": ["key", "reason", "variant", "value"],
            "properties": {
                "key": { "type": "string" },
                "reason": {
                    "enum": ["STATIC", "DEFAULT", "TARGETING_MATCH", "SPLIT", "DISABLED", "STALE"],
                },
                "variant": { "type": "string" },
                "value": {},
                "metadata": {
                    "type": "object",
                    "additionalProperties": { "type": ["boolean", "string", "number"] },
                },
            },
        },
        "EvaluationFailure": {
            "type": "object",
            "required": ["errorCode", "errorDetails"],
            "properties": {
                "key": { "type": "string" },
                "errorCode": {
                    "enum": ["PARSE_ERROR", "INVALID_CONTEXT", "FLAG_NOT_FOUND", "PROVIDER_NOT_READY", "GENERAL"],
                },
                "errorDetails": { "type": "string" },
            },
        },
        "BulkEvaluation": {
            "type": "object",
            "required": ["flags"],
            "properties": {
                "flags": {
                    "type": "array",
                    "items": {
                        "anyOf": [
                            { "$ref": "#/components/schemas/Evaluation" },
                            { "$ref": "#/components/schemas/EvaluationFailure" },
                        ],
                    },
                },
                "metadata": { "type": "object" },
                "eventStreams": { "type": "array", "items": { "type": "object" } },
            },
        },
    })
}

fn schemas_of_documents() -> Value {
    json!({
        "Document": { "type": "object" },
        "Text": { "type": "string" },
        "Events": { "type": "string", "description": "Server-sent events, as the HTML standard has them" },
        "Status": {
            "type": "object",
            "required": ["status"],
            "properties": { "status": { "const": "ok" } },
        },
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["code", "message", "hint"],
                    "properties": {
                        "code": { "type": "string" },
                        "message": { "type": "string" },
                        "hint": { "type": ["string", "null"] },
                        "details": {},
                    },
                },
            },
        },
        "Envelope": {
            "type": "object",
            "description": "A DSSE envelope; a snapshot stands beside its digest as the member content",
            "required": ["payloadType", "payload", "signatures"],
            "properties": {
                "payloadType": { "type": "string" },
                "payload": { "type": "string", "contentEncoding": "base64" },
                "content": { "type": "object" },
                "signatures": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["sig"],
                        "properties": {
                            "keyid": { "type": "string" },
                            "sig": { "type": "string", "contentEncoding": "base64" },
                        },
                    },
                },
            },
        },
    })
}
