//! What OpenFeature's Rust provider makes of the server at `OFREP_URL`.
//!
//! The provider calls every reason `Static`, and a value of another type an error of parsing; both are its own, so values and variants
//! are what is held against the server here.

use open_feature::{
    EvaluationContext, EvaluationDetails, EvaluationError, EvaluationErrorCode, OpenFeature, StructValue,
};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};

fn check<T: PartialEq + std::fmt::Debug>(
    found: Result<EvaluationDetails<T>, EvaluationError>,
    value: &T,
    variant: &str,
) {
    let found = found.unwrap_or_else(|error| panic!("{error:?}, expected {value:?}"));
    assert_eq!((&found.value, found.variant.as_deref()), (value, Some(variant)), "{}", found.flag_key);
}

/// Returns the code of a failure. Texts that come with some codes are for people.
fn code<T: std::fmt::Debug>(found: Result<EvaluationDetails<T>, EvaluationError>) -> EvaluationErrorCode {
    found.unwrap_err().code
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let base_url = std::env::var("OFREP_URL").expect("OFREP_URL names the server");
    let provider = OfrepProvider::new(OfrepOptions { base_url, ..OfrepOptions::default() }).await.unwrap();
    OpenFeature::singleton_mut().await.set_provider(provider).await;
    let client = OpenFeature::singleton().await.create_client();
    let nobody = EvaluationContext::default();
    let team = EvaluationContext::default().with_targeting_key("u1").with_custom_field("plan", "team");

    check(client.get_bool_details("plain", Some(&nobody), None).await, &true, "on");
    check(client.get_bool_details("team", Some(&team), None).await, &true, "on");
    check(client.get_bool_details("team", Some(&nobody), None).await, &false, "off");
    check(client.get_bool_details("switched", Some(&nobody), None).await, &false, "off");
    check(client.get_bool_details("half", Some(&nobody), None).await, &false, "off");
    check(client.get_string_details("greeting", Some(&nobody), None).await, &"good morning".to_owned(), "long");
    check(client.get_int_details("count", Some(&nobody), None).await, &7, "many");
    check(client.get_float_details("ratio", Some(&nobody), None).await, &3.0, "low");
    let shape: Shape = client.get_struct_value("shape", Some(&nobody), None).await.unwrap();
    assert_eq!(shape.0.fields["sides"].as_i64(), Some(4));

    assert_eq!(code(client.get_bool_details("nothing", Some(&nobody), None).await), EvaluationErrorCode::FlagNotFound);
    assert_eq!(code(client.get_bool_details("greeting", Some(&nobody), None).await), EvaluationErrorCode::ParseError);

    let mut shares = 0;
    for unit in 0..200 {
        let somebody = EvaluationContext::default().with_targeting_key(format!("u{unit}"));
        shares += u32::from(client.get_bool_value("half", Some(&somebody), None).await.unwrap());
    }
    assert!((60..140).contains(&shares), "{shares}");
    println!("Rust's provider agrees");
}

/// What the flag `shape` is, as an application would have a type of its own.
struct Shape(StructValue);

impl From<StructValue> for Shape {
    fn from(value: StructValue) -> Self {
        Self(value)
    }
}
