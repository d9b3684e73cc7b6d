//! What OpenFeature knows of a context, as attributes that conditions test.

use flag_core::{Attributes, Object, Value};
use open_feature::{EvaluationContext, EvaluationContextFieldValue as Field, StructValue};

/// Returns the custom fields that can be read.
pub(super) fn attributes(context: &EvaluationContext) -> Attributes {
    let fields = context.custom_fields.iter();
    fields.filter_map(|(name, field)| Some((name.as_str(), attribute(field)?))).collect()
}

fn attribute(field: &Field) -> Option<Value> {
    match field {
        Field::Bool(value) => Some(Value::Bool(*value)),
        Field::Int(value) => Some(Value::Integer(*value)),
        Field::Float(value) => Some(Value::from(*value)),
        Field::String(value) => Some(Value::from(value.as_str())),
        Field::DateTime(moment) => i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok().map(Value::Integer),
        Field::Struct(structure) => structure.downcast_ref::<StructValue>().map(object),
    }
}

fn object(structure: &StructValue) -> Value {
    let fields = structure.fields.iter().map(|(name, value)| (name.as_str().into(), plain(value)));
    Value::Object(Object::from_fields(fields))
}

fn plain(value: &open_feature::Value) -> Value {
    match value {
        open_feature::Value::Bool(value) => Value::Bool(*value),
        open_feature::Value::Int(value) => Value::Integer(*value),
        open_feature::Value::Float(value) => Value::from(*value),
        open_feature::Value::String(value) => Value::from(value.as_str()),
        open_feature::Value::Array(items) => Value::List(items.iter().map(plain).collect()),
        open_feature::Value::Struct(structure) => object(structure),
    }
}
