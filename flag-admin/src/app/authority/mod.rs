//! Who may do what: the table, the question put to it, and the members it is asked about.

pub(super) mod access;
pub(super) mod approvals;
pub(super) mod members;
pub(super) mod policy;
