//! Which status a failure of the application has.

use axum::http::StatusCode;

use crate::adapters::FolderError;
use crate::app::ports::{LogError, PublisherError};
use crate::app::{AppError, AuditError, Failure, OpenError, ScopeError};
use crate::definition::DefinitionError;
use crate::server::refusal::Refusal;

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        let refusal = Self::of(status(&error), &error);
        if refusal.status == StatusCode::SERVICE_UNAVAILABLE { refusal.with_retry_after(1) } else { refusal }
    }
}

impl From<ScopeError> for Refusal {
    fn from(error: ScopeError) -> Self {
        Self::of(StatusCode::FORBIDDEN, &error)
    }
}

impl From<FolderError> for Refusal {
    fn from(error: FolderError) -> Self {
        Self::of(StatusCode::INTERNAL_SERVER_ERROR, &error)
    }
}

impl From<AuditError> for Refusal {
    fn from(error: AuditError) -> Self {
        Self::of(StatusCode::CONFLICT, &error)
    }
}

impl From<DefinitionError> for Refusal {
    fn from(error: DefinitionError) -> Self {
        Self::of(StatusCode::UNPROCESSABLE_ENTITY, &error)
    }
}

fn status(error: &AppError) -> StatusCode {
    match error {
        AppError::Open(error) => of_open(error),
        AppError::Policy(_) => StatusCode::FORBIDDEN,
        AppError::Conflict(_) => StatusCode::CONFLICT,
        AppError::Publisher(PublisherError { source, .. }) if is_full(&**source) => StatusCode::INSUFFICIENT_STORAGE,
        // Documents in the project's own store are kept where its log is.
        AppError::Publisher(PublisherError { source, .. }) => {
            source.downcast_ref().map_or(StatusCode::INTERNAL_SERVER_ERROR, of_log)
        }
        AppError::Key(_)
        | AppError::Roots(_)
        | AppError::Randomness(_)
        | AppError::DraftStore(_)
        | AppError::Seal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        error => of_code(error.code()),
    }
}

fn of_open(error: &OpenError) -> StatusCode {
    match error {
        OpenError::Log(error) => of_log(error),
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_log(error: &LogError) -> StatusCode {
    match error {
        LogError::HeadMoved { .. } => StatusCode::CONFLICT,
        LogError::Storage { source, .. } if is_full(&**source) => StatusCode::INSUFFICIENT_STORAGE,
        // A database that went away meanwhile may have made the change or not, so nobody is told to just try again.
        LogError::Storage { action: "written", .. } => StatusCode::INTERNAL_SERVER_ERROR,
        LogError::Locked { .. } | LogError::Storage { .. } => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Tells whether something failed since a disk is full.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut error = Some(error);
    while let Some(cause) = error {
        let is_full =
            cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::StorageFull);
        if is_full || cause.to_string().contains("disk is full") {
            return true;
        }
        error = cause.source();
    }
    false
}

fn of_code(code: &str) -> StatusCode {
    match code {
        "no_rollout" | "no_request" | "no_draft" | "no_entry" | "no_flag" | "not_killed" => StatusCode::NOT_FOUND,
        "no_reports" => StatusCode::SERVICE_UNAVAILABLE,
        "own_request" => StatusCode::FORBIDDEN,
        "already_killed"
        | "flag_exists"
        | "environment_exists"
        | "group_exists"
        | "group_full"
        | "group_used"
        | "group_member"
        | "segment_used"
        | "in_use"
        | "needed"
        | "killed"
        | "disabled"
        | "rollout_under_way"
        | "already_exposed"
        | "cannot_move"
        | "against_verdict"
        | "request_moved"
        | "draft_moved"
        | "draft_exists"
        | "foreign_draft"
        | "overtaken"
        | "not_undoable"
        | "nothing_to_undo"
        | "last_release_manager"
        | "too_few_members"
        | "not_ready"
        | "exists"
        | "unfit_change"
        | "snapshot_ahead"
        | "foreign_snapshot"
        | "not_ours"
        | "root_expired" => StatusCode::CONFLICT,
        code if code.starts_with("unknown_") => StatusCode::NOT_FOUND,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::app::ports::CellStoreError;

    #[test]
    fn what_a_store_cannot_do_now_may_be_tried_again_unless_it_may_have_been_done() {
        let gone = || io::Error::from(io::ErrorKind::ConnectionReset);
        let log = |action| LogError::Storage { place: "the log".into(), action, source: Box::new(gone()) };
        let publisher = |source| PublisherError { place: "the store".into(), action: "written", source };
        for (error, expected) in [
            (AppError::Open(OpenError::Log(log("read"))), StatusCode::SERVICE_UNAVAILABLE),
            (AppError::Open(OpenError::Log(log("written"))), StatusCode::INTERNAL_SERVER_ERROR),
            (publisher(Box::new(log("read"))).into(), StatusCode::SERVICE_UNAVAILABLE),
            (publisher(Box::new(log("written"))).into(), StatusCode::INTERNAL_SERVER_ERROR),
            (publisher(Box::new(gone())).into(), StatusCode::INTERNAL_SERVER_ERROR),
            (publisher(Box::new(io::Error::from(io::ErrorKind::StorageFull))).into(), StatusCode::INSUFFICIENT_STORAGE),
            (
                crate::app::RolloutsError::Cells(CellStoreError {
                    place: "the cells".into(),
                    action: "read",
                    source: Box::new(gone()),
                })
                .into(),
                StatusCode::SERVICE_UNAVAILABLE,
            ),
        ] {
            let said = error.to_string();
            let refusal = Refusal::from(error);
            assert_eq!(refusal.status, expected, "{said}");
            assert_eq!(refusal.retry_after.is_some(), expected == StatusCode::SERVICE_UNAVAILABLE, "{said}");
        }
    }
}
