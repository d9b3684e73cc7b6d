//! Kill switches: activated, lifted, taken in from elsewhere, reported on.

pub(super) mod adopt_kills;
pub(super) mod kill;
pub(super) mod kill_report;
