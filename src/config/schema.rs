//! The JSON Schema of the file, made from the same fields that validate it, for editors that complete and check.
use serde_json::{Map, Value, json};

use super::{Catalog, Field, Kind, Shape, fields};

/// Makes the schema (draft 2020-12).
pub fn schema(catalog: &Catalog<'_>) -> Value {
    let mut file = object(fields::FILE.iter());
    let service = service(catalog);
    if let Some(properties) = file.get_mut("properties").and_then(Value::as_object_mut) {
        properties
            .insert("service".into(), json!({ "type": "array", "items": service, "description": doc("service") }));
        let logs: Vec<_> = fields::LOG_KINDS.iter().map(|(kind, own)| log(kind, own)).collect();
        let log = json!({ "type": "array", "items": { "oneOf": logs }, "description": doc("log") });
        properties.insert("log".into(), log);
        for (key, kinds, common) in
            [("tracker", catalog.trackers, fields::TRACKER), ("notifier", catalog.notifiers, fields::NOTIFIER)]
        {
            let kinds: Vec<_> = kinds.iter().map(|kind| place(*kind, common)).collect();
            let list = json!({ "type": "array", "items": { "oneOf": kinds }, "description": doc(key) });
            properties.insert(key.into(), list);
        }
    }
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), "quarterdeck: qd.toml".into());
    schema.extend(file);
    // Included files have no version of their own.
    schema.remove("required");
    Value::Object(schema)
}

fn doc(key: &str) -> &'static str {
    fields::FILE.iter().find(|field| field.name == key).map_or("", |field| field.doc)
}

fn service(catalog: &Catalog<'_>) -> Value {
    let own = |field: &&Field| !fields::SERVICE_OWN.contains(&field.name);
    let mut service = object(fields::SERVICE.iter().filter(own));
    let mut place = object(fields::PLACE.iter().filter(|field| field.name != "checks"));
    let checks: Vec<_> = catalog.checks.iter().map(|kind| check(*kind)).collect();
    insert(
        &mut place,
        "checks",
        json!({ "type": "array", "items": { "oneOf": checks } }),
        "How it is asked whether it works.",
    );
    let places = json!({ "type": "object", "minProperties": 1, "additionalProperties": place });
    insert(&mut service, "in", places, "Where it runs, by environment.");
    insert(&mut service, "recipe", json!({ "type": "object" }), "Settings of its kind.");
    let kinds: Vec<_> = catalog.recipes.iter().map(|kind| kind.name()).chain(["external"]).collect();
    insert(&mut service, "kind", json!({ "enum": kinds }), "The recipe that restarts it, or `external`: only watched.");
    service.insert("required".into(), json!(["name", "in"]));
    let by_kind: Vec<_> = catalog
        .recipes
        .iter()
        .map(|kind| {
            json!({
                "if": { "properties": { "kind": { "const": kind.name() } }, "required": ["kind"] },
                "then": { "properties": { "recipe": object(kind.fields().iter()) } },
            })
        })
        .collect();
    if !by_kind.is_empty() {
        service.insert("allOf".into(), by_kind.into());
    }
    Value::Object(service)
}

fn insert(object: &mut Map<String, Value>, key: &str, mut schema: Value, doc: &str) {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".into(), doc.into());
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(key.to_owned(), schema);
    }
}

fn check(kind: &dyn Kind) -> Value {
    let own = kind.fields();
    let has_own = |field: &&Field| !own.iter().any(|own| own.name == field.name);
    let needs_host = kind.name() == "command";
    let common = fields::CHECK.iter().filter(has_own).filter(|field| field.name != "on" || needs_host);
    let mut check = object(own.iter().chain(common));
    insert(&mut check, "type", json!({ "const": kind.name() }), "What kind of check.");
    if let Some(required) = check.get_mut("required").and_then(Value::as_array_mut).filter(|_| needs_host) {
        required.push("on".into());
    }
    Value::Object(check)
}

fn log(kind: &str, own: &[Field]) -> Value {
    let mut log = object(own.iter().chain(fields::LOG));
    insert(&mut log, "type", json!({ "const": kind }), "What kind of place.");
    Value::Object(log)
}

fn place(kind: &dyn Kind, common: &'static [Field]) -> Value {
    let mut place = object(kind.fields().iter().chain(common));
    let doc = common.iter().find(|field| field.name == "type").map_or("", |field| field.doc);
    insert(&mut place, "type", json!({ "const": kind.name() }), doc);
    Value::Object(place)
}

fn object<'f>(fields: impl Iterator<Item = &'f Field>) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required: Vec<Value> = Vec::new();
    for field in fields {
        let mut schema = of(&field.shape);
        schema.insert("description".into(), field.doc.into());
        properties.insert(field.name.to_owned(), Value::Object(schema));
        if field.required {
            required.push(field.name.into());
        }
    }
    let mut object = Map::new();
    object.insert("type".into(), "object".into());
    object.insert("additionalProperties".into(), false.into());
    object.insert("properties".into(), Value::Object(properties));
    if !required.is_empty() {
        object.insert("required".into(), required.into());
    }
    object
}

fn of(shape: &Shape) -> Map<String, Value> {
    let schema = match shape {
        Shape::Text | Shape::Path | Shape::Host => json!({ "type": "string" }),
        Shape::Url => json!({ "type": "string", "pattern": "^https?://" }),
        Shape::Duration => json!({ "type": "string", "pattern": "^\\s*([0-9]+(ms|s|m|h|d|w))+\\s*$" }),
        Shape::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Choice(words) => json!({ "enum": words }),
        Shape::Regex => json!({ "type": "string", "format": "regex" }),
        Shape::Id => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,48}$" }),
        Shape::Secret => json!({ "type": "string", "pattern": "^(env|file|command):" }),
        Shape::List(of_each) => json!({ "type": "array", "items": of(of_each) }),
        Shape::Table(fields) => return object(fields.iter()),
        Shape::Map(of_each) => json!({ "type": "object", "additionalProperties": of(of_each) }),
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(of).collect::<Vec<_>>() }),
    };
    if let Value::Object(schema) = schema { schema } else { Map::new() }
}
