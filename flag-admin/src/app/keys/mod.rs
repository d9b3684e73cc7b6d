//! Roots and their ceremonies.

pub(super) mod ceremony;
pub(super) mod install_root;
