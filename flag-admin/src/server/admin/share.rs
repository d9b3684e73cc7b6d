use axum::http::StatusCode;
use flag_core::{Share, ShareError};
use serde::Deserialize;

use crate::server::refusal::Refusal;

/// A share as whole thousandths of a percent, or in words such as `25%`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ShareText {
    Thousandths(u32),
    Words(String),
}

impl ShareText {
    pub(super) fn read(&self) -> Result<Share, Refusal> {
        let text = match self {
            // A share in JSON is its own form; anything larger than everyone is refused with the same words.
            Self::Thousandths(share) => format!("{}.{:03}%", share / 1_000, share % 1_000),
            Self::Words(words) => words.clone(),
        };
        text.parse()
            .map_err(|error: ShareError| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_share", error.to_string()))
    }
}
