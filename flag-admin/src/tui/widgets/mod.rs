//! Parts that several screens draw.

pub(super) mod header;
pub(super) mod help;
pub(super) mod hints;
pub(super) mod hits;
pub(super) mod notice;
pub(super) mod palette;
pub(super) mod pane;
pub(super) mod plan;
pub(super) mod popup;
pub(super) mod schedule;
pub(super) mod share_bar;
pub(super) mod sheet;
