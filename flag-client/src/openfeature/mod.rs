//! A provider for the OpenFeature API, over the crate `open-feature`.
//!
//! ```
//! # use std::future::Future;
//! use flag_client::openfeature::Provider;
//! use flag_client::{Declaration, FlagClient};
//! use open_feature::{EvaluationContext, OpenFeature};
//!
//! # async fn example() {
//! let flags = FlagClient::builder().declare([Declaration::boolean("command_history").default_on(true)]).open();
//! let mut api = OpenFeature::default();
//! api.set_provider(Provider::new(flags)).await;
//! let user = EvaluationContext::default().with_targeting_key("user-7").with_custom_field("plan", "team");
//! assert_eq!(api.create_client().get_bool_value("command_history", Some(&user), None).await, Ok(true));
//! # }
//! ```

mod attributes;
mod resolution;

use flag_core::{AccessError, Context, Decision, Value, ValueType};
use open_feature::provider::{FeatureProvider, ProviderMetadata, ProviderStatus, ResolutionDetails};
use open_feature::{EvaluationContext, EvaluationResult, StructValue, async_trait};

use self::attributes::attributes;
use self::resolution::{resolution, structure};
use crate::client::FlagClient;
use crate::reads::Reader;
use crate::registry::Evaluation;

/// Answers OpenFeature's questions from a [`FlagClient`].
///
/// * With a targeting key the question is about somebody else: it is answered as by
///   [`for_context`](FlagClient::for_context), with the custom fields for attributes.
/// * Without one it is about this installation: its id, its user's choices, and its attributes with the custom fields laid over them.
/// * Integers and floats are converted where nothing is lost. Everything else is `TYPE_MISMATCH`.
/// * Moments among the custom fields become milliseconds since 1970, `StructValue`s objects; other structures cannot be read and are
///   left out.
/// * The metadata holds `reason` (ours, which is finer), `flagVersion`, `snapshotVersion` and `stale`, and nothing about whom it was for.
#[derive(Clone, Debug)]
pub struct Provider {
    client: FlagClient,
    metadata: ProviderMetadata,
}

impl Provider {
    /// Returns the provider that answers from this client.
    pub fn new(client: FlagClient) -> Self {
        Self { client, metadata: ProviderMetadata::new(crate::PROVIDER_NAME) }
    }

    /// Returns the client.
    pub const fn client(&self) -> &FlagClient {
        &self.client
    }

    fn resolve<V>(
        &self,
        key: &str,
        asked: &EvaluationContext,
        read: impl FnOnce(&Decision<'_>, &Value) -> Result<V, AccessError>,
    ) -> EvaluationResult<ResolutionDetails<V>> {
        let in_force = self.client.lend();
        let snapshot = in_force.info;
        let evaluation: Evaluation<Option<V>> = if let Some(unit) = &asked.targeting_key {
            let attributes = attributes(asked);
            let context = Context::new(unit).with_attributes(&attributes).at(in_force.now);
            Reader::for_others(&in_force, self.client.hooks()).untyped(key, &context, read)
        } else {
            let mut own = in_force.attributes.clone();
            attributes(asked).iter().for_each(|(name, value)| own.set(name, value.clone()));
            let context = in_force.context(key).with_attributes(&own);
            Reader::own(&in_force, self.client.hooks()).untyped(key, &context, read)
        };
        resolution(evaluation, snapshot)
    }
}

#[async_trait]
impl FeatureProvider for Provider {
    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    fn status(&self) -> ProviderStatus {
        match self.client.snapshot_info() {
            Some(snapshot) if snapshot.stale => ProviderStatus::STALE,
            _ => ProviderStatus::Ready,
        }
    }

    async fn resolve_bool_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        self.resolve(key, context, |decision, _| decision.bool())
    }

    async fn resolve_int_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        self.resolve(key, context, |decision, _| decision.integer())
    }

    async fn resolve_float_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        self.resolve(key, context, |decision, _| decision.float())
    }

    async fn resolve_string_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        self.resolve(key, context, |decision, _| decision.string().map(str::to_owned))
    }

    async fn resolve_struct_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        self.resolve(key, context, |decision, value| match value {
            Value::Object(object) => Ok(structure(object)),
            other => Err(AccessError::Type {
                flag: decision.flag().map_or("", |flag| flag.key().as_str()).into(),
                found: other.value_type(),
                expected: ValueType::Object,
            }),
        })
    }
}
