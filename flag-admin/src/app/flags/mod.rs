//! Flags, and what they are made with: lists, stages, shares, segments, exclusion groups, answers.

pub(super) mod groups;
pub(super) mod lifecycle;
pub(super) mod listing;
pub(super) mod rollout;
pub(super) mod segments;
pub(super) mod stage;
pub(super) mod why;
